"""May this row be dialled, when, and why not: one answer out of all rules that are asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from batchdial.errors import BatchDialError
from batchdial.rules.suppression import CAP_REACHED, Facts, Limits, PastCall, Refusal, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchdial.rules.hours import CallingHours, Place
    from batchdial.rules.suppression import Listing

#: Reasons of rows that no hour is right for.
NO_ZONE, NEVER_OPEN = "no_zone", "never_open"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a decision on one row rests on, but for the rules and the time."""

    list_id: int
    e164: str
    cells: Sequence[str] = ()  #: as they were read; none where the rules look at none
    suppressed_at: datetime | None = None  #: UTC; since when the ledger's own list has the number
    calls: Sequence[PastCall] = ()  #: those within the policy's memory


@dataclass(frozen=True, slots=True)
class Go:
    """It may be dialled now."""

    evidence: str = ""  #: JSON; what was looked at


@dataclass(frozen=True, slots=True)
class Later:
    """It may be dialled later."""

    at: float  #: Unix time in seconds before which it need not be asked again


@dataclass(frozen=True, slots=True)
class Never:
    """It may not be dialled."""

    reason: str  #: a stable machine word
    detail: str  #: a sentence that says what to do
    evidence: str = ""  #: JSON; what was looked at


Decision = Go | Later | Never


class Policy(Protocol):
    """The rules of one campaign."""

    @property
    def basis(self) -> str:
        """What is the same for many decisions, as JSON; it changes with the files it tells of."""

    @property
    def memory(self) -> float:
        """Seconds for which it matters whether a number was called; 0 asks for no calls."""

    @property
    def reads_cells(self) -> bool:
        """Whether decisions rest on cells of the row."""

    def ready(self, now: float) -> bool:
        """
        Whether decisions can be made now; while not, nobody is dialled.

        Raises:
            BatchDialError: They cannot be made any more.
        """

    def decide(self, one: Candidate, now: float) -> Decision:
        """
        May it be dialled?

        Args:
            one: The row, and what the ledger knows of its number.
            now: Unix time in seconds.
        """

    def still(self, one: Candidate, now: float) -> bool:
        """Whether a row that was decided on a moment ago may leave now; its calls are not told."""


class NoRules:
    """A campaign that may call everybody at any time."""

    basis = ""
    memory = 0.0
    reads_cells = False

    def ready(self, now: float) -> bool:  # noqa: ARG002
        """Yes."""
        return True

    def decide(self, one: Candidate, now: float) -> Decision:  # noqa: ARG002
        """Yes."""
        return Go()

    def still(self, one: Candidate, now: float) -> bool:  # noqa: ARG002
        """Yes."""
        return True


class Lookup(Protocol):
    """What rules ask of the world outside: files, and what a number or a row means."""

    @property
    def edition(self) -> int:
        """Grows when what is known has changed."""

    @property
    def reads_cells(self) -> bool:
        """Whether a zone or a consent stands in the row."""

    def ready(self, now: datetime) -> bool:
        """As `Policy.ready`."""

    def place(self, one: Candidate) -> Place:
        """Where the person may be."""

    def listing(self, e164: str) -> Listing | None:
        """Where the number stands in a do-not-call file."""

    def no_consent(self, one: Candidate) -> Refusal | None:
        """Why the row has no consent; None where it has, or none is asked for."""

    def consent(self, one: Candidate) -> str | None:
        """What the row says of consent; None where none is asked for."""

    def told(self) -> dict[str, Any]:
        """What decisions rest on, as JSON can hold it."""


class Rules:
    """
    Hours, suppression, caps and consent of one campaign.

    Args:
        hours: When people may be called.
        limits: How lately and how often they may have been called.
        campaign_id: Whose rules these are.
        lookup: Files, zones and consent.
    """

    def __init__(
        self, hours: CallingHours, limits: Limits, campaign_id: int, lookup: Lookup
    ) -> None:
        self._hours = hours
        self._limits = limits
        self._campaign_id = campaign_id
        self._lookup = lookup
        self._basis: tuple[int, str] = -1, ""
        self._minute: tuple[int, dict[Place, str]] = 0, {}
        self.memory = limits.longest.total_seconds()
        self.reads_cells = lookup.reads_cells

    @property
    def basis(self) -> str:
        """What decisions rest on, as JSON."""
        edition = self._lookup.edition
        if edition != self._basis[0]:
            told = {**self._limits.told(), **self._lookup.told()}
            self._basis = edition, json.dumps(told, ensure_ascii=False, sort_keys=True)
        return self._basis[1]

    def ready(self, now: float) -> bool:
        """Whether the do-not-call files are those of now."""
        return self._lookup.ready(datetime.fromtimestamp(now, UTC))

    def decide(self, one: Candidate, now: float) -> Decision:
        """May it be dialled? Whom not to call comes before when."""
        at = datetime.fromtimestamp(now, UTC)
        place = self._lookup.place(one)
        facts = Facts(
            self._lookup.listing(one.e164),
            one.suppressed_at,
            one.calls,
            self._lookup.no_consent(one),
        )
        refused = refusal(facts, self._limits, self._campaign_id, at)
        if refused is not None and refused.reason == CAP_REACHED and refused.until is not None:
            return Later(refused.until.timestamp())
        opening = self._hours.opening(place, at)
        if refused is None and not opening.is_open:
            if opening.until is not None:
                return Later(opening.until.timestamp())
            refused = _never_open(place)
        if refused is not None:
            return Never(refused.reason, refused.detail, self._evidence(one, place, at))
        return Go(self._evidence(one, place, at))

    def still(self, one: Candidate, now: float) -> bool:
        """Whether it is on no list and within its hours, at the moment of sending."""
        at = datetime.fromtimestamp(now, UTC)
        try:
            is_known = self._lookup.ready(at)
        except BatchDialError:  # the next claim meets the same, and ends the run with it
            is_known = False
        if not is_known or self._lookup.listing(one.e164) is not None:
            return False
        return self._hours.opening(self._lookup.place(one), at).is_open

    def _evidence(self, one: Candidate, place: Place, at: datetime) -> str:
        """Zones, local times, windows and consent as JSON."""
        consent = self._lookup.consent(one)
        seen = self._seen(place, at)
        return seen if consent is None else f'{{"consent": {json.dumps(consent)}, {seen[1:]}'

    def _seen(self, place: Place, at: datetime) -> str:
        """What the hours say; made once a minute for all who share a place."""
        minute = int(at.timestamp() // 60)
        if minute != self._minute[0]:
            self._minute = minute, {}
        found = self._minute[1].get(place)
        if found is None:
            told = self._hours.evidence(place, at.replace(second=0, microsecond=0))
            del told["at"]  # each decision has its own
            found = self._minute[1][place] = json.dumps(told, ensure_ascii=False)
        return found


def _never_open(place: Place) -> Refusal:
    """Why no hour of the coming year is right for somebody."""
    if place.zones:
        return Refusal(NEVER_OPEN, "No hour of the coming year is within --hours for it.")
    return Refusal(
        NO_ZONE,
        "Nobody can say which time it is for this number. Name the column that tells: "
        "--map timezone=COLUMN, or call at any hour: --hours any.",
    )
