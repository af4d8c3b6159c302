"""When a campaign begins and ends, as a person writes it, and whether that can be kept."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from datetime import tzinfo

_CLOCK = re.compile(r"(?:(today|tomorrow)\s+)?([01]?[0-9]|2[0-3]):([0-5][0-9])")
_EXAMPLES = "2026-12-01 09:00, 2026-12-01T09:00+01:00, 09:00 or tomorrow 09:00"


def parse_moment(text: str, now: datetime, zone: tzinfo) -> datetime:
    """
    Read a moment; a time without a date is the next one.

    A local time that the clock strikes twice is the first of them. One that it leaves out is
    the next that there is; `left_out` tells.

    Args:
        text: `2026-12-01 09:00`, with or without an offset, `09:00`, `tomorrow 09:00`.
        now: Aware.
        zone: Of texts that name none.

    Raises:
        ValueError: The text is none of these.
    """
    text = text.strip()
    found = _CLOCK.fullmatch(text.lower())
    if found is not None:
        day = now.astimezone(zone).date() + timedelta(days=found[1] == "tomorrow")
        at = time(int(found[2]), int(found[3]))
        moment = datetime.combine(day, at, zone)
        if found[1] is None and moment <= now:
            moment = datetime.combine(day + timedelta(days=1), at, zone)
        return _existing(moment)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date and time; write {_EXAMPLES}") from None
    if re.fullmatch(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}", text):
        raise ValueError(f"{text!r} names no time of day; write {_EXAMPLES}")
    return moment if moment.tzinfo else _existing(moment.replace(tzinfo=zone))


def local_zone() -> tzinfo:
    """This machine's time zone, with its changes of the clock where it names them."""
    name = os.environ.get("TZ") or _link(Path("/etc/localtime"))
    if name:
        with suppress(ZoneInfoNotFoundError, ValueError):
            return ZoneInfo(name)
    return datetime.now().astimezone().tzinfo or UTC


def _link(path: Path) -> str:
    """The zone that a link into the time zone database names."""
    with suppress(OSError):
        return str(path.resolve()).partition("/zoneinfo/")[2]
    return ""


def _existing(moment: datetime) -> datetime:
    """The moment, or the first that there is where the clock leaves it out."""
    back = datetime.fromtimestamp(moment.timestamp(), moment.tzinfo)
    if back.replace(tzinfo=None) == moment.replace(tzinfo=None, fold=0):
        return moment
    # A time in a gap is taken by the offset before it, or with fold by the one after it.
    before, after = int(moment.replace(fold=1).timestamp()), int(moment.timestamp())
    offset = datetime.fromtimestamp(after, moment.tzinfo).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        is_after = datetime.fromtimestamp(middle, moment.tzinfo).utcoffset() == offset
        before, after = (before, middle) if is_after else (middle, after)
    return datetime.fromtimestamp(after, moment.tzinfo)


def left_out(text: str, moment: datetime) -> str:
    """What to say of a text that names a time which the clock leaves out; else nothing."""
    hour = re.search(r"([0-9]{1,2}):([0-9]{2})", text)
    if hour is None or (int(hour[1]), int(hour[2])) == (moment.hour, moment.minute):
        return ""
    return (
        f"{text} does not exist: clocks are put forward then. "
        f"The next time that does is taken, {moment:%Y-%m-%d %H:%M}."
    )


def impossible(start: datetime | None, end: datetime | None, now: datetime) -> str:
    """Why nobody can be called between start and end; empty where somebody can."""
    begin = max(start or now, now)
    if end is None or end > begin:
        return ""
    begin = begin.astimezone(end.tzinfo)
    least = begin + timedelta(minutes=1)
    return (
        f"--end-at {end:%Y-%m-%d %H:%M} is not after the start, {begin:%Y-%m-%d %H:%M}. "
        f"The earliest that would do: --end-at '{least:%Y-%m-%d %H:%M}'"
    )


def is_late(
    start: datetime | None, began: datetime | None, grace: timedelta, now: datetime
) -> bool:
    """
    Whether a campaign that should have begun by itself comes too late to begin by itself.

    Args:
        start: When it was to begin.
        began: When it was first at work after its start, if it ever was.
        grace: How late it may begin.
        now: The moment at which it would begin.
    """
    return start is not None and began is None and now > start + grace
