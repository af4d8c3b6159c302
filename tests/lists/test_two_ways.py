"""
Whole lists read the short way are what the long way makes of them, row by row.

`python -m tests.lists.test_two_ways 2000000` compares as many rows as asked.
"""

from __future__ import annotations

import csv
import random
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np

from batchdial.lists.cleaning import clean
from batchdial.lists.loader import open_list
from batchdial.lists.mapping import map_columns
from batchdial.lists.phones import judged

from .test_plans import cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchdial.models import Contact

HEADER = ("Name", "Phone", "Country", "Email", "Plan", "Note")
NAMES = ("Ada", "Zoë", "O'Brien, A.", 'Ben "B"', "", " ", "\u00a0", "\u200b", "美咲", "=1+1", "-")
EMAILS = ("a@example.com", "", "n/a", "two@example.com, b@example.com", "nobody", " c@example.com")
NOTES = ("", "gold", "a;b", "tab\there", 'said "later", twice', "back\\slash", "Straße 5", "x" * 90)
NO_NUMBERS = (
    "",
    "n/a",
    "4.47E+11",
    "447911123456.0",
    "+44 7911 123456 x12",
    "12345",
    "#N/A",
    "ask",
)
#: How a list is written: its encoding, delimiter, line ends, quotation, and what ends some lines.
FORMS = (
    ("utf-8", ",", "\n", csv.QUOTE_MINIMAL, ""),
    ("utf-8-sig", ";", "\r\n", csv.QUOTE_MINIMAL, ""),
    ("utf-8", "\t", "\n", csv.QUOTE_ALL, ""),
    ("utf-16", ",", "\r\n", csv.QUOTE_MINIMAL, ""),
    ("utf-8", ",", "\n", csv.QUOTE_MINIMAL, "\n"),
    ("utf-8", "|", "\r\n", csv.QUOTE_ALL, "\r\n"),
)


def _row(rng: random.Random, earlier: list[tuple[str, str]]) -> tuple[str, ...]:
    text, region = cell(rng)
    phone = (rng.choice(NO_NUMBERS) if rng.random() < 0.05 else text, region or "")
    phone = rng.choice(earlier) if earlier and rng.random() < 0.1 else phone
    earlier.append(phone)
    name, email, note = rng.choice(NAMES), rng.choice(EMAILS), rng.choice(NOTES)
    return (name, *phone, email, rng.choice(("", "gold")), note)


def _write(
    path: Path, rng: random.Random, number: int, form: tuple[str, str, str, int, str]
) -> None:
    encoding, delimiter, end, quoting, gap = form
    earlier: list[tuple[str, str]] = []
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
        writer.writerow(HEADER)
        writer.writerow(("First", "+44 7911 123456", "GB", "", "", ""))
        for place in range(number):
            writer.writerow(_row(rng, earlier))
            if gap and place % 1000 == 0:
                file.write(gap)


def _contacts(path: Path) -> Iterator[Contact]:
    opened = open_list(path)
    columns = map_columns(opened.reading.header, opened.sample, overrides={"phoneNumber": "Phone"})
    for batch in clean(opened.blocks(), columns):
        yield from batch


@contextmanager
def the_long_way() -> Iterator[None]:
    """Nothing is decided at a glance, and every text is read by the strict reader."""

    def undecided(lines: bytes, _: object) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.zeros(lines.count(b"\n"), np.int64)

    with (
        patch("batchdial.lists.regular.survey", lambda *_: None),
        patch("batchdial.lists.cleaning.certain_numbers", undecided),
        patch("batchdial.lists.cleaning.read_number", judged),
        patch("batchdial.lists.cleaning._remembered", judged),
    ):
        yield


def differences(number: int, seed: int) -> list[str]:
    """What differs between both ways, over lists of that many rows in all."""
    rng = random.Random(seed)
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for form in FORMS:
            path = Path(folder) / "list.csv"
            _write(path, rng, number // len(FORMS), form)
            short = list(_contacts(path))
            with the_long_way():
                long = list(_contacts(path))
            assert len(short) == len(long)
            wrong += [f"{form}: {a} is not {b}" for a, b in zip(short, long, strict=True) if a != b]
    return wrong


def test_both_ways_agree() -> None:
    """The same rows, cells, verdicts and sentences, however the list is written."""
    assert differences(100_000, 20261125) == []


if __name__ == "__main__":
    found = differences(int(sys.argv[1]), int((sys.argv[2:] or ["0"])[0]))
    sys.stdout.write("\n".join([*found[:50], f"{len(found)} differences"]) + "\n")
