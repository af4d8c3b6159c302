"""Whether a ledger's file is sound, found out in less time than the calls would wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchdial.ledger.schema import RANG

if TYPE_CHECKING:
    import sqlalchemy as sa

#: Bytes up to which every page of the file is examined; that takes about a second.
WHOLE = 48 * 1024 * 1024
#: The entries of who may have been called, in whatever order: how many there are, and a sum that
#: another number, campaign or row would change.
_ENTRIES = (
    "SELECT count(*), sum(rowid * 31 % 1000003 * (campaign_id + generation) % 1000003 "
    "* (substr(e164, 2) % 1000003) % 1000003) FROM attempts"
)


def unsound(connection: sa.Connection) -> str:
    """
    What is wrong with a SQLite ledger, in the database's words; empty where nothing is.

    Of a long ledger only the memory of who was called is examined: its pages, and that
    the index `one_ring`, which is asked before every call, has what the table has. Damage
    elsewhere shows when it is read, and calls nobody twice.
    """
    size = _one(connection, "PRAGMA page_count") * _one(connection, "PRAGMA page_size")
    check = "integrity_check(1)" if size <= WHOLE else "quick_check(attempts)"
    found = str(connection.exec_driver_sql(f"PRAGMA {check}").scalar())
    if found != "ok":
        return found.splitlines()[0]
    if size <= WHOLE:
        return ""
    table, index = (
        tuple(connection.exec_driver_sql(f"{_ENTRIES} {way} WHERE {RANG.text}").one())
        for way in ("NOT INDEXED", "INDEXED BY one_ring")
    )
    return "" if table == index else "the index one_ring is not that of its table"


def _one(connection: sa.Connection, query: str) -> int:
    found: int = connection.exec_driver_sql(query).scalar_one()
    return found
