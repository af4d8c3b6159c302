"""The cron recipe as processes that overlap and are killed: everyone is called once."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from .leads import assert_nobody_twice, numbers, read_results, with_status, write_leads
from .process import Command

if TYPE_CHECKING:
    from pathlib import Path

    from batchdial.sandbox import Sandbox

RECIPE = """
list = "leads.csv"
campaign = "renewals"
agent = "ag_1"
rate = "200/s"
concurrency = 3
"""
PEOPLE, KILLS = 150, 2


def test_processes_that_overlap_and_are_killed(to_sandbox: Sandbox, tmp_path: Path) -> None:
    """While one dials another does nothing; what a kill leaves the next one goes on with."""
    write_leads(tmp_path / "leads.csv", numbers(PEOPLE))
    (tmp_path / "renewals.toml").write_text(RECIPE)
    to_sandbox.configure(delay=0.4)

    def recipe() -> Command:
        return Command("run", "--config", "renewals.toml", "--yes", "--no-wait", "--quiet")

    for calls in (2, 9):
        goal = len(to_sandbox.posts) + calls
        with recipe() as first:
            first.after(to_sandbox, goal)
            with recipe() as second:
                assert second.end().code == 75
            first.send(signal.SIGKILL).end()
    assert len(to_sandbox.posts) < PEOPLE
    to_sandbox.configure(delay=0)
    with recipe() as last:
        assert last.end().code == 1
    assert_nobody_twice(to_sandbox)
    rows = read_results(tmp_path / "leads.results.csv")
    lost, called = with_status(rows, "unknown"), with_status(rows, "success")
    assert sorted(lost + called) == numbers(PEOPLE)
    assert 0 < len(lost) <= KILLS * 3
    assert set(called) <= set(to_sandbox.rung)
