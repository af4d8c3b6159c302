"""What a person at a terminal sees and is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pexpect
import pytest

from .leads import dialled, numbers, read_results, tally, write_rows
from .process import Command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer


def ended(child: pexpect.spawn[str]) -> tuple[int | None, str]:
    """Its exit code and the rest of what it said."""
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.before or ""


def test_no_means_no(
    leads: list[str],
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    terminal: Callable[..., pexpect.spawn[str]],
    tmp_path: Path,
) -> None:
    """Whoever does not agree has called nobody, and nothing of the campaign is left."""
    child = terminal("run", "leads.csv")
    child.expect(f"Call {len(leads)} people\\?")
    child.sendline("n")
    assert ended(child)[0] == 0
    child = terminal("run", "leads.csv")
    child.expect("people\\?")
    child.sendintr()
    code, rest = ended(child)
    assert code == 130
    assert "Traceback" not in rest
    assert not to_sandbox.posts
    assert batchdial("campaigns", "--json").json == []
    assert not (tmp_path / "leads.results.csv").exists()


def test_a_call_to_oneself_is_asked_about(
    leads: list[str], to_sandbox: Sandbox, terminal: Callable[..., pexpect.spawn[str]]
) -> None:
    """The number is named as far as it may be shown; no means no, and yes means one call."""
    assert leads
    for answer, calls in (("n", 0), ("y", 1)):
        child = terminal("run", "leads.csv", "--test-to", "+12185550199")
        child.expect("Call your own number \\+12185••••99 now, as the first row\\?")
        child.sendline(answer)
        assert ended(child)[0] == 0
        assert len(to_sandbox.posts) == calls


def test_yes_and_the_bar(
    leads: list[str], to_sandbox: Sandbox, terminal: Callable[..., pexpect.spawn[str]]
) -> None:
    """Everything to decide on is said before the question; then a bar with counts by status."""
    to_sandbox.configure(delay=0.05, script=("ok", "failed", "drop-rang"))
    child = terminal("run", "leads.csv")
    child.expect("Call 30 people\\?")
    plan = child.before or ""
    for word in ("30 rows", "phoneNumber", "prospectName", "30  can be called", "5000/s"):
        assert word in plan
    assert "ledger.db" in plan
    assert "Renewals" in plan
    assert '"phoneNumber": "+12015' in plan
    assert leads[0] not in plan
    child.sendline("y")
    code, rest = ended(child)
    assert code == 1
    assert "30/30" in rest
    for word in ("ok 28", "failed 1", "unknown 1", "in flight", "/s"):
        assert word in rest
    assert "30 rows = 28 success + 1 failed + 1 unknown" in rest
    assert dialled(to_sandbox.posts) == dict.fromkeys(leads, 1)


def test_ctrl_c_on_a_terminal(
    leads: list[str], to_sandbox: Sandbox, terminal: Callable[..., pexpect.spawn[str]]
) -> None:
    """It says what it waits for, that it stopped, and how to go on."""
    assert leads
    to_sandbox.configure(delay=0.2)
    child = terminal("run", "leads.csv", "--yes", "--concurrency", 2)
    child.expect("[1-9][0-9]*/30")
    child.sendintr()
    code, rest = ended(child)
    assert code == 130
    assert "in flight" in rest
    assert "Nobody is called now" in rest
    assert "batchdial resume leads" in rest
    assert len(to_sandbox.posts) < 30


def test_the_country_is_asked_for(
    to_sandbox: Sandbox, terminal: Callable[..., pexpect.spawn[str]], tmp_path: Path
) -> None:
    """Numbers without a country code are called once a person has said where they are from."""
    rows = [("phone", "name"), ("+12015550100", "Ann Lee"), ("2025550101", "Bob Lee")]
    write_rows(tmp_path / "leads.csv", rows)
    child = terminal("run", "leads.csv")
    child.expect("1 number.*country code")
    child.expect("none")
    child.sendline("US")
    child.expect("Call 2 people\\?")
    child.sendline("y")
    assert ended(child)[0] == 0
    assert dialled(to_sandbox.posts) == {"+12015550100": 1, "+12025550101": 1}


def test_without_a_country(
    to_sandbox: Sandbox, terminal: Callable[..., pexpect.spawn[str]], tmp_path: Path
) -> None:
    """Whoever names none keeps those numbers as invalid; a country that is none is asked again."""
    rows = [("phone", "name"), ("+12015550100", "Ann Lee"), ("2025550101", "Bob Lee")]
    write_rows(tmp_path / "leads.csv", rows)
    child = terminal("run", "leads.csv")
    child.expect("country code")
    child.sendline("Atlantis")
    child.expect("Atlantis")  # the echo
    child.expect("country code")
    child.sendline("none")
    child.expect("Call 1 person\\?")
    child.sendline("y")
    assert ended(child)[0] == 0
    assert dialled(to_sandbox.posts) == {"+12015550100": 1}
    assert tally(read_results(tmp_path / "leads.results.csv")) == {"success": 1, "invalid": 1}


@pytest.mark.parametrize("verb", [["run", "leads.csv"], ["resume", "leads"], ["retry", "leads"]])
def test_nobody_to_ask(
    verb: list[str], leads: list[str], to_sandbox: Sandbox, batchdial: Callable[..., Answer]
) -> None:
    """Without a terminal and without --yes nothing is dialled, and --yes is named."""
    assert leads
    if verb[0] != "run":
        to_sandbox.configure(script=("ok", "failed"))
        batchdial("run", "leads.csv", "--yes", "--limit", 3)
    before = len(to_sandbox.posts)
    answer = batchdial(*verb)
    assert answer.code == 2
    assert "--yes" in answer.err
    assert "Nobody was called" in answer.err
    assert len(to_sandbox.posts) == before
    listed = batchdial("campaigns", "--json").json
    assert len(listed) == (0 if verb[0] == "run" else 1)


def test_no_bar_in_a_log(leads: list[str], to_sandbox: Sandbox) -> None:
    """Where stderr is no terminal there is neither a bar nor a carriage return."""
    assert leads
    with Command("run", "leads.csv", "--yes") as command:
        said = command.end()
    assert said.code == 0
    assert said.out == ""
    assert "30/30" not in said.err
    assert "\r" not in said.err
    assert "\x1b" not in said.err
    assert "30 rows = 30 success" in said.err
    assert len(numbers(30)) == len(to_sandbox.posts)


def test_a_service_that_asks_for_less(
    leads: list[str], to_sandbox: Sandbox, terminal: Callable[..., pexpect.spawn[str]]
) -> None:
    """Whoever watches is told at once, and sees the lower pace beside the bar."""
    assert leads
    to_sandbox.configure(script=("ok", "429"), retry_after=1)
    child = terminal("run", "leads.csv", "--yes", "--rate", "20/s", "--concurrency", 1)
    child.expect("The service asked to slow down: 10(.[0-9]+)?/s for now\\.")
    child.expect("/s, slowed to 1[0-9](.[0-9]+)?/s")
    code, rest = ended(child)
    assert code == 0
    assert "The service asked to slow down: 10/s at the slowest, not 20/s." in rest
