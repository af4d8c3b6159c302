"""Text that others wrote is safe to show, and comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchdial.rules.cells import mask_email, mask_number, neutralise, printable, restore

#: Text in which the dangerous signs are frequent.
CELLS = st.one_of(st.text(), st.text(alphabet="'=+-@\t\r\n0 1A,."))
NUMBERS = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)


@given(cell=CELLS)
@example(cell="'=1+1")
@example(cell="''''@x")
@example(cell="'+447911123456")
def test_a_neutralised_cell_is_restored(cell: str) -> None:
    """Whatever it was, an apostrophe of the user's own included."""
    assert restore(neutralise(cell)) == cell


@given(cell=CELLS)
@example(cell="=cmd|' /C calc'!A0")
@example(cell="+1\n")
@example(cell="-1\r=1")
def test_what_is_written_is_no_formula(cell: str) -> None:
    """A cell begins with no sign that a spreadsheet runs, unless it is a plain number."""
    written = neutralise(cell)
    signed = written[:1] in {"=", "+", "-", "@", "\t", "\r"} and written != ""
    digits = written[1:].replace(".", "", 1).replace(",", "", 1)
    assert not signed or (written[0] in "+-" and digits.isascii() and digits.isdigit())


@given(number=NUMBERS)
def test_a_number_in_e164_is_left_alone(number: str) -> None:
    """A column of numbers can be used as it is."""
    assert neutralise(number) == number == restore(number)


@given(text=st.text(st.characters()), limit=st.integers(0, 300))
def test_what_is_printed_is_one_harmless_line(text: str, limit: int) -> None:
    """No control character, no escape, no surrogate, no bidirectional trick."""
    shown = printable(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit
    assert shown == shown.strip() or len(shown) == limit
    shown.encode()


def test_a_long_text_is_not_read_to_its_end() -> None:
    """A body of megabytes costs no more than a line."""
    assert printable("x" * 10_000_000, 5) == "xxxxx"


@pytest.mark.parametrize(
    ("number", "masked"),
    [("+12025550123", "+12025••••23"), ("+1202555", "••••"), ("", "••••")],
)
def test_a_number_is_masked(number: str, masked: str) -> None:
    """Enough to tell it from another, not enough to dial it."""
    assert mask_number(number) == masked


@pytest.mark.parametrize(
    ("address", "masked"),
    [("ann@example.com", "a•••@example.com"), ("@x", "•••@x"), ("ann", "•••"), ("", "•••")],
)
def test_an_address_is_masked(address: str, masked: str) -> None:
    """What is no address is masked whole."""
    assert mask_email(address) == masked
