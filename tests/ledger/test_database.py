"""Opening a ledger: who may read it, how safe it is, which schema it has, what is told else."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from batchdial.errors import BatchDialError, ConfigError, LedgerError
from batchdial.ledger.database import HEAD
from batchdial.ledger.ledger import Ledger
from batchdial.ledger.schema import metadata
from tests.ledger.bench import SqlBench, pending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def test_a_ledger_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    """The file, its journal files, and the folder that is made for it."""
    where = tmp_path / "made" / "ledger.db"
    previous = os.umask(0)
    try:
        bench = SqlBench(str(where))
        with bench.ledger:
            bench.begin(pending(1))
            modes = {
                path.name: stat.S_IMODE(path.stat().st_mode) for path in where.parent.iterdir()
            }
    finally:
        os.umask(previous)
    assert modes == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}
    assert stat.S_IMODE(where.parent.stat().st_mode) == 0o700


def test_every_connection_survives_a_power_cut(tmp_path: Path) -> None:
    """WAL with a sync at each commit; a claim that a power cut undid would ring twice."""
    with Ledger(str(tmp_path / "ledger.db")) as ledger, ExitStack() as stack:
        connections = [stack.enter_context(ledger.reading()) for _ in range(4)]
        connections.append(stack.enter_context(ledger.writing()))
        for connection in connections:

            def pragma(name: str, connection: sa.Connection = connection) -> object:
                return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

            assert pragma("journal_mode") == "wal"
            assert pragma("synchronous") == 2  # FULL
            assert pragma("foreign_keys") == 1


def test_reading_keeps_no_writer_waiting(sql_bench: SqlBench) -> None:
    """`status` during a run neither blocks it nor sees half a transaction."""
    sql_bench.begin(pending(2))
    with sql_bench.ledger.reading() as reader:
        counted = sa.text("SELECT count(*) FROM rows")
        assert reader.execute(counted).scalar() == 2
        with sql_bench.ledger.writing() as writer:
            writer.execute(sa.text("UPDATE rows SET reason = 'x'"))
            with sql_bench.ledger.reading() as other:
                seen = other.execute(sa.text("SELECT DISTINCT reason FROM rows")).scalars().all()
                assert seen == [""]
        assert reader.execute(counted).scalar() == 2


def test_the_steps_lead_to_the_schema(where: str) -> None:
    """What Alembic built is what the program believes to have, with every index."""
    with Ledger(where) as ledger, ledger.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD
        found = {index["name"]: index for index in sa.inspect(connection).get_indexes("attempts")}
        assert set(found) == {
            "one_ring",
            "ix_attempts_dialing",
            "ix_attempts_campaign_id_claimed_at",
            "ix_attempts_e164_claimed_at",
            "ix_attempts_going_on",
        }
        assert found["one_ring"]["unique"]
        assert found["one_ring"]["column_names"] == ["campaign_id", "generation", "e164"]


def test_a_ledger_opens_again_as_it_was(sql_bench: SqlBench) -> None:
    """Also where it must be there already."""
    sql_bench.begin(pending(2))
    with Ledger(sql_bench.where, create=False) as ledger:
        assert [one.name for one in ledger.find()] == ["leads"]


@pytest.mark.fault(28, injected="a schema version that nobody knows yet")
def test_a_ledger_of_a_newer_program_is_refused(where: str, seen: Callable[[str], None]) -> None:
    """With both versions and the way out."""
    with Ledger(where) as ledger, ledger.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0999'"))
    with pytest.raises(LedgerError) as refused:
        Ledger(where)
    assert f"newer batchdial (schema 0999, this one knows {HEAD})" in str(refused.value)
    assert "pip install --upgrade batchdial" in str(refused.value)
    seen("refused with both versions")


@pytest.fixture
def without_rights() -> Iterator[Path]:
    """A folder that may be read but not written, also where the tests run as root."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        os.seteuid(os.getuid())
        shutil.rmtree(folder)


def refusal(where: Path) -> str:
    """What is said of a ledger that cannot be."""
    with pytest.raises(LedgerError) as refused:
        Ledger(str(where))
    said, *way_out = str(refused.value).splitlines()
    assert str(where) in said
    assert len(way_out) == 1
    return said


def test_a_folder_without_rights_is_told(without_rights: Path) -> None:
    """Before anybody is called."""
    assert "Permission denied" in refusal(without_rights / "ledger.db")
    assert "Permission denied" in refusal(without_rights / "deeper" / "ledger.db")


def test_what_cannot_be_a_ledger_is_told(tmp_path: Path) -> None:
    """A folder, a path through a file, a file of another kind, a file cut short."""
    assert "Is a directory" in refusal(tmp_path)
    text = tmp_path / "notes.txt"
    text.write_text("no database at all, but long enough to look like one\n" * 100)
    assert "not a database" in refusal(text)
    assert text.read_text().startswith("no database")
    assert "File exists" in refusal(text / "ledger.db")
    whole = tmp_path / "whole.db"
    Ledger(str(whole)).close()
    damaged = tmp_path / "damaged.db"
    content = bytearray(whole.read_bytes())
    content[100:4096] = b"\xff" * 3996
    damaged.write_bytes(content)
    assert "malformed" in refusal(damaged)


def test_a_ledger_that_must_be_there_is_not_made(tmp_path: Path) -> None:
    """A slip in the path does not begin an empty memory."""
    with pytest.raises(LedgerError, match="There is no ledger at"):
        Ledger(str(tmp_path / "typo.db"), create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "mysql://us:s3cret@host/db",
        "nosuch://us:s3cret@host/db",
        "postgresql://us:s3cret@host:port/db",
        "://us:s3cret@host",
    ],
)
def test_an_address_that_is_none_is_told_without_its_password(url: str) -> None:
    """As a matter of configuration."""
    with pytest.raises(ConfigError, match="--ledger takes a path") as refused:
        Ledger(url)
    assert "s3cret" not in str(refused.value)


def test_a_server_that_is_not_there_is_told_without_its_password(tmp_path: Path) -> None:
    """In one line, and how it goes on."""
    with pytest.raises(BatchDialError) as refused:
        Ledger(f"postgresql://us:s3cret@/db?host={tmp_path}")
    assert "failed: connection" in str(refused.value)
    assert "s3cret" not in str(refused.value)
    assert len(str(refused.value).splitlines()) == 2


def test_eight_processes_open_a_new_ledger_at_once(where: str) -> None:
    """One of them makes it; none of them fails."""
    script = (
        "import sys\n"
        "import alembic.command\n"
        "from batchdial.ledger.ledger import Ledger\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
        "with Ledger(sys.argv[1]) as ledger: ledger.find()\n"
    )
    command = [sys.executable, "-W", "error", "-c", script, where]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(8)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
            process.stdin = None
        said = [process.communicate()[1] for process in processes]
    assert said == [""] * 8
