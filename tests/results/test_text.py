"""The fast way into a results file writes the very bytes of the slow one."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdial.results.text import csv_of
from batchdial.rules.cells import neutralise

#: What JSON escapes, CSV quotes, a spreadsheet runs, and what stands between cells and rows.
_SIGNS = st.text(
    st.sampled_from([*"\",=+-@'\\[]{}a10. \t\r\n\x00\x1f\x7f\u2028", "é", "😀"]), max_size=6
)
_ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_HARD = st.sampled_from(
    ["", " ", ",", '","', '"]["', "][", '"]\n["', "'", "+", "+1a", "-1.5", "-12,5", "+447911123456"]
)
CELLS = st.lists(st.one_of(_SIGNS, _ANY, _HARD), max_size=4)
#: Either way a row has two cells at least, as every row of a results file has.
ROW = st.tuples(CELLS, CELLS).filter(lambda row: len(row[0]) + len(row[1]) > 1)


def as_json(cells: list[str]) -> str:
    """As the ledger keeps cells."""
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":"))


def slowly(rows: list[list[str]]) -> str:
    """Cell by cell."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([map(neutralise, row) for row in rows])
    return text.getvalue()


@settings(max_examples=2_000, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=6))
def test_the_same_bytes(rows: list[tuple[list[str], list[str]]]) -> None:
    """Whatever the cells are, and however odd rows follow plain ones."""
    page = "\n".join(as_json(first) + as_json(second) for first, second in rows)
    assert csv_of(page) == slowly([first + second for first, second in rows])


def test_a_long_page_of_many_kinds() -> None:
    """Each odd row is found in its place among plain ones."""
    odd = [["a,b", "c"], ['say "x"', "c"], ["=1", "c"], ["-", "c"], ["a\nb", "c"], ["'", "c"]]
    rows = [odd[n // 7 % len(odd)] if n % 7 == 3 else [f"n{n}", f"+4479{n:06}"] for n in range(700)]
    assert csv_of("\n".join(map(as_json, rows))) == slowly(rows)


@pytest.mark.parametrize("page", ["", "[", '["a","b"', '["a",b"]', '["a"] ["b"]', '["a"]\n['])
def test_what_is_no_json(page: str) -> None:
    """Is no row, and never becomes one."""
    with pytest.raises(ValueError, match=r".*"):
        csv_of(page)
