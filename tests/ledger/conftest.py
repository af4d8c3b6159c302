"""A PostgreSQL of our own, and a bench for each kind of ledger."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.ledger.bench import Bench, MemoryBench, SqlBench

#: Gives the address of a database that did not exist before.
NewDatabase = Callable[[], str]


def _binaries() -> Path | None:
    """The folder with `initdb`: Debian keeps one for each version, outside of PATH."""
    found = [
        path.parent
        for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    ]
    if (config := shutil.which("pg_config")) is not None:
        told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True)
        found.append(Path(told.stdout.strip()))
    if (initdb := shutil.which("initdb")) is not None:
        found.append(Path(initdb).parent)
    return next((folder for folder in found if (folder / "initdb").exists()), None)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """A server that listens on a socket in a temporary folder, and nowhere else."""
    binaries = _binaries()
    if binaries is None:
        missing = "no PostgreSQL here: apt-get install postgresql"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    folder = Path(tempfile.mkdtemp(prefix="batchdial-pg-", dir="/tmp"))
    drop_root: list[str] = []
    if os.geteuid() == 0:  # initdb refuses root
        drop_root = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")

    def run(program: str, *arguments: str) -> None:
        command = [*drop_root, str(binaries / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, done.stdout + done.stderr

    data, log = str(folder / "data"), str(folder / "log")
    run("initdb", "-D", data, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-U", "us")
    options = f"-k {folder} -c listen_addresses= -c fsync=off -c timezone=Asia/Kolkata"
    try:
        run("pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
        yield folder
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_database(cluster: Path) -> NewDatabase:
    """Makes empty databases."""
    numbers = count()

    def create() -> str:
        name = f"ledger{next(numbers)}"
        with psycopg.connect(
            host=str(cluster), user="us", dbname="postgres", autocommit=True
        ) as server:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return f"postgresql://us@/{name}?host={cluster}"

    return create


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address under which there is no ledger yet, of each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    create: NewDatabase = request.getfixturevalue("new_database")
    return create()


@pytest.fixture
def sql_bench(where: str) -> Iterator[SqlBench]:
    """A ledger in each kind of database."""
    bench = SqlBench(where)
    with bench.ledger:
        yield bench


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Every kind of ledger."""
    if request.param == "memory":
        yield MemoryBench()
        return
    if request.param == "sqlite":
        where = str(tmp_path / "ledger.db")
    else:
        create: NewDatabase = request.getfixturevalue("new_database")
        where = create()
    sql_bench = SqlBench(where)
    with sql_bench.ledger:
        yield sql_bench
