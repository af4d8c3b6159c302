"""What cells in a country's column mean."""

from __future__ import annotations

import subprocess
import sys

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdial.lists.countries import country_code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("gb", "GB"), (" UK ", "GB"), ("U.K.", "GB"), ("GBR", "GB"), ("'GB", "GB"),
        ("us", "US"), ("USA", "US"), ("U.S.A.", "US"), ("U.S.", "US"),
        ("United States of America", "US"), ("EE.UU.", "US"), ("États-Unis", "US"),
        ("VEREINIGTE STAATEN", "US"), ("米国", "US"), ("アメリカ合衆国", "US"), ("美國", "US"),
        ("Germany", "DE"), ("Deutschland", "DE"), ("Allemagne", "DE"), ("Alemania", "DE"),
        ("Alemanha", "DE"), ("Germania", "DE"), ("Duitsland", "DE"), ("Niemcy", "DE"),
        ("Tyskland", "DE"), ("Saksa", "DE"), ("Almanya", "DE"), ("ドイツ", "DE"), ("德国", "DE"),
        ("德國", "DE"), ("England", "GB"), ("Großbritannien", "GB"), ("İngiltere", "GB"),
        ("Türkiye", "TR"), ("TURKEY", "TR"), ("Tuerkei", "TR"), ("Oesterreich", "AT"),
        ("Österreich", "AT"), ("Osterreich", "AT"), ("The Netherlands", "NL"), ("Holland", "NL"),
        ("Czech Republic", "CZ"), ("Ivory Coast", "CI"), ("Côte d\u2019Ivoire", "CI"),
        ("Trinidad and Tobago", "TT"), ("Saint Lucia", "LC"), ("Hong Kong", "HK"),
        ("South Korea", "KR"), ("North Korea", "KP"), ("DR Congo", "CD"), ("台灣", "TW"),
        ("Georgia", "GE"), ("Niger", "NE"), ("Nigeria", "NG"), ("Guinea-Bissau", "GW"),
        ("Germany (DE)", "DE"), ("DE - Germany", "DE"), ("United Kingdom (+44)", "GB"),
        ("+44", "GB"), ("0044", "GB"), ("44", "GB"), ("+ 49", "DE"), ("+353", "IE"), ("353", "IE"),
        ("276", "DE"), ("840", "US"), ("NAM", "NA"), ("Namibia", "NA"),
    ],
)  # fmt: skip
def test_known(text: str, code: str) -> None:
    """Codes, names in many languages and dialling codes mean their country."""
    assert country_code(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "+1", "1", "001", "+7", "7", "+", "+44 20", "44 7911", "+999", "250", "372",
        "NA", "n/a", "N.A.", "none", "unknown", "-", "?", "Congo", "Korea", "TX", "Texas",
        "America", "Europe", "EU", "CA - San Diego", "France/Germany", "London", "X" * 10_000,
        "Deutschlnad", "I/T", "D", "0",
    ],
)  # fmt: skip
def test_doubtful(text: str) -> None:
    """What could be two countries or none is none: a wrong one would dial a stranger."""
    assert country_code(text) is None


def test_every_region_is_known_by_its_codes() -> None:
    """All that phonenumbers can dial, but for NA, which more often says "not available"."""
    regions = phonenumbers.SUPPORTED_REGIONS
    assert {code for code in regions if country_code(code) != code} == {"NA"}


def test_dialling_codes_read_national_numbers_the_same() -> None:
    """A dialling code stands for a country only where its numbers come out the same anyway."""
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        found = country_code(f"+{code}")
        assert found is None or found in regions
        assert found is not None or len(regions) > 1 or regions == ("001",)


@given(st.text(max_size=100))
def test_any_text(text: str) -> None:
    """A country that can be dialled, or none; never an error."""
    assert country_code(text) in {None, *phonenumbers.SUPPORTED_REGIONS}


def test_import_is_light() -> None:
    """The table is read when it is first asked, and needs no third-party package."""
    told = (
        "import sys, batchdial.lists.countries; print({'pandas', 'phonenumbers'} & {*sys.modules})"
    )
    out = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert out.stdout == "set()\n"
