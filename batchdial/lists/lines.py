"""
Rows of a regular text, divided only where somebody asks for them.

Most cells of a list are never looked at one by one: they are counted, kept, and sent later.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

import numpy as np

from batchdial.models import Written
from batchdial.rules.cells import neutralise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Places = NDArray[np.int64]

_QUOTE, _NEWLINE, _RETURN = b'"\n\r'
#: With what a cell begins that `neutralise` may change.
_RISKY: Final = np.zeros(256, np.bool_)
_RISKY[list(b"'=+-@\t\r")] = True
_APOSTROPHE: Final = ord("'")
_NINE: Final = 9
#: Bytes with which what shows nothing may begin: controls, blanks, marks of U+0080 to U+00BF,
#: U+1000 to U+3FFF and U+F000 to U+FFFF; and a quotation mark, behind which nothing may stand.
_UNSEEN: Final = np.zeros(256, np.bool_)
_UNSEEN[:33] = True
_UNSEEN[[_QUOTE, 0x7F, 0xC2, 0xE1, 0xE2, 0xE3, 0xEF]] = True


def parted(dividers: Places, quotes: Places) -> tuple[Places, Places]:
    """Dividers outside of quotations, and within them; both ascend, quotes are paired."""
    first, behind = np.searchsorted(dividers, quotes).reshape(-1, 2).T
    several = behind - first
    inside = np.arange(several.sum()) + np.repeat(first - (np.cumsum(several) - several), several)
    kept = np.ones(len(dividers), np.bool_)
    kept[inside] = False
    return dividers[kept], dividers[inside]


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
        self._within = dividers[:0]
        if len(self._quotes):
            dividers, self._within = parted(dividers, self._quotes)
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

    def _inside(self, index: int) -> tuple[Places, Places]:
        """Where the text of each cell of a column begins and ends, within quotation marks."""
        starts, ends = self._starts[:, index], self._ends[:, index]
        if len(self._quotes):
            quoted = self._data[starts] == _QUOTE
            starts, ends = starts + quoted, ends - quoted
        return starts, ends

    def column(self, index: int) -> list[str]:
        """One cell of each row."""
        text = self.lines(index).decode()
        cells = text.split("\n")[:-1]
        if '""' in text:
            cells = [cell.replace('""', '"') for cell in cells]
        return cells

    def lines(self, index: int) -> bytes:
        """The cells of a column, a line each; a mark within quotation marks stays doubled."""
        starts, ends = self._inside(index)
        text, begins = self._gathered(starts, ends + 1)
        text[begins[1:] - 1] = _NEWLINE
        text[-1:] = _NEWLINE
        return text.tobytes()

    def _gathered(self, starts: Places, ends: Places) -> tuple[NDArray[np.uint8], Places]:
        """Some stretches, one behind the other, and where each begins there."""
        lengths = ends - starts
        stops = np.cumsum(lengths)
        places = np.repeat(ends - stops, lengths)
        places += np.arange(len(places))
        return self._data[places], stops - lengths

    def picked(self, index: int, places: Sequence[int]) -> list[str]:
        """One cell of the rows at these places."""
        starts, ends = (found[places].tolist() for found in self._inside(index))
        cells = [self._text[at:end].decode() for at, end in zip(starts, ends, strict=True)]
        return [cell.replace('""', '"') for cell in cells] if len(self._quotes) else cells

    def empty(self, index: int) -> tuple[list[int], list[int]]:
        """The places of empty cells, and of others that may show nothing."""
        starts, ends = self._starts[:, index], self._ends[:, index]
        first = self._data[starts]
        second = self._data[np.minimum(starts + 1, len(self._data) - 1)]
        first = np.where(first == _QUOTE, second, first)
        none = starts == ends
        odd = ~none & _UNSEEN[first]
        return np.flatnonzero(none).tolist(), np.flatnonzero(odd).tolist()

    def written(self) -> Written | None:
        """All rows as a results file has them; None where a row holds what is not kept so."""
        if b"\0" in self._text:
            return None
        begins, stops = self._starts.ravel(), self._ends.ravel()
        first = self._data[begins]
        quoted = first == _QUOTE
        marked = np.flatnonzero(quoted)
        first[marked] = self._data[begins[marked] + 1]
        edits = _Edits(self._data)
        if self._divider != ",":
            edits.exchange(self._dividers, b",")
        edits.drop(self._line_ends[self._ends[:, -1] < self._line_ends] - 1)
        self._mend_quotes(edits, quoted)
        risky = np.flatnonzero(_RISKY[first])
        inside = begins[risky] + quoted[risky]
        is_formula = self._are_formulas(inside, stops[risky] - quoted[risky])
        edits.put(inside[is_formula], b"'")
        return edits.done(self._line_ends)

    def _mend_quotes(self, edits: _Edits, quoted: NDArray[np.bool_]) -> None:
        """Quotation marks around those cells that hold a comma or a mark, and no others."""
        begins, stops, commas = self._starts.ravel(), self._ends.ravel(), self._within
        if self._divider != ",":
            commas = np.flatnonzero(self._data == ord(","))
            bare = np.unique(np.searchsorted(begins, commas, "right") - 1)
            bare = bare[~quoted[bare]]
            edits.put(begins[bare], b'"')
            edits.put(stops[bare], b'"')
        marked = np.flatnonzero(quoted)
        first, last = begins[marked], stops[marked]
        marks = np.searchsorted(self._quotes, last) - np.searchsorted(self._quotes, first)
        has_comma = np.searchsorted(commas, last) > np.searchsorted(commas, first)
        needless = (marks == len('""')) & ~has_comma
        edits.drop(first[needless], last[needless] - 1)

    def _are_formulas(self, begins: Places, stops: Places) -> NDArray[np.bool_]:
        """Whether `neutralise` changes these cells, of which some may be empty."""
        data = self._data
        signs, second = data[begins], data[np.minimum(begins + 1, stops)]
        is_filled, has_second = begins < stops, begins + 1 < stops
        signed = ((signs == ord("+")) | (signs == ord("-"))) & has_second
        is_number, is_decimal = np.zeros((2, len(signed)), np.bool_)
        if signed.any():
            text, at = self._gathered(begins[signed] + 1, stops[signed])
            other = text - ord("0") > _NINE
            is_number[signed] = ~np.logical_or.reduceat(other, at)
            other &= (text != ord(",")) & (text != ord("."))
            is_decimal[signed] = ~np.logical_or.reduceat(other, at)
            is_decimal &= ~is_number
        quotes = signs == _APOSTROPHE
        is_formula: NDArray[np.bool_] = (
            is_filled & ~is_number & (~quotes | (has_second & _RISKY[second]))
        )
        for place in np.flatnonzero(is_decimal | (quotes & (second == _APOSTROPHE))).tolist():
            cell = self._text[begins[place] : stops[place]].decode().replace('""', '"')
            is_formula[place] = neutralise(cell) != cell
        return is_formula


class _Edits:
    """Changes of a text, made together."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        self._data = data
        self._dropped: list[Places] = []
        self._put: list[tuple[Places, int]] = []

    def exchange(self, places: Places, sign: bytes) -> None:
        """Another sign in the place of those that are there."""
        self._data = self._data.copy()
        self._data[places] = ord(sign)

    def drop(self, *places: Places) -> None:
        """These signs away."""
        self._dropped += places

    def put(self, places: Places, sign: bytes) -> None:
        """A sign before those that are there, behind what was put there earlier."""
        self._put.append((places, ord(sign)))

    def done(self, ends: Places) -> Written:
        """The text, and where these places are now."""
        data = self._data
        dropped = np.sort(np.concatenate(self._dropped))
        places = np.concatenate([places for places, _ in self._put])
        signs = np.concatenate([np.full(len(places), sign, np.uint8) for places, sign in self._put])
        order = np.argsort(places, kind="stable")
        places, signs = places[order], signs[order]
        if len(places):
            there = places + np.arange(len(places))
            is_old = np.ones(len(data) + len(places), np.bool_)
            is_old[there] = False
            longer = np.empty(len(is_old), np.uint8)
            longer[there] = signs
            longer[is_old] = data
            data = longer
        if len(dropped):
            stays = np.ones(len(data), np.bool_)
            stays[dropped + np.searchsorted(places, dropped, "right")] = False
            data = data[stays]
        moved = np.searchsorted(places, ends, "right") - np.searchsorted(dropped, ends)
        return Written(data.tobytes(), ends + moved)
