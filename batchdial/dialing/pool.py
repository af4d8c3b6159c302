"""Which connection carries the next call: a new one, unless reuse has been earned."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from batchdial.dialing.reuse import WATCHED, WITNESSES

if TYPE_CHECKING:
    from batchdial.dialing.reuse import Reuse


class Reusable(Protocol):
    """What is asked of a connection."""

    uses: int  #: requests that were sent over it
    is_dropped: bool  #: whether it was this side that ended it

    @property
    def age(self) -> float:
        """Seconds since it stands."""

    @property
    def idle(self) -> float:
        """Seconds since its last answer."""

    @property
    def is_quiet(self) -> bool:
        """Whether it stands and nothing came in."""

    def rest(self) -> None:
        """Wait for another request."""

    def drop(self) -> None:
        """End it at once."""


C = TypeVar("C", bound=Reusable)


class Pool(Generic[C]):
    """Idle connections to one service: witnesses, which only wait, a scout, and all others."""

    def __init__(self, reuse: Reuse) -> None:
        self._reuse = reuse
        self._idle: deque[C] = deque()  # the one used last is at the right
        self._witnesses: list[C] = []
        self._is_watched = False  # whether the witnesses have seen enough
        self._scout: C | None = None
        self._scout_rests = False

    def take(self) -> C | None:
        """A connection that may carry one more call; None asks for a new one."""
        if not self._is_watched:
            self._watch()
        scout = self._scout
        if scout is not None and self._scout_rests:
            if self._reuse.lets_scout(scout.uses, scout.idle, scout.age) and scout.is_quiet:
                self._reuse.scouted(scout.uses, scout.age)
                self._scout_rests = False
                return scout
            if scout.idle >= self._reuse.patience or not scout.is_quiet:
                self._scout = None
                scout.drop()
        while self._idle:
            connection = self._idle.pop()
            if self.may_carry(connection):
                return connection
            connection.drop()
        return None

    def may_carry(self, connection: C) -> bool:
        """Whether a connection that was taken may still be used."""
        if connection is self._scout:
            return connection.idle < self._reuse.patience and connection.is_quiet
        allowed = self._reuse.allows(connection.uses, connection.idle, connection.age)
        return allowed and connection.is_quiet

    def put(self, connection: C) -> None:
        """Keep a connection whose call was answered well, if it may be of use."""
        connection.rest()
        if connection is self._scout:
            self._scout_rests = True
        elif not self._is_watched and len(self._witnesses) < WITNESSES:
            self._witnesses.append(connection)
        elif self._reuse.allows(connection.uses, 0.0, connection.age):
            self._idle.append(connection)
        elif self._scout is None:
            self._scout, self._scout_rests = connection, True
        else:
            connection.drop()

    def lost(self, connection: C) -> None:
        """A call was sent over the connection and not answered well; nobody can use it any more."""
        if connection.uses > 1:
            self._reuse.failed()
        self.forget(connection)

    def ended(self, connection: C) -> None:
        """The connection has ended, by whomever."""
        if self.forget(connection) and not connection.is_dropped:
            self._reuse.closed(connection.idle)

    def forget(self, connection: C) -> bool:
        """Count on it no more; whether it was waiting here."""
        if connection is self._scout:
            self._scout = None
            return self._scout_rests
        for waiting in (self._idle, self._witnesses):
            if connection in waiting:
                waiting.remove(connection)
                return True
        return False

    def _watch(self) -> None:
        """What the witnesses have seen so far."""
        if len(self._witnesses) < WITNESSES:
            return
        idle = min(witness.idle for witness in self._witnesses)
        self._reuse.stood(idle)
        if idle >= WATCHED:
            self._is_watched = True
            for witness in self._witnesses:
                witness.drop()
            self._witnesses = []
