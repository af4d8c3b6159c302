"""Why rows were dialled or refused: what decisions rested on, kept and read back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from batchdial.ledger.schema import attempts, bases, lists, refusals, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchdial.ledger.ledger import Ledger
    from batchdial.models import Campaign

#: Rows that are read in one piece.
PAGE = 500


def record_basis(
    connection: sa.Connection, campaign: Campaign, content: str, now: float
) -> int | None:
    """Keep what the next decisions rest on; None where they rest on nothing."""
    if not content:
        return None
    since = datetime.fromtimestamp(now, UTC)
    result = connection.execute(
        sa.insert(bases).values(campaign_id=campaign.id, decided_from=since, content=content)
    )
    key: Any = result.inserted_primary_key
    return int(key[0])


def last_basis(ledger: Ledger, campaign: Campaign) -> dict[str, Any]:
    """What the campaign's last decisions rested on; empty where there were none."""
    query = sa.select(bases.c.content).where(bases.c.campaign_id == campaign.id)
    with ledger.reading() as connection:
        content = connection.execute(query.order_by(bases.c.id.desc()).limit(1)).scalar()
    found: dict[str, Any] = json.loads(content) if content else {}
    return found


def began_since(ledger: Ledger, campaign: Campaign, start: datetime | None) -> datetime | None:
    """When the campaign was first at work after it was to begin; None if it never was."""
    if start is None:
        return None
    query = sa.select(sa.func.min(bases.c.decided_from)).where(
        bases.c.campaign_id == campaign.id, bases.c.decided_from >= start
    )
    with ledger.reading() as connection:
        began: datetime | None = connection.execute(query).scalar_one()
    return began


def decisions(ledger: Ledger, campaign: Campaign) -> Iterator[dict[str, Any]]:
    """
    Every decision on every row of the campaign's lists, as JSON can hold it.

    Yields:
        For each row in the file's order: its calls and refusals, each with what was looked at
        and what it rested on; for a row with neither, where it stands, which its list decided.
    """
    with ledger.reading() as connection:
        content = {
            one.id: json.loads(one.content)
            for one in connection.execute(
                sa.select(bases).where(bases.c.campaign_id == campaign.id)
            )
        }
    after = 0
    while page := _page(ledger, campaign, after):
        after = page[-1].id
        ids = [one.id for one in page]
        with ledger.reading() as connection:
            calls = _by_row(connection, sa.select(attempts).where(attempts.c.row_id.in_(ids)))
            refused = _by_row(connection, sa.select(refusals).where(refusals.c.row_id.in_(ids)))
        for row in page:
            told = [_call(one, content) for one in calls.get(row.id, ())]
            told += [_refusal(one, content) for one in refused.get(row.id, ())]
            for one in sorted(told, key=lambda one: str(one["decidedAt"])) or [{}]:
                yield {
                    "campaign": campaign.name,
                    "agent": campaign.agent,
                    "list": row.name,
                    "row": row.row,
                    "number": row.e164,
                    "status": row.status,
                    "reason": row.reason,
                    "detail": row.detail,
                    **one,
                }


def _page(ledger: Ledger, campaign: Campaign, after: int) -> Sequence[Any]:
    query = (
        sa.select(
            rows.c.id,
            rows.c.row,
            rows.c.e164,
            rows.c.status,
            rows.c.reason,
            rows.c.detail,
            lists.c.name,
        )
        .join(lists, lists.c.id == rows.c.list_id)
        .where(
            lists.c.campaign_id == campaign.id,
            lists.c.state.in_(["active", "replaced"]),
            rows.c.id > after,
        )
        .order_by(rows.c.id)
        .limit(PAGE)
    )
    with ledger.reading() as connection:
        return connection.execute(query).all()


def _by_row(connection: sa.Connection, query: sa.Select[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for one in connection.execute(query):
        found.setdefault(one.row_id, []).append(one)
    return found


def _call(one: Any, content: dict[int, Any]) -> dict[str, Any]:
    return {
        "decision": "call",
        "decidedAt": one.claimed_at.isoformat(),
        "came": one.status,
        "callId": one.call_id,
        "outcome": one.outcome,
        "evidence": json.loads(one.evidence) if one.evidence else None,
        "basis": content.get(one.basis_id),
    }


def _refusal(one: Any, content: dict[int, Any]) -> dict[str, Any]:
    return {
        "decision": one.reason,
        "decidedAt": one.decided_at.isoformat(),
        "evidence": json.loads(one.evidence) if one.evidence else None,
        "basis": content.get(one.basis_id),
    }
