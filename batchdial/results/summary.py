"""What became of the rows, in numbers that add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from batchdial.models import CallStatus
from batchdial.rules.redial import ALREADY_CALLED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from batchdial.models import Batch, Contact

#: The order in which statuses are told.
ORDER = (
    CallStatus.SUCCESS,
    CallStatus.FAILED,
    CallStatus.UNKNOWN,
    CallStatus.PENDING,
    CallStatus.DIALING,
    CallStatus.DUPLICATE,
    CallStatus.INVALID,
    CallStatus.SUPPRESSED,
    CallStatus.EXPIRED,
)


@dataclass(slots=True)
class Tally:
    """Rows counted by status and reason."""

    by_reason: Counter[tuple[CallStatus, str]] = field(default_factory=Counter)

    @classmethod
    def of(cls, counts: Mapping[tuple[CallStatus, str], int]) -> Tally:
        """A tally of counts that the ledger made."""
        return cls(Counter(dict(counts)))

    def add(self, batch: Batch) -> None:
        """Count some more rows."""
        told = batch.told.values()
        self.by_reason[CallStatus.PENDING, ""] += len(batch) - len(told)
        self.by_reason.update((one.verdict.status, one.verdict.reason) for one in told)

    @property
    def total(self) -> int:
        """All rows."""
        return self.by_reason.total()

    def __getitem__(self, status: CallStatus) -> int:
        return sum(n for (one, _), n in self.by_reason.items() if one is status)

    @property
    def is_of_use(self) -> bool:
        """Whether any row had a number that could be called, now or before."""
        return any(self[status] for status in ORDER[:5]) or self.called_before > 0

    @property
    def called_before(self) -> int:
        """Rows whose number the campaign called from an earlier list."""
        return self.by_reason[CallStatus.SUPPRESSED, ALREADY_CALLED]

    def statuses(self) -> dict[CallStatus, int]:
        """Rows by status, in the order in which they are told; none that is zero."""
        return {status: self[status] for status in ORDER if self[status]}

    def reasons(self, status: CallStatus) -> dict[str, int]:
        """Rows of one status by reason, the most frequent first."""
        found = {why: n for (one, why), n in self.by_reason.most_common() if one is status}
        return {why: n for why, n in found.items() if why}

    def equation(self) -> str:
        """`1,204 rows = 1,138 success + 9 failed + ...`."""
        parts = " + ".join(f"{n:,} {status}" for status, n in self.statuses().items())
        return f"{self.total:,} row{'s' * (self.total != 1)} = {parts or '0'}"

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "rows": self.total,
            "counts": {str(status): number for status, number in self.statuses().items()},
            "reasons": {
                str(status): reasons
                for status in self.statuses()
                if (reasons := self.reasons(status))
            },
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to."""

    campaign: str
    agent: str
    tally: Tally
    outputs: tuple[Path, ...]  #: the results files that were written
    unknown: tuple[Contact, ...] = ()  #: the first rows that may have rung
    stopped: str = ""  #: why dialling ended before the rows did, in words; empty if it did not
    exit_code: int = 0
    warnings: tuple[str, ...] = ()  #: what a person should know although nothing stopped for it

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "campaign": self.campaign,
            "agent": self.agent,
            **self.tally.as_json(),
            "results": [str(path) for path in self.outputs],
            "stopped": self.stopped,
            "warnings": list(self.warnings),
            "exitCode": int(self.exit_code),
        }
