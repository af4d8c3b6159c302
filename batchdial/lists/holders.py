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
        new, first, place = np.unique(numbers, return_index=True, return_inverse=True)
        while (self._taken + len(new)) > _FULL * len(self._keys):
            self._grow()
        return self._settle(new, rows[first])[place]

    def _grow(self) -> None:
        taken = self._keys > 0
        keys, rows = self._keys[taken], self._rows[taken]
        self._bits += 1
        self._keys = np.zeros(1 << self._bits, np.int64)
        self._rows = np.zeros(1 << self._bits, np.int32)
        self._taken = 0
        self._settle(keys, rows)

    def _settle(self, numbers: Numbers, rows: Rows) -> Rows:
        """The row of each number, none of which is given twice; a new one gets its row."""
        shift = np.uint64(64 - self._bits)
        slots = ((numbers.astype(np.uint64) * _SPREAD) >> shift).astype(np.int64)
        holder = rows.copy()
        open_ = np.arange(len(numbers))
        while len(open_):
            slot, number = slots[open_], numbers[open_]
            free = open_[self._keys[slot] == 0]
            self._keys[slots[free]] = numbers[
                free
            ]  # of several that want one slot, the last has it
            there = self._keys[slot]
            won = free[self._keys[slots[free]] == numbers[free]]
            self._rows[slots[won]] = rows[won]
            self._taken += len(won)
            found = there == number
            holder[open_[found]] = self._rows[slot[found]]
            open_ = open_[~found]
            slots[open_] = (slots[open_] + 1) & (len(self._keys) - 1)
        return holder
