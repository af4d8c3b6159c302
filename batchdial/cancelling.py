"""A campaign is given up: what was not called yet expires."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from batchdial.campaign import record_list
from batchdial.ledger.due import expire
from batchdial.ledger.ledger import Owner
from batchdial.ledger.lists import Lists
from batchdial.ledger.purge import refuse_purged
from batchdial.models import CallStatus
from batchdial.running import CANCELLED

if TYPE_CHECKING:
    from batchdial.ledger.ledger import Ledger
    from batchdial.models import Campaign


def cancel(ledger: Ledger, campaign: Campaign) -> int:
    """
    Give up the rows that were not called yet, and write the results.

    Returns:
        How many rows of the campaign are expired for that.

    Raises:
        CampaignBusyError: Another process is dialling it.
    """
    refuse_purged(ledger, campaign)
    lease = ledger.acquire(campaign, Owner.here(), datetime.now(UTC))
    lists = Lists(ledger)
    active = lists.active(campaign)
    try:
        expire(ledger, [one.id for one in active], *CANCELLED)
        ledger.ask(campaign, None)
    finally:
        ledger.release(lease)
    for one in active:
        record_list(ledger, one, campaign.name)
    counts = lists.counts([one.id for one in active])
    return counts.get((CallStatus.EXPIRED, CANCELLED[0]), 0)
