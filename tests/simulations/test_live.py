"""No more calls at a time than were asked for, and as many as may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batchdial.dialing.terms import Stop
from batchdial.sandbox import SandboxSettings
from tests.dialing.rehearsal import most_in
from tests.dialing.simulated import UPTIME
from tests.e2e.leads import read_results, with_status

from .world import FULL, World, campaign, dial, serving

if TYPE_CHECKING:
    from pathlib import Path

LIVE = 10
PEOPLE = 1_000 if FULL else 200
RESULTS = {"unanswered": 0.2, "voicemail": 0.2, "ivr": 0.1, "disconnected": 0.1, "failed": 0.1}


def freed_to_used(world: World) -> list[float]:
    """Seconds from each call's end to the beginning of the one that took its place."""
    ends = sorted(one.ends_at for one in world.courses)
    begins = sorted(one.placed_at for one in world.courses)
    return [begin - end for end, begin in zip(ends, begins[LIVE:], strict=False)]


@pytest.mark.parametrize("lanes", [5, 20])
def test_an_eleventh_call_is_never_seen(
    lanes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slot is used again within 5 s, every row has its true outcome, and little is asked."""
    settings, path = campaign(
        tmp_path, PEOPLE, max_live=LIVE, listen="0", concurrency=lanes, rate="10/s"
    )
    with serving(
        World(SandboxSettings(call_seconds=(1, 60), results=RESULTS)), monkeypatch
    ) as world:
        ending = dial(world, settings, path)
    assert ending is not None
    assert ending.stop is Stop.LIMIT
    assert world.peak == LIVE
    assert max(freed_to_used(world)) < 5
    rows = read_results(tmp_path / "leads.results.csv")
    assert len(rows) == PEOPLE
    truth = {one.number: (one.result, str(one.length)) for one in world.courses}
    assert {row["e164"]: (row["outcome"], row["callLength"]) for row in rows} == truth
    assert len(world.asked) / (world.time - UPTIME) < 1
    assert most_in(60, [at for at, _ in world.asked]) <= 60


def test_room_is_kept_for_calls_of_an_earlier_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who begins anew knows of the calls that go on, also of those whose answer was lost."""
    settings, path = campaign(tmp_path, 60, max_live=LIVE, listen="0", concurrency=20, rate="10/s")
    world = World(SandboxSettings(call_seconds=(60, 90)), latency=0.5)
    with serving(world, monkeypatch):
        for steps in (60, 80, 100):
            assert dial(world, settings, path, steps=steps) is None
        ending = dial(world, settings, path)
    assert ending is not None
    assert ending.stop is Stop.LIMIT
    assert world.peak <= LIVE
    rows = read_results(tmp_path / "leads.results.csv")
    assert 0 < len(with_status(rows, "unknown")) < 20
