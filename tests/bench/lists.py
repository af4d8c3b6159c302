"""
Messy lists as people export them, the same for the same seed.

`python -m tests.bench.lists FILE ROWS` writes one: eight text columns, numbers of eleven
countries in many spellings, 5 % of them an earlier row's, 5 % no numbers at all.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Form = Callable[[str, str, str], str]
    Row = tuple[str, str, str, str, str, str, str, str]

HEADER = ("First Name", "Last Name", "Email", "Phone", "Country", "Plan", "Since", "Note")
SEED = 20261125
#: Shares of rows with an earlier row's number, and with none that could be dialled.
DUPLICATES, INVALID = 0.05, 0.05
#: Rows that are made at a time.
BLOCK = 100_000


class Plan(NamedTuple):
    """Numbers of one country: a beginning, and so many digits after it."""

    region: str
    code: str
    trunk: str
    starts: tuple[str, ...]
    digits: int
    weight: int  #: of a hundred rows


_AREAS = (
    "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 224 225 228 229 231 234 239 "
    "240 248 251 252 253 254 256 260 262 267 269 270 281 301 302 303 304"
)
PLANS = (
    Plan("US", "1", "", tuple(area + digit for area in _AREAS.split() for digit in "3467"), 6, 26),
    Plan("GB", "44", "0", ("74", "75", "77", "78", "79"), 8, 20),
    Plan("DE", "49", "0", ("160", "170", "171", "172", "173", "175", "176"), 7, 14),
    Plan("FR", "33", "0", ("61", "62", "65", "66", "67", "68"), 7, 8),
    Plan("IN", "91", "0", ("96", "97", "98", "99"), 8, 8),
    Plan("ES", "34", "", ("6",), 8, 6),
    Plan("IT", "39", "", ("320", "328", "333", "335", "340", "347", "348", "349"), 7, 6),
    Plan("NL", "31", "0", ("61", "62", "63", "64", "65"), 7, 4),
    Plan("AU", "61", "0", ("40", "41", "42", "43"), 7, 4),
    Plan("PL", "48", "", ("50", "51", "60", "69", "79"), 7, 2),
    Plan("SE", "46", "0", ("70", "72", "73", "76"), 7, 2),
)
_BY_SHARE = [plan for plan in PLANS for _ in range(plan.weight)]

#: How numbers are written: of a hundred, so many in each way. The last few are mended, not guessed.
_WAYS: tuple[tuple[int, Form], ...] = (
    (24, lambda code, _, n: f"+{code}{n}"),
    (16, lambda code, _, n: f"+{code} {n[:3]} {n[3:6]} {n[6:]}"),
    (8, lambda code, _, n: f"+{code}-{n[:3]}-{n[3:6]}-{n[6:]}"),
    (4, lambda code, _, n: f"+{code} ({n[:3]}) {n[3:]}"),
    (14, lambda _, trunk, n: trunk + n),
    (14, lambda _, trunk, n: f"{trunk}{n[:3]} {n[3:6]} {n[6:]}"),
    (7, lambda _, trunk, n: f"{trunk}{n[:3]}-{n[3:6]}-{n[6:]}"),
    (5, lambda _, trunk, n: f"({trunk}{n[:3]}) {n[3:6]} {n[6:]}"),
    (2, lambda code, _, n: f"00{code}{n}"),
    (2, lambda code, _, n: f"{code}{n}.0"),
    (2, lambda code, _, n: f"+{code}.{n[:3]}.{n[3:6]}.{n[6:]}"),
    (1, lambda code, _, n: f" +{code} {n} "),
    (1, lambda code, _, n: f"tel:+{code}{n}"),
)
_FORMS = [form for share, form in _WAYS for _ in range(share)]
_NO_NUMBERS = (
    "",
    "n/a",
    "4.47E+11",
    "12345",
    "unknown",
    "none",
    "+1 555",
    "0000000000",
    "ask",
    "-",
)
_FIRST = [
    "Ada",
    "Ben",
    "Cleo",
    "Dov",
    "Edda",
    "Finn",
    "Gita",
    "Hugo",
    "Ines",
    "Jürgen",
    "Kaja",
    "Łukasz",
    "Mia",
    "Noël",
    "Óscar",
    "Petra",
    "Quinn",
    "Rosa",
    "Søren",
    "Tariq",
    "Uma",
    "Vera",
    "Wim",
    "Xenia",
    "Yusuf",
    "Zoë",
    "François",
    "Maëlle",
    "美咲",
    "Анна",
]
_LAST = [
    "Example",
    "Sample",
    "Testwell",
    "Placeholder",
    "Müller",
    "Nowak",
    "García",
    "Rossi",
    "Jansen",
    "Dubois",
    "Singh",
    "O'Brien",
    "Åberg",
    "Lindqvist",
    "Specimen",
    "Förster",
    "Iñárritu",
    "Kowalska",
    "Demir",
    "d'Amico",
]
_PLANS = ("basic", "silver", "gold", "platinum")
_NOTES = (
    "", "", "", "call back, mornings", "prefers e-mail", 'said "later", twice', "wants a quote",
    "Straße 5, 2. Stock", "renewal due; see ticket", "no notes", "met in Málaga, likes coffee", "",
)  # fmt: skip


def write_messy(path: Path, rows: int, seed: int = SEED) -> Path:
    """A messy list of so many rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for block in messy(rows, seed):
            writer.writerows(block)
    return path


def messy(rows: int, seed: int = SEED) -> Iterator[list[Row]]:
    """Its rows, in blocks."""
    rng = np.random.default_rng(seed)
    keys = rng.integers(0, 2**60, rows)
    copies = np.flatnonzero(rng.random(rows) < DUPLICATES)[1:]
    # In the file's order, a copy of a copy is a copy of the first.
    for copy, original in zip(copies, (rng.random(len(copies)) * copies).astype(int), strict=True):
        keys[copy] = keys[original]
    for start in range(0, rows, BLOCK):
        part = keys[start : start + BLOCK].tolist()
        dice = rng.integers(0, 2**31, (5, len(part))).tolist()
        lost = (rng.random(len(part)) < INVALID).tolist()
        yield [_row(*one) for one in zip(part, lost, *dice, strict=True)]


def _row(key: int, is_lost: bool, one: int, two: int, three: int, four: int, five: int) -> Row:
    first, last = _FIRST[one % len(_FIRST)], _LAST[two % len(_LAST)]
    plan, number = subscriber(key)
    if is_lost:
        phone = _NO_NUMBERS[three % len(_NO_NUMBERS)]
    else:
        phone = _FORMS[three % len(_FORMS)](plan.code, plan.trunk, number)
    return (
        first,
        last,
        f"lead{key % 100_000_000}@example.com",
        phone,
        plan.region,
        _PLANS[four % len(_PLANS)],
        f"{2019 + four % 7}-{four % 12 + 1:02}-{five % 28 + 1:02}",
        _NOTES[five % len(_NOTES)],
    )


def subscriber(key: int) -> tuple[Plan, str]:
    """A country and a national number of it; the same key is the same number."""
    plan = _BY_SHARE[key % 100]
    rest, start = divmod(key // 100, len(plan.starts))
    return plan, f"{plan.starts[start]}{rest % 10**plan.digits:0{plan.digits}}"


def write_clean(path: Path, rows: int) -> Path:
    """A list of so many different American numbers in E.164, with a name and two variables."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("phoneNumber", "prospectName", "plan", "renewal"))
        for row in range(rows):
            name, plan = _FIRST[row % len(_FIRST)], _PLANS[row % len(_PLANS)]
            writer.writerow((f"+1202{3_000_000 + row}", f"{name} Example", plan, "2030-01-15"))
    return path


if __name__ == "__main__":
    write_messy(Path(sys.argv[1]), int(sys.argv[2]))
