"""Indexes for long lists: counts by reason, chosen rows, attempts by time; none by place."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply this step."""
    op.drop_index(op.f("ix_rows_list_id_row"), table_name="rows")
    has_reason = sa.text("reason <> ''")
    op.create_index(
        op.f("ix_rows_list_id_status_reason"),
        "rows",
        ["list_id", "status", "reason"],
        unique=False,
        sqlite_where=has_reason,
        postgresql_where=has_reason,
    )
    is_chosen = sa.text("chosen IS NOT NULL")
    op.create_index(
        op.f("ix_rows_list_id_chosen_status_id"),
        "rows",
        ["list_id", "chosen", "status", "id"],
        unique=False,
        sqlite_where=is_chosen,
        postgresql_where=is_chosen,
    )
    op.create_index(
        op.f("ix_attempts_campaign_id_claimed_at"),
        "attempts",
        ["campaign_id", "claimed_at"],
        unique=False,
    )
