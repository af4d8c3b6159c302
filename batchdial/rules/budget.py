"""What a campaign takes in time, minutes and money, and whether one more call may begin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, inf
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from batchdial.models import CallStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

#: Minutes that a call is taken to last while no call's length is known.
ASSUMED_MINUTES = 2
#: Minutes that no call lasts longer than, where the agent does not say (the API's own limit).
LONGEST_MINUTES = 60
#: Pieces into which a stretch of a list is cut; in each, zones stand in turn.
PIECES = 100
#: How far ahead is looked; what is not called by then is said to take longer.
HORIZON = timedelta(days=366)

N = TypeVar("N", int, Decimal)


def billed(seconds: float) -> int:
    """
    Minutes that a call of so many seconds is taken to cost: each that was begun.

    The service documents no prices. A call that was never answered lasts 0 s and costs nothing.
    """
    return ceil(seconds / 60)


def longest_call(agent: Mapping[str, Any] | None) -> int:
    """Minutes after which the service ends an agent's calls: its `maxCallDuration`, 1 to 60."""
    told = (agent or {}).get("maxCallDuration")
    if isinstance(told, (int, float)) and not isinstance(told, bool) and 0 < told < LONGEST_MINUTES:
        return ceil(told)
    return LONGEST_MINUTES


@dataclass(frozen=True, slots=True)
class History:
    """Calls that are over, and what is known of them."""

    calls: int = 0
    seconds: int = 0  #: of all together
    minutes: int = 0  #: of all together, each billed by itself


class Range(NamedTuple, Generic[N]):
    """What it comes to if all goes short, as it usually goes, and at worst."""

    low: N
    likely: N
    worst: N


@dataclass(frozen=True, slots=True)
class Lengths:
    """What one call comes to on average."""

    seconds: float  #: that it likely lasts
    low: Fraction  #: billed minutes if every call ends within its first
    likely: Fraction  #: billed minutes as calls went so far, else ASSUMED_MINUTES
    worst: Fraction  #: billed minutes if every call lasts until the service ends it
    known: int = 0  #: calls that this rests on; 0 is an assumption

    def minutes(self, calls: int) -> Range[int]:
        """Billed minutes of so many calls."""
        return Range(ceil(calls * self.low), ceil(calls * self.likely), ceil(calls * self.worst))


def lengths(history: History, longest: int) -> Lengths:
    """
    What to expect of a call.

    Args:
        history: The calls of this agent that are over.
        longest: Minutes after which the service ends a call.
    """
    worst = Fraction(longest)
    if not history.calls:
        likely = min(Fraction(ASSUMED_MINUTES), worst)
        return Lengths(float(likely * 60), Fraction(1), likely, worst)
    likely = min(Fraction(history.minutes, history.calls), worst)
    seconds = history.seconds / history.calls
    return Lengths(seconds, min(Fraction(1), likely), likely, worst, history.calls)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run is going to take; every row is called once."""

    calls: int  #: that will be made
    minutes: Range[int]  #: billed
    money: Range[Decimal] | None  #: in the currency of the price; None without a price
    start: datetime  #: when dialling begins, be it with waiting
    begin: datetime | None  #: when the first call leaves; None where none does
    finish: datetime | None  #: when the last call leaves
    left: int  #: rows that are not called: before the end, within the budget, or in HORIZON
    each: Lengths  #: what one call was taken to come to


def always_open(_zone: Hashable, _at: datetime) -> tuple[bool, None]:
    """The opening of a campaign without calling hours."""
    return True, None


def estimate(
    work: Sequence[Mapping[Hashable, int]],
    *,
    now: datetime,
    spacing: float,
    each: Lengths,
    opening: Callable[[Hashable, datetime], tuple[bool, datetime | None]] = always_open,
    max_live: int | None = None,
    end: datetime | None = None,
    price: Decimal | None = None,
    most: int | None = None,
) -> Estimate:
    """
    Reckon what a run takes, by walking from one opening or closing to the next.

    Rows are called in the order of the list, those first whose zone is open. Where the number
    of calls at a time is limited, calls end at the pace of their mean length.

    Args:
        work: Rows by zone, for each stretch of the list in its order; within a stretch zones are
            taken to be mixed evenly. One stretch for all will do where the list is mixed.
        now: When dialling begins; aware.
        spacing: Seconds between two calls: `Pacer.spacing`, or what the service takes to answer
            over the number of lanes, where that is more.
        each: What a call comes to.
        opening: Whether a zone may be called at a moment, and when that changes next.
        max_live: Most calls in progress at a time.
        end: No call begins from then on.
        price: Of a minute.
        most: Calls that a budget has room for; see `Budget.room`.
    """
    rows = sum(sum(stretch.values()) for stretch in work)
    walk = _Walk(work, now, spacing, opening, max_live, each.seconds)
    calls = walk.go(min(now + HORIZON, end or now + HORIZON), rows if most is None else most)
    minutes = each.minutes(calls)
    money = None if price is None else Range(*(price * one for one in minutes))
    return Estimate(calls, minutes, money, now, walk.first, walk.last, rows - calls, each)


class _Walk:
    """The rows that are left, on the way from one opening or closing to the next."""

    def __init__(
        self,
        work: Sequence[Mapping[Hashable, int]],
        now: datetime,
        spacing: float,
        opening: Callable[[Hashable, datetime], tuple[bool, datetime | None]],
        max_live: int | None,
        seconds: float,
    ) -> None:
        self._left = [piece for stretch in work for piece in _cut(stretch)]
        self._now = self._turn = now
        self._spacing = spacing
        self._opening = opening
        # Calls that may begin at once, and how many more every second as others end.
        self._lines = self._free = inf if max_live is None else float(max_live)
        self._freed = inf if seconds <= 0 else self._lines / seconds
        self._doors: dict[Hashable, tuple[bool, datetime | None]] = {}
        self.first: datetime | None = None
        self.last: datetime | None = None

    def go(self, end: datetime, most: int) -> int:
        """Make calls until the end; how many there were."""
        made = 0
        while self._now < end and made < most and (zones := self._zones()):
            is_open, until = self._look(zones, end)
            waiting = sum(part.get(zone, 0) for part in self._left for zone in is_open)
            number = min(waiting, self._possible(until), most - made)
            if number:
                self._make(number, is_open)
                made += number
            self._pass(until, number)
        return made

    def _zones(self) -> set[Hashable]:
        return {zone for part in self._left for zone, number in part.items() if number}

    def _look(self, zones: set[Hashable], end: datetime) -> tuple[set[Hashable], datetime]:
        """The zones that are open now, and the next moment at which any zone changes."""
        is_open, until = set(), end
        for zone in zones:
            door = self._doors.get(zone)
            if door is None or (door[1] is not None and door[1] <= self._now):
                door = self._doors[zone] = self._opening(zone, self._now)
            if door[1] is not None:
                if door[1] <= self._now:
                    raise ValueError(f"the opening of {zone} does not change later than it is")
                until = min(until, door[1])
            if door[0]:
                is_open.add(zone)
        return is_open, until

    def _possible(self, until: datetime) -> int:
        """Calls that may leave before a moment."""
        turns = ceil((until - max(self._turn, self._now)).total_seconds() / self._spacing)
        if self._freed == inf:
            return max(0, turns)
        return max(0, min(turns, floor(self._free + self._freed * self._seconds(until))))

    def _make(self, number: int, is_open: set[Hashable]) -> None:
        turn = max(self._turn, self._now)
        waits = 0.0 if self._freed == inf else max(0.0, number - self._free) / self._freed
        paced = turn + timedelta(seconds=(number - 1) * self._spacing)
        self.last = max(paced, self._now + timedelta(seconds=waits))
        self.first = self.first or turn
        self._turn = self.last + timedelta(seconds=self._spacing)
        for part in self._left:
            number -= _take(part, is_open, number)
            if not number:
                break
        self._left = [part for part in self._left if any(part.values())]

    def _pass(self, until: datetime, number: int) -> None:
        if self._freed != inf:
            gained = self._freed * self._seconds(until)
            self._free = min(self._lines, self._free + gained - number)
        self._now = until

    def _seconds(self, until: datetime) -> float:
        return (until - self._now).total_seconds()


def _cut(stretch: Mapping[Hashable, int]) -> Iterator[dict[Hashable, int]]:
    """A stretch in pieces that are mixed alike: who was passed over stands before the others."""
    pieces = min(PIECES, max(stretch.values(), default=0)) if len(stretch) > 1 else 1
    for nth in range(pieces):
        yield {
            zone: rows * (nth + 1) // pieces - rows * nth // pieces
            for zone, rows in stretch.items()
        }


def _take(part: dict[Hashable, int], is_open: set[Hashable], number: int) -> int:
    """Take rows of open zones out of a stretch, of each its share; how many there were."""
    there = {zone: rows for zone, rows in part.items() if rows and zone in is_open}
    total = sum(there.values())
    taken = rest = min(number, total)
    for zone, rows in there.items():
        share = round(rest * rows / total)
        part[zone] -= share
        rest, total = rest - share, total - rows
    return taken


@dataclass(frozen=True, slots=True)
class Used:
    """What a campaign has used of its budget, in whole calls and billed minutes."""

    calls: int = 0  #: that rang or may have rung, those in progress included
    minutes: int = 0  #: of calls that are over; the longest for those that nobody can tell
    open: int = 0  #: of the calls, those that may still cost something
    asked: int = 0  #: of the open ones, requests without an answer yet: maybe nobody is called

    def begun(self) -> Used:
        """One more call was claimed."""
        return replace(self, calls=self.calls + 1, open=self.open + 1, asked=self.asked + 1)

    def settled(self, status: CallStatus, longest: int) -> Used:
        """
        The request for a call came to an end.

        Args:
            status: What it came to. A call that may have rung counts at its longest.
            longest: Minutes after which the service ends a call.
        """
        if status is CallStatus.SUCCESS:
            return replace(self, asked=self.asked - 1)
        over = replace(self, open=self.open - 1, asked=self.asked - 1)
        if status is CallStatus.UNKNOWN:
            return replace(over, minutes=self.minutes + longest)
        return replace(over, calls=self.calls - 1)

    def ended(self, seconds: float) -> Used:
        """A call is over; it lasted so long."""
        return replace(self, open=self.open - 1, minutes=self.minutes + billed(seconds))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no call may begin."""

    text: str  #: a sentence that names the cap
    final: bool  #: whether it stays so, however short the calls in progress turn out


@dataclass(frozen=True, slots=True)
class Budget:
    """
    Caps over all runs of a campaign, and whether they leave room for one more call.

    Counted pessimistically: the call that is to begin, and each that may still cost something,
    counts as long as the service lets it last. A cap is therefore not overrun at all while the
    service keeps to the agent's `maxCallDuration`; if that is raised meanwhile, by no more than
    the calls that were in progress then. When calls turn out shorter, they give room back.
    """

    longest: int  #: minutes after which the service ends a call
    max_calls: int | None = None
    max_minutes: int | None = None
    max_spend: Decimal | None = None
    price: Decimal | None = None  #: of a minute; without one there is no cap on money

    @property
    def is_capped(self) -> bool:
        """Whether there is anything to count."""
        return self.max_calls is not None or bool(self._minutes())

    def refuse(self, used: Used) -> Refusal | None:
        """Why one more call may not begin; None where it may."""
        if self.max_calls is not None and used.calls >= self.max_calls:
            text = f"--max-calls {self.max_calls:,} is reached."
            return Refusal(text, final=used.calls - used.asked >= self.max_calls)
        for flag, minutes in self._minutes().items():
            if used.minutes + (used.open + 1) * self.longest > minutes:
                return self._short(flag, minutes, used)
        return None

    def room(self, used: Used, each: Fraction) -> int | None:
        """
        How many more calls there is room for if each comes to so many minutes; None for any number.

        Args:
            used: Until now.
            each: Billed minutes of a call.
        """
        found = [] if self.max_calls is None else [self.max_calls - used.calls]
        for minutes in self._minutes().values():
            spare = minutes - used.minutes - used.open * each - self.longest
            if spare < 0:
                found.append(0)
            elif each:
                found.append(floor(spare / each) + 1)
        return max(0, min(found)) if found else None

    def _minutes(self) -> dict[str, int]:
        """Minutes that each cap allows."""
        caps = {}
        if self.max_minutes is not None:
            caps[f"--max-minutes {self.max_minutes:,}"] = self.max_minutes
        if self.max_spend is not None and self.price:
            caps[f"--max-spend {self.max_spend:,}"] = int(self.max_spend // self.price)
        return caps

    def _short(self, flag: str, minutes: int, used: Used) -> Refusal:
        final = used.minutes + self.longest > minutes
        called = f"{used.minutes:,} of {minutes:,} minutes are used"
        if used.open:
            called += f", {used.open:,} in progress may take {used.open * self.longest:,}"
        return Refusal(
            f"{flag} leaves no room for one more call: {called}, "
            f"and a call may last {self.longest}.",
            final,
        )
