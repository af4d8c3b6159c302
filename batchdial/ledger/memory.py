"""The fake: one campaign's ledger in plain Python data, for tests and rehearsals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

from batchdial.errors import LedgerError
from batchdial.models import CallStatus, Claimed, Contact, Settlement, Verdict
from batchdial.rules.redial import ALREADY_CALLED, RANG, stands_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


#: A slot further ahead than this many calls was booked before the clock was set back.
FAR_AHEAD = 1_000
#: Seconds after the last renewal for which nobody else can have the campaign.
SURE = 15.0


@dataclass(slots=True)
class _Attempt:
    status: CallStatus
    waived: bool = False  # whether a person said that the number may ring again


class MemoryLedger:
    """One campaign with one list; nothing of it outlives the process."""

    def __init__(self, contacts: Iterable[Contact]) -> None:
        self.rows = dict(enumerate(contacts, 1))
        self.attempts: dict[str, dict[tuple[int, int], _Attempt]] = {}  # by number, row and nth
        self.fence = 0
        self.next_at = 0.0
        for row_id, row in self.rows.items():
            number, status = row.verdict.e164, row.verdict.status
            if number and status in (CallStatus.SUCCESS, CallStatus.UNKNOWN):
                nth = row_id, row.attempts
                self.attempts.setdefault(number, {nth: _Attempt(status)})

    def acquire(self) -> int:
        """A new owner's fence; what the last one left as `dialing` becomes `unknown`."""
        self.fence += 1
        for tries in self.attempts.values():
            for (row_id, _), attempt in tries.items():
                if attempt.status is CallStatus.DIALING:
                    attempt.status = CallStatus.UNKNOWN
                    self.stand(row_id, CallStatus.UNKNOWN, reason="answer_lost")
        return self.fence

    def rang(self, e164: str) -> bool:
        """Whether a call that nobody waived rang the number, or may have."""
        tries = self.attempts.get(e164, {}).values()
        return any(attempt.status in RANG and not attempt.waived for attempt in tries)

    def stand(self, row_id: int, status: CallStatus, **said: str) -> None:
        """Let a row stand elsewhere from now on."""
        row = self.rows[row_id]
        self.rows[row_id] = replace(row, verdict=replace(row.verdict, status=status, **said))


class MemoryJournal:
    """
    What dialling asks of a ledger, as `Journal` does it.

    Args:
        ledger: Where to; the journal becomes its owner.
        statuses: Which rows, in this order; each row is claimed at most once.
        spacing: Seconds between two calls.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        ledger: MemoryLedger,
        statuses: Sequence[CallStatus] = (CallStatus.PENDING,),
        *,
        spacing: float,
        clock: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._fence = ledger.acquire()
        self._scope: Iterator[tuple[CallStatus, int]] = iter(
            [(status, row_id) for status in statuses for row_id in ledger.rows]
        )
        self._spacing = spacing
        self._clock = clock
        self._sure_since: float | None = None
        self._waived: set[str] = set()

    async def claim(self) -> Claimed | None:
        """The next row, `dialing`; None when no row is left."""
        self._check_lease()
        for status, row_id in self._scope:
            standing = self._ledger.rows[row_id].verdict.status is status
            if not standing:
                continue
            number = self._ledger.rows[row_id].verdict.e164 or ""
            is_new = status is CallStatus.UNKNOWN and number not in self._waived
            if (claimed := self._take(row_id, is_waived=is_new)) is not None:
                return claimed
        return None

    async def claim_again(self, claimed: Claimed) -> Claimed | None:
        """The same row, if it still stands where its last attempt, which rang nobody, left it."""
        self._check_lease()
        row = self._ledger.rows[claimed.row_id]
        last = self._attempts(claimed).get((claimed.row_id, claimed.attempt))
        is_ours = (
            (row.attempts, row.verdict.status) == (claimed.attempt, claimed.was)
            and last is not None
            and last.status is CallStatus.FAILED
        )
        is_waived = claimed.was is CallStatus.UNKNOWN
        return self._take(claimed.row_id, is_waived=is_waived) if is_ours else None

    async def settle(self, claimed: Claimed, settlement: Settlement) -> None:
        """Write the attempt's end and where the row stands after it."""
        failed = settlement.status in (CallStatus.PENDING, CallStatus.FAILED)
        attempt = self._attempts(claimed).get((claimed.row_id, claimed.attempt))
        if attempt is not None and attempt.status in (CallStatus.DIALING, CallStatus.UNKNOWN):
            attempt.status = CallStatus.FAILED if failed else settlement.status
        if self._is_open(claimed):
            stands = stands_after(claimed.was, settlement)
            stays = claimed.was is stands is CallStatus.UNKNOWN
            reason = claimed.was_reason if stays else settlement.reason
            detail = claimed.was_detail if stays else settlement.detail
            self._ledger.stand(claimed.row_id, stands, reason=reason, detail=detail)
            row = self._ledger.rows[claimed.row_id]
            self._ledger.rows[claimed.row_id] = replace(
                row,
                call_id=row.call_id if stays else settlement.call_id,
                last_attempt_at=datetime.fromtimestamp(self._clock(), UTC),
            )
        if failed:
            self._unwaive(claimed)

    async def settle_and_claim(self, claimed: Claimed, settlement: Settlement) -> Claimed | None:
        """Both at once."""
        await self.settle(claimed, settlement)
        return await self.claim()

    async def release(self, claimed: Claimed) -> None:
        """As if the row had never been claimed."""
        self._attempts(claimed).pop((claimed.row_id, claimed.attempt), None)
        if self._is_open(claimed):
            row = self._ledger.rows[claimed.row_id]
            verdict = Verdict(claimed.was, row.verdict.e164, claimed.was_reason, claimed.was_detail)
            self._ledger.rows[claimed.row_id] = replace(
                row, verdict=verdict, attempts=claimed.attempt - 1
            )
        self._unwaive(claimed)

    async def put_back(self, claimed: Claimed) -> None:
        """It is looked at again, after all others."""
        await self.release(claimed)
        self._scope = chain(self._scope, [(claimed.was, claimed.row_id)])

    async def stands(self, claimed: Claimed) -> bool:  # noqa: ARG002
        """No rule says otherwise."""
        return True

    @property
    def next_at(self) -> float | None:
        """No rule lets a row wait here."""
        return None

    async def wish(self) -> str | None:
        """Nobody else knows of it."""
        return None

    async def renew(self) -> bool:
        """False where another journal owns the ledger."""
        if self._ledger.fence != self._fence:
            return False
        self._sure_since = self._clock()
        return True

    def is_sure(self) -> bool:
        """Whether nobody can have taken the campaign since the lease was renewed."""
        return self._sure_since is not None and self._clock() - self._sure_since < SURE

    @property
    def unrecorded(self) -> list[tuple[Claimed, Settlement]]:
        """Memory takes everything."""
        return []

    async def close(self) -> None:
        """Nothing is waited for."""

    def _take(self, row_id: int, *, is_waived: bool) -> Claimed | None:
        row, ledger = self._ledger.rows[row_id], self._ledger
        number, was = row.verdict.e164 or "", row.verdict
        tries = ledger.attempts.setdefault(number, {})
        if is_waived:
            self._waived.add(number)
            for attempt in tries.values():
                attempt.waived |= attempt.status is CallStatus.UNKNOWN
        if ledger.rang(number):
            ledger.stand(row_id, CallStatus.SUPPRESSED, reason=ALREADY_CALLED)
            return None
        now = self._clock()
        is_believable = ledger.next_at - now <= FAR_AHEAD * self._spacing
        depart_at = max(now, ledger.next_at) if is_believable else now
        ledger.next_at = depart_at + self._spacing
        nth = row.attempts + 1
        tries[row_id, nth] = _Attempt(CallStatus.DIALING)
        ledger.rows[row_id] = replace(
            row, verdict=replace(was, status=CallStatus.DIALING), attempts=nth
        )
        wait = depart_at - now
        said = was.status, was.reason, was.detail
        return Claimed(row_id, 1, row.row, number, row.cells, nth, depart_at, wait, *said)

    def _attempts(self, claimed: Claimed) -> dict[tuple[int, int], _Attempt]:
        return self._ledger.attempts[claimed.e164]

    def _is_open(self, claimed: Claimed) -> bool:
        row = self._ledger.rows[claimed.row_id]
        waits = row.verdict.status in (CallStatus.DIALING, CallStatus.UNKNOWN)
        return waits and row.attempts == claimed.attempt

    def _unwaive(self, claimed: Claimed) -> None:
        """A new attempt came to nothing, so the earlier doubt stands."""
        doubts = [a for a in self._attempts(claimed).values() if a.status is CallStatus.UNKNOWN]
        if claimed.was is CallStatus.UNKNOWN and doubts and not self._ledger.rang(claimed.e164):
            doubts[-1].waived = False

    def _check_lease(self) -> None:
        if self._ledger.fence != self._fence:
            raise LedgerError("The campaign was taken over. Nothing more is dialled here.")
