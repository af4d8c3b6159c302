"""
What the lines of a do-not-call file mean: numbers, and beginnings of numbers.

A contact whose number leaves doubt is not called; here doubt works the other way. Every
number that a line may mean is one that must not be called, and a line that may mean none
is a problem. A number needs no range in use: who blocks one that is not lent out yet is right.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from batchdial.lists.damage import read_cell
from batchdial.lists.glance import Regions, certain_numbers
from batchdial.lists.parsing import length_reason, opening, opens_at_home, parse, region_code
from batchdial.lists.plans import certain_number
from batchdial.lists.sentences import DETAILS
from batchdial.lists.sources import BLANKS
from batchdial.models import in_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

#: Numbers of ten digits are written without their country in North America more than anywhere.
_UNSAID: Final = "US"
_TEN: Final = 10
#: Digits of a number, at most (ITU-T E.164).
_MOST = 15
_PREFIX = re.compile(r"(.*?)\s*(?:\*|\u2026|\.\.\.)\s*")
_WRITTEN = re.compile(r"\+?[0-9 ()./-]*[0-9][0-9 ()./-]*")
_NOT_DIGIT = re.compile(r"[^0-9]")


class Entry(NamedTuple):
    """What one line means."""

    numbers: frozenset[str] = frozenset()  #: E.164 of all that it may mean
    prefix: str = ""  #: `+4479`: all numbers that begin so
    problem: str = ""  #: why it cannot be understood, in a sentence that cites no digit


def read_entry(text: str, region: str | None = None) -> Entry:
    """
    What a line, or a cell, of a do-not-call file means.

    Args:
        text: Not blank.
        region: ISO code of the country of numbers without a plus.
    """
    text = text.strip(BLANKS)
    beginning = _PREFIX.fullmatch(text)
    if beginning is not None:
        return _prefix(beginning[1])
    certain = certain_number(text, region)
    if certain:
        return Entry(frozenset({certain}))
    cell = read_cell(text)
    if cell.reason:
        return _problem(cell.reason)
    if cell.digits[0] == "+":
        return _one_of([_from_abroad(cell.digits)])
    return _without_plus(cell.digits, region)


def _without_plus(digits: str, region: str | None) -> Entry:
    home = region or (_UNSAID if len(digits) == _TEN and digits[0] != "0" else None)
    readings = [_parsed(digits, region_code(home))] if home else []
    if digits[0] != "0":
        readings.append(_from_abroad("+" + digits))
    elif digits.startswith("00") and not region:
        readings.append(_from_abroad("+" + digits[2:]))
    return _one_of(readings) if readings else _problem("needs_region")


def _one_of(readings: Sequence[tuple[str, str]]) -> Entry:
    """All numbers among some readings; a problem only where none of them is one."""
    numbers = frozenset(number for number, _ in readings if number)
    return Entry(numbers) if numbers else _problem(readings[0][1])


def _from_abroad(digits: str) -> tuple[str, str]:
    """The number that a plus and digits are, or the reason why they are none."""
    return ("", "bad_prefix") if digits[1:2] == "0" else _parsed(digits, None)


def _parsed(digits: str, region: str | None) -> tuple[str, str]:
    number = parse(digits, region)
    if isinstance(number, str):
        return "", number
    e164 = f"+{number.code}{number.national}"
    reason = length_reason(number) or ("too_long" if len(e164) > _MOST + 1 else "")
    return ("", reason) if reason else (e164, "")


def _prefix(text: str) -> Entry:
    """The beginning of numbers, as `+44 79`."""
    digits = _NOT_DIGIT.sub("", text)
    if not _WRITTEN.fullmatch(text) or len(digits) > _MOST:
        return Entry(problem="The beginning of numbers is written as +4479*.")
    if text.startswith("00") and len(digits) > 2:
        return Entry(prefix="+" + digits[2:])
    if text.startswith("+") and digits[0] != "0":
        return Entry(prefix="+" + digits)
    return Entry(problem="The beginning of numbers needs a plus and a country code, as +4479*.")


def _problem(reason: str) -> Entry:
    sentence = DETAILS.get(reason, DETAILS["not_a_number"])
    return Entry(problem=sentence.format(cell="It", region="Its region", readings="another"))


def read_entries(
    texts: Sequence[str], region: str | None = None
) -> tuple[Numbers, list[tuple[int, Entry]]]:
    """
    What many lines mean, each as `read_entry` has it.

    Args:
        texts: The lines, or the cells of a column.
        region: ISO code of the country of numbers without a plus.

    Returns:
        The digits of numbers in E.164 as integers, in no order; and of every line that
        is neither a plain number nor blank its place and what it means.
    """
    read: list[int] = []
    others: list[int] = []
    for place, text in enumerate(texts):
        start, lengths, has_trunk = _OPENINGS[text[:4]]
        if len(text) in lengths and text[1:].isdecimal() and not has_trunk(text, start):
            read.append(int(text))
        elif text.strip(BLANKS):
            others.append(place)
    certain = np.zeros(0, np.int64)
    if others and region:
        certain = _certain([texts[place] for place in others], region)
        others = [others[at] for at in np.flatnonzero(certain == 0).tolist()]
    told: list[tuple[int, Entry]] = []
    for place in others:
        numbers = _digits_alone(texts[place], region)
        entry = read_entry(texts[place], region) if not numbers else None
        if entry is not None and (entry.prefix or entry.problem):
            told.append((place, entry))
        else:
            read += map(int, numbers or (entry.numbers if entry else ()))
    return np.append(np.array(read, np.int64), certain[certain > 0]), told


def _never(text: str, start: int) -> bool:  # noqa: ARG001 (stands for a pattern's match)
    return False


class _Openings(dict[str, tuple[int, frozenset[int], "Callable[[str, int], object]"]]):
    """
    What a plus and three digits tell of the text that begins so.

    Where the national number begins, how long the text may be, and what finds a trunk prefix.
    """

    def __missing__(self, start: str) -> tuple[int, frozenset[int], Callable[[str, int], object]]:
        is_begun = start[:1] == "+" and start.isascii() and start[1:].isdecimal()
        found = opening(start[1:]) if is_begun else None
        if found is None:
            return 0, frozenset(), _never
        lengths = frozenset(length + 1 for length in found.lengths if length <= _MOST)
        told = self[start] = (len(found.code) + 1, lengths, found.trunk)
        return told


_OPENINGS: Final = _Openings()


def _digits_alone(text: str, region: str | None) -> list[str]:
    """What digits without a plus mean, where it takes no parsing; else nothing."""
    if not text.isdecimal() or not text.isascii() or text[0] == "0":
        return []
    plus = "+" + text
    start, lengths, has_trunk = _OPENINGS[plus[:4]]
    if lengths and has_trunk(plus, start):
        return []
    abroad = [plus] if len(plus) in lengths else []
    if region is None and len(text) != _TEN:
        return abroad
    home = opens_at_home(region or _UNSAID)
    if home is None:
        return abroad
    if home.trunk(text, 0):
        is_abroad = text.startswith(home.code) and len(text) > max(home.lengths)
        return abroad if is_abroad else []
    return [f"+{home.code}{text}", *abroad] if len(text) in home.lengths else abroad


def _certain(cells: Sequence[str], region: str) -> Numbers:
    return certain_numbers(in_lines(cells), Regions([region], np.zeros(len(cells), np.intp)))
