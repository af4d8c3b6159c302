"""When the next call may leave."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchdial.models import Rate

#: Share of the window that is kept free, so that the promise also holds where the calls arrive.
MARGIN = 0.01
#: Longest time in seconds that is kept free.
MAX_MARGIN = 0.05
#: Seconds before its turn at which a call is claimed, so that the commit does not delay it.
LEAD = 0.025
#: Seconds that a timer tells apart well. Calls that are closer are kept apart a few at a time.
GRAIN = 0.004
#: What is left of the pace when the service says that it is too much, and what of the asked rate
#: each success gives back.
BACK_OFF, GIVE_BACK = 0.5, 0.01
#: Neither this share of the asked rate nor this many calls a second are gone below.
LEAST_SHARE, LEAST_PER_SECOND = 1 / 16, 1 / 60


@dataclass(frozen=True, slots=True)
class Pace:
    """How much of the asked rate the service bears, as far as it has said."""

    asked: Rate
    share: float = 1.0  #: of the asked rate; never more than 1
    lowered_at: float = float("-inf")  #: monotonic seconds

    @property
    def least(self) -> float:
        """The share that is never gone below."""
        return min(1.0, max(LEAST_SHARE, LEAST_PER_SECOND * self.asked.seconds / self.asked.calls))

    def __str__(self) -> str:
        unit = str(self.asked).partition("/")[2]
        return f"{round(self.asked.calls * self.share, 2):g}/{unit}"


def adapt(pace: Pace, *, too_much: bool, left_at: float, now: float) -> Pace:
    """
    The pace after an answer: halved when it was too much, else a little of the asked rate more.

    Calls that left before the pace was last lowered say nothing of how it is now: twenty
    lanes that are told so at once lower it once.

    Args:
        pace: Until now.
        too_much: Whether the service asked to be called less; else it accepted a call.
        left_at: When the call had left, in monotonic seconds.
        now: Monotonic seconds.
    """
    if left_at <= pace.lowered_at:
        return pace
    if too_much:
        return replace(pace, share=max(pace.least, pace.share * BACK_OFF), lowered_at=now)
    return replace(pace, share=min(1.0, pace.share + GIVE_BACK))


class Pacer:
    """
    A sliding window over the calls that left, filled evenly.

    GCRA alone lets a little more through than asked, and a bucket lets a burst through;
    here the Nth call before must have left a whole window ago. Times are seconds of a
    monotonic clock, given by the caller.

    Args:
        rate: Never more calls than this in any window, neither here nor where they arrive.
        jitter: Seconds by which one call may be longer on its way than another.
    """

    def __init__(self, rate: Rate, jitter: float | None = None) -> None:
        margin = min(MARGIN * rate.seconds, MAX_MARGIN) if jitter is None else jitter
        self._window = rate.seconds + margin
        self.spacing = self._window / rate.calls
        self._left: deque[float] = deque(maxlen=rate.calls)
        self._next_turn = 0.0
        self._not_before = 0.0
        self.pace = self.slowest = Pace(rate)

    @property
    def _gap(self) -> float:
        """Seconds between two calls at the pace of now."""
        return self.spacing / self.pace.share

    @property
    def together(self) -> int:
        """How many calls that are late may leave within one grain of time."""
        return max(1, int(2 * GRAIN / self._gap))

    def book(self, now: float) -> float:
        """
        Take the next evenly spaced turn.

        Returns:
            The moment at which a call may leave, if nothing pauses the campaign before.
        """
        turn = max(self._next_turn, self._not_before, now)
        self._next_turn = turn + self._gap
        return turn

    def book_now(self, now: float) -> bool:
        """Take the next turn if it is not too early for it."""
        if self.early(max(self._next_turn, now), now) > 0:
            return False
        self.book(now)
        return True

    def early(self, turn: float, now: float) -> float:
        """Seconds that it is too early to prepare the call of a turn; at most 0 if it is not."""
        return max(turn, self._not_before) - LEAD - now

    def wait(self, now: float) -> float:
        """Seconds until a call may leave by what has left already; 0 if it may now."""
        earliest = self._not_before
        least = self._gap / 2  # calls that are late, after a stall, catch up at twice the pace
        few = self.together
        if len(self._left) >= few:
            earliest = max(earliest, self._left[-few] + few * least)
        if len(self._left) == self._left.maxlen:
            earliest = max(earliest, self._left[0] + self._window)
        return max(0.0, earliest - now)

    def leave(self, now: float) -> None:
        """Note that a call leaves."""
        self._left.append(now)

    def sent(self, now: float) -> None:
        """Note that the last byte of the call that left last has been sent, and was not before."""
        self._left[-1] = now

    def pause(self, now: float, seconds: float) -> None:
        """Let no call leave for so long; afterwards they go on evenly, without a burst."""
        self._not_before = max(self._not_before, now + seconds)

    def heed(self, too_much: bool, left_at: float, now: float) -> None:
        """Adapt the pace to an answer; see `adapt`."""
        self.pace = adapt(self.pace, too_much=too_much, left_at=left_at, now=now)
        self.slowest = min(self.slowest, self.pace, key=lambda one: one.share)
