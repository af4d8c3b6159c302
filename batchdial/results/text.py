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
#: The ends of rows are ends of cells, and signs that begin a formula are made alike.
_ALIKE = bytes.maketrans(b"\r\n'@-", b"\x1f\x1f==+")
#: In a text that was made alike: a cell that may begin a formula, and is no number.
_FORMULA = re.compile(rb"\x1f(?:=|\+(?![0-9]+(?:\.[0-9]+)?\x1f))")
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

    Of most rows no cell is quoted in CSV, escaped in JSON, or begins like a formula. There
    only what stands between the cells differs, and is exchanged in the whole page at once.
    Every row that is not certainly one of these goes a longer way.

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
    plain = text.translate(_COMMAS)
    odd = {*_formulas(text), *_rows_with(text, b'"'), *_rows_with(text, b"\\")}
    edits = [(*cell, b"") for cell in _with_comma(text)]
    if odd:
        edits = sorted(
            [*edits, *_written_anew(text, page, odd)], key=lambda edit: (edit[0], -edit[1])
        )
    pieces, at = [], _FIRST
    for begin, end, anew in edits:
        if begin >= at:  # and not within a row that was written anew
            pieces += [plain[at:begin], anew or b'"%b"' % text[begin:end]]
            at = end
    return b"".join([*pieces, plain[at:]]).decode()


def _with_comma(text: bytes) -> Iterator[tuple[int, int]]:
    """Where the cells begin and end that have a comma, and must be quoted for it."""
    at = text.find(b",")
    while at >= 0:
        row = text.rindex(b"\n", 0, at) + 1
        begin = text.rfind(_BETWEEN, row, at) + 1 or row
        row_end = text.index(b"\r", at)
        end = text.find(_BETWEEN, at, row_end)
        end = row_end if end < 0 else end
        yield begin, end
        at = text.find(b",", end)


def _written_anew(text: bytes, page: str, odd: set[int]) -> Iterator[tuple[int, int, bytes]]:
    """Rows that begin at these places, cell by cell, and where each ends."""
    lines, number, at = page.split("\n"), 0, _FIRST
    for start in sorted(odd):
        number += text.count(b"\n", at, start)
        at = start
        yield start, text.index(b"\n", start) + 1, _long_way(lines[number]).encode()


def _rows_with(text: bytes, sign: bytes) -> Iterator[int]:
    """Where the rows begin that have a sign."""
    at = text.find(sign)
    while at >= 0:
        yield text.rindex(b"\n", 0, at) + 1
        at = text.find(sign, text.index(b"\n", at))


def _formulas(text: bytes) -> Iterator[int]:
    """Where the rows begin that have a cell which may be a formula."""
    for found in _FORMULA.finditer(text.translate(_ALIKE)):
        yield text.rindex(b"\n", 0, found.end()) + 1


def _long_way(line: str) -> str:
    """One row, cell by cell."""
    cells, at = _JSON.raw_decode(line)
    while at < len(line):
        more, at = _JSON.raw_decode(line, at)
        cells += more
    written: str = _CSV.writerow(map(neutralise, cells))
    return written
