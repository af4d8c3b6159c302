"""Text that others wrote, made safe to show: in a spreadsheet and on a terminal."""

from __future__ import annotations

import re
from decimal import Decimal

#: What spreadsheets take for the start of a formula (OWASP, "CSV Injection").
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
#: A signed number, phone numbers in E.164 included: shown by a spreadsheet, never run.
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")


def neutralise(cell: str) -> str:
    """The cell as it is safe to open in a spreadsheet; `restore` gives back the original."""
    if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return "'" + cell
    return cell


def restore(cell: str) -> str:
    """The original of a cell that `neutralise` wrote."""
    if cell.startswith("'") and _FORMULA.match(cell):
        return cell[1:]
    return cell


def is_reprint(cell: str, original: str) -> bool:
    """
    Whether a cell is what a spreadsheet makes of a number that was left to it.

    It drops a plus, leading zeros and decimals of nothing, writes an exponent out, or
    keeps as many digits as its column is wide. It never adds a zero or a plus: who
    does that is a person, and the cell is a correction.
    """
    before = _NUMERIC.fullmatch(original.strip())
    after = _REPRINTED.fullmatch(cell.strip())
    if not before or not after or cell.strip() == original.strip():
        return False
    was, is_now = _decimal(before[0]), _decimal(after[0])
    if after["exponent"] is None:
        return was == is_now
    digits = len((after["whole"] + (after["part"] or "")).lstrip("-"))
    last_digit = Decimal(1).scaleb(was.adjusted() - digits + 1)
    return 2 * abs(is_now - was) <= last_digit


#: What a spreadsheet takes for a number, and how it writes one by itself.
_NUMERIC = re.compile(r"[+-]?[0-9]{1,30}(?:[.,][0-9]{1,30})?(?:[eE]\+?[0-9]{1,2})?")
_REPRINTED = re.compile(
    r"(?P<whole>-?(?:0|[1-9][0-9]{0,30}))(?:[.,](?P<part>[0-9]{1,30}))?"
    r"(?P<exponent>[eE]\+?[0-9]{1,2})?"
)


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))


def printable(text: str, limit: int = 200) -> str:
    """One line of at most `limit` characters, without control characters and surrogates."""
    kept = (sign if sign.isprintable() else " " for sign in text[: 4 * limit])
    return " ".join("".join(kept).split())[:limit]


def mask_number(number: str) -> str:
    """Enough of a number to tell it from another, not enough to dial it."""
    return f"{number[:6]}••••{number[-2:]}" if len(number) > 8 else "••••"


def mask_email(address: str) -> str:
    """`a•••@example.com`."""
    name, at, host = address.partition("@")
    return f"{name[:1]}•••{at}{host}" if at else "•••"
