"""Cells as a results file has them, in place of JSON: a row is written as it is kept."""

import json

import sqlalchemy as sa
from alembic import op

from batchdial.rules.written import row_written

revision = "0003"
down_revision = "0002"

#: Rows that are held at a time.
PAGE = 5_000


def upgrade() -> None:
    """Apply this step."""
    connection = op.get_bind()
    rows = sa.table("rows", sa.column("id"), sa.column("cells"))
    page = sa.select(rows).where(rows.c.id > sa.bindparam("last")).order_by(rows.c.id).limit(PAGE)
    change = (
        sa.update(rows).where(rows.c.id == sa.bindparam("at")).values(cells=sa.bindparam("written"))
    )
    last = 0
    while found := connection.execute(page, {"last": last}).all():
        last = found[-1].id
        connection.execute(
            change,
            [{"at": one.id, "written": row_written(json.loads(one.cells))} for one in found],
        )
