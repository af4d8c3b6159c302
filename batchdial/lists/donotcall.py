"""A do-not-call file becomes a frozen list that answers in a microsecond, or no list at all."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from batchdial.errors import DoNotCallError, ListError
from batchdial.lists import encodings
from batchdial.lists.delimited import DELIMITERS, open_delimited
from batchdial.lists.entries import read_entries, read_entry
from batchdial.lists.phone_column import kind_of
from batchdial.lists.sources import BLANKS, existing, is_blank, is_workbook, refuse_by_content
from batchdial.lists.workbook import open_workbook
from batchdial.rules.cells import printable
from batchdial.rules.masking import masked
from batchdial.rules.suppression import Listing

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from batchdial.lists.sources import Record, Table
    from batchdial.models import Cells

    Numbers = NDArray[np.int64]
    #: Where some texts stand, and the texts.
    Texts: TypeAlias = tuple[Sequence[int], list[str]]

#: Problems of a file that are named; the others are counted.
SHOWN: Final = 10
_CHUNK: Final = 1 << 20
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
#: Digits of a text that may be a number, or what is left of one.
_FEWEST: Final = 4
#: The US registry writes an area code and seven digits as two cells.
_AREA, _REST = re.compile(r"[2-9][0-9]{2}"), re.compile(r"[0-9]{7}")
_REGISTRY = re.compile(rf"(?:(?:{_AREA.pattern},{_REST.pattern})?\n)+")
#: Share of a column's cells, or of the rows, that are entries, at least, where no name says so.
_MOST: Final = 0.5


@dataclass(frozen=True, slots=True)
class DoNotCallList:
    """One file as it was read: who must not be called by it."""

    path: Path
    digest: str  #: SHA-256 of its bytes, in hex
    entries: int  #: numbers and prefixes, as written
    changed_at: datetime  #: when the file was last written, UTC
    prefixes: frozenset[str]  #: each as `+4479`
    _numbers: array[int] = field(repr=False)  #: sorted; digits of E.164 as integers
    _widths: tuple[int, ...] = field(repr=False)  #: lengths of the prefixes

    def find(self, e164: str) -> Listing | None:
        """Where a number stands in it; None for one that may be called by it."""
        number, numbers = int(e164), self._numbers
        place = bisect_left(numbers, number)
        if place < len(numbers) and numbers[place] == number:
            return Listing(self.path.name)
        for width in self._widths:
            if e164[:width] in self.prefixes:
                return Listing(self.path.name, e164[:width])
        return None

    def __len__(self) -> int:
        return len(self._numbers) + len(self.prefixes)

    def __iter__(self) -> Iterator[str]:
        """The numbers in E.164; prefixes are none."""
        return map("+{}".format, self._numbers)


def read_donotcall(path: Path, region: str | None = None) -> DoNotCallList:
    """
    Read a do-not-call file: one entry a line, or a table with a phone column.

    An entry is a number or the beginning of numbers (`+4479*`). Blank lines and what
    stands behind `#` are no entries. Every other line must be understood.

    Args:
        path: A text file, or a workbook.
        region: ISO code of the country of numbers without a plus.

    Raises:
        DoNotCallError: There is no such file, it cannot be read, holds no entry, or has lines
            that cannot be understood; the message names some of them, numbers masked.
    """
    try:
        place = existing(path)
        if not place.is_file():
            raise ListError(f"{path} is no file. It is read again while calls are made.")
        changed_at = datetime.fromtimestamp(place.stat().st_mtime, UTC)
        found = encodings.survey(place)
        draft = _Draft(path.name, region)
        draft.fill(place, found)
    except (ListError, OSError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise DoNotCallError(f"The do-not-call file {path} cannot be used: {said}") from None
    return draft.frozen(path, found.digest, changed_at)


class _Draft:
    """What has been read of a file so far."""

    def __init__(self, name: str, region: str | None) -> None:
        self._name = name
        self._region = region
        self._numbers: list[Numbers] = []
        self._prefixes: set[str] = set()
        self._entries = 0
        self._problems: list[str] = []
        self._problem_count = 0

    def fill(self, place: Path, found: encodings.Survey) -> None:
        """Read all of a file."""
        if is_workbook(place, self._name, found.head):
            self._take_table(open_workbook(place, self._name, sheet=None))
            return
        refuse_by_content(self._name, found, asked=None)
        codec = _codec(place, self._name, found)
        if _is_table(place, codec):
            self._take_table(
                open_delimited(place, self._name, found, encoding=codec, delimiter=None)
            )
        else:
            with closing(_lines(place, codec)) as lines:
                for texts in lines:
                    self._take(texts, "line")

    def _take_table(self, table: Table) -> None:
        layout = _Layout.of(table.outline.head)
        with closing(table.pages()) as pages:
            for rows, cells in pages:
                for texts in layout.columns(rows, cells):
                    self._take((rows, texts), "row")

    def _take(self, texts: Texts, what: str) -> None:
        """Some texts, blank ones among them, each an entry."""
        places, entries = texts
        numbers, told = read_entries(entries, self._region)
        self._numbers.append(numbers)
        self._entries += sum(1 for text in entries if text.strip(BLANKS))
        for at, entry in told:
            if entry.prefix:
                self._prefixes.add(entry.prefix)
                continue
            self._problem_count += 1
            if len(self._problems) < SHOWN:
                shown = masked(printable(entries[at], 40))
                self._problems.append(f'  {what} {places[at]}: "{shown}". {entry.problem}')

    def frozen(self, path: Path, digest: str, changed_at: datetime) -> DoNotCallList:
        """The list; DoNotCallError where a line could not be understood, or there is none."""
        if self._problems:
            more = self._problem_count - len(self._problems)
            told = [*self._problems, *([f"  and {more:,} more"] if more else [])]
            count = self._problem_count
            what = "an entry" if count == 1 else f"{count:,} entries"
            raise DoNotCallError(
                f"The do-not-call file {path} has {what} that cannot be understood. Each may be "
                "somebody who must not be called:\n"
                + "\n".join(told)
                + "\nCorrect them, or put # in front of what is no number."
            )
        if not self._entries:
            raise DoNotCallError(
                f"The do-not-call file {path} holds no number. If nobody is on it, leave it out."
            )
        numbers = np.sort(
            np.concatenate(self._numbers)
        )  # which np.unique takes ten times as long for
        kept = array(
            "q", numbers[np.append(True, numbers[1:] != numbers[:-1])[: len(numbers)]].tobytes()
        )
        widths = tuple(sorted({len(prefix) for prefix in self._prefixes}))
        return DoNotCallList(
            path, digest, self._entries, changed_at, frozenset(self._prefixes), kept, widths
        )


def _codec(place: Path, name: str, found: encodings.Survey) -> str:
    """The encoding; where it cannot be told any of one byte a sign does, for digits are alike."""
    try:
        return encodings.choose(place, name, found, None)
    except ListError:
        if found.has_nul:
            raise
        return "latin-1"


def _chunks(place: Path, codec: str) -> Iterator[list[str]]:
    """
    Lines without their ends and comments, some thousands at a time.

    Where all of them are as the US registry writes them, they are told as numbers.
    """
    with place.open(encoding=codec) as file:
        while lines := file.readlines(_CHUNK):
            text = "".join(lines)
            if "#" in text:
                text = "\n".join(_COMMENT.sub("", line).rstrip() for line in lines)
            text = text.removeprefix("\ufeff").removesuffix("\n")
            if "," in text and _REGISTRY.fullmatch(text + "\n"):
                yield [one and "+1" + one for one in text.replace(",", "").split("\n")]
            else:
                yield text.split("\n")


def _is_table(place: Path, codec: str) -> bool:
    """Whether any line holds what divides cells, or puts them in quotation marks."""
    marks = (*DELIMITERS, '"')
    texts = ("\n".join(map(str.strip, lines)) for lines in _chunks(place, codec))
    return any(mark in text for text in texts for mark in marks)


def _lines(place: Path, codec: str) -> Generator[Texts, None, None]:
    """The lines that are entries, in pieces; a first one that names the column is left out."""
    number = 1
    is_first = True
    for lines in _chunks(place, codec):
        if is_first:
            at = next((at for at, line in enumerate(lines) if line.strip()), None)
            if at is not None:
                is_first = False
                if _is_name(lines[at]):
                    lines[at] = ""
        yield range(number, number + len(lines)), lines
        number += len(lines)


def _is_name(text: str) -> bool:
    """Whether a text above numbers is a column's name rather than one of them."""
    return not _may_be_entry(text) and "*" not in text


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which cells of a table are entries."""

    skipped: frozenset[int]  #: rows above the entries
    phones: tuple[int, ...]  #: indexes of the columns
    has_areas: bool = False  #: whether the first two columns are an area code and seven digits

    @classmethod
    def of(cls, head: Sequence[Record]) -> _Layout:
        """
        Tell the columns from the first rows.

        Raises:
            ListError: No column holds entries.
        """
        rows = [one for one in head if not one[1][0].lstrip().startswith("#")]
        if not rows:
            raise ListError("it holds no number. If nobody is on it, leave it out.")
        above = _above([cells for _, cells in rows])
        names = rows[above - 1][1] if above else ()
        skipped = frozenset(row for row, _ in rows[:above])
        sample = [cells for _, cells in rows[above:]]
        if sample and sum(map(_has_area, sample)) >= _MOST * len(sample):
            return cls(skipped, (0, 1), has_areas=True)
        shares = {index: _share(sample, index) for index in range(max(map(len, sample), default=0))}
        named = {i for i, one in enumerate(names) if one.strip() and kind_of(one) is not None}
        phones = {i for i in named if shares.get(i)} or {
            index for index, share in shares.items() if share and share >= _MOST
        }
        if not phones:
            shown = ", ".join(f'"{printable(one, 30)}"' for one in names[:20])
            told = f" It has: {shown}." if shown else ""
            raise ListError(
                f"no column holds phone numbers.{told} Leave the numbers alone, one a line."
            )
        return cls(skipped, tuple(sorted(phones)))

    def columns(self, rows: Sequence[int], cells: Cells) -> Iterator[list[str]]:
        """The entries of some rows, a column at a time; blank where a row has none."""
        columns = [_column(cells, index) for index in (0, *self.phones)]
        none = [
            at
            for at, (row, first) in enumerate(zip(rows, columns[0], strict=True))
            if first.lstrip().startswith("#") or row in self.skipped
        ]
        found = [list(map(_joined, *columns[1:]))] if self.has_areas else columns[1:]
        for texts in found:
            for at in none:
                texts[at] = ""
            yield texts


def _column(cells: Cells, index: int) -> list[str]:
    """One cell of each row; blank where a row is shorter."""
    if min(cells.widths(), default=0) > index:
        return cells.column(index)
    return [row[index] if index < len(row) else "" for row in cells]


def _joined(area: str, rest: str) -> str:
    """An area code and what is behind it, as the US registry parts them."""
    is_whole = _AREA.fullmatch(area.strip()) and _REST.fullmatch(rest.strip())
    return f"+1{area.strip()}{rest.strip()}" if is_whole else f"{area} {rest}".strip()


def _may_be_entry(text: str) -> bool:
    """Whether a text may be an entry, damaged ones among them; a name or a title is none."""
    return sum(map(str.isdecimal, text)) >= _FEWEST or _is_entry(text)


def _above(rows: Sequence[Sequence[str]]) -> int:
    """How many rows stand above the first with an entry: titles, and the columns' names."""
    for place, cells in enumerate(islice(rows, 40)):
        if any(map(_may_be_entry, cells)):
            return place
    return min(1, len(rows))


def _is_entry(cell: str) -> bool:
    """Whether a cell is an entry, of whichever country."""
    return not is_blank([cell]) and read_entry(cell, None).problem in ("", _NEEDS_REGION)


_NEEDS_REGION: Final = read_entry("07700").problem


def _has_area(cells: Sequence[str]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    return len(filled) == 2 and bool(_AREA.fullmatch(filled[0]) and _REST.fullmatch(filled[1]))


def _share(rows: Sequence[Sequence[str]], index: int) -> float | None:
    """The share of a column's filled cells that are entries; None where all are blank."""
    cells = [row[index] for row in rows if index < len(row) and not is_blank([row[index]])]
    return sum(map(_is_entry, cells)) / len(cells) if cells else None
