"""Disks that are full, broken or read-only, and results that cannot be written."""

from __future__ import annotations

import signal
import subprocess
import sys
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
from tests.e2e.process import Command

from .tools import IN_ONE_THREAD, disk, fill, injecting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer

Run: TypeAlias = "Callable[..., Answer]"
Seen: TypeAlias = "Callable[[str], None]"

ROWS, LANES = 12, 3


@pytest.fixture
def phones(to_sandbox: Sandbox, tmp_path: Path) -> list[str]:  # noqa: ARG001 (sets the environment)
    """The numbers of `leads.csv`; the sandbox is up."""
    phones = numbers(ROWS)
    write_leads(tmp_path / "leads.csv", phones)
    return phones


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of 1 MB with the ledger on it, and nothing else."""
    with disk(tmp_path / "disk") as place:
        monkeypatch.setenv("BATCHDIAL_LEDGER", str(place / "ledger.db"))
        yield place


@pytest.mark.fault(18, injected="a tmpfs of 1 MB with no byte free")
@pytest.mark.parametrize("when", ["new", "resumed"])
def test_full_before_the_first_call(
    when: str, phones: list[str], small: Path, to_sandbox: Sandbox, batchdial: Run, seen: Seen
) -> None:
    """What cannot be recorded is not dialled, and the place that is full is named."""
    assert phones
    if when == "resumed":
        assert batchdial("run", "leads.csv", "--yes", "--limit", 2).code == 75
    before = len(to_sandbox.posts)
    ballast = fill(small)
    answer = batchdial("run", "leads.csv", "--yes")
    assert answer.code == 73
    assert str(small / "ledger.db") in answer.err
    assert "fault of batchdial" not in answer.err
    assert len(to_sandbox.posts) == before
    ballast.unlink()
    assert batchdial("run", "leads.csv", "--yes").code == 0
    assert_nobody_twice(to_sandbox)
    seen("exit 73, the path, 0 POSTs; all called once there was room")


@pytest.mark.fault(19, injected="a tmpfs that is filled while three calls wait for their answer")
def test_full_when_the_answer_comes(
    phones: list[str],
    small: Path,
    to_sandbox: Sandbox,
    batchdial: Run,
    tmp_path: Path,
    seen: Seen,
) -> None:
    """Each callId that the ledger cannot take is said; the rows are never pending again."""
    to_sandbox.configure(delay=1.0)
    with Command("run", "leads.csv", "--yes", "--concurrency", LANES) as command:
        command.after(to_sandbox, LANES)
        ballast = fill(small)
        said = command.end()
    assert said.code == 73
    assert str(small / "ledger.db") in said.err
    for row, post in enumerate(sorted(to_sandbox.posts, key=lambda one: one.number or ""), 2):
        assert f"row {row}, " in said.err
        assert f"callId {post.call_id}" in said.err
        assert (post.number or "?") not in said.err
    assert len(to_sandbox.posts) == LANES
    ballast.unlink()
    to_sandbox.configure(delay=0.0)
    assert batchdial("status", "leads", "--json").json["counts"] == {"unknown": 3, "pending": 9}
    assert batchdial("resume", "leads", "--yes").code == 1
    assert_nobody_twice(to_sandbox)
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, phones)
    assert tally(rows) == {"unknown": 3, "success": 9}
    seen("exit 73, 3 callIds on the terminal, 3 rows unknown, none dialled again")


@pytest.mark.fault(19, injected="a tmpfs that is filled, and has room again before the run ends")
def test_full_for_a_while(
    phones: list[str], small: Path, to_sandbox: Sandbox, tmp_path: Path, seen: Seen
) -> None:
    """What the ledger could not take at first it has at the end."""
    to_sandbox.configure(delay=0.5)
    room_at_the_end = (
        "import os\n"
        "from batchdial.ledger.journal import Journal\n"
        "close = Journal.close\n"
        "async def make_room_and_close(self):\n"
        "    os.unlink('disk/ballast')\n"
        "    await close(self)\n"
        "Journal.close = make_room_and_close\n"
    )
    arguments = ("run", "leads.csv", "--yes", "--concurrency", 2)
    with Command(*arguments, prelude=room_at_the_end) as command:
        command.after(to_sandbox, 2)
        fill(small)
        said = command.end()
    assert said.code == 73
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, phones)
    assert tally(rows) == {"success": 2, "pending": ROWS - 2}
    assert "callId" not in said.err
    seen("2 success recorded at the end, the rest pending, exit 73")


@pytest.mark.fault(20, injected="strace: every fdatasync from the nth on is EIO")
@pytest.mark.parametrize("nth", [1, 9, 14, 23])
def test_a_disk_that_cannot_sync(
    nth: int, phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path, seen: Seen
) -> None:
    """Nothing is dialled that may not be on the disk; what was in doubt stays unknown."""
    under = injecting("fdatasync", "error=EIO", f"{nth}+")
    arguments = ("run", "leads.csv", "--yes", "--concurrency", 1)
    with Command(*arguments, prelude=IN_ONE_THREAD, under=under) as command:
        said = command.end()
    assert said.code == 73
    assert "ledger.db" in said.err
    assert "Traceback" not in said.err
    begun = len(to_sandbox.posts)
    assert begun < ROWS
    assert batchdial("run", "leads.csv", "--yes").code in (0, 1)
    assert_nobody_twice(to_sandbox)
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, phones)
    assert tally(rows).get("unknown", 0) <= 1
    seen(f"exit 73 after {begun} calls, at most 1 unknown")


@pytest.mark.fault(21, injected="a file system that is mounted read-only")
def test_read_only(
    phones: list[str], small: Path, to_sandbox: Sandbox, batchdial: Run, seen: Seen
) -> None:
    """Without a record nobody is called, whether there is a ledger or not."""
    assert phones
    assert batchdial("run", "leads.csv", "--yes", "--limit", 1).code == 75
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    for ledger in (small / "ledger.db", small / "new.db"):
        answer = batchdial("run", "leads.csv", "--yes", "--ledger", ledger)
        assert answer.code == 73
        assert str(ledger) in answer.err
        assert "fault of batchdial" not in answer.err
    assert len(to_sandbox.posts) == 1
    seen("exit 73, one error with the path, 0 POSTs")


@pytest.mark.fault(31, injected="a tmpfs for the results that is filled during the run")
def test_no_room_for_the_results(
    phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path, seen: Seen
) -> None:
    """The run is not lost: its summary is said, and the results are to be had elsewhere."""
    to_sandbox.configure(delay=0.2)
    with disk(tmp_path / "full") as full:
        out = full / "out.csv"
        with Command("run", "leads.csv", "--yes", "--output", out) as command:
            command.after(to_sandbox, 1)
            fill(full)
            said = command.end()
        assert said.code == 73
        assert f"{ROWS} rows = {ROWS} success" in said.err
        assert "batchdial results -o FILE -- leads" in said.err
        assert not [one.name for one in full.iterdir() if one.name != "ballast"]
        assert batchdial("results", "leads").code == 73
    assert batchdial("results", "leads", "-o", "later.csv").code == 0
    assert_whole(read_results(tmp_path / "later.csv"), phones)
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)
    seen("exit 73, summary said, results written elsewhere afterwards")


@pytest.mark.fault(31, injected="/dev/full as standard output and standard error")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_nobody_to_tell(
    stream: str, phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path, seen: Seen
) -> None:
    """Who cannot be told anything loses no row and no result."""
    command = [sys.executable, "-m", "batchdial", "run", "leads.csv", "--yes", "--json"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=full if stream == "stdout" else subprocess.PIPE,
            stderr=full if stream == "stderr" else subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    told = (done.stdout or "") + (done.stderr or "")
    assert "Traceback" not in told
    assert done.returncode != 0 or len(to_sandbox.posts) == ROWS
    assert batchdial("run", "leads.csv", "--yes").code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)
    assert_whole(read_results(tmp_path / "leads.results.csv"), phones)
    seen(f"exit {done.returncode}, no row lost, nobody twice")


@pytest.mark.fault(31, injected="`batchdial results -o - > /dev/full`")
def test_results_into_nothing(phones: list[str], batchdial: Run, seen: Seen) -> None:
    """One line, and a code that a script can see."""
    assert phones
    assert batchdial("run", "leads.csv", "--yes").code == 0
    command = [sys.executable, "-m", "batchdial", "results", "leads", "-o", "-"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 73
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    seen("exit 73 with the reason")


@pytest.mark.fault(31, injected="ulimit -f: a write past 200 kB fails, and SIGXFSZ")
def test_a_quota(
    phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path, seen: Seen
) -> None:
    """A ledger or a results file that may not grow ends the run, not the record."""
    quota = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
    with Command("run", "leads.csv", "--yes", prelude=quota) as command:
        said = command.end()
    assert said.code in (0, 73, -signal.SIGXFSZ)
    assert "Traceback" not in said.err
    assert batchdial("run", "leads.csv", "--yes").code in (0, 1)
    assert_nobody_twice(to_sandbox)
    assert_whole(read_results(tmp_path / "leads.results.csv"), phones)
    seen(f"exit {said.code}, nobody twice, no row lost")


@pytest.mark.fault(32, injected="an output that is the list, a link to it, or another's file")
def test_results_over_something_else(
    phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path, seen: Seen
) -> None:
    """Nothing of others is overwritten; a link to old results stays a link."""
    before = (tmp_path / "leads.csv").read_bytes()
    (tmp_path / "link.csv").symlink_to("leads.csv")
    (tmp_path / "other.csv").write_text("mine\n1\n")
    (tmp_path / "dangling.csv").symlink_to("kept.csv")
    for output in ("leads.csv", "link.csv", "other.csv"):
        answer = batchdial("run", "leads.csv", "--yes", "--output", output)
        assert (answer.code, "--output" in answer.err) == (73, True)
    assert not to_sandbox.posts
    assert (tmp_path / "leads.csv").read_bytes() == before
    assert (tmp_path / "other.csv").read_text() == "mine\n1\n"
    for _ in range(2):
        assert batchdial("run", "leads.csv", "--yes", "--output", "dangling.csv").code == 0
    assert (tmp_path / "dangling.csv").is_symlink()
    assert_whole(read_results(tmp_path / "kept.csv"), phones)
    assert_nobody_twice(to_sandbox)
    seen("refused with 73, files untouched; a link stays a link")
