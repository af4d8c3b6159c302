"""Header rows in many languages and of many programs, each with what its owner would expect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from batchdial.errors import ListError, QuestionError
from batchdial.lists.mapping import map_columns

from .conftest import rows_of

FIELDS = {"name": "prospectName", "email": "email", "region": "region"}

#: Three cells of each kind; phone numbers are made by `cells_of`.
CELLS = {
    "f": ("Ada", "Björn", "Zoë"),
    "l": ("Example", "Muster", "Demo"),
    "n": ("Ada Example", "Björn Muster", "Zoë Demo"),
    "j": ("太郎", "花子", "伟"),
    "J": ("山田", "佐藤", "王"),
    "N": ("山田 太郎", "佐藤 花子", "王伟"),
    "e": ("ada@example.com", "bjorn@example.org", "zoe@example.net"),
    "o": ("", "", ""),
    "i": ("10023441", "10023442", "10023443"),
    "c": ("Springfield", "Musterstadt", "Exampleville"),
    "s": ("TX", "CA", "GA"),
    "S": ("Texas", "Georgia", "California"),
    "K": ("US", "DE", "GB"),
    "K3": ("USA", "DEU", "GBR"),
    "D": ("+44", "+49", "+33"),
    "d": ("2026-01-31", "2026-02-28", "2026-03-31"),
    "t": ("2026-01-31 10:00:00", "2026-02-28 11:30:00", "2026-03-31 12:45:00"),
    "T": ("gold", "a longer remark", "Room 3"),
    "L": ("Mobile", "Work", "Mobile"),
    "y": ("yes", "no", "yes"),
    "u": ("https://example.com/1", "https://example.com/2", ""),
    "z": ("12345", "54321", "10115"),
    "w": ("Example Ltd", "Muster GmbH", "Demo Inc"),
    "a": ("12.50", "1300.00", "7.25"),
    "b": ("1", "2", "3"),
    "x": ("America/New_York", "Europe/London", "Europe/Berlin"),
    "C": ("United States", "Germany", "UK"),
    "Cde": ("Deutschland", "Österreich", "Schweiz"),
    "Cfr": ("France", "Belgique", "Suisse"),
    "Ces": ("España", "México", "EE.UU."),
    "Cpt": ("Brasil", "Portugal", "Brasil"),
    "Cit": ("Italia", "Svizzera", "Germania"),
    "Cnl": ("Nederland", "België", "Duitsland"),
    "Cpl": ("Polska", "Niemcy", "Wielka Brytania"),
    "Cda": ("Danmark", "Norge", "Sverige"),
    "Csv": ("Sverige", "Norge", "Tyskland"),
    "Cfi": ("Suomi", "Ruotsi", "Viro"),
    "Ctr": ("Türkiye", "Almanya", "Hollanda"),
    "Cja": ("日本", "アメリカ", "韓国"),
    "Czh": ("中国", "美国", "日本"),
    "Czt": ("台灣", "美國", "香港"),
}
KINDS = {"p": PhoneNumberType.FIXED_LINE, "m": PhoneNumberType.MOBILE}


@dataclass(frozen=True)
class HeaderRow:
    """A header with its cells, and what is expected of it."""

    header: tuple[str, ...]
    kinds: tuple[str, ...]
    expected: dict[str, str]  #: field, "ask" or "none" to names of columns

    def __str__(self) -> str:
        return ", ".join(self.header)[:60]

    def found(self) -> dict[str, str]:
        """What the mapping says, in the words of the expectation."""
        columns = zip(*(cells_of(kind) for kind in self.kinds), strict=True)
        try:
            mapped = map_columns(self.header, rows_of(*columns))
        except QuestionError as question:
            return {"ask": str(question)}
        except ListError:
            return {"none": ""}
        sources = {"phone": mapped.get("phoneNumber")}
        sources |= {word: mapped.get(field) for word, field in FIELDS.items()}
        return {
            word: " + ".join(self.header[column] for column in source.columns)
            for word, source in sources.items()
            if source is not None
        }

    def is_met_by(self, found: dict[str, str]) -> bool:
        """Whether all fields are right; a question has to name all candidates and ways out."""
        if "ask" not in self.expected or "ask" not in found:
            return found == self.expected
        candidates = self.expected["ask"].split(", ")
        named = all(f'"{name}"' in found["ask"] for name in candidates)
        way = "--map phoneNumber=" if len({*candidates}) > 1 else "rename one"
        return named and way in found["ask"]

    def dials_wrongly(self, found: dict[str, str]) -> bool:
        """Whether a column is taken for the phone number that nobody meant."""
        return "phone" in found and found["phone"] != self.expected.get("phone")


def cells_of(kind: str) -> tuple[str, str, str]:
    """Three cells of a kind; pGB, mGB, PGB, MGB are fixed and mobile, national and with plus."""
    if kind == "q":
        return ("+12025550101", "", "")
    if kind[0].lower() not in KINDS or len(kind) != 3:
        return CELLS[kind]
    number = phonenumbers.example_number_for_type(kind[1:], KINDS[kind[0].lower()])
    assert number is not None
    form = PhoneNumberFormat.INTERNATIONAL if kind[0].isupper() else PhoneNumberFormat.NATIONAL
    return (phonenumbers.format_number(number, form),) * 3


def rows_in(name: str) -> list[HeaderRow]:
    """The header rows of a data file."""
    text = Path(__file__).with_name(name).read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    rows = []
    for columns, expected in zip(lines[::2], lines[1::2], strict=True):
        pairs = [column.rsplit(":", 1) for column in columns.split(" | ")]
        told = {word: names for word, _, names in (p.partition(" ") for p in expected.split(" | "))}
        rows.append(HeaderRow(tuple(p[0] for p in pairs), tuple(p[1] for p in pairs), told))
    return rows


ROWS = rows_in("headers.txt")
HELD_OUT = rows_in("headers_held_out.txt")
HARD = rows_in("headers_hard.txt")
SECOND = rows_in("headers_second.txt")


@pytest.mark.parametrize("row", [*ROWS, *HELD_OUT, *HARD, *SECOND], ids=str)
def test_no_wrong_phone_column(row: HeaderRow) -> None:
    """The phone number is found or asked for, and never taken from another column."""
    assert not row.dials_wrongly(row.found())


@pytest.mark.parametrize(
    "rows", [ROWS, HELD_OUT, HARD, SECOND], ids=["known", "held-out", "hard", "second"]
)
def test_nearly_all_are_right(rows: list[HeaderRow]) -> None:
    """At least 98 of 100 header rows are understood in all their fields."""
    wrong = [(row, row.found()) for row in rows if not row.is_met_by(row.found())]
    share = 1 - len(wrong) / len(rows)
    assert share >= 0.98, [(str(row), row.expected, found) for row, found in wrong]


def test_there_are_enough() -> None:
    """Fewer rows would prove nothing."""
    assert len(ROWS) >= 200
    assert len(HELD_OUT) >= 40
