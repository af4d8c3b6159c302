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

    async def renew(self) -> bool:
        """Say that this process lives; False if the campaign is another's by now."""

    def is_sure(self) -> bool:
        """Whether that was said so lately that the campaign can be nobody else's."""


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


@dataclass(frozen=True, slots=True)
class Ending:
    """Why dialling ended, and what was said."""

    stop: Stop
    settlement: Settlement | None = None  #: the one that made it stop
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is dialled, and how stubbornly."""

    lanes: int  #: requests in flight
    max_attempts: int  #: POSTs a row, whatever the causes
    stop_after: int  #: equal failures in a row; 0 is never
    rows: int | None = None
