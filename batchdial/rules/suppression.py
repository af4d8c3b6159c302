"""
Must a number not be called now? Decided when its turn has come, from what is known of it then.

Do-not-call entries come first, then consent, then what was called lately: a person who
asked not to be called is told from one who may be called later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from batchdial.models import span_text
from batchdial.rules.caps import NO_CAPS, Caps
from batchdial.rules.cells import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

#: Reasons of rows that must not be called, or not yet.
DNC_LIST = "dnc_list"
DNC_PREFIX = "dnc_prefix"
DNC_LEDGER = "dnc_ledger"
NO_CONSENT = "no_consent"
CALLED_LATELY = "called_lately"
CAP_REACHED = "cap_reached"

#: Words that a cell says yes with, without blanks, hyphens and the like: `Opt-in` is `optin`.
CONSENT: Final = frozenset((
    "yes", "y", "true", "t", "1", "x", "on", "✓", "✔", "☑", "✅", "optin", "optedin",
    "granted", "given", "agreed", "accepted", "consented", "subscribed", "confirmed",
    "ja", "j", "wahr", "vrai", "oui", "si", "sí", "sì", "verdadero", "verdadeiro",
    "vero", "sim", "evet", "kyllä", "igen", "ano", "áno", "tak", "prawda", "да", "так",
    "\u03bd\u03b1\u03b9", "はい", "是", "예", "네", "同意", "نعم", "כן", "eingewilligt",
    "erteilt", "zugestimmt", "accordé", "accepté", "consentito", "aceptado", "concedido",
    "aceito", "akkoord", "samtykke", "samtycke", "zgoda", "согласен",
))  # fmt: skip
_FILLER = re.compile(r"[\s_\-.!]+")
#: "1.0" is a one that a spreadsheet wrote as an amount.
_ONE = re.compile(r"1[.,]0+")

#: How old a national list may be when somebody is called by it, by country code: the Telemarketing
#: Sales Rule, 16 CFR 310.4(b)(3)(iv), and PECR 2003, regulation 21(3) and (4).
NATIONAL_LISTS: Final = {
    "1": ("the US or Canadian", timedelta(days=31)),
    "44": ("the UK", timedelta(days=28)),
}


@dataclass(frozen=True, slots=True)
class Listing:
    """Where a number stands in a do-not-call file."""

    file: str  #: the file's name
    prefix: str = ""  #: the entry that covers the number, as `+4479`; empty for the number itself


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call that rang a number, or may have, by any campaign of the ledger."""

    at: datetime  #: when its answer came, UTC, or when it was claimed where none did
    campaign: str  #: its campaign's name
    campaign_id: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a number at the moment of its call."""

    listing: Listing | None = None
    suppressed_at: datetime | None = None  #: since when it is on the ledger's own list, UTC
    calls: Sequence[PastCall] = ()  #: all since the longest window of the limits began
    no_consent: Refusal | None = None  #: what `consent_missing` said of the row


@dataclass(frozen=True, slots=True)
class Limits:
    """What a campaign keeps to."""

    not_called_within: timedelta = timedelta(0)  #: after a call by another campaign; 0 is off
    caps: Caps = NO_CAPS

    @property
    def longest(self) -> timedelta:
        """How far back calls matter; 0 where none does."""
        return max(self.not_called_within, self.caps.longest)

    def told(self) -> dict[str, str]:
        """Them as JSON can hold them."""
        return {
            "notCalledWithin": span_text(self.not_called_within),
            "maxCallsPerPerson": str(self.caps),
        }


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a number is not called."""

    reason: str  #: one of the words above
    detail: str  #: a sentence; it names no number
    until: datetime | None = None  #: when it may be called; None where time changes nothing


def refusal(facts: Facts, limits: Limits, campaign_id: int, now: datetime) -> Refusal | None:
    """
    Why a number must not be called now, or None where nothing speaks against it.

    Args:
        facts: Of the number; the calls may reach further back than the limits do.
        limits: What the campaign keeps to.
        campaign_id: The campaign that wants to call it.
        now: The moment of the call, UTC.
    """
    return (
        _on_a_list(facts)
        or facts.no_consent
        or _capped(facts.calls, limits.caps, now)
        or _called_lately(facts.calls, limits.not_called_within, campaign_id, now)
    )


def _on_a_list(facts: Facts) -> Refusal | None:
    found = facts.listing
    if found is not None and found.prefix:
        detail = f"{printable(found.file)} says not to call numbers that begin with {found.prefix}."
        return Refusal(DNC_PREFIX, detail)
    if found is not None:
        return Refusal(DNC_LIST, f"The number is on the do-not-call list {printable(found.file)}.")
    if facts.suppressed_at is not None:
        detail = (
            f"The number was suppressed on {facts.suppressed_at:%Y-%m-%d}. If it may be called "
            "after all: batchdial suppress remove."
        )
        return Refusal(DNC_LEDGER, detail)
    return None


def _capped(calls: Sequence[PastCall], caps: Caps, now: datetime) -> Refusal | None:
    found = caps.reached([call.at for call in calls], now)
    if found is None:
        return None
    cap, until = found
    times = "once" if cap.calls == 1 else f"{cap.calls} times"
    detail = f"It was called {times} within {span_text(cap.within)}, the most that {cap} allows."
    return Refusal(CAP_REACHED, f"{detail} {_again_from(until)}", until)


def _called_lately(
    calls: Sequence[PastCall], within: timedelta, campaign_id: int, now: datetime
) -> Refusal | None:
    others = [call for call in calls if call.campaign_id != campaign_id]
    last = max(others, key=lambda call: call.at, default=None)
    if last is None or last.at + within <= now:
        return None
    until = last.at + within
    detail = (
        f"{printable(last.campaign, 60)} called the number at {last.at:%Y-%m-%d %H:%M} UTC, less "
        f"than {span_text(within)} ago (--not-called-within). {_again_from(until)}"
    )
    return Refusal(CALLED_LATELY, detail, until)


def _again_from(until: datetime) -> str:
    return f"It may be called from {until:%Y-%m-%d %H:%M:%S} UTC."


def has_consent(cell: str) -> bool:
    """
    Whether a cell says yes, in one of the words of `CONSENT`.

    Everything else is no consent, dates among them: a date may be the day on which it was
    given, withdrawn or asked for.
    """
    text = cell.strip().casefold()
    return bool(_ONE.fullmatch(text)) or _FILLER.sub("", text) in CONSENT


def consent_missing(cells: Sequence[str], column: int, name: str) -> Refusal | None:
    """
    Why a row has no consent, or None where it has.

    Args:
        cells: Of the row, as they were read.
        column: Where its consent stands.
        name: That column's name, for the sentence.
    """
    cell = cells[column] if column < len(cells) else ""
    if has_consent(cell):
        return None
    said = printable(cell, 40)
    what = f'says "{said}"' if said else "is empty"
    return Refusal(
        NO_CONSENT,
        f'Its column "{printable(name, 40)}" {what}, which is no consent; yes, true, 1, x, '
        "granted and opt-in are.",
    )


def outdated(
    files: Iterable[tuple[str, datetime]], numbers: Collection[str], now: datetime
) -> list[str]:
    """
    Warnings of do-not-call files that are older than a national list may be.

    Args:
        files: Name of each, and when it was last changed, UTC.
        numbers: E.164 of who is going to be called, or only the country codes with a plus.
        now: The moment of the calls, UTC.
    """
    told = []
    for code, (whose, limit) in NATIONAL_LISTS.items():
        if not any(number.startswith(f"+{code}") for number in numbers):
            continue
        told += [
            f"{printable(name)} is {(now - changed).days} days old. If it is {whose} do-not-call "
            f"list, calls to +{code} need one that is not older than {limit.days} days."
            for name, changed in files
            if now - changed > limit
        ]
    return told
