"""A campaign's people are deleted, its counts are kept, and it calls nobody again by itself."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import psycopg
import pytest
import sqlalchemy as sa

from .leads import dialled, number, numbers, read_results, tally, write_leads, write_rows
from .process import Command
from .test_terminal import ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pexpect

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer
    from tests.ledger.server import NewDatabase

#: What no byte of a ledger may hold afterwards.
PHONES = numbers(150)
NAMES = [f"Ottokar Zwiebelsack {index}" for index in range(150)]


def traces(sandbox: Sandbox, folder: Path) -> list[str]:
    """Which of the people are found in the bytes of the ledger's files, whatever these are."""
    held = b"".join(file.read_bytes() for file in folder.glob("ledger.db*"))
    calls = [post.call_id for post in sandbox.posts if post.call_id and post.number in PHONES]
    people = [*PHONES, *NAMES, *calls, "ottokar@example.com", "secret note"]
    return [one for one in people if one.encode() in held]


@pytest.fixture(autouse=True)
def careless_sqlite() -> Iterator[None]:
    """SQLite as most builds of it are: what is deleted stays in the file until it is reused."""

    def keep(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA secure_delete = OFF")

    sa.event.listen(sa.Engine, "connect", keep)
    yield
    sa.event.remove(sa.Engine, "connect", keep)


@pytest.fixture
def called(to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path) -> Sandbox:
    """A campaign `leads` of 150 people with an earlier edition, and a campaign `others`."""
    people = zip(PHONES, NAMES, strict=True)
    header = ("phoneNumber", "prospectName", "email", "note")
    listed = [(phone, name, "ottokar@example.com", "a secret note") for phone, name in people]
    write_rows(tmp_path / "leads.csv", [header, *listed[:100]])
    to_sandbox.configure(script=("ok", "failed", "drop-rang", "500-rang", "no_call_id"))
    batchdial("run", "leads.csv", "--yes", "--concurrency", 1, "--stop-after", 0, "--quiet")
    write_rows(tmp_path / "leads.csv", [header, *reversed(listed)])
    batchdial("run", "leads.csv", "--yes", "--quiet")
    write_leads(tmp_path / "others.csv", numbers(2, first=500))
    batchdial("run", "others.csv", "--yes", "--quiet")
    assert len(traces(to_sandbox, tmp_path)) > 300
    return to_sandbox


def test_nothing_is_left_but_counts(
    called: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """
    No byte of the ledger's files holds anybody any more; counts stay, and the other campaign.

    The results file is named and left; nobody is called again but by a person's word.
    """
    before = batchdial("status", "leads", "--json").json["counts"]
    answer = batchdial("purge", "leads", "--yes")
    assert answer.code == 0
    assert f"left, --results deletes it: {tmp_path / 'leads.results.csv'}" in answer.err
    assert traces(called, tmp_path) == []
    assert (tmp_path / "leads.results.csv").exists()

    standing = batchdial("status", "leads", "--json").json
    assert (standing["counts"], standing["lists"]) == (before, ["leads.csv"])
    assert standing["purgedAt"]
    assert "Purged at" in batchdial("status", "leads").out
    assert "(purged)" in batchdial("campaigns").out
    assert batchdial("status", "others", "--json").json["counts"] == {"success": 2}
    assert batchdial("results", "others").code == 0
    ledger = sqlite3.connect(tmp_path / "ledger.db")
    assert ledger.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    left = "SELECT header, fingerprint, output FROM lists WHERE state = 'purged'"
    assert set(ledger.execute(left)) == {("[]", "", "")}
    ledger.close()

    calls = len(called.posts)
    for command in (
        ["run", "leads.csv"],
        ["resume", "leads"],
        ["retry", "leads"],
        ["retry", "leads.results.csv"],
        ["retry", "leads", "--include-unknown"],
        ["results", "leads"],
    ):
        flags = [] if command[0] == "results" else ["--yes"]
        refused = batchdial(*command, *flags)
        assert (refused.code, "was purged on" in refused.err) == (78, True), command
    assert batchdial("reconcile", "leads").code == 0
    assert len(called.posts) == calls
    assert batchdial("purge", "leads", "--yes").code == 0
    assert batchdial("status", "leads", "--json").json["counts"] == before


def test_begun_again(called: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path) -> None:
    """`run --again` is the word with which a purged name calls everybody anew, once."""
    batchdial("purge", "leads", "--yes")
    calls = len(called.posts)
    assert batchdial("run", "leads.csv", "--again", "--yes").code == 0
    assert dialled(called.posts[calls:]) == dict.fromkeys(PHONES, 1)
    assert batchdial("status", "leads", "--json").json["purgedAt"] is None
    calls = len(called.posts)
    assert batchdial("run", "leads.csv", "--yes").code == 0
    assert len(called.posts) == calls
    assert tally(read_results(tmp_path / "leads.results.csv")) == {"success": 150}


def test_the_results_too(called: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path) -> None:
    """`--results` deletes the campaign's results file, and no file that took its place."""
    assert called.url
    batchdial("purge", "leads", "--yes", "--results")
    assert not (tmp_path / "leads.results.csv").exists()
    (tmp_path / "others.results.csv").write_text("my own notes")
    answer = batchdial("purge", "others", "--yes", "--results")
    assert (tmp_path / "others.results.csv").read_text() == "my own notes"
    assert "left alone" in answer.err


def test_the_name_is_typed(
    called: Sandbox,
    batchdial: Callable[..., Answer],
    terminal: Callable[..., pexpect.spawn[str]],
    tmp_path: Path,
) -> None:
    """A person types the campaign's name; nothing else deletes, and without a terminal nothing."""
    assert called.url
    assert batchdial("purge", "leads").code == 2
    assert batchdial("purge", "nobody", "--yes").code == 78
    child = terminal("purge", "leads")
    child.expect("Type the campaign's name")
    child.sendline("yes")
    assert ended(child)[0] == 2
    assert len(traces(called, tmp_path)) > 300
    child = terminal("purge", "leads")
    child.expect("Type the campaign's name")
    child.sendline("leads")
    assert ended(child)[0] == 0
    assert traces(called, tmp_path) == []


def test_a_campaign_that_is_dialled(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """What another process is dialling is not deleted under it."""
    write_leads(tmp_path / "leads.csv", numbers(3))
    to_sandbox.configure(script=("hang",) * 3)
    with Command("run", "leads.csv", "--yes") as command:
        command.after(to_sandbox, 1)
        answer = batchdial("purge", "leads", "--yes")
    assert (answer.code, str(command.pid) in answer.err) == (75, True)
    assert batchdial("status", "leads", "--json").json["rows"] == 3


def test_traces_that_somebody_keeps(
    called: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """While another process reads the file, traces stay; that is said, and mended by a repeat."""
    assert called.url
    reader = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM rows").fetchone()
    answer = batchdial("purge", "leads", "--yes")
    assert (answer.code, "traces of them are still in" in answer.err) == (73, True)
    assert traces(called, tmp_path)
    reader.close()
    assert batchdial("purge", "leads", "--yes").code == 0
    assert traces(called, tmp_path) == []


def test_on_postgresql(
    to_sandbox: Sandbox,
    new_database: NewDatabase,
    batchdial: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The rows and attempts are gone; the counts are there."""
    where = new_database()
    monkeypatch.setenv("BATCHDIAL_LEDGER", where)
    write_leads(tmp_path / "leads.csv", numbers(5))
    to_sandbox.configure(script=("ok", "drop-rang"))
    batchdial("run", "leads.csv", "--yes", "--concurrency", 1)
    assert batchdial("purge", "leads", "--yes").code == 0
    assert batchdial("status", "leads", "--json").json["counts"] == {"success": 4, "unknown": 1}
    with psycopg.connect(where) as database:
        for query in ("SELECT count(*) FROM rows", "SELECT count(*) FROM attempts"):
            assert database.execute(query).fetchone() == (0,)
        (left,) = database.execute("SELECT lists::text FROM lists").fetchall()
    assert number(0) not in left[0]
    assert batchdial("run", "leads.csv", "--yes").code == 78
