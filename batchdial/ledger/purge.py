"""A campaign's personal data is deleted from the ledger without a trace; its counts are kept."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from batchdial.errors import CampaignBusyError, ConfigError, LedgerError
from batchdial.ledger.rows import counted
from batchdial.ledger.schema import attempts, bases, campaigns, lists, refusals, rows
from batchdial.models import CallStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchdial.ledger.ledger import Lease, Ledger
    from batchdial.models import Campaign

#: State of what is left of a list: its name and its counts.
PURGED = "purged"


@dataclass(frozen=True, slots=True)
class Purged:
    """What is left of a campaign."""

    at: datetime  #: UTC
    lists: tuple[str, ...]  #: names of the files
    counts: dict[tuple[CallStatus, str], int]  #: rows by status and reason, of all lists


def purged(ledger: Ledger, campaign: Campaign) -> Purged | None:
    """
    What is left of a campaign whose data were deleted, or None where they were not.

    A campaign that a person let begin again (`--again`) is none of these any more.
    """
    query = (
        sa.select(lists)
        .where(
            lists.c.campaign_id == campaign.id,
            lists.c.state == PURGED,
            lists.c.generation == campaign.generation,
        )
        .order_by(lists.c.id)
    )
    with ledger.reading() as connection:
        left = [(row.name, json.loads(row.reading)) for row in connection.execute(query)]
    if not left:
        return None
    counts: Counter[tuple[CallStatus, str]] = Counter()
    for _, told in left:
        counts.update({(CallStatus(s), reason): n for s, reason, n in told["counts"]})
    at = max(datetime.fromisoformat(told["purgedAt"]) for _, told in left)
    return Purged(at, tuple(dict.fromkeys(name for name, _ in left)), dict(counts))


def refuse_purged(ledger: Ledger, campaign: Campaign) -> None:
    """
    Refuse to go on with a campaign that does not know any more whom it called.

    Raises:
        ConfigError: It was purged, and no person has let it begin again.
    """
    left = purged(ledger, campaign)
    if left is not None:
        raise ConfigError(
            f"{campaign.name} was purged on {left.at.astimezone():%Y-%m-%d}: whom it called is "
            "deleted, so nobody is called.\nTo call a list under this name, and everybody in it: "
            "batchdial run FILE --again\nOr give the list another name: --campaign NAME"
        )


def purge(ledger: Ledger, lease: Lease, now: datetime) -> None:
    """
    Delete every row and attempt of a campaign; of its lists, names and counts are left.

    Raises:
        CampaignBusyError: Another process has taken the campaign.
        LedgerError: The data are deleted, but their traces in the file are not yet.
    """
    campaign = lease.campaign
    of_campaign = lists.c.campaign_id == campaign.id
    ids = sa.select(lists.c.id).where(of_campaign)
    fence = sa.select(campaigns.c.fence).where(campaigns.c.id == campaign.id)
    with ledger.writing() as connection:
        if connection.execute(fence.with_for_update()).scalar() != lease.fence:
            raise CampaignBusyError(
                f"{campaign.name} was taken by another process meanwhile. Nothing was deleted."
            )
        for row in connection.execute(sa.select(lists).where(of_campaign)).all():
            found = counted(connection, row.id) if row.state == "active" else {}
            counts = [(status, reason, number) for (status, reason), number in found.items()]
            if row.state != "draft":
                connection.execute(_hollowed(row.id, campaign.generation, counts, now))
        of_its_lists = refusals.c.row_id == rows.c.id, rows.c.list_id.in_(ids)
        connection.execute(sa.delete(refusals).where(sa.exists().where(*of_its_lists)))
        connection.execute(sa.delete(bases).where(bases.c.campaign_id == campaign.id))
        connection.execute(sa.delete(attempts).where(attempts.c.campaign_id == campaign.id))
        connection.execute(sa.delete(rows).where(rows.c.list_id.in_(ids)))
        connection.execute(sa.delete(lists).where(of_campaign, lists.c.state != PURGED))
    wipe(ledger)


def wipe(ledger: Ledger) -> None:
    """
    Write the ledger's file anew, so that what was deleted is not in it any more.

    SQLite only marks what is deleted as free, and its write-ahead log keeps older pages.
    PostgreSQL does so by itself (autovacuum).

    Raises:
        LedgerError: Another process is using the file, or there is no room for it.
    """
    with ledger.reading() as connection:
        if connection.dialect.name != "sqlite":
            return
        file: Any = connection.connection.driver_connection
        try:
            file.execute("VACUUM")
            busy, *_ = file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            cause = "another process is reading it" if busy else ""
        except sqlite3.Error as error:
            cause = str(error)
    if cause:
        raise LedgerError(
            f"The data are deleted, but traces of them are still in {ledger.where}: {cause}.\n"
            "Purge again when no other batchdial is using this ledger; that removes them."
        )


def _hollowed(
    list_id: int, generation: int, counts: Sequence[tuple[str, str, int]], now: datetime
) -> sa.Update:
    """The list without anything of its file, nor a digest on which guesses could be tried."""
    told = json.dumps({"purgedAt": now.isoformat(), "counts": counts})
    return (
        sa.update(lists)
        .where(lists.c.id == list_id)
        .values(
            state=PURGED,
            generation=generation,
            output="",
            fingerprint="",
            header="[]",
            reading=told,
        )
    )
