"""Room among live calls and in the budget: what takes it, and what gives it back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from batchdial.dialing.conduct import LOOK_AGAIN, RINGING, Conduct
from batchdial.models import CallStatus, Claimed, Settlement
from batchdial.rules.budget import Budget, Used
from batchdial.rules.plan import Candidate, Decision, Go

NOW = 1_800_000_000.0
#: Minutes after which the service ends a call.
LONGEST = 3
#: Seconds after which it is certainly over.
OVER = LONGEST * 60 + RINGING
CLAIMED = Claimed(7, 3, 9, "+12025550007", ("Ann",), 2, NOW, 0.0, CallStatus.PENDING)


@dataclass
class Asked:
    """A policy that lets everybody be called, and notes whom it was asked about."""

    about: list[tuple[Candidate, float]] = field(default_factory=list)
    basis: str = "{}"
    memory: float = 0.0
    reads_cells: bool = True
    may: bool = True

    def ready(self, now: float) -> bool:  # noqa: ARG002
        """Yes."""
        return True

    def decide(self, one: Candidate, now: float) -> Decision:  # noqa: ARG002
        """Yes."""
        return Go("{}")

    def still(self, one: Candidate, now: float) -> bool:
        """As the test says."""
        self.about.append((one, now))
        return self.may


@dataclass
class Desk:
    """Terms, and a clock that a test moves."""

    now: float = NOW
    policy: Asked = field(default_factory=Asked)
    told: list[float] = field(default_factory=list)  #: when room was said to be free

    def conduct(
        self, *, budget: Budget | None = None, used: Used | None = None, **how: Any
    ) -> Conduct:
        """The terms of a run."""
        how.setdefault("max_live", None)
        conduct = Conduct(
            self.policy, budget or Budget(LONGEST), used or Used(), clock=lambda: self.now, **how
        )
        conduct.on_change(lambda: self.told.append(self.now))
        return conduct


@pytest.fixture
def desk() -> Desk:
    """A clock that stands still."""
    return Desk()


def came(status: CallStatus, call_id: str = "") -> Settlement:
    """What an attempt came to."""
    return Settlement(status, call_id=call_id)


def call(conduct: Conduct, call_id: str) -> None:
    """One call that the service accepts."""
    assert conduct.try_room()
    conduct.made(CLAIMED, came(CallStatus.SUCCESS, call_id))


def test_a_request_takes_room_before_it_leaves(desk: Desk) -> None:
    """Two at a time are two, asked for or live; what came to nothing gives its room back."""
    conduct = desk.conduct(max_live=2)
    assert [conduct.try_room() for _ in range(3)] == [True, True, False]
    assert conduct.live == 2
    conduct.spare()
    assert (conduct.live, len(desk.told)) == (1, 1)
    conduct.made(CLAIMED, came(CallStatus.FAILED))
    assert (conduct.live, len(desk.told)) == (0, 2)
    assert conduct.try_room()
    conduct.spare()
    assert (conduct.live, len(desk.told)) == (0, 3)
    call(conduct, "call_1")
    call(conduct, "call_2")
    assert (conduct.live, len(desk.told)) == (2, 3)
    assert not conduct.try_room()
    conduct.ended("call_1", 5)
    assert (conduct.live, len(desk.told)) == (1, 4)
    assert conduct.try_room()


def test_a_call_is_over_when_the_service_must_have_ended_it(desk: Desk) -> None:
    """Where nobody says so: its longest time, and a while for ringing, after its answer."""
    conduct = desk.conduct(max_live=1)
    call(conduct, "call_1")
    assert conduct.room_in() == pytest.approx(OVER, abs=0.01)
    assert conduct.room_in() > OVER
    desk.now += OVER - 1
    assert 1 < conduct.room_in() < 1.1
    assert not conduct.try_room()
    desk.now += 1
    assert 0 < conduct.room_in() < 0.1
    assert conduct.try_room()
    desk.now += 60
    assert conduct.live == 1


def test_room_is_looked_for_again_while_requests_alone_take_it(desk: Desk) -> None:
    """And at once where a call should be over since long."""
    conduct = desk.conduct(max_live=1)
    assert conduct.try_room()
    assert conduct.room_in() == LOOK_AGAIN
    conduct.made(CLAIMED, came(CallStatus.SUCCESS, "call_1"))
    desk.now += 2 * OVER
    assert 0 < conduct.room_in() < 0.1


def test_the_first_call_to_end_gives_room(desk: Desk) -> None:
    """Calls of earlier runs began earlier; those of which somebody told do not count."""
    opened = [("call_1", NOW - 10), ("call_2", NOW - 30), ("call_3", NOW - 20)]
    conduct = desk.conduct(max_live=3, open_calls=opened)
    assert conduct.live == 3
    conduct.ended("call_2", 1)
    call(conduct, "call_4")
    assert not conduct.try_room()
    assert conduct.room_in() == pytest.approx(OVER - 20, abs=0.01)
    desk.now += OVER - 20
    assert conduct.try_room()
    assert not conduct.try_room()


@pytest.mark.parametrize("call_id", ["", "call_1"])
def test_a_call_that_was_lost_takes_room(call_id: str, desk: Desk) -> None:
    """It may ring; whoever asks for it by an id that the answer held may end it."""
    conduct = desk.conduct(max_live=2)
    assert conduct.try_room()
    conduct.made(CLAIMED, came(CallStatus.UNKNOWN, call_id))
    assert conduct.live == 1
    assert conduct.try_room()
    assert not conduct.try_room()
    conduct.ended("call_1", 5)
    assert conduct.try_room() == bool(call_id)


def test_each_lost_call_takes_room_of_its_own(desk: Desk) -> None:
    """Of this run, of one row twice, and of earlier runs."""
    conduct = desk.conduct(max_live=9, doubtful=[NOW - 5, NOW - 5, NOW - OVER + 3])
    other = Claimed(7, 3, 9, "+12025550007", (), 3, NOW, 0.0, CallStatus.UNKNOWN)
    for claimed in (CLAIMED, other):
        assert conduct.try_room()
        conduct.made(claimed, came(CallStatus.UNKNOWN))
    assert conduct.live == 5
    desk.now += 3
    assert conduct.try_room()
    assert conduct.live == 5  # the oldest is over, and one more is asked for


def test_the_budget_counts_what_may_still_be_spent(desk: Desk) -> None:
    """A request as a call of the longest time, a lost one too; what lasted shorter gives back."""
    conduct = desk.conduct(budget=Budget(LONGEST, max_minutes=2 * LONGEST + 1))
    call(conduct, "call_1")
    call(conduct, "call_2")
    assert conduct.used == Used(calls=2, open=2)
    assert not conduct.try_room()
    assert conduct.full() == ""
    conduct.ended("call_1", 61)
    conduct.ended("call_1", 61)
    assert conduct.used == Used(calls=2, open=1, minutes=2)
    assert not conduct.try_room()
    conduct.ended("call_2", 0)
    assert conduct.try_room()
    assert conduct.used == Used(calls=3, open=1, asked=1, minutes=2)
    conduct.made(CLAIMED, came(CallStatus.UNKNOWN))
    assert conduct.used == Used(calls=3, minutes=2 + LONGEST)
    assert not conduct.try_room()
    assert "--max-minutes" in conduct.full()


@pytest.mark.parametrize("how", ["told-of-without-a-length", "forgotten"])
def test_a_call_of_unknown_length_costs_the_longest(how: str, desk: Desk) -> None:
    """Whether the service cannot say, or says nothing."""
    conduct = desk.conduct(budget=Budget(LONGEST, max_minutes=99))
    call(conduct, "call_1")
    if how == "forgotten":
        desk.now += OVER
        assert conduct.try_room()
        conduct.spare()
    else:
        conduct.ended("call_1", None)
    assert conduct.used == Used(calls=1, minutes=LONGEST)


def test_what_came_to_nothing_costs_nothing(desk: Desk) -> None:
    """A request that rang nobody, or was not made."""
    conduct = desk.conduct(budget=Budget(LONGEST, max_calls=1))
    for _ in range(2):
        assert conduct.try_room()
        assert not conduct.try_room()
        assert conduct.full() == ""
        conduct.spare()
        assert conduct.try_room()
        conduct.made(CLAIMED, came(CallStatus.FAILED))
        assert conduct.used == Used()
    call(conduct, "call_1")
    assert not conduct.try_room()
    assert conduct.full() == "--max-calls 1 is reached."
    assert conduct.used == Used(calls=1, open=1)


def test_room_that_is_refused_is_not_taken(desk: Desk) -> None:
    """However often it is asked for."""
    conduct = desk.conduct(max_live=1, budget=Budget(LONGEST, max_calls=1))
    call(conduct, "call_1")
    before = conduct.used
    assert [conduct.try_room() for _ in range(3)] == [False] * 3
    assert (conduct.live, conduct.used) == (1, before)


def test_only_a_call_that_somebody_will_tell_of_may_lead_to_another(desk: Desk) -> None:
    """Or a row in hand; and neither where rows are called once."""
    assert not desk.conduct(open_calls=[("call_1", NOW)]).expects(1)
    conduct = desk.conduct(redials=True, open_calls=[("call_1", NOW)], doubtful=[NOW])
    assert conduct.expects(0) is True
    conduct.ended("call_1", 5)
    conduct.ended("call_1", 5)
    assert conduct.expects(0) is False
    assert conduct.expects(1) is True
    call(conduct, "call_2")
    assert conduct.expects(0) is True
    desk.now += OVER
    assert conduct.try_room()
    assert conduct.expects(0) is False


def test_nothing_is_kept_where_nothing_counts(desk: Desk) -> None:
    """A campaign may be long."""
    conduct = desk.conduct(open_calls=[("call_1", NOW)])
    call(conduct, "call_2")
    assert conduct.live == 0


def test_the_rules_are_asked_about_the_row(desk: Desk) -> None:
    """Its list, number and cells, at this moment."""
    conduct = desk.conduct()
    assert conduct.still(CLAIMED, NOW + 1) is True
    assert desk.policy.about == [(Candidate(3, "+12025550007", ("Ann",)), NOW + 1)]
    desk.policy.may = False
    assert conduct.still(CLAIMED, NOW) is False


def test_who_is_told_of_nothing_misses_nothing(desk: Desk) -> None:
    """Before anybody wants to know, calls may end."""
    conduct = Conduct(desk.policy, Budget(LONGEST), Used(), max_live=1, clock=lambda: desk.now)
    call(conduct, "call_1")
    conduct.ended("call_1", 1)
    assert conduct.live == 0
