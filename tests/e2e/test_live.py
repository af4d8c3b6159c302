"""The real command keeps to `--max-live`, and hears of the end of calls at its own address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .leads import numbers, read_results, write_leads
from .process import Command, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from batchdial.sandbox import Sandbox

PEOPLE, LIVE = 40, 10


def test_ten_calls_at_a_time(to_sandbox: Sandbox, tmp_path: Path) -> None:
    """An eleventh is never seen, and every row ends with what its call came to."""
    results = {"unanswered": 0.2, "voicemail": 0.2, "ivr": 0.1, "failed": 0.1}
    to_sandbox.configure(call_seconds=(1, 60), time_scale=60, results=results)
    write_leads(tmp_path / "leads.csv", numbers(PEOPLE))
    flags = ("--max-live", LIVE, "--concurrency", 20, "--listen", "0")
    with Command("run", "leads.csv", "--yes", *flags) as command:
        wait_until(lambda: command.said("Taking posts at") or command.has_ended, "listening")
        found = re.search(r"Taking posts at (\S+)", command.so_far())
        assert found, command.so_far()
        to_sandbox.configure(webhook=found[1])
        said = command.end()
    assert said.code == 0, said.err
    assert len(to_sandbox.calls) == PEOPLE
    assert 2 <= to_sandbox.peak_live <= LIVE
    rows = read_results(tmp_path / "leads.results.csv")
    truth = {one.number: (one.result, str(one.length)) for one in to_sandbox.calls}
    assert {row["e164"]: (row["outcome"], row["callLength"]) for row in rows} == truth
    assert {delivery.status for delivery in to_sandbox.hooks} == {204}
