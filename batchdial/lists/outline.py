"""Where a table begins and ends: the rows above its header, the header, and the sum below."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchdial.errors import QuestionError
from batchdial.lists import shapes
from batchdial.lists.words import key
from batchdial.models import FIRST_COLUMNS
from batchdial.rules.cells import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchdial.lists.sources import Record

#: Rows with text that are looked at from the start of a table, and from its end.
HEAD_ROWS = 250
TAIL_ROWS = 3
#: Rows above a header that a report may have.
_MAX_ABOVE = 40

#: What column names of lists are made of; a contact's cells are not.
_KNOWN = re.compile(
    r".*(?:phone|telef|telep|mobil|mobiel|celular|handynum|rufnummer|e?mailad|firstname|lastname"
    r"|vorname|nachname|prenom|apellid|sobrenome|cognome|telnum|msisdn|prospectname|"
    r"電話|电话|手机|携帯|氏名|姓名|名前|전화|이름).*"
    r"|(?:full|contact|customer|client|lead|company)?name|e?mail|tel(?:no|nr)?|"
    r"cell|gsm|number|to|"
    r"nom|"
    r"nombre|nome|naam|namn|navn|nimi|imie|nazwisko|ad|soyad|adsoyad|cep|first|last|countr"
    r"y|land|pais|"
    r"pays|region|status|row|city|ort|stadt|company|firma|notes?|plan|id|date|datum|amount|e164|handy"
)
_PLACEHOLDER = re.compile(
    r"[-\u2013\u2014?.]+|n\.?/?a\.?|none|null|nil|unknown|unbekannt|tbd", re.IGNORECASE
)
_TOTAL = re.compile(
    r"(?:grand |sub ?|overall )?totals?|(?:total )?sum|summe|gesamt(?:summe|zahl)?|zwischensumme|"
    r"somme|total g[ée]n[ée]ral|totale|totaux|suma|razem|total geral|totaal|totalt|summa|"
    r"sammanlagt|"
    r"(?:genel )?toplam|合計|总计|合计|總計|итого|всего|"
    r"count|anzahl|records?|rows?|contacts?|average|durchschnitt",
    re.IGNORECASE,
)
_ROWS_SAID = re.compile(
    r"\(?[0-9 .,]+ (?:rows?|records?|zeilen|lignes?|filas?)(?: \w+)?\)?\.?", re.IGNORECASE
)
_AMOUNT = re.compile(r"[-+(]?\s?(?:[€$£¥]\s?)?[0-9][0-9 .,'\u00a0]*(?:\s?(?:[€$£¥%]|[A-Z]{3}))?\)?")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Outline:
    """What one pass over a table remembers: rows with text, at its two ends."""

    head: tuple[Record, ...]
    tail: tuple[Record, ...]
    notes: tuple[str, ...] = ()  #: what the reader of the file has to tell


@dataclass(frozen=True, slots=True)
class Header:
    """The row of column names, and what stands above it."""

    row: int
    names: tuple[str, ...]
    above: tuple[Record, ...] = ()

    def note(self) -> str:
        """What was left out above, in a sentence, or nothing."""
        if not self.above:
            return ""
        numbers = (
            f"row {self.above[0][0]}"
            if len(self.above) == 1
            else (f"rows {self.above[0][0]} to {self.above[-1][0]}")
        )
        text = "; ".join(filter(None, (cell for _, cells in self.above for cell in cells)))
        return f"{numbers} above the header left out: {printable(text, 80)}"


def find_header(name: str, head: Sequence[Record]) -> Header:
    """
    Find the row of column names: the first that is no title of a report.

    Args:
        name: The file's, for messages.
        head: The first rows with text.

    Raises:
        QuestionError: The row holds a contact, so that there is no header.
    """
    place = _below_titles([cells for _, cells in head[: _MAX_ABOVE + 60]])
    row, names = head[place]
    below = [cells for _, cells in head[place + 1 :]]
    if _is_contact(names, below):
        raise QuestionError(
            f"{name} seems to have no header: row {row} already holds a contact. Add a first row "
            "that names the columns, as in: phoneNumber,prospectName,email"
        )
    return Header(row, names, tuple(head[:place]))


def total_rows(tail: Sequence[Record], header: Header) -> tuple[int, ...]:
    """
    Rows at the end that add up the others and are no contact.

    A row that could be a contact is never one: a sum says so in its first
    filled cell, and has nothing but amounts beside it.
    """
    found: list[int] = []
    for row, cells in reversed(tail):
        if row <= header.row or not _is_total(cells):
            break
        found.append(row)
    return tuple(reversed(found))


def known_name(cell: str) -> bool:
    """Whether a cell is a column name such as lists commonly have."""
    return _KNOWN.fullmatch(key(cell)) is not None


def _below_titles(rows: Sequence[Sequence[str]]) -> int:
    """The index of the header: 0, unless only titles stand above a row of names."""
    widths = Counter(width for row in rows if (width := _extent(row)) > 1)
    if not widths:
        return 0
    width = max(widths, key=lambda one: (widths[one], one))
    for place, row in enumerate(rows[:_MAX_ABOVE]):
        if not _is_title(row, width):
            return place if place == 0 or _names_columns(row, rows[place + 1 :], width) else 0
    return 0


def _is_title(row: Sequence[str], width: int) -> bool:
    """Whether a row is much too short for the table, and holds neither a contact nor names."""
    filled = [cell for cell in row if cell.strip()]
    narrow = len(filled) <= (2 if width >= 4 else 1) and width > len(filled)
    return narrow and not any(
        shapes.phone_like(cell) or known_name(cell) or shapes.email_like(cell) for cell in filled
    )


def _names_columns(row: Sequence[str], below: Sequence[Sequence[str]], width: int) -> bool:
    """Whether a row below titles surely is a header: known names, or a name over numbers."""
    filled = [cell for cell in row if cell.strip()]
    if len(filled) < max(2, width * 0.5) or any(map(_like_contact, filled)):
        return False
    if any(map(known_name, filled)):
        return True
    if any(_PLACEHOLDER.fullmatch(cell.strip()) for cell in filled):
        return False
    return any(
        cell.strip() and shapes.share((r[i] for r in below if i < len(r)), shapes.phone_like) > 0.5
        for i, cell in enumerate(row)
    )


def _is_contact(names: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether what should be the header is the first contact."""
    if any(shapes.phone_like(name) or shapes.email_like(name) for name in names):
        return True
    if set(FIRST_COLUMNS) <= set(names) or any(map(known_name, names)):
        return False
    if any(len(_DIGIT.findall(name)) >= 7 or "@" in name for name in names):
        return True
    return len(names) > 1 and any(_recurs(name, index, below) for index, name in enumerate(names))


def _recurs(name: str, index: int, below: Sequence[Sequence[str]]) -> bool:
    """Whether a cell is one of the values of its own column, or stands for a missing one."""
    text = name.strip().casefold()
    if not text:
        return False
    if _PLACEHOLDER.fullmatch(text):
        return True
    return any(index < len(row) and row[index].strip().casefold() == text for row in below)


def _like_contact(cell: str) -> bool:
    return shapes.phone_like(cell) or shapes.email_like(cell) or len(_DIGIT.findall(cell)) >= 7


def _extent(row: Sequence[str]) -> int:
    return max((index for index, cell in enumerate(row, 1) if cell.strip()), default=0)


def _is_total(cells: Sequence[str]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    if len(filled) == 1 and _ROWS_SAID.fullmatch(filled[0]):
        return True
    if not _TOTAL.fullmatch(filled[0].rstrip(" :=")) or len(filled) < 2:
        return False
    return all(
        _AMOUNT.fullmatch(cell) and not shapes.surely_phone(cell) and len(_DIGIT.findall(cell)) < 10
        for cell in filled[1:]
    )
