"""What a person says of calling hours becomes the object that a run asks."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from typing import TYPE_CHECKING

from batchdial.errors import ConfigError
from batchdial.lists.feasts import feasts_of
from batchdial.lists.presets import presets
from batchdial.rules.hours import (
    ALWAYS,
    DEFAULT,
    CallingHours,
    Hours,
    only_on,
    parse_days,
    parse_hours,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batchdial.lists.presets import Preset
    from batchdial.settings import Settings

_BETWEEN = re.compile(r"[\s,;+]+")
_PLACE = re.compile(r"[A-Za-z]{2}(?:-[A-Za-z0-9]{1,3})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def calling_hours(settings: Settings, today: date) -> CallingHours:
    """
    The hours that `--hours`, `--days` and `--holidays` ask for.

    Args:
        settings: What was asked for.
        today: Public holidays are known from the year before it to the second after it.

    Raises:
        ConfigError: Everything that is wrong with them, at once.
    """
    asked = _Asked(range(today.year - 1, today.year + 3))
    chosen, own = asked.hours(settings.hours)
    limits, feasts = [*asked.days(settings.days)], asked.holidays(settings.holidays)
    dates, places = feasts
    if dates:
        limits.append(replace(ALWAYS, without=dates, name="holidays"))
    everywhere = (*own, *limits)
    countries: dict[str, tuple[Hours, ...]] = {}
    for preset in chosen:
        without = frozenset[date]().union(*map(asked.feasts, preset.holidays))
        for country in preset.countries:
            countries.setdefault(country, tuple(limits))
            countries[country] += (replace(preset.hours, without=without),)
    for place in places:
        country = place.partition("-")[0]
        left_out = replace(ALWAYS, without=asked.feasts(place), name=f"holidays of {place}")
        countries[country] = (*countries.get(country, everywhere), left_out)
    asked.check_open(everywhere, countries)
    return CallingHours(everywhere, countries)


class _Asked:
    """Reads the settings, and gathers what is wrong with them."""

    def __init__(self, years: range) -> None:
        self._years = years
        self._problems: list[str] = []

    def hours(self, text: str) -> tuple[list[Preset], tuple[Hours, ...]]:
        """The presets that `--hours` names, and the hours of countries that none is for."""
        words = [word for word in _BETWEEN.split(text.lower()) if word]
        if words == ["any"]:
            return [], ()
        if not words or re.search(r"[0-9]", text):
            return [], self._read(text)
        known = presets()
        for word in words:
            if word not in known:
                self._problems.append(f"--hours: {_unknown(word, known)}")
        return [known[word] for word in dict.fromkeys(words) if word in known], (
            replace(DEFAULT, name="default"),
        )

    def _read(self, text: str) -> tuple[Hours, ...]:
        try:
            return (parse_hours(text),)
        except ValueError as error:
            self._add("--hours", error)
            return ()

    def days(self, text: str | None) -> tuple[Hours, ...]:
        """The weekdays of `--days`, where there are any."""
        try:
            return () if text is None else (replace(only_on(parse_days(text)), name="days"),)
        except ValueError as error:
            self._add("--days", error)
            return ()

    def holidays(self, text: str | None) -> tuple[frozenset[date], list[str]]:
        """The dates of `--holidays`, and the places whose public holidays are meant."""
        dates, places = set(), []
        for word in filter(None, _BETWEEN.split(text or "")):
            if _PLACE.fullmatch(word):
                places.append(word.upper())
                continue
            try:
                if not _DATE.fullmatch(word):
                    raise ValueError
                dates.add(date.fromisoformat(word))
            except ValueError:
                self._problems.append(
                    f"--holidays: {word!r} is neither a date such as 2026-12-25 nor a country "
                    "such as GB"
                )
        return frozenset(dates), list(dict.fromkeys(places))

    def feasts(self, place: str) -> frozenset[date]:
        """The public holidays of a place."""
        try:
            return feasts_of(place, self._years)
        except ConfigError as error:
            if (told := str(error)) not in self._problems:
                self._problems.append(told)
            return frozenset()

    def check_open(
        self, everywhere: Sequence[Hours], countries: Mapping[str, Sequence[Hours]]
    ) -> None:
        """
        Refuse hours that never come.

        Raises:
            ConfigError: That, and whatever else was wrong.
        """
        if not self._problems:
            sets = {"": everywhere, **{f" for {code}": hours for code, hours in countries.items()}}
            self._problems += [
                f"--hours and --days{where} leave no weekday: nobody would ever be called"
                for where, hours in sets.items()
                if not any(all(one.windows[day] for one in hours) for day in range(7))
            ]
        if self._problems:
            raise ConfigError("\n".join(self._problems))

    def _add(self, flag: str, error: ValueError) -> None:
        self._problems += [f"{flag}: {line}" for line in str(error).split("\n")]


def _unknown(word: str, known: Mapping[str, Preset]) -> str:
    close = get_close_matches(word, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known))}"
    ways = "neither windows such as 08:00-21:00, nor any, nor the name of a preset"
    return f"{word!r} is {ways}; {hint}"
