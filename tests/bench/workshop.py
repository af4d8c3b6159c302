"""What all measurements share: how much is measured, a folder, lists, a service, an environment."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import lists
from .running import Ended, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .service import Running

KEY = "caldBench00000000000000000000"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    times: int  #: that each way is measured, of which the median counts
    lengths: tuple[int, ...]  #: rows of the lists of the picture; the last is that of the table
    many: int  #: rows of the longest list, which only batchdial prepares
    inputs: int  #: random numbers
    calls: int  #: a lane makes
    script_calls: int  #: a script makes, whatever it has in flight
    pace_seconds: int
    starts: int  #: of the short commands

    @property
    def rows(self) -> int:
        """Rows of the list that the table speaks of."""
        return self.lengths[-1]


FULL = Size(3, (10_000, 100_000, 1_000_000), 10_000_000, 2_000_000, 200, 1_500, 10, 9)
QUICK = Size(1, (1_000, 4_000, 20_000), 60_000, 20_000, 30, 300, 2, 3)


class Workshop:
    """
    A folder with lists and ledgers, beside a service that is running.

    Args:
        size: How much is measured.
        folder: Empty; on a disk, since what is promised to be durable must cost what it costs.
        service: Where calls go.
        say: Told what is being done.
    """

    def __init__(
        self, size: Size, folder: Path, service: Running, say: Callable[[str], None]
    ) -> None:
        self.size = size
        self.folder = folder
        self.service = service
        self.say = say
        self._made = 0

    def path(self, name: str) -> Path:
        """A file that is not there yet, in a folder of its own."""
        self._made += 1
        place = self.folder / f"{self._made}"
        place.mkdir()
        return place / name

    def drop(self, path: Path) -> None:
        """Delete a file of `path` with all that came to be beside it."""
        shutil.rmtree(path.parent)

    def messy(self, rows: int) -> Path:
        """The messy list of so many rows."""
        path = self.folder / f"messy-{rows}.csv"
        if not path.exists():
            self.say(f"Writing a list of {rows:,} rows")
            # Elsewhere, so that its memory is not this process's.
            run("-m", "tests.bench.lists", path, rows, environment={})
        return path

    def clean(self, rows: int) -> Path:
        """A list in which everybody can be called, beside nothing."""
        return lists.write_clean(self.path("leads.csv"), rows)

    def environment(self, ledger: Path) -> dict[str, str]:
        """Settings of a command."""
        return {
            "CALD_API_KEY": KEY,
            "BATCHDIAL_AGENT": "ag_1",
            "BATCHDIAL_HOURS": "any",  # a rehearsal may run at night
            "BATCHDIAL_BASE_URL": self.service.url,
            "BATCHDIAL_LEDGER": str(ledger),
            "XDG_DATA_HOME": str(self.folder / "data"),
        }

    def batchdial(
        self,
        *arguments: object,
        ledger: Path,
        codes: Sequence[int] = (0,),
        terminal: bool = False,
        weigh: bool = False,
    ) -> Ended:
        """Run a command."""
        program = ("-m", "batchdial", *arguments)
        environment = self.environment(ledger)
        return run(*program, environment=environment, codes=codes, terminal=terminal, weigh=weigh)

    def prepared(self, rows: int, ledger: Path, *, weigh: bool = False) -> Ended:
        """Take the messy list of so many rows into a ledger."""
        program = ("-m", "tests.bench.contestants", "prepare", self.messy(rows))
        return run(*program, environment=self.environment(ledger), weigh=weigh)
