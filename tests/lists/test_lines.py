"""A regular text gives the same rows whichever way it is asked."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdial.lists import regular
from batchdial.lists.lines import Lines
from batchdial.models import PlainCells
from batchdial.rules.written import row_written

if TYPE_CHECKING:
    from pathlib import Path

#: Cells of one line each, with all that CSV and JSON write in another way.
CELL = st.one_of(
    st.text(st.sampled_from("a1,;\"\\ é美\u00a0\u200b\ufeff\t\x01'=+-@."), max_size=6),
    st.sampled_from(
        ["+447911123456", "-1.5", "+1,5", "-1.5.5", "+", "'", "''", "-.", "'+44 1", "''@", "-a"]
    ),
)
TABLE = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.tuples(*[CELL] * width), min_size=1, max_size=8)
)


def written(
    rows: list[tuple[str, ...]],
    end: str,
    *,
    quoting: int = csv.QUOTE_MINIMAL,
    divider: str = ",",
) -> str:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=divider, lineterminator=end, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return file.getvalue()


@given(
    rows=TABLE,
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    is_cut=st.booleans(),
    divider=st.sampled_from(",;\t"),
)
def test_rows_are_those_of_any_reader(
    rows: list[tuple[str, ...]], end: str, quoting: int, is_cut: bool, divider: str
) -> None:
    """Row by row, column by column, some rows, the last rows, and as they are written."""
    text = written(rows, end, quoting=quoting, divider=divider)
    lines = Lines((text.removesuffix(end) if is_cut else text).encode(), divider)
    plain = PlainCells(rows)
    assert list(lines) == rows
    assert [lines[place] for place in range(len(rows))] == rows
    assert lines.widths() == plain.widths()
    assert list(lines.some(range(0, len(rows), 2))) == rows[::2]
    assert list(lines.after(1)) == rows[1:]
    kept = lines.written()
    assert kept is not None
    begins = [0, *(end + 1 for end in kept.ends)]
    assert [
        kept.text[begin:end].decode() for begin, end in zip(begins, kept.ends, strict=False)
    ] == list(map(row_written, rows))
    for index in range(len(rows[0])):
        assert lines.column(index) == plain.column(index)
        assert lines.lines(index).replace(b'""', b'"') == plain.lines(index)
        assert lines.picked(index, range(0, len(rows), 2)) == plain.column(index)[::2]


@given(rows=TABLE)
def test_a_cell_that_shows_nothing_is_found(rows: list[tuple[str, ...]]) -> None:
    """Cells that are blank, whatever they are made of, are among those that are named."""
    lines = Lines(written(rows, "\n").encode(), ",")
    for index in range(len(rows[0])):
        empty, other = lines.empty(index)
        for place, row in enumerate(rows):
            if not row[index].strip("\u200b\ufeff\x01 \t\u00a0"):
                assert place in (*empty, *other)
            if place in empty:
                assert row[index] == ""


SOUND = (
    "a,b\n1,2\n",
    "a,b\r\n1,2",
    'a,b\n"1",""\n',
    'a,b\n"1,""2""",\n',
    "\ufeffa,b\n1,é\n",
)
#: Each of these is read in different ways by different programs, or needs to be mended or refused.
ODD = {
    "ragged": "a,b\n1\n",
    "blank line": "a,b\n\n1,2\n",
    "line end in a cell": 'a,b\n"1\n2",3\n',
    "carriage return alone": "a,b\r1,2\r",
    "carriage return in a cell": 'a,b\n"1\r2",3\n',
    "quote within a cell": 'a,b\n1"2,3\n',
    "text behind a quotation": 'a,b\n"1"2,3\n',
    "quotation behind a blank": 'a,b\n "1",2\n',
    "never closed": 'a,b\n"1,2\n',
    "sep": "sep=,\na,b\n1,2\n",
    "Ctrl-Z": "a,b\n1,2\n\x1a",
    "long line": f"a,b\n{'1' * 200_000},2\n",
}


def surveyed(path: Path, text: str) -> object:
    path.write_text(text, encoding="utf-8", newline="")
    with path.open(encoding="utf-8", newline="") as file:
        return regular.survey(path, file, "utf-8", ",")


@pytest.mark.parametrize("text", SOUND)
def test_what_a_program_exports_is_regular(tmp_path: Path, text: str) -> None:
    """One line a row, as many cells in each, quotation marks where RFC 4180 has them."""
    assert surveyed(tmp_path / "list.csv", text) is not None


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_what_could_be_read_in_two_ways_is_not(tmp_path: Path, text: str) -> None:
    """The strict reader decides what becomes of it."""
    assert surveyed(tmp_path / "list.csv", text) is None
