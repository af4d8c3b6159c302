"""When the next call may leave."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchdial.models import Rate

#: Share of the window that is kept free, so that the promise also holds where the calls arrive.
MARGIN = 0.01
#: Longest time in seconds that is kept free.
MAX_MARGIN = 0.05
#: Seconds before its turn at which a call is claimed, so that the commit does not delay it.
LEAD = 0.025


class Pacer:
    """
    A sliding window over the calls that left, filled evenly.

    GCRA alone lets a little more through than asked, and a bucket lets a burst through;
    here the Nth call before must have left a whole window ago. Times are seconds of a
    monotonic clock, given by the caller.
    """

    def __init__(self, rate: Rate) -> None:
        self._window = rate.seconds + min(MARGIN * rate.seconds, MAX_MARGIN)
        self.spacing = self._window / rate.calls
        self._left: deque[float] = deque(maxlen=rate.calls)
        self._next_turn = 0.0
        self._not_before = 0.0

    def book(self, now: float) -> float:
        """
        Take the next evenly spaced turn.

        Returns:
            The moment at which a call may leave, if nothing pauses the campaign before.
        """
        turn = max(self._next_turn, self._not_before, now)
        self._next_turn = turn + self.spacing
        return turn

    def early(self, turn: float, now: float) -> float:
        """Seconds that it is too early to prepare the call of a turn; at most 0 if it is not."""
        return max(turn, self._not_before) - LEAD - now

    def wait(self, now: float) -> float:
        """Seconds until a call may leave by what has left already; 0 if it may now."""
        earliest = self._not_before
        if self._left:  # calls that are late, after a stall, catch up at twice the pace at most
            earliest = max(earliest, self._left[-1] + self.spacing / 2)
        if len(self._left) == self._left.maxlen:
            earliest = max(earliest, self._left[0] + self._window)
        return max(0.0, earliest - now)

    def leave(self, now: float) -> None:
        """Note that a call leaves."""
        self._left.append(now)

    def pause(self, now: float, seconds: float) -> None:
        """Let no call leave for so long; afterwards they go on evenly, without a burst."""
        self._not_before = max(self._not_before, now + seconds)
