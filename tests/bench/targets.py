"""What must be reached, and what was found of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    #: A figure's samples by what was measured, in seconds unless its note says otherwise.
    Samples = Mapping[str, Sequence[float]]


class Ask(StrEnum):
    """In which direction a target is reached."""

    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True, slots=True)
class Part:
    """One figure of a line."""

    ask: Ask
    target: float
    unit: str = "x"  #: "x" is a ratio, "" a number
    name: str = ""  #: which of the line's figures, where it has several
    aim: float | None = None  #: what would be better still

    def is_reached(self, value: float) -> bool:
        """Whether a figure is good enough."""
        return value >= self.target if self.ask is Ask.AT_LEAST else value <= self.target


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; `{rows}` and the like in it are filled with what was measured."""

    key: str
    what: str
    against: str
    parts: tuple[Part, ...]


def _least(target: float, unit: str = "x", name: str = "", aim: float | None = None) -> Part:
    return Part(Ask.AT_LEAST, target, unit, name, aim)


def _most(target: float, unit: str = "x", name: str = "") -> Part:
    return Part(Ask.AT_MOST, target, unit, name)


#: Calls a second of which the pace is looked at where they arrive.
RATES = (5, 50, 500)
LINES = (
    Line(
        "prepare",
        "prepare {rows} messy rows into the ledger",
        "pandas, apply(phonenumbers), duplicated, to_sql",
        (_least(20, aim=30),),
    ),
    Line("numbers", "clean {rows} numbers, one core", "phonenumbers loop", (_least(12, aim=20),)),
    Line(
        "agreement",
        "disagreements on {inputs} random inputs, all regions",
        "phonenumbers itself",
        (_most(0, ""),),
    ),
    Line(
        "growth",
        "prepare {many} rows",
        "its own {rows}",
        (_most(11, name="time"), _most(700, "MiB", "memory in all")),
    ),
    Line("dispatch-50", "dispatch, 50 in flight, 50 ms", "ideal 1,000/s", (_least(0.85),)),
    Line("dispatch-200", "dispatch, 200 in flight", "ideal 4,000/s", (_least(0.5, aim=0.85),)),
    Line(
        "script",
        "dispatch",
        "asyncio, one httpx client, semaphore, csv",
        (_least(5, name="50 in flight"), _least(10, name="200 in flight")),
    ),
    Line("ledger", "ledger on, 50 in flight, 50 ms", "ledger off", (_least(0.95),)),
    Line(
        "pace",
        "pace at the server",
        "the limit",
        tuple(
            part
            for rate in RATES
            for part in (
                _most(1, name=f"{rate}/s, fullest second"),
                _least(0.98, name=f"{rate}/s, average"),
            )
        ),
    ),
    Line("results", "write results of {rows} rows", "pandas to_csv", (_least(5),)),
    Line("resume", "resume {rows} rows, to the first call", "`check`", (_most(0.2),)),
    Line(
        "start",
        "start",
        "`python -c pass`",
        (_most(0.15, "s more", "`--help`"), _most(0.6, "s more", "`status`")),
    ),
)


@dataclass(frozen=True, slots=True)
class Found:
    """One figure as it was measured."""

    key: str  #: of its line
    part: Part
    value: float
    note: str  #: the absolute figures, for information
    samples: Samples

    @property
    def is_reached(self) -> bool:
        """Whether it is good enough."""
        return self.part.is_reached(self.value)


def line(key: str) -> Line:
    """The line of a key."""
    return next(one for one in LINES if one.key == key)


def found(
    key: str, value: float, note: str, samples: Samples | None = None, *, part: str = ""
) -> Found:
    """
    A figure of a line.

    Raises:
        StopIteration: There is no such line, or no such part of it.
    """
    which = next(one for one in line(key).parts if one.name == part)
    return Found(key, which, value, note, samples or {})


def missing(figures: Iterable[Found], keys: Iterable[str]) -> list[str]:
    """What was to be measured and was not."""
    there = {(one.key, one.part.name) for one in figures}
    wanted = [(key, part.name) for key in keys for part in line(key).parts]
    return [" ".join(one).strip() for one in wanted if one not in there]
