"""The first row that has a number has it, as a dictionary would say, however full the table is."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from batchdial.lists.holders import Holders

#: Undoes the multiplication that spreads numbers: of what is looked for last, the numbers.
_BACK = pow(11_400_714_819_323_198_485, -1, 1 << 64)
_AT_THE_END = [
    number
    for last in range(1, 400)
    if 0 < (number := (((1 << 64) - last) * _BACK) % (1 << 64)) < 1 << 63
]


def _first_rows(blocks: list[list[int]], held: dict[int, int]) -> list[list[int]]:
    rows, known, found = 0, dict(held), []
    for block in blocks:
        found.append([known.setdefault(number, rows + at) for at, number in enumerate(block)])
        rows += len(block)
    return found


def _held(blocks: list[list[int]], held: dict[int, int]) -> list[list[int]]:
    holders, rows, found = Holders(held), 0, []
    for block in blocks:
        places = np.arange(rows, rows + len(block), dtype=np.int32)
        found.append(holders.hold(np.array(block, np.int64), places).tolist())
        rows += len(block)
    return found


_NUMBERS = st.one_of(st.integers(1, 30), st.integers(1, 10**15 - 1), st.sampled_from(_AT_THE_END))


@given(
    blocks=st.lists(st.lists(_NUMBERS, max_size=300), max_size=5),
    held=st.dictionaries(_NUMBERS, st.integers(0, 10**6), max_size=20),
)
def test_the_first_row_has_it(blocks: list[list[int]], held: dict[int, int]) -> None:
    """Also of two in one block, and behind the last slot of the table."""
    assert _held(blocks, held) == _first_rows(blocks, held)


def test_a_table_that_grows_keeps_what_it_holds() -> None:
    """Through several sizes, with numbers that differ little, much, or want the last slots."""
    rng = np.random.default_rng(20261126)
    few, many = 447_911_000_000 + rng.integers(0, 60_000, 40_000), rng.integers(1, 10**15, 40_000)
    mixed = np.concatenate([few, many, np.array(_AT_THE_END)])
    rng.shuffle(mixed)
    blocks = [block.tolist() for block in np.array_split(mixed, 23)]
    assert _held([*blocks, blocks[0]], {}) == _first_rows([*blocks, blocks[0]], {})
