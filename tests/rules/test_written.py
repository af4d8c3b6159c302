"""A row is kept as it is written, and every cell comes back as it was read."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchdial.rules.cells import neutralise
from batchdial.rules.written import line_written, row_read, row_written

#: What CSV quotes, JSON escapes, a spreadsheet runs, and what stands between cells and rows.
_SIGNS = st.text(
    st.sampled_from([*"\",=+-@'\\[]{}a10. \t\r\n\x00\x1f\x7f\u2028", "é", "😀"]), max_size=6
)
_ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_HARD = st.sampled_from(
    ["", " ", ",", '","', '["', '["a","b"]', "'", "+", "+1a", "-1.5", "-12,5", "+447911123456"]
)
CELLS = st.lists(st.one_of(_SIGNS, _ANY, _HARD), min_size=1, max_size=4)


def slowly(rows: list[list[str]]) -> str:
    """By the csv module."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([map(neutralise, row) for row in rows])
    return text.getvalue()


@given(cells=CELLS)
@example(cells=[""])
@example(cells=['["a'])
@example(cells=["\0"])
def test_every_cell_comes_back(cells: list[str]) -> None:
    """Whatever is in it."""
    assert row_read(row_written(cells)) == tuple(cells)


@given(cells=CELLS, more=CELLS)
def test_it_stands_in_a_line_as_it_is(cells: list[str], more: list[str]) -> None:
    """Before the columns that are added; and a whole line is what the csv module writes."""
    whole = slowly([[*cells, *more, ""]])
    assert line_written([*cells, *more, ""]) == whole
    if not any("\0" in cell for cell in cells):
        assert f"{row_written(cells)},{line_written([*more, ''])}" == whole


@pytest.mark.parametrize("cell", ["\0", "a\0b", "=\0"])
def test_no_nul_is_kept(cell: str) -> None:
    """No database need take one."""
    assert "\0" not in row_written([cell, "b"])


@pytest.mark.parametrize("text", ['"', 'a"', '"a', '"a"b', 'a,"b', '"a""', 'a\nb,""', '["a"', '["'])
def test_what_is_no_row(text: str) -> None:
    """Becomes none."""
    with pytest.raises(ValueError, match=r".*"):
        row_read(text)
