"""Where a campaign stands, read from the ledger while somebody may be dialling it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchdial.errors import ConfigError
from batchdial.ledger.evidence import Evidence
from batchdial.ledger.export import pages
from batchdial.ledger.lists import Lists
from batchdial.ledger.purge import purged, refuse_purged
from batchdial.models import CallStatus
from batchdial.results.file import check_output, print_pages, write_pages
from batchdial.results.summary import Tally
from batchdial.rules.cells import mask_number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from batchdial.ledger.evidence import OpenRow
    from batchdial.ledger.ledger import Ledger
    from batchdial.models import Campaign

#: The longest stretch over which the pace is measured.
RECENT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """One campaign at one moment."""

    campaign: Campaign
    tally: Tally
    owner: str | None  #: who is dialling it, in words
    per_second: float  #: calls a second, over the last minute
    lists: tuple[str, ...]
    purged_at: datetime | None = None  #: UTC; when its rows were deleted
    wish: str | None = None  #: `pause` or `cancel`, where a person asked for it
    unknown: tuple[OpenRow, ...] = ()  #: rows that may have rung; the first where they are many

    @property
    def seconds_left(self) -> float | None:
        """Until the pending rows are dialled at this pace; None where there is no pace."""
        return self.tally[CallStatus.PENDING] / self.per_second if self.per_second else None

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        left = self.seconds_left
        return {
            "campaign": self.campaign.name,
            "agent": self.campaign.agent,
            "service": self.campaign.service,
            "createdAt": self.campaign.created_at.isoformat(),
            "lists": list(self.lists),
            **self.tally.as_json(),
            "owner": self.owner,
            "paused": self.wish == "pause",
            "perSecond": round(self.per_second, 3),
            "secondsLeft": None if left is None else round(left),
            "purgedAt": self.purged_at and self.purged_at.isoformat(),
            "unknown": [_unknown_as_json(one) for one in self.unknown],
        }


def _unknown_as_json(one: OpenRow) -> dict[str, Any]:
    contact = one.contact
    return {
        "list": one.list_name,
        "row": contact.row,
        "number": mask_number(contact.verdict.e164 or ""),
        "reason": contact.verdict.reason,
        "detail": contact.verdict.detail,
        "attempts": contact.attempts,
        "sentAt": one.sent_at and one.sent_at.isoformat(),
    }


def standing(ledger: Ledger, campaign: Campaign, named: int | None = None) -> Standing:
    """
    Look at one campaign.

    Args:
        ledger: Where it stands.
        campaign: Which.
        named: Rows that may have rung of which each is told; None takes all.
    """
    lists = Lists(ledger)
    active = lists.active(campaign)
    now = datetime.now(UTC)
    owner = ledger.owner(campaign, now)
    left = None if active else purged(ledger, campaign)
    tally = Tally.of(left.counts if left else lists.counts([one.id for one in active]))
    per_second, unknown = 0.0, []
    if owner is not None:
        since = max(now - RECENT, ledger.owned_since(campaign) or now)
        per_second = lists.pace(campaign, since, now)
    if active and tally[CallStatus.UNKNOWN]:
        unknown = Evidence(ledger, campaign).open_rows(named)
    return Standing(
        campaign,
        tally,
        owner,
        per_second,
        left.lists if left else tuple(one.name for one in active),
        left.at if left else None,
        ledger.wish(campaign),
        tuple(unknown),
    )


def write(
    ledger: Ledger,
    campaign: Campaign,
    output: str | None,
    statuses: Collection[str],
    list_name: str | None,
) -> Iterator[tuple[str, int]]:
    """
    Write the results of a campaign again, list by list.

    Args:
        ledger: Where it stands.
        campaign: Which.
        output: A path, "-" for standard output, or None for where they went before.
        statuses: Only rows of these; empty takes all, which is asked for without `output`.
        list_name: Only this list.

    Yields:
        Where each was written and how many rows it has.
    """
    wanted = frozenset(_status(word) for word in statuses)
    if wanted and output is None:
        raise ConfigError("A part of the results needs a place of its own: -o FILE, or -o -")
    ledger.owner(campaign, datetime.now(UTC))
    refuse_purged(ledger, campaign)
    lists = Lists(ledger)
    active = [one for one in lists.active(campaign) if list_name in (None, one.name)]
    if output is not None and len(active) != 1:
        names = ", ".join(one.name for one in lists.active(campaign)) or "none"
        raise ConfigError(f"{campaign.name} has these lists: {names}. Say which: --list NAME")
    for one in active:
        lists.counts([one.id])  # a ledger whose rows cannot be told replaces no file
        rows = pages(ledger, one.id, campaign.name, wanted)
        if output == "-":
            yield "-", print_pages(sys.stdout, one.header, rows)
        else:
            path = Path(output or one.output).absolute()
            check_output(path, None)
            yield str(path), write_pages(path, one.header, rows, campaign.name)


def _status(word: str) -> CallStatus:
    try:
        return CallStatus(word.lower())
    except ValueError:
        known = ", ".join(CallStatus)
        raise ConfigError(f"There is no status {word!r}. There are: {known}.") from None
