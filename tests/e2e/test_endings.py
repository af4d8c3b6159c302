"""How a command can end, and what a person and a script are told."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING, TypeAlias

import pytest

from batchdial.sandbox import SANDBOX_KEY, Sandbox

from .leads import (
    assert_nobody_twice,
    assert_whole,
    number,
    numbers,
    read_results,
    tally,
    write_leads,
    write_rows,
)
from .process import Command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Answer

Run: TypeAlias = "Callable[..., Answer]"

WRONG_KEY = "caldLiveWrong11111111111111111111111111"


def assert_told(answer: Answer, code: int, *words: str) -> None:
    """Fail unless it is one clear error: code, words, no data, no key, no traceback."""
    assert answer.code == code, answer.err
    for word in words:
        assert word in answer.err
    assert answer.out == ""
    for never in ("Traceback", SANDBOX_KEY, WRONG_KEY, "fault of batchdial"):
        assert never not in answer.err


# Bad input: nobody is called.


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", ["leads.csv", "empty"], id="empty"),
        pytest.param(b"\xef\xbb\xbf", ["leads.csv", "0 contacts"], id="only-a-bom"),
        pytest.param(b"phone,name\n", ["leads.csv", "no rows below"], id="header-only"),
        pytest.param(b",,\n,,\n", ["leads.csv", "0 contacts"], id="only-commas"),
        pytest.param(
            b"name,city\nAnn,Rome\n", ['"name", "city"', "--map phoneNumber="], id="no-phone-column"
        ),
        pytest.param(b"phone\n12345\nfoo\n", ["leads.csv", "2  invalid"], id="nothing-to-dial"),
        pytest.param(b"%PDF-1.7\n\x00\x01", ["leads.csv", "PDF"], id="a-pdf"),
        pytest.param(b"PK\x03\x04 not a zip", ["leads.csv", "damaged"], id="a-broken-workbook"),
        pytest.param(
            b"phone,name\n+12015550100,Ann\n+12015550101,Bob,x,y\n",
            ["leads.csv", "row 3"],
            id="a-shifted-row",
        ),
        pytest.param(
            b'phone,name\n+12015550100,"Ann\n+12015550101,Bob\n',
            ["leads.csv", "row 2", "quotation mark"],
            id="an-open-quote",
        ),
    ],
)
def test_useless_files(
    content: bytes, words: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """A file with nobody to call ends with 65, its name and the way out."""
    (tmp_path / "leads.csv").write_bytes(content)
    assert_told(batchdial("run", "leads.csv", "--yes"), 65, *words)
    assert batchdial("check", "leads.csv").code == 65
    assert not to_sandbox.posts


def test_no_such_file(leads: list[str], to_sandbox: Sandbox, batchdial: Run) -> None:
    """The name that was meant is offered; a folder is no list."""
    assert leads
    assert_told(batchdial("run", "laeds.csv", "--yes"), 65, "laeds.csv", "Did you mean leads.csv?")
    assert_told(batchdial("run", ".", "--yes"), 65, "folder", "leads.csv")
    assert not to_sandbox.posts


def test_questions_about_columns(to_sandbox: Sandbox, batchdial: Run, tmp_path: Path) -> None:
    """Two columns that could be the phone, or no header at all, are for a person to decide."""
    rows = [(number(i), number(i + 50)) for i in range(5)]
    write_rows(tmp_path / "two.csv", [("Home", "Work"), *rows])
    assert_told(batchdial("run", "two.csv", "--yes"), 2, '"Home"', '"Work"', "--map phoneNumber=")
    write_rows(tmp_path / "bare.csv", [(number(0), "Ann"), (number(1), "Bob")])
    assert_told(batchdial("run", "bare.csv", "--yes"), 2, "bare.csv", "header", "phoneNumber")
    assert not to_sandbox.posts


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(["--encoding", "latin-99"], 78, ["latin-99"], id="encoding"),
        pytest.param(["--sheet", "March"], 78, ["--sheet March"], id="sheet-of-a-text"),
        pytest.param(["--map", "phoneNumber=Mobil"], 78, ["Mobil", '"phoneNumber"'], id="map"),
        pytest.param(["--map", "phoneNumber"], 78, ["FIELD=COLUMN"], id="map-without-column"),
        pytest.param(["--region", "Atlantis"], 78, ["Atlantis"], id="region"),
        pytest.param(["--rate", "fast"], 78, ["--rate", "5/s"], id="rate"),
        pytest.param(["--rate", "0/s"], 78, ["--rate"], id="rate-of-nothing"),
        pytest.param(["--concurrency", "0"], 78, ["--concurrency"], id="no-lanes"),
        pytest.param(["--limit", "0"], 78, ["--limit"], id="limit-of-nobody"),
        pytest.param(["--limit", "many"], 2, ["--limit"], id="limit-in-words"),
        pytest.param(["--agnet", "ag_1"], 2, ["--agnet", "--agent"], id="unknown-flag"),
        pytest.param(["--allow-types", "tollfree"], 78, ["tollfree", "toll_free"], id="types"),
        pytest.param(["--config", "none.toml"], 78, ["none.toml"], id="no-such-config"),
        pytest.param(["--config", "wrong.toml"], 78, ["agnet", "agent"], id="unknown-key"),
        pytest.param(["--base-url", "http://example.com"], 78, ["https"], id="http"),
        pytest.param(["--agent", "ag_77"], 78, ["ag_77", "ag_1", "Renewals"], id="unknown-agent"),
        pytest.param(["--api-key-file", "none"], 78, ["none"], id="no-key-file"),
    ],
)
def test_settings_that_cannot_be(
    arguments: list[str],
    code: int,
    words: list[str],
    leads: list[str],
    to_sandbox: Sandbox,
    batchdial: Run,
    tmp_path: Path,
) -> None:
    """One error that names what was given and what there is."""
    assert leads
    (tmp_path / "wrong.toml").write_text('agnet = "ag_1"\n')
    assert_told(batchdial("run", "leads.csv", "--yes", *arguments), code, *words)
    assert not to_sandbox.posts
    assert not (tmp_path / "leads.results.csv").exists()
    if code != 2:
        assert batchdial("campaigns", "--json").out in {"[]\n", ""}


def test_no_key(
    leads: list[str], to_sandbox: Sandbox, batchdial: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a key, the ways to give one are named before the list is read."""
    assert leads
    monkeypatch.delenv("CALD_API_KEY")
    assert_told(batchdial("run", "leads.csv", "--yes"), 78, "CALD_API_KEY", "--api-key-file")
    assert_told(batchdial("agents"), 78, "CALD_API_KEY")
    assert not to_sandbox.posts


def test_no_agent(
    leads: list[str], to_sandbox: Sandbox, batchdial: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an agent, the way to find one is named."""
    assert leads
    monkeypatch.delenv("BATCHDIAL_AGENT")
    assert_told(batchdial("run", "leads.csv", "--yes"), 78, "--agent", "batchdial agents")
    assert not to_sandbox.posts


def test_key_refused(
    leads: list[str], to_sandbox: Sandbox, batchdial: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says where the key came from and shows too little of it to use."""
    assert leads
    monkeypatch.setenv("CALD_API_KEY", WRONG_KEY)
    assert_told(batchdial("run", "leads.csv", "--yes"), 77, "401", "CALD_API_KEY", "caldLive…111")
    assert not to_sandbox.posts


def test_key_refused_midway(
    leads: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """A key that is withdrawn stops the campaign at once; whoever was not tried stays pending."""
    to_sandbox.configure(script=("ok", "ok", *["401"] * 30))
    assert_told(
        batchdial("run", "leads.csv", "--yes", "--concurrency", 2), 77, "401", "batchdial resume"
    )
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, leads)
    assert tally(rows) == {"success": 2, "pending": 28}
    assert len(to_sandbox.posts) <= 2 + 2


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


def test_unreachable(leads: list[str], to_sandbox: Sandbox, batchdial: Run) -> None:
    """Nobody listens at the address: said before anybody could be called."""
    assert leads
    address = f"http://127.0.0.1:{free_port()}/client/api/v1"
    answer = batchdial("run", "leads.csv", "--yes", "--base-url", address)
    assert_told(answer, 69, address, "Nobody was called", "batchdial doctor")
    assert batchdial("campaigns", "--json").json == []
    assert not to_sandbox.posts


def test_service_that_goes_away(
    leads: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """A streak of equal failures pauses the campaign; `resume` goes on where it stopped."""
    to_sandbox.configure(script=("ok", *["500-rang"] * 29))
    answer = batchdial("run", "leads.csv", "--yes", "--concurrency", 1, "--stop-after", 4)
    assert_told(answer, 69, "Paused", "500", "25", "batchdial resume leads")
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, leads)
    assert tally(rows) == {"success": 1, "unknown": 4, "pending": 25}
    to_sandbox.configure(script=())
    assert batchdial("resume", "leads", "--yes").code == 1
    assert_nobody_twice(to_sandbox)
    assert tally(read_results(tmp_path / "leads.results.csv")) == {"success": 26, "unknown": 4}


# What cannot be written.


@pytest.mark.parametrize("where", ["folder", "file/ledger.db", "/proc/none/ledger.db"])
def test_ledger_that_cannot_be_written(
    where: str, leads: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """Without a record nobody is called."""
    assert leads
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    answer = batchdial("run", "leads.csv", "--yes", "--ledger", where)
    assert_told(answer, 73, where.rsplit("/", 1)[0], "--ledger")
    assert not to_sandbox.posts


def test_ledger_that_is_none(
    leads: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """A file of another kind is left as it is, and nobody is called."""
    assert leads
    other = tmp_path / "other.db"
    other.write_text("not a database, but longer than a database's header " * 20)
    assert_told(batchdial("run", "leads.csv", "--yes", "--ledger", other), 73, "other.db")
    assert other.read_text().startswith("not a database")
    assert not to_sandbox.posts


@pytest.mark.parametrize(
    "where", ["folder", "file/out.csv", "nowhere/out.csv", "leads.csv", "other.csv", "/proc/o.csv"]
)
def test_results_that_cannot_be_written(
    where: str, leads: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """The place of the results is tried before the first call; nothing of others is overwritten."""
    assert leads
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "other.csv").write_text("mine,all,mine\n1,2,3\n")
    before = (tmp_path / "leads.csv").read_bytes()
    answer = batchdial("run", "leads.csv", "--yes", "--output", where)
    # Where a folder stands, click refuses the flag itself.
    assert_told(answer, 2 if where == "folder" else 73, where.split("/")[0], "--output")
    assert not to_sandbox.posts
    assert (tmp_path / "leads.csv").read_bytes() == before
    assert (tmp_path / "other.csv").read_text() == "mine,all,mine\n1,2,3\n"
    assert not batchdial("campaigns", "--json").out.strip("[]\n")


def test_results_that_cannot_be_written_at_the_end(
    leads: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """Calls that were made are summed up all the same, and their results are to be had later."""
    assert leads
    to_sandbox.configure(delay=0.05)
    with Command("run", "leads.csv", "--yes") as command:
        command.after(to_sandbox, 3)
        (tmp_path / "leads.results.csv").mkdir()
        said = command.end()
    assert said.code == 73
    assert "30 rows = 30 success" in said.err
    assert "batchdial results -o FILE -- leads" in said.err
    assert batchdial("results", "leads", "-o", "later.csv").code == 0
    assert tally(read_results(tmp_path / "later.csv")) == {"success": 30}


# Exit codes of rows.


@pytest.mark.parametrize(
    ("script", "code", "counts"),
    [
        pytest.param((), 0, {"success": 30}, id="all-well"),
        pytest.param(("failed",), 1, {"success": 29, "failed": 1}, id="one-failed"),
        pytest.param(("drop-rang",), 1, {"success": 29, "unknown": 1}, id="one-unknown"),
        pytest.param(("402",), 75, {"pending": 30}, id="no-money"),
        pytest.param(("403",), 77, {"pending": 30}, id="forbidden"),
        pytest.param(("404",), 78, {"pending": 30}, id="agent-removed"),
    ],
)
def test_exit_codes_of_rows(
    script: tuple[str, ...],
    code: int,
    counts: dict[str, int],
    leads: list[str],
    to_sandbox: Sandbox,
    batchdial: Run,
    tmp_path: Path,
) -> None:
    """What became of the rows is what a script is told."""
    to_sandbox.configure(script=script)
    answer = batchdial("run", "leads.csv", "--yes", "--concurrency", 1, "--json")
    assert answer.code == code
    assert answer.json["counts"] == counts
    assert answer.json["exitCode"] == code
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, leads)
    assert tally(rows) == counts


@pytest.mark.fault(17, injected="an exception in the lane that has the answer")
def test_a_fault_of_ours(
    leads: list[str],
    to_sandbox: Sandbox,
    batchdial: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seen: Callable[[str], None],
) -> None:
    """A bug is said in one line without the values at hand; rows are whole, and can be resumed."""
    to_sandbox.configure(delay=0.0)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"quoting {SANDBOX_KEY} and {leads[5]}")

    with monkeypatch.context() as patch:
        patch.setattr("batchdial.dialing.dispatcher.settle", broken)
        answer = batchdial("run", "leads.csv", "--yes", "--concurrency", 2)
    assert answer.code == 70
    assert SANDBOX_KEY not in answer.err
    assert leads[5] not in answer.err
    assert "Traceback" not in answer.err
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, leads)
    assert len(to_sandbox.posts) <= 2
    assert tally(rows) == {"unknown": len(to_sandbox.posts), "pending": 30 - len(to_sandbox.posts)}
    seen("its row unknown, other calls finished, the rest pending, exit 70 without the values")
    assert batchdial("resume", "leads", "--yes").code == 1
    assert_nobody_twice(to_sandbox)


@pytest.mark.fault(22, 23, injected="a second process, while the first one dials")
def test_busy(
    leads: list[str], to_sandbox: Sandbox, batchdial: Run, seen: Callable[[str], None]
) -> None:
    """A second process is refused with the first one's pid; `status` looks on."""
    assert leads
    to_sandbox.configure(script=("ok", "ok", *["hang"] * 28))
    with Command("run", "leads.csv", "--yes", "--concurrency", 2) as command:
        command.after(to_sandbox, 4)
        for verb in (["run", "leads.csv"], ["resume"], ["retry", "leads"]):
            assert_told(batchdial(*verb, "--yes"), 75, f"process {command.pid}", "batchdial status")
        standing = batchdial("status", "leads", "--json").json
        assert f"process {command.pid} " in standing["owner"]
        assert standing["counts"] == {"success": 2, "dialing": 2, "pending": 26}
        assert str(command.pid) in batchdial("status", "leads").out
        assert batchdial("results", "leads", "-o", "now.csv").code == 0
        assert len(to_sandbox.posts) == 4
        command.send(signal.SIGKILL).end()
    assert os.path.exists("now.csv")
    seen("run, resume, retry: exit 75 with the pid; status and results look on")


def test_lanes_are_throttled_together(to_sandbox: Sandbox, batchdial: Run, tmp_path: Path) -> None:
    """429 with Retry-After: all wait, the row is tried again, and everybody is called once."""
    phones = numbers(12)
    write_leads(tmp_path / "leads.csv", phones)
    to_sandbox.configure(script=("ok", "429", "ok", "503"), retry_after=1)
    assert batchdial("run", "leads.csv", "--yes", "--concurrency", 1).code == 0
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, phones)
    assert [row["attempts"] for row in rows[:4]] == ["1", "2", "2", "1"]
    assert dict(to_sandbox.rung) == dict.fromkeys(phones, 1)
    posts = to_sandbox.posts
    for before, after in ((1, 2), (3, 4)):
        assert posts[after].monotonic - posts[before].monotonic >= 1.0


def test_a_pause_that_is_too_long(
    leads: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """A Retry-After of a day is not waited for: the campaign stops, resumable."""
    to_sandbox.configure(script=("ok", "429"), retry_after=86400)
    answer = batchdial("run", "leads.csv", "--yes", "--concurrency", 1)
    assert_told(answer, 75, "batchdial resume leads")
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, leads)
    assert tally(rows) == {"success": 1, "pending": 29}


def test_limit(leads: list[str], to_sandbox: Sandbox, batchdial: Run, tmp_path: Path) -> None:
    """`--limit` calls so many and stops, and so again."""
    for count in (7, 14):
        assert batchdial("run", "leads.csv", "--yes", "--limit", 7).code == 75
        assert sorted(post.number or "" for post in to_sandbox.posts) == leads[:count]
        rows = read_results(tmp_path / "leads.results.csv")
        assert tally(rows) == {"success": count, "pending": 30 - count}
    assert batchdial("run", "leads.csv", "--yes").code == 0
    assert_nobody_twice(to_sandbox)
