"""Who must not be called is not called, by files, ledger, other campaigns, caps and consent."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest

import batchdial as package
from batchdial.errors import ConfigError

from .hours import faked
from .leads import (
    assert_whole,
    dialled,
    numbers,
    read_results,
    tally,
    with_status,
    write_leads,
    write_rows,
)
from .process import Command, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer

    Run: TypeAlias = Callable[..., Answer]
    Seen: TypeAlias = Callable[[str], None]


@pytest.fixture
def phones(to_sandbox: Sandbox) -> list[str]:  # noqa: ARG001 (sets the environment)
    """The numbers of `leads.csv`, five people; the sandbox is up."""
    phones = numbers(5)
    write_leads("leads.csv", phones)
    return phones


def test_a_file_and_what_it_names(
    phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """Listed numbers, and beginnings, are suppressed, each with the file that says so."""
    (tmp_path / "optouts.txt").write_text(f"{phones[1]}\n")
    (tmp_path / "more.csv").write_text(f"name,phone\nAnn,{phones[3]}\n")
    (tmp_path / "ranges.txt").write_text(f"{phones[4][:-1]}4*\n")
    flags = [f for name in ("optouts.txt", "more.csv", "ranges.txt") for f in ("--suppress", name)]
    answer = batchdial("run", "leads.csv", "--yes", *flags)
    assert answer.code == 0
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, phones)
    reasons = ["", "dnc_list", "", "dnc_list", "dnc_prefix"]
    assert [row["reason"] for row in rows] == reasons
    assert "optouts.txt" in rows[1]["detail"]
    assert "more.csv" in rows[3]["detail"]
    assert "ranges.txt" in rows[4]["detail"]
    assert dialled(to_sandbox.posts) == {phones[0]: 1, phones[2]: 1}
    assert "2 on a do-not-call list" in answer.err
    again = batchdial("run", "leads.csv", "--yes", *flags)
    assert again.code == 0
    assert len(to_sandbox.posts) == 2


@pytest.mark.fault(81, injected="a do-not-call file that is missing, empty, unreadable or garbled")
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "optouts.txt"),
        ("", "optouts.txt"),
        ("# nobody yet\n", "optouts.txt"),
        ("name,city\nAnn Lee,Rome\n", "optouts.txt"),
        ("phone\n4.47E+11\n", "cannot be understood"),
        ("\0\1\2PK\3\4" * 50, "optouts.txt"),
    ],
    ids=["missing", "empty", "comments", "wrong-column", "garbled", "binary"],
)
def test_it_fails_closed(
    content: str | None,
    says: str,
    phones: list[str],
    to_sandbox: Sandbox,
    batchdial: Run,
    tmp_path: Path,
    seen: Seen,
) -> None:
    """Exit code 78 before anybody is called, or asked for; also on resume and from Python."""
    assert phones
    if content is not None:
        (tmp_path / "optouts.txt").write_text(content)
    answer = batchdial("run", "leads.csv", "--yes", "--suppress", "optouts.txt")
    assert answer.code == 78
    assert says in answer.err
    assert not to_sandbox.journal
    assert batchdial("campaigns").code == 73  # there is not even a ledger
    with pytest.raises(ConfigError):
        package.run("leads.csv", suppress=["optouts.txt"])
    batchdial("run", "leads.csv", "--yes", "--limit", 1)
    assert batchdial("resume", "leads", "--yes", "--suppress", "optouts.txt").code == 78
    assert len(to_sandbox.posts) == 1
    seen("exit 78, nobody called")


def test_a_file_that_may_not_be_read(
    phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """A folder in its place is no file, whoever asks."""
    assert phones
    (tmp_path / "optouts.txt").mkdir()
    answer = batchdial("run", "leads.csv", "--yes", "--suppress", "optouts.txt")
    assert answer.code in (2, 78)
    assert not to_sandbox.journal


@pytest.mark.fault(80, injected="a number is added to a do-not-call file during the run")
def test_a_file_that_changes_during_the_run(
    to_sandbox: Sandbox, tmp_path: Path, batchdial: Run, seen: Seen
) -> None:
    """Whose turn is more than a second away when the file is saved is never called."""
    phones = numbers(16)
    write_leads("leads.csv", phones)
    optouts = tmp_path / "optouts.txt"
    optouts.write_text("+12185550199\n")
    flags = ("--yes", "--rate", "2/s", "--suppress", "optouts.txt", "--concurrency", 1)
    with Command("run", "leads.csv", *flags) as command:
        command.after(to_sandbox, 4)
        listed = phones[len(to_sandbox.posts) + 2 :][:3]
        with optouts.open("a") as file:
            file.write("".join(f"{phone}\n" for phone in listed))
        said = command.end()
    assert said.code == 0, said.err
    assert dialled(to_sandbox.posts) == {one: 1 for one in phones if one not in listed}
    rows = read_results(tmp_path / "leads.results.csv")
    assert with_status(rows, "suppressed") == listed
    lines = [json.loads(line) for line in batchdial("audit", "leads").out.splitlines()]
    (refused,) = {one["basis"]["suppress"][0]["sha256"] for one in lines
                  if one["decision"] == "dnc_list"}  # fmt: skip
    assert refused != lines[0]["basis"]["suppress"][0]["sha256"]
    seen(f"{len(listed)} numbers added 1 s before their turn, none called")


def test_a_file_that_goes_away_during_the_run(
    to_sandbox: Sandbox, tmp_path: Path, batchdial: Run
) -> None:
    """Nobody is called without it; it is said, and the campaign goes on when it is back."""
    phones = numbers(40)
    write_leads("leads.csv", phones)
    optouts = tmp_path / "optouts.txt"
    optouts.write_text("+12185550199\n")
    soon = "from datetime import timedelta\nfrom batchdial.lists import watched\n"
    soon += "watched.GRACE = timedelta(seconds=0.8)\n"
    flags = ("--yes", "--rate", "4/s", "--suppress", "optouts.txt")
    with Command("run", "leads.csv", *flags, prelude=soon) as command:
        command.after(to_sandbox, 3)
        optouts.rename(tmp_path / "moved.txt")
        said = command.end()
    assert said.code == 75
    assert "optouts.txt is gone. Nobody is called without it." in said.err
    assert "batchdial resume leads" in said.err
    called = len(to_sandbox.posts)
    assert 3 <= called < 20
    rows = read_results(tmp_path / "leads.results.csv")
    assert tally(rows) == {"success": called, "pending": 40 - called}
    assert batchdial("resume", "leads", "--yes").code == 78
    (tmp_path / "moved.txt").rename(optouts)
    assert batchdial("resume", "leads", "--yes").code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)


def test_a_resume_keeps_to_what_the_run_was_given(
    phones: list[str],
    to_sandbox: Sandbox,
    batchdial: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The command that every stop advises does not forget who must not be called."""
    (tmp_path / "optouts.txt").write_text(f"{phones[1]}\n")
    batchdial("run", "leads.csv", "--yes", "--limit", 1, "--suppress", "optouts.txt")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    answer = batchdial("resume", "leads", "--yes", "--limit", 1)
    assert f"As in its last run: --suppress {tmp_path}/optouts.txt" in answer.err
    assert dialled(to_sandbox.posts) == {phones[0]: 1, phones[2]: 1}
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.txt").write_text(f"{phones[3]}\n")
    answer = batchdial("resume", "leads", "--yes", "--suppress", "other.txt")
    assert "As in its last run" not in answer.err
    assert dialled(to_sandbox.posts) == {phones[0]: 1, phones[2]: 1, phones[4]: 1}


def test_a_retry_keeps_to_it_too_and_a_run_says_what_it_drops(
    phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """Of a campaign, and of its results file."""
    to_sandbox.configure(script=("failed",) * 5)
    (tmp_path / "optouts.txt").write_text("+12185550199\n")
    batchdial("run", "leads.csv", "--yes", "--suppress", "optouts.txt", "--stop-after", 0)
    with (tmp_path / "optouts.txt").open("a") as file:
        file.write(f"{phones[0]}\n{phones[1]}\n")
    batchdial("retry", "leads", "--yes", "--limit", 1)
    answer = batchdial("retry", "leads.results.csv", "--yes", "--limit", 1)
    assert "As in its last run: --suppress" in answer.err
    called = [post.number for post in to_sandbox.posts[5:]]
    assert called == [phones[2], phones[3]]
    write_leads("leads.csv", [*phones, *numbers(1, first=20)])
    answer = batchdial("run", "leads.csv", "--yes")
    assert "kept to --suppress" in answer.err
    assert "This one does not." in answer.err


def test_the_ledgers_own_list(
    phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """It holds for every campaign, at once, also for one that is dialling."""
    batchdial("suppress", "add", phones[0])
    with Command("run", "leads.csv", "--yes", "--rate", "1/s", "--concurrency", 1) as command:
        command.after(to_sandbox, 1)
        assert batchdial("suppress", "add", phones[4]).code == 0
        assert command.end().code == 0
    rows = read_results(tmp_path / "leads.results.csv")
    assert [row["reason"] for row in rows] == ["dnc_ledger", "", "", "", "dnc_ledger"]
    assert "batchdial suppress remove" in rows[0]["detail"]
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones[1:4], 1)


def test_who_was_called_lately(
    phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """By another campaign of the ledger; `0h` turns it off, its own calls do not count."""
    assert phones
    batchdial("run", "leads.csv", "--yes", "--limit", 2, "--campaign", "spring")
    both = ("run", "leads.csv", "--yes", "--campaign", "summer")
    assert batchdial(*both, "--not-called-within", "24h").code == 0
    rows = read_results(tmp_path / "leads.results.csv")
    assert [row["reason"] for row in rows] == ["called_lately"] * 2 + [""] * 3
    assert "spring called the number" in rows[0]["detail"]
    again = batchdial("run", "leads.csv", "--yes", "--campaign", "autumn")  # 0h in the environment
    assert again.code == 0
    assert len(to_sandbox.posts) == 2 + 3 + 5


def test_caps_wait(phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path) -> None:
    """Who was called as often as may be waits until the window has moved on."""
    batchdial("run", "leads.csv", "--yes", "--limit", 2, "--campaign", "spring")
    flags = ("run", "leads.csv", "--yes", "--no-wait", "--campaign", "summer")
    capped = batchdial(*flags, "--max-calls-per-person", "1/24h")
    assert capped.code == 75
    assert "Stopped: 2 rows wait for" in capped.err
    assert tally(read_results(tmp_path / "leads.results.csv")) == {"pending": 2, "success": 3}
    assert batchdial(*flags, "--max-calls-per-person", "1/1s").code in (0, 75)
    wait_until(
        lambda: batchdial(*flags, "--max-calls-per-person", "1/1s").code == 0, "the window's end"
    )
    assert dialled(to_sandbox.posts) == {one: 2 if one in phones[:2] else 1 for one in phones}


@pytest.mark.fault(80, injected="another campaign calls somebody while the run is under way")
def test_a_cap_that_is_reached_during_the_run(
    phones: list[str], to_sandbox: Sandbox, batchdial: Run, seen: Seen
) -> None:
    """The other campaign's call counts when the number's turn comes."""
    flags = ("--yes", "--rate", "1/s", "--concurrency", 1, "--no-wait")
    caps = ("--max-calls-per-person", "1/24h")
    write_leads("other.csv", phones[4:])
    with Command("run", "leads.csv", *flags, *caps) as command:
        command.after(to_sandbox, 1)
        assert batchdial("run", "other.csv", "--yes").code == 0
        said = command.end()
    assert said.code == 75, said.err
    assert "1 row waits for" in said.err
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)
    seen("capped in mid-run: not called, pending")


def test_consent(to_sandbox: Sandbox, batchdial: Run, tmp_path: Path) -> None:
    """Only a cell that says yes is consent; a column that is not there is an error."""
    phones = numbers(5)
    said = ("yes", "no", "", "2026-01-01", "Opt-in")
    rows = [(phone, "Ann Lee", cell) for phone, cell in zip(phones, said, strict=True)]
    write_rows("leads.csv", [("phoneNumber", "prospectName", "May call"), *rows])
    wrong = batchdial("run", "leads.csv", "--yes", "--require-consent", "Consent")
    assert wrong.code == 78
    assert "Consent" in wrong.err
    assert not to_sandbox.posts
    assert batchdial("run", "leads.csv", "--yes", "--require-consent", "May call").code == 0
    found = read_results(tmp_path / "leads.results.csv")
    assert [row["reason"] for row in found] == ["", "no_consent", "no_consent", "no_consent", ""]
    assert '"no"' in found[1]["detail"]
    assert dialled(to_sandbox.posts) == {phones[0]: 1, phones[4]: 1}


def test_an_old_file_is_warned_of(
    phones: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """On stderr, before the question, with the law's limit; people are called all the same."""
    optouts = tmp_path / "optouts.txt"
    optouts.write_text("+12185550199\n")
    old = time.time() - 40 * 86_400
    os.utime(optouts, (old, old))
    answer = batchdial("run", "leads.csv", "--yes", "--suppress", "optouts.txt", "--json")
    assert answer.code == 0
    assert "optouts.txt is 40 days old" in answer.err
    assert "31 days" in answer.err
    assert answer.json["counts"] == {"success": 5}
    os.utime(optouts)
    write_leads("leads.csv", [*phones, *numbers(1, first=20)])
    again = batchdial("run", "leads.csv", "--yes", "--suppress", "optouts.txt")
    assert "days old" not in again.err
    assert len(to_sandbox.posts) == 6


def test_a_cap_by_the_clock(phones: list[str], to_sandbox: Sandbox, batchdial: Run) -> None:
    """A call at nine counts until nine of the next day, and no second longer."""
    with Command("run", "leads.csv", "--yes", environment=faked("2026-11-26 09:00:00")) as command:
        assert command.end().code == 0
    flags = ("run", "leads.csv", "--yes", "--no-wait", "--campaign", "next")
    caps = ("--max-calls-per-person", "1/24h")
    for moment, code in (("2026-11-27 08:59:30", 75), ("2026-11-27 09:01:00", 0)):
        with Command(*flags, *caps, environment=faked(moment)) as command:
            said = command.end()
        assert said.code == code, said.err
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 2)
    assert batchdial("status", "next").code == 0
