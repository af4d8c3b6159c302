"""What the commands do, for Python."""

from __future__ import annotations

import asyncio
import csv
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import batchdial
from batchdial import BatchDialError, CallStatus, Outcome, Report
from batchdial.errors import ConfigError, ListError
from batchdial.opening import open_run
from batchdial.settings import load_settings

if TYPE_CHECKING:
    from batchdial.sandbox import Sandbox

PHONES = [f"+120155501{index:02}" for index in range(12)]


@pytest.fixture
def leads(to_sandbox: Sandbox, tmp_path: Path) -> Path:  # noqa: ARG001 (sets the environment)
    """A list of twelve, and one row that cannot be called."""
    place = tmp_path / "leads.csv"
    rows = [f"{phone},Ann Lee\n" for phone in PHONES]
    place.write_text("phoneNumber,prospectName\n" + "".join(rows) + "nothing,Bob Lee\n")
    return place


def statuses(tmp_path: Path) -> Counter[str]:
    """What the results file of `leads.csv` says."""
    with (tmp_path / "leads.results.csv").open(encoding="utf-8-sig", newline="") as file:
        return Counter(row["status"] for row in csv.DictReader(file))


def test_public_names() -> None:
    """What is promised is there, documented, and under no other name."""
    assert sorted(batchdial.__all__) == sorted(batchdial._HOMES)
    for name in batchdial.__all__:
        assert getattr(batchdial, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'call'"):
        batchdial.call  # noqa: B018


def test_load(leads: Path) -> None:
    """The rows as they were read."""
    file = batchdial.load(leads)
    assert file.reading.header == ("phoneNumber", "prospectName")
    assert [row.cells[0] for block in file.blocks() for row in block] == [*PHONES, "nothing"]


def test_check(leads: Path, to_sandbox: Sandbox, tmp_path: Path) -> None:
    """Verdicts by count, without a call and without a trace."""
    checked = batchdial.check(leads)
    assert checked.tally[CallStatus.PENDING] == 12
    assert checked.tally[CallStatus.INVALID] == 1
    assert not to_sandbox.journal
    assert [one.name for one in tmp_path.iterdir()] == ["leads.csv"]


def test_run_and_retry(
    leads: Path, to_sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Outcomes as they come, a report that adds up, and again only what is safe; all in silence."""
    to_sandbox.configure(script=("ok", "failed", "drop-rang"))
    told: list[Outcome] = []
    report = batchdial.run(leads, concurrency=1, on_outcome=told.append)
    assert isinstance(report, Report)
    assert (report.exit_code, report.tally.total) == (1, 13)
    assert [one.status for one in told[:3]] == ["success", "failed", "unknown"]
    assert [one.row for one in told] == list(range(2, 14))
    assert told[0].call_id == to_sandbox.posts[0].call_id
    assert report.outputs == (tmp_path / "leads.results.csv",)
    assert [one.row for one in report.unknown] == [4]
    assert statuses(tmp_path) == {"success": 10, "failed": 1, "unknown": 1, "invalid": 1}

    again = batchdial.retry("leads")
    assert again.tally[CallStatus.FAILED] == 0
    assert batchdial.retry(tmp_path / "leads.results.csv").exit_code == 1
    assert len(to_sandbox.posts) == 13
    assert batchdial.retry("leads", include_unknown=True).exit_code == 0
    assert batchdial.run(leads).exit_code == 0
    assert len(to_sandbox.posts) == 14
    assert batchdial.run(leads, again=True).tally[CallStatus.SUCCESS] == 12
    assert len(to_sandbox.posts) == 26
    assert capsys.readouterr() == ("", "")


def test_resume(leads: Path, to_sandbox: Sandbox) -> None:
    """It goes on where a limit stopped it."""
    assert batchdial.run(leads, limit=4, concurrency=1).exit_code == 75
    assert batchdial.resume("leads", limit=4, concurrency=1).exit_code == 75
    assert batchdial.resume().exit_code == 0
    assert [post.number for post in to_sandbox.posts[:8]] == PHONES[:8]
    assert sorted(post.number or "" for post in to_sandbox.posts) == PHONES


async def test_outcomes(leads: Path, to_sandbox: Sandbox, tmp_path: Path) -> None:
    """Each row when it is settled; when the loop ends, the results are written."""
    told = [one async for one in batchdial.outcomes(leads)]
    assert sorted(one.e164 for one in told) == PHONES
    assert {one.status for one in told} == {CallStatus.SUCCESS}
    assert len(to_sandbox.posts) == 12
    assert statuses(tmp_path) == {"success": 12, "invalid": 1}


async def test_leaving_early(leads: Path, to_sandbox: Sandbox, tmp_path: Path) -> None:
    """Whoever leaves the loop begins no other call; those in flight are finished and recorded."""
    to_sandbox.configure(delay=0.05)
    told = []
    loop = batchdial.outcomes(leads, concurrency=2)
    async for outcome in loop:
        told.append(outcome)
        break
    await loop.aclose()  # type: ignore[attr-defined]
    assert len(told) == 1
    received = len(to_sandbox.posts)
    assert 1 <= received <= 4
    assert statuses(tmp_path) == {"success": received, "pending": 12 - received, "invalid": 1}
    to_sandbox.configure(delay=0.0)
    assert (await asyncio.to_thread(batchdial.resume)).exit_code == 0
    assert sorted(post.number or "" for post in to_sandbox.posts) == PHONES


async def test_stopped_before_it_began(leads: Path, to_sandbox: Sandbox) -> None:
    """A session that was stopped before its first call makes none; its rows stay pending."""
    with await asyncio.to_thread(open_run, load_settings({}), leads) as session:
        session.stop()
        session.agree()
        await session.dispatch()
        assert session.report().tally[CallStatus.PENDING] == 12
    assert not to_sandbox.posts


async def test_cancelled(leads: Path, to_sandbox: Sandbox) -> None:
    """A loop that is cancelled finishes what is in flight, as one that is left does."""
    to_sandbox.configure(delay=0.05)

    async def listen() -> None:
        async for _ in batchdial.outcomes(leads, concurrency=1):
            asyncio.current_task().cancel()  # type: ignore[union-attr]

    with pytest.raises(asyncio.CancelledError):
        await asyncio.ensure_future(listen())
    received = len(to_sandbox.posts)
    assert 1 <= received <= 2
    report = await asyncio.to_thread(batchdial.resume)
    assert report.tally[CallStatus.SUCCESS] == 12
    assert sorted(post.number or "" for post in to_sandbox.posts) == PHONES


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"agent": "ag_1", "rate": "fast"}, ConfigError),
        ({"agnet": "ag_1"}, ConfigError),
        ({"agent": "ag_1", "encoding": "latin-99"}, ConfigError),
        ({"agent": "ag_1", "map": {"phoneNumber": "Mobile"}}, ConfigError),
    ],
)
def test_errors_of_settings(
    options: dict[str, Any], error: type[Exception], leads: Path, to_sandbox: Sandbox
) -> None:
    """What goes wrong is one of our errors; nobody was called."""
    with pytest.raises(error) as caught:
        batchdial.run(leads, **options)
    assert isinstance(caught.value, BatchDialError)
    assert not to_sandbox.posts


def test_errors(leads: Path, to_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, an unknown campaign and a key that is refused are errors with a way out."""
    with pytest.raises(ListError, match=r"leads\.csv"):
        batchdial.check("laeds.csv")
    with pytest.raises(BatchDialError):
        batchdial.resume("nothing")
    monkeypatch.setenv("CALD_API_KEY", "caldLiveWrong")
    report = batchdial.run(leads, concurrency=1)
    assert report.exit_code == 77
    assert "401" in report.stopped
    assert not to_sandbox.rung


def test_a_broken_callback(leads: Path, to_sandbox: Sandbox, tmp_path: Path) -> None:
    """A callback that raises stops the dialling in order: no row is lost, and it is heard of."""

    def broken(_: Outcome) -> None:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        batchdial.run(leads, concurrency=1, on_outcome=broken)
    assert len(to_sandbox.posts) == 1
    assert statuses(tmp_path) == {"success": 1, "pending": 11, "invalid": 1}


def test_the_example_in_the_readme(
    leads: Path, to_sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """It runs as it stands."""
    leads.write_text("phoneNumber\n+12015550100\n+12015550101\n")
    text = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102
    said = capsys.readouterr().out
    assert "2 rows = 2 success" in said
    assert len(to_sandbox.posts) == 2
