"""Thirty days of redials: nobody is called too often, too early, or against their word."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from batchdial.ledger.ledger import Ledger
from batchdial.ledger.schema import rows
from batchdial.ledger.suppressing import suppress
from batchdial.lists.watched import LOOK, DoNotCall
from batchdial.sandbox import SandboxSettings
from tests.dialing.simulated import UPTIME
from tests.e2e.leads import number, write_leads

from .world import EPOCH, FULL, World, campaign, dial, look_seldom, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchdial.sandbox.calls import Course

DAY = 86_400.0
DAYS = 30
#: Zones of the areas of `leads.number` that are taken here.
ZONES = {0: "America/New_York", 3: "America/Chicago", 4: "America/Los_Angeles"}
EACH = 4
CAPS = {"3/24h": (3, 1 * DAY), "7/7d": (7, 7 * DAY)}
DELAYS = ("30m", "30m", "30m", "2h", "1d@10:00") * 9
OUTCOMES = "unanswered,voicemail,disconnected,failed"
SERVICE = {
    "call_seconds": (0, 90),
    "results": {"unanswered": 0.5, "voicemail": 0.3, "disconnected": 0.05, "failed": 0.1},
    "throttle": 0.05,
    "retry_after": 240,
    "failed": 0.01,
    "drop": 0.004,
}


@pytest.mark.parametrize("seed", range(20) if FULL else (5, 7))
def test_thirty_days_of_redials(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the calls of the service; processes are killed now and then, and others go on."""
    look_seldom(monkeypatch)
    read_at_once: Callable[[Callable[[], None]], None] = lambda work: work()  # noqa: E731
    monkeypatch.setattr(DoNotCall.__init__, "__defaults__", (None, read_at_once))
    chance = random.Random(seed)
    phones = [number(100 * area + nth) for area in ZONES for nth in range(EACH)]
    listed = tmp_path / "donotcall.txt"
    listed.write_text("+12015550199\n")
    settings, path = campaign(
        tmp_path,
        0,
        listen="0",
        rate="1/s",
        hours="mon-fri 09:00-18:00; sat 10:00-14:00",
        redial=OUTCOMES,
        redial_after=",".join(DELAYS),
        max_calls_per_person=",".join(CAPS),
        suppress=(listed,),
    )
    write_leads(path, phones)
    world = World(SandboxSettings(seed=seed, **SERVICE))  # type: ignore[arg-type]
    silenced = silence(world, chance, phones, settings.ledger_url(), listed)
    end = UPTIME + DAYS * DAY
    with serving(world, monkeypatch):
        while world.time < end:
            dial(world, settings, path, steps=chance.randrange(200, 1_500))
            world.time += chance.random() * DAY / 2
    assert_lawful(world.courses, silenced)
    assert_not_forgotten(world, settings.ledger_url(), silenced)


def assert_not_forgotten(world: World, ledger: str, silenced: dict[str, float]) -> None:
    """Fail if anybody whom a further call may reach has had none for longer than a cap holds."""
    last = {one.number: one for one in world.courses}
    with Ledger(ledger) as opened, opened.reading() as connection:
        found = connection.execute(sa.select(rows.c.e164, rows.c.status)).all()
    now = EPOCH + world.time
    for phone, status in found:
        call = last.get(phone)
        if status not in ("success", "pending") or phone in silenced:
            continue
        assert call is not None, phone
        assert call.result == "pickedUp" or now - call.placed_at < 9 * DAY, phone


def silence(
    world: World, chance: random.Random, phones: list[str], ledger: str, listed: Path
) -> dict[str, float]:
    """Plan when some people ask not to be called, on either list; Unix time of each."""
    silenced = {}
    for nth, phone in enumerate(chance.sample(phones, len(phones) // 2)):
        at = UPTIME + chance.uniform(1, DAYS / 2) * DAY
        silenced[phone] = EPOCH + at

        def by_word(phone: str = phone, at: float = at) -> None:
            with Ledger(ledger) as opened:
                suppress(opened, [phone], "", datetime.fromtimestamp(EPOCH + at, UTC))

        def by_file(phone: str = phone) -> None:
            with listed.open("a") as file:
                file.write(f"{phone}\n")

        world.events.append((at, by_word if nth % 2 else by_file))
    world.events.sort(key=lambda one: one[0])
    return silenced


def assert_lawful(courses: tuple[Course, ...], silenced: dict[str, float]) -> None:
    """Fail if anybody was called too often, at a wrong hour, or against their word."""
    by_number = defaultdict(list)
    for one in courses:
        by_number[one.number].append(one)
    areas = {number(100 * area)[:5]: ZoneInfo(zone) for area, zone in ZONES.items()}
    for phone, calls in by_number.items():
        times = [one.placed_at for one in calls]
        for cap, (most, within) in CAPS.items():
            gaps = [after - before for before, after in zip(times, times[most:], strict=False)]
            assert min(gaps, default=DAY * DAYS) >= within, (phone, cap)
        assert "pickedUp" not in [one.result for one in calls[:-1]]
        assert all(after > one.ends_at for one, after in zip(calls, times[1:], strict=False))
        last_word = silenced.get(phone, float("inf")) + LOOK.total_seconds()
        assert times[-1] < last_word, phone
        for at in times:
            local = datetime.fromtimestamp(at, areas[phone[:5]])
            hours = (9, 18) if local.weekday() < 5 else (10, 14)
            assert local.weekday() < 6
            assert hours[0] <= local.hour < hours[1], local
