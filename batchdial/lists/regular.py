"""
Whether a text is so regular that every reader divides it alike, told from its bytes.

Lists that programs export are: one line a row, as many cells in each, and quotation marks
only where RFC 4180 has them. Whatever else a text may be is left to `quotes.survey`.
"""

from __future__ import annotations

import csv
import io
import re
from codecs import BOM_UTF8
from itertools import islice
from typing import TYPE_CHECKING, Final, TextIO

import numpy as np

from batchdial.lists.lines import parted
from batchdial.lists.outline import HEAD_ROWS, TAIL_ROWS, Outline
from batchdial.lists.sources import is_blank

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from batchdial.lists.sources import Record

    Places = NDArray[np.int64]

#: Encodings that are divided by their bytes.
_CODECS: Final = ("utf-8", "utf-8-sig")
_CHUNK: Final = 1 << 21
#: Bytes of a line; no cell of it is too long then.
_LONGEST: Final = 100_000
#: Bytes at the end of a file in which its last rows are looked for.
_END: Final = 1 << 16
_SEP_LINE = re.compile(rb'"?sep=', re.IGNORECASE)
_QUOTE, _NEWLINE, _RETURN, _CTRL_Z = b'"\n\r\x1a'


def survey(path: Path, file: TextIO, codec: str, divider: str) -> tuple[int, Outline] | None:
    """
    Look at a text that is known to decode.

    Args:
        path: The file.
        file: The same, opened as text.
        codec: Its encoding.
        divider: What stands between its cells.

    Returns:
        The cells of each row, and the rows with text at both ends; None for a text that
        is not regular.
    """
    if codec not in _CODECS or not divider.isascii():
        return None
    number, width = 0, 0
    for chunk in pages(path):
        found = _width(chunk, ord(divider)) if chunk else None
        if found is None or (number and found != width):
            return None
        width = found
        number += chunk.count(b"\n") + (not chunk.endswith(b"\n"))
    tail = _tail(path, divider, number)
    if not number or tail is None:
        return None
    return width, Outline(_head(file, divider), tail)


def pages(path: Path) -> Iterator[bytes]:
    """Whole lines in pieces of some megabytes; an empty piece where they are too long."""
    with path.open("rb") as file:
        rest = file.read(_CHUNK).removeprefix(BOM_UTF8)
        if _SEP_LINE.match(rest):
            yield b""
        while rest:
            end = rest.rfind(b"\n") + 1
            more = file.read(_CHUNK)
            if not more:
                yield rest
                return
            yield rest[:end]
            rest = rest[end:] + more


def _width(chunk: bytes, divider: int) -> int | None:
    """The cells of each line; None where they differ, or where a line is no sound record."""
    text = np.frombuffer(chunk, np.uint8)
    ends = np.flatnonzero(text == _NEWLINE)
    if chunk[-1] != _NEWLINE:
        ends = np.append(ends, len(text))
    starts = np.append(0, ends[:-1] + 1)
    if (
        (ends - starts).max() > _LONGEST
        or (_RETURN in chunk and _has_lone_returns(text, ends))
        or _CTRL_Z in chunk[-4:]
    ):
        return None
    dividers = np.flatnonzero(text == divider)
    if _QUOTE in chunk:
        quotes = np.flatnonzero(text == _QUOTE)
        if not _are_sound(text, quotes, ends, divider):
            return None
        dividers = parted(dividers, quotes)[0]
    each, rest = divmod(len(dividers), len(ends))
    if rest:
        return None
    inner = dividers.reshape(len(ends), each)
    is_even = not each or ((starts <= inner[:, 0]) & (inner[:, -1] < ends)).all()
    return each + 1 if is_even else None


def _has_lone_returns(text: NDArray[np.uint8], ends: Places) -> bool:
    """Whether a carriage return stands elsewhere than before a line feed."""
    feeds = ends[:-1] if text[-1] != _NEWLINE else ends
    before_feeds = (text[feeds - 1] == _RETURN) & (feeds > 0)
    return bool(np.count_nonzero(text == _RETURN) != np.count_nonzero(before_feeds))


def _are_sound(text: NDArray[np.uint8], quotes: Places, ends: Places, divider: int) -> bool:
    """
    Whether quotation marks open at the start of a cell and close at its end, on one line.

    A mark within a quotation is doubled: it closes, and the next one opens at once.
    """
    if len(quotes) % 2 or (np.searchsorted(quotes, ends) % 2).any():
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before = np.where(opening > 0, text[opening - 1], _NEWLINE)
    last = len(text) - 1
    behind = np.where(closing < last, text[np.minimum(closing + 1, last)], _NEWLINE)
    opens = (before == divider) | (before == _NEWLINE)
    closes = (behind == divider) | (behind == _NEWLINE) | (behind == _RETURN)
    opens[1:] |= opening[1:] == closing[:-1] + 1
    closes[:-1] |= opening[1:] == closing[:-1] + 1
    return bool(opens.all() and closes.all())


def _head(file: TextIO, divider: str) -> tuple[Record, ...]:
    records = enumerate(map(tuple, csv.reader(file, delimiter=divider)), 1)
    return tuple(islice((one for one in records if not is_blank(one[1])), HEAD_ROWS))


def _tail(path: Path, divider: str, number: int) -> tuple[Record, ...] | None:
    """The last rows with text, if they stand near the end."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END))
        text = file.read()
    if size > _END:
        text = text[text.find(b"\n") + 1 :]
    rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""), delimiter=divider))
    found = [
        (number - len(rows) + place, tuple(cells))
        for place, cells in enumerate(rows, 1)
        if not is_blank(cells)
    ][-TAIL_ROWS:]
    return tuple(found) if len(found) == TAIL_ROWS or size <= _END else None
