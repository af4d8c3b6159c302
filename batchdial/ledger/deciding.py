"""Why rows were dialled or refused: what decisions rested on, kept and read back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from batchdial.ledger.schema import bases

if TYPE_CHECKING:
    from batchdial.models import Campaign


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
