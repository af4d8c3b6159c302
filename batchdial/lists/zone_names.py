"""
Which time zone a cell means: an IANA name, a city, what CRMs and Windows write, an offset.

Where a text leaves several zones, all of them are the answer, and somebody is called only when
every one allows it: whoever writes "AEST" may live in Sydney or in Brisbane.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from batchdial.lists.mapping import trimmed
from batchdial.lists.words import key
from batchdial.lists.zones import NOWHERE, countries_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchdial.models import ColumnMap

#: Nobody writes a longer one; a cell may be megabytes.
_LONGEST = 120
_IANA = re.compile(r"[A-Za-z_]+(?:/[A-Za-z_]+(?:[+-][0-9]{1,2}|-[A-Za-z_]+)*)+")
#: Areas whose last part is a city, and not a direction as in US/Central or Brazil/West.
_CITIES = re.compile(r"(?:Africa|America|Asia|Atlantic|Europe|Indian|Pacific)/[^/]+")
#: The offset alone, or in front of a name as Windows and Salesforce have it.
_OFFSET = re.compile(
    r"\s*\(?\s*(?P<utc>UTC|GMT)?\s*"
    r"(?:(?P<sign>[+\u2212\u2013-])\s*"
    r"(?:(?P<hours>[0-9]{1,2})(?::(?P<minutes>[0-9]{2}))?|(?P<compact>[0-9]{4}))"
    r")?\s*\)?(?=\s|$|\()",
    re.IGNORECASE,
)
#: Offsets that are not whole hours and that nobody leaves in summer.
_FIXED = {
    210: "Asia/Tehran",
    270: "Asia/Kabul",
    330: "Asia/Kolkata",
    345: "Asia/Kathmandu",
    390: "Asia/Yangon",
    525: "Australia/Eucla",
    -570: "Pacific/Marquesas",
}
_EAST, _WEST = 14, -12
#: What in Australia may mean another clock.
_AMERICAN = frozenset(("et", "edt", "easterndaylighttime", "ct", "cdt", "centraldaylighttime"))
#: Abbreviations that mean other clocks elsewhere, by the countries of the number.
_BY_COUNTRY = {
    ("US", "CA"): {
        "est": "America/New_York America/Panama",
        "cst": "America/Chicago America/Regina",
        "mst": "America/Denver America/Phoenix",
        "pst": "America/Los_Angeles",
        "ast": "America/Halifax America/Puerto_Rico",
        "adt": "America/Halifax",
        "nst": "America/St_Johns",
    },
    ("AU",): {
        "est": "Australia/Sydney Australia/Brisbane",
        "eastern": "Australia/Sydney Australia/Brisbane",
        "easterntime": "Australia/Sydney Australia/Brisbane",
        "easternstandardtime": "Australia/Sydney Australia/Brisbane",
        "cst": "Australia/Adelaide Australia/Darwin",
        "central": "Australia/Adelaide Australia/Darwin",
        "centraltime": "Australia/Adelaide Australia/Darwin",
        "centralstandardtime": "Australia/Adelaide Australia/Darwin",
        "wst": "Australia/Perth",
    },
    ("GB",): {"bst": "Europe/London", "gmt": "Europe/London"},
    ("IE",): {"ist": "Europe/Dublin", "gmt": "Europe/Dublin"},
    ("IN",): {"ist": "Asia/Kolkata"},
    ("IL",): {"ist": "Asia/Jerusalem"},
    ("CN",): {"cst": "Asia/Shanghai"},
}


@lru_cache(maxsize=4096)
def zone_named(text: str, countries: tuple[str, ...] = ()) -> str | None:
    """
    The zone that a text means, as one or several IANA names with spaces between.

    Known are IANA names in any capitals, also inside a longer text; cities that give a zone its
    name; the names that Windows, Rails, Salesforce and HubSpot use; abbreviations that mean one
    clock; and offsets. An offset does not say whether it is the one of summer, so it stands for
    the hours on either side of it, too.

    Args:
        text: What stands in the cell.
        countries: Of the number; `EST` is another time in Australia, and means nothing alone.

    Returns:
        None where there is doubt: `CST` is in America, China and Australia.
    """
    if len(text) > _LONGEST:
        return None
    for name in _IANA.findall(text):
        if name.lower() in _iana():
            return _iana()[name.lower()]
    found = _named(text, countries)
    offset = _OFFSET.match(text)
    if found is not None or offset is None or not (offset["utc"] or offset["sign"]):
        return found or _of_cities(text, countries)
    rest = text[offset.end() :].strip()
    if rest and not offset["utc"]:
        return None
    return _named(rest, countries) or _of_cities(rest, countries) or _around(offset)


def zone_of_row(columns: ColumnMap, cells: Sequence[str], e164: str = "") -> str | None:
    """
    What a row says of its time zone, as the ledger keeps it.

    Args:
        columns: Where it stands: the field `timezone`.
        cells: The row.
        e164: Its number, for abbreviations that mean different zones in different countries.

    Returns:
        IANA names with spaces between; None where the row says nothing, so that its number
        tells; `NOWHERE` where it says what cannot be understood: then it is not called, for
        the number would be a guess against what the list says.
    """
    source = columns.get("timezone")
    text = trimmed(cells[source.columns[0]]) if source is not None else ""
    if not text:
        return None
    return zone_named(text, countries_of(e164)) or NOWHERE


def _named(text: str, countries: tuple[str, ...]) -> str | None:
    """The zone of a name."""
    word = key(text)
    for where, local in _BY_COUNTRY.items():
        if word in local and set(countries) & set(where):
            return local[word] if set(countries) <= set(where) else None
    return None if "AU" in countries and word in _AMERICAN else _names().get(word)


def _of_cities(text: str, countries: tuple[str, ...]) -> str | None:
    """The zones of several cities, as Windows writes one zone; those not known are no matter."""
    found = (_named(part, countries) for part in text.split(",")) if "," in text else ()
    return " ".join(dict.fromkeys(zone for one in found if one for zone in one.split())) or None


def _around(offset: re.Match[str]) -> str | None:
    """The zones of an offset, with summer time and without."""
    compact = offset["compact"] or "0000"
    hours, minutes = offset["hours"] or compact[:2], offset["minutes"] or compact[2:]
    ahead = (int(hours) * 60 + int(minutes)) * (1 if offset["sign"] == "+" else -1)
    whole, odd = divmod(ahead, 60)
    if odd:
        return _FIXED.get(ahead)
    if not _WEST <= whole <= _EAST:
        return None
    near = (whole, *(one for one in (whole - 1, whole + 1) if _WEST <= one <= _EAST))
    return " ".join(f"Etc/GMT{-one:+d}" if one else "Etc/GMT" for one in near)


@cache
def _iana() -> dict[str, str]:
    """IANA's names with an area, by themselves in small letters."""
    listed = files("tzdata").joinpath("zones").read_text("utf-8").split()
    return {name.lower(): name for name in listed if "/" in name}


@cache
def _names() -> dict[str, str]:
    """What else people write, as `words.key` writes it; what means two zones means neither."""
    cities: dict[str, set[str]] = {}
    for name in _iana().values():
        if _CITIES.fullmatch(name):
            cities.setdefault(key(name.rsplit("/", 1)[1]), set()).add(name)
    known = {city: next(iter(names)) for city, names in cities.items() if len(names) == 1}
    return known | _listed()


@cache
def _listed() -> dict[str, str]:
    text = Path(__file__).with_name("zone_names.tsv").read_text("utf-8")
    lines = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {key(name): zones for zones, names in lines for name in names.split("|")}
