"""When is a person called again after what their last call came to?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from batchdial.models import time_span

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

#: What a call may come to without anybody having been reached. `pickedUp` is none of them.
UNREACHED = ("unanswered", "voicemail", "ivr", "disconnected", "failed")
_AT = re.compile(r"([1-9][0-9]?)d@([01]?[0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Delay:
    """How long after a call the next one comes."""

    span: timedelta  #: after the call, or whole days of the person's calendar
    at: time | None = None  #: by the person's own clock, on that day

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read `30m`, `2h`, or `1d@10:00`: at ten on the next day, where the person is.

        Raises:
            ValueError: The text is none of these.
        """
        found = _AT.fullmatch(text.strip())
        if found is not None:
            return cls(timedelta(days=int(found[1])), time(int(found[2]), int(found[3])))
        span = time_span(text)
        if span < timedelta(minutes=1):
            raise ValueError(f"{text!r} is less than a minute after a call")
        return cls(span)

    def after(self, ended: datetime, zone: str | None) -> datetime:
        """The moment, in UTC; without a zone, days are those of UTC."""
        if self.at is None:
            return ended + self.span
        clock = ZoneInfo(zone) if zone else UTC
        day = ended.astimezone(clock).date() + self.span
        return datetime.combine(day, self.at, clock).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Redial:
    """Who is called again, how often and when; nobody without outcomes or delays."""

    outcomes: frozenset[str] = frozenset()
    delays: tuple[Delay, ...] = ()  #: before the second call, the third, and so on

    def __bool__(self) -> bool:
        return bool(self.outcomes and self.delays)

    def due(
        self, outcome: str, calls: int, ended: datetime, zones: Sequence[str] = ()
    ) -> datetime | None:
        """
        When a person is called again.

        Args:
            outcome: What their last call came to.
            calls: How often this campaign called them so far.
            ended: When the last call was over, UTC.
            zones: Where they may be; calling hours are asked once more when the time has come.

        Returns:
            None where they are not called again.
        """
        if outcome not in self.outcomes or not 1 <= calls <= len(self.delays):
            return None
        return self.delays[calls - 1].after(ended, zones[0] if zones else None)


def parse_delays(text: str) -> tuple[Delay, ...]:
    """
    Read `30m,2h,1d@10:00`.

    Raises:
        ValueError: A part is no delay; the message names it.
    """
    return tuple(Delay.parse(part) for part in text.split(",") if part.strip())


def parse_outcomes(words: Collection[str]) -> frozenset[str]:
    """
    The outcomes that are called again.

    Raises:
        ValueError: One is none, or means that somebody was reached.
    """
    known = {word.lower(): word for word in UNREACHED}
    wrong = sorted(word for word in words if word.lower() not in known)
    if wrong:
        there_are = ", ".join(UNREACHED)
        raise ValueError(f"{', '.join(wrong)} is never called again; these may be: {there_are}")
    return frozenset(known[word.lower()] for word in words)


def history(calls: Sequence[tuple[datetime, str]], due: datetime | None) -> str:
    """All calls of one person as a sentence; empty for a single one that is the last."""
    if len(calls) < 2 and due is None:
        return ""
    told = ", ".join(f"{outcome} at {at:%Y-%m-%d %H:%M}" for at, outcome in calls)
    times = "once" if len(calls) == 1 else f"{len(calls)} times"
    again = f" Called again from {due:%Y-%m-%d %H:%M}." if due is not None else ""
    return f"Called {times}: {told} (UTC).{again}"
