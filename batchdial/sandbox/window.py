"""How many calls a service accepts in any one second."""

from __future__ import annotations

from collections import deque


class Window:
    """The arrivals of the last second; what was refused does not count."""

    def __init__(self) -> None:
        self._accepted: deque[float] = deque()

    def accept(self, arrival: float, limit: int) -> bool:
        """
        Whether one more call fits, which then counts.

        Args:
            arrival: Seconds on a clock that never goes back.
            limit: Calls in any one second.
        """
        while self._accepted and arrival - self._accepted[0] >= 1:
            self._accepted.popleft()
        if len(self._accepted) >= limit:
            return False
        self._accepted.append(arrival)
        return True
