"""Do-not-call files that change while calls are made: nobody slips through."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from batchdial.errors import DoNotCallError
from batchdial.lists.watched import GRACE, LOOK, DoNotCall
from batchdial.rules.suppression import Listing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ANN, BOB, EVE = "+447911123456", "+12025550101", "+4915112345678"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Bench:
    """Files that are watched, by a clock and a reader that a test moves."""

    def __init__(self, *paths: Path) -> None:
        self.now = NOON
        self.due: list[Callable[[], None]] = []
        self.lists = DoNotCall(paths, start=self.due.append)

    def look(self) -> bool:
        """Look again when it is time to."""
        self.now += LOOK
        return self.lists.ready(self.now)

    def read(self) -> None:
        """Let the reading that is due happen."""
        self.due.pop()()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A list with one person on it."""
    path = tmp_path / "dnc.txt"
    path.write_text(f"{ANN}\n")
    return path


def test_nothing_changes(path: Path) -> None:
    """Files that stay as they are keep nobody waiting."""
    bench = Bench(path)
    assert all(bench.look() for _ in range(10))
    assert bench.due == []
    assert bench.lists.edition == 0
    assert bench.lists.waiting_for == ""


@pytest.mark.parametrize("how", ["in-place", "renamed", "appended"])
def test_a_number_is_added(path: Path, how: str) -> None:
    """From the first look on nobody is called, until the new list has been read whole."""
    bench = Bench(path)
    assert bench.look()
    if how == "renamed":
        new = path.with_name("new.txt")
        new.write_text(f"{ANN}\n{BOB}\n")
        new.replace(path)
    elif how == "in-place":
        path.write_text(f"{BOB}\n{ANN}\n")
    else:
        with path.open("a") as file:
            file.write(f"{BOB}\n")
    assert not bench.look()
    assert bench.lists.waiting_for == "dnc.txt has changed and is read again"
    assert not bench.look()
    assert bench.lists.listing(ANN) == Listing("dnc.txt")
    bench.read()
    assert bench.look()
    assert bench.lists.listing(BOB) == Listing("dnc.txt")
    assert bench.lists.listing(EVE) is None
    assert bench.lists.edition == 1
    assert bench.lists.waiting_for == ""


def test_looks_are_few(path: Path) -> None:
    """The files are asked a few times a second, whoever asks how often."""
    bench = Bench(path)
    assert bench.lists.ready(NOON)
    path.write_text(f"{BOB}\n")
    assert bench.lists.ready(NOON + LOOK - timedelta(milliseconds=1))
    assert not bench.lists.ready(NOON + LOOK)
    assert not bench.lists.ready(NOON + LOOK)


def test_a_clock_that_was_set_back(path: Path) -> None:
    """Nobody waits for the clock to come back to where it was."""
    bench = Bench(path)
    assert bench.lists.ready(NOON)
    path.write_text(f"{BOB}\n")
    assert not bench.lists.ready(NOON - timedelta(hours=1))


def test_a_file_that_grows_is_read_when_it_has_grown(path: Path) -> None:
    """A list that is being copied into its place is not read before two looks agree."""
    bench = Bench(path)
    for _ in range(100):
        with path.open("a") as file:
            file.write(f"{BOB}\n")
        assert not bench.look()
        assert bench.due == []
    assert not bench.look()
    bench.read()
    assert bench.look()


def test_a_change_while_it_is_read(path: Path) -> None:
    """What was read of a file that changed meanwhile is not used."""
    bench = Bench(path)
    path.write_text(f"{BOB}\n")
    bench.look()
    bench.look()
    path.write_text(f"{EVE}\n{BOB}\n")
    bench.read()
    assert not bench.look()
    assert bench.lists.listing(ANN)
    assert bench.lists.listing(EVE) is None
    bench.look()
    bench.read()
    assert bench.look()
    assert bench.lists.listing(EVE)
    assert bench.lists.listing(ANN) is None


def test_the_old_list_holds_until_the_new_one_is_read(path: Path) -> None:
    """A person who was on the list is on it until a whole list without the person is there."""
    bench = Bench(path)
    path.write_text(f"{BOB}\n")
    bench.look()
    bench.look()
    assert bench.lists.listing(ANN)
    bench.read()
    bench.look()
    assert bench.lists.listing(ANN) is None


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda path: path.unlink(), "is gone"),
        (lambda path: path.write_text(""), "holds no number"),
        (lambda path: path.write_text(f"{ANN}\n07911\n"), "line 2"),
        (lambda path: path.write_bytes(b"\x00\x01"), "NUL byte"),
    ],
)
def test_a_list_that_is_lost(path: Path, harm: Callable[[Path], object], says: str) -> None:
    """Nobody is called from the first look on; after a few seconds it is an error."""
    bench = Bench(path)
    harm(path)
    for _ in range(round(GRACE / LOOK)):
        assert not bench.look()
        if bench.due:
            bench.read()
    for _ in range(3):
        with pytest.raises(DoNotCallError, match=says):
            bench.look()
        assert not bench.lists.ready(bench.now)
    assert bench.lists.listing(ANN)


def test_a_list_that_comes_back_in_time(path: Path) -> None:
    """An editor that deletes and writes anew keeps calls waiting, and no more."""
    bench = Bench(path)
    path.unlink()
    assert not bench.look()
    path.write_text("")
    assert not bench.look()
    path.write_text(f"{BOB}\n")
    assert not bench.look()
    assert not bench.look()
    bench.read()
    assert bench.look()
    assert bench.lists.listing(BOB)


def test_a_list_that_is_mended_after_the_error(path: Path) -> None:
    """The way out of the error is to put the file right."""
    bench = Bench(path)
    path.write_text("nobody knows\n07911\n")
    while not bench.due:
        bench.look()
    bench.read()
    bench.now += GRACE
    with pytest.raises(DoNotCallError):
        bench.look()
    path.write_text(f"{ANN}\n")
    assert not bench.look()
    bench.look()
    bench.read()
    assert bench.look()


def test_a_reader_that_dies(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading that ended without an answer is an error and not an endless pause."""
    bench = Bench(path)
    path.write_text(f"{BOB}\n")
    bench.look()
    bench.look()
    monkeypatch.setattr("batchdial.lists.donotcall.read_donotcall", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        bench.read()
    bench.now += GRACE
    with pytest.raises(DoNotCallError, match="could not be read again"):
        bench.look()


def test_several_files(path: Path, tmp_path: Path) -> None:
    """All of them count, and one that changes keeps all calls waiting."""
    other = tmp_path / "other.csv"
    other.write_text(f"name,phone\nBob,{BOB}\n")
    bench = Bench(path, other, path)
    assert bench.lists.listing(ANN) == Listing("dnc.txt")
    assert bench.lists.listing(BOB) == Listing("other.csv")
    other.write_text(f"name,phone\nEve,{EVE}\n")
    assert not bench.look()
    told = bench.lists.evidence()
    assert [one["entries"] for one in told] == [1, 1]
    assert [name for name, _ in bench.lists.ages()] == ["dnc.txt", "other.csv"]


def test_all_that_is_wrong_at_once(tmp_path: Path) -> None:
    """At the start, every file that cannot be used is named."""
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    with pytest.raises(DoNotCallError) as error:
        DoNotCall([tmp_path / "gone.txt", empty])
    assert "gone.txt" in str(error.value)
    assert "empty.txt" in str(error.value)


def test_no_files() -> None:
    """Without files nobody is listed and nothing is waited for."""
    lists = DoNotCall([])
    assert lists.ready(NOON)
    assert lists.listing(ANN) is None


def test_beside_the_calls(path: Path) -> None:
    """The reading itself happens in a thread of its own."""
    lists = DoNotCall([path])
    path.write_text(f"{BOB}\n")
    now = NOON
    while not lists.ready(now):
        now += LOOK
        for thread in threading.enumerate():
            if thread.name == "do-not-call":
                thread.join()
    assert lists.listing(BOB)
