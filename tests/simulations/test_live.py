"""No more calls at a time than were asked for, and as many as may be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from batchdial.dialing.terms import Stop
from batchdial.opening import open_run
from batchdial.sandbox import SandboxSettings
from tests.dialing.simulated import simulate
from tests.e2e.leads import read_results

from .world import FULL, World, campaign, clock, clock_for_threads, serving

if TYPE_CHECKING:
    from pathlib import Path

    from batchdial.dialing.terms import Ending
    from batchdial.settings import Settings

LIVE = 10
#: Simulated seconds after which a run that should have ended counts as stuck.
LONGEST = 6 * 3600
PEOPLE = 1_000 if FULL else 200
RESULTS = {"unanswered": 0.2, "voicemail": 0.2, "ivr": 0.1, "disconnected": 0.1, "failed": 0.1}


def dial(settings: Settings, path: Path) -> tuple[Ending, float]:
    """The whole run, and how many seconds it took."""

    async def go() -> tuple[Ending, float]:
        begin = clock()
        with open_run(settings, path, clock=clock_for_threads()) as session:
            session.agree()
            async with asyncio.timeout(LONGEST):
                ending = await session.dispatch()
            session.record()
        return ending, clock() - begin

    return simulate(go())


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
        ending, seconds = dial(settings, path)
    assert ending.stop is Stop.LIMIT
    assert world.peak == LIVE
    assert max(freed_to_used(world)) < 5
    rows = read_results(tmp_path / "leads.results.csv")
    assert len(rows) == PEOPLE
    truth = {one.number: (one.result, str(one.length)) for one in world.courses}
    assert {row["e164"]: (row["outcome"], row["callLength"]) for row in rows} == truth
    assert len(world.asked) / seconds < 1
