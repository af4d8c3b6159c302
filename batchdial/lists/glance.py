"""
A column of cells at once: which of them are certain numbers, by tables made of `plans`.

The automata of `plans` are walked by all cells of a block together, one character after
the other. A table holds the steps that were taken before; new ones are asked of the
automaton. What is decided here is what `plans.certain_number` decides for each cell alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from batchdial.lists.automaton import SYMBOLS, Graph, State, parsed
from batchdial.lists.plans import CODES, FORMS, abroad, at_home, exits_by_00

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    Symbols = NDArray[np.uint8]
    Places = NDArray[np.int32]

#: Characters of the longest cell that is looked at; certain numbers are shorter.
WIDEST: Final = 28
#: Digits of a number in E.164, at most.
_LONGEST = 15
#: What is no symbol, and what stands behind the end of a cell.
_OTHER, _END = len(SYMBOLS), len(SYMBOLS) + 1
_KINDS = _END + 1
_NEWLINE = ord("\n")
_PLUS, _OPEN, _BLANK = map(SYMBOLS.index, "+( ")


#: The kind of each byte.
_CLASSES = bytes(
    SYMBOLS.index(sign) if (sign := chr(byte)) in SYMBOLS else _OTHER for byte in range(256)
)
_BEHIND = bytes([_END])
_POWERS = 10 ** np.arange(_LONGEST + 2, dtype=np.int64)
#: By how much the digits so far grow when a kind of character follows.
_TENFOLD = np.array([10 if kind < 10 else 1 for kind in range(_KINDS)], np.int64)


class _Table:
    """
    The steps of automata, as numbers.

    A place is told by where its steps begin; place 0 is the dead end, and -1 stands for
    a step that nobody has taken yet.

    Args:
        skipped: Kinds of character that lead nowhere else.
    """

    def __init__(self, skipped: Iterable[int]) -> None:
        self._skipped = [*skipped, _END]
        self._meant: list[State[bool] | str | None] = []
        self._known: dict[int | str, int] = {}
        self._steps = np.empty(0, np.int32)
        self._accepts = np.empty(0, np.bool_)
        self._add(None)
        self._steps[:_KINDS] = 0

    def place(self, meant: State[bool] | str) -> int:
        """The place of a state, or of the first digits of a country code."""
        key = meant if isinstance(meant, str) else id(meant)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._add(meant)
        return found

    def _add(self, meant: State[bool] | str | None) -> int:
        number = len(self._meant)
        place = number * _KINDS
        if place == len(self._steps):
            more = max(64, number)
            self._steps = np.append(self._steps, np.full(more * _KINDS, -1, np.int32))
            self._accepts = np.append(self._accepts, np.zeros(more, np.bool_))
        self._meant.append(meant)
        self._steps[place + _OTHER] = 0
        self._steps[[place + kind for kind in self._skipped]] = place
        self._accepts[number] = isinstance(meant, State) and meant.meaning
        return place

    def walk(self, places: Places, column: Column) -> NDArray[np.bool_]:
        """Whether each cell is accepted, from the place where it begins."""
        places = places.copy()
        for symbols in column.lines():
            steps = places[: len(symbols)] + symbols
            found = self._steps[steps]
            if found.min() < 0:
                self._explore(np.unique(steps[found < 0]))
                found = self._steps[steps]
            places[: len(symbols)] = found
        return self._accepts[places // _KINDS]

    def _explore(self, steps: Places) -> None:
        for step in steps.tolist():
            number, kind = divmod(step, _KINDS)
            meant, symbol = self._meant[number], SYMBOLS[kind]
            self._steps[step] = (
                self.place(meant[symbol])
                if isinstance(meant, State)
                else self._after_code(f"{meant}{symbol}")
            )

    def _after_code(self, digits: str) -> int:
        """The place behind the first digits of a number: in its country code, or behind that."""
        codes = {code for start, code in CODES.items() if start.startswith(digits)}
        if len(codes) == 1 and str(*codes) == digits:
            plan = abroad(*codes)
            return self.place(plan.start) if plan else 0
        return self.place(digits) if codes else 0


@cache
def _forms() -> tuple[_Table, int]:
    """How certain numbers are written."""
    table = _Table(())
    return table, table.place(Graph((parsed(FORMS),), bool).start)


@cache
def _plans() -> tuple[_Table, int]:
    """The digits of certain numbers, whatever stands between them, and those behind a plus."""
    table = _Table(range(10, _OTHER))
    return table, table.place("")


@dataclass(frozen=True, slots=True)
class Regions:
    """The countries that some cells are read for."""

    names: Sequence[str | None]  #: ISO codes in capitals; None where no country is known
    of: NDArray[np.intp]  #: of each cell, its place among the names

    def __getitem__(self, cell: int) -> str | None:
        """The country of one cell."""
        return self.names[int(self.of[cell])]


class _Homes:
    """What is known of some countries, in columns."""

    def __init__(self, names: Sequence[str | None]) -> None:
        table, _ = _plans()
        homes = [at_home(name) if name else None for name in names]
        self.alone = np.array([table.place(h.alone.start) if h else 0 for h in homes], np.int32)
        self.apart = np.array([table.place(h.apart.start) if h else 0 for h in homes], np.int32)
        self.code = np.array([h.code if h else 0 for h in homes], np.int64)
        self.trunk = np.array([int(h.trunk or -1) if h else -1 for h in homes], np.int8)
        self.by_00 = np.array([bool(name) and exits_by_00(name) for name in names], np.bool_)


def certain_numbers(lines: bytes, regions: Regions) -> NDArray[np.int64]:
    """
    The numbers that a column of cells holds beyond doubt.

    Args:
        lines: The cells as they were read, see `models.in_lines`.
        regions: The country of each.

    Returns:
        The digits of each number in E.164 as an integer; 0 decides nothing.
    """
    numbers = np.zeros(len(regions.of), np.int64)
    column = _column(lines)
    table, start = _forms()
    written = table.walk(np.full(len(column.starts), start, np.int32), column)
    column = column.some(written)
    if len(column.starts):
        homes = _Homes(regions.names)
        numbers[column.cells] = _values(column, homes, regions.of[column.cells])
    return numbers


def _values(column: Column, homes: _Homes, home: NDArray[np.intp]) -> NDArray[np.int64]:
    """The numbers of cells that are written as certain ones are; 0 where the digits are not."""
    table, root = _plans()
    kinds, starts = column.kinds, column.starts
    first, second = kinds[starts], kinds[starts + 1]
    exits = (first == 0) & (second == 0)
    has_plus = (first == _PLUS) | (exits & homes.by_00[home])
    first = np.where(first == _OPEN, second, first)
    abroad_by_00 = starts[exits & has_plus]
    kinds[abroad_by_00] = kinds[abroad_by_00 + 1] = _END
    value, several = _digits(column)
    places = np.where(several == column.lengths, homes.alone[home], homes.apart[home])
    places[(first == 0) != (homes.trunk[home] == 0)] = 0
    places[exits] = 0
    places[has_plus] = root
    certain = table.walk(places, column) & (several <= _LONGEST + 1)
    several = (several - (first == homes.trunk[home])) * certain
    at_home = homes.code[home] * _POWERS[several] + value % _POWERS[several]
    value = np.where(has_plus, value, at_home)
    return np.where(certain & (value < _POWERS[_LONGEST]), value, 0)


def _digits(column: Column) -> tuple[NDArray[np.int64], Places]:
    """The digits of each cell as one number, and how many there are; more than 18 overflow."""
    value = np.zeros(len(column.starts), np.int64)
    several = np.zeros(len(column.starts), np.int32)
    for symbols in column.lines():
        is_digit = symbols < 10
        so_far = value[: len(symbols)]
        so_far *= _TENFOLD[symbols]
        so_far += symbols * is_digit
        several[: len(symbols)] += is_digit
    return value, several


@dataclass(frozen=True, slots=True)
class Column:
    """Some cells of a column, the longest first."""

    cells: NDArray[np.intp]  #: which ones
    kinds: Symbols  #: the kinds of character of the whole column
    starts: Places  #: where each cell begins in them
    lengths: Places  #: how many characters it has

    def lines(self) -> Iterator[Symbols]:
        """The first character of each cell, then the second of those that have one, and so on."""
        ends = np.searchsorted(-self.lengths, -np.arange(self.lengths.max(initial=0)))
        for along, end in enumerate(ends.tolist()):
            yield self.kinds[self.starts[:end] + np.int32(along)]

    def some(self, chosen: NDArray[np.bool_]) -> Column:
        """The same with fewer cells."""
        kept = np.flatnonzero(chosen)
        return Column(self.cells[kept], self.kinds, self.starts[kept], self.lengths[kept])


def _column(lines: bytes) -> Column:
    """The cells that are short enough to be certain numbers, without a blank around them."""
    ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == _NEWLINE).astype(np.int32)
    starts = np.append(np.int32(0), ends[:-1] + np.int32(1))[: len(ends)]
    kinds = np.frombuffer(bytearray(lines.translate(_CLASSES) + _BEHIND), np.uint8)
    starts += kinds[starts] == _BLANK
    ends -= (kinds[ends - 1] == _BLANK) & (ends > starts)
    lengths = ends - starts
    short = np.flatnonzero((lengths > 0) & (lengths <= WIDEST))
    cells = short[np.argsort(-lengths[short].astype(np.int8), kind="stable")]
    return Column(cells, kinds, starts[cells], lengths[cells])
