"""Claims and settlements of a running campaign, committed in groups."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from batchdial.errors import BatchDialError, LedgerAwayError, LedgerError
from batchdial.ledger.claims import Claims
from batchdial.ledger.deciding import record_basis
from batchdial.ledger.ledger import LEASE
from batchdial.ledger.queue import Queue, Waiting
from batchdial.models import CallStatus, Claimed, Settlement
from batchdial.rules.plan import NoRules

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import sqlalchemy as sa

    from batchdial.ledger.ledger import Lease, Ledger
    from batchdial.ledger.rows import Pick
    from batchdial.rules.plan import Policy

T = TypeVar("T")

#: Seconds for which a database that is out of reach is waited for; nothing is dialled meanwhile.
PATIENCE = 60.0
#: Seconds after which rules that were not ready are asked again.
NOT_READY = 0.25
_NOT_YET = BatchDialError("The rules are being read again.")
#: Seconds after the last renewal for which nobody else can have the campaign, clocks included.
SURE = LEASE.total_seconds() / 2


@dataclass(frozen=True, slots=True)
class _Settle:
    claimed: Claimed
    settlement: Settlement


@dataclass(frozen=True, slots=True)
class _Claim:
    settled: _Settle | None = None  # recorded by the same commit


@dataclass(frozen=True, slots=True)
class _ClaimAgain:
    claimed: Claimed


@dataclass(frozen=True, slots=True)
class _Release:
    claimed: Claimed
    again: bool = False  # looked at again in this run


_Operation = _Claim | _ClaimAgain | _Settle | _Release


class Journal:
    """
    What dialling asks of the ledger, for one campaign and one scope of rows.

    Operations that come in while a commit is under way share the next commit. What a call
    came to is kept until the ledger has it: a database that was out of reach gets it later.

    Args:
        ledger: Where to.
        lease: The right to dial the campaign; a claim under a lost lease is refused.
        picks: Which rows, in this order; each row is claimed at most once, unless it was put back.
        due: Lists whose rows are claimed again when they are due.
        policy: Which rows may be dialled now.
        spacing: Seconds between two calls, booked for all processes on the ledger.
        clock: Unix time in seconds.
        monotonic: Seconds of a clock that nobody sets.
    """

    def __init__(
        self,
        ledger: Ledger,
        lease: Lease,
        picks: Sequence[Pick],
        *,
        spacing: float,
        clock: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
        policy: Policy | None = None,
        due: Sequence[int] = (),
    ) -> None:
        self._ledger = ledger
        self._lease = lease
        self._queue = Queue(picks, due)
        self._policy: Policy = policy or NoRules()
        self._basis: tuple[str, int | None] = "", None
        self._waived: set[str] = set()  # numbers
        self._spacing = spacing
        self._clock = clock
        self._monotonic = monotonic
        self._sure_since: tuple[float, float] | None = None  # by either clock
        self._owed: list[_Settle | _Release] = []  # what the ledger failed to take
        self._hurried = threading.Event()
        self._waiting: list[tuple[_Operation, asyncio.Future[Any]]] = []
        self._committing: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "ledger")

    async def claim(self) -> Claimed | None:
        """The next row, durably `dialing`; None when no row is left."""
        found: Claimed | None = await self._ask(_Claim())
        return found

    async def claim_again(self, claimed: Claimed) -> Claimed | None:
        """The same row for another attempt; None if it is not this process's to dial any more."""
        found: Claimed | None = await self._ask(_ClaimAgain(claimed))
        return found

    async def settle(self, claimed: Claimed, settlement: Settlement) -> None:
        """Record durably what an attempt came to."""
        await self._ask(_Settle(claimed, settlement))

    async def settle_and_claim(self, claimed: Claimed, settlement: Settlement) -> Claimed | None:
        """Record what an attempt came to, and take the next row, in one commit."""
        found: Claimed | None = await self._ask(_Claim(_Settle(claimed, settlement)))
        return found

    async def release(self, claimed: Claimed) -> None:
        """Give back a row of which no byte was sent; it stands where it stood."""
        await self._ask(_Release(claimed))

    async def put_back(self, claimed: Claimed) -> None:
        """Give back a row that may not be dialled now; it is looked at again."""
        await self._ask(_Release(claimed, again=True))

    async def stands(self, claimed: Claimed) -> bool:
        """Whether a row that was claimed a while ago may still be dialled, by the ledger of now."""
        return await self._in_thread(self._stands, claimed)

    def _stands(self, claimed: Claimed) -> bool:
        now = self._clock()
        try:
            with self._ledger.reading() as connection:
                return Claims(
                    connection, self._lease, now, self._spacing, (), self._policy, None
                ).stands(claimed)
        except LedgerError:  # it is put back, and whoever claims next is told
            return False

    @property
    def next_at(self) -> float | None:
        """Unix time at which a row that waits may be claimed; None where none waits."""
        return self._queue.next_at

    @property
    def waiting(self) -> dict[float, int]:
        """How many rows wait until when."""
        return self._queue.waiting()

    async def wish(self) -> str | None:
        """What another terminal asks of whoever dials the campaign: `pause`, `cancel`."""
        return await self._in_thread(self._ledger.wish, self._lease.campaign)

    async def renew(self) -> bool:
        """Keep the lease; False where another process has it."""
        return await self._in_thread(self._renew)

    def is_sure(self) -> bool:
        """
        Whether nobody can have taken the campaign since the lease was renewed.

        A process that was stopped wakes up without knowing it. The wall clock also counts
        the time in which the machine slept, the other one cannot be set back.
        """
        if self._sure_since is None:
            return False
        clock, monotonic = self._sure_since
        return max(self._clock() - clock, self._monotonic() - monotonic) < SURE

    @property
    def unrecorded(self) -> list[tuple[Claimed, Settlement]]:
        """What calls came to that the ledger does not know."""
        return [(one.claimed, one.settlement) for one in self._owed if isinstance(one, _Settle)]

    def hurry(self) -> None:
        """Wait no longer for a database that is out of reach."""
        self._hurried.set()

    async def close(self) -> None:
        """Wait for the last commit, and try once more what the ledger failed to take."""
        while self._committing is not None:
            await self._committing
        if self._owed:
            with suppress(LedgerError):  # `unrecorded` tells what it does not have
                await self._in_thread(self._commit, self._owed)
                self._owed = []
        self._thread.shutdown()

    async def _in_thread(self, ask: Callable[..., T], *given: Any) -> T:
        """Ask the ledger, patiently."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._patiently, ask, *given)

    def _patiently(self, ask: Callable[..., T], *given: Any) -> T:
        end, pause = self._monotonic() + PATIENCE, 0.05
        while True:
            try:
                return ask(*given)
            except LedgerAwayError:
                if self._monotonic() > end or self._hurried.wait(pause):
                    raise
                pause = min(2 * pause, 1.0)

    def _renew(self) -> bool:
        now = self._clock(), self._monotonic()
        held = self._ledger.renew(self._lease, datetime.fromtimestamp(now[0], UTC))
        if held:
            self._sure_since = now
        return held

    async def _ask(self, operation: _Operation) -> Any:
        future = self._enqueue(operation)
        try:
            return await future
        except asyncio.CancelledError:
            # Cancelled between the commit and the moment at which it would have been told.
            if not future.cancelled() and future.exception() is None:
                self._give_back(future.result())
            raise

    def _enqueue(self, operation: _Operation) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((operation, future))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        return future

    def _give_back(self, result: object) -> None:
        """Release a row that was claimed for somebody who does not wait for it any more."""
        if isinstance(result, Claimed):
            released = self._enqueue(_Release(result))
            released.add_done_callback(asyncio.Future.exception)  # nobody is left to tell

    async def _commit_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            operations = [operation for operation, _ in group]
            try:
                results = await self._in_thread(self._commit, operations)
            except Exception as error:  # noqa: BLE001 (whoever asked is told)
                self._owed += _owed(operations)
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), result in zip(group, results, strict=True):
                if not future.done() and isinstance(result, Exception):
                    future.set_exception(result)
                elif not future.done():
                    future.set_result(result)
                else:  # whoever asked was cancelled meanwhile
                    self._give_back(result)
        self._committing = None

    def _commit(self, operations: Sequence[_Operation]) -> list[Any]:
        """One transaction for a group; settlements first, since claims may depend on them."""
        results: dict[int, Any] = {}
        now = self._clock()
        owed = _owed(operations)
        asking = [i for i, operation in enumerate(operations) if isinstance(operation, _Claim)]
        again = {i: one for i, one in enumerate(operations) if isinstance(one, _ClaimAgain)}
        step = self._queue.begin(now, len(asking))
        with self._ledger.writing() as connection:
            basis = self._based(connection, now)
            work = Claims(
                connection, self._lease, now, self._spacing, self._waived, self._policy, basis[1]
            )
            refusal = work.refusal() or self._hindrance(now)
            ends = [(one.claimed, one.settlement) for one in owed if isinstance(one, _Settle)]
            if ends:
                work.settle(ends)
            for one in owed:
                if isinstance(one, _Release):
                    work.release(one.claimed)
            if refusal is _NOT_YET:
                step.woken.clear()
                step.due_at = now + NOT_READY
                for ours in again.values():
                    work.postpone(ours.claimed, step, now + NOT_READY)
            elif refusal is None:
                for index, ours in again.items():
                    results[index] = work.claim_again(ours.claimed, step)
                results.update(zip(asking, work.claim(step, len(asking)), strict=False))
            else:  # what was settled is recorded all the same
                results = dict.fromkeys([*again, *asking], refusal)
                step.woken.clear()
        # Only a commit that came through moves the queue: a lost one skips nobody.
        self._queue.end(step)
        self._basis = basis
        for one in owed:
            if isinstance(one, _Release) and one.again and one.claimed.was != CallStatus.SUCCESS:
                self._queue.park(Waiting(now, one.claimed.row_id, one.claimed.was))
        self._waived |= work.newly_waived
        return [results.get(index) for index in range(len(operations))]

    def _hindrance(self, now: float) -> BatchDialError | None:
        """Why nobody may be claimed: the rules are being read again, or cannot be."""
        try:
            return None if self._policy.ready(now) else _NOT_YET
        except BatchDialError as error:
            return error

    def _based(self, connection: sa.Connection, now: float) -> tuple[str, int | None]:
        """What decisions rest on, recorded anew whenever it changes."""
        content = self._policy.basis
        if content == self._basis[0]:
            return self._basis
        return content, record_basis(connection, self._lease.campaign, content, now)


def _owed(operations: Sequence[_Operation]) -> list[_Settle | _Release]:
    """What the ledger has to be told, whatever becomes of the rest."""
    told: list[_Settle | _Release] = []
    for one in operations:
        if isinstance(one, _Settle | _Release):
            told.append(one)
        elif isinstance(one, _Claim) and one.settled is not None:
            told.append(one.settled)
    return told
