"""Opening a ledger: where it is, who may read it, which schema it has."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError

from batchdial.errors import ConfigError, LedgerAwayError, LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The newest step under `migrations/versions`, and those before it, from which it is reached.
HEAD = "0004"
_EARLIER = frozenset({None, "0001", "0002", "0003"})
#: Seconds that a writer waits for another process's transaction to end.
BUSY_SECONDS = 4.0
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
        raw = error.orig if isinstance(error, DBAPIError) else error
        cause = (str(raw).strip() or "no reason").splitlines()[0]
        if _sqlite_code(raw) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise damaged(where, cause) from error
        kind = LedgerAwayError if _is_away(error) else LedgerError
        held = _holder(Path(where)) if _sqlite_code(raw) == sqlite3.SQLITE_BUSY else ""
        raise kind(
            f"The ledger {shown(where)} failed: {cause}{held}.\n"
            "Nothing more is dialled. Rows that were in flight count as unknown."
        ) from error
    except ValueError as error:  # text that is no text, or a word that is no status
        raise damaged(where, "it holds values that were never written") from error


def damaged(where: str, cause: str) -> LedgerError:
    """What to do with a ledger of which something cannot be read."""
    return LedgerError(
        f"The ledger {shown(where)} is damaged: {cause}. Nothing more is dialled.\n"
        "Keep it: it knows who was called, and `batchdial results` writes what can be read of it. "
        "Go on with a backup, or with those results: batchdial run FILE.results.csv --ledger NEW"
    )


def _sqlite_code(error: object) -> int | None:
    """The primary code of SQLite's error; None of any other."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _is_away(error: Exception) -> bool:
    """Whether the same may succeed a little later: a lock, a lost connection, a restart."""
    if not isinstance(error, OperationalError):
        return False
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_code(error.orig) == sqlite3.SQLITE_BUSY
    state: str | None = getattr(error.orig, "sqlstate", None)
    # Classes of SQLSTATE: connection, rolled back, operator's intervention; none: no connection.
    return error.connection_invalidated or state is None or state[:2] in {"08", "40", "57"}


def _holder(path: Path) -> str:
    """`, held by process 123`, where Linux tells who is writing to a SQLite file."""
    try:
        inodes = {f":{os.stat(f'{path}{end}').st_ino}" for end in ("", "-shm")}
        locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    except OSError:
        return ""
    pids = {
        words[4]
        for words in locks
        if words[3] == "WRITE" and words[5][words[5].rfind(":") :] in inodes
    } - {str(os.getpid()), "0", "-1"}
    return f", held by process {', '.join(sorted(pids))}" if pids else ""


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
        # A server that was restarted while nobody asked it anything breaks no run.
        return sa.create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    except ModuleNotFoundError:
        raise ConfigError(
            "A PostgreSQL ledger needs one more package: pip install 'batchdial[postgres]'."
        ) from None
    except (NoSuchModuleError, sa.exc.ArgumentError, ValueError):
        raise ConfigError(f"--ledger takes a path or postgresql://…, not {shown(url)}.") from None


def _migrate(engine: sa.Engine, where: str) -> None:
    """Bring a new or an older ledger to this program's schema, all of it or nothing."""
    with engine.connect() as connection:
        found = _version(connection)
    if found == HEAD:
        return
    if found not in _EARLIER:
        raise LedgerError(
            f"The ledger {shown(where)} was written by a newer batchdial (schema {found}, this one "
            f"knows {HEAD}). Nobody was called.\nUpgrade with: pip install --upgrade batchdial"
        )
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # SQLite's transactions begin with a lock anyway
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
        if _version(connection) != HEAD:  # unless another process was faster
            upgrade(connection, HEAD)


def upgrade(connection: sa.Connection, revision: str) -> None:
    """Take the steps to a schema; only a ledger that is not of today pays for this import."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: Any = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)
