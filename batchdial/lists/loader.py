"""Open a contact file: find out what it is, and hand on its rows in blocks of text cells."""

from __future__ import annotations

import weakref
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from batchdial.errors import ConfigError, ListError
from batchdial.lists import encodings
from batchdial.lists.delimited import open_delimited
from batchdial.lists.outline import find_header, total_rows
from batchdial.lists.packed import unpack
from batchdial.lists.sentences import quote
from batchdial.lists.sources import (
    existing,
    is_blank,
    is_workbook,
    refuse_by_content,
    spool,
)
from batchdial.lists.workbook import open_workbook
from batchdial.models import (
    FIRST_COLUMNS,
    LATER_COLUMNS,
    Block,
    PlainCells,
    Reading,
    SourceRow,
)
from batchdial.rules.cells import restore

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from batchdial.lists.sources import Table
    from batchdial.models import Cells

SAMPLE_ROWS = 200
#: Digits from which a cell is taken for the end of the row's own number.
_NATIONAL = 7


@dataclass(frozen=True, slots=True, weakref_slot=True)
class ContactFile:
    """A file as it was understood; the rows are read anew each time they are asked for."""

    reading: Reading
    sample: tuple[SourceRow, ...]  #: the first rows, at most 200
    _table: Table = field(repr=False)
    _layout: _Layout = field(repr=False)

    def blocks(self) -> Iterator[Block]:
        """
        Yield the contacts in blocks of up to 20,000, in the file's order.

        Rows without any text are no contacts and are left out; the row numbers
        of the others stay those of the spreadsheet.

        Raises:
            ListError: A row has more cells than the header, or a quote is never closed.
        """
        yield from _blocks(self._table, self._layout)


#: What a UTF-8 byte order mark turns into where it is read as cp1252 and saved again.
_MISREAD_MARK = "ï»¿"


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which cell of a record belongs where."""

    name: str
    header_row: int
    width: int
    left_out: frozenset[int]  #: rows that add up the others
    own: tuple[int, ...]  #: indexes of the input's own columns
    results: Mapping[str, int] | None  #: index of each results column, for a file of ours

    def block(self, rows: Sequence[int], cells: Cells) -> Block:
        """The contacts of some rows; without those that have no text, or are none."""
        above = sum(row <= self.header_row for row in rows[: self.header_row])
        if above:
            rows, cells = rows[above:], cells.after(above)
        shows_nothing = sorted(chain(*cells.empty(0))) if rows else ()
        seen = zip(shows_nothing, cells.some(shows_nothing), strict=True)
        skipped = {rows[at] for at, one in seen if is_blank(one)} | self.left_out
        is_whole = not skipped or skipped.isdisjoint(rows)
        if self.results is None and is_whole and cells.widths() <= {self.width}:
            return Block(rows, cells)
        contacts = [
            self._contact(row, one)
            for row, one in zip(rows, cells, strict=True)
            if row not in skipped
        ]
        if self.results is not None:
            return Block.of(contacts)
        return Block([one.row for one in contacts], PlainCells(one.cells for one in contacts))

    def _contact(self, row: int, cells: tuple[str, ...]) -> SourceRow:
        """One row as a contact; a shorter one is filled up, a longer one refused."""
        if len(cells) > self.width:
            self._refuse_shifted(row, cells)
        cells = cells[: self.width] + ("",) * (self.width - len(cells))
        if self.results is None:
            return SourceRow(row, cells)
        prior = {name: restore(cells[index]) for name, index in self.results.items()}
        own = tuple(restore(cells[index]) for index in self.own)
        number = prior["e164"]
        if number.isascii() and number.isdigit():
            prior["e164"] = f"+{number}"
            own = tuple(_with_plus(cell, number) for cell in own)
        return SourceRow(row, own, prior)

    def _refuse_shifted(self, row: int, cells: Sequence[str]) -> None:
        if any(cell.strip() for cell in cells[self.width :]):
            filled = max(index for index, cell in enumerate(cells, 1) if cell.strip())
            raise ListError(
                f"{self.name} row {row} has {filled} cells, the header (row {self.header_row}) has "
                f"{self.width}, so its columns may be shifted. Put a cell that holds the delimiter "
                "in quotes, or give every column a name."
            )


def _with_plus(cell: str, number: str) -> str:
    """
    The cell, or the row's number where a spreadsheet took its plus or zeros.

    Only asked where the same happened to the `e164` beside it. A number that a
    person corrected is another one, and stays as it is.
    """
    same = cell.isascii() and cell.isdigit() and len(cell) >= _NATIONAL and number.endswith(cell)
    return f"+{number}" if same else cell


def open_list(
    path: str | Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
) -> ContactFile:
    """
    Open a text file or a workbook, packed or not, and say how it was understood.

    What the file is follows from its content, not from its name.

    Args:
        path: The file, or "-" for standard input.
        encoding: Python's name of the text encoding, where detection is wrong.
        delimiter: The one character between cells, where detection is wrong.
        sheet: The sheet of a workbook.

    Raises:
        ListError: There is no contact in it, or it cannot be read without loss.
        QuestionError: It can be read in two ways; a person has to say which.
        ConfigError: What was asked for cannot be.
    """
    temporary: list[Path] = []
    try:
        if str(path) == "-":
            place, name = spool(), "-"
            temporary.append(place)
        else:
            place = existing(Path(path))
            name = place.name
        note = ""
        unpacked = unpack(place, name, _head(place))
        if unpacked:
            place, inner = unpacked
            temporary.append(place)
            note = f"unpacked {inner}" if inner else ""
        opened = _understand(place, name, note, encoding, delimiter, sheet)
    except BaseException:
        _delete(temporary)
        raise
    if temporary:
        weakref.finalize(opened, _delete, temporary)
    return opened


def _head(place: Path) -> bytes:
    with place.open("rb") as file:
        return file.read(8)


def _delete(files: Sequence[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def _understand(
    place: Path,
    name: str,
    note: str,
    encoding: str | None,
    delimiter: str | None,
    sheet: str | None,
) -> ContactFile:
    found = encodings.survey(place)
    if not found.head.strip():
        raise ListError(f"{name} is empty: 0 contacts.")
    table: Table
    if is_workbook(place, name, found.head):
        table = open_workbook(place, name, sheet=sheet)
    elif sheet is not None:
        raise ConfigError(f"{name} is a text file and has no sheets: leave out --sheet {sheet}")
    else:
        refuse_by_content(name, found, asked=encoding)
        table = open_delimited(place, name, found, encoding=encoding, delimiter=delimiter)
    if not table.outline.head:
        raise ListError(f"{name} has no text in any cell: 0 contacts.")
    names, layout, notes = _header(name, table)
    with closing(_blocks(table, layout)) as blocks:
        sample = tuple(islice(chain.from_iterable(blocks), SAMPLE_ROWS))
    if not sample:
        raise ListError(f"{name} has a header and no rows below it: 0 contacts.")
    reading = _reading(name, table, names, layout, found.digest)
    told = tuple(filter(None, (note, *notes, *table.outline.notes, _misread_note(sample))))
    return ContactFile(replace(reading, notes=told), sample, table, layout)


def _misread_note(sample: Sequence[SourceRow]) -> str:
    for row in sample:
        for cell in filter(encodings.was_misread, row.cells):
            return (
                f"{quote(cell)} in row {row.row} looks misread before this file was saved; it is "
                "sent as it stands. Export again as UTF-8 to mend it"
            )
    return ""


def _reading(
    name: str, table: Table, names: tuple[str, ...], layout: _Layout, digest: str
) -> Reading:
    return Reading(
        name=name,
        kind=table.kind,
        header=tuple(names[index] for index in layout.own),
        header_row=layout.header_row,
        encoding=table.encoding,
        delimiter=table.delimiter,
        sheet=table.sheet,
        digest=digest,
        is_results=layout.results is not None,
    )


def _blocks(table: Table, layout: _Layout) -> Generator[Block, None, None]:
    with closing(table.pages()) as pages:
        for rows, cells in pages:
            block = layout.block(rows, cells)
            if block:
                yield block


def _header(name: str, table: Table) -> tuple[tuple[str, ...], _Layout, tuple[str, ...]]:
    """The column names, the place of each, and what was left out above and below."""
    header = find_header(name, table.outline.head)
    row, names = header.row, header.names
    if names[0].startswith(_MISREAD_MARK):
        raise ListError(
            f"{name} was saved from a file that had been opened with a wrong encoding: it begins "
            f"with {_MISREAD_MARK}, and every letter such as é is broken in the same way.\n"
            "Open the original again as UTF-8 (Unicode), and save that."
        )
    if set(FIRST_COLUMNS) <= set(names):
        names = tuple(map(restore, names))
        later = LATER_COLUMNS if set(LATER_COLUMNS) <= set(names) else ()
        ours = (*FIRST_COLUMNS, *later)
        last = {column: index for index, column in enumerate(names) if column in ours}
        own = tuple(index for index in range(len(names)) if index not in last.values())
        results = {column: last[column] for column in ours}
        if not later:  # a column of the list itself, which is called so in results of today
            names = tuple(f"{one} (input)" if one in LATER_COLUMNS else one for one in names)
        return names, _Layout(name, row, len(names), frozenset(), own, results), (header.note(),)
    totals = total_rows(table.outline.tail, header)
    note = f"row {', '.join(map(str, totals))} left out: it adds up the others" if totals else ""
    own = tuple(range(len(names)))
    layout = _Layout(name, row, len(names), frozenset(totals), own, None)
    return names, layout, (header.note(), note)
