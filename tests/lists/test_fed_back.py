"""A results file of ours comes back, perhaps from a spreadsheet and with corrections."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from batchdial.lists.loader import open_list
from batchdial.models import FIRST_COLUMNS, RESULT_COLUMNS
from batchdial.rules.cells import neutralise, restore

from .conftest import FIRST

if TYPE_CHECKING:
    from .conftest import Write

FIRST_PRIOR = ("failed", "", "rate_limited", "Try again.", FIRST, "2", "", "leads", "7")
PRIOR = (*FIRST_PRIOR, "ivr", "12", "https://recordings.example.com/1.mp3")


def results(*cells: str, header: tuple[str, ...] = ("phone", "note"), old: bool = False) -> str:
    text = io.StringIO(newline="")
    ours, prior = (FIRST_COLUMNS, FIRST_PRIOR) if old else (RESULT_COLUMNS, PRIOR)
    csv.writer(text).writerows([(*header, *ours), (*cells, *prior)])
    return text.getvalue()


def test_results_columns_are_taken_off(write: Write) -> None:
    """The input's own columns are the list; the others are the row's past."""
    opened = open_list(write(results(FIRST, "hello")))
    assert opened.reading.is_results
    assert opened.reading.header == ("phone", "note")
    (row,) = opened.sample
    assert row.cells == (FIRST, "hello")
    assert row.prior == dict(zip(RESULT_COLUMNS, PRIOR, strict=True))


def test_a_file_of_before_outcomes(write: Write) -> None:
    """It is one of ours without them; a column of that name is the list's own."""
    opened = open_list(write(results(FIRST, "sold", header=("phone", "outcome"), old=True)))
    assert opened.reading.is_results
    assert opened.reading.header == ("phone", "outcome (input)")
    (row,) = opened.sample
    assert row.cells == (FIRST, "sold")
    assert row.prior == dict(zip(FIRST_COLUMNS, FIRST_PRIOR, strict=True))


def test_formulas_get_their_original_text_back(write: Write) -> None:
    """What was made harmless for a spreadsheet reaches the API as it was."""
    (row,) = open_list(write(results("'@ada", neutralise("=1+1")))).sample
    assert row.cells == ("@ada", "=1+1")


def test_other_files_keep_their_apostrophes(write: Write) -> None:
    """Only a file of ours is restored, and only one with all nine columns is of ours."""
    (row,) = open_list(write("phone,status,row\n'=1,new,x\n")).sample
    assert (row.cells, row.prior) == (("'=1", "new", "x"), None)


@given(st.text(max_size=20) | st.from_regex(r"'*[=+\-@\t\r].*"))
def test_neutralising_is_reversible(cell: str) -> None:
    """No cell is lost by making it harmless."""
    assert restore(neutralise(cell)) == cell
