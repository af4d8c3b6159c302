"""
May this person be called now, by their own clock; and if not, when?

Hours are windows of local time by weekday. Everything here is exact to the second: a window
takes in its first minute and ends before its last, `08:00-21:00` is open at 08:00:00 and
closed at 21:00:00. A local time that the clock strikes twice is inside both times, one that
it leaves out never comes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: Monday first, as `date.weekday` counts.
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))
_LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_WORDS = {
    **{name: at for names in (WEEKDAYS, _LONG_DAYS) for at, name in enumerate(names)},
    **{f"{name}s": at for at, name in enumerate(_LONG_DAYS)},
    "tues": 1,
    "thur": 3,
    "thurs": 3,
}
_DAY_GROUPS = {
    "weekday": frozenset(range(5)),
    "weekdays": frozenset(range(5)),
    "weekend": frozenset((5, 6)),
    "weekends": frozenset((5, 6)),
    "daily": EVERY_DAY,
    "every day": EVERY_DAY,
}
_DASH = r"\s*(?:-|\u2013|\u2014|\bto\b)\s*"
_BETWEEN_DAYS = re.compile(r"\band\b|[\s,+&]+")
_BETWEEN_WINDOWS = re.compile(r"\band\b|[,+&]")
_PART = re.compile(r"(?P<days>[^0-9]*?)\s*(?P<windows>(?:[0-9].*)?)", re.DOTALL)
_CLOCK = r"([0-9]{1,2})(?:[:.]([0-9]{2}))?\s*([ap])?\.?(?:m\.?)?"
_WINDOW = re.compile(rf"\s*{_CLOCK}{_DASH}{_CLOCK}\s*", re.IGNORECASE)

_MINUTE, _HALF_DAY, _DAY_MINUTES, _DAY = 60, 12, 24 * 60, 24 * 60 * 60
_EPOCH = date(1970, 1, 1).toordinal()
#: How far ahead an opening is looked for.
_YEAR = 366 * _DAY


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A stretch of local time that begins on one day; past midnight it belongs to that day."""

    opens: int  #: minutes after midnight, 0 to 1439
    closes: int  #: minutes after the same midnight, past 1440 on the next day

    def __str__(self) -> str:
        """As a person writes it: `22:00-06:00`."""
        return f"{_clock(self.opens)}-{_clock(self.closes)}"


@dataclass(frozen=True, slots=True)
class Hours:
    """
    When people may be called, by their own clock.

    On a date that is left out nobody is called, nor after midnight in a window that began
    on one.
    """

    windows: tuple[tuple[Window, ...], ...]  #: of each weekday, Monday first
    without: frozenset[date] = frozenset()  #: local dates on which nobody is called
    name: str = ""  #: the preset or the setting that it comes from

    def __str__(self) -> str:
        """As `parse_hours` reads it."""
        if self.windows == ALWAYS.windows:
            return "00:00-24:00"
        parts: dict[str, list[int]] = {}
        for day, windows in enumerate(self.windows):
            if windows:
                parts.setdefault(",".join(map(str, windows)), []).append(day)
        if [*parts.values()] == [list(range(7))]:
            return next(iter(parts))
        return "; ".join(f"{_days_text(days)} {text}" for text, days in parts.items()) or "never"

    def on(self, day: date) -> tuple[Window, ...]:
        """The windows that begin on a local date."""
        return () if day in self.without else self.windows[day.weekday()]


class Place(NamedTuple):
    """Where a person may be, as far as their number or their row tells."""

    zones: tuple[str, ...]  #: IANA names, all that are possible; none where nobody can say
    countries: tuple[str, ...] = ()  #: ISO codes that the number may be from


class Opening(NamedTuple):
    """Whether somebody may be called, and how long that holds."""

    is_open: bool
    until: datetime | None  #: UTC; when it closes, or else opens; None: not within a year


ALWAYS = Hours(((Window(0, _DAY_MINUTES),),) * 7)
#: Of the person called; 47 CFR 64.1200(c)(1) has the same.
DEFAULT = Hours(((Window(8 * 60, 21 * 60),),) * 7)


def parse_hours(text: str) -> Hours:
    """
    Read windows: `08:00-21:00`, `9-12,13-18`, `mon-fri 09:00-17:00; sat 10:00-14:00`.

    A window that ends before it begins goes on past midnight. A part without weekdays is for
    those that no other part names; weekdays that no part is for are closed.

    Raises:
        ValueError: Everything that cannot be understood, a line each, with what to write.
    """
    problems: list[str] = []
    by_day: dict[int, tuple[Window, ...]] = {}
    rest: tuple[Window, ...] | None = None
    for part in filter(str.strip, text.lower().split(";")):
        found = _PART.fullmatch(part.strip())
        days, windows = (found["days"].strip(" ,:"), found["windows"]) if found else ("", part)
        named, wrong = _days(days) if days else (frozenset[int](), [])
        read, unread = _windows(windows)
        problems += wrong + unread
        twice = sorted(named & by_day.keys())
        if twice:
            problems.append(f"{WEEKDAYS[twice[0]]} is in two parts; put its windows into one")
        by_day |= dict.fromkeys(named, read)
        if not days:
            if rest is not None:
                problems.append("two parts name no weekday; part windows with commas")
            rest = read
    if not by_day and rest is None and not problems:
        problems.append("there is no window in it, such as 08:00-21:00")
    if problems:
        raise ValueError("\n".join(problems))
    return Hours(tuple(by_day.get(day, rest or ()) for day in range(7)))


def parse_days(text: str) -> frozenset[int]:
    """
    Read weekdays: `mon-fri`, `mon,wed,sat`, `weekdays`; `fri-mon` goes over the weekend.

    Returns:
        Them as `date.weekday` counts: Monday is 0.

    Raises:
        ValueError: Everything that is no weekday, a line each.
    """
    days, problems = _days(text.lower())
    if not days and not problems:
        problems = ["there is no weekday in it, such as mon-fri"]
    if problems:
        raise ValueError("\n".join(problems))
    return days


def only_on(days: Iterable[int]) -> Hours:
    """All day on some weekdays, counted from Monday as 0; never on others."""
    chosen = frozenset(days)
    return Hours(tuple(ALWAYS.windows[day] if day in chosen else () for day in range(7)))


def opening(hours: Sequence[Hours], zones: Sequence[str], at: datetime) -> Opening:
    """
    Whether all of some hours are open in all of some zones, and until when that holds.

    Args:
        hours: All of them must allow it; none is no restriction.
        zones: IANA names of where the person may be. Without one there is no call.
        at: Now, with a zone.

    Returns:
        Also the exact second at which it changes, if it does within a year.
    """
    if not zones or at > _LAST:
        return Opening(False, None)
    begin = int(at.timestamp() // 1)
    is_open, moment = _holds(hours, zones, begin)
    while moment <= begin + _YEAR:
        other, until = _holds(hours, zones, moment)
        if other is not is_open:
            return Opening(is_open, datetime.fromtimestamp(moment, UTC))
        moment = until
    return Opening(is_open, None)


class CallingHours:
    """
    The hours of a run; it remembers every answer for as long as that holds.

    Args:
        everywhere: For people of countries that have none of their own.
        countries: By ISO code, instead of those.
    """

    def __init__(
        self, everywhere: Sequence[Hours], countries: Mapping[str, Sequence[Hours]] | None = None
    ) -> None:
        self._everywhere = tuple(everywhere)
        self._countries = {code: tuple(hours) for code, hours in (countries or {}).items()}
        self._held: dict[Place, tuple[datetime, datetime, Opening]] = {}
        #: Whether everybody may be called at any time, also where nobody knows their zone.
        self.is_any = not self._everywhere and not any(self._countries.values())

    def opening(self, place: Place, at: datetime) -> Opening:
        """
        Whether somebody may be called now.

        Costs less than a microsecond until the answer changes.

        Returns:
            Closed for good (until is None) where nobody can say in which zone they are.
        """
        held = self._held.get(place)
        if held is not None and held[0] <= at < held[1]:
            return held[2]
        found = Opening(True, None) if self.is_any else opening(self.of(place), place.zones, at)
        end = found.until or min(at, _LAST) + timedelta(seconds=_DAY)
        self._held[place] = (at, end, found)
        return found

    def of(self, place: Place) -> tuple[Hours, ...]:
        """The hours that hold for somebody: of every country that their number may be from."""
        if not place.countries:
            sets = [self._everywhere, *self._countries.values()]
        else:
            sets = [self._countries.get(code, self._everywhere) for code in place.countries]
        return tuple(dict.fromkeys(hours for one in sets for hours in one))

    def evidence(self, place: Place, at: datetime) -> dict[str, Any]:
        """
        What a decision rests on, as JSON can hold it.

        Returns:
            `at` (UTC), `open`, `until`, and `zones`: those that keep the same time together, with
            their `local` time, its offset from UTC, and `windows`: what began there on this date,
            by each of the hours.
        """
        found = self.opening(place, at)
        clocks: dict[str, list[str]] = {}
        for zone in place.zones:
            clocks.setdefault(at.astimezone(ZoneInfo(zone)).isoformat(), []).append(zone)
        return {
            "at": at.astimezone(UTC).isoformat(),
            "open": found.is_open,
            "until": found.until.isoformat() if found.until else None,
            "zones": [
                {"zones": zones, "local": local, "windows": self._windows(place, local)}
                for local, zones in clocks.items()
            ],
        }

    def _windows(self, place: Place, local: str) -> dict[str, list[str]]:
        day = datetime.fromisoformat(local).date()
        return {one.name or str(one): list(map(str, one.on(day))) for one in self.of(place)}


#: No moment later than this is asked about: the calendar ends in 9999.
_LAST = datetime(9990, 1, 1, tzinfo=UTC)


def _holds(hours: Sequence[Hours], zones: Sequence[str], moment: int) -> tuple[bool, int]:
    """The state at a moment in Unix seconds, and a later one until which it certainly holds."""
    first_end, last_closed = moment + 2 * _YEAR, 0
    for zone in zones:
        offset, change = _offset(zone, moment)
        for one in hours:
            is_open, end = _local_state(one, moment + offset)
            until = min(end - offset, change)
            if is_open:
                first_end = min(first_end, until)
            else:
                last_closed = max(last_closed, until)
    return (False, last_closed) if last_closed else (True, first_end)


def _local_state(hours: Hours, local: int) -> tuple[bool, int]:
    """The state at a local time, and a later one until which it certainly holds; in seconds."""
    day, second = divmod(local, _DAY)
    for opens, closes in _stretches(hours, day):
        if second < opens:
            return False, day * _DAY + opens
        if second < closes:
            return True, day * _DAY + closes
    return False, (day + 1) * _DAY


@lru_cache(maxsize=65_536)
def _stretches(hours: Hours, day: int) -> tuple[tuple[int, int], ...]:
    """What is open of a local day, counted from 1970: seconds from and to, in order and apart."""
    today = date.fromordinal(_EPOCH + day)
    if today in hours.without:
        return ()
    late = [Window(0, w.closes - _DAY_MINUTES) for w in hours.on(today - timedelta(days=1))]
    joined: list[tuple[int, int]] = []
    for window in sorted([*(w for w in late if w.closes > 0), *hours.on(today)]):
        opens, closes = window.opens * _MINUTE, min(window.closes, _DAY_MINUTES) * _MINUTE
        if joined and opens <= joined[-1][1]:
            opens, closes = joined[-1][0], max(joined.pop()[1], closes)
        joined.append((opens, closes))
    return tuple(joined)


def _offset(zone: str, moment: int) -> tuple[int, int]:
    """Seconds that a zone is ahead of UTC at a moment, and when that may change."""
    starts, offsets, end = _offsets(zone, datetime.fromtimestamp(moment, UTC).year)
    at = bisect_right(starts, moment)
    return offsets[at - 1], starts[at] if at < len(starts) else end


@lru_cache(maxsize=4096)
def _offsets(zone: str, year: int) -> tuple[list[int], list[int], int]:
    """The offsets of a zone in a year of UTC: since when, how many seconds; and the year's end."""
    clock = ZoneInfo(zone)

    def ahead(moment: int) -> int:
        local = datetime.fromtimestamp(moment, clock)
        return round((local.utcoffset() or timedelta()).total_seconds())

    begin = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp())
    starts, offsets = [begin], [ahead(begin)]
    for day in range(begin, end, _DAY):
        before, after = day, day + _DAY
        if ahead(after) == offsets[-1]:
            continue
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (middle, after) if ahead(middle) == offsets[-1] else (before, middle)
        starts.append(after)
        offsets.append(ahead(after))
    return starts, offsets, end


def _days(text: str) -> tuple[frozenset[int], list[str]]:
    """The weekdays of a text in lower case, and what in it is none."""
    if text.strip() in _DAY_GROUPS:
        return _DAY_GROUPS[text.strip()], []
    days: set[int] = set()
    problems = []
    for part in filter(None, _BETWEEN_DAYS.split(re.sub(_DASH, "-", text))):
        begin, *end = (_DAY_WORDS.get(name) for name in part.split("-", 1))
        last = end[0] if end else begin
        if part in _DAY_GROUPS:
            days |= _DAY_GROUPS[part]
        elif begin is None or last is None:
            problems.append(f"{part!r} is no weekday; write mon-fri or mon,wed,sat")
        else:
            days |= {(begin + more) % 7 for more in range((last - begin) % 7 + 1)}
    return frozenset(days), problems


def _windows(text: str) -> tuple[tuple[Window, ...], list[str]]:
    """The windows of a text in lower case, and what in it is none."""
    windows: list[Window] = []
    problems = []
    if not text.strip():
        return (), ["there is no window in it, such as 08:00-21:00"]
    for part in _BETWEEN_WINDOWS.split(text.strip(" ,")):
        found = _WINDOW.fullmatch(part)
        opens = _minutes(*found.group(1, 2, 3)) if found else None
        closes = _minutes(*found.group(4, 5, 6)) if found else None
        if found is None or opens is None or closes is None or opens == _DAY_MINUTES:
            problems.append(f"{part.strip()!r} is no window such as 08:00-21:00")
        elif (found[3] is None) is not (found[6] is None):
            problems.append(f"{part.strip()!r} says am or pm of one time only; say it of both")
        elif opens == closes:
            problems.append(f"{part.strip()!r} ends when it begins; the whole day is 00:00-24:00")
        else:
            windows.append(Window(opens, closes if closes > opens else closes + _DAY_MINUTES))
    return tuple(sorted(windows)), problems


def _minutes(hour: str, minute: str | None, half: str | None) -> int | None:
    """Minutes after midnight of a time of day; None where there is no such time."""
    hours, minutes = int(hour), int(minute or 0)
    if half is not None:
        if not 1 <= hours <= _HALF_DAY:
            return None
        hours = hours % _HALF_DAY + (_HALF_DAY if half == "p" else 0)
    whole = hours * 60 + minutes
    return whole if minutes < 60 and whole <= _DAY_MINUTES else None


def _clock(minutes: int) -> str:
    shown = minutes if minutes <= _DAY_MINUTES else minutes - _DAY_MINUTES
    return f"{shown // 60:02}:{shown % 60:02}"


def _days_text(days: Sequence[int]) -> str:
    """`mon-fri`, or `mon,wed`."""
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{WEEKDAYS[days[0]]}-{WEEKDAYS[days[-1]]}"
    return ",".join(WEEKDAYS[day] for day in days)
