"""What a spreadsheet shows for a whole number under a format such as 00000000000 or "+"0."""

from __future__ import annotations

import re

#: A literal in quotes or behind a backslash, a space as wide as a letter, a fill, a digit's place.
_TOKEN = re.compile(r'"([^"]*)"|\\(.)|_(.)|\*(.)|([0#?])|([ +()/-])|(.)', re.DOTALL)
_CONDITION = re.compile(r"\[[^\]]*\]")


def shown(value: int, pattern: str) -> str | None:
    """
    The text of a whole number as its cell shows it.

    Args:
        value: The number, not negative.
        pattern: The cell's number format.

    Returns:
        The text, or None for a format with decimals, thousands, dates or
        exponents, and for one that adds nothing to the digits.
    """
    places: list[str] = []  # "0", "#" or a literal with a mark before it
    for quoted, escaped, _, _, digit, literal, other in _TOKEN.findall(
        _CONDITION.sub("", pattern).split(";")[0]
    ):
        if other:
            return None
        if digit:
            places.append(digit)
        elif quoted or escaped or literal:
            places.append("'" + (quoted or escaped or literal))
    slots = [index for index, place in enumerate(places) if place in "0#?"]
    if not slots or places in (["0"], ["#"]) or value < 0:
        return None
    return _filled(places, slots, str(value))


def _filled(places: list[str], slots: list[int], digits: str) -> str:
    """The literals, and the digits in their places from the right."""
    shown_: list[str] = []
    left = digits
    for index in range(len(places) - 1, -1, -1):
        place = places[index]
        if place.startswith("'"):
            shown_.append(place[1:])
        elif index == slots[0]:
            shown_.append(left or ("0" if place == "0" else ""))
        else:
            shown_.append(left[-1:] or ("0" if place == "0" else ""))
            left = left[:-1]
    return "".join(reversed(shown_))
