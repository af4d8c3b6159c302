"""
Rows of a regular text, divided only where somebody asks for them.

Most cells of a list are never looked at one by one: they are counted, kept, and sent later.
"""

from __future__ import annotations

import csv
import io
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from batchdial.models import row_as_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Places = NDArray[np.int64]

_QUOTE, _NEWLINE, _RETURN = b'"\n\r'
#: Bytes that JSON writes in another way, but for line ends and quotation marks.
_ESCAPED: Final = np.zeros(256, np.bool_)
_ESCAPED[:32] = True
_ESCAPED[[_NEWLINE, _RETURN]] = False
_ESCAPED[ord("\\")] = True
_BETWEEN_CELLS: Final = b'","'
_BETWEEN_ROWS: Final = b'"]\n["'
#: Bytes with which what shows nothing may begin: controls, blanks, marks of U+0080 to U+00BF,
#: U+1000 to U+3FFF and U+F000 to U+FFFF; and a quotation mark, behind which nothing may stand.
_UNSEEN: Final = np.zeros(256, np.bool_)
_UNSEEN[:33] = True
_UNSEEN[[_QUOTE, 0x7F, 0xC2, 0xE1, 0xE2, 0xE3, 0xEF]] = True


def outside(dividers: Places, quotes: Places) -> Places:
    """The places of dividers that stand outside of quotations; both ascend, quotes are paired."""
    first, behind = np.searchsorted(dividers, quotes).reshape(-1, 2).T
    several = behind - first
    inside = np.arange(several.sum()) + np.repeat(first - (np.cumsum(several) - several), several)
    kept = np.ones(len(dividers), np.bool_)
    kept[inside] = False
    return dividers[kept]


class Lines:
    """
    The cells of whole lines, each of them one row of the same width.

    Args:
        text: The lines, in UTF-8; what they are is known, see `regular`.
        divider: What stands between cells.
    """

    def __init__(self, text: bytes, divider: str) -> None:
        self._text = text if text.endswith(b"\n") or not text else text + b"\n"
        self._divider = divider
        data = np.frombuffer(self._text, np.uint8)
        ends = np.flatnonzero(data == _NEWLINE)
        dividers = np.flatnonzero(data == ord(divider))
        self._quotes = np.flatnonzero(data == _QUOTE)
        if len(self._quotes):
            dividers = outside(dividers, self._quotes)
        self._dividers = dividers
        self._data = data
        self._line_ends = ends
        self._width = len(dividers) // max(1, len(ends)) + 1
        inner = dividers.reshape(len(ends), self._width - 1)
        starts = np.append(0, ends + 1)[:-1]
        returns = (data[ends - 1] == _RETURN) & (ends > starts)
        self._starts = np.column_stack([starts, inner + 1])
        self._ends = np.column_stack([inner, ends - returns])

    def __len__(self) -> int:
        return len(self._line_ends)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        yield from map(tuple, self._read(io.StringIO(self._text.decode(), newline="")))

    def __getitem__(self, place: int, /) -> tuple[str, ...]:
        return next(iter(self.some([place])))

    def _read(self, lines: io.StringIO) -> Iterator[list[str]]:
        return csv.reader(lines, delimiter=self._divider)

    def after(self, number: int) -> Lines:
        """The same without the first few rows."""
        rest = int(self._starts[number, 0]) if number < len(self) else len(self._text)
        return Lines(self._text[rest:], self._divider)

    def widths(self) -> set[int]:
        """How many cells rows have."""
        return {self._width} if len(self) else set()

    def some(self, places: Sequence[int]) -> Iterator[tuple[str, ...]]:
        """The rows at these places, which ascend."""
        ends = self._line_ends
        lines = [
            self._text[at:end]
            for at, end in zip(
                self._starts[places, 0].tolist(), (ends[places] + 1).tolist(), strict=True
            )
        ]
        return map(tuple, self._read(io.StringIO(b"".join(lines).decode(), newline="")))

    def column(self, index: int) -> list[str]:
        """One cell of each row."""
        starts, ends = self._starts[:, index], self._ends[:, index]
        text = self._bytewise
        cells = [text[at:end] for at, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        if not "".join(cells).isascii():
            cells = [one if one.isascii() else one.encode("latin-1").decode() for one in cells]
        if len(self._quotes):
            for place in np.flatnonzero(self._data[starts] == _QUOTE).tolist():
                cells[place] = cells[place][1:-1].replace('""', '"')
        return cells

    @cached_property
    def _bytewise(self) -> str:
        """The text with a sign for each byte, so that both have the same places."""
        return self._text.decode("latin-1")

    def empty(self, index: int) -> tuple[list[int], list[int]]:
        """The places of empty cells, and of others that may show nothing."""
        starts, ends = self._starts[:, index], self._ends[:, index]
        first = self._data[starts]
        second = self._data[np.minimum(starts + 1, len(self._data) - 1)]
        first = np.where(first == _QUOTE, second, first)
        none = starts == ends
        odd = ~none & _UNSEEN[first]
        return np.flatnonzero(none).tolist(), np.flatnonzero(odd).tolist()

    def as_json(self) -> list[str]:
        """Each row as a JSON list, without blanks between the cells."""
        if not len(self):
            return []
        rows = f'["{self._between_brackets()}'.split("\n")[:-1]
        escaped = np.flatnonzero(_ESCAPED[self._data])
        odd = np.unique(np.searchsorted(self._line_ends, escaped)).tolist()
        for place, row in zip(odd, map(row_as_json, self.some(odd)), strict=True):
            rows[place] = row
        return rows

    def _between_brackets(self) -> str:
        """The text with JSON's quotation marks between cells, and its brackets between lines."""
        data = self._data.copy()
        wide = np.ones(len(data), np.int8)
        wide[self._dividers] = len(_BETWEEN_CELLS)
        wide[self._line_ends] = len(_BETWEEN_ROWS)
        wide[self._ends[:, -1][self._ends[:, -1] < self._line_ends]] = 0  # a carriage return
        opening, closing = self._quotes[::2], self._quotes[1::2]
        is_double = opening[1:] == closing[:-1] + 1
        wide[opening[np.append(True, ~is_double)[: len(opening)]]] = 0
        wide[closing[np.append(~is_double, True)[: len(closing)]]] = 0
        data[closing[:-1][is_double]] = ord("\\")
        places = np.cumsum(wide, dtype=np.int32) - wide
        out = np.empty(int(places[-1]) + len(_BETWEEN_ROWS), np.uint8)
        kept = wide == 1
        out[places[kept]] = data[kept]
        for joints, between in (
            (self._dividers, _BETWEEN_CELLS),
            (self._line_ends, _BETWEEN_ROWS),
        ):
            for offset, sign in enumerate(between):
                out[places[joints] + offset] = sign
        return out.tobytes().decode()
