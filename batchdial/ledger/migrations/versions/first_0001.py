"""The first schema: campaigns, lists, rows, attempts, pacing."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "campaigns",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("owner_host", sa.Text()),
        sa.Column("owner_pid", sa.Integer()),
        sa.Column("owner_since", sa.DateTime(timezone=True)),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("name", "agent", name=op.f("uq_campaigns_name_agent")),
    )
    op.create_table(
        "pacing",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("next_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("service", name=op.f("pk_pacing")),
    )
    op.create_table(
        "lists",
        sa.Column("id", Id, nullable=False),
        sa.Column("campaign_id", Id, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("header", sa.Text(), nullable=False),
        sa.Column("reading", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_lists_campaign_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lists")),
    )
    op.create_index(
        op.f("ix_lists_campaign_id_state"), "lists", ["campaign_id", "state"], unique=False
    )
    op.create_table(
        "rows",
        sa.Column("id", Id, nullable=False),
        sa.Column("list_id", Id, nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("cells", sa.Text(), nullable=False),
        sa.Column("e164", sa.Text()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True)),
        sa.Column("chosen", sa.Integer()),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name=op.f("fk_rows_list_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rows")),
    )
    op.create_index(op.f("ix_rows_list_id_row"), "rows", ["list_id", "row"], unique=False)
    op.create_index(
        op.f("ix_rows_list_id_status_id"), "rows", ["list_id", "status", "id"], unique=False
    )
    op.create_table(
        "attempts",
        sa.Column("row_id", Id, nullable=False),
        sa.Column("nth", sa.Integer(), nullable=False),
        sa.Column("campaign_id", Id, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("e164", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("call_id", sa.Text(), server_default="", nullable=False),
        sa.Column("http_status", sa.Integer()),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.Column("waived_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_attempts_campaign_id")
        ),
        sa.ForeignKeyConstraint(["row_id"], ["rows.id"], name=op.f("fk_attempts_row_id")),
        sa.PrimaryKeyConstraint("row_id", "nth", name=op.f("pk_attempts")),
    )
    op.create_index(
        "ix_attempts_dialing",
        "attempts",
        ["campaign_id"],
        unique=False,
        sqlite_where=sa.text("status = 'dialing'"),
        postgresql_where=sa.text("status = 'dialing'"),
    )
    op.create_index(
        "one_ring",
        "attempts",
        ["campaign_id", "generation", "e164"],
        unique=True,
        sqlite_where=sa.text("status IN ('dialing', 'success', 'unknown') AND waived_at IS NULL"),
        postgresql_where=sa.text(
            "status IN ('dialing', 'success', 'unknown') AND waived_at IS NULL"
        ),
    )
