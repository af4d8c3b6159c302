"""What goes to stdout, what to stderr, and the commands that only look."""

from __future__ import annotations

import json
import shlex
import signal
import stat
from typing import TYPE_CHECKING

import pytest

from batchdial.sandbox import SANDBOX_KEY

from .leads import (
    dialled,
    number,
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

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer


def test_json_everywhere(
    leads: list[str], to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """With --json stdout is one JSON document and nothing else, for every command that has it."""
    assert leads
    checked = batchdial("check", "leads.csv", "--json").json
    assert checked["counts"] == {"pending": 30}
    assert [one["field"] for one in checked["mapping"]][:2] == ["phoneNumber", "prospectName"]
    planned = batchdial("run", "leads.csv", "--dry-run", "--json").json
    assert (planned["calls"], planned["campaign"], planned["agent"]) == (30, "leads", "ag_1")
    to_sandbox.configure(script=("ok", "failed"))
    ran = batchdial("run", "leads.csv", "--yes", "--json").json
    assert ran["counts"] == {"success": 29, "failed": 1}
    assert ran["results"] == [str(tmp_path / "leads.results.csv")]
    standing = batchdial("status", "--json").json
    assert standing["counts"] == ran["counts"]
    assert standing["rows"] == sum(standing["counts"].values()) == 30
    (listed,) = batchdial("campaigns", "--json").json
    assert listed == {**standing, "perSecond": listed["perSecond"]}
    agents = batchdial("agents", "--json").json
    assert [agent["agentId"] for agent in agents] == ["ag_1", "ag_2", "ag_3"]
    doctor = batchdial("doctor", "--json").json
    assert all(one["ok"] for one in doctor)
    again = batchdial("retry", "--yes", "--json").json
    assert (again["counts"], again["exitCode"]) == ({"success": 30}, 0)
    assert batchdial("resume", "--yes", "--json").json["counts"] == {"success": 30}


def test_stdout_is_for_data(
    leads: list[str], to_sandbox: Sandbox, batchdial: Callable[..., Answer]
) -> None:
    """Without --json a run says everything on stderr; --quiet says nothing at all."""
    said = batchdial("run", "leads.csv", "--yes", "--limit", 5)
    assert said.out == ""
    assert "5 success + 25 pending" in said.err
    assert "batchdial resume leads" in said.err
    quiet = batchdial("run", "leads.csv", "--yes", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    assert dialled(to_sandbox.posts) == dict.fromkeys(leads, 1)
    wrong = batchdial("run", "no.csv", "--yes", "--quiet")
    assert (wrong.code, wrong.out) == (65, "")
    assert "no.csv" in wrong.err


def test_nobody_can_read_a_number_or_the_key(
    leads: list[str], batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """Screens and logs have masked numbers and no key; ledger and results are for their owner."""
    said = [
        batchdial("run", "leads.csv", "--yes"),
        batchdial("status"),
        batchdial("doctor"),
        batchdial("campaigns"),
    ]
    for answer in said:
        assert SANDBOX_KEY not in answer.out + answer.err
        assert not [phone for phone in leads if phone in answer.out + answer.err]
    files = [tmp_path / "leads.results.csv", *tmp_path.glob("ledger.db*")]
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert SANDBOX_KEY.encode() not in file.read_bytes()
    assert len(files) >= 2


def test_dry_run(
    leads: list[str], to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """A plan without a key: nobody is called, nothing of it is kept, nothing is asked for."""
    assert leads
    answer = batchdial("run", "leads.csv", "--dry-run")
    assert answer.code == 0
    assert "30 calls" in answer.err
    assert not to_sandbox.journal
    assert batchdial("campaigns", "--json").json == []
    assert not (tmp_path / "leads.results.csv").exists()
    batchdial("run", "leads.csv", "--yes", "--limit", 10)
    calls, before = len(to_sandbox.posts), batchdial("status", "--json").json
    for verb in (["run", "leads.csv"], ["run", "leads.csv", "--again"], ["resume"], ["retry"]):
        assert batchdial(*verb, "--dry-run", "-o", "elsewhere.csv").code in {0, 65}
    assert batchdial("status", "--json").json["counts"] == before["counts"]
    assert batchdial("results").err.split("  ")[0] == str(tmp_path / "leads.results.csv")
    assert len(to_sandbox.posts) == calls


def test_results_on_demand(
    leads: list[str], to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """The results can be had again: where they were, elsewhere, on stdout, and in part."""
    to_sandbox.configure(script=("ok", "failed", "drop-rang"))
    batchdial("run", "leads.csv", "--yes")
    first = (tmp_path / "leads.results.csv").read_bytes()
    (tmp_path / "leads.results.csv").unlink()
    assert batchdial("results").code == 0
    assert (tmp_path / "leads.results.csv").read_bytes() == first
    assert batchdial("results", "leads", "-o", "part.csv", "--status", "failed").code == 0
    assert tally(read_results(tmp_path / "part.csv")) == {"failed": 1}
    whole = batchdial("results", "leads", "-o", "-")
    assert whole.out.count("success") == 28
    assert batchdial("results", "--status", "failed").code == 78
    assert batchdial("results", "-o", "part.csv", "--status", "odd").code == 78
    refused = batchdial("results", "leads", "-o", "leads.csv")
    assert refused.code == 73
    assert (tmp_path / "leads.csv").read_text().startswith("phoneNumber,prospectName")
    assert leads[0] in (tmp_path / "leads.csv").read_text()


def test_the_output_goes_where_it_is_told(
    leads: list[str], to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """`--output` holds for this run and, since a person said so, for those after it."""
    to_sandbox.configure(script=("ok", "failed"))
    (tmp_path / "sub").mkdir()
    assert batchdial("run", "leads.csv", "--yes", "-o", "sub/out.csv").code == 1
    assert not (tmp_path / "leads.results.csv").exists()
    assert batchdial("retry", "leads", "--yes").code == 0
    assert with_status(read_results(tmp_path / "sub/out.csv"), "success") == leads


def test_hints_can_be_typed(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """The command that a message proposes works as it stands, whatever the list is called."""
    name = "--Anna's list & more"
    write_leads(tmp_path / f"{name}.csv", [number(0), number(1)])
    to_sandbox.configure(script=("failed", "drop-rang"))
    answer = batchdial("run", "--yes", "--concurrency", 1, "--", f"{name}.csv")
    said = [line.partition("batchdial retry ") for line in answer.err.splitlines()]
    proposed = [middle + hint for _, middle, hint in said if hint]
    assert len(proposed) == 2
    for hint in proposed:
        verb, *rest = shlex.split(hint)[1:]
        assert batchdial(verb, "--yes", *rest).code in {0, 1}
    assert tally(read_results(tmp_path / f"{name}.results.csv")) == {"success": 2}


def test_check_needs_nothing(
    batchdial: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check` works without key, agent, network and ledger, and leaves nothing behind."""
    monkeypatch.setattr("socket.socket.connect", None)
    write_rows(tmp_path / "leads.csv", [("phone",), (number(0),), ("4.47E+11",)])
    answer = batchdial("check", "leads.csv")
    assert answer.code == 0
    assert "Row 3" in answer.out
    assert [one.name for one in tmp_path.iterdir()] == ["leads.csv"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str, batchdial: Callable[..., Answer]) -> None:
    """Each shell gets a script for this command."""
    answer = batchdial("completion", shell)
    assert answer.code == 0
    assert "_BATCHDIAL_COMPLETE" in answer.out


def test_completion_of_a_command() -> None:
    """What the script asks for is answered: the names of the commands."""
    prelude = (
        "import os; os.environ.update(_BATCHDIAL_COMPLETE='bash_complete',"
        "COMP_WORDS='batchdial re', COMP_CWORD='1')"
    )
    with Command(prelude=prelude) as command:
        said = command.end()
    assert {"resume", "retry", "results"} <= {line.split(",")[-1] for line in said.out.split()}


def test_the_sandbox_command(
    batchdial: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says where it listens, serves, writes its journal, and ends on Ctrl-C with 0."""
    write_leads(tmp_path / "leads.csv", [number(0)])
    with Command("sandbox", "--port", 0, "--journal", "journal.jsonl") as command:
        wait_until(lambda: command.said("Ctrl-C ends it"), "the address")
        address = next(word for word in command.so_far().split() if word.startswith("http"))
        monkeypatch.setenv("CALD_API_KEY", SANDBOX_KEY)
        answer = batchdial("run", "leads.csv", "--yes", "--agent", "ag_1", "--base-url", address)
        assert answer.code == 0, answer.err
        said = command.send(signal.SIGINT).end()
    assert (said.code, said.out) == (0, f"{address}\n")
    assert "Traceback" not in said.err
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert [line["number"] for line in lines if line["method"] == "POST"] == [number(0)]


def test_doctor_finds_what_is_wrong(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every check is made and said, the bad ones too, and the code is that of the first."""
    assert to_sandbox.url
    monkeypatch.setenv("CALD_API_KEY", "caldLiveWrong11111111111111111111111111")
    monkeypatch.setenv("BATCHDIAL_LEDGER", "/proc/none/ledger.db")
    answer = batchdial("doctor", "--json")
    assert {one["check"]: one["ok"] for one in answer.json} == {
        "key": True,
        "ledger": False,
        "service": False,
    }
    assert answer.code == 73


def test_other_peoples_words(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """Escape sequences in a list reach no terminal."""
    header = ("phone", "name", "note\x1b[2J")
    odd = (number(0), "Ann\x1b[31m Lee\x07", "\x1b]0;x\x07")
    others = [(phone, "Bob Lee", "a plain note " * 5) for phone in numbers(20, first=1)]
    write_rows(tmp_path / "leads.csv", [header, odd, *others])
    said = [batchdial("check", "leads.csv"), batchdial("run", "leads.csv", "--yes")]
    assert len(to_sandbox.posts) == 21
    for answer in said:
        assert not {"\x1b", "\x07"} & set(answer.out + answer.err)
