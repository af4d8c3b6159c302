"""How a row is claimed, settled and released: what keeps a number from ringing twice."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from batchdial.errors import LedgerError
from batchdial.ledger.lists import RANG_OF_ATTEMPTS, conditions, rung_already
from batchdial.ledger.schema import attempts, campaigns, pacing, rows
from batchdial.models import CallStatus, Claimed
from batchdial.rules.redial import ALREADY_CALLED, stands_after

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from batchdial.ledger.ledger import Lease
    from batchdial.ledger.lists import Pick
    from batchdial.models import Settlement

#: A slot further ahead than this many calls was booked before the clock was set back.
FAR_AHEAD = 1_000
#: SQLAlchemy has no form of this that both databases know; two processes may be the first.
_FIRST_BOOKING = sa.text(
    "INSERT INTO pacing (service, next_at) VALUES (:service, 0) ON CONFLICT DO NOTHING"
)


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
        query = sa.select(campaigns.c.fence).where(campaigns.c.id == self._campaign.id)
        found = self._connection.execute(query.with_for_update(read=True)).scalar()
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
            query = (
                sa.select(rows)
                .where(*conditions(picks[0]), rows.c.id > cursor)
                .order_by(rows.c.id)
                .limit(number - len(claimed))
                .with_for_update(skip_locked=True)
            )
            found = self._connection.execute(query).all()
            if not found:
                picks, cursor = picks[1:], 0
                continue
            cursor = found[-1].id
            doubtful = {row.e164 for row in found if row.status == CallStatus.UNKNOWN}
            claimed += self._take(found, doubtful.difference(self._waived))
        return picks, cursor, claimed

    def claim_again(self, claimed: Claimed) -> Claimed | None:
        """The same row, if it still stands where its last attempt, which rang nobody, left it."""
        rang_nobody = sa.exists().where(
            attempts.c.row_id == claimed.row_id,
            attempts.c.nth == claimed.attempt,
            attempts.c.status == CallStatus.FAILED,
        )
        query = sa.select(rows).where(
            rows.c.id == claimed.row_id,
            rows.c.attempts == claimed.attempt,
            rows.c.status == claimed.was,
            rang_nobody,
        )
        found = self._connection.execute(query.with_for_update()).all()
        taken = self._take(found, {claimed.e164} if claimed.was is CallStatus.UNKNOWN else set())
        return taken[0] if taken else None

    def settle(self, claimed: Claimed, settlement: Settlement) -> None:
        """Write the attempt's end and where the row stands after it."""
        said = {
            "reason": settlement.reason,
            "detail": settlement.detail,
            "call_id": settlement.call_id,
        }
        failed = settlement.status in (CallStatus.PENDING, CallStatus.FAILED)
        self._connection.execute(
            sa.update(attempts)
            .where(
                attempts.c.row_id == claimed.row_id,
                attempts.c.nth == claimed.attempt,
                attempts.c.status.in_([CallStatus.DIALING, CallStatus.UNKNOWN]),
            )
            .values(
                **said,
                status=CallStatus.FAILED if failed else settlement.status,
                http_status=settlement.http_status,
                settled_at=self._now,
            )
        )
        stands = stands_after(claimed.was, settlement)
        if claimed.was is CallStatus.UNKNOWN and stands is CallStatus.UNKNOWN:
            said = {"reason": claimed.was_reason, "detail": claimed.was_detail}
        self._connection.execute(
            sa.update(rows)
            .where(*_still_open(claimed))
            .values(**said, status=stands, last_attempt_at=self._now)
        )
        if failed and claimed.was is CallStatus.UNKNOWN:
            self._unwaive(claimed.e164)

    def release(self, claimed: Claimed) -> None:
        """As if the row had never been claimed."""
        self._connection.execute(
            sa.delete(attempts).where(
                attempts.c.row_id == claimed.row_id, attempts.c.nth == claimed.attempt
            )
        )
        self._connection.execute(
            sa.update(rows)
            .where(*_still_open(claimed))
            .values(
                status=claimed.was,
                reason=claimed.was_reason,
                detail=claimed.was_detail,
                attempts=claimed.attempt - 1,
            )
        )
        if claimed.was is CallStatus.UNKNOWN:
            self._unwaive(claimed.e164)

    def _take(self, found: Sequence[Any], doubtful: set[str]) -> list[Claimed]:
        """Make rows `dialing`; those whose number rang already are suppressed instead."""
        self._waive(doubtful)
        self.newly_waived |= doubtful
        numbers = {row.e164 for row in found}
        rung = set(self._connection.execute(rung_already(self._campaign, numbers)).scalars())
        free = []
        for row in found:
            if row.e164 in rung:
                self._suppress(row.id)
            else:
                rung.add(row.e164)
                free.append(row)
        if not free:
            return []
        slots = self._book(len(free))
        claimed = [_claimed(row, at, at - self._clock) for row, at in zip(free, slots, strict=True)]
        self._connection.execute(
            sa.update(rows)
            .where(rows.c.id.in_([row.id for row in free]))
            .values(status=CallStatus.DIALING, attempts=rows.c.attempts + 1)
        )
        self._connection.execute(sa.insert(attempts), [self._attempt(one) for one in claimed])
        return claimed

    def _attempt(self, claimed: Claimed) -> dict[str, Any]:
        return {
            "row_id": claimed.row_id,
            "nth": claimed.attempt,
            "campaign_id": self._campaign.id,
            "generation": self._campaign.generation,
            "e164": claimed.e164,
            "status": CallStatus.DIALING,
            "claimed_at": self._now,
        }

    def _book(self, number: int) -> list[float]:
        """Moments at which so many calls may leave, one after the other, over all processes."""
        service = self._campaign.service
        self._connection.execute(_FIRST_BOOKING, {"service": service})
        query = sa.select(pacing.c.next_at).where(pacing.c.service == service)
        first = max(self._clock, self._connection.execute(query.with_for_update()).scalar_one())
        if first - self._clock > FAR_AHEAD * self._spacing:
            first = self._clock
        slots = [first + index * self._spacing for index in range(number)]
        self._connection.execute(
            sa.update(pacing)
            .where(pacing.c.service == service)
            .values(next_at=first + number * self._spacing)
        )
        return slots

    def _suppress(self, row_id: int) -> None:
        self._connection.execute(
            sa.update(rows)
            .where(rows.c.id == row_id)
            .values(
                status=CallStatus.SUPPRESSED,
                reason=ALREADY_CALLED,
                detail="This campaign called the number from another row. "
                "To call everybody again: --again.",
            )
        )

    def _waive(self, numbers: Collection[str]) -> None:
        """A person said that these may ring again although they may have rung."""
        if numbers:
            self._connection.execute(
                sa.update(attempts)
                .where(
                    *self._of_campaign(),
                    attempts.c.e164.in_(numbers),
                    attempts.c.status == CallStatus.UNKNOWN,
                    RANG_OF_ATTEMPTS,
                )
                .values(waived_at=self._now)
            )

    def _unwaive(self, number: str) -> None:
        """The new attempt came to nothing, so the earlier doubt stands, unless a newer one does."""
        latest = (
            sa.select(attempts.c.row_id, attempts.c.nth)
            .where(
                *self._of_campaign(),
                attempts.c.e164 == number,
                attempts.c.status == CallStatus.UNKNOWN,
            )
            .order_by(attempts.c.claimed_at.desc(), attempts.c.row_id.desc(), attempts.c.nth.desc())
            .limit(1)
        )
        doubt = self._connection.execute(latest).one_or_none()
        rung = self._connection.execute(rung_already(self._campaign, [number])).first()
        if doubt is not None and rung is None:
            self._connection.execute(
                sa.update(attempts)
                .where(attempts.c.row_id == doubt.row_id, attempts.c.nth == doubt.nth)
                .values(waived_at=None)
            )

    def _of_campaign(self) -> tuple[sa.ColumnElement[bool], ...]:
        return (
            attempts.c.campaign_id == self._campaign.id,
            attempts.c.generation == self._campaign.generation,
        )


def _still_open(claimed: Claimed) -> tuple[sa.ColumnElement[bool], ...]:
    """The row, while this attempt is its last and nobody knows what it came to."""
    return (
        rows.c.id == claimed.row_id,
        rows.c.attempts == claimed.attempt,
        rows.c.status.in_([CallStatus.DIALING, CallStatus.UNKNOWN]),
    )


def _claimed(row: Any, depart_at: float, wait: float) -> Claimed:
    return Claimed(
        row.id,
        row.list_id,
        row.row,
        row.e164,
        tuple(json.loads(row.cells)),
        row.attempts + 1,
        depart_at,
        wait,
        CallStatus(row.status),
        row.reason,
        row.detail,
    )
