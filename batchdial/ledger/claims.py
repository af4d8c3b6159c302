"""How a row is claimed, settled and released: what keeps a number from ringing twice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from batchdial.errors import LedgerError
from batchdial.ledger import statements as sql
from batchdial.models import CallStatus, Claimed
from batchdial.rules.redial import stands_after
from batchdial.rules.written import row_read

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import sqlalchemy as sa

    from batchdial.ledger.ledger import Lease
    from batchdial.ledger.lists import Pick
    from batchdial.models import Settlement

#: A slot further ahead than this many calls was booked before the clock was set back.
FAR_AHEAD = 1_000


class Claims:
    """
    Claims, settlements and releases within one open transaction.

    Args:
        connection: In a transaction that the caller commits.
        lease: The right to dial the campaign.
        clock: Unix time in seconds, taken as the time of all of them.
        spacing: Seconds between two calls.
        waived: Numbers whose doubt this run has waived; a doubt that its own call left is
            not waived with them, whatever rows have the number.
    """

    def __init__(
        self,
        connection: sa.Connection,
        lease: Lease,
        clock: float,
        spacing: float,
        waived: Collection[str] = (),
    ) -> None:
        self._connection = connection
        self._lease = lease
        self._campaign = lease.campaign
        self._of_campaign = {
            "campaign": lease.campaign.id,
            "of_generation": lease.campaign.generation,
        }
        self._clock = clock
        self._now = datetime.fromtimestamp(clock, UTC)
        self._spacing = spacing
        self._waived = waived
        self.newly_waived: set[str] = set()

    def refusal(self) -> LedgerError | None:
        """
        Why nothing may be claimed: another process has the campaign.

        Asked before any row is touched: a take-over waits until this transaction has
        ended, and takes the same locks in the same order.
        """
        found = sql.FENCE.run(self._connection, {"campaign": self._campaign.id}).scalar()
        if found == self._lease.fence:
            return None
        return LedgerError(
            f"{self._campaign.name} was taken over by another process. "
            f"Nothing more is dialled here.\n"
            f"Watch it: batchdial status {self._campaign.name} --watch"
        )

    def claim(
        self, picks: list[Pick], cursor: int, number: int
    ) -> tuple[list[Pick], int, list[Claimed]]:
        """The next rows of a scope; returns the rest of the scope and the claimed rows."""
        claimed: list[Claimed] = []
        while picks and len(claimed) < number:
            pick = picks[0]
            query = sql.CANDIDATES if pick.chosen is None else sql.CHOSEN_CANDIDATES
            given = {
                **self._of_campaign,
                "list_id": pick.list_id,
                "status": pick.status,
                "chosen": pick.chosen,
                "cursor": cursor,
                "most": number - len(claimed),
            }
            found = query.run(self._connection, given).all()
            if not found:
                picks, cursor = picks[1:], 0
                continue
            cursor = found[-1].id
            doubtful = {row.e164 for row in found if row.status == CallStatus.UNKNOWN}
            claimed += self._take(found, doubtful.difference(self._waived))
        return picks, cursor, claimed

    def claim_again(self, claimed: Claimed) -> Claimed | None:
        """The same row, if it still stands where its last attempt, which rang nobody, left it."""
        given = {
            **self._of_campaign,
            "row_id": claimed.row_id,
            "nth": claimed.attempt,
            "status": claimed.was,
        }
        found = sql.SAME_ROW.run(self._connection, given).all()
        taken = self._take(found, {claimed.e164} if claimed.was is CallStatus.UNKNOWN else set())
        return taken[0] if taken else None

    def settle(self, ends: Sequence[tuple[Claimed, Settlement]]) -> None:
        """Write how attempts ended and where their rows stand after it."""
        sql.END_ATTEMPT.run(self._connection, [self._end(*end) for end in ends])
        clear: list[dict[str, Any]] = []
        doubtful: list[dict[str, Any]] = []
        for claimed, settlement in ends:
            stands = stands_after(claimed.was, settlement)
            stays = claimed.was is stands is CallStatus.UNKNOWN
            (doubtful if stays else clear).append(
                {
                    "row_id": claimed.row_id,
                    "attempt": claimed.attempt,
                    "stands": stands,
                    "said_reason": claimed.was_reason if stays else settlement.reason,
                    "said_detail": claimed.was_detail if stays else settlement.detail,
                    "said_id": settlement.call_id,
                    "at": self._now,
                }
            )
        if clear:
            sql.STAND.run(self._connection, clear)
        if doubtful:
            sql.STAND_IN_DOUBT.run(self._connection, doubtful)
        for claimed, settlement in ends:
            if claimed.was is CallStatus.UNKNOWN and _came_to_nothing(settlement):
                self._unwaive(claimed.e164)

    def release(self, claimed: Claimed) -> None:
        """As if the row had never been claimed."""
        this = {"row_id": claimed.row_id, "attempt": claimed.attempt}
        sql.FORGET_ATTEMPT.run(self._connection, this)
        sql.STAND_AS_BEFORE.run(
            self._connection,
            {
                **this,
                "stands": claimed.was,
                "said_reason": claimed.was_reason,
                "said_detail": claimed.was_detail,
            },
        )
        if claimed.was is CallStatus.UNKNOWN:
            self._unwaive(claimed.e164)

    def _end(self, claimed: Claimed, settlement: Settlement) -> dict[str, Any]:
        nothing = _came_to_nothing(settlement)
        return {
            "of_row": claimed.row_id,
            "attempt": claimed.attempt,
            "came_to": CallStatus.FAILED if nothing else settlement.status,
            "said_reason": settlement.reason,
            "said_detail": settlement.detail,
            "said_id": settlement.call_id,
            "http": settlement.http_status,
            "at": self._now,
        }

    def _take(self, found: Sequence[Any], doubtful: set[str]) -> list[Claimed]:
        """Make rows `dialing`; those whose number rang already are suppressed instead."""
        rung = self._rung(found, doubtful)
        free, spent = [], []
        for row in found:
            if row.e164 in rung:
                spent.append({"row_id": row.id})
            else:
                rung.add(row.e164)
                free.append(row)
        if spent:
            sql.SUPPRESS.run(self._connection, spent)
        if not free:
            return []
        slots = self._book(len(free))
        claimed = [_claimed(row, at, at - self._clock) for row, at in zip(free, slots, strict=True)]
        sql.DIAL.run(self._connection, [{"row_id": one.row_id} for one in claimed])
        sql.BEGIN_ATTEMPT.run(self._connection, [self._attempt(one) for one in claimed])
        return claimed

    def _rung(self, found: Sequence[Any], doubtful: set[str]) -> set[str]:
        """Which of their numbers rang, or may have rung, without a person's word that waives it."""
        self.newly_waived |= doubtful
        if not doubtful:
            return {row.e164 for row in found if row.rang}
        sql.WAIVE.run(
            self._connection,
            [{**self._of_campaign, "number": number, "at": self._now} for number in doubtful],
        )
        return {row.e164 for row in found if self._rings(row.e164)}

    def _rings(self, number: str) -> bool:
        given = {**self._of_campaign, "number": number}
        return sql.RUNG.run(self._connection, given).first() is not None

    def _attempt(self, claimed: Claimed) -> dict[str, Any]:
        return {
            **self._of_campaign,
            "of_row": claimed.row_id,
            "attempt": claimed.attempt,
            "number": claimed.e164,
            "at": self._now,
        }

    def _book(self, number: int) -> list[float]:
        """Moments at which so many calls may leave, one after the other, over all processes."""
        service = {"of_service": self._campaign.service}
        first = sql.BOOKED.run(self._connection, service).scalar()
        if first is None:
            sql.FIRST_BOOKING.run(self._connection, service)
            first = sql.BOOKED.run(self._connection, service).scalar_one()
        first = max(self._clock, first)
        if first - self._clock > FAR_AHEAD * self._spacing:
            first = self._clock
        sql.BOOK.run(self._connection, {**service, "at": first + number * self._spacing})
        return [first + index * self._spacing for index in range(number)]

    def _unwaive(self, number: str) -> None:
        """The new attempt came to nothing, so the earlier doubt stands, unless a newer one does."""
        given = {**self._of_campaign, "number": number}
        doubt = sql.LATEST_DOUBT.run(self._connection, given).one_or_none()
        if doubt is not None and not self._rings(number):
            sql.UNWAIVE.run(self._connection, {"of_row": doubt.row_id, "attempt": doubt.nth})


def _came_to_nothing(settlement: Settlement) -> bool:
    """Whether nobody was called by the attempt."""
    return settlement.status in (CallStatus.PENDING, CallStatus.FAILED)


def _claimed(row: Any, depart_at: float, wait: float) -> Claimed:
    return Claimed(
        row.id,
        row.list_id,
        row.row,
        row.e164,
        row_read(row.cells),
        row.attempts + 1,
        depart_at,
        wait,
        CallStatus(row.status),
        row.reason,
        row.detail,
    )
