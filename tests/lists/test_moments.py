"""Times of logs are read exactly, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from batchdial.lists.moments import NoZoneError, read_moment
from batchdial.rules.evidence import Span

AT = datetime(2026, 11, 22, 14, 41, 7, tzinfo=UTC)
EXACT = AT.replace(microsecond=250_000)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
LONDON, KOLKATA = ZoneInfo("Europe/London"), ZoneInfo("Asia/Kolkata")


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("2026-11-22T14:41:07Z", Span(AT, AT + SECOND)),
        (" 2026-11-22 14:41:07 UTC ", Span(AT, AT + SECOND)),
        ("2026-11-22T20:11:07+05:30", Span(AT, AT + SECOND)),
        ("2026-11-22 09:41:07 -0500", Span(AT, AT + SECOND)),
        ("20261122T144107Z", Span(AT, AT + SECOND)),
        ("2026-11-22T14:41Z", Span(AT.replace(second=0), AT.replace(second=0) + MINUTE)),
        ("2026-11-22T14:41:07.250Z", Span(EXACT, EXACT)),
        ("1795358467", Span(AT, AT + SECOND)),
        ("1795358467.0", Span(AT, AT + SECOND)),
        ("1795358467000", Span(AT, AT + timedelta(milliseconds=1))),
        ("2026-11-22 20:11:07", Span(AT, AT + SECOND)),
    ],
)
def test_read(text: str, span: Span) -> None:
    """ISO 8601 and Unix time, in any zone, as exactly as they are told."""
    assert read_moment(text, KOLKATA) == span


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-22",
        "20261122",
        "14:41:07",
        "11/22/2026 02:41 PM",
        "2026-13-22T14:41:07Z",
        "2026-11-22T25:41:07Z",
        "0001-01-01T00:00:00+14:00",
        "45983.6118",
        "179535846",
        "2026-10-25 01:30:00",  # struck twice in London
        "2026-03-29 01:30:00",  # never
    ],
)
def test_refused(text: str) -> None:
    """What is no moment, or may be one of two."""
    with pytest.raises(ValueError, match=r"."):
        read_moment(text, LONDON)


def test_no_zone() -> None:
    """A time without a zone is not guessed."""
    with pytest.raises(NoZoneError):
        read_moment("2026-11-22 14:41:07", None)
