"""The rate is a promise: in no window more than asked, and not much less over time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdial.dialing.pacing import GIVE_BACK, LEAD, LEAST_PER_SECOND, Pace, Pacer, adapt
from batchdial.models import Rate
from tests.dialing.rehearsal import most_in

RATES = st.builds(Rate, st.integers(1, 60), st.sampled_from([1, 60, 3600]))


@dataclass
class Lanes:
    """Lanes as the dispatcher runs them, on a clock that the test moves, each wake-up late."""

    pacer: Pacer
    lateness: list[float]  #: seconds by which wake-ups are late, in turn
    now: float = 5_000.0
    moments: list[float] = field(default_factory=list)
    _wakes: int = 0

    def _late(self) -> float:
        self._wakes += 1
        return self.lateness[self._wakes % len(self.lateness)] if self.lateness else 0.0

    def run(self, calls: int, lanes: int = 8, seconds: float = 0.2) -> None:
        """Let so many calls leave; each lane is busy for so long with one."""
        # A lane is (when it wakes, its number, the turn it waits for, whether it has claimed).
        queue: list[tuple[float, int, float | None]] = [
            (self.now, lane, None) for lane in range(lanes)
        ]
        heapq.heapify(queue)
        left = calls
        while left:
            when, lane, turn = heapq.heappop(queue)
            self.now = max(self.now, when)
            if turn is None:
                turn = self.pacer.book(self.now)
            wait = max(self.pacer.early(turn, self.now), self.pacer.wait(self.now))
            if wait > 0:
                heapq.heappush(queue, (self.now + wait + self._late(), lane, turn))
                continue
            self.pacer.leave(self.now)
            self.moments.append(self.now)
            left -= 1
            heapq.heappush(queue, (self.now + seconds, lane, None))


@given(
    rate=RATES,
    lanes=st.integers(1, 60),
    lateness=st.lists(st.floats(0, 5), max_size=20),
    pauses=st.lists(st.tuples(st.integers(1, 30), st.floats(0, 400)), max_size=3),
    stalls=st.lists(st.floats(0, 2_000), max_size=2),
)
@settings(max_examples=200)
def test_no_window_has_more_calls_than_asked(
    rate: Rate,
    lanes: int,
    lateness: list[float],
    pauses: list[tuple[int, float]],
    stalls: list[float],
) -> None:
    """However late the machine is, after a pause and after a stall; windows are closed."""
    running = Lanes(Pacer(rate), lateness)
    for calls, seconds in pauses:
        running.run(calls, lanes)
        running.pacer.pause(running.now, seconds)
    for seconds in stalls:
        running.run(2 * rate.calls, lanes)
        running.now += seconds
    running.run(2 * rate.calls + 5, lanes)
    assert most_in(rate.seconds + 1e-6, running.moments) <= rate.calls


@given(rate=RATES, lateness=st.lists(st.floats(0, 0.005), max_size=20))
def test_the_rate_is_reached(rate: Rate, lateness: list[float]) -> None:
    """With lanes enough and a machine that is in time, 98 % of it."""
    running = Lanes(Pacer(rate), lateness)
    running.run(20 * rate.calls + 1, lanes=rate.calls + 40)
    seconds = running.moments[-1] - running.moments[0]
    assert (len(running.moments) - 1) / seconds >= 0.98 * rate.calls / rate.seconds


@given(rate=RATES, seconds=st.floats(1, 300), before=st.integers(0, 50))
def test_nothing_leaves_in_a_pause_and_no_burst_after_it(
    rate: Rate, seconds: float, before: int
) -> None:
    """Calls that waited go on at twice the pace at most."""
    running = Lanes(Pacer(rate), [])
    running.run(before, lanes=30)
    paused = running.now
    running.pacer.pause(paused, seconds)
    running.run(100, lanes=30)
    after = running.moments[before:]
    assert after[0] >= paused + seconds
    gaps = [b - a for a, b in pairwise(after)]
    assert min(gaps) >= running.pacer.spacing / 2 - 1e-6


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    """Two lanes were told to wait; the longer wait holds."""
    pacer = Pacer(Rate(10, 1))
    pacer.pause(100.0, 60)
    pacer.pause(101.0, 1)
    assert pacer.wait(101.0) == pytest.approx(59)
    assert pacer.early(101.0, 101.0) == pytest.approx(59 - LEAD)
    assert pacer.book(101.0) == 160.0


def test_turns_are_evenly_spaced() -> None:
    """From the first second on; a turn that nobody took is not made up for."""
    pacer = Pacer(Rate(10, 1))
    turns = [pacer.book(50.0) for _ in range(4)]
    assert turns == pytest.approx([50.0, 50.101, 50.202, 50.303])
    assert pacer.book(80.0) == 80.0


@pytest.mark.parametrize(
    ("rate", "spacing"),
    [(Rate(1, 1), 1.01), (Rate(20, 1), 0.0505), (Rate(30, 60), 2.0017), (Rate(1, 3600), 3600.05)],
    ids=str,
)
def test_spacing_keeps_a_margin(rate: Rate, spacing: float) -> None:
    """A hundredth of a second at least, so that jitter on the way does not break the promise."""
    assert Pacer(rate).spacing == pytest.approx(spacing, abs=1e-4)


@pytest.mark.parametrize(
    ("jitter", "spacing"), [(0.0, 0.05), (0.1, 0.055), (None, 0.0505)], ids=str
)
def test_the_margin_can_be_chosen(jitter: float | None, spacing: float) -> None:
    """For a network that delivers one call so much later than another."""
    pacer = Pacer(Rate(20, 1), jitter)
    assert pacer.spacing == pytest.approx(spacing)
    for nth in range(20):
        pacer.leave(50 + nth * spacing)
    window = 1 + (0.01 if jitter is None else jitter)
    assert pacer.wait(50.99) == pytest.approx(window - 0.99)


def test_a_call_leaves_when_it_has_been_written() -> None:
    """A process that is held up between the one and the other sends nothing too early after it."""
    pacer = Pacer(Rate(2, 1))
    pacer.leave(50.0)
    pacer.sent(50.4)
    assert pacer.wait(50.5) == pytest.approx(50.4 + pacer.spacing / 2 - 50.5)
    pacer.leave(50.9)
    assert pacer.wait(51.2) == pytest.approx(50.4 + 1.01 - 51.2)


@pytest.mark.parametrize(("now", "taken"), [(50.2, False), (50.481, True), (60.0, True)])
def test_a_turn_that_has_come_is_taken_at_once(now: float, taken: bool) -> None:
    """One that has not is nobody's yet."""
    pacer = Pacer(Rate(2, 1))
    assert pacer.book(50.0) == 50.0
    assert pacer.book_now(now) is taken
    assert pacer.book(now) == pytest.approx(max(now, 50.505) + (pacer.spacing if taken else 0))


#: What answers say of the pace: whether it was too much, seconds until the next answer, and how
#: long before its answer a call had left.
ANSWERS = st.lists(st.tuples(st.booleans(), st.floats(0, 100), st.floats(0.001, 30)), max_size=200)


def heard(pace: Pace, answers: list[tuple[bool, float, float]], now: float = 5_000.0) -> list[Pace]:
    """The paces after each answer."""
    paces = [pace]
    for too_much, seconds, ago in answers:
        now += seconds
        paces.append(adapt(paces[-1], too_much=too_much, left_at=now - ago, now=now))
    return paces


@given(rate=RATES, answers=ANSWERS)
def test_a_pace_is_never_above_what_was_asked(rate: Rate, answers: list[Any]) -> None:
    """Nor so slow that nothing would come of it."""
    for pace in heard(Pace(rate), answers):
        assert pace.asked == rate
        assert pace.least <= pace.share <= 1
        per_second = pace.share * rate.calls / rate.seconds
        assert per_second >= min(LEAST_PER_SECOND, rate.calls / rate.seconds) - 1e-12


@given(rate=RATES, answers=ANSWERS, more=st.integers(1, 20))
def test_being_told_again_never_quickens(rate: Rate, answers: list[Any], more: int) -> None:
    """Each 429 to a call of the new pace halves it, down to the least; others change nothing."""
    *_, pace = heard(Pace(rate), answers)
    now = 5_000.0 + sum(seconds for _, seconds, _ in answers)
    for _ in range(more):
        old, now = pace, now + 1
        pace = adapt(old, too_much=True, left_at=now - 0.5, now=now)
        assert pace.share == max(pace.least, old.share / 2)
        for too_much in (True, False):
            assert adapt(pace, too_much=too_much, left_at=now - 0.5, now=now + 9) == pace
            assert adapt(pace, too_much=too_much, left_at=now, now=now + 9) == pace


@given(rate=RATES, answers=ANSWERS)
def test_quiet_brings_the_asked_rate_back(rate: Rate, answers: list[Any]) -> None:
    """A hundredth of it with each success, and no step down on the way."""
    *_, pace = heard(Pace(rate), answers)
    shares = [one.share for one in heard(pace, [(False, 1.0, 0.5)] * 100, now=1e6)]
    assert shares[-1] == 1
    assert shares == sorted(shares)
    assert max(b - a for a, b in pairwise(shares)) <= GIVE_BACK + 1e-9


@given(rate=RATES, answers=ANSWERS, lanes=st.integers(1, 40), stall=st.floats(0, 2_000))
@settings(max_examples=50)
def test_a_lowered_pace_is_kept_evenly(
    rate: Rate, answers: list[Any], lanes: int, stall: float
) -> None:
    """Never above the promise, and after a stall at twice the pace of the moment at most."""
    running = Lanes(Pacer(rate), [])
    for too_much, seconds, ago in answers[:10]:
        running.run(3, lanes, seconds=0.0)
        running.pacer.heed(too_much, running.now + 1e-3 - ago / 1_000, running.now)
        running.now += seconds
    running.now += stall
    before = len(running.moments)
    running.run(60, lanes, seconds=0.0)
    assert most_in(rate.seconds + 1e-6, running.moments) <= rate.calls
    gap = running.pacer.spacing / running.pacer.pace.share
    after = running.moments[before:]
    assert min(b - a for a, b in pairwise(after)) >= gap / 2 - 1e-6
    assert after[-1] - after[0] >= 0.9 * gap * (len(after) - 1 - lanes)


@pytest.mark.parametrize(
    ("rate", "share", "words"),
    [
        (Rate(5, 1), 0.5, "2.5/s"),
        (Rate(5, 1), 1 / 16, "0.31/s"),
        (Rate(30, 60), 0.25, "7.5/m"),
        (Rate(5000, 1), 0.5, "2500/s"),
    ],
    ids=str,
)
def test_a_pace_in_words(rate: Rate, share: float, words: str) -> None:
    """In the unit that was asked for."""
    assert str(Pace(rate, share)) == words


def test_the_slowest_pace_is_remembered() -> None:
    """For the summary, when the pace of the moment is higher again."""
    pacer = Pacer(Rate(4, 1))
    pacer.heed(True, 1.0, 2.0)
    pacer.heed(True, 3.0, 4.0)
    pacer.heed(False, 5.0, 6.0)
    assert (str(pacer.slowest), str(pacer.pace)) == ("1/s", "1.04/s")
