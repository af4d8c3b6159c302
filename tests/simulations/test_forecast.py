"""What is foreseen before the first call is what happens, and no cap is overrun."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from batchdial.sandbox import SandboxSettings
from tests.dialing.simulated import UPTIME
from tests.e2e.leads import number, write_leads

from .world import EPOCH, FULL, World, campaign, dial, look_seldom, serving

if TYPE_CHECKING:
    from pathlib import Path

#: Area codes of `leads.number` by zone: Eastern, Central, Pacific.
EASTERN, CENTRAL, PACIFIC = 0, 3, 4


def people(*areas: int, each: int, mixed: bool = True) -> list[str]:
    """So many numbers of each area."""
    found = [number(100 * area + nth) for area in areas for nth in range(each)]
    if mixed:
        random.Random(1).shuffle(found)
    return found


MORNING = "09:00-12:00"


@pytest.mark.parametrize(
    ("phones", "options"),
    [
        pytest.param(people(EASTERN, each=90), {"rate": "1/s"}, id="pace"),
        pytest.param(people(EASTERN, each=90), {"rate": "5/s", "max_live": 10}, id="live"),
        pytest.param(people(EASTERN, CENTRAL, PACIFIC, each=30), {"hours": MORNING}, id="zones"),
        pytest.param(
            people(EASTERN, CENTRAL, PACIFIC, each=90),
            {"hours": MORNING, "rate": "30/h"},
            id="days",
        ),
        pytest.param(
            people(EASTERN, PACIFIC, each=90, mixed=False),
            {"hours": MORNING, "rate": "20/h"},
            id="days-in-order",
        ),
        pytest.param(
            people(EASTERN, CENTRAL, PACIFIC, each=50),
            {"hours": "09:00-09:30", "rate": "1/s", "max_live": 2},
            id="zones-live",
        ),
        pytest.param(
            people(PACIFIC, EASTERN, each=60),
            {"hours": "mon 09:00-10:00; wed 11:00-12:00", "rate": "60/h"},
            id="weekdays",
        ),
        pytest.param(
            people(EASTERN, each=60),
            {"hours": MORNING, "rate": "30/h", "start_at": "2026-12-01T15:00+00:00"},
            id="start",
        ),
    ],
)
def test_the_finish_is_foreseen(
    phones: list[str], options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a tenth of the time that it takes; calls last as long as is assumed."""
    settings, path = campaign(tmp_path, 0, concurrency=5, listen="0", **options)
    write_leads(path, phones)
    look_seldom(monkeypatch)
    with serving(World(SandboxSettings(call_seconds=(60, 180))), monkeypatch) as world:
        dial(world, settings, path)
    assert world.forecast is not None
    finish = world.forecast.estimate.finish
    assert finish is not None
    assert len(world.posts) == len(phones)
    begin, last = EPOCH + UPTIME, world.posts[-1][0]
    assert finish.timestamp() - begin == pytest.approx(last - begin, rel=0.1)
    first = world.forecast.estimate.begin
    assert first is not None
    assert first.timestamp() - begin == pytest.approx(world.posts[0][0] - begin, rel=0.1, abs=1)


def billed(world: World) -> int:
    """Minutes of all calls, each that began."""
    return sum(-(-one.length // 60) for one in world.courses)


@pytest.mark.parametrize("seed", range(30 if FULL else 4))
@pytest.mark.parametrize(
    ("options", "most"),
    [
        pytest.param({"max_calls": 17}, (17, 10_000), id="calls"),
        pytest.param({"max_minutes": 60}, (10_000, 60), id="minutes"),
        pytest.param({"max_spend": "7.50", "price_per_minute": "0.12"}, (10_000, 62), id="spend"),
    ],
)
def test_no_cap_is_overrun(
    options: dict[str, Any],
    most: tuple[int, int],
    seed: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over runs that are killed, and to the brim: what is left is less than one call may take."""
    chance = random.Random(seed)
    settings, path = campaign(tmp_path, 60, listen="0", rate="2/s", redial="unanswered", **options)
    service = SandboxSettings(
        call_seconds=(1, 600), results={"unanswered": 0.3, "voicemail": 0.2}, seed=seed
    )
    with serving(World(service), monkeypatch) as world:
        for _ in range(4):
            dial(world, settings, path, steps=chance.randrange(20, 250))
            world.time += chance.random() * 300
        dial(world, settings, path)
    calls, minutes = most
    assert len(world.courses) <= calls
    assert billed(world) <= minutes
    # Each lost answer counts one call, or as long as a call may be.
    lost = 4 * settings.concurrency
    assert len(world.courses) > min(calls, 60) - lost or billed(world) > minutes - 10 * (lost + 1)
