"""Where a number may be, by its own digits and by what the row says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number
from phonenumbers.tzdata import TIMEZONE_DATA

from batchdial.lists import zones
from batchdial.lists.mapping import map_columns, payload
from batchdial.lists.zone_names import zone_named, zone_of_row
from batchdial.lists.zones import NOWHERE, countries_of, place_of, zones_of
from batchdial.models import SourceRow

NORTH_AMERICA = TIMEZONE_DATA["1"]
ISLANDS = 25 - 2  #: countries of +1 beside the US and Canada


def examples() -> list[tuple[str, str, phonenumbers.PhoneNumber]]:
    """An example of every kind of number of every country, as E.164 has it."""
    kinds = PhoneNumberType.values()
    found = [
        (region, phonenumbers.example_number_for_type(region, kind))
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        for kind in kinds
    ]
    return [
        (region, phonenumbers.format_number(number, PhoneNumberFormat.E164), number)
        for region, number in found
        if number is not None
    ]


def clocks(names: tuple[str, ...]) -> set[tuple[timedelta | None, ...]]:
    """What the clocks of zones show through ten years, each once."""
    times = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=5 * n) for n in range(730)]
    return {tuple(at.astimezone(ZoneInfo(name)).utcoffset() for at in times) for name in names}


def test_a_number_may_be_where_phonenumbers_says() -> None:
    """
    By the clock, of every kind of number of every country.

    But for the islands under +1, whose mobile numbers phonenumbers puts into all of North
    America, though their area code is the island's alone.
    """
    placed = 0
    for region, e164, number in examples():
        wanted = tuple(zone for zone in time_zones_for_number(number) if zone != UNKNOWN_TIMEZONE)
        found = zones_of(e164)
        if found != wanted and number.country_code == 1:
            assert wanted == NORTH_AMERICA
            assert countries_of(e164) == (region,)
            assert set(found) < set(wanted)
            placed += 1
        elif found != wanted:
            assert clocks(found) == clocks(wanted), (region, e164)
    assert placed


def test_zones_that_keep_one_time() -> None:
    """What is not told apart shows the same time at every moment."""
    for code in zones._ONE_CLOCK:
        assert len(clocks(TIMEZONE_DATA[str(code)])) == 1


def test_every_zone_is_known_to_the_clock() -> None:
    """No number leads to a zone that this machine has not."""
    assert {zone for found in TIMEZONE_DATA.values() for zone in found} <= available_timezones()


@pytest.mark.parametrize(
    ("e164", "count", "countries"),
    [
        pytest.param("+12025550123", 1, ("US",), id="us"),
        pytest.param("+16045550123", 1, ("CA",), id="canada"),
        pytest.param("+18765551234", 1, ("JM",), id="jamaica-mobile"),
        pytest.param("+19072345678", 2, ("US",), id="alaska"),
        pytest.param("+447911123456", 4, ("GB",), id="british-mobile"),
        pytest.param("+34612345678", 2, ("ES",), id="spanish-mobile"),
        pytest.param("+34922123456", 1, ("ES",), id="canaries"),
        pytest.param("+61412345678", 8, ("AU",), id="australian-mobile"),
        pytest.param("+61291234567", 1, ("AU",), id="sydney"),
        pytest.param("+77012345678", 16, ("KZ",), id="kazakh-mobile"),
        pytest.param("+870773111632", 0, (), id="satellite"),
        pytest.param("+80012345678", 0, (), id="of-no-country"),
        pytest.param("+0123", 0, (), id="no-number"),
        pytest.param("", 0, (), id="empty"),
    ],
)
def test_places(e164: str, count: int, countries: tuple[str, ...]) -> None:
    """The zones and the countries of numbers."""
    place = place_of(e164)
    assert (len(place.zones), place.countries) == (count, countries)


def test_a_toll_free_number_may_be_from_all_of_north_america() -> None:
    """Nothing in it says where: 42 zones, and every country of +1."""
    place = place_of("+18005550123")
    assert len(place.zones) == 42
    assert {"US", "CA", "JM"} <= set(place.countries)
    assert len(place.countries) == ISLANDS + 2


def test_the_row_comes_before_the_number() -> None:
    """And what could not be understood is no zone, whatever the number says."""
    assert place_of("+12025550123", "Europe/London") == (("Europe/London",), ("US",))
    assert place_of("+12025550123", "Etc/GMT Etc/GMT-1").zones == ("Etc/GMT", "Etc/GMT-1")
    assert place_of("+12025550123", NOWHERE).zones == ()


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("America/New_York", "America/New_York"),
        (" europe/LONDON ", "Europe/London"),
        ("(GMT-05:00) Eastern Standard Time (America/New_York)", "America/New_York"),
        ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("America/Port-au-Prince", "America/Port-au-Prince"),
        ("Etc/GMT+5", "Etc/GMT+5"),
        ("Eastern", "America/New_York"),
        ("ET", "America/New_York"),
        ("Pacific Time (US & Canada)", "America/Los_Angeles"),
        ("(UTC-08:00) Pacific Time (US & Canada)", "America/Los_Angeles"),
        ("Mountain", "America/Denver America/Phoenix"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("GMT Standard Time", "Europe/London"),
        ("Central Standard Time (Mexico)", "America/Mexico_City"),
        ("New York", "America/New_York"),
        ("Zurich", "Europe/Zurich"),
        (
            "(UTC+00:00) Dublin, Edinburgh, Lisbon, London",
            "Europe/Dublin Europe/London Europe/Lisbon",
        ),
        ("CET", "Europe/Berlin Africa/Tunis"),
        ("AEST", "Australia/Sydney Australia/Brisbane"),
        ("UTC+1", "Etc/GMT-1 Etc/GMT Etc/GMT-2"),
        ("GMT-05:00", "Etc/GMT+5 Etc/GMT+6 Etc/GMT+4"),
        ("(UTC+01:00) Somewhere", "Etc/GMT-1 Etc/GMT Etc/GMT-2"),
        ("UTC", "Etc/GMT Etc/GMT+1 Etc/GMT-1"),
        ("-12", "Etc/GMT+12 Etc/GMT+11"),
        ("+14:00", "Etc/GMT-14 Etc/GMT-13"),
        ("UTC+05:30", "Asia/Kolkata"),
    ],
)
def test_zones_that_are_understood(text: str, zone: str) -> None:
    """As IANA, people, Windows, Rails, Salesforce and offsets have them."""
    assert zone_named(text) == zone
    for one in zone.split():
        assert ZoneInfo(one).key == one


@pytest.mark.parametrize(
    "text",
    [
        "EST", "CST", "PST", "MST", "IST", "BST", "AST", "WEST", "Center", "Victoria",
        "UTC+9:30", "UTC+15", "UTC+100", "GMT-3:15", "5", "12:30", "2026-01-01", "n/a", "-", "()",
        "America/Nowhere", "x" * 10_000, "+1 202 555 0123",
    ],
)  # fmt: skip
def test_zones_that_are_in_doubt(text: str) -> None:
    """What means several clocks, or none, is no zone."""
    assert zone_named(text) is None


@pytest.mark.parametrize(
    ("text", "countries", "zone"),
    [
        ("EST", ("US",), "America/New_York America/Panama"),
        ("EST", ("AU",), "Australia/Sydney Australia/Brisbane"),
        ("Eastern", ("AU",), "Australia/Sydney Australia/Brisbane"),
        ("EDT", ("AU",), None),
        ("CST", ("CN",), "Asia/Shanghai"),
        ("CST", ("US", "AG", "CA"), None),
        ("GMT", ("GB",), "Europe/London"),
        ("IST", ("IN",), "Asia/Kolkata"),
        ("IST", ("IE",), "Europe/Dublin"),
    ],
)
def test_the_number_tells_abbreviations_apart(
    text: str, countries: tuple[str, ...], zone: str | None
) -> None:
    """Where its countries all agree."""
    assert zone_named(text, countries) == zone


def test_every_listed_name_is_a_zone() -> None:
    """The table has no zone that the clock has not, and no name twice."""
    from batchdial.lists.zone_names import _listed, _names

    assert {zone for found in _names().values() for zone in found.split()} <= available_timezones()
    text = zones.__file__.replace("zones.py", "zone_names.tsv")
    with open(text, encoding="utf-8") as table:
        lines = [line.rstrip("\n").split("\t") for line in table if not line.startswith("#")]
    assert sum(len(names.split("|")) for _, names in lines) == len(_listed())


HEADER = ["Phone", "First Name", "Time Zone", "plan"]


def test_the_column_of_the_time_zone() -> None:
    """It is found by name, decides the row's zone, and is not sent."""
    cells = ("+12025550123", "Ada", "London", "gold")
    columns = map_columns(HEADER, [SourceRow(2, cells)])
    source = columns.get("timezone")
    assert source is not None
    assert source.columns == (2,)
    assert payload(columns, cells, cells[0]) == {
        "phoneNumber": cells[0],
        "prospectName": "Ada",
        "plan": "gold",
    }
    assert zone_of_row(columns, cells) == "Europe/London"


@pytest.mark.parametrize(
    ("cell", "zone"),
    [
        ("", None),
        ("  ", None),
        ("\u200b", None),
        ("Europe/Berlin", "Europe/Berlin"),
        ("EST", "America/New_York America/Panama"),
        ("somewhere", NOWHERE),
    ],
)
def test_what_a_row_says(cell: str, zone: str | None) -> None:
    """A blank cell leaves it to the number; one that is not understood is no zone at all."""
    cells = ("+12025550123", "Ada", cell, "gold")
    columns = map_columns(HEADER, [SourceRow(2, cells)])
    assert zone_of_row(columns, cells, "+12025550123") == zone


def test_a_list_without_such_a_column() -> None:
    """The number tells."""
    columns = map_columns(["Phone", "plan"], [SourceRow(2, ("+12025550123", "gold"))])
    assert columns.get("timezone") is None
    assert zone_of_row(columns, ("+12025550123", "gold")) is None


def test_a_time_zone_can_be_sent_too() -> None:
    """Where somebody maps a variable to its column."""
    cells = ("+12025550123", "Ada", "London", "gold")
    columns = map_columns(HEADER, [SourceRow(2, cells)], overrides={"where": "Time Zone"})
    assert payload(columns, cells, cells[0])["where"] == "London"
    assert zone_of_row(columns, cells) == "Europe/London"


def test_a_column_of_another_name() -> None:
    """`--map time_zone=Ort` is the field of that name, in any spelling."""
    cells = ("+12025550123", "Europe/Rome")
    columns = map_columns(["Phone", "Ort"], [SourceRow(2, cells)], overrides={"time_zone": "Ort"})
    assert zone_of_row(columns, cells) == "Europe/Rome"
    assert payload(columns, cells, cells[0]) == {"phoneNumber": cells[0]}
