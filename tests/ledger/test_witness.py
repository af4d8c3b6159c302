"""Whether a ledger is what was dialled from last."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from batchdial.errors import LedgerDoubtError
from batchdial.ledger.ledger import Ledger
from batchdial.ledger.witness import Seen, doubt
from batchdial.models import Campaign

if TYPE_CHECKING:
    from pathlib import Path

CAMPAIGN = Campaign(1, "leads", "ag_1", "https://cald.test", 1, datetime(2026, 11, 22, tzinfo=UTC))
BEFORE = Seen(epoch=3, inode=7, machine="m", has_log=False)


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        pytest.param(None, Seen(0, 7, "m", False), "", id="new"),
        pytest.param(None, Seen(1, 7, "m", True), "copied here", id="nobody-noted-it"),
        pytest.param(BEFORE, Seen(3, 7, "m", False), "", id="the-same"),
        pytest.param(BEFORE, Seen(4, 7, "m", True), "", id="killed-before-it-was-noted"),
        pytest.param(BEFORE, Seen(2, 7, "m", False), "older", id="older"),
        pytest.param(BEFORE, Seen(0, 9, "m", False), "older", id="new-in-its-place"),
        pytest.param(BEFORE, Seen(3, 8, "m", False), "a copy", id="another-file"),
        pytest.param(BEFORE, Seen(3, 7, "n", False), "another machine", id="another-machine"),
        pytest.param(BEFORE, Seen(3, 7, "", False), "", id="machine-not-told-now"),
        pytest.param(Seen(3, 7, "", False), BEFORE, "", id="machine-not-told-then"),
        pytest.param(Seen(3, 7, "m", True), Seen(3, 7, "m", False), "-wal", id="log-gone"),
        pytest.param(Seen(3, 7, "m", True), Seen(3, 7, "m", True), "", id="log-there"),
    ],
)
def test_doubt(before: Seen | None, now: Seen, why: str) -> None:
    """Only what may lack a call is doubted."""
    assert bool(doubt(before, now)) == bool(why)
    assert why in doubt(before, now)


def test_a_ledger_is_vouched_for_again_and_again(tmp_path: Path) -> None:
    """Each time under a new number; the file beside it is private."""
    where = tmp_path / "ledger.db"
    for _ in range(3):
        with Ledger(str(where)) as ledger:
            assert ledger.doubt == ""
            ledger.vouch(CAMPAIGN)
            ledger.vouch(CAMPAIGN)
    beside = tmp_path / "ledger.db-seen"
    assert stat.S_IMODE(beside.stat().st_mode) == 0o600
    assert beside.stat().st_size == 256
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ledger.db", "ledger.db-seen"]


def test_looking_on_changes_nothing(tmp_path: Path) -> None:
    """A ledger that nobody dials from has no file beside it, a doubt stays a doubt."""
    where = tmp_path / "ledger.db"
    Ledger(str(where)).close()
    assert not (tmp_path / "ledger.db-seen").exists()
    with Ledger(str(where)) as ledger:
        ledger.vouch(CAMPAIGN)
    (tmp_path / "ledger.db-seen").unlink()
    for _ in range(2):
        with Ledger(str(where)) as ledger:
            assert "copied here" in ledger.doubt


def test_a_persons_word_is_asked_for_once(tmp_path: Path) -> None:
    """Until then nobody is called; afterwards the ledger is the one that was seen."""
    where = tmp_path / "ledger.db"
    with Ledger(str(where)) as ledger:
        ledger.vouch(CAMPAIGN)
    (tmp_path / "ledger.db-seen").write_text("no note")
    with Ledger(str(where)) as ledger:
        with pytest.raises(LedgerDoubtError, match="--trust-ledger"):
            ledger.vouch(CAMPAIGN)
        ledger.vouch(CAMPAIGN, trusted=True)
        assert ledger.doubt == ""
    with Ledger(str(where)) as ledger:
        ledger.vouch(CAMPAIGN)


def test_two_processes_on_one_ledger(tmp_path: Path) -> None:
    """Whoever closes first leaves the log to the other."""
    where = tmp_path / "ledger.db"
    with Ledger(str(where)) as first:
        first.vouch(CAMPAIGN)
        with Ledger(str(where)) as second:
            assert second.doubt == ""
            second.vouch(CAMPAIGN)
        assert '"has_log": true' in (tmp_path / "ledger.db-seen").read_text()
        with Ledger(str(where)) as third:
            assert third.doubt == ""
    assert '"has_log": false' in (tmp_path / "ledger.db-seen").read_text()


def test_a_process_that_dies_while_it_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is gone and nothing more was noted; nobody is asked for that."""
    ledger = Ledger(str(tmp_path / "ledger.db"))
    ledger.vouch(CAMPAIGN)
    dispose = ledger._engine.dispose

    def dispose_and_die() -> None:
        dispose()
        raise KeyboardInterrupt

    monkeypatch.setattr(ledger._engine, "dispose", dispose_and_die)
    with pytest.raises(KeyboardInterrupt):
        ledger.close()
    assert not (tmp_path / "ledger.db-wal").exists()
    with Ledger(str(tmp_path / "ledger.db")) as again:
        assert again.doubt == ""


def test_a_shared_ledger_is_not_watched(sql_address: str) -> None:
    """A server is its administrator's to keep."""
    with Ledger(sql_address) as ledger:
        ledger.vouch(CAMPAIGN)
        assert ledger.doubt == ""


@pytest.fixture
def sql_address(request: pytest.FixtureRequest) -> str:
    """A ledger on PostgreSQL."""
    address: str = request.getfixturevalue("new_database")()
    return address
