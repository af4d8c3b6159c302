"""Attempts in doubt: found in the ledger, and settled by what call logs say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from batchdial.errors import CampaignBusyError, LedgerError
from batchdial.ledger.lists import RANG_OF_ATTEMPTS
from batchdial.ledger.schema import attempts, campaigns, lists, rows
from batchdial.models import CallStatus, Contact, Verdict
from batchdial.rules.evidence import NOT_IN_LOG, RECONCILED, Doubt, Finding, Span, span_of
from batchdial.rules.written import row_read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime, timedelta

    from batchdial.ledger.ledger import Lease, Ledger
    from batchdial.models import Campaign

#: Values that one query is given; databases have a limit.
_CHUNK = 500


class OpenRow(NamedTuple):
    """A row of which nobody knows whether its phone rang."""

    list_name: str
    contact: Contact
    sent_at: datetime | None  #: UTC; when its request may have left, where this ledger knows


class Evidence:
    """What one campaign does not know, and what it learns."""

    def __init__(self, ledger: Ledger, campaign: Campaign) -> None:
        self._ledger = ledger
        self._campaign = campaign

    def open_rows(self, limit: int | None = None) -> list[OpenRow]:
        """The unknown rows of the campaign's lists in their order, all or the first of them."""
        query = (
            sa.select(rows, lists.c.name.label("list_name"), attempts.c.claimed_at)
            .join(lists, lists.c.id == rows.c.list_id)
            .outerjoin(
                attempts,
                sa.and_(
                    attempts.c.campaign_id == self._campaign.id,
                    attempts.c.generation == self._campaign.generation,
                    attempts.c.e164 == rows.c.e164,
                    attempts.c.status == CallStatus.UNKNOWN,
                    RANG_OF_ATTEMPTS,
                ),
            )
            .where(*_active(self._campaign), rows.c.status == CallStatus.UNKNOWN)
            .order_by(rows.c.list_id, rows.c.id)
            .limit(limit)
        )
        with self._ledger.reading() as connection:
            return [_open_row(row) for row in connection.execute(query)]

    def doubts(self, numbers: Collection[str], within: timedelta) -> list[Doubt]:
        """
        The attempts at these numbers that any campaign on the service is in doubt of.

        Ours are those that still stand, of this campaign's generation.
        """
        query = (
            sa.select(attempts, campaigns.c.generation.label("today"))
            .join(campaigns, campaigns.c.id == attempts.c.campaign_id)
            .where(
                campaigns.c.service == self._campaign.service,
                sa.or_(
                    attempts.c.status.in_([CallStatus.DIALING, CallStatus.UNKNOWN]),
                    # Brought along by a results file that had no callId for it.
                    sa.and_(attempts.c.status == CallStatus.SUCCESS, attempts.c.call_id == ""),
                ),
            )
            .order_by(attempts.c.row_id, attempts.c.nth)
        )
        with self._ledger.reading() as connection:
            return [
                self._doubt(row, within)
                for chunk in _chunks(sorted(numbers))
                for row in connection.execute(query.where(attempts.c.e164.in_(chunk)))
            ]

    def _doubt(self, row: Any, within: timedelta) -> Doubt:
        ours = (
            row.campaign_id == self._campaign.id
            and row.generation == row.today
            and row.status == CallStatus.UNKNOWN
            and row.waived_at is None
        )
        span = span_of(row.claimed_at, row.settled_at, within)
        return Doubt(row.row_id, row.nth, row.campaign_id, row.e164, span, row.call_id, ours=ours)

    def taken(self, call_ids: Collection[str]) -> set[str]:
        """Those callIds that belong to an attempt or row which is not in doubt."""
        doubtful = [CallStatus.DIALING, CallStatus.UNKNOWN]
        with self._ledger.reading() as connection:
            return {
                call_id
                for chunk in _chunks(sorted(call_ids))
                for table in (attempts, rows)
                for call_id in connection.execute(
                    sa.select(table.c.call_id).where(
                        table.c.call_id.in_(chunk), table.c.status.not_in(doubtful)
                    )
                ).scalars()
            }

    def accepted_within(self, span: Span) -> list[tuple[str, str]]:
        """The callId and number of each call that the service certainly accepted in that time."""
        query = (
            sa.select(attempts.c.call_id, attempts.c.e164)
            .join(campaigns, campaigns.c.id == attempts.c.campaign_id)
            .where(
                campaigns.c.service == self._campaign.service,
                attempts.c.status == CallStatus.SUCCESS,
                attempts.c.call_id != "",
                attempts.c.claimed_at >= span.begin,
                attempts.c.settled_at <= span.end,
            )
            .order_by(attempts.c.claimed_at)
        )
        with self._ledger.reading() as connection:
            return [(row.call_id, row.e164) for row in connection.execute(query)]

    def settle(self, lease: Lease, findings: Sequence[Finding], now: datetime) -> None:
        """
        Write what was found, all of it or nothing.

        Raises:
            CampaignBusyError: Another process has taken the campaign meanwhile.
            LedgerError: A row does not stand any more where it stood.
        """
        campaign = self._campaign
        fence = sa.select(campaigns.c.fence).where(campaigns.c.id == campaign.id)
        with self._ledger.writing() as connection:
            if connection.execute(fence.with_for_update()).scalar() != lease.fence:
                raise CampaignBusyError(
                    f"{campaign.name} was taken by another process meanwhile. Nothing was settled."
                )
            for one in findings:
                self._write(connection, one, now)

    def _write(self, connection: sa.Connection, one: Finding, now: datetime) -> None:
        said = _said(one)
        attempt = connection.execute(
            sa.update(attempts)
            .where(
                attempts.c.row_id == one.doubt.row_id,
                attempts.c.nth == one.doubt.nth,
                attempts.c.status == CallStatus.UNKNOWN,
                RANG_OF_ATTEMPTS,
            )
            .values(**said, settled_at=now)
        )
        # The row may stand in a later edition of the list than the one that was dialled.
        mine = sa.select(lists.c.id).where(*_active(self._campaign))
        row = connection.execute(
            sa.update(rows)
            .where(
                rows.c.list_id.in_(mine),
                rows.c.e164 == one.doubt.e164,
                rows.c.status == CallStatus.UNKNOWN,
            )
            .values(said)
        )
        if (attempt.rowcount, row.rowcount) != (1, 1):
            raise LedgerError(
                f"{self._campaign.name} is not as it was when it was read. Nothing was settled."
            )


def _said(one: Finding) -> dict[str, Any]:
    if one.record is None:
        detail = f"Nobody was called: {one.why}."
        return {"status": one.status, "reason": NOT_IN_LOG, "detail": detail}
    at = f", begun at {one.record.at.begin:%Y-%m-%d %H:%M:%S} UTC" if one.record.at else ""
    return {
        "status": one.status,
        "reason": RECONCILED,
        "detail": f"The answer was lost; {one.why}{at}.",
        "call_id": one.record.call_id,
    }


def _active(campaign: Campaign) -> tuple[sa.ColumnElement[bool], ...]:
    return lists.c.campaign_id == campaign.id, lists.c.state == "active"


def _open_row(row: Any) -> OpenRow:
    verdict = Verdict(CallStatus.UNKNOWN, row.e164, row.reason, row.detail)
    return OpenRow(
        row.list_name,
        Contact(
            row.row,
            row_read(row.cells),
            verdict,
            None,
            row.call_id,
            row.attempts,
            row.last_attempt_at,
        ),
        row.claimed_at,
    )


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
