"""Damage of the memory of who was called is seen before the first call, however long it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from batchdial.errors import LedgerError
from batchdial.ledger import soundness
from batchdial.ledger.ledger import Ledger
from batchdial.models import CallStatus
from tests.ledger.bench import NUMBERS, SqlBench, contact

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAGE = 4096


@pytest.fixture(params=["whole", "long"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger that knows sixty calls; a long one is not examined whole."""
    if request.param == "long":
        monkeypatch.setattr(soundness, "WHOLE", 0)
    where = tmp_path / "ledger.db"
    bench = SqlBench(str(where))
    with bench.ledger:
        bench.begin([])
        called = [contact(row, NUMBERS[row], CallStatus.SUCCESS) for row in range(60)]
        bench.add_list(bench.acquire(), called, "old.results.csv")
    return where


def one_ring(where: Path) -> int:
    """Where the index begins in the file."""
    with closing(sqlite3.connect(where)) as reader:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'one_ring'"
        return PAGE * (int(reader.execute(query).fetchone()[0]) - 1)


def emptied(data: bytearray, start: int) -> None:
    """As if SQLite had written it without an entry."""
    data[start + 3 : start + 5] = b"\0\0"


def one_lost(data: bytearray, start: int) -> None:
    """Its last entry is not counted any more."""
    data[start + 4] -= 1


def another_number(data: bytearray, start: int) -> None:
    """One digit of one number, such that the order still holds."""
    last = NUMBERS[59].encode()
    place = data.index(last, start) + len(last) - 1
    data[place : place + 1] = b"~"


def overwritten(data: bytearray, start: int) -> None:
    """Nothing of it is left."""
    data[start : start + PAGE] = b"\xa5" * PAGE


def test_a_sound_ledger(ledger: Path) -> None:
    """Is vouched for."""
    with Ledger(str(ledger)) as opened:
        opened.vouch(opened.find()[0], trusted=True)


def test_a_call_that_the_table_lost(ledger: Path) -> None:
    """Is seen as well: an index still leads to where it was."""
    with closing(sqlite3.connect(ledger)) as writer:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'attempts'"
        page = int(writer.execute(query).fetchone()[0])
    data = bytearray(ledger.read_bytes())
    emptied(data, PAGE * (page - 1))
    ledger.write_bytes(data)
    with Ledger(str(ledger)) as opened, pytest.raises(LedgerError, match="is damaged"):
        opened.vouch(opened.find()[0], trusted=True)


@pytest.mark.parametrize("damage", [emptied, one_lost, another_number, overwritten])
def test_a_damaged_index(damage: Callable[[bytearray, int], None], ledger: Path) -> None:
    """Nobody is called from it: it would not know who was called."""
    data = bytearray(ledger.read_bytes())
    damage(data, one_ring(ledger))
    ledger.write_bytes(data)
    with Ledger(str(ledger)) as opened, pytest.raises(LedgerError, match="is damaged"):
        opened.vouch(opened.find()[0], trusted=True)
