"""A PostgreSQL of our own, that ends with the tests even where those are killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

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


@dataclass
class Server:
    """A server that listens on a socket in its folder, and nowhere else."""

    folder: Path
    binaries: Path
    _numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        # initdb refuses root.
        self.as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.as_user:
            shutil.chown(self.folder, "postgres")

    def initialise(self) -> None:
        """Make the database files."""
        self._run("initdb", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-U", "us")

    def start(self) -> None:
        """Begin to listen."""
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off -c timezone=Asia/Kolkata"
        self._run("pg_ctl", "-l", str(self.folder / "log"), "-w", "-o", options, "start")

    def stop(self) -> None:
        """End at once, as when the machine of the server fails."""
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def is_up(self) -> bool:
        """Whether it runs."""
        return (self.folder / "data" / "postmaster.pid").exists()

    def cut(self) -> None:
        """End every connection; the server stays."""
        with self._connection() as server:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )

    def new_database(self) -> str:
        """The address of an empty database."""
        name = f"ledger{next(self._numbers)}"
        with self._connection() as server:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return f"postgresql://us@/{name}?host={self.folder}"

    def _connection(self) -> psycopg.Connection:
        return psycopg.connect(host=str(self.folder), user="us", dbname="postgres", autocommit=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self.as_user, str(self.binaries / program), "-D", str(self.folder / "data")]
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, check=False, cwd="/"
        )
        assert done.returncode == 0, done.stdout + done.stderr


#: Waits until whoever started it lets go of its input, or dies, and clears up.
_GUARD = 'cat; "$0/pg_ctl" -D "$1/data" -m immediate -w stop; rm -rf "$1"'


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A running server."""
    binaries = _binaries()
    if binaries is None:
        missing = "no PostgreSQL here: make postgres"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    server = Server(Path(tempfile.mkdtemp(prefix="batchdial-pg-", dir="/tmp")), binaries)
    guard = subprocess.Popen(
        [*server.as_user, "sh", "-c", _GUARD, str(binaries), str(server.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    try:
        server.initialise()
        server.start()
        yield server
    finally:
        guard.communicate()


@pytest.fixture(scope="session")
def new_database(postgres: Server) -> NewDatabase:
    """Makes empty databases."""
    return postgres.new_database
