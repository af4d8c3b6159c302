"""May this row be dialled: one answer out of all rules, at the claim and at the door."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from batchdial.errors import DoNotCallError
from batchdial.rules.caps import Caps
from batchdial.rules.hours import CallingHours, Place, parse_hours
from batchdial.rules.plan import NEVER_OPEN, NO_ZONE, Candidate, Go, Later, Never, Rules
from batchdial.rules.suppression import Limits, Listing, PastCall, Refusal

if TYPE_CHECKING:
    from batchdial.rules.plan import Decision

#: Ten in the morning in London, in winter.
TEN = datetime(2026, 11, 26, 10, tzinfo=UTC)
LONDON = Place(("Europe/London",), ("GB",))
ONE = Candidate(1, "+447911123456")


@dataclass
class World:
    """What the rules ask, as a test says it."""

    where: Place = LONDON
    listed: Listing | None = None
    refusal: Refusal | None = None
    said: str | None = None
    is_ready: bool = True
    error: Exception | None = None
    edition: int = 0
    reads_cells: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    def ready(self, now: datetime) -> bool:  # noqa: ARG002
        """As the test says."""
        if self.error:
            raise self.error
        return self.is_ready

    def place(self, one: Candidate) -> Place:  # noqa: ARG002
        """As the test says."""
        return self.where

    def listing(self, e164: str) -> Listing | None:  # noqa: ARG002
        """As the test says."""
        return self.listed

    def no_consent(self, one: Candidate) -> Refusal | None:  # noqa: ARG002
        """As the test says."""
        return self.refusal

    def consent(self, one: Candidate) -> str | None:  # noqa: ARG002
        """As the test says."""
        return self.said

    def told(self) -> dict[str, Any]:
        """As the test says."""
        return self.facts


def rules(world: World, hours: str = "08:00-21:00", caps: str = "") -> Rules:
    """The rules of campaign 7."""
    limits = Limits(timedelta(hours=24), Caps.parse(caps) if caps else Caps())
    return Rules(CallingHours((parse_hours(hours),)), limits, 7, world)


def decide(world: World, at: datetime = TEN, one: Candidate = ONE, caps: str = "") -> Decision:
    """What the rules say."""
    return rules(world, caps=caps).decide(one, at.timestamp())


def test_it_may() -> None:
    """With what was looked at: zone, hour to the minute, windows, consent."""
    found = decide(World(said="yes"), TEN + timedelta(seconds=30))
    assert isinstance(found, Go)
    evidence = json.loads(found.evidence)
    assert evidence["consent"] == "yes"
    assert evidence["open"] is True
    (zone,) = evidence["zones"]
    assert zone["local"] == "2026-11-26T10:00:00+00:00"
    assert zone["windows"] == {"08:00-21:00": ["08:00-21:00"]}


def test_later() -> None:
    """Outside its hours until they begin, and capped until the window has moved on."""
    late = datetime(2026, 11, 26, 21, tzinfo=UTC)
    assert decide(World(), late) == Later(datetime(2026, 11, 27, 8, tzinfo=UTC).timestamp())
    called = Candidate(1, ONE.e164, calls=[PastCall(TEN - timedelta(hours=1), "spring", 7)])
    assert decide(World(), one=called, caps="1/2h") == Later((TEN + timedelta(hours=1)).timestamp())
    assert isinstance(decide(World(), one=called, caps="2/2h"), Go)


@pytest.mark.parametrize(
    ("world", "one", "reason"),
    [
        (World(listed=Listing("optouts.txt")), ONE, "dnc_list"),
        (World(), Candidate(1, ONE.e164, suppressed_at=TEN), "dnc_ledger"),
        (World(refusal=Refusal("no_consent", "No.")), ONE, "no_consent"),
        (World(), Candidate(1, ONE.e164, calls=[PastCall(TEN, "spring", 8)]), "called_lately"),
        (World(Place(())), ONE, NO_ZONE),
    ],
)
def test_never(world: World, one: Candidate, reason: str) -> None:
    """Whom not to call comes before when: a listed number does not wait for its hour."""
    for at in (TEN, TEN + timedelta(hours=11)):
        found = decide(world, at, one)
        assert isinstance(found, Never)
        assert found.reason == reason
        assert json.loads(found.evidence)["open"] is (at == TEN and reason != NO_ZONE)


def test_hours_that_never_come() -> None:
    """In a zone that is known, it is the hours that are wrong."""
    closed = CallingHours((parse_hours("mon 8-21"), parse_hours("tue 8-21")))
    found = Rules(closed, Limits(), 7, World()).decide(ONE, TEN.timestamp())
    assert isinstance(found, Never)
    assert found.reason == NEVER_OPEN


@pytest.mark.parametrize(
    ("world", "at", "may"),
    [
        (World(), TEN, True),
        (World(), datetime(2026, 11, 26, 20, 59, 59, 999_999, tzinfo=UTC), True),
        (World(), datetime(2026, 11, 26, 21, tzinfo=UTC), False),
        (World(listed=Listing("optouts.txt")), TEN, False),
        (World(is_ready=False), TEN, False),
        (World(error=DoNotCallError("It is gone.")), TEN, False),
    ],
)
def test_at_the_door(world: World, at: datetime, may: bool) -> None:
    """Hours to the second, and the files of now; without them nobody leaves."""
    assert rules(world).still(ONE, at.timestamp()) is may


def test_the_basis_changes_with_the_files() -> None:
    """And is made once for each edition of them."""
    world = World(facts={"suppress": ["a"]})
    found = rules(world)
    assert json.loads(found.basis)["suppress"] == ["a"]
    world.facts = {"suppress": ["b"]}
    assert json.loads(found.basis)["suppress"] == ["a"]
    world.edition = 1
    assert json.loads(found.basis) == {
        "suppress": ["b"],
        "notCalledWithin": "24h",
        "maxCallsPerPerson": "",
    }
