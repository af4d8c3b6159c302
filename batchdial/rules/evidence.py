"""Which call of a log is which attempt: a pure decision, in which doubt stays doubt."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from batchdial.models import CallStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

#: How far the clocks of this machine and of the service may be apart.
SKEW = timedelta(seconds=2)
#: How long a request may take of which nobody knows when it ended.
ANSWERED = timedelta(seconds=30)
#: Reasons of rows that a log settled: it has the call, or it is complete and has none.
RECONCILED, NOT_IN_LOG = "reconciled", "not_in_log"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, both ends included; UTC."""

    begin: datetime
    end: datetime

    def touches(self, other: Span) -> bool:
        """Whether the two have a moment in common."""
        return self.begin <= other.end and other.begin <= self.end

    def holds(self, other: Span) -> bool:
        """Whether the other lies within this one."""
        return self.begin <= other.begin and other.end <= self.end


def span_of(claimed_at: datetime, settled_at: datetime | None, within: timedelta) -> Span:
    """
    When the service may have placed the call of an attempt.

    Args:
        claimed_at: UTC; no byte of the request left before.
        settled_at: UTC; when its answer was given up, if somebody lived to see that.
        within: How much later the service may have begun the call.
    """
    return Span(claimed_at - SKEW, (settled_at or claimed_at + ANSWERED) + within)


@dataclass(frozen=True, slots=True)
class Doubt:
    """An attempt of which nobody knows whether the phone rang."""

    row_id: int
    nth: int  #: the row's how-manieth attempt
    campaign_id: int
    e164: str
    span: Span  #: when the service may have placed the call
    call_id: str = ""  #: where the doubtful answer named one
    ours: bool = True  #: whether it may be settled; others only compete for the same calls


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call as a log or a webhook tells it."""

    where: str  #: file and row
    call_id: str  #: empty where there is none
    e164: str | None  #: who was called; None where that cannot be read
    at: Span | None  #: when it began, as exactly as that is told; None where it cannot be read


@dataclass(frozen=True, slots=True)
class Finding:
    """What the logs say of one attempt."""

    doubt: Doubt
    status: CallStatus  #: success, failed or still unknown
    why: str  #: a clause
    record: CallRecord | None = None  #: the call that it was


def match(
    doubts: Collection[Doubt],
    records: Iterable[CallRecord],
    *,
    known: Collection[str] = (),
    complete: Span | None = None,
) -> list[Finding]:
    """
    Find the call of each attempt in doubt.

    An attempt is settled by the only call that can have been it, where that call can
    have been no other attempt. The same number alone proves nothing: a call counts
    that began within the attempt's span and belongs to no attempt already.

    Args:
        doubts: Attempts in doubt, those of other campaigns on the same service among them.
        records: The calls of all logs.
        known: callIds that belong to attempts which are not in doubt.
        complete: When a person says that the logs have every call; only then does it
            mean anything that they lack one.

    Returns:
        One finding for each doubt that is ours.
    """
    calls = [one for one in _merged(records) if one.call_id not in known or not one.call_id]
    named = {doubt.call_id for doubt in doubts if doubt.call_id}
    by_number: dict[str | None, list[CallRecord]] = defaultdict(list)
    for one in calls:
        by_number[one.e164].append(one)
    candidates = {
        (doubt.row_id, doubt.nth): [
            one for one in by_number[doubt.e164] if _can_be(one, doubt, named)
        ]
        for doubt in doubts
    }
    wanted = Counter(one.call_id for found in candidates.values() for one in found)
    doubted = Counter((doubt.campaign_id, doubt.e164) for doubt in doubts)
    return [
        _finding(
            doubt,
            candidates[doubt.row_id, doubt.nth],
            wanted,
            (*by_number[None], *by_number[doubt.e164]),
            complete if doubted[doubt.campaign_id, doubt.e164] == 1 and not doubt.call_id else None,
        )
        for doubt in doubts
        if doubt.ours
    ]


def _finding(
    doubt: Doubt,
    found: Sequence[CallRecord],
    wanted: Counter[str],
    near: Iterable[CallRecord],
    complete: Span | None,
) -> Finding:
    if len(found) > 1:
        places = ", ".join(sorted(one.where for one in found))
        return Finding(doubt, CallStatus.UNKNOWN, f"{len(found)} calls can have been it: {places}")
    if found and wanted[found[0].call_id] > 1:
        why = f"the call in {found[0].where} can have been another attempt as well"
        return Finding(doubt, CallStatus.UNKNOWN, why)
    if found:
        return Finding(doubt, CallStatus.SUCCESS, f"it is the call in {found[0].where}", found[0])
    unclear = [one for one in near if one.at is None or one.at.touches(doubt.span)]
    if unclear:
        why = f"{unclear[0].where} may be its call, but lacks a usable callId, number or time"
        return Finding(doubt, CallStatus.UNKNOWN, why)
    if complete is not None and complete.holds(doubt.span):
        return Finding(doubt, CallStatus.FAILED, "the complete log has no call to the number then")
    return Finding(doubt, CallStatus.UNKNOWN, "no call to the number at that time")


def _can_be(call: CallRecord, doubt: Doubt, named: Collection[str]) -> bool:
    """Whether a call to the doubt's number can have been that attempt."""
    if not call.call_id:
        return False
    if doubt.call_id or call.call_id in named:
        return call.call_id == doubt.call_id
    return call.at is not None and call.at.touches(doubt.span)


def _merged(records: Iterable[CallRecord]) -> list[CallRecord]:
    """Each call once; where records of one callId name several numbers, no callId counts."""
    by_id: dict[str, list[CallRecord]] = defaultdict(list)
    for one in records:
        by_id[one.call_id].append(one)
    merged = by_id.pop("", [])
    for told in by_id.values():
        numbers = {one.e164 for one in told if one.e164}
        if len(numbers) > 1:
            merged += [replace(one, call_id="") for one in told]
            continue
        first = min(told, key=lambda one: (one.at is None, one.at and one.at.begin, one.where))
        merged.append(replace(first, e164=next(iter(numbers), None)))
    return merged


def gaps(accepted: Iterable[tuple[str, str]], records: Iterable[CallRecord]) -> list[str]:
    """
    Which calls a log lacks, or tells otherwise, that were certainly made.

    Args:
        accepted: callId and number of calls that the service accepted.
        records: The calls of all logs.

    Returns:
        Their callIds; a log without them is not complete.
    """
    told = {(one.call_id, one.e164) for one in records}
    return [call_id for call_id, number in accepted if (call_id, number) not in told]
