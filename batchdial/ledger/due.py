"""Rows whose call reached nobody, and when they may be called again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa

from batchdial.ledger.schema import attempts, lists, refusals, rows
from batchdial.models import CallStatus
from batchdial.rules.again import history
from batchdial.rules.written import row_read

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from batchdial.ledger.ledger import Ledger
    from batchdial.models import Campaign
    from batchdial.rules.again import Redial

#: Reasons of calls that were not made and that another try would not mend.
REFUSED = ("refused", "refused_by_service")
#: Rows that are looked at in one transaction.
PAGE = 1_000


class Zones(Protocol):
    """Where the person of a row may be."""

    def __call__(self, list_id: int, e164: str, cells: Sequence[str]) -> Sequence[str]:
        """IANA names, the likeliest first."""


def set_due(
    ledger: Ledger,
    campaign: Campaign,
    redial: Redial,
    zones: Zones,
    call_ids: Collection[str] | None = None,
) -> int:
    """
    Note when rows may be called again, and say in their detail what their calls came to.

    A row that was refused since its last call stays as it is.

    Args:
        ledger: Where they stand.
        campaign: Whose rows.
        redial: Who is called again, and when.
        zones: For delays that are times of a day.
        call_ids: Only rows of these calls; None looks at all.

    Returns:
        How many rows were given a time.
    """
    number, after = 0, 0
    while page := _page(ledger, campaign, redial, after, call_ids):
        after = page[-1].id
        with ledger.writing() as connection:
            number += sum(_decide(connection, campaign, redial, zones, row) for row in page)
    return number


def _page(
    ledger: Ledger,
    campaign: Campaign,
    redial: Redial,
    after: int,
    call_ids: Collection[str] | None,
) -> Sequence[Any]:
    refused = sa.exists().where(
        refusals.c.row_id == rows.c.id, refusals.c.decided_at > rows.c.last_attempt_at
    )
    query = (
        sa.select(rows.c.id, rows.c.list_id, rows.c.e164, rows.c.cells, rows.c.outcome)
        .join(lists, lists.c.id == rows.c.list_id)
        .where(
            lists.c.campaign_id == campaign.id,
            lists.c.state == "active",
            rows.c.status == CallStatus.SUCCESS,
            rows.c.outcome.in_(redial.outcomes),
            rows.c.due_at.is_(None),
            rows.c.id > after,
            ~refused,
        )
        .order_by(rows.c.id)
        .limit(PAGE)
    )
    if call_ids is not None:
        query = query.where(rows.c.call_id.in_(call_ids))
    with ledger.reading() as connection:
        return connection.execute(query).all()


def _decide(
    connection: sa.Connection, campaign: Campaign, redial: Redial, zones: Zones, row: Any
) -> bool:
    tries = connection.execute(
        sa.select(
            attempts.c.claimed_at,
            attempts.c.outcome,
            sa.func.coalesce(attempts.c.completed_at, attempts.c.settled_at, attempts.c.claimed_at),
            attempts.c.status,
        )
        .where(
            attempts.c.row_id == row.id,
            attempts.c.campaign_id == campaign.id,
            attempts.c.generation == campaign.generation,
            sa.or_(attempts.c.status == CallStatus.SUCCESS, attempts.c.reason.in_(REFUSED)),
        )
        .order_by(attempts.c.nth)
    ).all()
    calls = [one for one in tries if one.status == CallStatus.SUCCESS]
    if not calls:
        return False
    # A number that the service refuses by now is not tried again for good.
    used = len(tries) - tries.index(calls[0])
    ended: datetime = tries[-1][2]
    where = zones(row.list_id, row.e164, row_read(row.cells))
    due = redial.due(row.outcome, used, ended, where)
    told = history([(at, outcome or "not told") for at, outcome, *_ in calls], due)
    this = sa.update(rows).where(rows.c.id == row.id, rows.c.status == CallStatus.SUCCESS)
    connection.execute(this.values(due_at=due, detail=told))
    return due is not None


def forget_due(ledger: Ledger, list_ids: Collection[int]) -> None:
    """Call nobody again of these lists: the rules of today do not say so."""
    this = sa.update(rows).where(rows.c.list_id.in_(list_ids), rows.c.due_at.is_not(None))
    with ledger.writing() as connection:
        connection.execute(this.values(due_at=None))


def expire(ledger: Ledger, list_ids: Collection[int], reason: str, detail: str) -> int:
    """End the wait of all pending rows; how many there were."""
    this = (
        sa.update(rows)
        .where(rows.c.list_id.in_(list_ids), rows.c.status == CallStatus.PENDING)
        .values(status=CallStatus.EXPIRED, reason=reason, detail=detail)
    )
    forget_due(ledger, list_ids)
    with ledger.writing() as connection:
        return connection.execute(this).rowcount
