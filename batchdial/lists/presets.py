"""Calling hours that have a name: what laws and codes of conduct say, with source and date."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from batchdial.rules.hours import Hours, parse_hours

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date


@dataclass(frozen=True, slots=True)
class Preset:
    """One entry of presets.toml."""

    name: str
    countries: tuple[str, ...]  #: ISO codes of the numbers that it holds for
    hours: Hours
    kind: str  #: "law", or "guidance" that binds those who joined it
    source: str
    url: str  #: where it was read
    read: date
    since: date | None = None  #: in force since
    holidays: tuple[str, ...] = ()  #: places whose public holidays are left out
    note: str = ""


@cache
def presets() -> Mapping[str, Preset]:
    """All of them by name, as the package's own file has them."""
    told = tomllib.loads(Path(__file__).with_name("presets.toml").read_text("utf-8"))
    return {
        name: Preset(
            name,
            tuple(entry["countries"]),
            Hours(parse_hours(entry["hours"]).windows, name=name),
            entry["kind"],
            entry["source"],
            entry["url"],
            entry["read"],
            entry.get("since"),
            tuple(entry.get("holidays", ())),
            entry.get("note", ""),
        )
        for name, entry in told.items()
    }
