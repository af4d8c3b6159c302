"""Lanes that wait do nothing, and no wait is without an end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from batchdial.dialing.conduct import Conduct
from batchdial.dialing.settle import Reply
from batchdial.dialing.terms import Stop
from batchdial.ledger.journal import Journal
from batchdial.sandbox import SandboxSettings
from tests.dialing.simulated import UPTIME

from .world import EPOCH, World, campaign, dial, serving

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often lanes looked whether there is room; too often for a simulation is a circle."""
    counted, look = [0], Conduct.try_room

    def counting(self: Conduct) -> bool:
        counted[0] += 1
        assert counted[0] < 10_000, "lanes turn in circles"
        return look(self)

    monkeypatch.setattr(Conduct, "try_room", counting)
    return counted


def test_lanes_that_are_left_over_wait_for_the_last_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: list[int]
) -> None:
    """Five lanes, seven rows, ten seconds between two calls."""
    settings, path = campaign(tmp_path, 7, rate="6/m")
    with serving(World(), monkeypatch) as world:
        ending = dial(world, settings, path)
    assert ending is not None
    assert ending.stop is Stop.LIMIT
    assert len(world.posts) == 7
    assert looks[0] < 100


def test_the_last_call_may_come_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lanes that rest for what it comes to are told that nothing is to come any more."""
    settings, path = campaign(tmp_path, 2, redial="unanswered", concurrency=3)
    with serving(World(latency=5, fate=lambda *_: Reply(True, 422, b"{}")), monkeypatch) as world:
        ending = dial(world, settings, path)
    assert ending is not None
    assert (ending.stop, len(world.posts)) == (Stop.DONE, 2)
    assert world.time - UPTIME < 60


def test_a_row_that_waits_for_another_attempt_may_be_called_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lanes that find nothing to do meanwhile do not end the run."""
    later = Reply(True, 429, b"{}", retry_after="30")
    settings, path = campaign(tmp_path, 1, redial="unanswered", redial_after="1m,2m", concurrency=2)
    world = World(
        SandboxSettings(call_seconds=(5, 5), results={"unanswered": 1.0}),
        latency=3,
        fate=lambda _, nth: later if nth == 1 else None,
    )
    with serving(world, monkeypatch):
        ending = dial(world, settings, path)
    assert ending is not None
    assert ending.stop is Stop.DONE
    assert len(world.courses) == 3


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the ledger was asked for a row."""
    asked: list[float] = []
    claim = Journal.claim

    async def counting(self: Journal) -> object:
        asked.append(self._clock())
        return await claim(self)

    monkeypatch.setattr(Journal, "claim", counting)
    return asked


@pytest.mark.parametrize("opens", ["hours", "start"])
def test_a_long_rest_asks_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claims: list[float], opens: str
) -> None:
    """Thousands of rows whose hour comes later are looked at once, and called when it comes."""
    at = EPOCH + UPTIME + 2_000
    when = {
        "hours": {"hours": "06:00-06:30"},
        "start": {"start_at": f"{datetime.fromtimestamp(at, UTC).isoformat()}"},
    }
    settings, path = campaign(tmp_path, 1_000, limit=20, **when[opens])
    with serving(World(), monkeypatch) as world:
        ending = dial(world, settings, path)
    first = world.posts[0][0]
    assert ending is not None
    assert ending.stop is Stop.LIMIT
    assert len(world.posts) == 20
    assert 0 <= first - (EPOCH + UPTIME) - {"hours": 2_600, "start": 2_000}[opens] < 1
    assert sum(moment < first - 1 for moment in claims) <= settings.concurrency
    assert len(claims) < 60
