"""Text that others wrote is safe to show, and comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchdial.rules.cells import (
    is_reprint,
    mask_email,
    mask_number,
    neutralise,
    printable,
    restore,
)

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


@pytest.mark.parametrize(
    ("original", "cell"),
    [
        ("+447911123456", "447911123456"),
        ("07911123456", "7911123456"),
        ("447911123456.0", "447911123456"),
        ("4.47E+11", "447000000000"),
        ("447911123456", "4.47911E+11"),
        ("+447911123456", "4,47911E+11"),
        ("00123", "123"),
        ("-5.0", "-5"),
        ("1.50", "1.5"),
        ("000", "0"),
    ],
)
def test_what_a_spreadsheet_makes_of_a_number(original: str, cell: str) -> None:
    """Plus, zeros, exponent and digits that were lost on the way are told from a correction."""
    assert is_reprint(cell, original)


@pytest.mark.parametrize(
    ("original", "cell"),
    [
        ("7911123456", "07911123456"),  # who adds a zero is a person
        ("447911123456", "+447911123456"),
        ("4.47E+11", "447911123456"),
        ("447911123456", "4.49E+11"),
        ("7911123456", "7911123457"),
        ("00123", "00123"),
        ("Ann", "Ben"),
        ("", "0"),
        ("123", ""),
        ("1/2", "2"),
    ],
)
def test_a_correction_is_no_reprint(original: str, cell: str) -> None:
    """Whatever a spreadsheet cannot have made by itself is what a person wanted."""
    assert not is_reprint(cell, original)


@given(number=st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), zeros=st.integers(0, 3))
def test_a_number_left_to_a_spreadsheet_is_known_again(number: str, zeros: int) -> None:
    """As a whole and as an exponent with any number of digits; with another digit it is not."""
    original = "+" + number if zeros == 0 else "0" * zeros + number
    assert is_reprint(number, original)
    for digits in range(len(number)):
        assert is_reprint(f"{int(number):.{digits}E}", original)
    other = str(9 - int(number[0]) or 1) + number[1:]
    assert is_reprint(other, original) == (other == number)
