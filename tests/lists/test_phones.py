"""One cell: the number in it, or the reason why there is none."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdial.lists.parsing import region_code
from batchdial.lists.phones import NUMBER_TYPES, read_number
from batchdial.lists.sentences import DETAILS
from batchdial.models import CallStatus

US = "+12025550123"

EXAMPLES = sorted(
    {
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        for region in phonenumbers.SUPPORTED_REGIONS
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
        if (number := phonenumbers.example_number_for_type(region, kind)) is not None
    }
)


@pytest.mark.parametrize(
    ("cell", "region", "e164"),
    [
        (US, None, US),
        ("+1 (202) 555-0123", None, US),
        ("(202) 555-0123", "US", US),
        ("202.555.0123", "us", US),
        ("1-202-555-0123", "US", US),
        ("(+1) 202 555 0123", None, US),
        ("'+12025550123", None, US),
        ('="+12025550123"', None, US),
        ("＋１ ２０２ ５５５ ０１２３", None, US),  # noqa: RUF001
        ("+١٢٠٢٥٥٥٠١٢٣", None, US),
        ("+۱۲۰۲۵۵۵۰۱۲۳", None, US),
        ("\ufeff+1\u00a0202\u2013555\u20110123\u200e", None, US),
        ("12025550123.0", "US", US),
        ("1.2025550123E+10", "US", US),
        ("+44 (0)7400 123456", None, "+447400123456"),
        ("07400 123456", "UK", "+447400123456"),
        ("00447400123456", "GB", "+447400123456"),
        ("447400123456.0", "GB", "+447400123456"),
        ("4.47400123456E+11", "GB", "+447400123456"),
        ("7400123456", "GB", "+447400123456"),
        ("030/23125001", "DE", "+493023125001"),
        ("+43/664/1234567", None, "+436641234567"),
        ("01.23.45.67.00", "FR", "+33123456700"),
    ],
)
def test_readable(cell: str, region: str | None, e164: str) -> None:
    """Usual spellings and damage that can be undone exactly give the number."""
    verdict = read_number(cell, region)
    assert (verdict.status, verdict.e164) == (CallStatus.PENDING, e164)


@pytest.mark.parametrize(
    ("cell", "region", "reason"),
    [
        ("", "GB", "empty"),
        (" \u00a0\u200b", "GB", "empty"),
        ("07400123456", None, "needs_region"),
        ("447400123456", None, "needs_region"),
        ("447400123456.0", None, "needs_region"),
        ("0044 7400 123456", None, "needs_region"),
        ("07400123456", "Britain", "bad_region"),
        ("07400123456", "XX", "bad_region"),
        ("4.474E+11", "GB", "excel_scientific"),
        ("4,474E+11", "GB", "excel_scientific"),
        ("4E11", "GB", "excel_scientific"),
        ("030 1234567.0", "DE", "decimal"),
        ("0301234567.0", "DE", "decimal"),
        ("030 1234567.00", "DE", "decimal"),
        ("1. 030 1234567", "DE", "list_mark"),
        ("(2) 0301234567", "DE", "list_mark"),
        ("0301234567 (2)", "DE", "list_mark"),
        ("030 1234567 ²", "DE", "not_a_number"),
        ("*31#+12025550123", None, "dial_code"),
        ("0+12025550123", None, "bad_prefix"),
        ("-", "GB", "not_a_number"),
        ("0664 123456 (mum)", "AT", "letters"),
        ("1-800-FLOWERS", "US", "letters"),
        ("n/a", "US", "not_a_number"),
        ("+12025550123 / +12025550124", None, "several_numbers"),
        ("+12025550123;+12025550124", None, "several_numbers"),
        ("2025550123\n2025550124", "US", "several_numbers"),
        ("+12025550123 +12025550124", None, "several_numbers"),
        ("030 1234567/68", "DE", "several_numbers"),
        ("+1 202 555 0123 ext. 5", None, "extension"),
        ("+12025550123x5", None, "extension"),
        ("+12025550123,,5#", None, "extension"),
        ("+1 202 555", None, "too_short"),
        ("5550123", "US", "too_short"),
        ("+120255501234", None, "too_long"),
        ("+1 000 000 0000", None, "not_valid"),
        ("+999 12345678", None, "not_valid"),
        ("447911123456", "DE", "ambiguous"),
        ("2 0301234567", "DE", "ambiguous"),
    ],
)
def test_unreadable(cell: str, region: str | None, reason: str) -> None:
    """Each damage has its own word, no number, and a sentence on the way out."""
    verdict = read_number(cell, region)
    assert (verdict.status, verdict.e164, verdict.reason) == (CallStatus.INVALID, None, reason)
    assert verdict.detail.endswith((".", "GB."))


def test_lost_digits_are_explained() -> None:
    """The one damage nobody can undo names its cause and the remedy."""
    assert read_number("4.47911E+11", "GB").detail == (
        '"4.47911E+11" lost its last digits when the sheet was saved. Format the column as text '
        "in the original and export again; the number cannot be restored from this file."
    )


@pytest.mark.parametrize(
    "cell",
    [
        "447400123456.0",
        "4.47400123456E+11",
        "447400123456",
        "7400123456",
        "Tel: 07400 123456",
        '="07400123456"',
        "'07400123456",
        "++447400123456",
        "\uff10\uff17\uff14\uff10\uff10 123456",
        "07400 123456;",
    ],
)
def test_undone_damage_is_said(cell: str) -> None:
    """A number that had to be mended is told beside the original."""
    verdict = read_number(cell, "GB")
    assert verdict.e164 == "+447400123456"
    assert verdict.detail.endswith(" was read as +447400123456.")


@pytest.mark.parametrize(
    "cell",
    ["+44 7400 123456", "07400\u00a0123456", "0044 (0)7400-123456", "\u200e07400\u2013123456 "],
)
def test_usual_spellings_are_not_worth_a_word(cell: str) -> None:
    """Blanks, dashes and invisible marks are no damage."""
    verdict = read_number(cell, "GB")
    assert (verdict.e164, verdict.detail) == ("+447400123456", "")


def test_a_long_cell_is_not_searched() -> None:
    """Ten megabytes in a cell cost no time and make no long sentence."""
    for cell in ("1" * 10_000_000, "\u0661 " * 5_000_000, "x1 " * 3_000_000):
        verdict = read_number(cell, "GB")
        assert verdict.reason == "not_a_number"
        assert len(verdict.detail) < 200


def test_every_reason_has_a_sentence() -> None:
    """Whatever word a cell gets, there is a way to mend it."""
    for reason, sentence in DETAILS.items():
        assert sentence.endswith("."), reason
        assert "{cell}" in sentence or reason in ("empty", "bad_region"), reason


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("+19002345678", "premium"),
        ("+18002345678", "toll_free"),
        ("+80012345678", "toll_free"),
        ("+34901123456", "shared_cost"),
        ("+870773111632", "satellite"),
        ("+881612345678", "satellite"),
        ("+445512345678", "uan"),
        ("+447640123456", "pager"),
        ("+3933101234501", "voicemail"),
        ("+447012345678", "personal"),
    ],
)
def test_costly_kinds_are_not_dialled_unasked(cell: str, kind: str) -> None:
    """They are valid numbers, and only --allow-types makes them contacts."""
    assert kind in NUMBER_TYPES
    verdict = read_number(cell, None)
    assert (verdict.status, verdict.reason) == (CallStatus.SUPPRESSED, "number_type")
    assert f"--allow-types {kind}" in verdict.detail
    assert read_number(cell, None, frozenset({kind})).status is CallStatus.PENDING


@pytest.mark.parametrize(("cell", "region"), [("911", "US"), ("112", "DE"), ("999", "GB")])
def test_emergency_numbers_are_never_dialled(cell: str, region: str) -> None:
    """No flag allows them."""
    verdict = read_number(cell, region, frozenset(NUMBER_TYPES))
    assert (verdict.status, verdict.e164) == (CallStatus.SUPPRESSED, None)


@pytest.mark.parametrize(
    ("text", "code"), [("gb", "GB"), (" UK ", "GB"), ("DE", "DE"), ("EN", None), ("", None)]
)
def test_region_code(text: str, code: str | None) -> None:
    """Two letters in any case; nothing is guessed from names."""
    assert region_code(text) == code


@given(st.sampled_from(EXAMPLES), st.sampled_from([None, "US", "DE", "GB", "IT"]))
def test_clean_numbers_are_read_as_phonenumbers_does(e164: str, region: str | None) -> None:
    """For a number in E.164 nothing is added and nothing refused."""
    verdict = read_number(e164, region, frozenset(NUMBER_TYPES))
    assert (verdict.status, verdict.e164) == (CallStatus.PENDING, e164)


@given(st.sampled_from(EXAMPLES), st.sampled_from(["US", "DE", "GB", "IT", "AT", "FI"]))
def test_lost_digits_never_yield_a_number(e164: str, region: str) -> None:
    """Whatever Excel rounded away, no number comes out of the rest."""
    digits = e164[1:]
    for kept in range(1, len(digits) - 1):
        cell = f"{digits[0]}.{digits[1:kept]}E+{len(digits) - 1}".replace(".E", "E")
        assert read_number(cell, region).reason == "excel_scientific"


DAMAGE = st.sampled_from(
    ["{}.0", "{} (2)", "2. {}", "2) {}", "{} x5", "{} (mum)", "{} / {}", "{},,1", "{}\n{}", "{};{}"]
)


@given(
    st.sampled_from(EXAMPLES), DAMAGE, st.sampled_from([None, "US", "DE", "GB", "IT", "AT", "FI"])
)
def test_damage_never_yields_another_number(e164: str, damage: str, region: str | None) -> None:
    """The number itself or none: never somebody else's."""
    national = phonenumbers.format_number(
        phonenumbers.parse(e164), phonenumbers.PhoneNumberFormat.NATIONAL
    )
    own = phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    assert read_number(damage.format(e164, e164), region).e164 in (None, e164)
    assert read_number(damage.format(national, national), own).e164 in (None, e164)


@given(st.sampled_from(EXAMPLES), st.sampled_from(["DE", "AT", "FI", "GB", "FR", "SE", "AU"]))
def test_lost_plus_never_yields_another_number(e164: str, region: str) -> None:
    """Where a leading zero is usual, digits without plus and zero are taken only if certain."""
    found = read_number(e164[1:], region, frozenset(NUMBER_TYPES)).e164
    assert found in (None, e164)


@given(st.sampled_from(EXAMPLES), st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)))
def test_number_cells_never_yield_another_number(e164: str, region: str) -> None:
    """What a sheet stored as a number has lost its plus in any country."""
    found = read_number(f"{e164[1:]}.0", region, frozenset(NUMBER_TYPES)).e164
    assert found in (None, e164)


@given(
    st.text(max_size=20) | st.from_regex(r"[0-9+() ./\-eEx,;]{0,24}"),
    st.sampled_from([None, "US", "DE"]),
)
def test_any_text_has_a_verdict(cell: str, region: str | None) -> None:
    """No cell is an accident, and every number that comes out is a valid one."""
    verdict = read_number(cell, region, frozenset(NUMBER_TYPES))
    if verdict.status is CallStatus.PENDING:
        assert verdict.e164 is not None
        assert phonenumbers.is_valid_number(phonenumbers.parse(verdict.e164))
    else:
        assert verdict.reason
        assert verdict.detail
