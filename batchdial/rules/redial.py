"""May this number be dialled, given what the campaign already knows of it?"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from batchdial.models import CallStatus, Contact, Settlement, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Nobody was called, and `retry` may dial the row.
SAFE_TO_REDIAL = (CallStatus.FAILED, CallStatus.EXPIRED)
#: Reason of a row that a person mended in a results file, so that its number is a new one.
CORRECTED = "corrected"
#: Reasons of rows that were not dialled for what other rows of their campaign came to.
ALREADY_CALLED, OTHER_LIST = "already_called", "other_list"
#: The phone rang, or may have rung.
RANG = (CallStatus.SUCCESS, CallStatus.UNKNOWN, CallStatus.DIALING)


#: A number in E.164, also as a spreadsheet may write it; `4.47911E+11` is not one.
_READABLE = re.compile(r"\+?([0-9]{7,15})(?:[.,]0+)?")
_KEPT = {ALREADY_CALLED: CallStatus.SUPPRESSED, OTHER_LIST: CallStatus.DUPLICATE}


@dataclass(frozen=True, slots=True)
class Known:
    """What a campaign remembers of a number."""

    status: CallStatus
    reason: str
    detail: str
    call_id: str
    attempts: int
    last_attempt_at: datetime | None  #: UTC
    list_name: str  #: the list that it stands in
    row: int  #: its spreadsheet row there


def place(contact: Contact, known: Known | None, *, replaces: str | None) -> Contact:
    """
    Let a contact of a new list take the place that its number has in the campaign.

    Args:
        contact: As cleaning left it; `prior` only if it came from this campaign's results.
        known: What the campaign remembers of the number, if anything.
        replaces: Name of the earlier list that the new one is an edition of, or None.

    Returns:
        A number never seen is dialled. In an edited list, a number that was called is
        suppressed and any other keeps its standing. In a results file that was fed back,
        every row whose number is unchanged keeps its standing.
    """
    if contact.prior is not None and _is_same_number(contact):
        return _recalled(contact, contact.prior, known)
    if contact.verdict.status is not CallStatus.PENDING:
        return contact
    if known is None:
        return _corrected(contact)
    if known.status in (CallStatus.SUCCESS, CallStatus.DIALING):
        return _suppressed(contact, known)
    if known.list_name == replaces:
        return _standing(contact, known)
    return _elsewhere(contact, known)


@dataclass(frozen=True, slots=True)
class Amendment:
    """What one row of a results file, fed back by hand, means for the list it came from."""

    contact: Contact | None  #: what stands in the row from now on; None leaves it
    is_new: bool = False  #: whether the contact is another row than the one that was recorded


def amend(contact: Contact, stored: Contact | None, known: Known | None) -> Amendment:
    """
    Compare a row of a results file with the ledger's.

    Args:
        contact: As it was read and cleaned.
        stored: The ledger's row at the same place, or None where there is none.
        known: What the campaign remembers of the number in the file.

    Returns:
        An unchanged number keeps what the ledger says of it, with the other cells as
        they are now, unless it was called. A changed number is a new one; it takes the
        place of the old, unless the old one was called.
    """
    fresh = replace(contact, prior=None)
    if stored is None:
        return Amendment(place(fresh, known, replaces=None), is_new=True)
    called = stored.verdict.status in RANG
    if contact.verdict.e164 in (None, stored.verdict.e164) and stored.verdict.e164 is not None:
        keep = called or contact.verdict.e164 is None or contact.cells == stored.cells
        return Amendment(None if keep else replace(stored, cells=contact.cells))
    verdict = place(fresh, known, replaces=None).verdict
    if verdict.status is CallStatus.PENDING:
        verdict = replace(verdict, reason=CORRECTED)
    return Amendment(replace(fresh, verdict=verdict), is_new=called)


def stands_after(was: CallStatus, settlement: Settlement) -> CallStatus:
    """
    Where a row stands when an attempt is settled.

    An earlier answer that was lost stays lost, and an earlier call stays made, where a later
    attempt came to nothing; and a settlement that is no verdict on the row (`pending`) leaves it
    where it stood.
    """
    nothing = settlement.status in (CallStatus.PENDING, CallStatus.FAILED)
    if nothing and was in (CallStatus.UNKNOWN, CallStatus.SUCCESS):
        return was
    return was if settlement.status is CallStatus.PENDING else settlement.status


def told_as_called(prior: Mapping[str, str]) -> frozenset[str]:
    """
    What a results file names a call by that was made, or may have been: its number, its callId.

    Empty where nobody was called. A number that a spreadsheet damaged is left out.
    """
    if _told(prior) not in RANG and prior.get("reason") != ALREADY_CALLED:
        return frozenset()
    number = _number(prior)
    return frozenset({f"+{number}" if number else "", prior.get("callId", "").strip()})


def _number(prior: Mapping[str, str]) -> str | None:
    """The digits of the number that a results file gives, where they can be read."""
    found = _READABLE.fullmatch(re.sub(r"[\s'()-]", "", prior.get("e164", "")))
    return found[1] if found else None


def _is_same_number(contact: Contact) -> bool:
    """Doubt counts as the same number: a cell that nobody can read again is not a new person."""
    prior = contact.prior or {}
    if _told(prior) not in {*RANG, *SAFE_TO_REDIAL, *_KEPT.values()}:
        return False
    new = contact.verdict.e164
    old = _number(prior)
    return new is None or old is None or new.lstrip("+") == old


def _told(prior: Mapping[str, str]) -> CallStatus | None:
    """Where a results file says that a row stood; None where it says nothing that counts."""
    status = prior.get("status", "").strip().lower()
    kept = _KEPT.get(prior.get("reason", ""))
    if kept is not None and status not in {*RANG}:
        return kept
    if status in {*RANG, *SAFE_TO_REDIAL, CallStatus.PENDING}:
        return CallStatus(status)
    # Where somebody wrote over the status of a call, its callId still says that it was made.
    is_call = status not in {*CallStatus} and prior.get("callId", "").strip()
    return CallStatus.UNKNOWN if is_call else None


def _recalled(contact: Contact, prior: Mapping[str, str], known: Known | None) -> Contact:
    if known is not None and known.status in {*RANG, *SAFE_TO_REDIAL, CallStatus.PENDING}:
        return _standing(contact, known)
    status = _told(prior) or CallStatus.UNKNOWN
    if status in SAFE_TO_REDIAL and contact.verdict.status is not CallStatus.PENDING:
        return contact
    status = CallStatus.UNKNOWN if status is CallStatus.DIALING else status
    e164 = contact.verdict.e164 or prior.get("e164") or None
    return replace(
        contact,
        verdict=Verdict(status, e164, prior.get("reason", ""), prior.get("detail", "")),
        call_id=prior.get("callId", ""),
        attempts=_count(prior.get("attempts", "")),
        last_attempt_at=_moment(prior.get("lastAttemptAt", "")),
    )


def _standing(contact: Contact, known: Known) -> Contact:
    status = CallStatus.UNKNOWN if known.status is CallStatus.DIALING else known.status
    return replace(
        contact,
        verdict=Verdict(status, contact.verdict.e164, known.reason, known.detail),
        call_id=known.call_id,
        attempts=known.attempts,
        last_attempt_at=known.last_attempt_at,
    )


def _suppressed(contact: Contact, known: Known) -> Contact:
    when = f" at {known.last_attempt_at:%Y-%m-%d %H:%M} UTC" if known.last_attempt_at else ""
    detail = (
        f"This campaign called the number{when} (callId {known.call_id or 'not known'}). "
        "To call everybody again: --again."
    )
    verdict = Verdict(CallStatus.SUPPRESSED, contact.verdict.e164, ALREADY_CALLED, detail)
    return replace(
        contact, verdict=verdict, call_id=known.call_id, last_attempt_at=known.last_attempt_at
    )


def _elsewhere(contact: Contact, known: Known) -> Contact:
    detail = f"The number stands in row {known.row} of {known.list_name}, of the same campaign."
    verdict = Verdict(CallStatus.DUPLICATE, contact.verdict.e164, OTHER_LIST, detail)
    return replace(contact, verdict=verdict)


def _corrected(contact: Contact) -> Contact:
    """A row that a person mended is new, and `retry` dials it."""
    if contact.prior is None or _told(contact.prior) is CallStatus.PENDING:
        return contact
    return replace(contact, verdict=replace(contact.verdict, reason=CORRECTED))


def _count(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else 0


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None
