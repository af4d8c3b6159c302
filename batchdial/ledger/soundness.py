"""Whether a ledger's file is sound, found out in less time than the calls would wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchdial.ledger.schema import RANG

if TYPE_CHECKING:
    import sqlalchemy as sa

#: Bytes up to which every page of the file is examined; that takes about a second.
WHOLE = 48 * 1024 * 1024
#: The calls of a campaign that rang or may have, in whatever order: how many, and a sum that
#: another number, campaign or row would change.
_CALLS = (
    "SELECT count(*), sum(rowid * 31 % 1000003 * (campaign_id + generation) % 1000003 "
    "* (substr(e164, 2) % 1000003) % 1000003) FROM attempts INDEXED BY"
)


def unsound(connection: sa.Connection, campaign_id: int) -> str:
    """
    What is wrong with a SQLite ledger, in the database's words; empty where nothing is.

    Of a long ledger only that is examined which keeps the campaign from calling anybody
    twice: whether the index `one_ring`, which is asked before every call, has exactly the
    calls that the table has, to which another index leads. Damage elsewhere shows when it
    is read.
    """
    size = _one(connection, "PRAGMA page_count") * _one(connection, "PRAGMA page_size")
    if size <= WHOLE:
        found = str(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar())
        return "" if found == "ok" else found.splitlines()[0]
    asked, told = (
        connection.exec_driver_sql(
            f"{_CALLS} {index} WHERE {RANG.text} AND campaign_id = ?", (campaign_id,)
        ).one()
        for index in ("one_ring", "ix_attempts_campaign_id_claimed_at")
    )
    return "" if asked == told else "the index of who was called is not that of its table"


def _one(connection: sa.Connection, query: str) -> int:
    found: int = connection.exec_driver_sql(query).scalar_one()
    return found
