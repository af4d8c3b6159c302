"""Campaigns: outcomes, calls due again, suppression, and why each was decided so."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply this step."""
    for column in (
        sa.Column("due_at", _TIME),
        sa.Column("outcome", sa.Text()),
        sa.Column("call_length", sa.Integer()),
        sa.Column("recording_url", sa.Text()),
    ):
        op.add_column("rows", column)
    for column in (
        sa.Column("outcome", sa.Text()),
        sa.Column("call_length", sa.Integer()),
        sa.Column("recording_url", sa.Text()),
        sa.Column("completed_at", _TIME),
        sa.Column("evidence", sa.Text()),
        sa.Column("basis_id", sa.Integer()),
    ):
        op.add_column("attempts", column)
    op.add_column("campaigns", sa.Column("wish", sa.Text()))
    is_due = sa.text("due_at IS NOT NULL")
    op.create_index(
        op.f("ix_rows_list_id_due_at"),
        "rows",
        ["list_id", "due_at"],
        sqlite_where=is_due,
        postgresql_where=is_due,
    )
    is_going_on = sa.text("status = 'success' AND outcome IS NULL")
    op.create_index(
        "ix_attempts_going_on",
        "attempts",
        ["campaign_id", "claimed_at"],
        sqlite_where=is_going_on,
        postgresql_where=is_going_on,
    )
    op.create_index(op.f("ix_attempts_e164_claimed_at"), "attempts", ["e164", "claimed_at"])
    op.create_table(
        "suppressions",
        sa.Column("e164", sa.Text(), nullable=False),
        sa.Column("added_at", _TIME, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("e164", name=op.f("pk_suppressions")),
    )
    op.create_table(
        "bases",
        sa.Column("id", _ID, nullable=False),
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("decided_from", _TIME, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_bases_campaign_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bases")),
    )
    op.create_index(op.f("ix_bases_campaign_id"), "bases", ["campaign_id"])
    op.create_table(
        "refusals",
        sa.Column("id", _ID, nullable=False),
        sa.Column("row_id", _ID, nullable=False),
        sa.Column("decided_at", _TIME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("basis_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(["row_id"], ["rows.id"], name=op.f("fk_refusals_row_id")),
        sa.ForeignKeyConstraint(["basis_id"], ["bases.id"], name=op.f("fk_refusals_basis_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refusals")),
    )
    op.create_index(op.f("ix_refusals_row_id"), "refusals", ["row_id"])
