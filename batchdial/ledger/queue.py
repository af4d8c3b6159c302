"""Which rows of a scope come next: those that were not looked at yet, and those that wait."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchdial.ledger.rows import Pick
    from batchdial.models import CallStatus


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row whose time has not come."""

    at: float  #: Unix time in seconds
    row_id: int
    status: CallStatus  #: where it stood when it was looked at


@dataclass(slots=True)
class Step:
    """What one transaction does to a queue; a commit that was lost skips nobody."""

    picks: list[Pick]
    cursor: int  #: id of the row of the first pick that was looked at last
    asked: bool  #: whether a row was asked for; else nobody looked what there is
    due: tuple[int, ...]  #: lists whose rows may be called again after what a call came to
    woken: list[Waiting] = field(default_factory=list)  #: looked at again, in the queue's order
    parked: list[Waiting] = field(default_factory=list)
    due_at: float | None = None  #: when there is more to look at than what waits


@dataclass(slots=True)
class _Group:
    """Rows that wait for the same moment, eight bytes each."""

    rows: array[int] = field(default_factory=lambda: array("q"))
    begin: int = 0  #: those before were taken out


class Queue:
    """
    The rows of a scope; each is handed out once, unless it is put back.

    Args:
        picks: Which rows, in this order.
        due: Lists whose rows may be called again after what a call came to, when they are due.
    """

    def __init__(self, picks: Sequence[Pick], due: Sequence[int] = ()) -> None:
        self._picks = list(picks)
        self._due = tuple(due)
        self._cursor = 0
        self._groups: dict[tuple[float, CallStatus], _Group] = {}
        self._due_at: float | None = None

    @property
    def next_at(self) -> float | None:
        """When the first of those that wait may be looked at again; None if none waits."""
        times = [at for at, _ in list(self._groups)]  # a commit may be changing it
        if self._due_at is not None:
            times.append(self._due_at)
        return min(times, default=None)

    def waiting(self) -> dict[float, int]:
        """How many rows wait until when."""
        found: dict[float, int] = {}
        for (at, _), group in sorted(self._groups.items(), key=lambda one: one[0]):
            found[at] = found.get(at, 0) + len(group.rows) - group.begin
        return found

    def begin(self, now: float, most: int) -> Step:
        """Where a transaction goes on, with the first rows whose time has come."""
        step = Step(list(self._picks), self._cursor, most > 0, self._due)
        for at, status in sorted(key for key in self._groups if key[0] <= now):
            group = self._groups[at, status]
            rows = group.rows[group.begin : group.begin + most - len(step.woken)]
            step.woken += [Waiting(at, row_id, status) for row_id in rows]
        return step

    def end(self, step: Step) -> None:
        """Take what a transaction did that is through."""
        self._picks, self._cursor = step.picks, step.cursor
        if step.asked:
            self._due_at = step.due_at
        for one in step.woken:
            group = self._groups[one.at, one.status]
            group.begin += 1
            if group.begin == len(group.rows):
                del self._groups[one.at, one.status]
        for one in step.parked:
            self.park(one)

    def park(self, one: Waiting) -> None:
        """Let a row wait; to the second, so that rows of one zone wait together."""
        key = float(math.ceil(one.at)), one.status
        self._groups.setdefault(key, _Group()).rows.append(one.row_id)
