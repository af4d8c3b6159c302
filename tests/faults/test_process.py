"""A process that is killed, stopped, starved, or whose clock is set."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
from bisect import bisect_left
from typing import TYPE_CHECKING, TypeAlias

import pytest

from tests.e2e.leads import (
    assert_nobody_twice,
    assert_whole,
    dialled,
    numbers,
    read_results,
    tally,
    write_leads,
)
from tests.e2e.process import Command, wait_until

from .kills import Kills, sweep
from .tools import tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer

Run: TypeAlias = "Callable[..., Answer]"
Seen: TypeAlias = "Callable[[str], None]"

ROWS = 40


@pytest.fixture
def phones(to_sandbox: Sandbox, tmp_path: Path) -> list[str]:  # noqa: ARG001 (sets the environment)
    """The numbers of `leads.csv`; the sandbox is up."""
    phones = numbers(ROWS)
    write_leads(tmp_path / "leads.csv", phones)
    return phones


def busiest(sandbox: Sandbox, seconds: float = 1.0) -> int:
    """The most calls that arrived in any window of so many seconds."""
    moments = [post.monotonic for post in sandbox.posts]
    return max(bisect_left(moments, one + seconds) - at for at, one in enumerate(moments))


@pytest.mark.fault(3, injected="strace: SIGKILL at the nth pwrite64 and fdatasync")
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync"])
def test_killed_at_a_write(call: str, to_sandbox: Sandbox, tmp_path: Path, seen: Seen) -> None:
    """A sample of `python -m tests.faults.kills --sweep`; each leaves a ledger that goes on."""
    tool("strace")
    points = {"pwrite64": (80, 100, 120), "fdatasync": (3, 14)}[call]
    kills = sweep(call, points, to_sandbox, tmp_path)
    assert kills.killed == len(points)
    seen(f"{call}: {kills}")


@pytest.mark.fault(4, injected="SIGKILL at seeded moments, each followed by a resume")
def test_killed_again_and_again(to_sandbox: Sandbox, tmp_path: Path, seen: Seen) -> None:
    """A small `python -m tests.faults.kills --kills 200 --rows 1000`."""
    kills = Kills(rows=60, kills=6, lanes=5, seed=4).run(to_sandbox, tmp_path)
    seen(str(kills))


@pytest.mark.fault(8, injected="strace: in which order claims are synced and requests sent")
@pytest.mark.fault(2, injected="strace: in which order claims are synced and requests sent")
def test_a_claim_is_on_the_disk_before_the_first_byte(
    phones: list[str], to_sandbox: Sandbox, tmp_path: Path, seen: Seen
) -> None:
    """Between the last write to the ledger's log and each POST there is a sync of that log."""
    log = tmp_path / "calls.log"
    calls = "trace=pwrite64,fdatasync,sendto,openat"
    under = [tool("strace"), "-D", "-qq", "-f", "-y", "-s", "8", "-o", str(log), "-e", calls]
    with Command("run", "leads.csv", "--yes", "--concurrency", 1, under=under) as command:
        assert command.end().code == 0
    wait_until(lambda: log.read_text().count('"POST /cl') == ROWS, "the end of the log")
    unsynced, posts, syncs = True, 0, 0
    for line in log.read_text().splitlines():
        if "-wal>" in line and "pwrite64(" in line:
            unsynced = True
        elif "-wal>" in line and "fdatasync(" in line:
            unsynced, syncs = False, syncs + 1
        elif "sendto(" in line and '"POST /cl' in line:
            posts += 1
            assert not unsynced, line
            unsynced = True  # the next call needs a sync of its own
    assert posts == len(phones) == len(to_sandbox.posts)
    seen(f"{posts} POSTs, each after a sync of its claim; {syncs} syncs")


@pytest.mark.fault(9, injected="SIGSTOP for 1.5 s, then SIGCONT")
def test_stopped_and_continued(
    phones: list[str], to_sandbox: Sandbox, tmp_path: Path, seen: Seen
) -> None:
    """No burst makes up for the time; whoever timed out meanwhile is unknown."""
    to_sandbox.configure(script=("ok", "ok", "hang"))
    short = "from batchdial.dialing import client\nclient.TOTAL_TIMEOUT = 1.0\n"
    arguments = ("run", "leads.csv", "--yes", "--rate", "20/s", "--concurrency", 10)
    with Command(*arguments, prelude=short) as command:
        command.after(to_sandbox, 3).send(signal.SIGSTOP)
        _sleep(1.5)
        said = command.send(signal.SIGCONT).end()
    assert said.code == 1
    assert busiest(to_sandbox) <= 20
    assert_nobody_twice(to_sandbox)
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, phones)
    assert tally(rows) == {"success": ROWS - 1, "unknown": 1}
    seen(f"at most {busiest(to_sandbox)} calls in any second at 20/s, 1 unknown")


def _sleep(seconds: float) -> None:
    """Let real time pass, which is what is injected."""
    subprocess.run(["sleep", str(seconds)], check=True)


@pytest.mark.fault(10, injected="faketime: the wall clock is set during the run")
@pytest.mark.parametrize("step", ["+2h", "-1d"])
def test_the_clock_is_set(
    step: str, phones: list[str], to_sandbox: Sandbox, tmp_path: Path, seen: Seen
) -> None:
    """The pace and the timeouts do not follow it; nobody is called twice, no row is lost."""
    library = subprocess.run(
        [tool("faketime"), "-f", "+0", "printenv", "LD_PRELOAD"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    offset = tmp_path / "offset"
    offset.write_text("+0")
    faked = {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
    arguments = ("run", "leads.csv", "--yes", "--rate", "20/s", "--limit", 20)
    with Command(*arguments, environment=faked) as command:
        command.after(to_sandbox, 8)
        offset.write_text(step)
        said = command.end()
    assert said.code == 75
    assert busiest(to_sandbox) <= 20
    assert_nobody_twice(to_sandbox)
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, phones)
    assert tally(rows) == {"success": 20, "pending": ROWS - 20}
    hours = {row["lastAttemptAt"][:13] for row in rows[:20]}
    assert len(hours) >= 2  # the clock that was recorded was really set
    took = to_sandbox.posts[-1].monotonic - to_sandbox.posts[0].monotonic
    seen(f"{step}: at most {busiest(to_sandbox)} calls in any second at 20/s, {took:.1f} s in all")


@pytest.mark.fault(15, injected="no further memory during the run (RLIMIT_AS)")
def test_no_memory(
    phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path, seen: Seen
) -> None:
    """Whatever breaks, the ledger is as after a kill: it goes on, and nobody is called twice."""
    to_sandbox.configure(delay=0.02)
    with Command("run", "leads.csv", "--yes", "--concurrency", 4) as command:
        command.after(to_sandbox, 8)
        resource.prlimit(command.pid, resource.RLIMIT_AS, (1 << 20, 1 << 20))
        said = command.end()
    assert "Traceback" not in said.err
    assert batchdial("resume", "leads", "--yes").code in (0, 1)
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, phones)
    assert_nobody_twice(to_sandbox)
    assert tally(rows).get("unknown", 0) <= 4
    assert set(tally(rows)) <= {"success", "unknown"}
    seen(f"exit {said.code}, {tally(rows).get('unknown', 0)} unknown, nobody twice")


@pytest.mark.fault(16, injected="ulimit -n: no further file descriptor during the run")
def test_no_descriptor(
    phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path, seen: Seen
) -> None:
    """A call that has no connection is not sent; it waits, is said, and is not lost."""
    arguments = ("--concurrency", 1, "--rate", "20/s", "--max-attempts", 1, "--stop-after", 3)
    with Command("run", "leads.csv", "--yes", *arguments) as command:
        command.after(to_sandbox, 5)
        resource.prlimit(command.pid, resource.RLIMIT_NOFILE, (3, 3))
        said = command.end()
    assert "Traceback" not in said.err
    assert "fault of batchdial" not in said.err
    assert said.code != 0
    assert re.search("open files|descriptor", said.err, re.IGNORECASE), said.err
    begun = len(to_sandbox.posts)
    assert batchdial("resume", "leads", "--yes").code in (0, 1)
    assert batchdial("retry", "leads", "--yes").code in (0, 1)
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, phones)
    assert_nobody_twice(to_sandbox)
    assert tally(rows).get("unknown", 0) <= 1
    seen(f"exit {said.code} after {begun} calls, {tally(rows)}")


@pytest.mark.fault(9, injected="SIGSTOP between a claim and its request, until the lease is over")
@pytest.mark.fault(30, injected="the same on PostgreSQL and SQLite, and another process takes over")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_it_wakes_up_after_its_campaign_was_taken(
    kind: str,
    phones: list[str],
    to_sandbox: Sandbox,
    batchdial: Run,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    seen: Seen,
) -> None:
    """A call that was claimed under a lease that has ended is not sent."""
    if kind == "postgresql":
        monkeypatch.setenv("BATCHDIAL_LEDGER", request.getfixturevalue("new_database")())
    quick = (
        "import os, signal\n"
        "from datetime import timedelta\n"
        "from batchdial.ledger import journal, ledger\n"
        "ledger.LEASE, journal.SURE = timedelta(seconds=0.6), 0.3\n"
        "from batchdial.dialing import dispatcher\n"
        "dispatcher.HEARTBEAT = dispatcher.LOOK = 0.1\n"
        "leave = dispatcher.Dispatcher._leave\n"
        "asked = []\n"
        "async def stopped_at_the_fourth(self, *given):\n"
        "    asked.append(self)\n"
        "    if len(asked) == 4: os.kill(os.getpid(), signal.SIGSTOP)\n"
        "    return await leave(self, *given)\n"
        "dispatcher.Dispatcher._leave = stopped_at_the_fourth\n"
    )
    with Command("run", "leads.csv", "--yes", "--concurrency", 1, prelude=quick) as command:
        command.after(to_sandbox, 3)
        wait_until(lambda: _is_stopped(command.pid), "SIGSTOP")
        wait_until(lambda: batchdial("status", "leads", "--json").json["owner"] is None, "the end")
        assert batchdial("resume", "leads", "--yes").code == 1
        before = len(to_sandbox.posts)
        said = command.send(signal.SIGCONT).end()
    assert said.code == 75
    assert "taken over" in said.err
    assert len(to_sandbox.posts) == before == ROWS - 1
    assert_nobody_twice(to_sandbox)
    assert batchdial("resume", "leads", "--yes").code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)
    seen("0 POSTs after it woke up; its row, certainly not sent, was dialled by the next resume")


def _is_stopped(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "T"


@pytest.mark.fault(23, injected="twenty processes that start one list at the same time")
@pytest.mark.fault(22, injected="twenty processes that start one list at the same time")
def test_twenty_starts(
    phones: list[str],
    to_sandbox: Sandbox,
    batchdial: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seen: Seen,
) -> None:
    """One dials; each of the others names it and ends."""
    to_sandbox.configure(delay=0.05, script=("hang",) * ROWS)
    monkeypatch.setattr("tests.e2e.process.DEADLINE", 120.0)  # two cores, twenty interpreters
    starts = [Command("run", "leads.csv", "--yes", "--concurrency", 1) for _ in range(20)]
    try:
        wait_until(lambda: sum(one.has_ended for one in starts) == 19, "the end of nineteen")
        (owner,) = [one for one in starts if not one.has_ended]
        for one in starts:
            if one is not owner:
                said = one.end()
                assert said.code == 75
                assert f"process {owner.pid} on this machine" in said.err
        assert len(to_sandbox.posts) <= 1
        owner.send(signal.SIGKILL).end()
    finally:
        for one in starts:
            one.__exit__()
    to_sandbox.configure(delay=0.0, script=())
    assert batchdial("resume", "leads", "--yes").code in (0, 1)
    assert_nobody_twice(to_sandbox)
    assert_whole(read_results(tmp_path / "leads.results.csv"), phones)
    seen("1 dials, 19 name it and exit 75, nobody twice")


def test_tools_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a tool is missing, one line says how to get it; CI does not pass without it."""
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="make faulttools"):
        tool("strace")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="make faulttools"):
        tool("strace")
