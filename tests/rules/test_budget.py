"""What a campaign takes is told before it begins, and a cap holds while it runs."""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from math import ceil
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdial.dialing.pacing import Pacer
from batchdial.models import CallStatus, Rate
from batchdial.rules.budget import (
    ASSUMED_MINUTES,
    HORIZON,
    LONGEST_MINUTES,
    Budget,
    Estimate,
    History,
    Range,
    Used,
    always_open,
    billed,
    estimate,
    lengths,
    longest_call,
)
from tests.dialing.rehearsal import Rehearsal
from tests.dialing.simulated import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
#: Hours that some zones are ahead of UTC.
ZONES = {"London": 0, "New York": -5, "Los Angeles": -8, "Kolkata": 5.5, "Sydney": 10}
TWO_MINUTES = lengths(History(), 10)


def opening(first: int, last: int) -> Callable[[Hashable, datetime], tuple[bool, datetime]]:
    """Every day from one hour to another, by the clock of each zone."""

    def look(zone: Hashable, at: datetime) -> tuple[bool, datetime]:
        ahead = timedelta(hours=ZONES[str(zone)])
        local = at + ahead
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        begin, end = midnight + timedelta(hours=first), midnight + timedelta(hours=last)
        if local < begin:
            return False, begin - ahead
        if local < end:
            return True, end - ahead
        return False, begin + timedelta(days=1) - ahead

    return look


def simulated(
    rows: Sequence[str],
    spacing: float,
    look: Callable[[Hashable, datetime], tuple[bool, datetime | None]] = always_open,
    max_live: int | None = None,
    call: Callable[[], float] = lambda: 120.0,
) -> datetime:
    """When the last call leaves if every call is followed, one after the other."""
    waiting: dict[str, deque[int]] = {}
    for place, zone in enumerate(rows):
        waiting.setdefault(zone, deque()).append(place)
    at = last = NOON
    live: list[datetime] = []
    while waiting:
        while live and live[0] <= at:
            heapq.heappop(live)
        if max_live is not None and len(live) >= max_live:
            at = live[0]
            continue
        doors = {zone: look(zone, at) for zone in waiting}
        may = [zone for zone, (is_open, _) in doors.items() if is_open]
        if not may:
            at = min(until for _, until in doors.values() if until is not None)
            continue
        zone = min(may, key=lambda one: waiting[one][0])
        waiting[zone].popleft()
        if not waiting[zone]:
            del waiting[zone]
        last = at
        heapq.heappush(live, at + timedelta(seconds=call()))
        at += timedelta(seconds=spacing)
    return last


def taken(found: Estimate) -> float:
    """Seconds until the last call leaves."""
    assert found.finish is not None
    return (found.finish - NOON).total_seconds()


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(0, 0), (1, 1), (59, 1), (60, 1), (61, 2), (600, 10)]
)
def test_every_minute_that_was_begun_is_billed(seconds: int, minutes: int) -> None:
    """And a call that nobody answered costs nothing."""
    assert billed(seconds) == minutes


@pytest.mark.parametrize(
    ("agent", "minutes"),
    [
        ({"maxCallDuration": 10}, 10),
        ({"maxCallDuration": 2.5}, 3),
        ({"maxCallDuration": 60}, 60),
        ({"maxCallDuration": 61}, 60),
        ({"maxCallDuration": 0}, 60),
        ({"maxCallDuration": -3}, 60),
        ({"maxCallDuration": True}, 60),
        ({"maxCallDuration": "10"}, 60),
        ({"maxCallDuration": float("nan")}, 60),
        ({"maxCallDuration": None}, 60),
        ({}, 60),
        (None, 60),
    ],
)
def test_longest_call(agent: dict[str, object] | None, minutes: int) -> None:
    """What the agent does not say in a way that can be is taken to be the API's limit."""
    assert longest_call(agent) == minutes
    assert LONGEST_MINUTES == 60


def test_lengths_that_are_assumed() -> None:
    """Without any call that is over, and never longer than the service lets a call last."""
    assert TWO_MINUTES.minutes(1) == (1, ASSUMED_MINUTES, 10)
    assert (TWO_MINUTES.seconds, TWO_MINUTES.known) == (120, 0)
    assert lengths(History(), 1).likely == 1


def test_lengths_that_are_known() -> None:
    """The mean of calls that are over, each of them billed by itself."""
    each = lengths(History(calls=4, seconds=150, minutes=5), 10)
    assert each.minutes(4) == (4, 5, 40)
    assert (each.seconds, each.known) == (37.5, 4)
    assert each.minutes(3) == (3, 4, 30)
    rarely = lengths(History(calls=4, seconds=30, minutes=1), 10)
    assert rarely.low == rarely.likely == Fraction(1, 4)


def test_an_estimate_in_figures() -> None:
    """1,148 calls at one a second, with a price."""
    found = estimate([{"": 1148}], now=NOON, spacing=1.0, each=TWO_MINUTES, price=Decimal("0.12"))
    assert found.calls == 1148
    assert found.left == 0
    assert found.minutes == (1148, 2296, 11480)
    assert found.money == (Decimal("137.76"), Decimal("275.52"), Decimal("1377.60"))
    assert found.begin == NOON
    assert found.finish == NOON + timedelta(seconds=1147)
    assert estimate([{"": 1}], now=NOON, spacing=1.0, each=TWO_MINUTES).money is None


def test_an_estimate_of_nothing() -> None:
    """No row, no call, no time at which it is done."""
    found = estimate([], now=NOON, spacing=1.0, each=TWO_MINUTES, price=Decimal(1))
    assert found.calls == 0
    assert found.minutes == (0, 0, 0)
    assert found.money == Range(Decimal(0), Decimal(0), Decimal(0))
    assert found.begin is found.finish is None


def test_those_who_may_be_called_now_are_called_now() -> None:
    """The rest wait for their morning: noon in London is 7 in New York."""
    found = estimate(
        [{"New York": 10, "London": 10}],
        now=NOON,
        spacing=60.0,
        each=TWO_MINUTES,
        opening=opening(8, 21),
    )
    assert found.begin == NOON
    assert found.finish == datetime(2026, 3, 2, 13, 9, tzinfo=UTC)
    alone = estimate(
        [{"New York": 1}], now=NOON, spacing=60.0, each=TWO_MINUTES, opening=opening(8, 21)
    )
    assert alone.begin == alone.finish == datetime(2026, 3, 2, 13, tzinfo=UTC)


def test_what_does_not_fit_before_the_end_is_left() -> None:
    """No call begins at the end or after it."""
    found = estimate(
        [{"London": 100}],
        now=NOON,
        spacing=60.0,
        each=TWO_MINUTES,
        end=NOON + timedelta(minutes=30),
    )
    assert (found.calls, found.left) == (30, 70)
    assert found.finish == NOON + timedelta(minutes=29)
    late = estimate([{"London": 1}], now=NOON, spacing=1.0, each=TWO_MINUTES, end=NOON)
    assert (late.calls, late.left, late.finish) == (0, 1, None)


def test_a_zone_that_never_opens() -> None:
    """Its rows are left, and the walk ends."""
    found = estimate(
        [{"London": 2, "Nowhere": 3}],
        now=NOON,
        spacing=1.0,
        each=TWO_MINUTES,
        opening=lambda zone, _: (zone == "London", None),
    )
    assert (found.calls, found.left) == (2, 3)


def test_no_further_than_a_year() -> None:
    """A pace that would take longer says how many it leaves."""
    found = estimate([{"": 10_000_000}], now=NOON, spacing=3600.0, each=TWO_MINUTES)
    assert found.calls == HORIZON / timedelta(hours=1)
    assert found.left == 10_000_000 - found.calls


def test_an_opening_that_stands_still_is_an_error() -> None:
    """A change that is not later than now would never come."""
    with pytest.raises(ValueError, match="later"):
        estimate(
            [{"": 1}],
            now=NOON,
            spacing=1.0,
            each=TWO_MINUTES,
            opening=lambda _, at: (False, at),
        )


ROWS = st.lists(st.sampled_from(sorted(ZONES)), min_size=1, max_size=60)


@given(
    rows=ROWS,
    minutes=st.sampled_from([1, 7, 33, 61, 90]),
    hours=st.sampled_from([(8, 21), (9, 17), (0, 24), (12, 13)]),
)
def test_row_by_row_it_is_exact(rows: list[str], minutes: int, hours: tuple[int, int]) -> None:
    """Where the order of the list is told, the estimate is what happens."""
    found = estimate(
        [{zone: 1} for zone in rows],
        now=NOON,
        spacing=minutes * 60.0,
        each=TWO_MINUTES,
        opening=opening(*hours),
    )
    assert found.calls == len(rows)
    assert found.finish == simulated(rows, minutes * 60.0, opening(*hours))


@given(rows=ROWS, size=st.integers(1, 20))
def test_however_it_is_cut(rows: list[str], size: int) -> None:
    """Stretches of one zone each may be told in one or in several."""
    runs: list[dict[Hashable, int]] = [{zone: len(list(some))} for zone, some in groupby(rows)]
    cut: list[dict[Hashable, int]] = [
        {zone: min(size, number - done)}
        for run in runs
        for zone, number in run.items()
        for done in range(0, number, size)
    ]
    whole, pieces = (
        estimate(work, now=NOON, spacing=400.0, each=TWO_MINUTES, opening=opening(9, 17))
        for work in (runs, cut)
    )
    assert whole == pieces


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("rate", ["30/m", "240/h", "2/m"])
@pytest.mark.parametrize("hours", [(8, 21), (10, 16)])
def test_within_a_tenth_over_zones(seed: int, rate: str, hours: tuple[int, int]) -> None:
    """Several zones and windows, of which only the totals are known."""
    chance = random.Random(seed)
    spacing = Pacer(Rate.parse(rate)).spacing
    zones = chance.sample(sorted(ZONES), chance.randint(1, len(ZONES)))
    rows = chance.choices(zones, weights=[chance.random() for _ in zones], k=3000)
    found = estimate(
        [Counter(rows)], now=NOON, spacing=spacing, each=TWO_MINUTES, opening=opening(*hours)
    )
    happened = (simulated(rows, spacing, opening(*hours)) - NOON).total_seconds()
    assert taken(found) == pytest.approx(happened, rel=0.1)
    assert found.calls == len(rows)


@pytest.mark.parametrize("shape", ["steady", "even", "exponential", "mostly-unanswered"])
@pytest.mark.parametrize("max_live", [1, 3, 20, 200])
@pytest.mark.parametrize("hours", [(0, 24), (9, 17)])
def test_within_a_tenth_over_live_calls(shape: str, max_live: int, hours: tuple[int, int]) -> None:
    """However long calls last, as long as their mean is known."""
    chance = random.Random(shape)
    calls = {
        "steady": lambda: 90.0,
        "even": lambda: chance.uniform(0, 180),
        "exponential": lambda: chance.expovariate(1 / 90),
        "mostly-unanswered": lambda: chance.choice([0, 0, 0, 360]),
    }
    zones = ["London", "New York"]
    rows = chance.choices(zones, k=2000)
    found = estimate(
        [Counter(rows)],
        now=NOON,
        spacing=1.0,
        each=replace(TWO_MINUTES, seconds=90.0),
        opening=opening(*hours),
        max_live=max_live,
    )
    end = simulated(rows, 1.0, opening(*hours), max_live, calls[shape])
    assert taken(found) == pytest.approx((end - NOON).total_seconds(), rel=0.1)


@pytest.mark.parametrize(
    ("rate", "lanes", "seconds"),
    [("10/s", 5, 0.2), ("30/m", 1, 0.5), ("50/s", 5, 0.5), ("5/s", 1, 3.0), ("600/h", 3, 0.1)],
)
def test_within_a_tenth_of_the_dispatcher(rate: str, lanes: int, seconds: float) -> None:
    """The real one, in simulated time, also where answers are slower than the pace."""
    run = Rehearsal(rows=120, rate=Rate.parse(rate), lanes=lanes, seconds=seconds)
    simulate(run.run())
    found = estimate(
        [{"": run.rows}],
        now=NOON,
        spacing=max(Pacer(run.rate).spacing, seconds / lanes),
        each=TWO_MINUTES,
    )
    assert taken(found) == pytest.approx(run.moments[-1] - run.moments[0], rel=0.1)


def test_live_calls_that_never_meet_the_cap_change_nothing() -> None:
    """At one call a second and 90 s each, 200 are never reached."""
    free, capped = (
        estimate([{"": 500}], now=NOON, spacing=1.0, each=TWO_MINUTES, max_live=most)
        for most in (None, 200)
    )
    assert free.finish == capped.finish


# The budget.

LONGEST = 10
TEN_EACH = Budget(LONGEST, price=Decimal("0.5"))


def test_without_caps_every_call_may_begin() -> None:
    """No cap, no refusal, any number."""
    assert not Budget(LONGEST).is_capped
    assert not Budget(LONGEST, price=Decimal(1)).is_capped
    assert Budget(LONGEST, max_calls=1).is_capped
    assert Budget(LONGEST, max_spend=Decimal(1), price=Decimal(1)).is_capped
    assert Budget(LONGEST).refuse(Used(10**6, 10**6, 10**3)) is None
    assert Budget(LONGEST).room(Used(10**6), Fraction(2)) is None


def test_a_cap_on_calls() -> None:
    """Calls in flight count, and give their place back where nobody was called."""
    budget = Budget(LONGEST, max_calls=2)
    one = Used().begun()
    two = one.begun()
    assert budget.refuse(one) is None
    refusal = budget.refuse(two)
    assert refusal is not None
    assert "--max-calls 2" in refusal.text
    assert not refusal.final
    assert budget.refuse(two.settled(CallStatus.FAILED, LONGEST)) is None
    both = two.settled(CallStatus.SUCCESS, LONGEST).settled(CallStatus.UNKNOWN, LONGEST)
    final = budget.refuse(both)
    assert final is not None
    assert final.final


@pytest.mark.parametrize(
    ("budget", "flag"),
    [
        (replace(TEN_EACH, max_minutes=30), "--max-minutes 30"),
        (replace(TEN_EACH, max_spend=Decimal("15.49")), "--max-spend 15.49"),
    ],
)
def test_a_cap_on_minutes_or_money(budget: Budget, flag: str) -> None:
    """Whatever may still cost something counts at its longest, and so does the next call."""
    used = Used()
    for _ in range(3):
        assert budget.refuse(used) is None
        used = used.begun().settled(CallStatus.SUCCESS, LONGEST)
    wait = budget.refuse(used)
    assert wait is not None
    assert wait.text.startswith(f"{flag} leaves no room for one more call: 0 of 30 minutes")
    assert "3 in progress may take 30" in wait.text
    assert not wait.final
    short = used.ended(30)
    assert (short.minutes, short.open) == (1, 2)
    assert budget.refuse(short) is not None
    shorter = short.ended(0).ended(9 * 60)
    assert (shorter.minutes, shorter.open) == (10, 0)
    assert budget.refuse(shorter) is None
    spent = budget.refuse(replace(shorter, minutes=21))
    assert spent is not None
    assert spent.final


def test_a_call_that_may_have_rung_counts_at_its_longest() -> None:
    """Nobody will ever say how long it was."""
    used = Used().begun().settled(CallStatus.UNKNOWN, LONGEST)
    assert used == Used(calls=1, minutes=LONGEST)


@pytest.mark.parametrize("status", [CallStatus.FAILED, CallStatus.PENDING])
def test_a_call_that_nobody_got_costs_nothing(status: CallStatus) -> None:
    """Neither minutes nor a place."""
    assert Used().begun().settled(status, LONGEST) == Used()


def test_money_without_a_price_is_no_cap() -> None:
    """It could not be counted; settings refuse it. A price of nothing spends nothing."""
    assert Budget(LONGEST, max_spend=Decimal(1)).refuse(Used(9, 9)) is None
    free = Budget(LONGEST, max_spend=Decimal(1), price=Decimal(0))
    assert free.refuse(Used(9, 9)) is None


@given(
    caps=st.fixed_dictionaries(
        {},
        optional={
            "max_calls": st.integers(1, 40),
            "max_minutes": st.integers(1, 200),
            "max_spend": st.decimals(1, 50, places=2),
        },
    ),
    seed=st.integers(0, 10**6),
    lanes=st.integers(1, 12),
)
def test_no_cap_is_overrun(caps: dict[str, object], seed: int, lanes: int) -> None:
    """Over any course of calls: many at a time, refused, lost, short and long."""
    chance = random.Random(seed)
    budget = replace(TEN_EACH, **caps)  # type: ignore[arg-type]
    used, asked, live, rang, minutes = Used(), 0, 0, 0, 0
    for _ in range(400):
        refusal = budget.refuse(used)
        if refusal is not None and refusal.final:
            assert budget.refuse(used) == refusal
        step = chance.choice(["begin", "answer", "end"])
        if step == "begin" and refusal is None and asked + live < lanes:
            used, asked = used.begun(), asked + 1
        elif step == "answer" and asked:
            status = chance.choice(
                [CallStatus.SUCCESS] * 3 + [CallStatus.FAILED, CallStatus.UNKNOWN]
            )
            used, asked = used.settled(status, LONGEST), asked - 1
            rang += status is not CallStatus.FAILED
            live += status is CallStatus.SUCCESS
            minutes += LONGEST if status is CallStatus.UNKNOWN else 0
        elif step == "end" and live:
            seconds = chance.choice([0, chance.uniform(0, 600), 600])
            used, live = used.ended(seconds), live - 1
            minutes += ceil(seconds / 60)
        assert (used.open, used.asked) == (asked + live, asked)
    assert rang <= caps.get("max_calls", rang)  # type: ignore[operator]
    assert minutes <= caps.get("max_minutes", minutes)  # type: ignore[operator]
    assert minutes * Decimal("0.5") <= caps.get("max_spend", 10**9)  # type: ignore[operator]


@given(
    minutes=st.integers(0, 100),
    opened=st.integers(0, 5),
    most=st.integers(1, 150),
    each=st.integers(0, LONGEST),
)
def test_room_is_what_can_begin(minutes: int, opened: int, most: int, each: int) -> None:
    """One call after the other, each of the expected length; those in progress among them."""
    budget = Budget(LONGEST, max_calls=30, max_minutes=most)
    used = Used(calls=opened, minutes=minutes, open=opened)
    room = budget.room(used, Fraction(each))
    for _ in range(opened):
        used = used.ended(each * 60)
    made = 0
    while budget.refuse(used) is None:
        used, made = used.begun().settled(CallStatus.SUCCESS, LONGEST).ended(each * 60), made + 1
    assert room == made


def test_an_estimate_within_a_budget() -> None:
    """It counts no call that there is no room for."""
    found = estimate([{"": 50}], now=NOON, spacing=1.0, each=TWO_MINUTES, most=7)
    assert (found.calls, found.left) == (7, 43)
