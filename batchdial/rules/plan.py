"""May this row be dialled, when, and why not: one answer out of all rules that are asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a decision on one row rests on, but for the rules and the time."""

    list_id: int
    e164: str
    cells: Sequence[str] = ()  #: as they were read; none where the rules look at none
    suppressed_at: datetime | None = None  #: UTC; since when the ledger's own list has the number
    calls: Sequence[tuple[datetime, int, str]] = ()  #: when, by which campaign, and its name


@dataclass(frozen=True, slots=True)
class Go:
    """It may be dialled now."""

    evidence: str = ""  #: JSON; what was looked at


@dataclass(frozen=True, slots=True)
class Later:
    """It may be dialled later."""

    at: float  #: Unix time in seconds before which it need not be asked again


@dataclass(frozen=True, slots=True)
class Never:
    """It may not be dialled."""

    reason: str  #: a stable machine word
    detail: str  #: a sentence that says what to do
    evidence: str = ""  #: JSON; what was looked at


Decision = Go | Later | Never


class Policy(Protocol):
    """The rules of one campaign."""

    @property
    def basis(self) -> str:
        """What is the same for many decisions, as JSON; it changes with the files it tells of."""

    @property
    def memory(self) -> float:
        """Seconds for which it matters whether a number was called; 0 asks for no calls."""

    @property
    def reads_cells(self) -> bool:
        """Whether decisions rest on cells of the row."""

    def decide(self, one: Candidate, now: float) -> Decision:
        """
        May it be dialled?

        Args:
            one: The row, and what the ledger knows of its number.
            now: Unix time in seconds.
        """

    def still(self, one: Candidate, now: float) -> bool:
        """Whether a row that was decided on a moment ago may leave now; its calls are not told."""


class NoRules:
    """A campaign that may call everybody at any time."""

    basis = ""
    memory = 0.0
    reads_cells = False

    def decide(self, one: Candidate, now: float) -> Decision:  # noqa: ARG002
        """Yes."""
        return Go()

    def still(self, one: Candidate, now: float) -> bool:  # noqa: ARG002
        """Yes."""
        return True
