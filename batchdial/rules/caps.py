"""How often one person may be called: rolling windows over all calls to a number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from batchdial.models import Cap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Caps:
    """
    Caps that all hold at once; none caps nothing.

    A window of 24 hours that begins with a call ends just before the same time on the next
    day: a call at 09:00 leaves it at 09:00.
    """

    every: tuple[Cap, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read `3/24h,7/7d`.

        Raises:
            ValueError: A part is no cap; the message names it.
        """
        return cls(tuple(Cap.parse(part) for part in text.split(",")))

    @property
    def longest(self) -> timedelta:
        """How far back calls count."""
        return max((cap.within for cap in self.every), default=timedelta(0))

    def next_allowed(self, times: Sequence[datetime], now: datetime) -> datetime | None:
        """
        When one more call keeps within every cap.

        Args:
            times: Moments of calls to the number, in any order; those ahead of `now`, by
                another machine's clock, count as well.
            now: The moment of the call.

        Returns:
            None if that is now; otherwise the first moment at which it is, if nobody calls
            the number meanwhile.
        """
        found = self.reached(times, now)
        return found[1] if found else None

    def reached(self, times: Sequence[datetime], now: datetime) -> tuple[Cap, datetime] | None:
        """The cap that allows the next call last, and when; None where none is reached."""
        latest = sorted(times, reverse=True)
        free = [
            (latest[cap.calls - 1] + cap.within, cap)
            for cap in self.every
            if len(latest) >= cap.calls
        ]
        at, cap = max(free, key=lambda one: one[0], default=(now, None))
        return (cap, at) if cap is not None and at > now else None

    def __str__(self) -> str:
        return ",".join(map(str, self.every))


NO_CAPS = Caps()
