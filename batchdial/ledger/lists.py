"""Lists and their rows in the ledger: staged, taken into the campaign, counted, read back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from batchdial.ledger.rows import Pick as Pick
from batchdial.ledger.rows import Rows
from batchdial.ledger.rows import conditions as conditions
from batchdial.ledger.schema import attempts, campaigns, lists, rows
from batchdial.ledger.staging import Writing, row_values
from batchdial.models import CallStatus, Contact, row_as_json
from batchdial.rules.redial import ALREADY_CALLED, Known

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from batchdial.ledger.ledger import Lease
    from batchdial.models import Campaign


@dataclass(frozen=True, slots=True)
class StoredList:
    """One list as the ledger knows it."""

    id: int
    name: str  #: the file's name
    output: str  #: path of its results file
    fingerprint: str  #: of the content and of all that decided how it was read
    header: tuple[str, ...]
    reading: dict[str, Any]  #: column map, region and number types that the rows were read with
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Amendments:
    """What a results file that was fed back changes in the list it came from."""

    chosen: list[int] = field(default_factory=list)  #: ids of rows that it names
    changed: list[tuple[int, Contact]] = field(
        default_factory=list
    )  #: id and what stands there now
    added: list[Contact] = field(default_factory=list)


class Lists(Rows):
    """The lists of one ledger."""

    def active(self, campaign: Campaign) -> list[StoredList]:
        """The lists that the campaign runs now, oldest first; earlier editions are left out."""
        query = (
            sa.select(lists)
            .where(lists.c.campaign_id == campaign.id, lists.c.state == "active")
            .order_by(lists.c.id)
        )
        with self._ledger.reading() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def get(self, list_id: int) -> StoredList:
        """One list."""
        with self._ledger.reading() as connection:
            return _stored(connection.execute(sa.select(lists).where(lists.c.id == list_id)).one())

    def elsewhere(self, campaign: Campaign, fingerprint: str) -> list[str]:
        """Names of other campaigns that ran the very same list."""
        query = (
            sa.select(campaigns.c.name)
            .join(lists, lists.c.campaign_id == campaigns.c.id)
            .where(
                lists.c.fingerprint == fingerprint,
                lists.c.state != "draft",
                campaigns.c.id != campaign.id,
            )
            .order_by(campaigns.c.id)
        )
        with self._ledger.reading() as connection:
            return list(dict.fromkeys(connection.execute(query).scalars()))

    def calls(self, name: str) -> set[str]:
        """Numbers and callIds of the calls that campaigns of this name made, or may have made."""
        query = (
            sa.select(attempts.c.e164, attempts.c.call_id)
            .join(campaigns, campaigns.c.id == attempts.c.campaign_id)
            .where(campaigns.c.name == name, attempts.c.status != CallStatus.FAILED)
        )
        with self._ledger.reading() as connection:
            return {word for row in connection.execute(query) for word in row if word}

    def known(self, campaign: Campaign) -> dict[str, Known]:
        """What the campaign remembers of each number."""
        place = [lists.c.name.label("list_name"), rows.c.row]
        fields = ("status", "reason", "detail", "call_id")
        waiting = (
            sa.select(
                rows.c.e164,
                *(rows.c[name] for name in fields),
                rows.c.attempts,
                rows.c.last_attempt_at,
                *place,
            )
            .join(lists, lists.c.id == rows.c.list_id)
            .where(
                lists.c.campaign_id == campaign.id,
                lists.c.state == "active",
                rows.c.status.in_([CallStatus.PENDING, CallStatus.FAILED, CallStatus.EXPIRED]),
            )
        )
        rung = (
            sa.select(
                attempts.c.e164,
                *(attempts.c[name] for name in fields),
                rows.c.attempts,
                attempts.c.claimed_at.label("last_attempt_at"),
                *place,
            )
            .join(rows, rows.c.id == attempts.c.row_id)
            .join(lists, lists.c.id == rows.c.list_id)
            .where(
                attempts.c.campaign_id == campaign.id,
                attempts.c.generation == campaign.generation,
                RANG_OF_ATTEMPTS,
            )
        )
        with self._ledger.reading() as connection:
            return {
                row.e164: _known(row)
                for query in (waiting, rung)
                for row in connection.execute(query)
            }

    def stage(self, campaign: Campaign, new: StoredList) -> int:
        """Begin a list that counts for nothing until it is activated; its id."""
        with self._ledger.writing() as connection:
            result = connection.execute(
                sa.insert(lists).values(
                    campaign_id=campaign.id,
                    generation=campaign.generation,
                    name=new.name,
                    output=new.output,
                    state="draft",
                    fingerprint=new.fingerprint,
                    header=row_as_json(new.header),
                    reading=json.dumps(new.reading, ensure_ascii=False, separators=(",", ":")),
                    created_at=new.created_at,
                )
            )
        key: Any = result.inserted_primary_key
        return int(key[0])

    def writing(
        self, list_id: int, mark: int, alive: Callable[[], object] = lambda: None
    ) -> Writing:
        """Record contacts at the end of a staged list; those that a person corrected are marked."""
        return Writing(self._ledger, list_id, mark, alive)

    def amend(self, list_id: int, changes: Amendments, mark: int) -> None:
        """Write what a person corrected in a results file, and mark the rows it names."""
        amended = [
            {"at": row_id, "mark": mark, **row_values(list_id, contact, mark)}
            for row_id, contact in changes.changed
        ]
        written: dict[str, Any] = {name: sa.bindparam(name) for name in _AMENDABLE}
        at = rows.c.id == sa.bindparam("at")
        with self._ledger.writing() as connection:
            if changes.chosen:
                connection.execute(
                    sa.update(rows).where(at).values(chosen=mark),
                    [{"at": row_id} for row_id in changes.chosen],
                )
            if amended:
                connection.execute(
                    sa.update(rows).where(at).values(**written, chosen=sa.bindparam("mark")),
                    amended,
                )
            if changes.added:
                connection.execute(
                    sa.insert(rows),
                    [row_values(list_id, contact, mark) for contact in changes.added],
                )

    def activate(self, lease: Lease, list_id: int, replaces: str | None, now: datetime) -> None:
        """
        Take a staged list into its campaign.

        The earlier edition of the same list retires. Numbers that the list brings
        along as called, from the results file of another ledger, count as rung here too.
        """
        campaign = lease.campaign
        with self._ledger.writing() as connection:
            connection.execute(
                sa.update(lists)
                .where(
                    lists.c.campaign_id == campaign.id,
                    lists.c.state == "active",
                    lists.c.name == replaces,
                )
                .values(state="replaced")
            )
            connection.execute(
                sa.update(lists)
                .where(lists.c.id == list_id)
                .values(state="active", generation=campaign.generation)
            )
            connection.execute(_insert_imported(list_id, campaign, now))

    def redirect(self, list_id: int, output: str) -> None:
        """Let the results of a list go to another file from now on."""
        with self._ledger.writing() as connection:
            connection.execute(sa.update(lists).where(lists.c.id == list_id).values(output=output))

    def discard(self, list_id: int) -> None:
        """Remove a staged list."""
        with self._ledger.writing() as connection:
            connection.execute(sa.delete(rows).where(rows.c.list_id == list_id))
            connection.execute(sa.delete(lists).where(lists.c.id == list_id))

    def drop_drafts(self, campaign: Campaign) -> None:
        """Remove what a process that ended too early had staged; the campaign must be held."""
        query = sa.select(lists.c.id).where(
            lists.c.campaign_id == campaign.id, lists.c.state == "draft"
        )
        with self._ledger.reading() as connection:
            drafts = connection.execute(query).scalars().all()
        for list_id in drafts:
            self.discard(list_id)


#: What a corrected row may change.
_AMENDABLE = ("cells", "e164", "status", "reason", "detail")

#: Word for word as in the index `one_ring`: SQLite does not see that it may use the index where
#: the statuses are parameters, and would read all attempts for every call.
RANG_OF_ATTEMPTS = sa.and_(
    attempts.c.status.in_(
        [sa.literal_column(f"'{status}'") for status in ("dialing", "success", "unknown")]
    ),
    attempts.c.waived_at.is_(None),
)


def rung_already(campaign: Campaign, numbers: Collection[str] | sa.ColumnElement[str]) -> Any:
    """Numbers of the campaign that an attempt rang, or may have rung."""
    given = (
        attempts.c.e164 == numbers
        if isinstance(numbers, sa.ColumnElement)
        else attempts.c.e164.in_(numbers)
    )
    return sa.select(attempts.c.e164).where(
        attempts.c.campaign_id == campaign.id,
        attempts.c.generation == campaign.generation,
        given,
        RANG_OF_ATTEMPTS,
    )


def _insert_imported(list_id: int, campaign: Campaign, now: datetime) -> sa.Insert:
    rang = (
        rows.c.list_id == list_id,
        sa.or_(
            rows.c.status.in_([CallStatus.SUCCESS, CallStatus.UNKNOWN]),
            sa.and_(rows.c.status == CallStatus.SUPPRESSED, rows.c.reason == ALREADY_CALLED),
        ),
        rows.c.e164.is_not(None),
    )
    one_a_number = sa.select(sa.func.min(rows.c.id)).where(*rang).group_by(rows.c.e164)
    when = sa.func.coalesce(rows.c.last_attempt_at, sa.literal(now, rows.c.last_attempt_at.type))
    source = sa.select(
        rows.c.id,
        rows.c.attempts,  # the next attempt's number is one higher
        sa.literal(campaign.id),
        sa.literal(campaign.generation),
        rows.c.e164,
        sa.case(
            (rows.c.status == CallStatus.UNKNOWN, CallStatus.UNKNOWN), else_=CallStatus.SUCCESS
        ),
        rows.c.reason,
        rows.c.detail,
        rows.c.call_id,
        when,
    ).where(rows.c.id.in_(one_a_number), ~rung_already(campaign, rows.c.e164).exists())
    return sa.insert(attempts).from_select(
        [
            "row_id",
            "nth",
            "campaign_id",
            "generation",
            "e164",
            "status",
            "reason",
            "detail",
            "call_id",
            "claimed_at",
        ],
        source,
    )


def _stored(row: Any) -> StoredList:
    return StoredList(
        row.id,
        row.name,
        row.output,
        row.fingerprint,
        tuple(json.loads(row.header)),
        json.loads(row.reading),
        row.created_at,
    )


def _known(row: Any) -> Known:
    return Known(
        CallStatus(row.status),
        row.reason,
        row.detail,
        row.call_id,
        row.attempts,
        row.last_attempt_at,
        row.list_name,
        row.row,
    )
