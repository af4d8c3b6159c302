"""What calls came to: which are open, and what the service said of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from batchdial.ledger.schema import attempts, lists, rows
from batchdial.models import CallStatus
from batchdial.rules.outcomes import NEVER_COMPLETED, NO_SUCH_CALL, UNTOLD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from batchdial.ledger.ledger import Ledger
    from batchdial.models import Campaign
    from batchdial.rules.outcomes import CallState

#: Values that one query is given; databases have a limit.
_CHUNK = 500
#: In the words of the index `ix_attempts_going_on`: SQLite uses it for no others.
_GOING_ON = sa.text("attempts.status = 'success' AND attempts.outcome IS NULL")
_PLACED = sa.text("attempts.status = 'success'")


class PlacedCall(NamedTuple):
    """A call that the service accepted."""

    call_id: str
    began: datetime  #: UTC; when its request may have left
    list_name: str
    row: int  #: spreadsheet row
    outcome: str | None  #: None until the service has said it


class Outcomes:
    """The calls of one campaign, and what each came to."""

    def __init__(self, ledger: Ledger, campaign: Campaign) -> None:
        self._ledger = ledger
        self._campaign = campaign

    def open(self) -> list[PlacedCall]:
        """The calls of which nobody knows yet what they came to, the oldest first."""
        return self._calls(_GOING_ON)

    def placed(self) -> list[PlacedCall]:
        """All calls that the service accepted and named, the oldest first."""
        return self._calls(_PLACED)

    def doubtful(self, since: datetime) -> list[datetime]:
        """When calls were claimed, UTC, of which nobody knows whether they were made."""
        query = sa.select(attempts.c.claimed_at).where(
            self._ours, attempts.c.status == CallStatus.UNKNOWN, attempts.c.claimed_at > since
        )
        with self._ledger.reading() as connection:
            return list(connection.execute(query).scalars())

    def counts(self) -> Counter[str | None]:
        """How many calls came to what; None counts those that are open."""
        query = (
            sa.select(attempts.c.outcome, sa.func.count())
            .where(self._ours, _PLACED, attempts.c.call_id != "")
            .group_by(attempts.c.outcome)
        )
        with self._ledger.reading() as connection:
            return Counter({row[0]: row[1] for row in connection.execute(query)})

    def record(self, told: Sequence[CallState]) -> int:
        """
        Write what the service said of completed calls, all of it or nothing.

        What was said first stays, and what it lacked is added: the recording may come later.

        Returns:
            How many calls were open until now.
        """
        by_id = {one.call_id: one for one in told if one.completed}
        with self._ledger.writing() as connection:
            found = self._find(connection, sorted(by_id), _GOING_ON)
            number = len(found)
            known = {one.call_id for one in found}
            found += self._find(connection, sorted(by_id.keys() - known), _PLACED)
            if found:
                self._write(connection, [(one, by_id[one.call_id]) for one in found])
        return number

    @property
    def _ours(self) -> sa.ColumnElement[bool]:
        return attempts.c.campaign_id == self._campaign.id

    def _calls(self, which: sa.TextClause) -> list[PlacedCall]:
        query = (
            sa.select(
                attempts.c.call_id,
                attempts.c.claimed_at,
                lists.c.name,
                rows.c.row,
                attempts.c.outcome,
            )
            .join(rows, rows.c.id == attempts.c.row_id)
            .join(lists, lists.c.id == rows.c.list_id)
            .where(self._ours, which, attempts.c.call_id != "")
            .order_by(attempts.c.claimed_at, attempts.c.row_id, attempts.c.nth)
        )
        with self._ledger.reading() as connection:
            return [PlacedCall(*row) for row in connection.execute(query)]

    def _find(
        self, connection: sa.Connection, call_ids: Sequence[str], which: sa.TextClause
    ) -> list[Any]:
        """The attempts that have these callIds, and whether their rows are of a list of today."""
        query = (
            sa.select(
                attempts.c.row_id,
                attempts.c.nth,
                attempts.c.e164,
                attempts.c.call_id,
                (lists.c.state == "active").label("is_active"),
            )
            .join(rows, rows.c.id == attempts.c.row_id)
            .join(lists, lists.c.id == rows.c.list_id)
            .where(self._ours, which)
        )
        return [
            row
            for chunk in _chunks(call_ids)
            for row in connection.execute(query.where(attempts.c.call_id.in_(chunk)))
        ]

    def _write(self, connection: sa.Connection, found: list[tuple[Any, CallState]]) -> None:
        values = [
            {
                "of_row": one.row_id,
                "of_nth": one.nth,
                "said": state.outcome,
                "said_length": state.call_length,
                "said_url": state.recording_url,
                "said_at": state.completed_at,
                "said_reason": state.reason,
                "said_detail": state.detail,
                "of_number": one.e164,
                "of_call": one.call_id,
            }
            for one, state in found
        ]
        connection.execute(_ATTEMPT, values)
        connection.execute(_ROW, values)
        # A row that was settled by a call log may stand in a later edition of its list.
        later = [given for given, (one, _) in zip(values, found, strict=True) if not one.is_active]
        if later:
            active = sa.select(lists.c.id).where(
                lists.c.campaign_id == self._campaign.id, lists.c.state == "active"
            )
            connection.execute(_LATER_ROW.where(rows.c.list_id.in_(active)), later)


def _said(table: sa.Table) -> dict[str, sa.ColumnElement[Any]]:
    """What is kept of what the table has and what is said now."""
    had = table.c
    untold = sa.or_(had.outcome.is_(None), had.outcome == UNTOLD)
    # `IN` cannot be asked of many at once.
    ours = (had.reason == reason for reason in ("", NO_SUCH_CALL, NEVER_COMPLETED))
    unexplained = sa.and_(untold, sa.or_(*ours))
    return {
        "outcome": sa.case((untold, sa.bindparam("said")), else_=had.outcome),
        "call_length": sa.func.coalesce(had.call_length, sa.bindparam("said_length")),
        "recording_url": sa.func.coalesce(had.recording_url, sa.bindparam("said_url")),
        "reason": sa.case((unexplained, sa.bindparam("said_reason")), else_=had.reason),
        "detail": sa.case((unexplained, sa.bindparam("said_detail")), else_=had.detail),
    }


_ATTEMPT = (
    sa.update(attempts)
    .where(attempts.c.row_id == sa.bindparam("of_row"), attempts.c.nth == sa.bindparam("of_nth"))
    .values(
        **_said(attempts),
        completed_at=sa.func.coalesce(
            attempts.c.completed_at, sa.bindparam("said_at", type_=attempts.c.completed_at.type)
        ),
    )
)
#: The row, while this attempt is its last.
_ROW = (
    sa.update(rows)
    .where(
        rows.c.id == sa.bindparam("of_row"),
        rows.c.attempts == sa.bindparam("of_nth"),
        rows.c.status == CallStatus.SUCCESS,
    )
    .values(_said(rows))
)
_LATER_ROW = (
    sa.update(rows)
    .where(
        rows.c.status == CallStatus.SUCCESS,
        rows.c.e164 == sa.bindparam("of_number"),
        rows.c.call_id == sa.bindparam("of_call"),
    )
    .values(_said(rows))
)


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
