"""What dialling needs of a ledger and of a network, how much it does, and why it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from batchdial.dialing.settle import Reply
    from batchdial.models import Claimed, Settlement


class Record(Protocol):
    """What dialling needs of a ledger."""

    async def claim(self) -> Claimed | None:
        """The next row, durably `dialing`; None when no row is left."""

    async def claim_again(self, claimed: Claimed) -> Claimed | None:
        """The same row for another attempt, or None."""

    async def settle(self, claimed: Claimed, settlement: Settlement) -> None:
        """Record durably what an attempt came to."""

    async def settle_and_claim(self, claimed: Claimed, settlement: Settlement) -> Claimed | None:
        """Both in one commit, so that a lane that goes on has one row in doubt at most."""

    async def release(self, claimed: Claimed) -> None:
        """Give back a row of which no byte was sent."""

    async def put_back(self, claimed: Claimed) -> None:
        """Give back a row that may not be dialled now; `claim` looks at it again."""

    async def stands(self, claimed: Claimed) -> bool:
        """Whether a row that was claimed a while ago may still be dialled, by what is known now."""

    @property
    def next_at(self) -> float | None:
        """Unix time at which a row that waits may be claimed; None where none waits."""

    async def wish(self) -> str | None:
        """What another terminal asks for: `pause` or `cancel`."""

    async def renew(self) -> bool:
        """Say that this process lives; False if the campaign is another's by now."""

    def is_sure(self) -> bool:
        """Whether that was said so lately that the campaign can be nobody else's."""


class Terms(Protocol):
    """What must hold whenever a call begins, besides the decision on its row."""

    def still(self, claimed: Claimed, now: float) -> bool:
        """Whether a row that was claimed a moment ago may leave at this Unix time."""

    def try_room(self) -> bool:
        """Take room for one call more in progress, if there is any now."""

    def full(self) -> str:
        """Why no call may begin any more, however long one waits; empty where one may wait."""

    def room_in(self) -> float:
        """Seconds after which room may be free although nobody says so."""

    def spare(self) -> None:
        """Give the room back: no call was made."""

    def made(self, claimed: Claimed, settlement: Settlement) -> None:
        """The room is taken by a call that was made, or may have been; else it is free again."""

    def expects(self, in_hand: int) -> bool:
        """
        Whether what becomes of calls in progress may let a row be called again.

        Args:
            in_hand: Rows that are claimed and of whose calls nobody was told yet.
        """


class Anytime:
    """Terms under which any call may begin."""

    def still(self, claimed: Claimed, now: float) -> bool:  # noqa: ARG002
        """Yes."""
        return True

    def try_room(self) -> bool:
        """There is."""
        return True

    def full(self) -> str:
        """It never is."""
        return ""

    def room_in(self) -> float:
        """At once."""
        return 0.0

    def spare(self) -> None:
        """Nothing was taken."""

    def made(self, claimed: Claimed, settlement: Settlement) -> None:
        """Nothing is taken."""

    def expects(self, in_hand: int) -> bool:  # noqa: ARG002
        """No."""
        return False


class Line(Protocol):
    """What dialling needs of a network; all lanes call over one line."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...

    async def call(
        self,
        body: Mapping[str, str],
        leave: Callable[[], Awaitable[bool]],
        sent: Callable[[], None],
    ) -> Reply:
        """
        POST one call when `leave` lets its first byte go, and tell when its last was `sent`.

        Whatever goes wrong is a reply too.
        """


class Stop(StrEnum):
    """Why dialling ended."""

    DONE = "done"  #: no row is left
    LIMIT = "limit"  #: as many were called as --limit allows
    ASKED = "asked"  #: a person or the system asked it to stop
    REFUSED = "refused"  #: the service refuses what every other row would ask too
    STREAK = "streak"  #: so many rows in a row ended in the same way
    BUSY = "busy"  #: the service asks for a pause that is too long to wait for
    BROKEN = "broken"  #: the ledger or this program failed
    WAITING = "waiting"  #: the rows that are left may not be dialled yet
    OVER = "over"  #: the campaign's end has come, or comes before any row may be dialled
    PAUSED = "paused"  #: another terminal asked for a pause
    CANCELLED = "cancelled"  #: another terminal gave the campaign up
    SPENT = "spent"  #: a cap on calls, minutes or money


@dataclass(frozen=True, slots=True)
class Ending:
    """Why dialling ended, and what was said."""

    stop: Stop
    settlement: Settlement | None = None  #: the one that made it stop
    error: BaseException | None = None
    said: str = ""  #: why, where no settlement says it


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is dialled, and how stubbornly."""

    lanes: int  #: requests in flight
    max_attempts: int  #: POSTs a row, whatever the causes
    stop_after: int  #: equal failures in a row; 0 is never
    rows: int | None = None
    waits: bool = True  #: whether dialling sleeps until the next row may be dialled
    begin_at: float = 0.0  #: Unix time in seconds before which nobody is called
    end_at: float | None = None  #: Unix time in seconds at which the campaign ends
