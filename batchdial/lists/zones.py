"""Where the person behind a number may be: the time zones and the countries that it can have."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumberType, region_code_for_number
from phonenumbers.phonenumberutil import is_number_type_geographical, number_type
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

from batchdial.lists.parsing import Number
from batchdial.rules.hours import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What stands in a row's zone where its cell could not be understood: nobody is called there.
NOWHERE = UNKNOWN_TIMEZONE
#: By digits as they begin a number; the longest that fits tells.
_BY_PREFIX: Mapping[str, tuple[str, ...]] = TIMEZONE_DATA
_REGIONS = {str(code): regions for code, regions in COUNTRY_CODE_TO_REGION_CODE.items()}
_NORTH_AMERICA = 1
_RUSSIA = 7
#: Country codes all of whose zones keep the same time, so that the kind of number is no matter.
_ONE_CLOCK = frozenset((39, 44, 47, 358))
#: A subscriber's number that is in use under every area code of North America that is.
_ANYBODY = "2345678"


@lru_cache(maxsize=65_536)
def place_of(e164: str, zone: str | None = None) -> Place:
    """
    Where a person may be.

    Args:
        e164: Their number.
        zone: What their row says: an IANA name, or several with spaces between, as
            `zone_names.zone_of_row` gives it. None where it says nothing: then the
            number tells. `NOWHERE` is no zone.
    """
    zones = zones_of(e164) if zone is None else tuple(zone.split())
    return Place(() if NOWHERE in zones else zones, countries_of(e164))


@lru_cache(maxsize=65_536)
def zones_of(e164: str) -> tuple[str, ...]:
    """
    The time zones that a number may be in, as phonenumbers knows them.

    A number that is not bound to a place, as mobile ones are in most countries, may be in every
    zone of its country code. In North America the area code tells, also of mobile numbers.

    Returns:
        None where nobody can say, as for satellite phones.
    """
    number = _read(e164)
    if number is None:
        return ()
    everywhere = _BY_PREFIX.get(str(number.code), ())
    if number.code == _NORTH_AMERICA:
        return _by_prefix(e164[1:])
    if len(everywhere) == 1 or number.code in _ONE_CLOCK:
        return everywhere
    zones = tuple(time_zones_for_number(number.as_phonenumber()))
    return () if NOWHERE in zones else zones


@lru_cache(maxsize=65_536)
def countries_of(e164: str) -> tuple[str, ...]:
    """
    The ISO codes of the countries that a number may be from.

    Territories that share a country code have its first country's, but for North America,
    and Kazakhstan. A number of North America without an area may be from all of it.
    """
    number = _read(e164)
    if number is None:
        return ()
    if number.code == _NORTH_AMERICA:
        return _of_area(number.national[:3])
    if number.code == _RUSSIA:
        return (region_code_for_number(number.as_phonenumber()) or "RU",)
    return (COUNTRY_CODE_TO_REGION_CODE[number.code][0],)


def _read(e164: str) -> Number | None:
    """What stands behind the plus; None where it is of no country."""
    for end in range(2, 5):
        regions = _REGIONS.get(e164[1:end])
        if regions is not None:
            return None if regions == ("001",) else Number(int(e164[1:end]), e164[end:])
    return None


def _by_prefix(digits: str) -> tuple[str, ...]:
    lengths = range(TIMEZONE_LONGEST_PREFIX, 0, -1)
    return next((found for n in lengths if (found := _BY_PREFIX.get(digits[:n]))), ())


@cache
def _of_area(area: str) -> tuple[str, ...]:
    """The countries of an area code of North America."""
    number = Number(_NORTH_AMERICA, area + _ANYBODY).as_phonenumber()
    kind = number_type(number)
    country = region_code_for_number(number)
    placed = kind != PhoneNumberType.UNKNOWN and is_number_type_geographical(kind, _NORTH_AMERICA)
    if country is None or (country in ("US", "CA") and not placed):
        return tuple(COUNTRY_CODE_TO_REGION_CODE[_NORTH_AMERICA])
    return (country,)
