"""
Numbers of the whole world, clean and damaged.

`numbers.csv` was written from what is right, not from what the program says. The
loops below run through far more; `python -m tests.lists.test_numbers_everywhere
300000` runs as many cases as asked.
"""

from __future__ import annotations

import csv
import random
import re
import sys
from collections import Counter
from pathlib import Path

import phonenumbers
import pytest
from phonenumbers import NumberParseException, PhoneNumberFormat

from batchdial.lists.phones import NUMBER_TYPES, read_number
from batchdial.models import CallStatus

from .damages import REGIONS, Damaged, Subscriber, damages, digits, subscriber

ALL_TYPES = frozenset(NUMBER_TYPES)
#: Refusals of clean text: where it may have been a number cell, or a number behind a list mark.
CLEAN_REFUSALS = {"ambiguous"}
#: Damage that nobody can see where the rest is written as the list's country writes its numbers.
ABROAD = {"plus lost abroad", "prefix 011 abroad", "prefix 00 abroad"}


def _unescaped(text: str) -> str:
    r"""`\u200b`, `\n` and `\t` as `numbers.csv` writes them."""
    plain = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)
    return plain.replace("\\n", "\n").replace("\\t", "\t")


def _cases() -> list[tuple[str, str, str, str]]:
    path = Path(__file__).with_name("numbers.csv")
    with path.open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    return [(text, region, expected, why) for text, region, expected, why in rows]


CASES = _cases()


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [pytest.param(*case[:3], id=f"{case[0]} {case[1]}") for case in CASES],
)
def test_number(text: str, region: str, expected: str) -> None:
    """Each cell gives its number, or its own reason and a sentence."""
    verdict = read_number(_unescaped(text), region or None)
    found = verdict.e164 if verdict.status is CallStatus.PENDING else verdict.reason
    assert found == expected
    assert verdict.status is CallStatus.PENDING or verdict.detail.endswith((".", "GB."))


def test_there_are_enough_cases() -> None:
    """At least 400 cells of at least 40 countries, each but once."""
    assert len({case[:2] for case in CASES}) == len(CASES) >= 400
    assert len({case[1] for case in CASES} & set(REGIONS)) >= 40


def own_reading(text: str, region: str | None) -> str | None:
    """What phonenumbers itself makes of a text."""
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def clean_fault(text: str, region: str | None) -> str:
    """What is wrong with the verdict on clean text; empty if nothing is."""
    verdict = read_number(text, region, ALL_TYPES)
    if verdict.status is CallStatus.PENDING:
        own = own_reading(text, region)
        return "" if verdict.e164 == own else f"{text} {region}: {verdict.e164}, not {own}"
    if region is not None and verdict.reason in CLEAN_REFUSALS:
        return ""
    return f"{text} {region}: {verdict.reason}"


def damage_fault(cell: Damaged, true: str) -> str:
    """What is wrong with the verdict on damaged text; empty if nothing is."""
    found = read_number(cell.text, cell.region, ALL_TYPES).e164
    if found in (None, true):
        return ""
    if cell.damage == "cut off" and found == own_reading(cell.text, cell.region):
        return ""
    if cell.damage in ABROAD and _is_written_so(cell.text, found):
        return ""
    return f"{cell}: {found}, not {true}"


def _is_written_so(text: str, e164: str) -> bool:
    """Whether a text is one of the usual ways to write a number."""
    national = phonenumbers.format_number(phonenumbers.parse(e164), PhoneNumberFormat.NATIONAL)
    return digits(text) in (e164[1:], digits(national))


def faults(count: int, rng: random.Random) -> tuple[list[str], Counter[str]]:
    """What is wrong in at least so many cases, and how often clean text was refused."""
    found: list[str] = []
    done: Counter[str] = Counter()
    while done["cases"] < count:
        one = subscriber(rng)
        for text, region in _clean(one):
            found.append(clean_fault(text, region))
            done["clean"] += 1
            done["clean, refused"] += read_number(text, region, ALL_TYPES).e164 is None
        for cell in damages(one, subscriber(rng, one.region), rng):
            found.append(damage_fault(cell, one.e164))
            done["damaged"] += 1
            done["damaged, " + cell.damage.split()[0]] += 1
        done["cases"] = done["clean"] + done["damaged"]
    return [fault for fault in found if fault], done


def _clean(one: Subscriber) -> list[tuple[str, str | None]]:
    return [
        (one.e164, None),
        (one.international, None),
        (one.international, "US"),
        (one.national, one.region),
    ]


@pytest.mark.parametrize("region", REGIONS)
def test_examples_of_every_country(region: str) -> None:
    """The examples of phonenumbers are read as it reads them itself, in all three forms."""
    for kind in (0, 1):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is not None:
            forms = [phonenumbers.format_number(example, form) for form in (0, 1, 2)]
            assert [clean_fault(*one) for one in _clean(Subscriber(region, *forms))] == [""] * 4


def test_no_damage_yields_another_number() -> None:
    """
    Clean text is read as phonenumbers does, and damaged text as its own number or none.

    Excepted is only what cannot be seen: a number cut off to a shorter valid
    one, and a foreign number without its plus that is written as a home number.
    """
    found, done = faults(60_000, random.Random(20261123))
    assert found == []
    assert done["clean, refused"] < done["clean"] / 50


def test_undone_damage_is_not_refused() -> None:
    """Other scripts, marks for text and invisible characters change no verdict."""
    rng = random.Random(7)
    for _ in range(100):
        one = subscriber(rng)
        clean = read_number(one.national, one.region, ALL_TYPES)
        for cell in damages(one, one, rng):
            if cell.damage.startswith(("script", "harmless")) and cell.region and clean.e164:
                found = read_number(cell.text, cell.region, ALL_TYPES)
                assert found.e164 == one.e164 or "Tel" in cell.text, cell


if __name__ == "__main__":
    wrong, counts = faults(int(sys.argv[1]), random.Random(int((sys.argv[2:] or ["0"])[0])))
    sys.stdout.write("\n".join([*wrong[:50], f"{len(wrong)} wrong", str(dict(counts))]) + "\n")
