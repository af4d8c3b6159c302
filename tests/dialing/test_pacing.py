"""The rate is a promise: in no window more than asked, and not much less over time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdial.dialing.pacing import LEAD, Pacer
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
