"""CSV and TSV: which character divides the cells, and blocks of records, every cell as text."""

from __future__ import annotations

import csv
import io
import re
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchdial.errors import ConfigError, ListError, QuestionError
from batchdial.lists import encodings, quotes, regular
from batchdial.lists.lines import Lines
from batchdial.lists.outline import Outline, find_header, known_name
from batchdial.lists.quotes import MAX_CELL
from batchdial.models import PlainCells

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path
    from typing import TextIO

    import pandas as pd

    from batchdial.lists.encodings import Survey
    from batchdial.lists.sources import Page
    from batchdial.models import Cells

DELIMITERS = (",", ";", "\t", "|")
#: As many as Excel can hold.
MAX_COLUMNS = 16_384
PAGE_ROWS = 20_000
_PAGE_CELLS = 2_000_000
_SNIFFED = 1 << 16
_SEP_LINE = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)
_SPELLED = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}

csv.field_size_limit(MAX_CELL)


@dataclass(frozen=True, slots=True)
class DelimitedTable:
    """A text file whose encoding, delimiter and width are known."""

    path: Path
    name: str
    encoding: str
    delimiter: str
    width: int  #: cells of the widest record
    outline: Outline
    ends: bool = False  #: whether a DOS program ended the file with Ctrl-Z
    is_regular: bool = False  #: whether every reader divides it alike; see `regular`
    kind: str = "csv"
    sheet: None = None

    def pages(self) -> Generator[Page, None, None]:
        """
        Yield rows and their cells; rows count from 1, a quoted newline is no new row.

        Raises:
            ListError: A quote is never closed.
        """
        row = 1
        with closing(self._regular() if self.is_regular else self._divided()) as pages:
            for cells in pages:
                yield range(row, row + len(cells)), cells
                row += len(cells)

    def _regular(self) -> Generator[Cells, None, None]:
        for text in regular.pages(self.path):
            yield Lines(text, self.delimiter)

    def _divided(self) -> Generator[Cells, None, None]:
        from pandas.errors import ParserError

        row = 1
        try:
            with _open(self.path, self.encoding) as file:
                for frame in self._frames(file):
                    page = PlainCells(zip(*(frame[one].tolist() for one in frame), strict=True))
                    last = self.outline.tail[-1][0] - row if self.ends else -1
                    if 0 <= last < len(page):
                        page[last] = _without_mark(page[last])
                    row += len(page)
                    yield page
        except ParserError as error:
            raise self._broken(str(error)) from None

    @property
    def _page_rows(self) -> int:
        return max(1, min(PAGE_ROWS, _PAGE_CELLS // self.width))

    def _frames(self, file: TextIO) -> Iterator[pd.DataFrame]:
        """Yield frames of text; `skip_blank_lines` would shift every row number after a gap."""
        import pandas as pd  # half a second, which commands that read no file need not wait

        with pd.read_csv(
            file,
            sep=self.delimiter,
            engine="c",
            header=None,
            names=list(range(self.width)),
            index_col=False,
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            skip_blank_lines=False,
            chunksize=self._page_rows,
        ) as frames:
            yield from frames

    def _broken(self, said: str) -> ListError:
        quote = re.search(r"EOF inside string starting at row (\d+)", said)
        if quote:
            return ListError(
                f"{self.name} row {int(quote[1]) + 1}: a quotation mark opens here and is never "
                "closed, so the rows below it run together. Close or remove it."
            )
        return ListError(f"{self.name} cannot be divided into rows: {said.strip()}")


def open_delimited(
    path: Path, name: str, found: Survey, *, encoding: str | None, delimiter: str | None
) -> DelimitedTable:
    """
    Find out how a text file is encoded and divided.

    The whole file is decoded here once, so that a bad byte in its last line is
    told before anything else happens.

    Raises:
        ListError: It is not text, does not decode, or has too many columns.
        ConfigError: The encoding or delimiter that was asked for cannot be.
    """
    codec = encodings.choose(path, name, found, encoding)
    try:
        divider = _asked(delimiter) or _detected(path, codec)
        with _open(path, codec) as file:
            plain = None if found.lost else regular.survey(path, file, codec, divider)
        with _open(path, codec) as file:
            width, outline = plain or quotes.survey(name, file, divider)
    except UnicodeError:
        raise encodings.undecodable(path, name, codec) from None
    if width > MAX_COLUMNS:
        raise ListError(
            f"{name} has a row of {width:,} cells; at most {MAX_COLUMNS:,} are read. "
            "Is the delimiter right? Say which: --delimiter ';'"
        )
    ends = bool(outline.tail) and outline.tail[-1][1][-1].endswith("\x1a")
    is_regular = plain is not None
    return DelimitedTable(path, name, codec, divider, width, outline, ends, is_regular)


def _without_mark(cells: tuple[str, ...]) -> tuple[str, ...]:
    """The cells of a file's last row without the Ctrl-Z behind the last of them."""
    last = max((index for index, cell in enumerate(cells) if cell), default=0)
    return (*cells[:last], cells[last].removesuffix("\x1a"), *cells[last + 1 :])


def detect_delimiter(sample: str) -> str:
    """
    Decide what divides the cells, from the start of a file.

    The best delimiter is the one that gives most records as many cells as the
    first one has, or as the header below the titles of a report. A file of one
    column is divided by something it does not hold.
    """
    if not sample.strip(' \r\n"' + "".join(DELIMITERS)):
        return ","
    tables = {divider: _records(sample, divider) for divider in DELIMITERS}
    scores = {divider: _consistency(table, 0) for divider, table in tables.items()}
    best = max(DELIMITERS, key=lambda divider: scores[divider])
    if scores[best][1] > 1:
        return best
    below = {divider: _consistency(table, _titles(table)) for divider, table in tables.items()}
    best = max(DELIMITERS, key=lambda divider: below[divider])
    if below[best][1] > 1:
        return best
    return _untitled(tables) or next((one for one in DELIMITERS if one not in sample), ",")


def _untitled(tables: dict[str, list[list[str]]]) -> str | None:
    """What divides the rows below a first line that names no column: they have no header."""
    for divider, table in tables.items():
        share, width = _consistency(table, 1)
        if width > 1 and share > 0.9 and len(table) > 2 and not any(map(known_name, table[0])):
            return divider
    return None


def _records(sample: str, divider: str) -> list[list[str]]:
    """The records with any cell; a last, cut one is left out."""
    try:
        records = [
            r for r in csv.reader(io.StringIO(sample, newline=""), delimiter=divider) if any(r)
        ]
    except csv.Error:
        return []
    if len(sample) >= _SNIFFED and len(records) > 1:
        records.pop()
    return records


def _titles(records: list[list[str]]) -> int:
    """How many titles stand above the header, when the text is divided like this."""
    try:
        return len(find_header("", [(row, tuple(r)) for row, r in enumerate(records[:100])]).above)
    except QuestionError:
        return 0


def _consistency(records: list[list[str]], start: int) -> tuple[float, int]:
    """(share of records as wide as the one at `start`, that width)."""
    records = records[start:]
    width = len(records[0]) if records else 0
    if width < 2:
        return 0.0, width
    return sum(len(record) == width for record in records) / len(records), width


def _asked(delimiter: str | None) -> str | None:
    if delimiter is None:
        return None
    divider = _SPELLED.get(delimiter.lower(), delimiter)
    if len(divider) != 1 or divider in '"\r\n\0' or divider.isalnum():
        raise ConfigError(f"{delimiter!r} cannot divide cells. Say one character: --delimiter ';'")
    return divider


def _detected(path: Path, codec: str) -> str:
    """The delimiter that Excel's `sep=` line names, else the one that the cells show."""
    with path.open(encoding=codec, newline="") as file:
        said = _SEP_LINE.fullmatch(file.readline(16).removeprefix("\ufeff"))
    if said:
        return said[1]
    with _open(path, codec) as file:
        return detect_delimiter(file.read(_SNIFFED))


def _open(path: Path, codec: str) -> TextIO:
    """The text after a byte order mark and a `sep=` line, which Excel does not show either."""
    file = path.open(encoding=codec, errors="strict", newline="")
    start = 0
    if file.read(1) == "\ufeff":
        start = file.tell()
    file.seek(start)
    if not _SEP_LINE.fullmatch(file.readline(16)):
        file.seek(start)
    return file
