"""The values that pass between the rooms; all frozen, none of them does I/O."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from itertools import repeat
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

#: The columns that every results file of ours has had, in this order.
FIRST_COLUMNS = (
    "status",
    "callId",
    "reason",
    "detail",
    "e164",
    "attempts",
    "lastAttemptAt",
    "campaign",
    "row",
)
#: Those that came later; a file that lacks one of them has none of them as a column of ours.
LATER_COLUMNS = ("outcome", "callLength", "recordingUrl")
#: The columns that a results file adds to the input's own, in this order.
RESULT_COLUMNS = (*FIRST_COLUMNS, *LATER_COLUMNS)

#: Contacts of which a plan shows the request.
EXAMPLES = 3

#: Body fields of the API that have a meaning of their own; no custom variable may take their place.
API_FIELDS = ("phoneNumber", "prospectName", "email")


class CallStatus(StrEnum):
    """Where one row stands; the value is printed in the results file."""

    PENDING = "pending"  #: nothing sent yet
    DIALING = "dialing"  #: claimed in the ledger, answer not seen
    SUCCESS = "success"  #: the API accepted it and named the call
    FAILED = "failed"  #: certainly nobody was called; safe to dial again
    UNKNOWN = "unknown"  #: the phone may have rung; a person decides
    INVALID = "invalid"  #: no number in it that could be dialled
    DUPLICATE = "duplicate"  #: the number stands in an earlier row
    SUPPRESSED = "suppressed"  #: must not or need not be called
    EXPIRED = "expired"  #: the campaign's end came first


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file was understood, before any cell was judged."""

    name: str  #: the file's name without its folder; "-" for standard input
    kind: str  #: "csv" or "xlsx"
    header: tuple[
        str, ...
    ]  #: the input's own column names as they were read, results columns left out
    header_row: int  #: spreadsheet row of the header, counted from 1
    encoding: str | None = None  #: Python's name of the codec; None for a workbook
    delimiter: str | None = None  #: one character; None for a workbook
    sheet: str | None = None  #: name of the sheet that was read; None for text
    digest: str = ""  #: SHA-256 of the file's bytes, in hex
    is_results: bool = False  #: whether it is a results file of ours being fed back
    notes: tuple[str, ...] = ()  #: what was left out, undone or is hidden, a clause each


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One contact as it stands in the file."""

    row: int  #: spreadsheet row, counted from 1; the header counts
    cells: tuple[str, ...]  #: as many as `Reading.header`, each exactly as it was read
    prior: Mapping[str, str] | None = None  #: our columns of a results file fed back


@dataclass(frozen=True, slots=True)
class FieldMap:
    """Where one field of the request comes from."""

    field: str  #: an API field, "region", "timezone", or a variable's name
    columns: tuple[int, ...]  #: indexes into the header; several names are joined by a space
    how: str  #: "flag", "exact", "similar", "content" or "variable"
    sure: float = 1.0  #: 0 to 1: all of an exact name, else how much of the name or content fits
    also: tuple[int, ...] = ()  #: columns that could be the field too, by rank, and are not used


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Which column becomes which field, and which columns are not sent."""

    fields: tuple[FieldMap, ...]  #: the phone number first, variables last
    unused: tuple[int, ...] = ()  #: columns whose content never leaves this machine

    def get(self, field: str) -> FieldMap | None:
        """The source of a field, or None where no column has it."""
        return next((f for f in self.fields if f.field == field), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What cleaning, or the campaign's memory, says of one row."""

    status: CallStatus
    e164: str | None = None  #: the number as it would be dialled
    reason: str = ""  #: a stable machine word, empty when there is nothing to say
    detail: str = ""  #: a sentence that says what to do


@dataclass(frozen=True, slots=True)
class Contact:
    """One row with its verdict: what the ledger keeps and the results file gives back."""

    row: int
    cells: tuple[str, ...]
    verdict: Verdict
    prior: Mapping[str, str] | None = None
    call_id: str = ""
    attempts: int = 0  #: POSTs so far
    last_attempt_at: datetime | None = None  #: UTC


@dataclass(frozen=True, slots=True)
class Rate:
    """A promise: never more than `calls` in any window of `seconds`."""

    calls: int
    seconds: int  #: 1, 60 or 3600

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read `5/s`, `30/m` or `600/h`; a bare number is per second.

        Raises:
            ValueError: The text is none of these, or asks for no call at all.
        """
        match = re.fullmatch(r"\s*([0-9]{1,6})\s*(?:/\s*([smh])\s*)?", text)
        if match is None or int(match[1]) == 0:
            raise ValueError(f"{text!r} is not a rate; write it as 5/s, 30/m or 600/h")
        return cls(int(match[1]), {"s": 1, "m": 60, "h": 3600}[match[2] or "s"])

    def __str__(self) -> str:
        return f"{self.calls}/{ {1: 's', 60: 'm', 3600: 'h'}[self.seconds] }"


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
#: Ten years: whoever writes more has mistaken the unit.
_LONGEST = timedelta(days=3660)


def time_span(text: str) -> timedelta:
    """
    Read `90s`, `10m`, `24h`, `7d` or `2w`, up to ten years; days have 24 hours.

    Raises:
        ValueError: The text is none of these.
    """
    match = re.fullmatch(r"\s*([0-9]{1,9})\s*([smhdw])\s*", text)
    span = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
    if span is None or span > _LONGEST:
        raise ValueError(f"{text!r} is no length of time; write 90s, 10m, 24h, 7d or 2w")
    return span


def span_text(span: timedelta) -> str:
    """The shortest text that `time_span` reads as this span."""
    seconds = round(span.total_seconds())
    for unit, length in (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % length == 0 and (unit, seconds) != ("d", 86_400):
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


@dataclass(frozen=True, slots=True)
class Cap:
    """A promise to one person: never more than `calls` in any window of `within`."""

    calls: int
    within: timedelta

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read `3/24h`: three calls in any 24 hours.

        Raises:
            ValueError: The text is none, or allows no call at all.
        """
        match = re.fullmatch(r"\s*([0-9]{1,4})\s*/(.*)", text)
        with suppress(ValueError):
            cap = cls(int(match[1]), time_span(match[2])) if match else None
            if cap is not None and cap.calls and cap.within:
                return cap
        raise ValueError(f"{text.strip()!r} is no cap; write 3/24h, or 3/24h,7/7d for several")

    def __str__(self) -> str:
        return f"{self.calls}/{span_text(self.within)}"


@dataclass(frozen=True, slots=True)
class Campaign:
    """One purpose: a name and an agent, and the lists that run under it."""

    id: int
    name: str
    agent: str
    service: str  #: base URL that its calls go to
    generation: int  #: how often a person said that everybody may be called again, plus one
    created_at: datetime  #: UTC


@dataclass(frozen=True, slots=True)
class Claimed:
    """One row that is durably `dialing`: the right to send one POST."""

    row_id: int
    list_id: int
    row: int  #: spreadsheet row
    e164: str
    cells: tuple[str, ...]
    attempt: int  #: counts all POSTs for this row, from 1
    depart_at: float  #: Unix time in seconds before which the call may not leave
    wait: float  #: how far ahead of the claim that was, in seconds
    was: CallStatus  #: where the row stood before, and stands again if nothing is sent
    was_reason: str = ""
    was_detail: str = ""


class Integers(Protocol):
    """Whole numbers in an order, however they are held."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[int]: ...
    def __getitem__(self, place: int, /) -> int: ...


@dataclass(frozen=True, slots=True)
class Written:
    """Rows as they stand in a results file, before the columns that it adds."""

    text: bytes  #: UTF-8; behind each row one byte that is not part of it
    ends: Integers  #: where each row ends


class Cells(Protocol):
    """The cells of some rows, each as it was read."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[tuple[str, ...]]: ...
    def __getitem__(self, place: int, /) -> tuple[str, ...]: ...

    def after(self, number: int) -> Cells:
        """The same without the first few rows."""

    def widths(self) -> set[int]:
        """How many cells rows have."""

    def some(self, places: Sequence[int]) -> Iterable[tuple[str, ...]]:
        """The rows at these places, which ascend."""

    def column(self, index: int) -> list[str]:
        """One cell of each row."""

    def lines(self, index: int) -> bytes:
        """The same as `in_lines`, to be looked at together: a doubled mark may stay doubled."""

    def picked(self, index: int, places: Sequence[int]) -> list[str]:
        """One cell of the rows at these places."""

    def empty(self, index: int) -> tuple[list[int], list[int]]:
        """The places of empty cells of a column, and of others that may show nothing."""

    def written(self) -> Written | None:
        """All rows as a results file has them; None where they must be written one by one."""


class PlainCells(list[tuple[str, ...]]):
    """Cells row by row."""

    def after(self, number: int) -> PlainCells:
        """The same without the first few rows."""
        return PlainCells(self[number:])

    def widths(self) -> set[int]:
        """How many cells rows have."""
        return set(map(len, self))

    def some(self, places: Sequence[int]) -> Iterable[tuple[str, ...]]:
        """The rows at these places, which ascend."""
        return map(self.__getitem__, places)

    def column(self, index: int) -> list[str]:
        """One cell of each row."""
        return [cells[index] for cells in self]

    def lines(self, index: int) -> bytes:
        """The same as `in_lines`."""
        return in_lines(self.column(index))

    def picked(self, index: int, places: Sequence[int]) -> list[str]:
        """One cell of the rows at these places."""
        return [self[place][index] for place in places]

    def empty(self, index: int) -> tuple[list[int], list[int]]:
        """The places of empty cells of a column, and of others that may show nothing."""
        seen = enumerate(self.column(index))
        unseen = [(place, cell) for place, cell in seen if not "!" <= cell[:1] <= "~"]
        return [at for at, cell in unseen if not cell], [at for at, cell in unseen if cell]

    def written(self) -> None:
        """Row by row."""


def in_lines(texts: Sequence[str]) -> bytes:
    """Texts in UTF-8, a line each; a quotation mark stands for one that holds a line feed."""
    joined = "\n".join([*texts, ""])
    if joined.count("\n") != len(texts):
        joined = "\n".join(['"' if "\n" in text else text for text in texts] + [""])
    return joined.encode(errors="replace")


def row_as_json(cells: Sequence[str]) -> str:
    """Cells as `json.dumps` writes them, in a tenth of the time where none needs an escape."""
    joined = '","'.join(cells)
    is_plain = joined.isprintable() and "\\" not in joined
    if is_plain and joined.count('"') == 2 * len(cells) - 2:
        return f'["{joined}"]'
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Block:
    """Some contacts of a file as they stand in it, in its order."""

    rows: Sequence[int]  #: spreadsheet row of each, counted from 1
    cells: Cells  #: as many a row as `Reading.header`
    priors: Sequence[Mapping[str, str]] | None = None  #: of a results file; see `SourceRow.prior`

    @classmethod
    def of(cls, rows: Sequence[SourceRow]) -> Self:
        """Rows of a results file as a block."""
        return cls(
            [one.row for one in rows],
            PlainCells(one.cells for one in rows),
            [one.prior or {} for one in rows],
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[SourceRow]:
        """One row after the other."""
        priors = self.priors if self.priors is not None else repeat(None)
        return map(SourceRow, self.rows, self.cells, priors)


@dataclass(frozen=True, slots=True)
class Batch:
    """
    Some contacts with their verdicts, in the file's order.

    Most rows of a list have a number and nothing to say of it: they are kept as columns.
    """

    rows: Sequence[int]  #: spreadsheet row of each
    cells: Cells
    numbers: Integers  #: digits of each row that is PENDING and has no reason and no detail
    told: Mapping[int, Contact]  #: all others, by their place in the batch
    odd: Collection[
        int
    ] = ()  #: places whose e-mail cell holds more or other than one plain address

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Contact]:
        """One contact after the other."""
        for place, (row, cells) in enumerate(zip(self.rows, self.cells, strict=True)):
            yield self.told.get(place) or Contact(
                row, cells, Verdict(CallStatus.PENDING, self.number(place))
            )

    def number(self, place: int) -> str:
        """E.164 of a row that is not told of."""
        return f"+{self.numbers[place]}"

    def with_told(self, told: Mapping[int, Contact]) -> Batch:
        """The same with other verdicts on some rows."""
        return replace(self, told={**self.told, **told}) if told else self


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one POST came to."""

    status: CallStatus
    reason: str = ""
    detail: str = ""
    call_id: str = ""
    http_status: int | None = None  #: None where no answer was read
    again: bool = False  #: certainly not processed, and worth another POST within the budget
    retry_after: float | None = None  #: seconds for which no lane should call
    stop: bool = False  #: no other row would fare better: the campaign stops
    slow_down: bool = False  #: the service is asked for more than it bears


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row that has just been settled, as callers of the Python API see it."""

    row: int
    e164: str
    status: CallStatus
    call_id: str
    reason: str
    detail: str
    attempts: int
