"""One pass over a divided text: its width, its two ends, and whether its quotations end."""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from typing import TYPE_CHECKING

from batchdial.errors import ListError
from batchdial.lists import shapes
from batchdial.lists.outline import HEAD_ROWS, TAIL_ROWS, Outline
from batchdial.lists.sources import is_blank

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from batchdial.lists.sources import Record

#: Characters of a cell; Excel holds 32,767.
MAX_CELL = 1_000_000
#: Characters of a line.
MAX_LINE = 8_000_000
#: Stands behind the last line: inside of a quotation that was never closed it is swallowed.
_SENTINEL = "\udcffend of file"
_NEWLINE = re.compile(r"\r\n|\r|\n")


def survey(name: str, file: TextIO, divider: str) -> tuple[int, Outline]:
    """
    Read all records once.

    Args:
        name: The file's, for messages.
        file: The text, opened with `newline=""`.
        divider: What stands between the cells.

    Returns:
        The cells of the widest record, and the rows with text at both ends.

    Raises:
        ListError: A quotation runs over other rows, or a cell or line is too long.
    """
    reader = csv.reader(_lines(name, file), delimiter=divider)
    head: list[Record] = []
    tail: deque[Record] = deque(maxlen=TAIL_ROWS)
    widths: Counter[int] = Counter()
    row = 0
    last: list[str] = []
    try:
        for row, last in enumerate(reader, 1):
            cells = tuple(last)
            swallows = any("\n" in cell or "\r" in cell for cell in cells)
            if swallows and not cells[-1].endswith(_SENTINEL):
                _check_swallowed(name, row, cells, divider, widths)
            if is_blank(cells) or cells == (_SENTINEL,):
                continue
            widths[len(cells)] += 1
            if len(head) < HEAD_ROWS:
                head.append((row, cells))
            tail.append((row, cells))
    except csv.Error:
        raise ListError(
            f"{name} row {row + 1}: a cell has more than {MAX_CELL:,} characters. If a quotation "
            "mark opens there and is never closed, close or remove it; else shorten the cell."
        ) from None
    if last != [_SENTINEL]:
        raise _unclosed(name, row, last, reader.line_num - 1)
    return max(widths, default=1), Outline(tuple(head), tuple(tail))


def _lines(name: str, file: TextIO) -> Iterator[str]:
    """The lines of a file, none of them endless, and the sentinel."""
    for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), ""), 1):
        if len(line) == MAX_LINE:
            raise ListError(
                f"{name} line {number} has more than {MAX_LINE:,} characters; that is no row of a "
                "contact list. Export it again as CSV UTF-8."
            )
        yield line
    yield _SENTINEL


def _unclosed(name: str, row: int, cells: Sequence[str], lines: int) -> ListError:
    """The error for a quotation that swallowed the sentinel: its last cell holds all since."""
    swallowed = cells[-1].removesuffix(_SENTINEL) if cells else ""
    line = lines - len(_NEWLINE.findall(swallowed)) + swallowed.endswith(("\n", "\r"))
    at = f"row {row}" if line <= row else f"row {row} (line {line})"
    return ListError(
        f"{name} {at}: a quotation mark opens here and is never closed, so the rows below it "
        "run together. Close or remove it."
    )


def _check_swallowed(
    name: str, row: int, cells: Sequence[str], divider: str, widths: Counter[int]
) -> None:
    """
    Raise a ListError where a cell with newlines is really several rows.

    Taken apart at its newlines, each piece must fill a whole row and one of
    them hold a number or an address; a note of several lines does not.
    """
    width = widths.most_common(1)[0][0] if widths else len(cells)
    for place, cell in enumerate(cells):
        pieces = _NEWLINE.split(cell)
        if len(pieces) < 2:
            continue
        rows = [piece.split(divider) for piece in pieces]
        sizes = [len(one) for one in rows]
        sizes[0] += place
        sizes[-1] += len(cells) - place - 1
        inner = [part.strip(' "') for one in rows[1:] for part in one]
        inner += cells[place + 1 :] if width > 1 else []
        telling = any(shapes.phone_like(part) or shapes.email_like(part) for part in inner)
        whole = (
            all(one == width for one in sizes)
            if width > 1
            else (len(pieces) > 2 and all(shapes.phone_like(piece) for piece in pieces))
        )
        if whole and telling:
            raise ListError(
                f"{name} row {row}: a quotation mark opens here and closes {len(pieces) - 1} "
                "lines further down, so that several rows became one cell. Close or remove it."
            )
