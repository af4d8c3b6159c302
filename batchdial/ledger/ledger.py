"""Campaigns in the ledger, and who is dialling them."""

from __future__ import annotations

import os
import platform
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from batchdial.errors import CampaignBusyError
from batchdial.ledger.database import explained, open_engine, shown
from batchdial.ledger.schema import attempts, campaigns, lists, rows
from batchdial.ledger.witness import Witness
from batchdial.models import CallStatus, Campaign

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How long a campaign stays with its owner after the owner's last sign of life.
LEASE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that may hold a campaign."""

    host: str
    pid: int

    @classmethod
    def here(cls) -> Self:
        """This process."""
        return cls(platform.node(), os.getpid())


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to dial a campaign, until another owner's fence is higher."""

    campaign: Campaign
    fence: int


#: SQLAlchemy has no form of this that both databases know; two processes may begin one at once.
_NEW_CAMPAIGN = sa.text(
    "INSERT INTO campaigns (name, agent, service, created_at, used_at) "
    "VALUES (:name, :agent, :service, :now, :now) ON CONFLICT DO NOTHING"
).bindparams(sa.bindparam("now", type_=campaigns.c.created_at.type))


class Ledger:
    """An open ledger; close it, or use it as a context manager."""

    def __init__(self, where: str, *, create: bool = True) -> None:
        self.where = shown(where)
        self.file = None if "://" in where else Path(where)  #: of SQLite
        self._witness = None if "://" in where else Witness(where)
        self._engine = open_engine(where, create=create)
        if self._witness is not None:
            try:
                self._witness.examine(self)
            except BaseException:
                self._engine.dispose()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        if self._witness is None:
            self._engine.dispose()
            return
        with self._witness.closing():
            self._engine.dispose()

    @property
    def doubt(self) -> str:
        """Why it may not know every call that was made from it, in words; empty where it does."""
        return "" if self._witness is None else self._witness.doubt

    def vouch(self, campaign: Campaign, *, trusted: bool = False) -> None:
        """
        See that the ledger is sound, and that it knows every call that was made from it.

        Args:
            campaign: Whose rows are going to be dialled.
            trusted: Whether a person said that it does.

        Raises:
            LedgerDoubtError: It may not; the message says why, and which word lets it be used.
            LedgerError: It is damaged, or cannot be written.
        """
        if self._witness is not None:
            self._witness.vouch(self, campaign, trusted=trusted)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that commits at the end, or not at all."""
        with explained(self.where), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A snapshot that keeps no writer waiting."""
        with explained(self.where), self._engine.connect() as connection:
            yield connection.execution_options(reading=True)

    def campaign(self, name: str, agent: str, service: str, now: datetime) -> Campaign:
        """The campaign of this name and agent, made if it is new."""
        found = self.find(name, agent)
        if found:
            return found[0]
        new = {"name": name, "agent": agent, "service": service, "now": now}
        with self.writing() as connection:
            connection.execute(_NEW_CAMPAIGN, new)
        return self.find(name, agent)[0]

    def find(self, name: str | None = None, agent: str | None = None) -> list[Campaign]:
        """Campaigns of this name and agent, the one used last first."""
        query = sa.select(campaigns).order_by(campaigns.c.used_at.desc(), campaigns.c.id.desc())
        if name is not None:
            query = query.where(campaigns.c.name == name)
        if agent is not None:
            query = query.where(campaigns.c.agent == agent)
        with self.reading() as connection:
            return [_campaign(row) for row in connection.execute(query)]

    def owner(self, campaign: Campaign, now: datetime) -> str | None:
        """
        Who is dialling the campaign now, in words, or None.

        Where that process is gone, the rows that it left as `dialing` become `unknown`.
        """
        this = sa.select(campaigns).where(campaigns.c.id == campaign.id)
        with self.reading() as connection:
            row = connection.execute(this).one()
            left = connection.execute(_dialing(campaign.id).limit(1)).first()
        if _is_held(row, now):
            return _owner_in_words(row)
        if left is not None:
            with self.writing() as connection:
                if not _is_held(connection.execute(this.with_for_update()).one(), now):
                    _abandon(connection, campaign.id, _ENDED)
        return None

    def owned_since(self, campaign: Campaign) -> datetime | None:
        """When the owner of today began, or None."""
        query = sa.select(campaigns.c.owner_since).where(campaigns.c.id == campaign.id)
        with self.reading() as connection:
            since: datetime | None = connection.execute(query).scalar_one()
        return since

    def acquire(self, campaign: Campaign, owner: Owner, now: datetime) -> Lease:
        """
        Take a campaign for this process.

        Rows that an earlier owner left as `dialing` become `unknown`.

        Raises:
            CampaignBusyError: Another process holds it; the message names it.
        """
        with self.writing() as connection:
            row = connection.execute(
                sa.select(campaigns).where(campaigns.c.id == campaign.id).with_for_update()
            ).one()
            if _is_held(row, now):
                raise CampaignBusyError(
                    f"{campaign.name} is being dialled by {_owner_in_words(row)}.\n"
                    f"Watch it: batchdial status {campaign.name} --watch"
                )
            connection.execute(
                sa.update(campaigns)
                .where(campaigns.c.id == campaign.id)
                .values(
                    fence=row.fence + 1,
                    owner_host=owner.host,
                    owner_pid=owner.pid,
                    owner_since=now,
                    lease_until=now + LEASE,
                    used_at=now,
                )
            )
            _abandon(connection, campaign.id, _ENDED)
        return Lease(_campaign(row), row.fence + 1)

    def renew(self, lease: Lease, now: datetime) -> bool:
        """Keep the campaign; False where another owner has it."""
        with self.writing() as connection:
            result = connection.execute(
                sa.update(campaigns).where(*_ours(lease)).values(lease_until=now + LEASE)
            )
        return result.rowcount == 1

    def release(self, lease: Lease) -> None:
        """Give the campaign back; what is still `dialing` becomes `unknown`."""
        with self.writing() as connection:
            result = connection.execute(
                sa.update(campaigns)
                .where(*_ours(lease))
                .values(lease_until=None, owner_pid=None, owner_host=None, owner_since=None)
            )
            if result.rowcount:
                _abandon(connection, lease.campaign.id, "Stopped before the answer came.")

    def wish(self, campaign: Campaign) -> str | None:
        """What another terminal asks of whoever dials the campaign."""
        query = sa.select(campaigns.c.wish).where(campaigns.c.id == campaign.id)
        with self.reading() as connection:
            wish: str | None = connection.execute(query).scalar_one()
        return wish

    def ask(self, campaign: Campaign, wish: str | None) -> None:
        """Ask whoever dials the campaign, now or later, for something; None takes it back."""
        this = campaigns.c.id == campaign.id
        with self.writing() as connection:
            connection.execute(sa.update(campaigns).where(this).values(wish=wish))

    def again(self, lease: Lease) -> Lease:
        """Let the campaign call everybody again: a person's explicit word."""
        campaign = lease.campaign
        with self.writing() as connection:
            connection.execute(
                sa.update(campaigns)
                .where(campaigns.c.id == campaign.id)
                .values(generation=campaigns.c.generation + 1)
            )
            connection.execute(
                sa.update(lists)
                .where(lists.c.campaign_id == campaign.id, lists.c.state == "active")
                .values(state="replaced")
            )
        return Lease(self.find(campaign.name, campaign.agent)[0], lease.fence)

    def forget(self, campaign: Campaign) -> None:
        """Remove a campaign that has no list and no owner who may be about to give it one."""
        has_list = sa.exists().where(lists.c.campaign_id == campaigns.c.id)
        is_nobodys = campaigns.c.owner_pid.is_(None)
        with self.writing() as connection:
            connection.execute(
                sa.delete(campaigns).where(campaigns.c.id == campaign.id, ~has_list, is_nobodys)
            )


def _ours(lease: Lease) -> tuple[sa.ColumnElement[bool], ...]:
    return campaigns.c.id == lease.campaign.id, campaigns.c.fence == lease.fence


def _campaign(row: Any) -> Campaign:
    return Campaign(row.id, row.name, row.agent, row.service, row.generation, row.created_at)


def _is_held(row: Any, now: datetime) -> bool:
    if row.owner_pid is None or row.lease_until is None or row.lease_until <= now:
        return False
    return not _is_gone(Owner(row.owner_host, row.owner_pid))


def _is_gone(owner: Owner) -> bool:
    """Whether the process certainly ended; on another machine, or on Windows, nobody can tell."""
    if owner.host != Owner.here().host or os.name != "posix":
        return False
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _owner_in_words(row: Any) -> str:
    where = "this machine" if row.owner_host == Owner.here().host else row.owner_host
    return f"process {row.owner_pid} on {where} since {row.owner_since.astimezone():%H:%M}"


_ENDED = "The process that called ended before the answer came."


def _dialing(campaign_id: int) -> sa.Select[int, int, datetime]:
    return sa.select(attempts.c.row_id, attempts.c.nth, attempts.c.claimed_at).where(
        attempts.c.campaign_id == campaign_id, attempts.c.status == CallStatus.DIALING
    )


def _abandon(connection: sa.Connection, campaign_id: int, why: str) -> None:
    """Call every `dialing` row `unknown`: its owner cannot tell any more what it came to."""
    for row_id, nth, claimed_at in connection.execute(_dialing(campaign_id)).all():
        said = {
            "status": CallStatus.UNKNOWN,
            "reason": "answer_lost",
            "detail": f"{why} It may have rung at {claimed_at:%Y-%m-%d %H:%M:%S} UTC.",
        }
        connection.execute(
            sa.update(attempts)
            .where(attempts.c.row_id == row_id, attempts.c.nth == nth)
            .values(said)
        )
        connection.execute(
            sa.update(rows)
            .where(rows.c.id == row_id)
            .values(
                **said,
                last_attempt_at=claimed_at,
                outcome=None,  # of an earlier call
                call_length=None,
                recording_url=None,
            )
        )
