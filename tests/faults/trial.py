"""One run of the real command against a broken service, and what everybody may expect of it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from batchdial.sandbox import SANDBOX_KEY
from tests.e2e.leads import Rows, assert_whole, numbers, read_results, write_leads

from .servers import status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.conftest import Answer

    from .servers import Server

#: A long run is worth its time on a person's machine, not in every check.
FULL = "FAULTS_FULL"


@dataclass
class Trial:
    """Runs `batchdial` with a list of its own."""

    batchdial: Callable[..., Answer]
    monkeypatch: pytest.MonkeyPatch
    folder: Path
    phones: list[str] = field(default_factory=list)

    def run(self, server: Server | str, *flags: object, rows: int = 3, lanes: int = 1) -> Answer:
        """Dial so many numbers, one after the other unless there are more lanes."""
        self.phones = numbers(rows)
        write_leads(self.folder / "leads.csv", self.phones)
        url = server if isinstance(server, str) else server.url
        self.monkeypatch.setenv("BATCHDIAL_BASE_URL", url)
        return self("run", "leads.csv", "--yes", "--concurrency", lanes, *flags)

    def __call__(self, *arguments: object) -> Answer:
        """Any command; whatever it says is fit for a terminal and gives nobody away."""
        answer = self.batchdial(*arguments)
        said = answer.out + answer.err
        for never in ("Traceback", "fault of batchdial", SANDBOX_KEY, *self.phones):
            assert never not in said
        assert_printable(said)
        return answer

    def hurry(self, **constants: float) -> None:
        """Let `TOTAL_TIMEOUT`, `CONNECT_TIMEOUT`, `BACKOFF` or `SHORTEST_WAIT` be shorter."""
        homes = {"BACKOFF": "dispatcher", "SHORTEST_WAIT": "settle"}
        for name, seconds in constants.items():
            home = homes.get(name, "client")
            self.monkeypatch.setattr(f"batchdial.dialing.{home}.{name}", seconds)

    def rows(self) -> Rows:
        """The results, of which every row is there."""
        found = read_results(self.folder / "leads.results.csv")
        assert_whole(found, self.phones)
        for row in found:
            for cell in row.values():
                assert_printable(cell)
        return found

    def statuses(self) -> list[str]:
        """Where the rows stand, in order."""
        return [row["status"] for row in self.rows()]

    def assert_settled(self, server: Server) -> None:
        """Fail if a further `resume` or `retry` calls anybody who is unknown or called."""
        before = len(server.posts)
        left = [row for row in self.rows() if row["status"] in {"pending", "failed"}]
        server.rest = status("422 No")
        for verb in ("resume", "retry"):
            self(verb, "leads", "--yes", "--stop-after", 0, "--max-attempts", 1)
        again = {post.number for post in server.posts[before:]}
        assert again <= {row["e164"] for row in left}
        assert all(times == 1 for times in server.rung.values())


def assert_printable(text: str) -> None:
    """Fail if a terminal could take any of it for more than text."""
    odd = {sign for sign in text if unicodedata.category(sign) in {"Cc", "Cf", "Cs"}}
    assert odd <= {"\n"}, odd
