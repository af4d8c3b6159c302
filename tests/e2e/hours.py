"""Windows of calling hours that are certainly open or closed, whatever the time of day is."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.faults.tools import tool

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Two zones that never change their clocks, sixteen hours apart.
HERE, AWAY = "America/Phoenix", "Asia/Tokyo"


def window(zone: str = HERE, begin: float = -1.0, end: float = 2.0) -> str:
    """A window of a zone's local time, in hours from now."""
    now = datetime.now(ZoneInfo(zone))
    opens, closes = now + timedelta(hours=begin), now + timedelta(hours=end)
    return f"{opens:%H:%M}-{closes:%H:%M}"


def opens_at(hours: str, zone: str) -> datetime:
    """When a window that is closed in a zone opens there next."""
    now = datetime.now(ZoneInfo(zone))
    hour, minute = hours.split("-")[0].split(":")
    at = now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
    return at if at > now else at + timedelta(days=1)


def by_the_clock(at: datetime) -> str:
    """A moment as the command says it, by this machine's clock."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def faked(moment: str, zone: str = "UTC") -> Mapping[str, str]:
    """Variables under which a process believes that it begins at a moment, by the clock of UTC."""
    library = subprocess.run(
        [tool("faketime"), "-f", "+0", "printenv", "LD_PRELOAD"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    ahead = datetime.fromisoformat(moment).replace(tzinfo=UTC) - datetime.now(UTC)
    return {
        "LD_PRELOAD": library,
        "FAKETIME": f"{ahead.total_seconds():+.3f}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "TZ": zone,
    }
