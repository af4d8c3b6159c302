"""What a campaign keeps to: settings, files and lists become the rules that rows meet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from batchdial.calling import calling_hours
from batchdial.errors import ConfigError
from batchdial.lists.mapping import column_named
from batchdial.lists.parsing import region_named
from batchdial.lists.watched import DoNotCall
from batchdial.lists.zone_names import zone_of_row
from batchdial.lists.zones import place_of
from batchdial.models import span_text
from batchdial.rules.again import Redial, parse_delays, parse_outcomes
from batchdial.rules.budget import Budget
from batchdial.rules.caps import Caps
from batchdial.rules.hours import Place
from batchdial.rules.plan import Rules
from batchdial.rules.schedule import impossible, is_late, left_out, local_zone, parse_moment
from batchdial.rules.suppression import Limits, consent_missing, outdated

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from datetime import datetime

    from batchdial.models import Campaign, ColumnMap
    from batchdial.rules.plan import Candidate
    from batchdial.rules.suppression import Listing, Refusal
    from batchdial.settings import Settings

T = TypeVar("T")


class Governance:
    """
    The rules of one campaign, and what they ask of files and rows.

    Args:
        settings: What was asked for.
        now: UTC.

    Raises:
        ConfigError: Everything that is wrong with them; a file that cannot be used is.
    """

    def __init__(self, settings: Settings, now: datetime) -> None:
        self._settings = settings
        problems: list[str] = []

        def read(flag: str, make: Callable[[], T]) -> T | None:
            try:
                return make()
            except ConfigError as error:
                problems.append(str(error))
            except ValueError as error:
                problems.append(f"{flag}: {error}.")
            return None

        region = region_named(settings.region) if settings.region else None
        local, zone = now.astimezone(), local_zone()
        hours = read("--hours", lambda: calling_hours(settings, local.date()))
        files = read("--suppress", lambda: DoNotCall(settings.suppress, region))
        outcomes = read("--redial", lambda: parse_outcomes(settings.redial))
        delays = read("--redial-after", lambda: parse_delays(settings.redial_after))

        self.notes: list[str] = []  #: what a person should know of how it was read

        def moment(flag: str, text: str | None) -> datetime | None:
            at = read(flag, lambda: parse_moment(text, local, zone)) if text else None
            if text and at is not None and (note := left_out(text, at)):
                self.notes.append(f"{flag}: {note}")
            return at

        start = moment("--start-at", settings.start_at)
        end = moment("--end-at", settings.end_at)
        if start is not None and (wrong := impossible(start, end, start)):
            problems.append(wrong)
        if problems or hours is None or files is None or outcomes is None or delays is None:
            raise ConfigError("\n".join(problems))
        self.hours = hours
        self.files = files
        self.redial = Redial(outcomes, delays)
        self.start, self.end = start, end

    def begin_refused(self, began: datetime | None, now: datetime) -> str:
        """Why a campaign must not begin by itself; empty where it may."""
        if not is_late(self.start, began, self._settings.grace, now):
            return ""
        late = span_text(now - self.start) if self.start is not None else ""
        return (
            f"The campaign was to begin {late} ago, and may begin "
            f"{span_text(self._settings.grace)} late by itself (--grace). Nobody was called.\n"
            "Run it in a terminal and agree, or say a longer --grace."
        )

    def opening(self, place: Hashable, at: datetime) -> tuple[bool, datetime | None]:
        """Whether people at a place may be called at a moment, and when that changes."""
        if not isinstance(place, Place):
            raise TypeError("not a place")
        return self.hours.opening(place, at)

    def rules(self, campaign: Campaign, lists: Mapping[int, Sheet]) -> Rules:
        """The rules for rows of these lists."""
        limits = Limits(self._settings.not_called_within, Caps(self._settings.max_calls_per_person))
        return Rules(self.hours, limits, campaign.id, Reader(self, lists))

    def budget(self, longest: int) -> Budget:
        """The caps of the campaign, for calls that last so many minutes at most."""
        asked = self._settings
        return Budget(
            longest, asked.max_calls, asked.max_minutes, asked.max_spend, asked.price_per_minute
        )

    def warnings(self, numbers: Sequence[str], now: datetime) -> list[str]:
        """What a person should know of the do-not-call files before calls begin."""
        return outdated(self.files.ages(), numbers, now)

    def told(self) -> dict[str, Any]:
        """What was asked for, as JSON can hold it."""
        return {
            "hours": self._settings.hours,
            "days": self._settings.days,
            "holidays": self._settings.holidays,
            "suppress": [
                {**one, "file": str(Path(one["file"]).absolute())} for one in self.files.evidence()
            ],
            "requireConsent": self._settings.require_consent,
            "startAt": self.start and self.start.isoformat(),
            "endAt": self.end and self.end.isoformat(),
        }


class Sheet:
    """Where in the rows of a list a zone and a consent stand."""

    def __init__(self, header: Sequence[str], columns: ColumnMap, consent: str | None) -> None:
        self._columns = columns
        self._zoned = columns.get("timezone") is not None
        asked = None if consent is None else column_named(header, "--require-consent", consent)
        self._consent = None if asked is None else (asked, header[asked])
        self.reads_cells = self._zoned or consent is not None

    def place(self, e164: str, cells: Sequence[str]) -> Place:
        """Where the person of a row may be."""
        zone = zone_of_row(self._columns, cells, e164) if self._zoned else None
        return place_of(e164, zone)

    def no_consent(self, cells: Sequence[str]) -> Refusal | None:
        """Why a row has no consent; None where it has, or none is asked for."""
        return None if self._consent is None else consent_missing(cells, *self._consent)

    def consent(self, cells: Sequence[str]) -> str | None:
        """What a row says of it; None where none is asked for."""
        if self._consent is None:
            return None
        at = self._consent[0]
        return cells[at] if at < len(cells) else ""


class Reader:
    """What rules ask of the files and the lists of a campaign."""

    def __init__(self, governance: Governance, lists: Mapping[int, Sheet]) -> None:
        self._governance = governance
        self._files = governance.files
        self._lists = lists
        self.reads_cells = any(sheet.reads_cells for sheet in lists.values())

    @property
    def edition(self) -> int:
        """Grows when a file was read again."""
        return self._files.edition

    def ready(self, now: datetime) -> bool:
        """Whether the files in force are those of now."""
        return self._files.ready(now)

    def place(self, one: Candidate) -> Place:
        """Where the person may be."""
        return self._lists[one.list_id].place(one.e164, one.cells)

    def listing(self, e164: str) -> Listing | None:
        """Where the number stands in a do-not-call file."""
        return self._files.listing(e164)

    def no_consent(self, one: Candidate) -> Refusal | None:
        """Why the row has no consent."""
        return self._lists[one.list_id].no_consent(one.cells)

    def consent(self, one: Candidate) -> str | None:
        """What the row says of consent."""
        return self._lists[one.list_id].consent(one.cells)

    def told(self) -> dict[str, Any]:
        """What decisions rest on."""
        return self._governance.told()
