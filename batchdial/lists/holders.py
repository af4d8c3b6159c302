"""Which row of a list has each number, for lists of millions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]
    Rows = NDArray[np.int32]

#: Knuth's multiplier (TAOCP 6.4): spreads numbers that differ in their last digits only.
_SPREAD: Final = np.uint64(11_400_714_819_323_198_485)
#: Share of the slots that may be taken.
_FULL: Final = 0.6
#: Slots that are looked at together when their number is doubled.
_PIECE: Final = 1 << 16


class Holders:
    """
    The first row that has each number: a hash table of 12 bytes a slot.

    Args:
        held: Numbers that a row has from the start, as integers, and that row.
    """

    def __init__(self, held: Mapping[int, int] | None = None) -> None:
        self._bits = 12
        self._keys: Numbers = np.zeros(1 << self._bits, np.int64)
        self._rows: Rows = np.zeros(1 << self._bits, np.int32)
        self._taken = 0
        if held:
            self.hold(np.fromiter(held, np.int64), np.fromiter(held.values(), np.int32))

    def hold(self, numbers: Numbers, rows: Rows) -> Rows:
        """
        Give each number to its row, where no row has it yet.

        Args:
            numbers: Integers above 0, in the order of the rows.
            rows: The row in which each stands.

        Returns:
            The row that has each number: its own, or one that came first.
        """
        while self._taken + len(numbers) > _FULL * len(self._keys):
            self._grow()
        return self._settle(numbers, rows, self._slots(numbers))

    def _slots(self, numbers: Numbers) -> NDArray[np.int64]:
        """Where each number is looked for first."""
        return ((numbers.astype(np.uint64) * _SPREAD) >> np.uint64(64 - self._bits)).astype(
            np.int64
        )

    def _grow(self) -> None:
        """Double the slots, a piece at a time: what stands together will do so again."""
        keys, rows = self._keys, self._rows
        self._bits += 1
        self._keys = np.zeros(1 << self._bits, np.int64)
        self._rows = np.zeros(1 << self._bits, np.int32)
        self._taken = 0
        for start in range(0, len(keys), _PIECE):
            piece = slice(start, start + _PIECE)
            taken = np.flatnonzero(keys[piece])
            numbers = keys[piece][taken]
            self._settle(numbers, rows[piece][taken], self._slots(numbers))

    def _settle(self, numbers: Numbers, rows: Rows, slots: NDArray[np.int64]) -> Rows:
        """The row of each number; a new one gets the first of its rows."""
        holder = rows.copy()
        open_ = np.arange(len(numbers))
        while len(open_):
            free = np.flatnonzero(self._keys[slots] == 0)[::-1]
            # Of several that want one slot, the one that is written last has it: the first row.
            self._keys[slots[free]] = numbers[free]
            is_there = self._keys[slots] == numbers
            new = free[is_there[free]]
            self._rows[slots[new]] = rows[new]
            self._taken += int((self._rows[slots[new]] == rows[new]).sum())
            holder[open_[is_there]] = self._rows[slots[is_there]]
            on = np.flatnonzero(~is_there)
            open_, numbers, rows = open_[on], numbers[on], rows[on]
            slots = (slots[on] + 1) & (len(self._keys) - 1)
        return holder
