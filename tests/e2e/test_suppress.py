"""The ledger's own do-not-call list, as a person keeps it with the command."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from batchdial.errors import ExitCode
from batchdial.lists.donotcall import read_donotcall
from tests.conftest import Answer

if TYPE_CHECKING:
    from pathlib import Path

Command = Callable[..., Answer]
BRITON, AMERICAN = "+447911123456", "+12025550101"


@pytest.fixture(autouse=True)
def ledger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A ledger that is made by whoever needs it first."""
    path = tmp_path / "ledger.db"
    monkeypatch.setenv("BATCHDIAL_LEDGER", str(path))
    return path


def test_add_list_remove(batchdial: Command) -> None:
    """Numbers are cleaned like everywhere, listed whole on stdout, and masked in messages."""
    said = batchdial(
        "suppress", "add", BRITON, "(202) 555-0101", "--region", "US", "--note", "by\nmail"
    )
    assert said.code == ExitCode.OK
    assert said.out == ""
    assert said.err.startswith("2 numbers suppressed. ")
    assert BRITON not in said.err
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    listed = batchdial("suppress", "list")
    assert listed.out == f"{AMERICAN}  # {today} by mail\n{BRITON}  # {today} by mail\n"
    again = batchdial("suppress", "add", BRITON, "+4915112345678")
    assert again.err.startswith("1 number suppressed; 1 was already. ")
    removed = batchdial("suppress", "remove", "+44 7911 123456", "+33612345678")
    assert removed.code == ExitCode.OK
    assert removed.err.startswith("1 number removed. ")
    assert removed.err.endswith("+33612••••78 was not suppressed.\n")
    assert [one["e164"] for one in batchdial("suppress", "list", "--json").json] == [
        AMERICAN,
        "+4915112345678",
    ]


def test_json(batchdial: Command) -> None:
    """For programs: the number, since when, why."""
    batchdial("suppress", "add", BRITON, "--note", " asked by phone ")
    (one,) = batchdial("suppress", "list", "--json").json
    assert (one["e164"], one["note"]) == (BRITON, "asked by phone")
    assert datetime.fromisoformat(one["addedAt"]).tzinfo is not None


def test_what_is_listed_can_be_a_file(batchdial: Command, tmp_path: Path) -> None:
    """`suppress list > optouts.txt` is a do-not-call file, and can be added again."""
    batchdial("suppress", "add", BRITON, AMERICAN, "--note", 'said "no, never"; twice')
    path = tmp_path / "optouts.txt"
    path.write_text(batchdial("suppress", "list").out)
    assert sorted(read_donotcall(path)) == [AMERICAN, BRITON]
    assert batchdial("suppress", "add", "--file", path).err.startswith(
        "0 numbers suppressed; 2 were"
    )


def test_a_file_is_added_whole_or_not_at_all(batchdial: Command, tmp_path: Path) -> None:
    """A line that cannot be understood, or a beginning of numbers, adds nothing."""
    path = tmp_path / "optouts.csv"
    path.write_text(f"name,phone\nAnn,{BRITON}\nBob,4.47E+11\n")
    said = batchdial("suppress", "add", AMERICAN, "--file", path)
    assert said.code == ExitCode.CONFIG
    assert "row 3" in said.err
    path.write_text(f"{BRITON}\n+4479*\n")
    said = batchdial("suppress", "add", AMERICAN, "--file", path)
    assert said.code == ExitCode.USAGE
    assert f"--suppress {path}" in said.err
    batchdial("suppress", "add", "+33612345678")
    assert batchdial("suppress", "list").out.startswith("+33612345678")
    assert batchdial("suppress", "add", "--file", tmp_path / "gone.csv").code == ExitCode.CONFIG


def test_all_problems_at_once(batchdial: Command, ledger: Path) -> None:
    """Nothing is changed while any number cannot be understood; the numbers are masked."""
    said = batchdial("suppress", "add", BRITON, "07911 123456", "+4479*", "Ann", "")
    assert said.code == ExitCode.USAGE
    assert "Nothing was changed." in said.err
    assert all(text in said.err for text in ("say --region GB", "--suppress", '"Ann"'[1:4], '""'))
    assert "07911 123456" not in said.err
    assert not ledger.exists()


def test_a_number_that_may_be_two_peoples(batchdial: Command) -> None:
    """It is added as both; removing takes one, so it must be said which."""
    said = batchdial("suppress", "add", "447911123456", "--region", "DE")
    assert said.err.startswith("2 numbers suppressed")
    assert "none of them is called" in said.err
    said = batchdial("suppress", "remove", "447911123456", "--region", "DE")
    assert said.code == ExitCode.USAGE
    assert "Write it with a plus" in said.err
    assert len(batchdial("suppress", "list").out.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["add"], ExitCode.USAGE, "Which numbers?"),
        (["remove"], ExitCode.USAGE, "Missing argument"),
        (["add", "+12025550101", "--region", "Narnia"], ExitCode.CONFIG, "no country 'Narnia'"),
        (["list"], ExitCode.CANNOT_WRITE, "ledger"),
        (["remove", "+12025550101"], ExitCode.CANNOT_WRITE, "ledger"),
    ],
)
def test_what_cannot_be(
    batchdial: Command, arguments: list[str], code: ExitCode, says: str
) -> None:
    """Each has its exit code and says what to type."""
    said = batchdial("suppress", *arguments)
    assert said.code == code
    assert says in said.err
