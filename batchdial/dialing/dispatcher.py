"""Lanes: claim, pace, send, settle, until the scope is empty or somebody says stop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING

from batchdial.dialing.settle import settle
from batchdial.dialing.terms import Anytime, Ending, Stop
from batchdial.errors import CampaignBusyError, LedgerAwayError
from batchdial.models import CallStatus, Claimed, Outcome, Settlement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from batchdial.dialing.pacing import Pacer
    from batchdial.dialing.terms import Limits, Line, Record, Terms

#: Seconds of the first pause where a 429 or a broken connection names none; it doubles each time.
BACKOFF = 1.0
#: A longer pause is not waited for: the campaign stops and says until when.
LONGEST_PAUSE = 300.0
#: Seconds for which a connection is held open for a call that may not leave yet.
LONGEST_HOLD = 0.5
#: Seconds by which a timer may be late.
TICK = 0.001
#: Seconds between two signs of life in the ledger, and between two looks at what others ask for.
HEARTBEAT, LOOK = 5.0, 0.5
#: Seconds after which a lane that rests looks at the clock again: one that was set, or a machine
#: that slept, must not keep it from its time.
NAP = 15.0
#: Seconds after its claim from which the ledger is asked once more whether a row may be dialled.
LATE = 1.0
#: Seconds that are not worth ending a run for.
SOON = 2.0
LEASE_LOST = "The campaign was taken over by another process. Nothing more is dialled here."


class Dispatcher:
    """
    Dials the rows that a record hands out.

    Args:
        record: Claims and settlements.
        open_line: The way to the service.
        body_of: The request body for a claimed row.
        pacer: When calls may leave.
        limits: How much and how stubbornly.
        on_outcome: Told of each row that is settled for now.
        clock: Unix time in seconds.
        terms: What must hold whenever a call begins.
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
        terms: Terms | None = None,
    ) -> None:
        self._record = record
        self._terms: Terms = terms or Anytime()
        self._open_line = open_line
        self._body_of = body_of
        self._pacer = pacer
        self._limits = limits
        self._on_outcome = on_outcome
        self._clock = clock
        self._rows_left = limits.rows
        self._reserved = 0  # rows that were counted and are not claimed yet
        self._stopping = asyncio.Event()  # no further call begins
        self._drained = asyncio.Event()  # no further row is begun; those that were are finished
        self._stir = asyncio.Event()  # set once when lanes that rest should look again
        self._rest_until = limits.begin_at  # Unix time
        self._turns = asyncio.Lock()
        self._door = asyncio.Lock()
        self.ending = Ending(Stop.DONE)
        self._streak: tuple[tuple[object, ...], int] = ((), 0)
        self._lanes: list[asyncio.Task[None]] = []
        self._in_hand = 0  # rows that are claimed and not settled
        self.in_flight = 0

    async def run(self) -> Ending:
        """Dial until the end; rows in flight at a stop are waited for."""
        self._rest_till(self._rest_until)
        self._look_at_the_end()
        if self._rows_left == 0:
            self._drained.set()
        async with self._open_line() as line:
            self._lanes = [asyncio.create_task(self._lane(line)) for _ in range(self._limits.lanes)]
            heartbeat = asyncio.create_task(self.keep_lease())
            try:
                await asyncio.gather(*self._lanes, return_exceptions=True)
            finally:
                heartbeat.cancel()
                await asyncio.gather(heartbeat, return_exceptions=True)
        return self.ending

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
            self.ending = ending
            self._stopping.set()
            self._drained.set()
            self.wake()

    def _drain(self, ending: Ending) -> None:
        """Begin no further row; those that were begun are finished."""
        if not self._drained.is_set():
            self.ending = ending
            self._drained.set()
            self.stir()

    def _look_at_the_end(self) -> None:
        """No call begins from the campaign's end on."""
        end_at = self._limits.end_at
        if end_at is not None and self._clock() >= end_at:
            self._end(Ending(Stop.OVER))

    def wake(self) -> None:
        """Let lanes that rest look again whether a row may be dialled."""
        self._rest_until = self._limits.begin_at
        self.stir()

    def stir(self) -> None:
        """Let lanes that wait for room look again whether there is some."""
        resting, self._stir = self._stir, asyncio.Event()
        resting.set()

    @property
    def resting_until(self) -> float | None:
        """Unix time until which nobody may be dialled; None while somebody may."""
        return self._rest_until if self._rest_until > self._clock() else None

    async def keep_lease(self) -> None:
        """Say that this process lives, and heed what others ask for, until all have stopped."""
        loop = asyncio.get_running_loop()
        renew_at = loop.time()
        while not (self._stopping.is_set() and all(lane.done() for lane in self._lanes)):
            if loop.time() >= renew_at:
                if not await self._renew():
                    return
                renew_at = loop.time() + HEARTBEAT
            if not self._stopping.is_set():
                await self._heed_wishes()
            await asyncio.sleep(LOOK)

    async def _heed_wishes(self) -> None:
        """End where another terminal asks for it, or the campaign's end has come."""
        if not self._drained.is_set():
            self._look_at_the_end()
        try:
            wish = await self._record.wish()
        except LedgerAwayError:
            return
        except Exception as error:  # noqa: BLE001 (a pause that cannot be seen must not be missed)
            self._end(Ending(Stop.BROKEN, error=error))
            return
        if wish == "pause":
            self._end(Ending(Stop.PAUSED))
        elif wish == "cancel":
            self._end(Ending(Stop.CANCELLED))

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

    async def _lane(self, line: Line) -> None:
        try:
            claimed = await self._next()
            while claimed is not None:
                claimed = await self._dial(line, claimed)
        except Exception as error:  # noqa: BLE001 (one lane's fault stops all, in order)
            self._end(Ending(Stop.BROKEN, error=error))

    async def _next(self) -> Claimed | None:
        """Wait for a turn and claim a row."""
        while await self._rest():
            if not self._reserve():  # no room is held meanwhile: giving it back would stir others
                await _within(NAP, self._stir)  # until the last rows are claimed, or are not
                continue
            claimed, has_room = None, await self._room()
            if has_room and await self._turn(self._drained):
                claimed = self._begun(await self._claim())
            else:
                self._give_back()
            if claimed is not None:
                return claimed
            if has_room:
                self._terms.spare()
        return None

    async def _claim(self) -> Claimed | None:
        """The next row; where many have to be looked at for it, all of them at one turn."""
        while True:
            claimed = await self._record.claim()
            at = self._record.next_at
            if claimed is not None or at is None or at > self._clock() or self._drained.is_set():
                return claimed

    async def _rest(self) -> bool:
        """Wait until a row may be dialled; False at the end."""
        while not self._drained.is_set():
            if self._rest_until == inf and not self._terms.expects(self._in_hand):
                self._rest_until = self._limits.begin_at  # what was waited for came to nothing
            left = self._rest_until - self._clock()
            if left <= 0:
                return True
            await _within(min(left, NAP), self._stir)
        return False

    async def _room(self) -> bool:
        """Wait until a call may begin; False where none may any more."""
        while not self._drained.is_set():
            if self._terms.try_room():
                return True
            if said := self._terms.full():
                self._end(Ending(Stop.SPENT, said=said))
            else:
                await _within(min(self._terms.room_in(), NAP), self._stir)
        return False

    def _reserve(self) -> bool:
        """Count a row before it is claimed, since lanes claim side by side."""
        if self._rows_left == 0:
            return False
        if self._rows_left is not None:
            self._rows_left -= 1
        self._reserved += 1
        return True

    def _give_back(self) -> None:
        """No row was claimed for what was counted."""
        self._reserved -= 1
        self._put_one_back()

    def _put_one_back(self) -> None:
        """One row more may be claimed."""
        if self._rows_left is not None:
            self._rows_left += 1
            self.stir()

    def _begun(self, claimed: Claimed | None) -> Claimed | None:
        """What a claim that was reserved for means for all lanes."""
        if claimed is not None:
            self._reserved -= 1
            self._in_hand += 1
            if self._rows_left == 0 and not self._reserved:
                self._drain(Ending(Stop.LIMIT))
            return claimed
        self._give_back()
        at = self._record.next_at
        if at is None and not self._terms.expects(self._in_hand):
            self._drain(Ending(Stop.DONE))
        else:
            self._rest_till(inf if at is None else at)
        return None

    def _rest_till(self, at: float) -> None:
        """Let all lanes rest, or end where that is not wanted."""
        end_at = self._limits.end_at
        if end_at is not None and at >= end_at and not self._terms.expects(self._in_hand):
            self._drain(Ending(Stop.OVER))
        elif not self._limits.waits and at - self._clock() > SOON:
            self._drain(Ending(Stop.WAITING))
        else:
            self._rest_until = at

    async def _dial(self, line: Line, claimed: Claimed) -> Claimed | None:
        """One row, within its budget of attempts; then the next one, if there is any."""
        for nth in range(1, self._limits.max_attempts + 1):
            settlement = await self._attempt(line, claimed)
            if settlement is None:
                break
            self._heed(settlement, nth)
            if not settlement.again or nth == self._limits.max_attempts:
                return await self._go_on(claimed, settlement)
            await self._record.settle(claimed, replace(settlement, status=CallStatus.PENDING))
            if not await self._turn(self._stopping):
                break
            again = await self._record.claim_again(claimed)
            if again is None:
                break
            claimed = again
        self._in_hand -= 1
        self._terms.spare()
        return await self._next()

    async def _go_on(self, claimed: Claimed, settlement: Settlement) -> Claimed | None:
        """Settle a row for now and take the next one, in one commit where its turn has come."""
        self._count(settlement)
        self._in_hand -= 1
        self._terms.made(claimed, settlement)
        if self._goes_on():
            following = self._begun(await self._record.settle_and_claim(claimed, settlement))
            try:
                self._tell(claimed, settlement)
            except BaseException:
                if following is not None:
                    await self._record.release(following)
                raise
            if following is None:
                self._terms.spare()
                return await self._next()
            return following
        await self._record.settle(claimed, settlement)
        self._tell(claimed, settlement)
        return await self._next()

    async def _attempt(self, line: Line, claimed: Claimed) -> Settlement | None:
        """Send one POST when its time has come; None where it was not sent at all."""
        left, left_at, refused = False, 0.0, False
        loop = asyncio.get_running_loop()
        settlement: Settlement | None = None

        async def may() -> bool:
            nonlocal refused
            refused = not await self._may(claimed)
            return not refused

        async def leave() -> bool:
            nonlocal left
            left = await self._leave(may)
            return left

        def sent() -> None:
            nonlocal left_at
            left_at = loop.time()
            self._pacer.sent(left_at)

        try:
            body = self._body_of(claimed)
            while settlement is None and not refused and await self._departure(claimed):
                self.in_flight += 1
                try:
                    reply = await line.call(body, leave, sent)
                finally:
                    self.in_flight -= 1
                if reply.held:
                    left = False
                else:
                    settlement = settle(reply, datetime.fromtimestamp(self._clock(), UTC))
                    if settlement.slow_down or settlement.status is CallStatus.SUCCESS:
                        self._pacer.heed(settlement.slow_down, left_at, loop.time())
        finally:
            if refused:
                await self._put_back(claimed)
            elif settlement is None and not left:
                await self._record.release(claimed)
        return settlement

    async def _put_back(self, claimed: Claimed) -> None:
        """It may not be dialled any more, now or at all: the next claim looks at it again."""
        await self._record.put_back(claimed)
        self._put_one_back()
        if not self._stopping.is_set():
            self.ending = Ending(Stop.DONE)
            self._drained.clear()
            self.wake()

    def _goes_on(self) -> bool:
        """Whether a lane may take its next row at once: all that it would wait for is there."""
        if self._rest_until > self._clock() or not self._terms.try_room():
            return False
        if self._reserve():
            if self._has_turn():
                return True
            self._give_back()
        self._terms.spare()
        return False

    def _has_turn(self) -> bool:
        """Take a turn if it has come already and nobody waits for one."""
        if self._turns.locked() or self._drained.is_set():
            return False
        now = asyncio.get_running_loop().time()
        return self._pacer.book_now(now)

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
        # Calls that a timer cannot tell apart are kept apart at the door.
        while wait > (TICK if self._pacer.spacing < TICK else 0):
            if await _within(wait, self._stopping):
                return False
            wait = self._pacer.wait(loop.time())
        return not self._stopping.is_set()

    async def _leave(self, may: Callable[[], Awaitable[bool]]) -> bool:
        """
        The last word before the first byte: it waits for its place in the window, and counts.

        Asked when the connection stands, since making one takes longer than the next call may
        take over one that stands already. A long wait is refused: the connection would go stale.
        A process that was stopped asks the ledger first whether the campaign is still its own.
        """
        loop = asyncio.get_running_loop()
        async with self._door:  # whoever comes first leaves first, and only one watches the clock
            while (wait := self._pacer.wait(loop.time())) > 0 or not self._record.is_sure():
                if wait > LONGEST_HOLD or (wait > 0 and await _within(wait, self._stopping)):
                    return False
                if not self._record.is_sure() and not await self._renew():
                    return False
            self._look_at_the_end()
            if self._stopping.is_set() or not await may():
                return False
            if self._stopping.is_set() or self._pacer.wait(loop.time()) > 0:
                return False  # it was asked for meanwhile
            self._pacer.leave(loop.time())
            return True

    async def _may(self, claimed: Claimed) -> bool:
        """Whether a row that was claimed may leave now; rules that fail end the run."""
        now = self._clock()
        is_late = abs(now - (claimed.depart_at - claimed.wait)) >= LATE
        try:
            may = self._terms.still(claimed, now)
            return may and (not is_late or await self._record.stands(claimed))
        except Exception as error:  # noqa: BLE001 (whatever it is, nobody may be dialled without)
            self._end(Ending(Stop.BROKEN, error=error))
            return False

    def _heed(self, settlement: Settlement, nth: int) -> None:
        """What one row's answer means for all lanes."""
        if settlement.stop:
            self._end(Ending(Stop.REFUSED, settlement))
        if settlement.again:
            pause = settlement.retry_after or BACKOFF * 2 ** (nth - 1)
            if pause > LONGEST_PAUSE:
                self._end(Ending(Stop.BUSY, settlement))
            self._pacer.pause(asyncio.get_running_loop().time(), pause)

    def _count(self, settlement: Settlement) -> None:
        """End dialling where too many rows in a row ended in the same way."""
        kind: tuple[object, ...] = (settlement.status,)
        if settlement.status is not CallStatus.UNKNOWN:  # nobody knows how alike those are
            kind += (settlement.reason, settlement.http_status)
        good = settlement.status is CallStatus.SUCCESS
        before, length = self._streak
        length = 0 if good else length + 1 if kind == before else 1
        self._streak = (kind, length)
        if self._limits.stop_after and length >= self._limits.stop_after:
            self._end(Ending(Stop.STREAK, settlement))

    def _tell(self, claimed: Claimed, settlement: Settlement) -> None:
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
