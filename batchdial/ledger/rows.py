"""The rows of lists: counted, found, and read back."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from batchdial.ledger.schema import HAS_REASON, attempts, rows
from batchdial.models import CallStatus, Contact, Verdict
from batchdial.rules.written import row_read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from batchdial.ledger.ledger import Ledger
    from batchdial.models import Campaign

#: Rows that are read from the ledger in one piece.
PAGE = 5_000


@dataclass(frozen=True, slots=True)
class Pick:
    """Rows of one list and one status, in the order in which they stand."""

    list_id: int
    status: CallStatus
    chosen: int | None = None  #: only rows that were chosen under this fence; None takes all


class _Places:
    """Where each spreadsheet row of a list stands in the ledger."""

    def __init__(self, list_id: int, last: int) -> None:
        self.list_id = list_id
        self.last = last  # id of the list's last row
        self._numbers, self._ids = array("q"), array("q")  # as the file had them, ascending
        self._added: dict[int, int] = {}  # what a person added later under a number used before

    def add(self, number: int, row_id: int) -> None:
        """Note one row more; the ids must ascend."""
        if self._numbers and number <= self._numbers[-1]:
            self._added[number] = row_id
        else:
            self._numbers.append(number)
            self._ids.append(row_id)

    def get(self, number: int) -> int | None:
        """The id of the row that had the number last."""
        at = bisect_left(self._numbers, number)
        found = at < len(self._numbers) and self._numbers[at] == number
        return self._added.get(number, self._ids[at] if found else None)


class Rows:
    """The rows of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._places: _Places | None = None

    def counts(self, list_ids: Collection[int]) -> dict[tuple[CallStatus, str], int]:
        """How many rows there are by status and reason."""
        with self._ledger.reading() as connection:
            found = [counted(connection, list_id) for list_id in list_ids]
        return dict(sum(found, Counter[tuple[CallStatus, str]]()))

    def count(self, picks: Collection[Pick]) -> int:
        """How many rows a scope holds."""
        with self._ledger.reading() as connection:
            return sum(
                connection.execute(
                    sa.select(sa.func.count()).select_from(rows).where(*conditions(pick))
                ).scalar_one()
                for pick in picks
            )

    def first(self, picks: Collection[Pick], number: int) -> list[tuple[int, Contact]]:
        """The first contacts of a scope, each with its list's id."""
        found: list[tuple[int, Contact]] = []
        with self._ledger.reading() as connection:
            for pick in picks:
                query = sa.select(rows).where(*conditions(pick)).order_by(rows.c.id)
                result = connection.execute(query.limit(number - len(found)))
                found += [(pick.list_id, contact_of(row)) for row in result]
        return found

    def sample(
        self, picks: Collection[Pick], number: int, most: int
    ) -> tuple[list[tuple[int, str, tuple[str, ...]]], int]:
        """
        Some rows of a scope, evenly spread.

        Args:
            picks: The scope.
            number: How many rows it holds.
            most: How many to take at most, about.

        Returns:
            Of each its list, its number and its cells; and for how many rows it stands.
        """
        found: list[tuple[int, str, tuple[str, ...]]] = []
        step = max(1, -(-number // most))
        with self._ledger.reading() as connection:
            for pick in picks:
                begin, end = ends(connection, pick.list_id)
                ids = range(-(-begin // step) * step, end + 1, step)
                # Some rows of many are looked up, so that the others need not be walked past.
                is_one = rows.c.id.in_(ids) if len(ids) < 2 * most else rows.c.id % step == 0
                query = sa.select(rows.c.list_id, rows.c.e164, rows.c.cells).where(
                    *conditions(pick), is_one
                )
                found += [
                    (row.list_id, row.e164, row_read(row.cells))
                    for row in connection.execute(query)
                ]
        return found, step

    def due(self, list_ids: Collection[int]) -> int:
        """How many rows may be called again, now or later, after what a call came to."""
        query = (
            sa.select(sa.func.count())
            .select_from(rows)
            .where(rows.c.list_id.in_(list_ids), rows.c.due_at.is_not(None))
        )
        with self._ledger.reading() as connection:
            return connection.execute(query).scalar_one()

    def contacts(
        self, list_id: int, statuses: Collection[CallStatus] | None = None
    ) -> Iterator[Contact]:
        """All rows of a list in the file's order, read page by page."""
        with self._ledger.reading() as connection:
            begin, end = ends(connection, list_id)
        while True:
            query = sa.select(rows).where(*between(list_id, begin, end))
            with self._ledger.reading() as connection:
                found = connection.execute(query.order_by(rows.c.id).limit(PAGE)).all()
                page = [contact_of(row) for row in found]
            for contact in page:
                if statuses is None or contact.verdict.status in statuses:
                    yield contact
            if len(page) < PAGE:
                return
            begin = found[-1].id + 1

    def rows_at(self, list_id: int, numbers: Sequence[int]) -> dict[int, tuple[int, Contact]]:
        """The rows of a list at these spreadsheet rows: row number to id and contact."""
        found: dict[int, tuple[int, Contact]] = {}
        with self._ledger.reading() as connection:
            places = self._placed(connection, list_id)
            ids = sorted({row_id for row_id in map(places.get, numbers) if row_id is not None})
            for start in range(0, len(ids), PAGE):
                query = sa.select(rows).where(rows.c.id.in_(ids[start : start + PAGE]))
                for row in connection.execute(query.order_by(rows.c.id)):
                    found[row.row] = row.id, contact_of(row)
        return found

    def _placed(self, connection: sa.Connection, list_id: int) -> _Places:
        """Read once for many questions: 16 bytes a row, where an index would burden every list."""
        begin, last = ends(connection, list_id)
        places = self._places
        if places is None or (places.list_id, places.last) != (list_id, last):
            query = (
                sa.select(rows.c.row, rows.c.id)
                .where(*between(list_id, begin, last))
                .order_by(rows.c.id)
                .execution_options(yield_per=PAGE)
            )
            places = self._places = _Places(list_id, last)
            for number, row_id in connection.execute(query):
                places.add(number, row_id)
        return places

    def shared_call_ids(self, list_ids: Collection[int]) -> list[tuple[str, int]]:
        """The callIds that were given for several numbers, with how many; the worst few."""
        number = sa.func.count(rows.c.e164.distinct())
        query = (
            sa.select(rows.c.call_id, number)
            .where(
                rows.c.list_id.in_(list_ids),
                rows.c.call_id != "",
                rows.c.status == CallStatus.SUCCESS,
            )
            .group_by(rows.c.call_id)
            .having(number > 1)
            .order_by(number.desc(), rows.c.call_id)
            .limit(3)
        )
        with self._ledger.reading() as connection:
            return [(call_id, count) for call_id, count in connection.execute(query)]

    def pace(self, campaign: Campaign, since: datetime, now: datetime) -> float:
        """Attempts a second, from the first that was begun after `since` until now."""
        query = sa.select(sa.func.count(), sa.func.min(attempts.c.claimed_at)).where(
            attempts.c.campaign_id == campaign.id, attempts.c.claimed_at >= since
        )
        with self._ledger.reading() as connection:
            number, first = connection.execute(query).one()
        return number / max(1.0, (now - first).total_seconds()) if number else 0.0


def conditions(pick: Pick) -> list[sa.ColumnElement[bool]]:
    """What a row must be to belong to a pick."""
    wanted = [rows.c.list_id == pick.list_id, rows.c.status == pick.status]
    return wanted if pick.chosen is None else [*wanted, rows.c.chosen == pick.chosen]


def counted(connection: sa.Connection, list_id: int) -> Counter[tuple[CallStatus, str]]:
    """
    The rows of one list by status and reason.

    One statement, so that both halves of it see the same rows; and both are counted along
    an index, without a look at the rows themselves.
    """
    number, of_list = sa.func.count(), rows.c.list_id == list_id
    query = sa.union_all(
        sa.select(rows.c.status, sa.literal(""), number).where(of_list).group_by(rows.c.status),
        sa.select(rows.c.status, rows.c.reason, number)
        .where(of_list, HAS_REASON)
        .group_by(rows.c.status, rows.c.reason),
    )
    counts: Counter[tuple[CallStatus, str]] = Counter()
    for status, reason, found in connection.execute(query):
        counts[CallStatus(status), reason] += found
        if reason:
            counts[CallStatus(status), ""] -= found
    return +counts


def ends(connection: sa.Connection, list_id: int) -> tuple[int, int]:
    """The first and the last id of a list's rows: a few seeks in the index, one for each status."""
    edges = [
        sa.select(edge(rows.c.id)).where(rows.c.list_id == list_id, rows.c.status == status)
        for edge in (sa.func.min, sa.func.max)
        for status in CallStatus
    ]
    found = [found for found in connection.execute(sa.union_all(*edges)).scalars() if found]
    return min(found, default=1), max(found, default=0)


def between(list_id: int, begin: int, end: int) -> tuple[sa.ColumnElement[bool], ...]:
    """The rows of a list with these ids, in a query that must not take another way to them."""
    walked_past = sa.literal_column("+rows.list_id").op("=", is_comparison=True)
    return walked_past(list_id), rows.c.id.between(begin, end)


def contact_of(row: Any) -> Contact:
    """
    A row of the table as a contact.

    Raises:
        ValueError: It lacks what every row has, or a word in it is no status.
    """
    if None in (row.cells, row.reason, row.detail, row.call_id, row.attempts):
        raise ValueError("a row lacks what every row has")
    return Contact(
        row.row,
        row_read(row.cells),
        Verdict(CallStatus(row.status), row.e164, row.reason, row.detail),
        None,
        row.call_id,
        row.attempts,
        row.last_attempt_at,
    )
