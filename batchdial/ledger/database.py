"""Opening a ledger: where it is, who may read it, which schema it has."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from batchdial.errors import ConfigError, LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The newest step under `migrations/versions`; a ledger that names another is older or newer.
HEAD = "0001"
#: Seconds that a writer waits for another process's transaction to end.
BUSY_SECONDS = 5.0
#: Any number; whoever brings a PostgreSQL ledger's schema up to date holds the lock of this one.
_MIGRATING = 7_225_342


def open_engine(where: str, *, create: bool = True) -> sa.Engine:
    """
    Connect to a ledger and see that its schema is this program's.

    Args:
        where: Path of a SQLite file, or a `postgresql://` URL.
        create: Whether a ledger that does not exist is made.

    Raises:
        LedgerError: It cannot be opened, is damaged, or is newer than this program.
    """
    try:
        with explained(where):
            engine = _postgres(where) if "://" in where else _sqlite(Path(where), create=create)
            try:
                _migrate(engine, where)
            except BaseException:
                engine.dispose()
                raise
    except OSError as error:
        raise LedgerError(
            f"The ledger {where} cannot be written: {error.strerror}. Nobody was called.\n"
            "Say where it may be with --ledger PATH."
        ) from None
    return engine


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn what a database driver raises into a `LedgerError` that names the ledger."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = str(error.orig if isinstance(error, DBAPIError) else error).strip() or "no reason"
        raise LedgerError(
            f"The ledger {shown(where)} failed: {cause.splitlines()[0]}.\n"
            "Nothing more is dialled. Rows that were in flight count as unknown."
        ) from error


def shown(where: str) -> str:
    """The ledger's place without the password that a URL may carry."""
    if "://" not in where:
        return where
    try:
        return sa.make_url(where).render_as_string()
    except (sa.exc.ArgumentError, ValueError):
        return f"{where.partition('://')[0]}://…"


def _sqlite(path: Path, *, create: bool) -> sa.Engine:
    if not path.exists():
        if not create:
            raise LedgerError(f"There is no ledger at {path}. Name it with --ledger PATH.")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_SECONDS}
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not open transactions by itself
    _write_ahead(connection)
    # A claim that a power cut could undo would ring somebody twice.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """SQLite's own waiting does not cover this switch when several processes open a new file."""
    patience = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _postgres(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() != "postgresql":
            raise ConfigError(f"--ledger takes a path or postgresql://…, not {shown(url)}.")
        return sa.create_engine(parsed.set(drivername="postgresql+psycopg"))
    except ModuleNotFoundError:
        raise ConfigError(
            "A PostgreSQL ledger needs one more package: pip install 'batchdial[postgres]'."
        ) from None
    except (NoSuchModuleError, sa.exc.ArgumentError, ValueError):
        raise ConfigError(f"--ledger takes a path or postgresql://…, not {shown(url)}.") from None


def _migrate(engine: sa.Engine, where: str) -> None:
    with engine.connect() as connection:
        found = _version(connection)
    if found == HEAD:
        return
    if found is not None:
        raise LedgerError(
            f"The ledger {shown(where)} was written by a newer batchdial (schema {found}, this one "
            f"knows {HEAD}). Nobody was called.\nUpgrade with: pip install --upgrade batchdial"
        )
    # Only a new ledger pays for this import.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # SQLite's transactions begin with a lock anyway
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
        if _version(connection) is None:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: Any = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)
