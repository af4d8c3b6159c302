"""XLSX, XLS, XLSB, ODS: which sheet is the list, and its cells as the text a person sees."""

from __future__ import annotations

import datetime as dt
import zipfile
import zlib
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from batchdial.errors import ConfigError, ListError, QuestionError
from batchdial.lists import sheetxml
from batchdial.lists.outline import HEAD_ROWS, TAIL_ROWS, Outline
from batchdial.lists.quotes import MAX_CELL
from batchdial.lists.sources import is_blank
from batchdial.models import PlainCells
from batchdial.rules.cells import printable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from python_calamine import SheetMetadata

    from batchdial.lists.sources import Page, Record

PAGE_ROWS = 20_000
#: A sheet of 200,000 rows unpacks to about a fifth of this.
MAX_UNPACKED = 1 << 30
#: Deflate cannot do better than about 1,000; real sheets stay below 50.
MAX_RATIO = 150
_SMALL = 32 << 20
#: Shared text of a workbook; calamine takes three times as much memory.
MAX_STRINGS = 80 << 20
#: Whole numbers up to here are exact in a floating-point cell.
_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class WorkbookTable:
    """One sheet of a workbook."""

    path: Path
    name: str
    sheet: str
    outline: Outline = field(repr=False, default=Outline((), ()))
    shown: Mapping[tuple[int, int], str] = field(repr=False, default_factory=dict)
    kind: str = "xlsx"
    encoding: None = None
    delimiter: None = None

    def pages(self) -> Generator[Page, None, None]:
        """Yield rows, counted from 1 as the spreadsheet does, and their cells, page by page."""
        with _workbook(self.path, self.name) as book:
            page = PlainCells()
            sheet = _sheet(book, self.sheet, self.name)
            first = sheet.start[1] if sheet.start else 0  # calamine leaves empty columns out
            for row, values in enumerate(sheet.iter_rows(), 1):
                cells = tuple(map(cell_text, values))
                if any(len(cell) > MAX_CELL for cell in cells):
                    raise ListError(
                        f"{self.name} row {row}: a cell has more than {MAX_CELL:,} characters; "
                        "shorten it."
                    )
                page.append(self._as_shown(row, cells, first))
                if len(page) == PAGE_ROWS:
                    yield range(row - len(page) + 1, row + 1), page
                    page = PlainCells()
            if page:
                yield range(row - len(page) + 1, row + 1), page

    def _as_shown(self, row: int, cells: tuple[str, ...], first: int) -> tuple[str, ...]:
        """The cells with the zeros and signs of their number formats, and with errors."""
        if not self.shown:
            return cells
        return tuple(
            self.shown.get((row, column), cell) for column, cell in enumerate(cells, first)
        )


def open_workbook(path: Path, name: str, *, sheet: str | None) -> WorkbookTable:
    """
    Choose the sheet that holds the list.

    Raises:
        QuestionError: Several visible sheets hold rows.
        ConfigError: No sheet has the name that was asked for.
        ListError: The workbook is damaged, a bomb, or empty.
    """
    packed = _is_packed(path)
    if packed:
        _check_sizes(path, name)
        sheetxml.inspect(path, name, None)  # calamine lays out all of an ODS when it opens it
    with _workbook(path, name) as book:
        sheets = [s for s in book.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
        if sheet is not None:
            chosen = _named(name, sheets, sheet)
        else:
            chosen = _chosen(path, name, book, sheets, packed=packed)
    seen = sheetxml.inspect(path, name, chosen) if packed else sheetxml.Seen()
    if seen.uncached:
        raise ListError(
            f'{name}, sheet "{printable(chosen, 40)}": the formula in {seen.uncached[0]} has no '
            f"saved result ({len(seen.uncached):,} such cells). Open the file in Excel or "
            "LibreOffice, save it, and try again."
        )
    table = WorkbookTable(path, name, chosen, shown=seen.shown)
    return replace(table, outline=_outline(table, seen))


def _chosen(
    path: Path,
    name: str,
    book: CalamineWorkbook,
    sheets: Sequence[SheetMetadata],
    *,
    packed: bool,
) -> str:
    """The one visible sheet with rows; a QuestionError where there are several."""
    visible = [s.name for s in sheets if _is_visible(s)]
    if packed:
        for title in visible:
            sheetxml.inspect(path, name, title)
    heights = {title: _sheet(book, title, name).height for title in visible}
    filled = [title for title, height in heights.items() if height]
    if not filled:
        raise ListError(f"{name} is empty: 0 contacts in its visible sheets ({_titles(sheets)}).")
    if len(filled) > 1:
        raise QuestionError(
            f"{name} has {len(sheets)} sheets: "
            + ", ".join(_told(s, heights.get(s.name)) for s in sheets)
            + f".\nSay which: --sheet {_quoted(filled[0])}"
        )
    return filled[0]


def _outline(table: WorkbookTable, seen: sheetxml.Seen) -> Outline:
    """One pass over the rows, for what stands at both ends and what is to be told."""
    head: list[Record] = []
    tail: deque[Record] = deque(maxlen=TAIL_ROWS)
    hidden = set(seen.hidden)
    unseen: list[int] = []
    for rows, page in table.pages():
        for row, cells in zip(rows, page, strict=True):
            if is_blank(cells):
                continue
            if len(head) < HEAD_ROWS:
                head.append((row, cells))
            tail.append((row, cells))
            if row in hidden:
                unseen.append(row)
    notes = []
    if unseen:
        notes.append(
            f"{len(unseen):,} hidden rows are read like the others, the first in row {unseen[0]}"
        )
    if merged := [one for one in seen.merged if head and _first_row(one) > head[0][0]]:
        notes.append(f"cells {_some(merged)} are merged: only the first row of each has the text")
    return Outline(tuple(head), tuple(tail), tuple(notes))


def _first_row(cells: str) -> int:
    return int("".join(filter(str.isdigit, cells.partition(":")[0])))


def _some(words: Iterable[str]) -> str:
    every = list(words)
    return ", ".join(every[:3]) + (f" and {len(every) - 3:,} more" if len(every) > 3 else "")


def cell_text(cell: int | float | str | bool | dt.time | dt.date | dt.timedelta) -> str:
    """
    The text of one cell.

    A whole number becomes its digits, with no ".0" and no exponent; one too
    long to be exact in the sheet keeps the exponent, so that it is not dialled.
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) <= _EXACT else repr(cell)
    if isinstance(cell, dt.datetime):
        midnight = cell.time() == dt.time()
        return cell.date().isoformat() if midnight else cell.isoformat(" ", "seconds")
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    return str(cell)


def _check_sizes(path: Path, name: str) -> None:
    """Refuse a zip bomb before anything parses it: calamine takes three times a string's size."""
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = [(i.file_size, i.compress_size) for i in archive.infolist()]
            unpacked, packed = (sum(column) for column in zip(*sizes, strict=True))
            if unpacked > MAX_UNPACKED or (unpacked > _SMALL and unpacked > MAX_RATIO * packed):
                raise ListError(
                    f"{name} would unpack to {unpacked >> 20:,} MB; that is no contact list. "
                    "Save the one sheet as CSV UTF-8."
                )
            if any(
                i.file_size > MAX_STRINGS for i in archive.infolist() if "sharedStr" in i.filename
            ):
                raise ListError(
                    f"{name} holds more than {MAX_STRINGS >> 20} MB of text. Save the one sheet as "
                    "CSV UTF-8."
                )
            if any(i.flag_bits & 1 for i in archive.infolist()):
                raise ListError(f"{name} is protected by a password. Save it without one.")
            sheetxml.refuse_dtd(name, archive)
            damaged = archive.testzip()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise _damaged(name, str(error)) from None
    if damaged:
        raise _damaged(name, damaged)


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _workbook(path: Path, name: str) -> CalamineWorkbook:
    with path.open("rb") as file, _parsing(name):
        return CalamineWorkbook.from_filelike(file)


def _sheet(book: CalamineWorkbook, title: str, name: str) -> CalamineSheet:
    with _parsing(name):
        return book.get_sheet_by_name(title)


@contextmanager
def _parsing(name: str) -> Iterator[None]:
    """What calamine cannot read, in words; a panic of its Rust code is no Exception."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException" and not isinstance(error, Exception):
            raise
        said = printable(str(error), 120)
        if "password" in said.lower() or "encrypt" in said.lower():
            raise ListError(
                f"{name} is protected by a password. Open it, save it without one, and try again."
            ) from None
        raise _damaged(name, said) from None


def _damaged(name: str, said: str) -> ListError:
    return ListError(
        f"{name} is a damaged workbook ({said}). Open it in a spreadsheet and save it again."
    )


def _is_visible(sheet: SheetMetadata) -> bool:
    return sheet.visible == SheetVisibleEnum.Visible


def _named(name: str, sheets: Sequence[SheetMetadata], asked: str) -> str:
    """The sheet a person named; capital letters matter only where they must."""
    titles = [s.name for s in sheets]
    loose = [title for title in titles if title.casefold() == asked.casefold()]
    if asked in titles:
        return asked
    if len(loose) == 1:
        return loose[0]
    raise ConfigError(f"{name} has no sheet {asked!r}. It has: {_titles(sheets)}.")


def _titles(sheets: Sequence[SheetMetadata]) -> str:
    return ", ".join(f'"{s.name}"' for s in sheets)


def _told(sheet: SheetMetadata, height: int | None) -> str:
    return f'"{sheet.name}" ' + ("(hidden)" if height is None else f"({max(0, height - 1):,} rows)")


def _quoted(title: str) -> str:
    return title if title.isalnum() else f'"{title}"'
