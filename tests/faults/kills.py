"""
Kill the command again and again, and let the sandbox's journal judge.

    python -m tests.faults.kills --kills 200 --rows 1000
    python -m tests.faults.kills --sweep
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sqlite3
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from batchdial.sandbox import SANDBOX_KEY, Sandbox, SandboxSettings
from tests.e2e import process
from tests.e2e.leads import (
    assert_nobody_twice,
    assert_whole,
    dialled,
    numbers,
    read_results,
    tally,
    with_status,
    write_leads,
)
from tests.e2e.process import Command, wait_until

from .tools import IN_ONE_THREAD, injecting

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Rows and lanes of a list that is dialled once for each point at which it can be killed.
SWEPT, SWEPT_LANES = 4, 2


@dataclass
class Kills:
    """One list, dialled by processes that are killed at seeded moments, one after the other."""

    rows: int
    kills: int
    lanes: int
    seed: int
    killed: int = 0
    twice: int = 0
    unknown: int = 0
    success: int = 0

    def run(self, sandbox: Sandbox, folder: Path) -> Kills:
        """Dial `leads.csv` in this folder to its end; the environment names the sandbox."""
        chance, phones = random.Random(self.seed), numbers(self.rows)
        write_leads(folder / "leads.csv", phones)
        sandbox.configure(delay=0.02)
        for nth in range(self.kills):
            # Some die while they read and plan, most after so many calls more; each takes along
            # what is in flight.
            share = (self.rows - len(sandbox.posts)) / (self.kills - nth + 1) - self.lanes
            target = len(sandbox.posts) + round(chance.uniform(0, max(1.0, 2 * share)))
            early = chance.random() * 1.2
            with self._command() as command:
                if target == len(sandbox.posts):
                    _wait(early)
                else:
                    _until(command, sandbox, target)
                if command.has_ended:
                    break
                command.send(signal.SIGKILL).end()
            self.killed += 1
        sandbox.configure(delay=0.0)
        with self._command() as command:
            ended = command.end()
        assert ended.code in (0, 1), ended.err
        self._judge(sandbox, read_results(folder / "leads.results.csv"), phones)
        return self

    def _command(self) -> Command:
        return Command("run", "leads.csv", "--yes", "--concurrency", self.lanes)

    def _judge(self, sandbox: Sandbox, rows: list[dict[str, str]], phones: list[str]) -> None:
        received, counts = dialled(sandbox.posts), tally(rows)
        self.twice = sum(times > 1 for times in received.values())
        self.unknown, self.success = counts.get("unknown", 0), counts.get("success", 0)
        assert_nobody_twice(sandbox)
        assert_whole(rows, phones)
        assert self.success + self.unknown == self.rows
        assert self.unknown <= self.killed * self.lanes
        assert set(with_status(rows, "success")) <= set(received)
        assert set(phones) - set(received) <= set(with_status(rows, "unknown"))

    def __str__(self) -> str:
        return (
            f"{self.killed} kills over {self.rows} rows: {self.twice} numbers POSTed twice, "
            f"0 rows lost, {self.unknown} unknown (at most {self.killed * self.lanes})"
        )


def _until(command: Command, sandbox: Sandbox, posts: int) -> None:
    """Wait until so many calls arrived; rows that were claimed and never sent may leave fewer."""
    wait_until(lambda: len(sandbox.posts) >= posts or command.has_ended, f"call {posts}")


def _wait(seconds: float) -> None:
    """Let so much of a process's life pass, whatever it does."""
    signal.sigtimedwait([], seconds)


@dataclass
class Sweep:
    """What came of killing a process at its nth system call of one kind."""

    killed: int = 0
    survived: int = 0
    unknown: int = 0
    last: int = 0  #: the highest n at which there was something to kill

    def __str__(self) -> str:
        return (
            f"{self.killed} kills, up to call {self.last}: integrity ok, 0 numbers POSTed twice, "
            f"0 rows lost, {self.unknown} unknown"
        )


def sweep(call: str, points: Iterable[int], sandbox: Sandbox, folder: Path) -> Sweep:
    """
    Dial a small list once for each point, killed at its nth `call`, and then once more.

    Args:
        call: The system call, such as pwrite64.
        points: The n's; the sweep ends at the first that a run survives.
        sandbox: The environment names it.
        folder: Where lists and ledgers go.
    """
    found = Sweep()
    phones = numbers(SWEPT)
    for nth in points:
        place = folder / f"{call}-{nth}"
        place.mkdir()
        write_leads(place / "leads.csv", phones)
        ledger, before = place / "ledger.db", len(sandbox.posts)
        arguments = ("run", place / "leads.csv", "--yes", "--ledger", ledger)
        lanes = ("--concurrency", SWEPT_LANES)
        under = injecting(call, "signal=KILL", str(nth))
        with Command(*arguments, *lanes, prelude=IN_ONE_THREAD, under=under) as command:
            said = command.end()
        if said.code == 0:
            found.survived += 1
            return found
        assert said.code == -signal.SIGKILL, said.err
        found.killed, found.last = found.killed + 1, nth
        assert_sound(ledger)
        with Command(*arguments, *lanes) as command:
            said = command.end()
        assert said.code in (0, 1), said.err
        assert set(dialled(sandbox.posts[before:]).values()) <= {1}, (call, nth)
        rows = read_results(place / "leads.results.csv")
        assert_whole(rows, phones)
        counts = tally(rows)
        assert counts.get("success", 0) + counts.get("unknown", 0) == SWEPT, (call, nth, counts)
        assert counts.get("unknown", 0) <= SWEPT_LANES, (call, nth, counts)
        found.unknown += counts.get("unknown", 0)
    return found


def assert_sound(ledger: Path) -> None:
    """Fail unless a copy of the ledger is whole; opening the ledger itself would change it."""
    copies = ledger.with_name("copies")
    copies.mkdir()
    for file in ledger.parent.glob(f"{ledger.name}*"):
        shutil.copy(file, copies)
    with sqlite3.connect(copies / ledger.name) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def main() -> None:
    """Run what is asked for and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--lanes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sweep", action="store_true", help="at every write and sync instead")
    given = parser.parse_args()
    process.DEADLINE = 300.0  # beside whatever else the machine does
    with tempfile.TemporaryDirectory() as name, Sandbox(SandboxSettings()) as sandbox:
        folder = Path(name)
        os.chdir(folder)
        os.environ |= {
            "CALD_API_KEY": SANDBOX_KEY,
            "BATCHDIAL_BASE_URL": sandbox.url,
            "BATCHDIAL_LEDGER": str(folder / "ledger.db"),
            "BATCHDIAL_RATE": "5000/s",
            "BATCHDIAL_AGENT": "ag_1",
            "BATCHDIAL_HOURS": "any",  # a rehearsal may run at night
        }
        if given.sweep:
            for call in ("pwrite64", "fdatasync"):
                print(call, sweep(call, count(1), sandbox, folder), flush=True)  # noqa: T201
        else:
            kills = Kills(given.rows, given.kills, given.lanes, given.seed)
            print(kills.run(sandbox, folder))  # noqa: T201


if __name__ == "__main__":
    main()
