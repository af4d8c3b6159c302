"""
Read one cell as a phone number: E.164, or the exact reason why not.

Text reaches phonenumbers only as an optional plus and ASCII digits. Given more,
its parser turns letters into digits, joins a second number on, and makes another
person's number out of "030 1234567.0". What the digits may have been before a
sheet took a plus or a zero away is asked too: if that is somebody else's number,
none is taken.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import phonenumbers
from phonenumbers import NumberParseException

from batchdial.lists.damage import read_cell
from batchdial.lists.numbercells import certain_number_cell
from batchdial.lists.parsing import Number, kind_of, parse, reason_of, region_code
from batchdial.lists.plans import certain_number
from batchdial.lists.sentences import DETAILS, quote
from batchdial.models import CallStatus, Verdict

if TYPE_CHECKING:
    from batchdial.lists.damage import Cell

#: Kinds of number that are dialled only where `--allow-types` names them.
NUMBER_TYPES: Final = (
    "premium",
    "toll_free",
    "shared_cost",
    "satellite",
    "uan",
    "pager",
    "voicemail",
    "personal",
)

#: Codes of satellite and other networks without a country (ITU-T E.164.1).
_SATELLITE = frozenset({870, 878, 881, 882, 883})
#: Digits after the plus, at most (ITU-T E.164).
_LONGEST = 15

_NOT_DIGIT = re.compile(r"[^0-9]")
#: "2 030 1234567": a mark in front of a number, or the start of the number.
_MARKED = re.compile(r"\(?([1-9][0-9]?)[ .)\-]+([0-9 (].*)", re.DOTALL)
#: Where a second number could begin: "0664 1234 0664 1235".
_SECOND = re.compile(r"(?<=[0-9)])[ ./-]+(?=\(?0[0-9])")
_ZERO_IN_BRACKETS = re.compile(r"\( *0 *\)")
#: How a sheet shows a number cell, with or without its thousands apart.
_LIKE_A_NUMBER_CELL = re.compile(r"[0-9]+|[0-9]{1,3}(?:[. ][0-9]{3})+")
_ABROAD = ("00", "011")


def _start() -> None:
    """Compiling the same patterns again and again would halve the speed."""
    enable = getattr(phonenumbers, "enable_pattern_cache", None)
    if enable is not None:
        enable()


_start()


def read_number(
    text: str, region: str | None, allow_types: frozenset[str] = frozenset()
) -> Verdict:
    """
    Decide what one cell holds.

    Damage that can be undone exactly is undone; where two readings are valid
    numbers of different people, none is taken.

    Args:
        text: The cell as it was read.
        region: ISO code of the country for numbers without a plus, if one is known.
        allow_types: Those of `NUMBER_TYPES` that may be dialled.

    Returns:
        PENDING with the number in E.164 and, in `detail`, what was undone;
        SUPPRESSED with reason `number_type`, or INVALID with the reason and
        what to do about it.
    """
    certain = certain_number(text, region)
    if certain:
        return Verdict(CallStatus.PENDING, certain)
    mended = _surely_mended(text, region)
    if mended:
        return Verdict(CallStatus.PENDING, mended, detail=_undone(text, mended))
    if text.startswith("00") and _is_surely_foreign(text, region):
        return _invalid("foreign_prefix", text)
    return judged(text, region, allow_types)


def _surely_mended(text: str, region: str | None) -> str | None:
    """The number in E.164 behind the most frequent damage; None decides nothing."""
    if text.startswith("tel:+"):
        return certain_number(text[4:], None)
    return certain_number_cell(text, region) if text.endswith("0") else None


def _is_surely_foreign(text: str, region: str | None) -> bool:
    """Whether digits are a certain number behind 00, in a country where they are none."""
    code = region_code(region) if region and text.isdecimal() and text.isascii() else None
    abroad = certain_number("+" + text[2:], None) if code else None
    return abroad is not None and _known(text, code)[0] is None


def judged(text: str, region: str | None, allow_types: frozenset[str] = frozenset()) -> Verdict:
    """The same for any text, the long way."""
    cell = read_cell(text)
    if cell.reason:
        return _invalid(cell.reason, text)
    if cell.digits[0] == "+":
        code = None
    elif not region or not region.strip():
        return _invalid("needs_region", text)
    else:
        code = region_code(region)
        if code is None:
            return _invalid("bad_region", text, region=quote(region))
        if _is_short(cell.digits, code):
            return _suppressed(None, "a short or emergency number; such numbers are never dialled")
    return _weighed(cell, code, text, allow_types)


def _weighed(cell: Cell, region: str | None, text: str, allow_types: frozenset[str]) -> Verdict:
    """The verdict on a plus and digits, or on digits and a region."""
    known, reason = _known(cell.digits, region)
    others, said = _other_readings(cell, region, known)
    if known is None:
        return _unread(reason, cell, text, others)
    e164 = known.e164
    if others - {e164}:
        return _invalid("ambiguous", text, readings=_or(others | {e164}))
    if region and said and cell.text[0] == _trunk_prefix(region) and cell.text[1] in " (-":
        return _invalid("too_short", text)  # its trunk prefix would be dialled as its first digit
    if _holds_two(cell, known):
        return _invalid("several_numbers", text)
    gate = "satellite" if known.number.code in _SATELLITE else known.kind
    if gate and gate not in allow_types:
        return _suppressed(
            e164, f"a {gate.replace('_', '-')} number. To dial such: --allow-types {gate}"
        )
    undone = _undone(text, e164) if cell.mended or said else ""
    return Verdict(CallStatus.PENDING, e164, detail=undone)


def _undone(text: str, e164: str) -> str:
    return f"{quote(text)} was read as {e164}."


def _unread(reason: str, cell: Cell, text: str, others: set[str]) -> Verdict:
    """The verdict on digits that are no number as they stand."""
    if others and cell.was_number:
        return _invalid("ambiguous" if len(others) > 1 else "lost_plus", text, readings=_or(others))
    alone = cell.digits[0] not in "+0" and cell.text.replace(" ", "").isdigit()
    lost = _known("+" + cell.digits, None)[0] if alone else None
    if lost:
        return _invalid("lost_plus", text, readings=lost.e164)
    if others and cell.digits.startswith(_ABROAD):
        return _invalid("foreign_prefix", text)
    return _invalid(reason, text)


def _other_readings(cell: Cell, region: str | None, known: _Known | None) -> tuple[set[str], bool]:
    """
    The valid numbers that the cell may have held before it was damaged.

    Digits alone may have lost a plus: for certain considered where they begin with
    the country's own code, or are not written as that country writes its numbers
    (447911123456 is a British number, and with --region DE also a valid German one).
    A cell of nothing but digits may have been a number cell, which has lost its
    leading zero; where a zero belongs to the number, as in Italy, that is another one.

    Returns:
        The readings, and whether the text lacks a plus or a zero that it should have.
    """
    texts = set()
    digits = cell.digits
    damaged = False
    if "(" in cell.text and _ZERO_IN_BRACKETS.search(cell.text):
        without = _NOT_DIGIT.sub("", _ZERO_IN_BRACKETS.sub("", cell.text, count=1))
        texts.add("+" + without if digits[0] == "+" else without)
    if region is not None and digits.startswith(_ABROAD):
        # In Singapore 004 leads abroad, in the Seychelles 01: read there as a prefix alone.
        if digits[1] == "0" or not known or not _is_national(digits, known, region):
            texts.add("+" + digits.removeprefix("011" if digits[1] == "1" else "00"))
    elif region is not None and digits[0] != "0" and (known or cell.was_number):
        damaged = cell.was_number or known is None or not _is_national(digits, known, region)
        if damaged or digits.startswith(_country_code(region)):
            texts.add("+" + digits)
        if cell.was_number or _may_lack_a_zero(cell, region):
            texts.add("0" + digits)
        texts |= _after_mark(cell)
    return {found[0].e164 for one in texts if (found := _known(one, region))[0]}, damaged


def _may_lack_a_zero(cell: Cell, region: str) -> bool:
    """Whether a cell may have been a number cell where a leading zero is part of the number."""
    is_significant = _trunk_prefix(region) not in ("0", "1")
    return is_significant and _LIKE_A_NUMBER_CELL.fullmatch(cell.text) is not None


def _after_mark(cell: Cell) -> set[str]:
    """The digits behind what may be a list mark: 2 030 1234567."""
    marked = None if cell.text.isdigit() else _MARKED.fullmatch(cell.text)
    if marked is None:
        return set()
    rest = _NOT_DIGIT.sub("", marked[2])
    is_short = len(marked[1]) == 1 and 3 < len(rest) < 7  # as long as numbers are on Ascension
    return {rest} if rest.startswith("0") or len(rest) > 6 or is_short else set()


def _is_national(digits: str, known: _Known, region: str) -> bool:
    """Whether the country itself writes these digits, with its trunk prefix where it has one."""
    if _trunk_prefix(region) == "1":
        return known.e164 in ("+" + digits, "+1" + digits)
    number = known.number.as_phonenumber()
    form = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return _NOT_DIGIT.sub("", form) == digits


@lru_cache(maxsize=512)
def _country_code(region: str) -> str:
    return str(phonenumbers.country_code_for_region(region))


@lru_cache(maxsize=512)
def _trunk_prefix(region: str) -> str:
    return phonenumbers.ndd_prefix_for_region(region, True) or ""


def _holds_two(cell: Cell, known: _Known) -> bool:
    """Whether a cell falls into two parts that are each a valid number."""
    if len(cell.digits) < 10 or cell.text == cell.digits:
        return False
    for gap in _SECOND.finditer(cell.text):
        first, second = cell.text[: gap.start()], _NOT_DIGIT.sub("", cell.text[gap.end() :])
        first = ("+" if "+" in first else "") + _NOT_DIGIT.sub("", first)
        region = phonenumbers.region_code_for_country_code(known.number.code)
        if len(second) > 4 and _known(second, region)[0] and _known(first, region)[0]:
            return True
    return False


class _Known(NamedTuple):
    """A valid number."""

    number: Number
    kind: str  #: one of NUMBER_TYPES; empty for one that anybody dials
    e164: str


def _known(digits: str, region: str | None) -> tuple[_Known | None, str]:
    """The valid number that digits are, or the reason why they are none."""
    number = parse(digits, region)
    if isinstance(number, str):
        return None, number
    kind = kind_of(number)
    if kind is None:
        return None, reason_of(number)
    e164 = f"+{number.code}{number.national}"
    if len(digits) < len(number.national):
        return None, "too_short"  # an area code was made up
    return (None, "too_long") if len(e164) > _LONGEST + 1 else (_Known(number, kind, e164), "")


def _is_short(digits: str, region: str) -> bool:
    """Whether a phone in the region would reach an emergency or short-code service."""
    if len(digits) > 8:
        return False
    if phonenumbers.is_emergency_number(digits, region):
        return True
    try:
        number = phonenumbers.parse(digits, region)
    except NumberParseException:
        return False
    return phonenumbers.is_valid_short_number_for_region(number, region)


def _or(readings: set[str]) -> str:
    return " or ".join(sorted(readings))


def _invalid(reason: str, text: str, **more: str) -> Verdict:
    detail = DETAILS[reason].format(cell=quote(text), **more)
    return Verdict(CallStatus.INVALID, None, reason, detail)


def _suppressed(e164: str | None, what: str) -> Verdict:
    return Verdict(CallStatus.SUPPRESSED, e164, "number_type", f"This is {what}.")
