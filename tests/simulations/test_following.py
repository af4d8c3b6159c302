"""What calls come to is found out while others are placed, whatever happens meanwhile."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from batchdial.dialing.settle import Reply
from batchdial.dialing.terms import Stop
from batchdial.errors import ExitCode, KeyRefusedError
from batchdial.sandbox import SandboxSettings
from tests.e2e.leads import read_results, with_status

from .world import World, campaign, dial, serving

if TYPE_CHECKING:
    from pathlib import Path

UNANSWERED = SandboxSettings(call_seconds=(5, 20), results={"unanswered": 1.0})


def outcomes(folder: Path) -> dict[str, str]:
    """What the results say of each call."""
    return {row["callId"]: row["outcome"] for row in read_results(folder / "leads.results.csv")}


def test_a_call_that_is_over_before_the_ledger_knows_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked about only once there is a row that the answer can be written to."""
    settings, path = campaign(tmp_path, 12, max_live=5, listen="0")
    world = World(SandboxSettings(call_seconds=(0, 0)), latency=0.02, commit=0.5, hook_after=0.0)
    with serving(world, monkeypatch):
        dial(world, settings, path)
    assert outcomes(tmp_path) == {one.call_id: one.result for one in world.courses}


def test_a_key_that_is_refused_while_outcomes_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else is called, and what was done by then is in the results."""
    settings, path = campaign(tmp_path, 50, max_live=5, rate="1/s")
    world = World(SandboxSettings(call_seconds=(20, 30)), refuses=401)
    with serving(world, monkeypatch):
        ending = dial(world, settings, path)
    assert ending is not None
    assert isinstance(ending.error, KeyRefusedError)
    assert ending.error.exit_code is ExitCode.KEY_REFUSED
    rows = read_results(tmp_path / "leads.results.csv")
    assert len(with_status(rows, "success")) == len(world.posts) == 5
    assert len(with_status(rows, "pending")) == 45


@pytest.mark.parametrize("steps", range(40, 400, 45))
def test_who_begins_anew_goes_on_where_it_was(
    steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls that were open are asked about, rows are called again as often as the rules say."""
    settings, path = campaign(tmp_path, 4, redial="unanswered", redial_after="1m,2m", rate="1/s")
    with serving(World(UNANSWERED), monkeypatch) as world:
        ended = dial(world, settings, path, steps=steps)
        ending = dial(world, settings, path)
    assert ending is not None
    assert ending.stop is Stop.DONE
    rows = read_results(tmp_path / "leads.results.csv")
    lost = set(with_status(rows, "unknown"))
    assert len(lost) <= (0 if ended else settings.concurrency)
    called = Counter(one.number for one in world.courses)
    assert all(called[row["e164"]] == 3 for row in rows if row["e164"] not in lost)
    assert all(called[number] <= 3 for number in lost)
    assert {row["outcome"] for row in rows if row["e164"] not in lost} == {"unanswered"}


def test_a_second_call_that_is_refused_leaves_what_is_known_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a number that the service refuses is not tried again at every run."""
    settings, path = campaign(tmp_path, 3, redial="unanswered", redial_after="1m,2m")
    world = World(UNANSWERED, fate=lambda _, nth: Reply(True, 422, b"{}") if nth > 1 else None)
    with serving(world, monkeypatch):
        for _ in range(6):
            ending = dial(world, settings, path)
            world.time += 300
    assert ending is not None
    assert ending.stop is Stop.DONE
    assert outcomes(tmp_path) == {one.call_id: "unanswered" for one in world.courses}
    assert len(world.courses) == 3
    assert set(Counter(number for _, number in world.posts).values()) == {3}
