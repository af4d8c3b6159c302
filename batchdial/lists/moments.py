"""Text of a log becomes the stretch of time that it names."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from batchdial.rules.evidence import Span

if TYPE_CHECKING:
    from datetime import tzinfo

#: ISO 8601 with a time of day, and what programs make of it.
_ISO = re.compile(
    r"(?P<date>[0-9]{4}-?[0-9]{2}-?[0-9]{2})[T ](?P<hour>[0-9]{2}):?(?P<minute>[0-9]{2})"
    r"(?::?(?P<second>[0-9]{2})(?:[.,](?P<part>[0-9]{1,9}))?)?"
    r" ?(?P<zone>Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?",
    re.IGNORECASE,
)
#: Unix time in seconds of 2001 and later, or in milliseconds.
_SECONDS = re.compile(r"([0-9]{10})(?:\.([0-9]{1,9}))?")
_MILLISECONDS = re.compile(r"([0-9]{13})(?:\.0+)?")


class NoZoneError(ValueError):
    """A time says neither its zone nor is one given."""


def read_moment(text: str, zone: tzinfo | None) -> Span:
    """
    Read a time as exactly as it is told: `14:41` is a whole minute.

    Args:
        text: ISO 8601 with a time of day, or Unix time in seconds or milliseconds.
        zone: Of times that name none.

    Raises:
        NoZoneError: The time names no zone, and none is given.
        ValueError: It is no such time, or one that the zone's clock strikes twice or never.
    """
    text = text.strip()
    if match := _MILLISECONDS.fullmatch(text):
        return _span(datetime.fromtimestamp(int(match[1]) / 1000, UTC), timedelta(milliseconds=1))
    if match := _SECONDS.fullmatch(text):
        whole = not (match[2] or "").strip("0")
        exact = timedelta(seconds=1) if whole else timedelta()
        return _span(datetime.fromtimestamp(float(text), UTC), exact)
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError("it is no time that can be read")
    exact = (
        timedelta()
        if found["part"]
        else timedelta(seconds=1)
        if found["second"]
        else timedelta(minutes=1)
    )
    return _span(_zoned(found, zone), exact)


def _zoned(found: re.Match[str], zone: tzinfo | None) -> datetime:
    date = found["date"].replace("-", "")
    part = (found["part"] or "0")[:6].ljust(6, "0")
    clock = f"{found['hour']}{found['minute']}{found['second'] or '00'}.{part}"
    local = datetime.fromisoformat(f"{date}T{clock}")
    told = (found["zone"] or "").upper()
    if told:
        offset = "Z" if told in {"Z", "UTC", "GMT"} else told
        return datetime.fromisoformat(f"{local.isoformat()}{offset}")
    if zone is None:
        raise NoZoneError
    early, late = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if early.utcoffset() != late.utcoffset():
        raise ValueError("the clock of that zone strikes it twice, or never")
    return early


def _span(begin: datetime, exact: timedelta) -> Span:
    try:
        utc = begin.astimezone(UTC)
        return Span(utc, utc + exact)
    except OverflowError:
        raise ValueError("it is no time that can be read") from None
