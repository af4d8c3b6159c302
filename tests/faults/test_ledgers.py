"""Ledgers that are locked, copied, old, damaged, gone, or out of reach."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from tests.e2e.leads import (
    assert_nobody_twice,
    assert_whole,
    dialled,
    numbers,
    read_results,
    rewrite,
    tally,
    write_leads,
)
from tests.e2e.process import Command, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer
    from tests.ledger.server import Server

Run: TypeAlias = "Callable[..., Answer]"
Seen: TypeAlias = "Callable[[str], None]"
Damage: TypeAlias = "Callable[[random.Random, bytearray], object]"

ROWS = 20


@pytest.fixture
def phones(to_sandbox: Sandbox, tmp_path: Path) -> list[str]:  # noqa: ARG001 (sets the environment)
    """The numbers of `leads.csv`; the sandbox is up."""
    phones = numbers(ROWS)
    write_leads(tmp_path / "leads.csv", phones)
    return phones


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Where the ledger is."""
    return tmp_path / "ledger.db"


def assert_refused(answer: Answer, code: int, *words: str) -> None:
    """Fail unless it is one clear error."""
    assert answer.code == code, answer.err
    for word in words:
        assert word in answer.err
    assert "Traceback" not in answer.err
    assert "fault of batchdial" not in answer.err


@contextmanager
def locked(ledger: Path) -> Iterator[int]:
    """Another program writes to the ledger and does not end; its process id."""
    script = (
        "import sqlite3, sys\n"
        "held = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "held.execute('BEGIN IMMEDIATE')\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(ledger)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            yield holder.pid
        finally:
            holder.communicate()


@pytest.mark.fault(22, injected="another program holds a write transaction on the file")
def test_locked(
    phones: list[str], ledger: Path, to_sandbox: Sandbox, batchdial: Run, seen: Seen
) -> None:
    """The process that holds the ledger is named, nobody is called."""
    assert phones
    assert batchdial("run", "leads.csv", "--yes", "--limit", 1).code == 75
    with locked(ledger) as holder:
        answer = batchdial("resume", "leads", "--yes")
        assert_refused(answer, 73, str(ledger), f"held by process {holder}")
    assert len(to_sandbox.posts) == 1
    assert batchdial("resume", "leads", "--yes").code == 0
    seen("exit 73 after 4 s, with the holder's pid")


@pytest.mark.fault(22, injected="another program writes for 5 s while calls wait for their answer")
def test_locked_for_a_while(
    phones: list[str], ledger: Path, to_sandbox: Sandbox, tmp_path: Path, seen: Seen
) -> None:
    """What the calls came to is kept, and recorded when the ledger is free again."""
    to_sandbox.configure(delay=0.3)
    with Command("run", "leads.csv", "--yes", "--concurrency", 3) as command:
        command.after(to_sandbox, 3)
        with locked(ledger):
            subprocess.run(["sleep", "5"], check=True)
        to_sandbox.configure(delay=0.0)
        said = command.end()
    assert said.code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)
    assert tally(read_results(tmp_path / "leads.results.csv")) == {"success": ROWS}
    seen("20 success, 0 unknown")


def copied(source: Path, target: Path) -> None:
    """Copy a ledger's file as a backup does, over what stands there."""
    shutil.copyfile(source, target)


DOUBTS = {
    "copy": "may not know every call",
    "older": "is older than what was dialled",
    "moved-without-its-memory": "its -seen file was removed",
    "another-machine": "another machine",
    "log-deleted": "is older than what was dialled",
    "later-log-deleted": "-wal file",
}


@pytest.mark.fault(25, injected="the file is copied, put back, moved, or its -wal is deleted")
@pytest.mark.parametrize("how", DOUBTS)
def test_a_ledger_in_doubt(
    how: str,
    phones: list[str],
    ledger: Path,
    to_sandbox: Sandbox,
    batchdial: Run,
    tmp_path: Path,
    seen: Seen,
) -> None:
    """It is asked before anybody is called; one word of a person lets it be used."""
    assert phones
    used = ledger
    assert batchdial("run", "leads.csv", "--yes", "--limit", 3).code == 75
    if how == "copy":
        used = tmp_path / "elsewhere.db"
        copied(ledger, used)
        copied(Path(f"{ledger}-seen"), Path(f"{used}-seen"))
    elif how == "older":
        copied(ledger, tmp_path / "backup.db")
        assert batchdial("resume", "leads", "--yes", "--limit", 3).code == 75
        copied(tmp_path / "backup.db", ledger)
    elif how == "moved-without-its-memory":
        used = tmp_path / "elsewhere.db"
        ledger.rename(used)
    elif how == "another-machine":
        seen_file = Path(f"{ledger}-seen")
        seen_file.write_text(seen_file.read_text().replace('"machine": "', '"machine": "0'))
    else:
        to_sandbox.configure(delay=1.0)
        with Command("resume", "leads", "--yes", "--concurrency", 2) as command:
            command.after(to_sandbox, 5)
            if how == "later-log-deleted":  # the file has what was written at the beginning
                with sqlite3.connect(ledger) as other:
                    other.execute("PRAGMA wal_checkpoint")
                other.close()
            command.send(signal.SIGKILL).end()
        to_sandbox.configure(delay=0.0)
        Path(f"{ledger}-wal").unlink()
    before = len(to_sandbox.posts)
    for verb in (["run", "leads.csv"], ["resume"], ["retry", "leads", "--include-unknown"]):
        answer = batchdial(*verb, "--yes", "--ledger", used)
        if "nothing to do" not in answer.err:
            assert_refused(answer, 2, DOUBTS[how], "--trust-ledger", str(used))
    assert len(to_sandbox.posts) == before
    assert batchdial("status", "leads", "--ledger", used).code == 0
    assert batchdial("results", "leads", "--ledger", used, "-o", "-").code == 0
    assert_refused(batchdial("resume", "--yes", "--ledger", used), 2, DOUBTS[how])
    word = ("--trust-ledger", "--ledger", used, "--limit", 1)
    assert batchdial("resume", "leads", "--yes", *word).code == 75
    assert len(to_sandbox.posts) == before + 1
    assert batchdial("resume", "leads", "--yes", "--ledger", used, "--limit", 1).code == 75
    seen(f"{how}: exit 2 and why, 0 POSTs; --trust-ledger goes on")


@pytest.mark.fault(25, injected="a ledger that is moved with its -seen file, or was killed over")
@pytest.mark.parametrize("how", ["moved", "killed", "looked-at"])
def test_a_ledger_in_no_doubt(
    how: str, phones: list[str], ledger: Path, to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """Nobody is asked without need."""
    used = ledger
    if how == "moved":
        assert batchdial("run", "leads.csv", "--yes", "--limit", 3).code == 75
        used = tmp_path / "new" / "other.db"
        used.parent.mkdir()
        for end in ("", "-seen"):
            Path(f"{ledger}{end}").rename(f"{used}{end}")
    else:
        to_sandbox.configure(delay=1.0)
        with Command("run", "leads.csv", "--yes", "--concurrency", 2) as command:
            command.after(to_sandbox, 2).send(signal.SIGKILL).end()
        to_sandbox.configure(delay=0.0)
    if how == "looked-at":
        assert batchdial("status", "leads").code == 0
        assert not Path(f"{ledger}-wal").exists()
    assert batchdial("resume", "leads", "--yes", "--ledger", used).code in (0, 1)
    assert_nobody_twice(to_sandbox)
    assert_whole(read_results(tmp_path / "leads.results.csv"), phones)


DAMAGES: dict[str, Damage] = {
    "flipped": lambda chance, data: _flip(data, chance.sample(range(len(data)), 3)),
    "overwritten": lambda chance, data: _overwrite(data, chance.randrange(len(data) - 512), 512),
    "page-lost": lambda chance, data: _overwrite(
        data, 4096 * chance.randrange(1, len(data) // 4096), 4096
    ),
    "truncated": lambda chance, data: data.__delitem__(slice(chance.randrange(len(data)), None)),
    "emptied": lambda _, data: data.clear(),
}


def _flip(data: bytearray, places: Iterable[int]) -> None:
    for place in places:
        data[place] ^= 0xFF


def _overwrite(data: bytearray, start: int, length: int) -> None:
    data[start : start + length] = b"\xa5" * length


@pytest.mark.fault(26, injected="bytes of the file are flipped, overwritten, cut off")
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged(
    damage: str,
    phones: list[str],
    ledger: Path,
    to_sandbox: Sandbox,
    batchdial: Run,
    seen: Seen,
) -> None:
    """Refused where it is seen, results where they can be read; nobody who was called is again."""
    assert phones
    assert batchdial("run", "leads.csv", "--yes", "--limit", 10).code == 75
    whole, called = ledger.read_bytes(), {post.number for post in to_sandbox.posts}
    refused = exported = 0
    for seed in range(10):
        data = bytearray(whole)
        DAMAGES[damage](random.Random(seed), data)
        ledger.write_bytes(data)
        for end in ("-wal", "-shm"):
            Path(f"{ledger}{end}").unlink(missing_ok=True)
        before = len(to_sandbox.posts)
        exported += batchdial("results", "leads", "-o", f"{seed}.csv").code == 0
        answer = batchdial("run", "leads.csv", "--yes")
        assert "Traceback" not in answer.err
        assert "fault of batchdial" not in answer.err, answer.err
        again = {post.number for post in to_sandbox.posts[before:]}
        assert not again & called
        refused += answer.code in (2, 73) and not again
    seen(f"{damage}: {refused} of 10 refused, {exported} exported all the same, nobody twice")


@pytest.mark.fault(26, injected="the index of who was called is overwritten, or emptied")
@pytest.mark.parametrize("damage", ["overwritten", "emptied"])
def test_damage_is_explained(
    damage: str, phones: list[str], ledger: Path, to_sandbox: Sandbox, batchdial: Run, seen: Seen
) -> None:
    """What can be done is said, and the results can be read still."""
    assert phones
    assert batchdial("run", "leads.csv", "--yes", "--limit", 10).code == 75
    with sqlite3.connect(ledger) as reader:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'one_ring'"
        page = int(reader.execute(query).fetchone()[0])
    reader.close()
    data = bytearray(ledger.read_bytes())
    start = (page - 1) * 4096
    if damage == "overwritten":
        _overwrite(data, start, 4096)
    else:  # the number of its entries is 0, and every byte is as SQLite might have written it
        data[start + 3 : start + 5] = b"\0\0"
    ledger.write_bytes(data)
    answer = batchdial("run", "leads.csv", "--yes")
    assert_refused(answer, 73, str(ledger), "damaged", "Keep it", "batchdial results", "--ledger")
    assert len(to_sandbox.posts) == 10
    assert batchdial("results", "leads", "-o", "out.csv").code == 0
    assert tally(read_results("out.csv")) == {"success": 10, "pending": 10}
    assert batchdial("run", "out.csv", "--yes", "--ledger", "new.db").code == 0
    assert_nobody_twice(to_sandbox)
    seen("exit 73 and the way out; results exported, and dialled on from in a new ledger")


@pytest.mark.fault(27, injected="the ledger's files are deleted between two runs")
@pytest.mark.fault(24, injected="a second ledger, in the folder of the list")
@pytest.mark.parametrize("how", ["file-only", "with-its-seen-file", "other-ledger"])
def test_no_memory(
    how: str,
    phones: list[str],
    ledger: Path,
    to_sandbox: Sandbox,
    batchdial: Run,
    tmp_path: Path,
    seen: Seen,
) -> None:
    """The results file beside the list tells who was called; none of them is called again."""
    assert batchdial("run", "leads.csv", "--yes", "--limit", 8).code == 75
    flags: tuple[object, ...] = ()
    if how == "other-ledger":
        flags = ("--ledger", tmp_path / "other.db")
    else:
        ledger.unlink()
        if how == "with-its-seen-file":
            Path(f"{ledger}-seen").unlink()
    before = (tmp_path / "leads.results.csv").read_bytes()
    for more in ((), ("-o", "elsewhere.csv")):
        answer = batchdial("run", "leads.csv", "--yes", *flags, *more)
        assert_refused(answer, 78, "8 numbers", "no memory", "--again", "leads.results.csv")
    assert (tmp_path / "leads.results.csv").read_bytes() == before
    assert len(to_sandbox.posts) == 8
    trust = ("--trust-ledger",) if how == "file-only" else ()
    if trust:
        refused = batchdial("run", "leads.results.csv", "--yes", *flags)
        assert_refused(refused, 2, "older", "--trust-ledger")
    assert batchdial("run", "leads.results.csv", "--yes", *flags, *trust).code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)
    assert_whole(read_results(tmp_path / "leads.results.csv"), phones)
    assert batchdial("run", "leads.csv", "--yes", *flags).code == 0
    assert_nobody_twice(to_sandbox)
    seen(f"{how}: exit 78, 0 POSTs; `run leads.results.csv` calls the other 12 only")


def test_results_that_a_spreadsheet_damaged(
    phones: list[str], ledger: Path, to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """A call is known by its callId too; what nobody can read counts in a new ledger only."""
    to_sandbox.configure(script=("ok", "ok", "drop-rang"))
    assert batchdial("run", "leads.csv", "--yes", "--limit", 5, "--concurrency", 1).code == 75
    results = tmp_path / "leads.results.csv"
    rows = [{**row, "e164": "1.20156E+10"} for row in read_results(results)]
    rewrite(results, rows)
    write_leads(tmp_path / "leads.csv", [*phones, "+12065550199"])
    assert batchdial("run", "leads.csv", "--dry-run").code == 0
    assert_refused(
        batchdial("run", "leads.csv", "--yes", "--ledger", "new.db"), 78, "5 numbers", "no memory"
    )
    assert len(to_sandbox.posts) == 5
    with results.open("a") as file:
        file.write('"an open quotation mark\n')
    assert batchdial("run", "leads.csv", "--dry-run").code == 0
    assert batchdial("run", "leads.csv", "--yes", "--ledger", "new.db").code == 65
    assert ledger.exists()
    assert len(to_sandbox.posts) == 5


@pytest.mark.parametrize("verb", ["--again", "--campaign", "--agent"])
def test_memory_is_not_asked_of_others(verb: str, phones: list[str], batchdial: Run) -> None:
    """Another campaign's results, or a person's word, keep nobody from being called."""
    assert phones
    assert batchdial("run", "leads.csv", "--yes", "--limit", 8).code == 75
    given = {"--again": (verb,), "--campaign": (verb, "spring"), "--agent": (verb, "ag_2")}[verb]
    assert batchdial("run", "leads.csv", "--yes", *given).code == 0


# PostgreSQL, out of reach.


@pytest.fixture
def shared(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with the ledger on it; it runs again afterwards, whatever a test did to it."""
    monkeypatch.setenv("BATCHDIAL_LEDGER", postgres.new_database())
    yield postgres
    if not postgres.is_up():
        postgres.start()


@pytest.mark.fault(29, injected="PostgreSQL is stopped at once, and started after the answers came")
def test_the_server_restarts(
    phones: list[str], shared: Server, to_sandbox: Sandbox, tmp_path: Path, seen: Seen
) -> None:
    """What calls came to meanwhile is recorded when it is back; the run goes on by itself."""
    to_sandbox.configure(delay=0.5)
    with Command("run", "leads.csv", "--yes", "--concurrency", 3) as command:
        command.after(to_sandbox, 3)
        shared.stop()
        subprocess.run(["sleep", "1"], check=True)  # all three answers are there
        before = len(to_sandbox.posts)
        shared.start()
        to_sandbox.configure(delay=0.0)
        said = command.end()
    assert before == 3
    assert said.code in (0, 1), said.err
    assert_nobody_twice(to_sandbox)
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, phones)
    assert [row["status"] for row in rows[:3]] == ["success"] * 3
    assert set(tally(rows)) <= {"success", "unknown"}
    assert tally(rows).get("unknown", 0) <= 3
    seen(f"3 results written after it was back, {tally(rows).get('unknown', 0)} unknown, exit 0")


@pytest.mark.fault(29, injected="every connection to PostgreSQL is cut, again and again")
def test_connections_are_cut(
    phones: list[str], shared: Server, to_sandbox: Sandbox, tmp_path: Path, seen: Seen
) -> None:
    """At whatever moment of a transaction: no row is pending that was called."""
    to_sandbox.configure(delay=0.05)
    with Command("run", "leads.csv", "--yes", "--concurrency", 2) as command:
        for posts in range(2, ROWS - 2, 3):
            _until(to_sandbox, posts, command)
            shared.cut()
        said = command.end()
    assert said.code in (0, 1), said.err
    assert_nobody_twice(to_sandbox)
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, phones)
    assert set(tally(rows)) <= {"success", "unknown"}
    assert set(dialled(to_sandbox.posts)) >= {r["e164"] for r in rows if r["status"] == "success"}
    seen(f"{tally(rows)}, nobody twice")


def _until(sandbox: Sandbox, posts: int, command: Command) -> None:
    wait_until(lambda: len(sandbox.posts) >= posts or command.has_ended, f"call {posts}")


@pytest.mark.fault(29, injected="PostgreSQL is stopped and does not come back; Ctrl-C twice")
def test_the_server_is_gone(
    phones: list[str], shared: Server, to_sandbox: Sandbox, batchdial: Run, seen: Seen
) -> None:
    """Nobody has to wait for it; what calls came to is said with their callIds."""
    assert phones
    to_sandbox.configure(delay=1.5)  # longer than the server takes to stop
    with Command("run", "leads.csv", "--yes", "--concurrency", 2) as command:
        command.after(to_sandbox, 2)
        shared.stop()
        command.send(signal.SIGINT)
        wait_until(lambda: command.said("in flight"), "the answer to Ctrl-C")
        wait_until(lambda: all(post.call_id for post in to_sandbox.posts), "the answers")
        subprocess.run(["sleep", "2"], check=True)
        said = command.send(signal.SIGINT).end()
    assert said.code != 0
    for post in to_sandbox.posts:
        assert f"callId {post.call_id}" in said.err
    shared.start()
    to_sandbox.configure(delay=0.0)
    assert len(to_sandbox.posts) == 2
    answer = batchdial("resume", "leads", "--yes")
    assert answer.code == 1
    assert_nobody_twice(to_sandbox)
    assert batchdial("status", "leads", "--json").json["counts"] == {"success": 18, "unknown": 2}
    seen("both callIds on the terminal, 2 unknown, none dialled again")
