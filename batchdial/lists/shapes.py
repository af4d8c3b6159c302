"""What a cell looks like at a glance: enough to tell columns apart, never to dial."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PHONE = re.compile(r"['=\"]*\+?[ ]?[0-9(][0-9 ()./\u00a0\u2010-\u2015-]*[\"]?")
_DAMAGED_PHONE = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?(?:9|1[0-4])|[1-9][0-9]{8,14}\.0")
_DATE = re.compile(r"[0-9]{4}[-./][0-9]{1,2}[-./][0-9]{1,2}|[0-9]{1,2}[-./][0-9]{1,2}[-./][0-9]{4}")
_AMOUNT = re.compile(r"[0-9]+[.,][0-9]{1,2}|[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_DIALLED_ABROAD = re.compile(r"['=\"(]*(?:\+|0)|.*[ ()/-]")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_DIGITS = re.compile(r"[0-9]")


def phone_like(cell: str) -> bool:
    """Whether a cell looks like a phone number, or like one that a spreadsheet damaged."""
    text = cell.strip()
    if _DAMAGED_PHONE.fullmatch(text):
        return True
    if not _PHONE.fullmatch(text) or _DATE.fullmatch(text) or _AMOUNT.fullmatch(text):
        return False
    return 7 <= len(_DIGITS.findall(text)) <= 15


def surely_phone(cell: str) -> bool:
    """Whether a cell looks like a phone number and not like a customer number or an amount."""
    return phone_like(cell) and _DIALLED_ABROAD.match(cell.strip()) is not None


def email_like(cell: str) -> bool:
    """Whether a cell has the rough form of an e-mail address."""
    return _EMAIL.fullmatch(cell.strip()) is not None


def name_like(cell: str) -> bool:
    """Whether a cell could be a person's name: letters, no digits, no address."""
    text = cell.strip()
    return any(c.isalpha() for c in text) and "@" not in text and not _DIGITS.search(text)


def share(cells: Iterable[str], test: Callable[[str], bool]) -> float:
    """The part of the cells that are not blank and pass a test, from 0 to 1; 0 for none."""
    filled = [cell for cell in cells if cell.strip()]
    return sum(map(test, filled)) / len(filled) if filled else 0.0
