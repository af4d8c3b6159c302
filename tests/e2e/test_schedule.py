"""A campaign begins and ends when it was told to, and says where that cannot be."""

from __future__ import annotations

import signal
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

import batchdial as package
from batchdial.errors import ConfigError, LateError

from .hours import HERE, by_the_clock, faked, window
from .leads import dialled, numbers, read_results, tally, write_leads
from .process import Command, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    import pexpect

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer

    Run: TypeAlias = Callable[..., Answer]
    Seen: TypeAlias = Callable[[str], None]
    Terminal: TypeAlias = Callable[..., "pexpect.spawn[str]"]


@pytest.fixture
def phones(to_sandbox: Sandbox) -> list[str]:  # noqa: ARG001 (sets the environment)
    """The numbers of `leads.csv`, five people; the sandbox is up."""
    phones = numbers(5)
    write_leads("leads.csv", phones)
    return phones


def at(hours: float = 0.0, seconds: float = 0.0) -> str:
    """A moment so far from now, by this machine's clock."""
    moment = datetime.now().astimezone() + timedelta(hours=hours, seconds=seconds)
    return moment.isoformat(timespec="seconds")


def test_a_start_that_is_ahead(
    phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """With --no-wait the list is prepared and nobody called; a run when it is time calls them."""
    start = at(hours=5)
    flags = ("run", "leads.csv", "--yes", "--no-wait", "--start-at")
    answer = batchdial(*flags, start)
    assert answer.code == 75
    assert "Nobody is called before" in answer.err
    assert "can be called now" not in answer.err
    begins = by_the_clock(datetime.fromisoformat(start))
    assert f"Stopped: 5 rows wait for {begins}." in answer.err
    assert tally(read_results(tmp_path / "leads.results.csv")) == {"pending": 5}
    assert not to_sandbox.posts
    again = batchdial("resume", "leads", "--yes", "--no-wait")
    assert "As in its last run: --start-at" in again.err
    assert again.code == 75
    assert not to_sandbox.posts
    assert batchdial(*flags, at(seconds=-5)).code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)


def test_it_waits_for_the_start(phones: list[str], to_sandbox: Sandbox) -> None:
    """A start in a few seconds; nobody is called before."""
    start = datetime.now().astimezone() + timedelta(seconds=5)
    with Command("run", "leads.csv", "--yes", "--start-at", start.isoformat()) as command:
        assert command.end().code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)
    assert min(post.at for post in to_sandbox.posts) >= start.timestamp()


def test_a_wait_for_the_start_can_be_ended(
    phones: list[str], to_sandbox: Sandbox, batchdial: Run
) -> None:
    """By a signal, and from another terminal."""
    assert phones
    flags = ("run", "leads.csv", "--yes", "--start-at", at(hours=2))
    with Command(*flags) as command:
        wait_until(lambda: command.said("the next may be called at"), "the wait")
        assert command.send(signal.SIGTERM).end().code == 143
    with Command(*flags) as command:
        wait_until(lambda: command.said("the next may be called at"), "the wait")
        assert batchdial("pause", "leads").code == 0
        assert command.end().code == 75
    assert not to_sandbox.posts


@pytest.mark.fault(13, injected="a start that was three hours ago, and nobody was there")
def test_a_start_that_was_missed(
    phones: list[str],
    to_sandbox: Sandbox,
    batchdial: Run,
    terminal: Terminal,
    tmp_path: Path,
    seen: Seen,
) -> None:
    """By itself it does not begin any more; a person who agrees, or a longer grace, lets it."""
    flags = ("run", "leads.csv", "--start-at", at(hours=-3))
    answer = batchdial(*flags, "--yes")
    assert answer.code == 75
    assert "was to begin" in answer.err
    assert "--grace" in answer.err
    with pytest.raises(LateError):
        package.run("leads.csv", start_at=at(hours=-3))
    assert dialled(to_sandbox.posts) == {}
    assert not (tmp_path / "leads.results.csv").exists()
    child = terminal(*flags, "--limit", 1)
    child.expect("Call 1 person\\?")
    child.sendline("y")
    child.expect("1 success")
    child.wait()
    assert dialled(to_sandbox.posts) == {phones[0]: 1}
    # It has begun: what is left is no late start any more.
    assert batchdial(*flags, "--yes", "--limit", 2).code == 75
    assert len(to_sandbox.posts) == 3
    write_leads("other.csv", numbers(1, first=20))
    graced = ("run", "other.csv", "--yes", "--start-at", at(hours=-3), "--grace", "4h")
    assert batchdial(*graced).code == 0
    seen("exit 75, nobody called; a person at a terminal is asked and it begins")


@pytest.mark.fault(11, injected="faketime: cron starts it at both 01:30 of the night in which "
                   "clocks go back")  # fmt: skip
def test_a_start_that_the_clock_strikes_twice(
    phones: list[str], to_sandbox: Sandbox, seen: Seen
) -> None:
    """The first of both is meant; the second finds nothing to do."""
    flags = ("run", "leads.csv", "--yes", "--no-wait", "--start-at", "2026-10-25 01:30")
    for moment, code, calls in (
        ("2026-10-25 00:20:00", 75, 0),  # 01:20 in London, which is an hour ahead
        ("2026-10-25 00:30:30", 0, 5),
        ("2026-10-25 01:30:30", 0, 5),  # 01:30 once more
    ):
        with Command(*flags, environment=faked(moment, "Europe/London")) as command:
            said = command.end()
        assert said.code == code, said.err
        assert len(to_sandbox.posts) == calls
    assert "nothing to do" in said.err
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)
    seen("began at the first 01:30, nothing to do at the second")


@pytest.mark.fault(12, injected="faketime: a start at 01:30 of the night that has no 01:30")
def test_a_start_that_the_clock_leaves_out(
    phones: list[str], to_sandbox: Sandbox, seen: Seen
) -> None:
    """The next time that there is, which is said."""
    flags = ("run", "leads.csv", "--yes", "--no-wait", "--start-at", "2026-03-29 01:30")
    with Command(*flags, environment=faked("2026-03-29 00:50:00", "Europe/London")) as command:
        said = command.end()
    assert said.code == 75
    assert "2026-03-29 01:30 does not exist: clocks are put forward then" in said.err
    assert "5 rows wait for 2026-03-29 02:00." in said.err
    assert not to_sandbox.posts
    with Command(*flags, environment=faked("2026-03-29 01:00:05", "Europe/London")) as command:
        assert command.end().code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)
    seen("it begins at 02:00, said so")


def test_an_end_that_has_come(
    phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """Rows that are known expire; a retry with another end dials them."""
    batchdial("run", "leads.csv", "--yes", "--limit", 2)
    answer = batchdial("run", "leads.csv", "--yes", "--end-at", at(hours=-1))
    assert answer.code == 1
    assert "3 rows would expire" in answer.err
    assert "The campaign's end has come. 3 rows expired." in answer.err
    assert "batchdial retry leads" in answer.err
    rows = read_results(tmp_path / "leads.results.csv")
    assert tally(rows) == {"success": 2, "expired": 3}
    assert {row["reason"] for row in rows[2:]} == {"campaign_over"}
    assert len(to_sandbox.posts) == 2
    done = batchdial("run", "leads.csv", "--yes")
    assert "3 expired (batchdial retry leads)" in done.err
    assert done.code == 1
    assert batchdial("retry", "leads", "--yes").code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)


@pytest.mark.parametrize("verb", ["run", "python", "dry"])
def test_a_new_list_whose_end_has_come(
    verb: str, phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """It is refused, with the smallest window that would do; nothing is kept of it."""
    assert phones
    soon = datetime.now().astimezone() + timedelta(minutes=2)
    if verb == "python":
        with pytest.raises(ConfigError, match="smallest window that would do"):
            package.run("leads.csv", end_at=at(hours=-1))
    else:
        flags = ["--dry-run"] if verb == "dry" else ["--yes"]
        answer = batchdial("run", "leads.csv", *flags, "--end-at", at(hours=-1))
        assert answer.code == 78
        asked = answer.err.split("--end-at '")[-1].split("'")[0]
        assert datetime.fromisoformat(asked).astimezone() <= soon
        assert "Nobody was called." in answer.err
        assert batchdial("run", "leads.csv", "--dry-run", "--end-at", asked).code == 0
    assert not to_sandbox.posts
    assert batchdial("campaigns", "--json").json == []
    assert not (tmp_path / "leads.results.csv").exists()


def test_an_end_before_anybody_may_be_called(
    to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """The window that would do is found by the hours of the people in the list."""
    (tmp_path / "leads.csv").write_text(f"phone,timezone\n{numbers(1)[0]},{HERE}\n")
    hours = window(begin=3, end=5)
    answer = batchdial("run", "leads.csv", "--yes", "--hours", hours, "--end-at", at(hours=2))
    assert answer.code == 78
    asked = datetime.fromisoformat(answer.err.split("--end-at '")[-1].split("'")[0]).astimezone()
    assert timedelta(hours=2, minutes=58) < asked - datetime.now().astimezone()
    assert asked - datetime.now().astimezone() < timedelta(hours=3, minutes=2)
    assert not to_sandbox.posts


def test_not_all_fit(phones: list[str], to_sandbox: Sandbox, batchdial: Run) -> None:
    """That is a warning, with the end that would do; the others are called."""
    flags = ("--yes", "--rate", "1/h", "--end-at", at(hours=0.9))
    with Command("run", "leads.csv", *flags) as command:
        command.after(to_sandbox, 1)
        said = command.so_far()
        assert batchdial("cancel", "leads", "--yes").code == 0
        assert command.end().code == 1
    assert "4 rows would expire: the end comes before their turn. --end-at '" in said
    assert dialled(to_sandbox.posts) == {phones[0]: 1}


def test_the_end_overtakes_a_run(to_sandbox: Sandbox, batchdial: Run, tmp_path: Path) -> None:
    """Nobody is called from then on; whose turn had not come expires."""
    phones = numbers(200)
    write_leads("leads.csv", phones)
    end = datetime.now().astimezone() + timedelta(seconds=6)
    flags = ("--yes", "--rate", "10/s", "--end-at", end.isoformat())
    with Command("run", "leads.csv", *flags) as command:
        said = command.end()
    assert said.code == 1, said.err
    called = len(to_sandbox.posts)
    assert 0 < called < 100
    assert f"The campaign's end has come. {200 - called} rows expired." in said.err
    rows = read_results(tmp_path / "leads.results.csv")
    assert tally(rows) == {"success": called, "expired": 200 - called}
    assert max(post.at for post in to_sandbox.posts) < end.timestamp() + 0.1
    assert batchdial("retry", "leads", "--yes", "--end-at", at(hours=1)).code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)


def test_an_end_before_the_next_opening(
    to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """Who could have been called was; the others expire at once instead of waiting for nothing."""
    one, two = numbers(2)
    lines = f"phone,timezone\n{one},{HERE}\n{two},Asia/Tokyo\n"
    (tmp_path / "leads.csv").write_text(lines)
    answer = batchdial("run", "leads.csv", "--yes", "--hours", window(), "--end-at", at(hours=1))
    assert answer.code == 1
    assert dialled(to_sandbox.posts) == {one: 1}
    rows = read_results(tmp_path / "leads.results.csv")
    assert [row["status"] for row in rows] == ["success", "expired"]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--start-at", "soon"], "--start-at: 'soon' is no date and time"),
        (["--end-at", "2026-12-01"], "names no time of day"),
        (["--start-at", "2030-01-01 09:00", "--end-at", "2030-01-01 09:00"],
         "The earliest that would do: --end-at '2030-01-01 09:01'"),
        (["--grace", "1 fortnight"], "grace"),
    ],
)  # fmt: skip
def test_what_cannot_be(
    flags: list[str], says: str, phones: list[str], to_sandbox: Sandbox, batchdial: Run
) -> None:
    """It is said what would do."""
    assert phones
    answer = batchdial("run", "leads.csv", "--yes", *flags)
    assert answer.code == 78
    assert says in answer.err
    assert not to_sandbox.journal
