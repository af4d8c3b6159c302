"""Ctrl-C and its relatives: what is in flight is finished, and the way on is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .leads import assert_nobody_twice, assert_whole, dialled, read_results, tally, with_status
from .process import DEADLINE, Command, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer

LANES = 3


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(
            signal.SIGINT, 130, marks=pytest.mark.fault(5, injected="SIGINT"), id="ctrl-c"
        ),
        pytest.param(
            signal.SIGTERM, 143, marks=pytest.mark.fault(7, injected="SIGTERM"), id="sigterm"
        ),
        pytest.param(
            signal.SIGHUP, 143, marks=pytest.mark.fault(7, injected="SIGHUP"), id="sighup"
        ),
    ],
)
def test_stopped_in_order(
    number: signal.Signals,
    code: int,
    leads: list[str],
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
    seen: Callable[[str], None],
) -> None:
    """The calls in flight get their answer, no other begins, and all is written down."""
    to_sandbox.configure(delay=0.1)
    with Command("run", "leads.csv", "--yes", "--concurrency", LANES) as command:
        said = command.after(to_sandbox, 4).send(number).end()
    assert said.code == code
    assert "batchdial resume leads" in said.err
    assert "in flight, 30 s at most" in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    received = dialled(to_sandbox.posts)
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, leads)
    assert tally(rows) == {"success": len(received), "pending": 30 - len(received)}
    assert set(with_status(rows, "success")) == set(received)
    assert 4 <= len(received) < 30

    to_sandbox.configure(delay=0.0)
    assert batchdial("resume", "leads", "--yes").code == 0
    assert_nobody_twice(to_sandbox)
    assert tally(read_results(tmp_path / "leads.results.csv")) == {"success": 30}
    seen(f"exit {code}, what was in flight is success, the rest pending, `resume` said")


@pytest.mark.fault(7, injected="the terminal's window is closed")
def test_the_terminal_is_closed(
    leads: list[str],
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
    seen: Callable[[str], None],
) -> None:
    """The same, although nobody is left to be told."""
    to_sandbox.configure(delay=0.2)
    screen, keyboard = os.openpty()
    arguments = ("run", "leads.csv", "--yes", "--concurrency", str(LANES))
    with subprocess.Popen(
        [sys.executable, "-m", "batchdial", *arguments],
        stdin=keyboard,
        stdout=keyboard,
        stderr=keyboard,
        start_new_session=True,
    ) as process:
        os.close(keyboard)
        wait_until(lambda: len(to_sandbox.posts) >= 4, "the fourth call")
        os.close(screen)  # from now on, whoever writes to the terminal gets EIO
        process.send_signal(signal.SIGHUP)
        assert process.wait(DEADLINE) == 143
    to_sandbox.configure(delay=0.0)
    received = dialled(to_sandbox.posts)
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, leads)
    assert tally(rows) == {"success": len(received), "pending": 30 - len(received)}
    assert batchdial("resume", "leads", "--yes").code == 0
    assert_nobody_twice(to_sandbox)
    seen("exit 143, what was in flight is success, results written")


@pytest.mark.fault(6, injected="SIGINT twice")
def test_ctrl_c_twice(
    leads: list[str],
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
    seen: Callable[[str], None],
) -> None:
    """The second one does not wait: what was in flight may have rung, and is said to."""
    to_sandbox.configure(script=("ok", *["hang"] * LANES))
    with Command("run", "leads.csv", "--yes", "--concurrency", LANES) as command:
        command.after(to_sandbox, 1 + LANES).send(signal.SIGINT)
        wait_until(lambda: command.said("in flight"), "the answer to Ctrl-C")
        said = command.send(signal.SIGINT).end()
    assert said.code == 130
    assert "Traceback" not in said.err
    assert "batchdial resume leads" in said.err
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, leads)
    assert tally(rows) == {"success": 1, "unknown": LANES, "pending": 29 - LANES}
    assert {row["reason"] for row in rows if row["status"] == "unknown"} == {"answer_lost"}
    assert set(with_status(rows, "unknown", "success")) == set(to_sandbox.rung)

    to_sandbox.configure(script=())
    assert batchdial("resume", "leads", "--yes").code == 1
    assert_nobody_twice(to_sandbox)
    seen(f"exit 130 at once, {LANES} unknown, no traceback, `resume` works")


def test_stopped_while_the_service_asks_for_a_pause(
    leads: list[str], to_sandbox: Sandbox, tmp_path: Path
) -> None:
    """Nobody waits for the end of a pause to stop; the row that was throttled stays pending."""
    to_sandbox.configure(script=("ok", "429"), retry_after=200)
    with Command("run", "leads.csv", "--yes", "--concurrency", 1) as command:
        said = command.after(to_sandbox, 2).send(signal.SIGINT).end()
    assert said.code == 130
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, leads)
    assert tally(rows) == {"success": 1, "pending": 29}
