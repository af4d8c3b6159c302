"""Pages of JSON become the text of a results file, many rows in one step."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING

from batchdial.rules.cells import neutralise

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A sign that no JSON has as it is; it takes the place of what stands between two cells.
_BETWEEN = b"\x1f"
_COMMAS = bytes.maketrans(_BETWEEN, b",")
#: Before a cell that `neutralise` changes: at its place as well as at the beginning of a row.
_FORMULA = rb"(?='+[=+@-]|[=@]|[+-](?![0-9]+(?:[.,][0-9]+)?[\x1f\r]))"
_FORMULA_LATER = re.compile(_BETWEEN + _FORMULA)
_FORMULA_FIRST = re.compile(rb"\n" + _FORMULA)
#: With what a cell begins that `neutralise` may change.
_RISKY = frozenset("'=+-@\t\r")
#: Where the first row begins, behind the end of a line that was set before it.
_FIRST = len(b"\r\n")
_JSON = json.JSONDecoder()


class _Echo:
    """What `csv.writer` writes to it, `writerow` gives back."""

    def write(self, text: str) -> str:
        """The text itself."""
        return text


_CSV = csv.writer(_Echo())


def csv_of(page: str) -> str:
    """
    Write rows as CSV, to the byte as `csv.writer` does of neutralised cells.

    Most cells are not quoted in CSV, nor escaped in JSON, and do not begin like a formula.
    There only what stands between cells differs, and is exchanged in the whole page at
    once. Every cell that is not certainly one of these is written by itself, and every row
    in which JSON escapes anything goes the long way.

    Args:
        page: A row a line; a row is one JSON array of text or several that follow each
            other, with two cells or more and without blanks between them.

    Raises:
        ValueError: A line is no such thing.
    """
    given = page.encode()
    text = b'"]\n' + given + b'\n["'
    text = text.replace(b'","', _BETWEEN).replace(b'"]["', _BETWEEN).replace(b'"]\n["', b"\r\n")
    is_whole = text.count(b"\r") == given.count(b"\n") + 2
    if not is_whole or _BETWEEN in given or b"\r" in given:
        return "".join(map(_long_way, page.split("\n")))
    text = _FORMULA_FIRST.sub(b"\n'", _FORMULA_LATER.sub(b"\x1f'", text))
    plain = text.translate(_COMMAS)
    edits = [*_cells_with_comma(text)]
    if b"\\" in text or b'"' in text:
        edits = sorted([*_rows_anew(text, page), *edits], key=lambda edit: (edit[0], -edit[1]))
    pieces, at = [], _FIRST
    for begin, end, anew in edits:
        if begin >= at:  # and not within a row that was written anew
            pieces += [plain[at:begin], anew]
            at = end
    return b"".join([*pieces, plain[at:]]).decode()


#: Where something begins and ends, and what stands there instead.
_Edit = tuple[int, int, bytes]


def _rows_anew(text: bytes, page: str) -> Iterator[_Edit]:
    """Rows in which JSON escapes something."""
    odd = {*_rows_with(text, b'"'), *_rows_with(text, b"\\")}
    lines, number, at = page.split("\n") if odd else [], 0, _FIRST
    for begin in sorted(odd):
        number += text.count(b"\n", at, begin)
        at = begin
        yield begin, text.index(b"\n", begin) + 1, _long_way(lines[number]).encode()


def _rows_with(text: bytes, sign: bytes) -> Iterator[int]:
    """Where the rows begin that have a sign."""
    at = text.find(sign)
    while at >= 0:
        yield text.rindex(b"\n", 0, at) + 1
        at = text.find(sign, text.index(b"\n", at))


def _cells_with_comma(text: bytes) -> Iterator[_Edit]:
    """They are quoted for it."""
    at = text.find(b",")
    while at >= 0:
        row, row_end = text.rindex(b"\n", 0, at) + 1, text.index(b"\r", at)
        begin = text.rfind(_BETWEEN, row, at) + 1 or row
        end = text.find(_BETWEEN, at, row_end)
        end = row_end if end < 0 else end
        yield begin, end, b'"%b"' % text[begin:end]
        at = text.find(b",", end)


def _long_way(line: str) -> str:
    """One row, cell by cell."""
    cells, at = _JSON.raw_decode(line)
    while at < len(line):
        more, at = _JSON.raw_decode(line, at)
        cells += more
    safe = [neutralise(cell) if cell[:1] in _RISKY else cell for cell in cells]
    written: str = _CSV.writerow(safe)
    return written
