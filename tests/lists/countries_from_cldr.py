"""
Writes batchdial/lists/countries.tsv from Babel's copy of Unicode CLDR.

Babel is 33 MB and is not installed for this one table: run it from an environment of its own,

    python -m venv /tmp/v && /tmp/v/bin/pip install babel phonenumbers
    /tmp/v/bin/python tests/lists/countries_from_cldr.py > batchdial/lists/countries.tsv
"""

from __future__ import annotations

import sys
from importlib.metadata import version

import phonenumbers
from babel import Locale  # type: ignore[import-not-found]
from babel.core import get_global  # type: ignore[import-not-found]

LOCALES = (
    "en", "en_AU", "de", "de_AT", "de_CH", "fr", "fr_CA", "es", "es_419", "es_MX", "pt", "pt_PT",
    "it", "nl", "pl", "da", "nb", "nn", "sv", "fi", "tr", "ja", "zh_Hans", "zh_Hans_HK",
    "zh_Hant", "zh_Hant_HK",
)  # fmt: skip
#: Codes of countries that are no more, beside that of the one which has their place.
GONE = frozenset({"BUR", "DDR", "FXX", "TMP", "YMD", "ZAR"}) | {
    "230", "249", "278", "280", "720", "736", "886"
}  # fmt: skip
#: Dialling codes of several countries, of which one gives the others their whole numbering plan,
#: so that a national number read under it is the same number.
LEADING = {39: "IT", 44: "GB", 47: "NO", 61: "AU", 212: "MA", 358: "FI"}


def dialling_code(region: str) -> str:
    """The code that means this country and no other, or nothing."""
    code = phonenumbers.country_code_for_region(region)
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
    return str(code) if LEADING.get(code, regions[0] if len(regions) == 1 else "") == region else ""


def main() -> None:
    """Write the table: codes, dialling code, names."""
    alpha3 = {
        new[0]: old
        for old, new in get_global("territory_aliases").items()
        if len(old) == 3 and old.isalpha() and len(new) == 1 and old not in GONE
    }
    number = {
        new[0]: old
        for old, new in get_global("territory_aliases").items()
        if old.isdecimal() and len(new) == 1 and old not in GONE
    }
    locales = [Locale.parse(name) for name in LOCALES]
    out = sys.stdout
    out.write(f"# Country names of Unicode CLDR, by way of Babel {version('babel')}: see\n")
    out.write("# countries.LICENSE. Written by tests/lists/countries_from_cldr.py.\n")
    out.write("# code, alpha-3, ISO number, dialling code where it means one country, names\n")
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        names = dict.fromkeys(
            name for locale in locales if (name := locale.territories.get(region)) is not None
        )
        codes = (region, alpha3.get(region, ""), number.get(region, ""), dialling_code(region))
        told = (*codes, "|".join(names))
        out.write("\t".join(told) + "\n")


if __name__ == "__main__":
    main()
