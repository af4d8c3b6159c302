"""Text that others wrote, made safe to show: in a spreadsheet and on a terminal."""

from __future__ import annotations

import re

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
