"""Whether a connection may carry a further call: only where the service has shown that it holds."""

from __future__ import annotations

from collections import deque

#: Fewer calls than this, in so many seconds, have connections of their own: there is time to make
#: them, and a connection that nobody uses twice cannot be closed at the moment of its reuse.
BUSY_CALLS, BUSY_SECONDS = 32, 0.32
#: Connections that are only watched, to see how long the service leaves idle ones open, and
#: seconds after which that is known well enough.
WITNESSES, WATCHED = 3, 3.0
#: Share of the shortest idle life seen that is trusted, and the most and the least in seconds.
TRUSTED, LONGEST_IDLE, SHORTEST_IDLE = 1 / 3, 1.0, 0.005
#: Seconds that a scout rests before it is used again: a service that closes it does so by then.
REST = 0.03
#: No connection carries more calls, or is older in seconds.
MOST_CALLS, OLDEST = 100, 20.0


class Reuse:
    """
    What a service has shown of how it treats connections, and what follows from it.

    A request that meets a connection which is just being closed is lost, and its row would be
    `unknown` although nothing was received. So reuse is earned: some connections are left idle
    and watched, and one at a time, the scout, is used more often and longer than any other.
    Times are seconds, given by the caller.
    """

    def __init__(self) -> None:
        self._calls: deque[float] = deque(maxlen=BUSY_CALLS)
        self._stood = 0.0
        self._shortest = float("inf")
        self._uses, self._age = 1, 0.0
        self._is_off = False

    def note_call(self, now: float) -> None:
        """A call is about to be connected."""
        self._calls.append(now)

    def is_wanted(self, now: float) -> bool:
        """Whether calls are so many that connections for each would cost too much."""
        if self._is_off or len(self._calls) < BUSY_CALLS:
            return False
        return now - self._calls[0] <= BUSY_SECONDS

    @property
    def patience(self) -> float:
        """For how long a connection may have been idle; 0 where none is used again."""
        if self._is_off:
            return 0.0
        trusted = min(LONGEST_IDLE, TRUSTED * min(self._stood, self._shortest))
        return trusted if trusted >= SHORTEST_IDLE else 0.0

    def allows(self, uses: int, idle: float, age: float) -> bool:
        """Whether a connection that carried so many calls may carry one more."""
        return idle < self.patience and uses < self._uses and age <= self._age / 2

    def lets_scout(self, uses: int, idle: float, age: float) -> bool:
        """Whether the scout has rested, and may be used once more than any connection was."""
        return REST <= idle < self.patience and uses < MOST_CALLS and age <= OLDEST

    def scouted(self, uses: int, age: float) -> None:
        """The scout carried so many calls, all were answered, and it still stands."""
        self._uses, self._age = max(self._uses, uses), max(self._age, age)

    def stood(self, idle: float) -> None:
        """All witnesses were left open for so long."""
        self._stood = max(self._stood, idle)

    def closed(self, idle: float) -> None:
        """The service closed a connection that had been idle for so long."""
        self._shortest = min(self._shortest, idle)

    def failed(self) -> None:
        """A call over a connection that was used before got no whole answer: never again."""
        self._is_off = True
