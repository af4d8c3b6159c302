"""Lists of people who do not exist, and what became of them."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from batchdial.models import RESULT_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from batchdial.sandbox import Record, Sandbox

#: Area codes of the United States; with 555 01XX each has a hundred numbers reserved for fiction.
_AREAS = (201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218)

Rows = list[dict[str, str]]


def number(index: int) -> str:
    """The index-th number, in E.164."""
    return f"+1{_AREAS[index // 100]}55501{index % 100:02}"


def numbers(count: int, first: int = 0) -> list[str]:
    """Several numbers, each another one."""
    return [number(index) for index in range(first, first + count)]


def write_rows(path: Path | str, rows: Iterable[Sequence[str]]) -> Path:
    """A CSV file of these rows, the header among them."""
    place = Path(path)
    with place.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return place


def write_leads(path: Path | str, phones: Iterable[str]) -> Path:
    """A plain list: a number and a name each."""
    rows = [(phone, f"Ann Lee {chr(65 + place % 26)}") for place, phone in enumerate(phones)]
    return write_rows(path, [("phoneNumber", "prospectName"), *rows])


def read_results(path: Path | str) -> Rows:
    """The rows of a results file as a spreadsheet would show them."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def rewrite(path: Path | str, rows: Rows) -> Path:
    """The same file, as somebody saves it who changed cells in it by hand."""
    place = Path(path)
    with place.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return place


def with_status(rows: Rows, *statuses: str) -> list[str]:
    """The numbers of the rows that have one of these statuses, in order."""
    return [row["e164"] for row in rows if row["status"] in statuses]


def tally(rows: Rows) -> dict[str, int]:
    """How many rows there are of each status."""
    return dict(Counter(row["status"] for row in rows))


def dialled(posts: Iterable[Record]) -> Counter[str]:
    """How many requests there were for each number."""
    return Counter(post.number or "" for post in posts)


def assert_whole(rows: Rows, phones: Sequence[str]) -> None:
    """Fail unless every row came back, once, in order, and in a state that is final."""
    assert [row["phoneNumber"] for row in rows] == list(phones)
    assert "dialing" not in tally(rows)
    assert list(rows[0])[-len(RESULT_COLUMNS) :] == list(RESULT_COLUMNS)


def assert_nobody_twice(sandbox: Sandbox) -> None:
    """Fail if any number was asked for more than once, whatever was answered."""
    assert [phone for phone, times in dialled(sandbox.posts).items() if times > 1] == []
