"""Which dates are public holidays of a country, or of a part of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchdial.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date


def feasts_of(place: str, years: Iterable[int]) -> frozenset[date]:
    """
    The public holidays of a place in some years, with the days on which they are observed.

    Args:
        place: An ISO code such as `GB`, or with a part of the country, such as `US-AL`.
        years: Of the calendar.

    Raises:
        ConfigError: The extra package is not installed, or does not know the place.
    """
    try:
        import holidays
    except ImportError:
        raise ConfigError(
            f"The public holidays of {place} need one more package: "
            "pip install 'batchdial[holidays]'\n"
            "Or name the dates: --holidays 2026-12-25,2026-12-26"
        ) from None
    country, _, part = place.partition("-")
    try:
        return frozenset(holidays.country_holidays(country, subdiv=part or None, years=list(years)))
    except NotImplementedError:
        raise ConfigError(
            f"No public holidays are known of {place!r}. Give the code of a country, "
            "alone or with a part of it: US, GB, DE-BY."
        ) from None
