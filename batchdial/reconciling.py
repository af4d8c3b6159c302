"""What call logs and webhooks say of unknown rows, and what is settled by it."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from batchdial.campaign import record_list
from batchdial.errors import ConfigError, LedgerError
from batchdial.ledger.evidence import Evidence
from batchdial.ledger.ledger import Owner
from batchdial.ledger.lists import Lists
from batchdial.lists.calllog import completed
from batchdial.models import CallStatus
from batchdial.rules.cells import mask_number
from batchdial.rules.evidence import Finding, Span, gaps, match

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from batchdial.dialing.client import Service
    from batchdial.ledger.evidence import OpenRow
    from batchdial.ledger.ledger import Ledger
    from batchdial.lists.calllog import CallLog
    from batchdial.models import Campaign
    from batchdial.rules.evidence import CallRecord

#: How much later than its request the service may have begun a call, unless a person says more.
WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Judged:
    """One unknown row, and what was found of it."""

    row: OpenRow
    finding: Finding | None  #: None where its attempt is not in this ledger, or not clear
    why: str  #: a clause

    @property
    def status(self) -> CallStatus:
        """Where the row would stand."""
        return self.finding.status if self.finding else CallStatus.UNKNOWN

    @property
    def is_open(self) -> bool:
        """Whether it stays as it is."""
        return self.status is CallStatus.UNKNOWN

    def as_json(self) -> dict[str, Any]:
        """For programs; the number is masked, the row names it."""
        contact = self.row.contact
        record = self.finding.record if self.finding else None
        return {
            "list": self.row.list_name,
            "row": contact.row,
            "number": mask_number(contact.verdict.e164 or ""),
            "status": str(self.status),
            "why": self.why,
            "detail": contact.verdict.detail,
            "callId": record.call_id if record else "",
        }


class Reconciliation:
    """
    One process that settles the unknown rows of a campaign, and holds it meanwhile.

    Raises:
        CampaignBusyError: Another process is dialling the campaign.
    """

    def __init__(self, ledger: Ledger, campaign: Campaign) -> None:
        self._ledger = ledger
        self._lease = ledger.acquire(campaign, Owner.here(), datetime.now(UTC))
        self._evidence = Evidence(ledger, campaign)
        self.campaign = campaign

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(LedgerError):  # whoever broke it has been told
            self._ledger.release(self._lease)

    def judge(
        self,
        logs: Sequence[CallLog],
        *,
        within: timedelta = WITHIN,
        complete: Span | None = None,
    ) -> list[Judged]:
        """
        Say of each unknown row what the logs prove; nothing is written.

        Args:
            logs: All that there are; more of them can only add doubt or proof.
            within: How much later than its request a call may have begun.
            complete: When a person says that the logs have every call.

        Raises:
            ConfigError: They are said to be complete, and lack calls that were made.
        """
        records = [record for log in logs for record in log.records]
        if complete is not None:
            self._refuse_gaps(complete, records)
        open_rows = self._evidence.open_rows()
        times = Counter(row.contact.verdict.e164 or "" for row in open_rows)
        doubts = self._evidence.doubts(times, within)
        ids = {one.call_id for one in records if one.call_id and one.e164 in times}
        known = self._evidence.taken(ids)
        found = match(doubts, records, known=known, complete=complete)
        by_number = {one.doubt.e164: one for one in found}
        return [_judged(row, by_number, times) for row in open_rows]

    def _refuse_gaps(self, complete: Span, records: Sequence[CallRecord]) -> None:
        missing = gaps(self._evidence.accepted_within(complete), records)
        if missing:
            raise ConfigError(
                f"The log is not complete: it lacks {len(missing):,} of the calls that the "
                f"service accepted in that time, such as {missing[0]}, or names another number "
                "for them. Nothing was settled.\nExport all of that time, or leave out "
                "--complete-from and --complete-until."
            )

    def settle(self, judged: Sequence[Judged]) -> int:
        """Write what was found; the number of rows that are settled."""
        found = [one.finding for one in judged if one.finding is not None and not one.is_open]
        if found:
            self._evidence.settle(self._lease, found, datetime.now(UTC))
        return len(found)

    def record(self) -> tuple[Path, ...]:
        """Write the results file of each list."""
        return tuple(
            record_list(self._ledger, one, self.campaign.name)
            for one in Lists(self._ledger).active(self.campaign)
        )


def unknown_rows(ledger: Ledger, campaign: Campaign) -> list[OpenRow]:
    """The rows that may have rung, while somebody may be dialling."""
    ledger.owner(campaign, datetime.now(UTC))  # what a dead process left becomes unknown
    return Evidence(ledger, campaign).open_rows()


def looked_up(service: Service, log: CallLog) -> CallLog:
    """
    The same log, with what the service says of the calls of which it has only the callId.

    Raises:
        ServiceError: The service cannot be reached, or refuses the key.
    """

    async def ask(record: CallRecord) -> CallRecord:
        if not record.call_id or (record.e164 and record.at):
            return record
        return completed(record, await service.call(record.call_id) or {})

    async def all_of_them() -> list[CallRecord]:
        return [await ask(record) for record in log.records]

    return replace(log, records=asyncio.run(all_of_them()))


def _judged(row: OpenRow, found: Mapping[str, Finding], times: Counter[str]) -> Judged:
    number = row.contact.verdict.e164 or ""
    finding = found.get(number)
    if times[number] > 1:
        return Judged(row, None, "its number stands in another unknown row as well")
    if finding is None:
        return Judged(row, None, "this ledger does not know when it was sent")
    return Judged(row, finding, finding.why)
