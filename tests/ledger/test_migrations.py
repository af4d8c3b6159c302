"""A ledger of an earlier version: brought up to date in place, whole or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from batchdial.errors import LedgerError
from batchdial.ledger.database import HEAD, upgrade
from batchdial.ledger.ledger import Ledger
from batchdial.ledger.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = {
    "campaigns": "1, 'leads', 'ag', 'https://cald.test', 2, :now, :now, 7, NULL, NULL, NULL, NULL",
    "lists": "1, 1, 2, 'leads.csv', '/out.csv', 'active', 'print', '[\"a\"]', '{}', :now",
    "rows": "5, 1, 2, '[\"x\",\"=1\"]', '+12025550100', 'success', '', '', 'call_1', 1, :now, NULL",
    "attempts": "5, 1, 1, 2, '+12025550100', 'success', '', '', 'call_1', 200, :now, :now, NULL",
}
RINGS_AGAIN = sa.text(
    "INSERT INTO attempts (row_id, nth, campaign_id, generation, e164, status, claimed_at) "
    "VALUES (5, 2, 1, 2, '+12025550100', 'dialing', '2026-01-03')"
)


@pytest.fixture
def older(where: str) -> Iterator[sa.Engine]:
    """A ledger as the first version of the program left it, with a row that was called."""
    url = sa.make_url(where) if "://" in where else sa.URL.create("sqlite", database=where)
    driver = "postgresql+psycopg" if "://" in where else "sqlite"
    engine = sa.create_engine(url.set(drivername=driver))
    now = sa.bindparam("now", datetime(2026, 1, 2, tzinfo=UTC), sa.DateTime(timezone=True))
    with engine.begin() as connection:
        upgrade(connection, "0001")
        for table, values in ROWS.items():
            connection.execute(sa.text(f"INSERT INTO {table} VALUES ({values})").bindparams(now))  # noqa: S608
    yield engine
    engine.dispose()


def content(engine: sa.Engine) -> dict[str, list[dict[str, object]]]:
    """What each table of the first version holds, without columns that are empty."""
    with engine.connect() as connection:
        return {
            table: [
                {name: value for name, value in row._mapping.items() if value is not None}
                for row in connection.execute(sa.text(f"SELECT * FROM {table}"))  # noqa: S608
            ]
            for table in ROWS
        }


def test_an_older_ledger_is_brought_up_to_date(where: str, older: sa.Engine) -> None:
    """With every row, with every index; and what rang cannot ring again."""
    before = content(older)
    for _ in range(2):
        with Ledger(where, create=False) as ledger, ledger.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
            assert context.get_current_revision() == HEAD
    (row,) = before["rows"]
    assert content(older) == before | {"rows": [row | {"cells": "x,'=1"}]}
    with pytest.raises(sa.exc.IntegrityError), older.begin() as connection:
        connection.execute(RINGS_AGAIN)


def test_an_upgrade_that_fails_leaves_the_ledger_as_it_was(where: str, older: sa.Engine) -> None:
    """And it can be tried again when the reason is gone."""
    in_the_way = "ix_attempts_campaign_id_claimed_at"
    with older.begin() as connection:
        connection.execute(sa.text(f"CREATE INDEX {in_the_way} ON attempts (nth)"))
    before = content(older)
    with pytest.raises(LedgerError, match=f"{in_the_way}.* already exists"):
        Ledger(where)
    assert content(older) == before
    names = {str(index["name"]) for index in sa.inspect(older).get_indexes("rows")}
    assert names == {"ix_rows_list_id_row", "ix_rows_list_id_status_id"}
    with older.begin() as connection:
        connection.execute(sa.text(f"DROP INDEX {in_the_way}"))
    with Ledger(where) as ledger:
        assert [one.name for one in ledger.find()] == ["leads"]
