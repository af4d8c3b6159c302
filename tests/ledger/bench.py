"""One way to set up and look into every ledger, so that one suite tests them all."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from batchdial.ledger.journal import Journal
from batchdial.ledger.ledger import LEASE, Lease, Ledger, Owner
from batchdial.ledger.lists import Lists, Pick, StoredList
from batchdial.ledger.memory import MemoryJournal, MemoryLedger
from batchdial.models import (
    Batch,
    CallStatus,
    Campaign,
    Claimed,
    Contact,
    PlainCells,
    Settlement,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVICE = "https://cald.test/api"
SPACING = 0.25
#: From the range that the North American plan keeps for fiction.
NUMBERS = tuple(f"+1202555{number:04}" for number in range(100, 200))


@dataclass
class Clock:
    """Unix time in seconds; it stands still until a test moves it."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        """The time now."""
        return self.now

    @property
    def moment(self) -> datetime:
        """The same in UTC."""
        return datetime.fromtimestamp(self.now, UTC)

    def move(self, seconds: float) -> None:
        """Let so much time pass."""
        self.now += seconds


def contact(row: int, e164: str | None, status: CallStatus = CallStatus.PENDING) -> Contact:
    """A contact as cleaning leaves it, or as an earlier run left it."""
    return Contact(row, (f"name {row}", e164 or ""), Verdict(status, e164))


def pending(count: int) -> list[Contact]:
    """So many contacts of different numbers, from spreadsheet row 2 on."""
    return [contact(row, NUMBERS[row - 2]) for row in range(2, 2 + count)]


class AnyJournal(Protocol):
    """What dialling and its caller need of a journal."""

    async def claim(self) -> Claimed | None:
        """As in `Journal`."""

    async def claim_again(self, claimed: Claimed) -> Claimed | None:
        """As in `Journal`."""

    async def settle(self, claimed: Claimed, settlement: Settlement) -> None:
        """As in `Journal`."""

    async def settle_and_claim(self, claimed: Claimed, settlement: Settlement) -> Claimed | None:
        """As in `Journal`."""

    async def release(self, claimed: Claimed) -> None:
        """As in `Journal`."""

    async def renew(self) -> bool:
        """As in `Journal`."""

    def is_sure(self) -> bool:
        """As in `Journal`."""

    @property
    def unrecorded(self) -> list[tuple[Claimed, Settlement]]:
        """As in `Journal`."""

    async def close(self) -> None:
        """As in `Journal`."""


class Bench(Protocol):
    """One campaign with one list in some ledger."""

    clock: Clock

    def begin(self, contacts: Sequence[Contact]) -> None:
        """Record the list."""

    def run(self, *statuses: CallStatus) -> AnyJournal:
        """Take the campaign over from whoever has it, and open a journal of these rows."""

    def standing(self) -> list[Contact]:
        """All rows in the file's order."""


@dataclass
class MemoryBench:
    """The fake."""

    clock: Clock = field(default_factory=Clock)

    def begin(self, contacts: Sequence[Contact]) -> None:
        """As in `Bench`."""
        self._ledger = MemoryLedger(contacts)

    def run(self, *statuses: CallStatus) -> MemoryJournal:
        """As in `Bench`."""
        wanted = statuses or (CallStatus.PENDING,)
        return MemoryJournal(self._ledger, wanted, spacing=SPACING, clock=self.clock)

    def standing(self) -> list[Contact]:
        """As in `Bench`."""
        return list(self._ledger.rows.values())


class SqlBench:
    """A ledger in a database."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.clock = Clock()
        self.ledger = Ledger(where)
        self.lists = Lists(self.ledger)
        self.leases: list[Lease] = []
        self._owners = 0

    def begin(self, contacts: Sequence[Contact]) -> None:
        """As in `Bench`."""
        self.campaign = self.new_campaign("leads")
        self.list_id = self.add_list(self.acquire(), contacts)

    def new_campaign(self, name: str) -> Campaign:
        """A campaign of the one service."""
        return self.ledger.campaign(name, "ag_1", SERVICE, self.clock.moment)

    def acquire(self, campaign: Campaign | None = None) -> Lease:
        """The campaign for a new owner on another host, as if the lease of the last had ended."""
        self._owners += 1
        later = self.clock.moment + 2 * self._owners * LEASE
        owner = Owner("elsewhere", self._owners)
        lease = self.ledger.acquire(campaign or self.campaign, owner, later)
        self.leases.append(lease)
        return lease

    def stage(
        self, campaign: Campaign, contacts: Sequence[Contact], name: str = "leads.csv"
    ) -> int:
        """A draft with these rows."""
        new = StoredList(
            0, name, f"/{name}.out", f"print of {name}", ("a", "b"), {}, self.clock.moment
        )
        list_id = self.lists.stage(campaign, new)
        self.add_rows(list_id, contacts)
        return list_id

    def add_rows(self, list_id: int, contacts: Sequence[Contact]) -> None:
        """More rows at the end of a draft."""

        def number(one: Contact) -> int:
            found = re.fullmatch(r"\+([1-9][0-9]{0,14})", one.verdict.e164 or "")
            return int(found[1]) if found else 0

        told = {
            place: one
            for place, one in enumerate(contacts)
            if not number(one)
            or one != Contact(one.row, one.cells, Verdict(CallStatus.PENDING, one.verdict.e164))
        }
        with self.lists.writing(list_id, mark=0) as writing:
            writing.add(
                Batch(
                    [one.row for one in contacts],
                    PlainCells(one.cells for one in contacts),
                    list(map(number, contacts)),
                    told,
                )
            )

    def add_list(
        self,
        lease: Lease,
        contacts: Sequence[Contact],
        name: str = "leads.csv",
        replaces: str | None = None,
    ) -> int:
        """An active list with these rows."""
        list_id = self.stage(lease.campaign, contacts, name)
        self.lists.activate(lease, list_id, replaces, self.clock.moment)
        return list_id

    def run(self, *statuses: CallStatus) -> Journal:
        """As in `Bench`."""
        return self.journal(self.acquire(), self.list_id, *statuses)

    def journal(
        self, lease: Lease, list_id: int, *statuses: CallStatus, due: Sequence[int] = ()
    ) -> Journal:
        """A journal of these rows, and of those that are due."""
        picks = [Pick(list_id, status) for status in statuses or (CallStatus.PENDING,)]
        return Journal(self.ledger, lease, picks, spacing=SPACING, clock=self.clock, due=due)

    def standing(self) -> list[Contact]:
        """As in `Bench`."""
        return list(self.lists.contacts(self.list_id))


def here(pid: int | None = None) -> Owner:
    """An owner on this machine, by default this process."""
    return Owner(Owner.here().host, os.getpid() if pid is None else pid)


def after(moment: datetime, seconds: float) -> datetime:
    """So much later."""
    return moment + timedelta(seconds=seconds)
