"""
The ledger's tables, the same on SQLite and PostgreSQL.

The steps under `migrations` make them, for both; the conditions of indexes are told to SQLite
alone here, since naming PostgreSQL would load its dialect in every command.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: SQLite numbers rows by itself only in a column that is called INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC; a datetime without a zone is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """To the database: UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be recorded")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From the database: SQLite forgets the zone, PostgreSQL answers in the server's."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("generation", Integer, nullable=False, server_default="1"),
    Column("created_at", UtcTime, nullable=False),
    Column("used_at", UtcTime, nullable=False),
    # Who is dialling it now. The fence grows with every owner, so that a process which was
    # stopped and wakes up under an expired lease can be told from the owner of today.
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("owner_host", Text),
    Column("owner_pid", Integer),
    Column("owner_since", UtcTime),
    Column("lease_until", UtcTime),
    Column("wish", Text),  # what another terminal asks of the owner: pause or cancel
    UniqueConstraint("name", "agent"),
)

lists = Table(
    "lists",
    metadata,
    Column("id", Id, primary_key=True),
    Column("campaign_id", ForeignKey("campaigns.id"), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("output", Text, nullable=False),
    Column("state", Text, nullable=False),  # draft, active, replaced
    Column("fingerprint", Text, nullable=False),
    Column("header", Text, nullable=False),  # JSON list
    Column("reading", Text, nullable=False),  # JSON: the column map, the region, the types
    Column("created_at", UtcTime, nullable=False),
    Index(None, "campaign_id", "state"),
)

rows = Table(
    "rows",
    metadata,
    Column("id", Id, primary_key=True),
    Column("list_id", ForeignKey("lists.id"), nullable=False),
    Column("row", Integer, nullable=False),
    Column("cells", Text, nullable=False),  # see `rules.written`
    Column("e164", Text),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_attempt_at", UtcTime),
    Column("due_at", UtcTime),  # when its redial rules let it be called again
    Column("outcome", Text),  # of its last call, as the service says it
    Column("call_length", Integer),  # seconds
    Column("recording_url", Text),
    Column("chosen", Integer),  # fence of the owner that was asked to dial just these rows
    # Counts by status, and the next rows to dial in the file's order. Every index costs each row
    # of every list when it is staged: the two below hold only the few rows that they are for.
    Index(None, "list_id", "status", "id"),
)
HAS_REASON = text("reason <> ''")
Index(
    None,
    rows.c.list_id,
    rows.c.status,
    rows.c.reason,
    sqlite_where=HAS_REASON,
)
_CHOSEN = text("chosen IS NOT NULL")
Index(
    None,
    rows.c.list_id,
    rows.c.chosen,
    rows.c.status,
    rows.c.id,
    sqlite_where=_CHOSEN,
)

_IS_DUE = text("due_at IS NOT NULL")
Index(
    None,
    rows.c.list_id,
    rows.c.due_at,
    sqlite_where=_IS_DUE,
)

attempts = Table(
    "attempts",
    metadata,
    Column("row_id", ForeignKey("rows.id"), primary_key=True),
    Column("nth", Integer, primary_key=True),
    Column("campaign_id", ForeignKey("campaigns.id"), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("e164", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("detail", Text, nullable=False, server_default=""),
    Column("call_id", Text, nullable=False, server_default=""),
    Column("http_status", Integer),
    Column("claimed_at", UtcTime, nullable=False),
    Column("settled_at", UtcTime),
    Column("waived_at", UtcTime),  # when a person, or a redial rule, let this number ring again
    Column("outcome", Text),  # what the call came to; NULL until the service says it
    Column("call_length", Integer),  # seconds
    Column("recording_url", Text),
    Column("completed_at", UtcTime),  # by the service's clock
    Column("evidence", Text),  # JSON: zones, window, clock, consent
    Column("basis_id", Integer),  # the `bases` that it was decided on
    Index(None, "campaign_id", "claimed_at"),
    Index(None, "e164", "claimed_at"),
)

#: The rule that this program exists for, kept by the database itself: within a campaign, a number
#: has at most one attempt that may have rung it, unless a person waived the earlier one.
RANG = text("status IN ('dialing', 'success', 'unknown') AND waived_at IS NULL")
Index(
    "one_ring",
    attempts.c.campaign_id,
    attempts.c.generation,
    attempts.c.e164,
    unique=True,
    sqlite_where=RANG,
)
_DIALING = text("status = 'dialing'")
Index(
    "ix_attempts_dialing",
    attempts.c.campaign_id,
    sqlite_where=_DIALING,
)

_GOING_ON = text("status = 'success' AND outcome IS NULL")
Index(
    "ix_attempts_going_on",
    attempts.c.campaign_id,
    attempts.c.claimed_at,
    sqlite_where=_GOING_ON,
)

#: Numbers that no campaign of this ledger may call, besides those in do-not-call files.
suppressions = Table(
    "suppressions",
    metadata,
    Column("e164", Text, primary_key=True),
    Column("added_at", UtcTime, nullable=False),
    Column("note", Text, nullable=False),
)

#: What decisions rested on that is the same for many rows: hours, caps, files by hash and age.
bases = Table(
    "bases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("campaign_id", ForeignKey("campaigns.id"), nullable=False, index=True),
    Column("decided_from", UtcTime, nullable=False),
    Column("content", Text, nullable=False),  # JSON
)

#: Rows that were not dialled when their turn came, with the reason; attempts have their own.
refusals = Table(
    "refusals",
    metadata,
    Column("id", Id, primary_key=True),
    Column("row_id", ForeignKey("rows.id"), nullable=False, index=True),
    Column("decided_at", UtcTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", Text, nullable=False),  # JSON
    Column("basis_id", ForeignKey("bases.id"), nullable=False),
)

#: The next moment at which a call may leave, for all processes and machines on this ledger.
pacing = Table(
    "pacing",
    metadata,
    Column("service", Text, primary_key=True),
    Column("next_at", Float(53), nullable=False),  # Unix time in seconds
)
