"""kill -9 at any moment: nobody is called twice, nobody is lost."""

from __future__ import annotations

import random
import signal
from typing import TYPE_CHECKING

import pytest

from .leads import (
    assert_nobody_twice,
    assert_whole,
    dialled,
    numbers,
    read_results,
    tally,
    with_status,
    write_leads,
)
from .process import Command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer

#: Rows of a list, lanes that dial it, and how often each list's process is killed.
ROWS, LANES, KILLS = 80, 6, 5


def kill_points(seed: int) -> list[int]:
    """After how many calls in all each process is killed; rows are left, whatever each takes."""
    return sorted(random.Random(seed).sample(range(1, ROWS - LANES * KILLS), KILLS))


@pytest.mark.fault(1, 15, injected="SIGKILL with calls in flight")
@pytest.mark.parametrize("seed", [11, 22, 33])
def test_killed_while_dialling(
    seed: int,
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
    seen: Callable[[str], None],
) -> None:
    """
    Killed again and again with calls in flight, then resumed: no number has two requests,
    each kill leaves at most the calls in flight `unknown`, all named, and all else is done.
    """
    phones = numbers(ROWS)
    write_leads(tmp_path / "leads.csv", phones)
    to_sandbox.configure(delay=0.02)
    arguments: tuple[object, ...] = ("run", "leads.csv")
    for point in kill_points(seed):
        if len(to_sandbox.posts) >= point:
            continue
        with Command(*arguments, "--yes", "--concurrency", LANES) as command:
            command.after(to_sandbox, point).send(signal.SIGKILL)
            assert command.end().code == -signal.SIGKILL
        arguments = ("resume", "leads")
        assert_nobody_twice(to_sandbox)

    to_sandbox.configure(delay=0.0)
    answer = batchdial("resume", "leads", "--yes")
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, phones)
    assert_nobody_twice(to_sandbox)
    lost = with_status(rows, "unknown")
    assert 0 < len(lost) <= KILLS * LANES
    assert answer.code == 1
    assert tally(rows) == {"success": ROWS - len(lost), "unknown": len(lost)}
    received = dialled(to_sandbox.posts)
    assert set(with_status(rows, "success")) <= set(received)
    assert set(phones) - set(received) <= set(lost)
    unknown_rows = [row["row"] for row in rows if row["status"] == "unknown"]
    for row in unknown_rows[:10]:  # the file names them all, the terminal the first ten
        assert f"row {row}," in answer.err
    assert {row["reason"] for row in rows if row["status"] == "unknown"} == {"answer_lost"}

    calls = len(to_sandbox.posts)
    assert batchdial("resume", "leads", "--yes").code == 1
    assert batchdial("run", "leads.csv", "--yes").code == 1
    assert batchdial("retry", "leads", "--yes").code == 1
    assert len(to_sandbox.posts) == calls
    seen(f"{len(lost)} unknown of {KILLS} kills with {LANES} lanes, all named, none dialled again")


#: Where a process dies by its own hand, and what the row in its hand must be afterwards.
_DIE = "import os, signal\ndie = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
MOMENTS = {
    "before-the-claim-is-committed": (
        _DIE
        + """
from batchdial.ledger import claims
claims.Claims._take = lambda *_: die()
""",
        0,
        0,
    ),
    "after-the-claim-before-the-first-byte": (
        _DIE
        + """
from batchdial.dialing.client import Line
async def call(self, *given): die()
Line.call = call
""",
        0,
        1,
    ),
    "after-the-answer-before-it-is-recorded": (
        _DIE
        + """
from batchdial.ledger import claims
claims.Claims.settle = lambda *_: die()
""",
        1,
        1,
    ),
    "while-the-answer-is-recorded": (
        _DIE
        + """
from batchdial.ledger import claims
settle = claims.Claims.settle
def settle_and_die(self, *given):
    settle(self, *given)
    die()
claims.Claims.settle = settle_and_die
""",
        1,
        1,
    ),
    "after-the-answer-was-recorded": (
        _DIE
        + """
from batchdial.dialing.dispatcher import Dispatcher
from batchdial.ledger.journal import Journal
Dispatcher._has_turn = lambda _: False
settle = Journal.settle
async def settle_and_die(self, *given):
    await settle(self, *given)
    die()
Journal.settle = settle_and_die
""",
        1,
        0,
    ),
    "after-the-answer-was-recorded-and-the-next-row-claimed": (
        _DIE
        + """
from batchdial.ledger.journal import Journal
both = Journal.settle_and_claim
async def settle_and_die(self, *given):
    await both(self, *given)
    die()
Journal.settle_and_claim = settle_and_die
""",
        1,
        1,
    ),
    "while-the-results-are-written": (
        _DIE
        + """
from batchdial.results import file
file._print_header = lambda *_: die()
""",
        5,
        0,
    ),
}


@pytest.mark.fault(1, 2, injected="SIGKILL before and after each step of a call")
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_an_exact_moment(
    moment: str,
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
    seen: Callable[[str], None],
) -> None:
    """
    A row is `dialing` on the disk before its request leaves, so that a process which dies
    around the request leaves it `unknown`, and one which dies elsewhere leaves it as it is.
    """
    prelude, posts, unknown = MOMENTS[moment]
    phones = numbers(5)
    write_leads(tmp_path / "leads.csv", phones)
    with Command("run", "leads.csv", "--yes", "--concurrency", 1, prelude=prelude) as command:
        assert command.end().code == -signal.SIGKILL
    assert len(to_sandbox.posts) == posts
    answer = batchdial("resume", "leads", "--yes")
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, phones)
    assert_nobody_twice(to_sandbox)
    expected = {"success": 5 - unknown} | ({"unknown": unknown} if unknown else {})
    assert tally(rows) == expected
    assert answer.code == (1 if unknown else 0)
    seen(f"{moment}: {unknown} unknown")


def test_killed_while_the_list_is_read(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """A list that was half recorded counts for nothing; the next run reads it whole."""
    phones = numbers(5)
    write_leads(tmp_path / "leads.csv", phones)
    prelude = (
        _DIE
        + """
from batchdial.ledger.staging import Writing
write = Writing._write
def write_and_die(*given):
    write(*given)
    die()
Writing._write = write_and_die
"""
    )
    with Command("run", "leads.csv", "--yes", prelude=prelude) as command:
        assert command.end().code == -signal.SIGKILL
    assert batchdial("run", "leads.csv", "--yes").code == 0
    assert_whole(read_results(tmp_path / "leads.results.csv"), phones)
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)


def test_results_after_a_kill(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """`results` and `status` after a kill call the rows in flight `unknown`, not `dialing`."""
    phones = numbers(20)
    write_leads(tmp_path / "leads.csv", phones)
    to_sandbox.configure(delay=1.0)
    with Command("run", "leads.csv", "--yes", "--concurrency", 3) as command:
        command.after(to_sandbox, 3).send(signal.SIGKILL)
        command.end()
    to_sandbox.configure(delay=0.0)
    assert not (tmp_path / "leads.results.csv").exists()
    assert batchdial("results", "leads").code == 0
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, phones)
    assert tally(rows) == {"unknown": 3, "pending": 17}
    standing = batchdial("status", "leads", "--json").json
    assert standing["counts"] == {"unknown": 3, "pending": 17}
    assert standing["owner"] is None
