"""
The short way to a number decides nothing that the long way would decide otherwise.

`python -m tests.lists.test_plans 2000000` compares as many numbers as asked.
"""

from __future__ import annotations

import random
import re
import sys

import numpy as np
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS, PhoneMetadata

from batchdial.lists.automaton import Graph, parsed
from batchdial.lists.glance import Regions, certain_numbers
from batchdial.lists.phones import judged, read_number
from batchdial.lists.plans import certain_number
from batchdial.models import in_lines

REGIONS = sorted(SUPPORTED_REGIONS)
#: One number of each kind of each country: region, code and national number.
EXAMPLES = [
    (region, str(number.country_code), phonenumbers.national_significant_number(number))
    for region in REGIONS
    for kind in range(11)
    if (number := phonenumbers.example_number_for_type(region, kind)) is not None
]
PATTERNS = sorted(
    {
        kind.national_number_pattern
        for code, regions in COUNTRY_CODE_TO_REGION_CODE.items()
        for region in regions
        if (plan := PhoneMetadata.metadata_for_region_or_calling_code(code, region)) is not None
        for kind in (plan.general_desc, plan.fixed_line, plan.mobile, plan.premium_rate)
        if kind is not None and kind.national_number_pattern
    }
)


def grouped(digits: str, rng: random.Random) -> str:
    """Digits as people write them, and now and then as nobody should."""
    signs = [" ", "-"] if rng.random() < 0.9 else ["  ", " - ", "/", ".", ") "]
    sign, parts = rng.choice(signs), []
    while digits:
        width = rng.choice((1, 2, 3, 3, 4, 4, 5, 7))
        parts.append(digits[:width])
        digits = digits[width:]
    if rng.random() < 0.15 and len(parts) > 1:
        return f"({parts[0]}){rng.choice(['', ' ', '-'])}{sign.join(parts[1:])}"
    return sign.join(parts)


def cell(rng: random.Random) -> tuple[str, str | None]:
    """A number that may be right, with the country it is read for, which may be wrong."""
    region, code, national = rng.choice(EXAMPLES)
    known = len(national) - rng.choice((0, 0, 2, 4, 6, len(national)))
    national = national[:known] + "".join(rng.choices("0123456789", k=len(national) - known))
    national = rng.choice((national,) * 6 + (national + "7", national[:-1], "1" + national))
    plan = PhoneMetadata.metadata_for_region(region, None)
    trunk = (plan.national_prefix if plan else None) or "0"
    numbers = (national, trunk + national, trunk + national, code + national)
    digits = rng.choice(numbers)
    written = rng.choice((digits, grouped(digits, rng), grouped(digits, rng)))
    if rng.random() < 0.3:
        rest = rng.choice((national, " " + grouped(national, rng)))
        written = rng.choice(("+", "+", "00")) + code + rest
    if rng.random() < 0.1:
        written = rng.choice((f"{code}{national}.0", f"{digits}.00", f"tel:{written}"))
    return written, None if rng.random() < 0.05 else rng.choice(
        (region,) * 3 + (rng.choice(REGIONS),)
    )


def faults(count: int, rng: random.Random) -> tuple[list[str], int]:
    """Where the two ways differ, and how many numbers the short way decided."""
    wrong, decided = [], 0
    for _ in range(count):
        text, region = cell(rng)
        short, long = read_number(text, region), judged(text, region)
        decided += certain_number(text, region) is not None
        if short != long:
            wrong.append(f"{text!r} {region}: {short}, not {long}")
    return wrong, decided


def test_the_short_way_agrees_with_the_long_one() -> None:
    """Whatever is decided at a glance, or mended at once, is what the whole examination says."""
    wrong, decided = faults(60_000, random.Random(20261124))
    assert wrong == []
    assert decided > 5_000


def test_a_column_is_decided_as_its_cells_are() -> None:
    """All cells at once, of all countries, are what each is alone."""
    rng = random.Random(20261126)
    cells = [cell(rng) for _ in range(20_000)]
    names = [None, *REGIONS]
    regions = Regions(names, np.array([names.index(region) for _, region in cells]))
    alone = [int(certain_number(*one) or 0) for one in cells]
    assert certain_numbers(in_lines([text for text, _ in cells]), regions).tolist() == alone


@pytest.mark.parametrize("region", REGIONS)
def test_every_country_s_mobile_numbers(region: str) -> None:
    """With a plus, the example of each country is decided at a glance, or not dialled at all."""
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if number is not None:
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        verdict = judged(e164, None)
        assert certain_number(e164, None) == verdict.e164 == e164


@given(pattern=st.sampled_from(PATTERNS), data=st.data())
def test_an_automaton_matches_what_a_pattern_matches(pattern: str, data: st.DataObject) -> None:
    """Digits that match, also with one of them changed, cut off or added."""
    matching = data.draw(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True))
    place = data.draw(st.integers(0, len(matching)))
    other = matching[:place] + data.draw(st.text("0123456789", max_size=2)) + matching[place + 1 :]
    graph = Graph((parsed(pattern),), bool)
    for digits in (matching, other):
        assert graph.meaning(digits) == (re.fullmatch(pattern, digits) is not None)


@pytest.mark.parametrize("pattern", ["(?!1)2", "a", "(1", "1)", "1**"])
def test_a_pattern_that_is_not_known_is_refused(pattern: str) -> None:
    """A newer release of the metadata is never half understood."""
    with pytest.raises(ValueError, match=r".+"):
        parsed(pattern)


if __name__ == "__main__":
    found, decided = faults(int(sys.argv[1]), random.Random(int((sys.argv[2:] or ["0"])[0])))
    sys.stdout.write("\n".join([*found[:50], f"{len(found)} wrong of {decided} decided"]) + "\n")
