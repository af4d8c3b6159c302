"""A campaign is paused, cancelled and asked about from outside, and begun with a few."""

from __future__ import annotations

import json
import signal
import stat
from typing import TYPE_CHECKING

import pytest

from batchdial.dialing.dispatcher import LOOK

from .hours import HERE, window
from .leads import (
    assert_nobody_twice,
    assert_whole,
    dialled,
    numbers,
    read_results,
    tally,
    write_leads,
    write_rows,
)
from .process import Command, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any, TypeAlias

    import pexpect

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer

    Run: TypeAlias = Callable[..., Answer]
    Terminal: TypeAlias = Callable[..., "pexpect.spawn[str]"]


def audited(batchdial: Run) -> list[dict[str, Any]]:
    """Every decision, as `audit` prints it."""
    return [json.loads(line) for line in batchdial("audit", "leads").out.splitlines()]


def test_a_pause_from_another_terminal(
    leads: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """The run ends within a second; run, retry and cron leave it alone until somebody resumes."""
    with Command("run", "leads.csv", "--yes", "--rate", "10/s") as command:
        command.after(to_sandbox, 3)
        answer = batchdial("pause", "leads")
        called = len(to_sandbox.posts)  # it has waited until nobody dials any more
        assert answer.code == 0
        assert "leads is paused. Go on: batchdial resume leads" in answer.err
        said = command.end()
    assert said.code == 75
    assert "Paused from another terminal" in said.err
    assert "batchdial resume leads" in said.err
    assert len(to_sandbox.posts) == called < len(leads)
    assert LOOK <= 0.5  # seconds between two looks at what others ask for
    assert tally(read_results(tmp_path / "leads.results.csv"))["pending"] == 30 - called
    for verb in (["run", "leads.csv"], ["run", "leads.csv", "--no-wait"], ["retry", "leads"]):
        refused = batchdial(*verb, "--yes")
        assert refused.code == 75
        assert "leads is paused. Nobody was called." in refused.err
    assert len(to_sandbox.posts) == called
    assert "Paused. Go on: batchdial resume leads" in batchdial("status", "leads").out
    assert batchdial("status", "leads", "--json").json["paused"] is True
    assert batchdial("resume", "leads", "--dry-run").code == 0
    assert batchdial("status", "leads", "--json").json["paused"] is True
    assert batchdial("resume", "leads", "--yes").code == 0
    assert batchdial("status", "leads", "--json").json["paused"] is False
    assert dialled(to_sandbox.posts) == dict.fromkeys(leads, 1)


def test_a_pause_while_it_waits_for_an_hour(to_sandbox: Sandbox, batchdial: Run) -> None:
    """A run that sleeps hears it, too."""
    write_rows("leads.csv", [("phone", "timezone"), (numbers(1)[0], HERE)])
    flags = ("--yes", "--hours", window(begin=3, end=5))
    with Command("run", "leads.csv", *flags) as command:
        wait_until(lambda: command.said("1 row waits"), "the wait")
        assert batchdial("pause", "leads").code == 0
        assert command.end().code == 75
    assert not to_sandbox.posts


def test_a_pause_while_calls_are_followed(
    to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """Everybody was called; whoever pauses does not wait for the ends of calls."""
    write_leads("leads.csv", numbers(2))
    to_sandbox.configure(time_scale=0.001)  # calls that do not end while the test runs
    with Command("run", "leads.csv", "--yes", "--max-live", 5) as command:
        command.after(to_sandbox, 2)
        wait_until(lambda: batchdial("status", "leads", "--json").json["counts"] == {"success": 2},
                   "two answers")  # fmt: skip
        assert batchdial("pause", "leads").code == 0
        assert command.end().code == 75
    assert tally(read_results(tmp_path / "leads.results.csv")) == {"success": 2}


def test_a_campaign_that_nobody_dials(
    leads: list[str], to_sandbox: Sandbox, batchdial: Run
) -> None:
    """A pause is kept for whoever comes; a second one, and one of nothing, do no harm."""
    batchdial("run", "leads.csv", "--yes", "--limit", 1)
    assert batchdial("pause", "leads").code == 0
    assert batchdial("pause").code == 0
    assert batchdial("run", "leads.csv", "--yes").code == 75
    assert len(to_sandbox.posts) == 1
    assert batchdial("pause", "spring").code == 78
    assert batchdial("cancel", "leads", "--yes").code == 0
    assert batchdial("status", "leads", "--json").json["paused"] is False
    assert dialled(to_sandbox.posts) == {leads[0]: 1}


def test_no_at_the_question_leaves_a_pause(
    leads: list[str], to_sandbox: Sandbox, batchdial: Run, terminal: Terminal
) -> None:
    """Only whoever agrees lifts it."""
    assert leads
    batchdial("run", "leads.csv", "--yes", "--limit", 1)
    batchdial("pause", "leads")
    child = terminal("resume", "leads")
    child.expect("people\\?")
    child.sendline("n")
    child.wait()
    assert batchdial("run", "leads.csv", "--yes").code == 75
    assert len(to_sandbox.posts) == 1


def test_cancel_while_it_is_dialled(
    leads: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """What is in flight is finished, the others expire, and only a retry calls them."""
    with Command("run", "leads.csv", "--yes", "--rate", "10/s") as command:
        command.after(to_sandbox, 3)
        answer = batchdial("cancel", "leads", "--yes")
        said = command.end()
    assert said.code == 1
    assert "Cancelled from another terminal." in said.err
    called = len(to_sandbox.posts)
    assert answer.code == 0
    assert f"leads is cancelled: {30 - called} rows expired." in answer.err
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, leads)
    assert tally(rows) == {"success": called, "expired": 30 - called}
    assert {row["reason"] for row in rows if row["status"] == "expired"} == {"cancelled"}
    assert batchdial("run", "leads.csv", "--yes").code == 1
    assert batchdial("resume", "leads", "--yes").code == 1
    assert len(to_sandbox.posts) == called
    assert batchdial("retry", "leads", "--yes").code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(leads, 1)


def test_cancel_without_anybody(
    leads: list[str], to_sandbox: Sandbox, batchdial: Run, terminal: Terminal, tmp_path: Path
) -> None:
    """Where there is nobody to ask it needs --yes; a no leaves everything as it was."""
    batchdial("run", "leads.csv", "--yes", "--limit", 2)
    refused = batchdial("cancel", "leads")
    assert refused.code == 2
    assert "--yes" in refused.err
    child = terminal("cancel", "leads")
    child.expect("Give up what is left of leads\\?")
    child.sendline("n")
    child.wait()
    assert batchdial("status", "leads", "--json").json["counts"]["pending"] == 28
    assert batchdial("cancel", "leads", "--yes").code == 0
    assert tally(read_results(tmp_path / "leads.results.csv")) == {"success": 2, "expired": 28}
    assert dialled(to_sandbox.posts) == dict.fromkeys(leads[:2], 1)


def test_cancel_after_a_kill(leads: list[str], to_sandbox: Sandbox, batchdial: Run) -> None:
    """A dead owner is not waited for; what it had in flight stays unknown."""
    to_sandbox.configure(script=("ok", "hang"))
    with Command("run", "leads.csv", "--yes", "--concurrency", 1) as command:
        command.after(to_sandbox, 2).send(signal.SIGKILL).end()
    answer = batchdial("cancel", "leads", "--yes")
    assert answer.code == 0
    assert "28 rows expired" in answer.err
    counts = batchdial("status", "leads", "--json").json["counts"]
    assert counts == {"success": 1, "unknown": 1, "expired": 28}
    assert len(leads) == 30


def test_audit_has_every_row(to_sandbox: Sandbox, batchdial: Run, tmp_path: Path) -> None:
    """Zone, hour, window, files by hash and age, consent and clock, of the refused ones, too."""
    phones = numbers(5)
    header = ("phoneNumber", "prospectName", "timezone", "Consent")
    people = [
        (phones[0], "Ann", HERE, "yes"),
        (phones[1], "Bob", HERE, "yes"),
        (phones[2], "Cat", HERE, "no"),
        (phones[3], "Dan", "Atlantis", "yes"),
        (phones[4], "Eve", "Asia/Tokyo", "yes"),
        ("4.47E+11", "Fay", HERE, "yes"),
    ]
    write_rows("leads.csv", [header, *people])
    (tmp_path / "optouts.txt").write_text(f"{phones[1]}\n")
    hours = window()
    flags = ("--no-wait", "--hours", hours, "--suppress", "optouts.txt")
    batchdial("run", "leads.csv", "--yes", *flags, "--require-consent", "Consent")
    lines = audited(batchdial)
    assert [line["row"] for line in lines] == [2, 3, 4, 5, 6, 7]
    decisions = [line.get("decision") for line in lines]
    assert decisions == ["call", "dnc_list", "no_consent", "no_zone", None, None]
    assert [line["status"] for line in lines] == [
        "success", "suppressed", "suppressed", "suppressed", "pending", "invalid",
    ]  # fmt: skip
    for line in lines[:4]:
        assert line["decidedAt"][:10] >= "2026"
        (file,) = line["basis"]["suppress"]
        assert file["file"].endswith("/optouts.txt")
        assert len(file["sha256"]) == 64
        assert file["entries"] == 1
        assert file["changedAt"]
        assert line["basis"]["hours"] == hours
        assert line["basis"]["requireConsent"] == "Consent"
    for line in lines[:3]:
        (zone,) = line["evidence"]["zones"]
        assert zone["zones"] == [HERE]
        assert zone["local"].endswith(":00-07:00")
        assert zone["windows"]
    assert [line["evidence"]["consent"] for line in lines[:4]] == ["yes", "yes", "no", "yes"]
    assert lines[3]["evidence"]["zones"] == []
    assert lines[0]["callId"]
    answer = batchdial("audit", "leads", "-o", "audit.jsonl")
    assert "audit.jsonl  6 decisions" in answer.err
    written = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in written] == lines
    assert stat.S_IMODE((tmp_path / "audit.jsonl").stat().st_mode) == 0o600
    assert len(to_sandbox.posts) == 1


def test_audit_keeps_every_call(to_sandbox: Sandbox, batchdial: Run) -> None:
    """A row that was dialled twice has two lines, each with what it rested on then."""
    write_leads("leads.csv", numbers(1))
    to_sandbox.configure(script=("failed", "ok"))
    batchdial("run", "leads.csv", "--yes", "--not-called-within", "1h")
    batchdial("retry", "leads", "--yes", "--not-called-within", "2h")
    lines = audited(batchdial)
    assert [line["came"] for line in lines] == ["failed", "success"]
    assert [line["basis"]["notCalledWithin"] for line in lines] == ["1h", "2h"]
    assert lines[0]["decidedAt"] < lines[1]["decidedAt"]


def test_a_canary_asks(leads: list[str], to_sandbox: Sandbox, terminal: Terminal) -> None:
    """A few are dialled and followed to their end; then a person says whether the others are."""
    to_sandbox.configure(time_scale=200.0, results={"voicemail": 1.0})
    flags = ("run", "leads.csv", "--canary", 3)
    child = terminal(*flags)
    child.expect("Call 30 people\\?")
    child.sendline("y")
    child.expect("The first 3 rows came to: 3 voicemail\\.")
    child.expect("Go on with the others\\?")
    assert dialled(to_sandbox.posts) == dict.fromkeys(leads[:3], 1)
    child.sendline("n")
    child.expect("27")
    assert child.wait() == 75
    assert len(to_sandbox.posts) == 3
    child = terminal(*flags)
    child.expect("Call 27 people\\?")
    child.sendline("y")
    assert child.wait() == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(leads, 1)


def test_a_canary_goes_on(leads: list[str], to_sandbox: Sandbox, terminal: Terminal) -> None:
    """Within one run, and nobody twice."""
    to_sandbox.configure(time_scale=200.0)
    child = terminal("run", "leads.csv", "--canary", 3)
    child.expect("Call 30 people\\?")
    child.sendline("y")
    child.expect("Go on with the others\\?")
    child.sendline("y")
    child.expect("30 success")
    assert child.wait() == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(leads, 1)


def test_a_canary_that_nobody_watches(
    leads: list[str], to_sandbox: Sandbox, batchdial: Run
) -> None:
    """It stops after the few, however often cron comes, until a person says resume."""
    to_sandbox.configure(time_scale=200.0)
    flags = ("run", "leads.csv", "--yes", "--no-wait", "--canary", 3)
    for _ in range(3):
        answer = batchdial(*flags)
        assert answer.code == 75
        assert "batchdial resume leads" in answer.err
        assert dialled(to_sandbox.posts) == dict.fromkeys(leads[:3], 1)
    assert batchdial("resume", "leads", "--yes", "--limit", 2).code == 75
    assert batchdial(*flags).code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(leads, 1)


@pytest.mark.parametrize("script", [("500",) * 12, ("401",)], ids=["streak", "refused"])
def test_a_canary_that_ends_early_ends_all(
    script: tuple[str, ...], leads: list[str], to_sandbox: Sandbox, batchdial: Run
) -> None:
    """What stopped the few keeps the others from being dialled."""
    assert leads
    to_sandbox.configure(script=script, time_scale=200.0)
    answer = batchdial("run", "leads.csv", "--yes", "--canary", 5, "--stop-after", 2)
    assert answer.code in (69, 77)
    assert len(to_sandbox.posts) <= 7
    assert_nobody_twice(to_sandbox)


def test_who_pauses_a_ledger_that_is_not_there(batchdial: Run, tmp_path: Path) -> None:
    """It is not made by asking."""
    for verb in (["pause"], ["cancel", "--yes"], ["audit"]):
        assert batchdial(*verb, "--ledger", tmp_path / "none.db").code == 73
    assert not (tmp_path / "none.db").exists()
