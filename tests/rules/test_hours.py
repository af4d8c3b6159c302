"""Calling hours: never outside them in any zone, and every hour inside them is used."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdial.rules.hours import (
    ALWAYS,
    DEFAULT,
    CallingHours,
    Hours,
    Opening,
    Place,
    Window,
    only_on,
    opening,
    parse_days,
    parse_hours,
)

#: Both hemispheres; Santiago's clock leaves out, and strikes twice, the hour at midnight.
CITIES = ("America/New_York", "Europe/London", "Australia/Sydney", "America/Santiago")
#: Half hours, quarters of an hour, a summer time of half an hour, both sides of the date line.
ODD = (
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Honolulu",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Kolkata",
)
#: All that a number of the North American plan may be in, as phonenumbers lists them.
NORTH_AMERICA = (
    *(f"America/{name}" for name in (
        "Adak", "Anchorage", "Anguilla", "Antigua", "Barbados", "Boise", "Cayman", "Chicago",
        "Denver", "Dominica", "Edmonton", "Fort_Nelson", "Grand_Turk", "Grenada", "Halifax",
        "Jamaica", "Juneau", "Los_Angeles", "Lower_Princes", "Montserrat", "Nassau", "New_York",
        "North_Dakota/Center", "Phoenix", "Port_of_Spain", "Puerto_Rico", "Regina",
        "Santo_Domingo", "St_Johns", "St_Kitts", "St_Lucia", "St_Thomas", "St_Vincent", "Toronto",
        "Tortola", "Vancouver", "Winnipeg",
    )),
    *("Atlantic/Bermuda", "Pacific/Guam", "Pacific/Honolulu", "Pacific/Pago_Pago"),
    "Pacific/Saipan",
)  # fmt: skip
YEAR = 2026
WEEK = 7 * 1440
DAY = timedelta(days=1)
LEFT_OUT = frozenset((date(2026, 3, 8), date(2026, 7, 4), date(2026, 12, 25)))
SCHEDULES = (
    "mon-fri 09:00-12:00,13:00-18:30; sat 10:00-14:00",
    "22:00-06:00",
    "fri 18:00-03:15; sun 00:00-01:30,23:30-24:00",
)


#: The standard library keeps eight of them.
clock_of = cache(ZoneInfo)


def naive(hours: Hours, zone: str, at: datetime) -> bool:
    """The definition itself: the clock on the wall, and the windows of today and yesterday."""
    local = at.astimezone(clock_of(zone))
    today, minute = local.date(), local.hour * 60 + local.minute
    yesterday = today - timedelta(days=1)
    if today in hours.without:
        return False
    if any(one.opens <= minute < one.closes for one in hours.windows[today.weekday()]):
        return True
    return yesterday not in hours.without and any(
        minute + 1440 < one.closes for one in hours.windows[yesterday.weekday()]
    )


def moments(step: timedelta) -> list[datetime]:
    """A year of UTC, and a day on either side, for the zones that are ahead and behind."""
    begin = datetime(YEAR, 1, 1, tzinfo=UTC) - timedelta(days=1)
    return [begin + step * count for count in range(int(timedelta(days=367) / step))]


def drawn(hours: Hours) -> tuple[bytearray, bytearray]:
    """The minutes of a week that are inside on their own day, and those after its midnight."""
    own, late = bytearray(WEEK), bytearray(WEEK)
    for weekday, windows in enumerate(hours.windows):
        for window in windows:
            for minute in range(window.opens, window.closes):
                mask = own if minute < 1440 else late
                mask[(weekday * 1440 + minute) % WEEK] = 1
    return own, late


@pytest.mark.parametrize("zone", CITIES)
def test_every_minute_of_a_year(zone: str) -> None:
    """
    A minute is open when the clock on the wall says that it is inside, and at no other time.

    And there is no minute of the week inside the hours that was never open.
    """
    clock, place = clock_of(zone), Place((zone,))
    cases = []
    for text in SCHEDULES:
        hours = Hours(parse_hours(text).windows, LEFT_OUT)
        cases.append((CallingHours([hours]).opening, *drawn(hours), *drawn(only_on(()))))
    for at in moments(timedelta(minutes=1)):
        local = at.astimezone(clock)
        today = local.date()
        minute = local.weekday() * 1440 + local.hour * 60 + local.minute
        closed, no_night = today in LEFT_OUT, today - DAY in LEFT_OUT
        for ask, own, late, own_used, late_used in cases:
            begun, goes_on = own[minute], late[minute] and not no_night
            is_open = ask(place, at).is_open
            assert is_open is bool(not closed and (begun or goes_on)), local
            if is_open:
                own_used[minute] |= begun
                late_used[minute] |= goes_on
    for _, own, late, own_used, late_used in cases:
        assert (own_used, late_used) == (own, late)


@pytest.mark.parametrize("text", ["08:00-21:00", "06:30-01:00"])
def test_a_year_of_a_number_with_42_zones(text: str) -> None:
    """It is open when every one of the 42 is, and at no other time."""
    assert len(NORTH_AMERICA) == 42
    hours = Hours(parse_hours(text).windows, LEFT_OUT)
    gate, place = CallingHours([hours]), Place(NORTH_AMERICA, ("US",))
    times = moments(timedelta(minutes=30))
    for at in times:
        wanted = all(naive(hours, zone, at) for zone in NORTH_AMERICA)
        assert gate.opening(place, at).is_open is wanted, at
    assert any(gate.opening(place, at).is_open for at in times)


ZONES = st.lists(st.sampled_from(CITIES + ODD), min_size=1, max_size=4, unique=True)
TIMES = st.integers(0, 730 * 86_400_000).map(
    lambda ms: datetime(2025, 12, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
WINDOWS = st.builds(
    lambda opens, length: Window(opens, opens + length),
    st.integers(0, 1439),
    st.integers(1, 1439),
)
DATES = st.frozensets(st.dates(date(2025, 12, 1), date(2028, 12, 1)), max_size=40)
HOURS = st.builds(
    lambda days, without: Hours(tuple(map(tuple, days)), without),
    st.lists(st.lists(WINDOWS, max_size=2), min_size=7, max_size=7),
    DATES,
)


@given(
    st.lists(HOURS, min_size=1, max_size=2), ZONES, TIMES, st.lists(st.floats(0, 1), max_size=20)
)
def test_an_answer_holds_exactly_until_it_says(
    hours: list[Hours], zones: list[str], at: datetime, parts: list[float]
) -> None:
    """Nothing changes before `until`, and there it does; without one, nothing does in a year."""

    def wanted(moment: datetime) -> bool:
        return all(naive(one, zone, moment) for one in hours for zone in zones)

    found = opening(hours, zones, at)
    assert found.is_open is wanted(at)
    end = found.until or at + timedelta(days=365)
    assert end > at
    between = [at + (end - at) * part for part in parts if part < 1]
    for moment in [*between, end - timedelta(seconds=1)]:
        assert not at <= moment < end or wanted(moment) is found.is_open
    if found.until is not None:
        assert wanted(found.until) is not found.is_open


@given(st.lists(HOURS, min_size=1, max_size=2), ZONES, st.lists(TIMES, min_size=1, max_size=30))
def test_what_is_remembered_is_what_would_be_found(
    hours: list[Hours], zones: list[str], times: list[datetime]
) -> None:
    """Also where the clock of the machine is set back."""
    gate = CallingHours(hours)
    for at in times:
        assert gate.opening(Place(tuple(zones)), at) == opening(hours, zones, at)


@pytest.mark.parametrize(
    ("zone", "asked", "until"),
    [
        pytest.param(
            "America/New_York", "2026-03-07T22:00-05:00", "2026-03-08T08:00-04:00", id="gap"
        ),
        pytest.param(
            "America/New_York", "2026-10-31T22:00-04:00", "2026-11-01T08:00-05:00", id="fold"
        ),
        pytest.param(
            "Australia/Sydney", "2026-10-03T22:00+10:00", "2026-10-04T08:00+11:00", id="south"
        ),
    ],
)
def test_the_night_in_which_the_clock_changes(zone: str, asked: str, until: str) -> None:
    """It opens at eight by the new time."""
    found = opening([DEFAULT], [zone], datetime.fromisoformat(asked))
    assert found == Opening(False, datetime.fromisoformat(until))


def test_an_hour_that_is_struck_twice_is_inside_both_times() -> None:
    """Two hours of the clock between one and two."""
    found = opening(
        [parse_hours("01:00-02:00")], ["Europe/London"], datetime(2026, 10, 25, tzinfo=UTC)
    )
    assert found == Opening(True, datetime(2026, 10, 25, 2, tzinfo=UTC))


def test_an_hour_that_is_left_out_never_comes() -> None:
    """The window opens on the next day."""
    found = opening(
        [parse_hours("01:00-02:00")], ["Europe/London"], datetime(2026, 3, 29, tzinfo=UTC)
    )
    assert found == Opening(False, datetime(2026, 3, 30, tzinfo=UTC))


def test_first_and_last_second() -> None:
    """The first minute is inside, the last is not."""
    seen = [
        opening(
            [DEFAULT], ["Europe/London"], datetime.fromisoformat(f"2026-01-07T{clock}Z")
        ).is_open
        for clock in ("07:59:59.999999", "08:00:00", "20:59:59.999999", "21:00:00")
    ]
    assert seen == [False, True, True, False]


def test_without_a_zone_nobody_is_called() -> None:
    """Whatever the hours; only `any` needs none."""
    at = datetime(2026, 1, 7, 12, tzinfo=UTC)
    nowhere = Place((), ("US",))
    assert CallingHours([DEFAULT]).opening(nowhere, at) == Opening(False, None)
    assert CallingHours([ALWAYS]).opening(nowhere, at) == Opening(False, None)
    assert CallingHours([]).opening(nowhere, at) == Opening(True, None)
    assert CallingHours([]).is_any


def test_never_and_always() -> None:
    """Nothing that changes is nothing to wait for."""
    at = datetime(2026, 1, 7, 12, tzinfo=UTC)
    assert opening([only_on(())], CITIES, at) == Opening(False, None)
    assert opening([ALWAYS], CITIES, at) == Opening(True, None)
    apart = [parse_hours("mon 10:00-11:00"), parse_hours("tue 10:00-11:00")]
    assert opening(apart, ["Europe/London"], at) == Opening(False, None)


def test_countries_have_hours_of_their_own() -> None:
    """A number that may be from two is called when both allow it; from none known, when all do."""
    late, early = parse_hours("12:00-21:00"), parse_hours("08:00-14:00")
    gate = CallingHours([DEFAULT], {"US": [late], "CA": [early]})
    zones = ("Etc/GMT",)

    def open_hours(*countries: str) -> list[int]:
        place = Place(zones, countries)
        times = [datetime(2026, 1, 7, hour, tzinfo=UTC) for hour in range(24)]
        return [at.hour for at in times if gate.opening(place, at).is_open]

    assert open_hours("GB") == list(range(8, 21))
    assert open_hours("US") == list(range(12, 21))
    assert open_hours("US", "CA") == [12, 13]
    assert open_hours() == [12, 13]


def test_what_a_decision_rests_on() -> None:
    """Zones that keep the same time together, with the windows of that date, as JSON."""
    hours = Hours(DEFAULT.windows, frozenset({date(2026, 11, 22)}), "us-federal")
    place = Place(("America/New_York", "Australia/Sydney", "America/Toronto"), ("US",))
    told = CallingHours([hours]).evidence(place, datetime(2026, 11, 22, 14, tzinfo=UTC))
    assert json.loads(json.dumps(told)) == {
        "at": "2026-11-22T14:00:00+00:00",
        "open": False,
        "until": "2026-11-23T21:00:00+00:00",
        "zones": [
            {
                "zones": ["America/New_York", "America/Toronto"],
                "local": "2026-11-22T09:00:00-05:00",
                "windows": {"us-federal": []},
            },
            {
                "zones": ["Australia/Sydney"],
                "local": "2026-11-23T01:00:00+11:00",
                "windows": {"us-federal": ["08:00-21:00"]},
            },
        ],
    }


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("08:00-21:00", "08:00-21:00"),
        ("8-21", "08:00-21:00"),
        ("8 a.m. to 9:30 pm", "08:00-21:30"),
        ("12am - 12pm", "00:00-12:00"),
        ("09:00-12:00, 13:00\u201318:00", "09:00-12:00,13:00-18:00"),
        ("22:00-06:00", "22:00-06:00"),
        ("20:00-00:00", "20:00-24:00"),
        ("0:00-24:00", "00:00-24:00"),
        ("mon-fri 09:00-17:00; sat 10:00-14:00", "mon-fri 09:00-17:00; sat 10:00-14:00"),
        ("Mon, Wed and Friday 9-17", "mon,wed,fri 09:00-17:00"),
        ("fri - mon 9-17", "mon,fri,sat,sun 09:00-17:00"),
        ("weekdays 9-17; 10-14", "mon-fri 09:00-17:00; sat,sun 10:00-14:00"),
        ("every day: 9-17", "09:00-17:00"),
    ],
)
def test_hours_that_are_read(text: str, read: str) -> None:
    """As people write them; said back in one way, which is read as the same."""
    hours = parse_hours(text)
    assert str(hours) == read
    assert parse_hours(read) == hours


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["there is no window in it, such as 08:00-21:00"]),
        ("mon-fri", ["there is no window in it, such as 08:00-21:00"]),
        ("9-25", ["'9-25' is no window such as 08:00-21:00"]),
        ("9:70-10", ["'9:70-10' is no window such as 08:00-21:00"]),
        ("13pm-2pm", ["'13pm-2pm' is no window such as 08:00-21:00"]),
        ("8-9pm", ["'8-9pm' says am or pm of one time only; say it of both"]),
        ("9-9", ["'9-9' ends when it begins; the whole day is 00:00-24:00"]),
        ("mon 9-10; mon 11-12", ["mon is in two parts; put its windows into one"]),
        ("9-10; 11-12", ["two parts name no weekday; part windows with commas"]),
        (
            "moon 9-10; tue 24-25",
            [
                "'moon' is no weekday; write mon-fri or mon,wed,sat",
                "'24-25' is no window such as 08:00-21:00",
            ],
        ),
    ],
)
def test_hours_that_are_not_read(text: str, problems: list[str]) -> None:
    """Everything that is wrong at once, each with what to write."""
    with pytest.raises(ValueError, match=re.escape(problems[0])) as caught:
        parse_hours(text)
    assert str(caught.value).split("\n") == problems


@given(HOURS)
def test_hours_are_said_as_they_are_read(hours: Hours) -> None:
    """Whatever the windows are."""
    if not any(hours.windows):
        assert str(hours) == "never"
        return
    again = parse_hours(str(hours))
    ordered = [tuple(sorted(windows)) for windows in hours.windows]
    assert [tuple(sorted(windows)) for windows in again.windows] == ordered


def test_weekdays() -> None:
    """By name, from one to another, or as a group."""
    assert parse_days("mon-fri") == parse_days("weekdays") == frozenset(range(5))
    assert parse_days("Sat,Sun") == parse_days("weekend") == {5, 6}
    with pytest.raises(ValueError, match="'fun' is no weekday"):
        parse_days("mon-fri,fun")
    with pytest.raises(ValueError, match="there is no weekday in it"):
        parse_days(" ")
