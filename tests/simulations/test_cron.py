"""The cron recipe at any moment, with kills: everyone is called once, at their hours."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from batchdial.sandbox import SANDBOX_KEY, SandboxSettings
from batchdial.settings import load_settings
from tests.dialing.simulated import UPTIME
from tests.e2e.leads import number, read_results, with_status, write_leads

from .world import FULL, URL, World, dial, look_seldom, serving

if TYPE_CHECKING:
    from pathlib import Path

WEEK = 7 * 86_400.0
RUNS = 500 if FULL else 60
#: Zones of the areas of `leads.number` that are taken here.
ZONES = {0: "America/New_York", 3: "America/Chicago", 4: "America/Los_Angeles"}
EACH = 60 if FULL else 15
RECIPE = f"""
list = "leads.csv"
campaign = "renewals"
agent = "ag_1"
base_url = "{URL}"
ledger = "renewals.db"
hours = "mon-fri 09:00-18:00; sat 10:00-14:00"
rate = "30/m"
concurrency = 3
no_wait = true
stop_after = 0
"""


@pytest.mark.parametrize("seed", range(1 if FULL else 2))
def test_the_recipe_at_random_moments_of_a_week(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most runs are killed, at any step; what the service saw is the judge."""
    look_seldom(monkeypatch)
    monkeypatch.delenv("BATCHDIAL_HOURS")
    chance = random.Random(seed)
    phones = [number(100 * area + nth) for area in ZONES for nth in range(EACH)]
    chance.shuffle(phones)
    path = write_leads(tmp_path / "leads.csv", phones)
    (tmp_path / "renewals.toml").write_text(RECIPE)
    settings = load_settings({"api_key": SANDBOX_KEY}, tmp_path / "renewals.toml")
    killed = 0
    with serving(World(SandboxSettings(seed=seed)), monkeypatch) as world:
        for moment in sorted(UPTIME + chance.random() * WEEK for _ in range(RUNS)):
            world.time = max(world.time, moment)
            killed += dial(world, settings, path, steps=chance.randrange(60)) is None
        world.time = max(world.time, UPTIME + WEEK + 43_200.0)
        dial(world, settings, path)
    assert killed > RUNS / 4
    posted = Counter(phone for _, phone in world.posts)
    assert set(posted.values()) == {1}
    rows = read_results(tmp_path / "leads.results.csv")
    lost, called = with_status(rows, "unknown"), with_status(rows, "success")
    assert len(lost) <= killed * settings.concurrency
    assert sorted(lost + called) == sorted(phones)
    assert set(called) <= set(posted)
    assert set(phones) - set(posted) <= set(lost)
    assert len(called) > len(phones) / 2
    areas = {number(100 * area)[:5]: ZoneInfo(zone) for area, zone in ZONES.items()}
    for at, phone in world.posts:
        local = datetime.fromtimestamp(at, areas[phone[:5]])
        opens, closes = {5: (10, 14), 6: (24, 24)}.get(local.weekday(), (9, 18))
        assert opens <= local.hour < closes, local
