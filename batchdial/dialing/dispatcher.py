"""Lanes: claim, pace, send, settle, until the scope is empty or somebody says stop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, Self

from batchdial.dialing.settle import settle
from batchdial.errors import CampaignBusyError
from batchdial.models import CallStatus, Claimed, Outcome, Settlement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from batchdial.dialing.pacing import Pacer
    from batchdial.dialing.settle import Reply

#: Seconds of the first pause where a 429 or a broken connection names none; it doubles each time.
BACKOFF = 1.0
#: A longer pause is not waited for: the campaign stops and says until when.
LONGEST_PAUSE = 300.0
#: Seconds for which a connection is held open for a call that may not leave yet.
LONGEST_HOLD = 0.5
#: Seconds between two signs of life in the ledger.
HEARTBEAT = 5.0
LEASE_LOST = "The campaign was taken over by another process. Nothing more is dialled here."


class Record(Protocol):
    """What dialling needs of a ledger."""

    async def claim(self) -> Claimed | None:
        """The next row, durably `dialing`; None when no row is left."""

    async def claim_again(self, claimed: Claimed) -> Claimed | None:
        """The same row for another attempt, or None."""

    async def settle(self, claimed: Claimed, settlement: Settlement) -> None:
        """Record durably what an attempt came to."""

    async def release(self, claimed: Claimed) -> None:
        """Give back a row of which no byte was sent."""

    async def renew(self) -> bool:
        """Say that this process lives; False if the campaign is another's by now."""

    def is_sure(self) -> bool:
        """Whether that was said so lately that the campaign can be nobody else's."""


class Line(Protocol):
    """What dialling needs of a connection."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...

    async def call(self, body: Mapping[str, str], leave: Callable[[], Awaitable[bool]]) -> Reply:
        """POST one call when `leave` lets its first byte go; whatever goes wrong is a reply too."""


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


class Dispatcher:
    """
    Dials the rows that a record hands out.

    Args:
        record: Claims and settlements.
        open_line: Makes one connection a lane.
        body_of: The request body for a claimed row.
        pacer: When calls may leave.
        limits: How much and how stubbornly.
        on_outcome: Told of each row that is settled for now.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        record: Record,
        open_line: Callable[[], Line],
        body_of: Callable[[Claimed], Mapping[str, str]],
        pacer: Pacer,
        limits: Limits,
        on_outcome: Callable[[Outcome], None],
        clock: Callable[[], float],
    ) -> None:
        self._record = record
        self._open_line = open_line
        self._body_of = body_of
        self._pacer = pacer
        self._limits = limits
        self._on_outcome = on_outcome
        self._clock = clock
        self._rows_left = limits.rows
        self._stopping = asyncio.Event()  # no further call begins
        self._drained = asyncio.Event()  # no further row is begun; those that were are finished
        self._turns = asyncio.Lock()
        self._ending = Ending(Stop.DONE)
        self._streak: tuple[tuple[object, ...], int] = ((), 0)
        self._lanes: list[asyncio.Task[None]] = []
        self.in_flight = 0

    async def run(self) -> Ending:
        """Dial until the end; rows in flight at a stop are waited for."""
        self._lanes = [asyncio.create_task(self._lane()) for _ in range(self._limits.lanes)]
        heartbeat = asyncio.create_task(self._keep_lease())
        try:
            await asyncio.gather(*self._lanes, return_exceptions=True)
        finally:
            heartbeat.cancel()
            await asyncio.gather(heartbeat, return_exceptions=True)
        return self._ending

    def stop(self) -> None:
        """Begin no further call; those in flight are finished."""
        self._end(Ending(Stop.ASKED))

    def abort(self) -> None:
        """Stop at once; calls in flight are left `dialing`, which the ledger turns `unknown`."""
        self.stop()
        for lane in self._lanes:
            lane.cancel()

    def _end(self, ending: Ending) -> None:
        if not self._stopping.is_set():
            self._ending = ending
            self._stopping.set()
            self._drained.set()

    async def _keep_lease(self) -> None:
        while await self._renew():  # noqa: ASYNC110 (a heartbeat waits for nothing)
            await asyncio.sleep(HEARTBEAT)

    async def _renew(self) -> bool:
        """Say that this process lives; dialling ends where that is too late."""
        try:
            ours = await self._record.renew()
        except Exception as error:  # noqa: BLE001 (whatever it is, dialling without a lease must end)
            self._end(Ending(Stop.BROKEN, error=error))
            return False
        if not ours:
            self._end(Ending(Stop.BROKEN, error=CampaignBusyError(LEASE_LOST)))
        return ours

    async def _lane(self) -> None:
        try:
            async with self._open_line() as line:
                while (claimed := await self._next()) is not None:
                    await self._dial(line, claimed)
        except Exception as error:  # noqa: BLE001 (one lane's fault stops all, in order)
            self._end(Ending(Stop.BROKEN, error=error))

    async def _next(self) -> Claimed | None:
        """Wait for a turn and claim a row."""
        if not await self._turn(self._drained):
            return None
        if self._rows_left is not None:
            self._rows_left -= 1
            if self._rows_left == 0:
                self._ending = Ending(Stop.LIMIT)
                self._drained.set()
        claimed = await self._record.claim()
        if claimed is None:
            self._drained.set()
        return claimed

    async def _dial(self, line: Line, claimed: Claimed) -> None:
        """One row, within its budget of attempts."""
        for nth in range(1, self._limits.max_attempts + 1):
            settlement = await self._attempt(line, claimed)
            if settlement is None:
                return
            last = nth == self._limits.max_attempts
            self._heed(settlement, nth)
            if settlement.again and not last:
                await self._record.settle(claimed, replace(settlement, status=CallStatus.PENDING))
            else:
                await self._record.settle(claimed, settlement)
                self._tell(claimed, settlement)
                return
            if not await self._turn(self._stopping):
                return
            again = await self._record.claim_again(claimed)
            if again is None:
                return
            claimed = again

    async def _attempt(self, line: Line, claimed: Claimed) -> Settlement | None:
        """Send one POST when its time has come; None where it was not sent at all."""
        left, left_at = False, 0.0
        loop = asyncio.get_running_loop()
        settlement: Settlement | None = None

        async def leave() -> bool:
            nonlocal left, left_at
            left = await self._leave()
            left_at = loop.time()
            return left

        try:
            body = self._body_of(claimed)
            while settlement is None and await self._departure(claimed):
                self.in_flight += 1
                try:
                    reply = await line.call(body, leave)
                finally:
                    self.in_flight -= 1
                if not reply.held:
                    settlement = settle(reply, datetime.fromtimestamp(self._clock(), UTC))
                    if settlement.slow_down or settlement.status is CallStatus.SUCCESS:
                        self._pacer.heed(settlement.slow_down, left_at, loop.time())
        finally:
            if settlement is None and not left:
                await self._record.release(claimed)
        return settlement

    async def _turn(self, end: asyncio.Event) -> bool:
        """Wait, one lane after the other, until a row may be claimed; False at the end."""
        loop = asyncio.get_running_loop()
        async with self._turns:
            if end.is_set():
                return False
            turn = self._pacer.book(loop.time())
            while (wait := self._pacer.early(turn, loop.time())) > 0:
                if await _within(wait, end):
                    return False
            return not end.is_set()

    async def _departure(self, claimed: Claimed) -> bool:
        """Wait until a claimed call may be connected; False if dialling ends first."""
        loop = asyncio.get_running_loop()
        # The slot is wall-clock time, shared by machines; a clock that is set must not hold it up.
        booked = min(claimed.depart_at - self._clock(), claimed.wait)
        wait = max(booked, self._pacer.wait(loop.time()))
        while wait > 0:
            if await _within(wait, self._stopping):
                return False
            wait = self._pacer.wait(loop.time())
        return not self._stopping.is_set()

    async def _leave(self) -> bool:
        """
        The last word before the first byte: it waits for its place in the window, and counts.

        Asked when the connection stands, since making one takes longer than the next call may
        take over one that stands already. A long wait is refused: the connection would go stale.
        A process that was stopped asks the ledger first whether the campaign is still its own.
        """
        loop = asyncio.get_running_loop()
        while (wait := self._pacer.wait(loop.time())) > 0 or not self._record.is_sure():
            if wait > LONGEST_HOLD or (wait > 0 and await _within(wait, self._stopping)):
                return False
            if not self._record.is_sure() and not await self._renew():
                return False
        if self._stopping.is_set():
            return False
        self._pacer.leave(loop.time())
        return True

    def _heed(self, settlement: Settlement, nth: int) -> None:
        """What one row's answer means for all lanes."""
        if settlement.stop:
            self._end(Ending(Stop.REFUSED, settlement))
        if settlement.again:
            pause = settlement.retry_after or BACKOFF * 2 ** (nth - 1)
            if pause > LONGEST_PAUSE:
                self._end(Ending(Stop.BUSY, settlement))
            self._pacer.pause(asyncio.get_running_loop().time(), pause)

    def _tell(self, claimed: Claimed, settlement: Settlement) -> None:
        kind: tuple[object, ...] = (settlement.status,)
        if settlement.status is not CallStatus.UNKNOWN:  # nobody knows how alike those are
            kind += (settlement.reason, settlement.http_status)
        good = settlement.status is CallStatus.SUCCESS
        before, length = self._streak
        length = 0 if good else length + 1 if kind == before else 1
        self._streak = (kind, length)
        if self._limits.stop_after and length >= self._limits.stop_after:
            self._end(Ending(Stop.STREAK, settlement))
        self._on_outcome(
            Outcome(
                claimed.row,
                claimed.e164,
                settlement.status,
                settlement.call_id,
                settlement.reason,
                settlement.detail,
                claimed.attempt,
            )
        )


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Whether something happens within so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
