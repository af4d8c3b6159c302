"""The whole line, load → map → clean → plan → dispatch → record → report, for one campaign."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from batchdial.dialing.terms import Ending, Stop
from batchdial.ending import exit_code, in_words
from batchdial.errors import (
    BatchDialError,
    CampaignBusyError,
    LateError,
    LedgerError,
)
from batchdial.ledger.deciding import began_since, record_basis
from batchdial.ledger.export import pages
from batchdial.ledger.lists import Lists, Pick, StoredList
from batchdial.models import CallStatus, Outcome
from batchdial.planning import Planning
from batchdial.results.file import write_pages
from batchdial.results.summary import Report, Tally
from batchdial.rules.budget import longest_call
from batchdial.rules.cells import printable
from batchdial.running import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from batchdial.dialing.pacing import Pacer
    from batchdial.governing import Governance
    from batchdial.ledger.ledger import Lease, Ledger
    from batchdial.planning import Work
    from batchdial.settings import Settings

#: Rows that may have rung of which a report names each.
UNKNOWN_NAMED = 10


class Session(Planning):
    """
    One process at work on one campaign, which it holds until it is closed.

    `plan` says what would be done, `agree` takes it into the ledger, `dispatch` does
    it, `record` writes the results and `report` says what came of it.

    Args:
        settings: How.
        ledger: Where it is recorded; closed with the session.
        lease: The right to dial the campaign.
        works: The lists.
        governance: Which rules their rows keep to.
        again: Whether everybody may be called again.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        lease: Lease,
        works: Sequence[Work],
        governance: Governance,
        *,
        again: bool = False,
        clock: Callable[[], float] = time.time,
        unpause: bool = False,
    ) -> None:
        super().__init__(settings, ledger, lease.campaign, works, governance, again, clock)
        self._lease: Lease | None = lease
        self._unpause = unpause  # whether whoever agrees lifts a pause
        self._agreed = False
        self._trusted = False
        self._ending = Ending(Stop.DONE)
        self._run: Run | None = None
        self._called = 0  # rows that earlier runs of this session dialled
        self._stopped = False
        self._outputs: tuple[Path, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the campaign back; what nobody agreed to is forgotten."""
        with suppress(LedgerError):  # whoever broke it has been told
            if not self._agreed:
                self._lists.drop_drafts(self.campaign)
            self._let_go()
            if not self._agreed:
                self._ledger.forget(self.campaign)
        self._ledger.close()

    @property
    def doubt(self) -> str:
        """Why the ledger may not know every call that was made from it; empty where it does."""
        trusted = self._trusted or self.settings.trust_ledger or not self.number
        return "" if trusted else self._ledger.doubt

    def trust(self) -> None:
        """Use the ledger as it is: a person's explicit word."""
        self._trusted = True

    @property
    def has_ended(self) -> bool:
        """Whether dialling ended for a reason that also keeps the other rows from being dialled."""
        return self._ending.stop not in (Stop.DONE, Stop.LIMIT)

    def agree(self, *, by_hand: bool = False) -> None:
        """
        Take into the ledger what the plan showed.

        Args:
            by_hand: Whether a person has just agreed; else a campaign that is late does not begin.

        Raises:
            LateError: It was to begin long ago.
            CampaignBusyError: The question was open for so long that another process
                has taken the campaign.
            LedgerDoubtError: The ledger may not know every call that was made.
        """
        lease = self._held()
        if self.number and not by_hand:
            began = began_since(self._ledger, self.campaign, self._governance.start)
            if refused := self._governance.begin_refused(began, self._now()):
                raise LateError(refused)
        if self.number:
            trusted = self._trusted or self.settings.trust_ledger
            self._ledger.vouch(self.campaign, trusted=trusted)
        if not self._ledger.renew(lease, self._now()):
            raise CampaignBusyError(
                f"{self.campaign.name} was taken by another process meanwhile. Nobody was called."
            )
        if self._unpause:
            self._ledger.ask(self.campaign, None)
        if self._again:
            lease = self._lease = self._ledger.again(lease)
            self.campaign = lease.campaign
        for work in self._works:
            self._take(work, lease)
        if self.number:
            rules = self._governance.rules(self.campaign, {})
            with self._ledger.writing() as connection:
                record_basis(connection, self.campaign, rules.basis, self._clock())
        self._agreed = True

    def _take(self, work: Work, lease: Lease) -> None:
        if work.draft is not None:
            self._lists.activate(lease, work.draft, work.replaces, self._now())
        list_ids = {pick.list_id for pick in work.picks}
        for list_id in list_ids:
            if work.changes is not None:
                self._lists.amend(list_id, work.changes, lease.fence)
            if work.output is not None:
                self._lists.redirect(list_id, str(work.output.absolute()))

    async def dispatch(
        self,
        on_outcome: Callable[[Outcome], None] = lambda _: None,
        *,
        say: Callable[[str], None] = lambda _: None,
        is_canary: bool = False,
    ) -> Ending:
        """
        Dial what was agreed to; returns when every row in flight is settled.

        Args:
            on_outcome: Told of each row that is settled.
            say: Told in words what a person should know meanwhile.
            is_canary: Whether only the rows of `--canary` are dialled, and followed to their end.
        """
        list_ids = {pick.list_id for pick in self._picks}
        run = self._run = Run(
            self.settings,
            self._ledger,
            self._held(),
            self.service(),
            picks=self._picks,
            columns=self._columns(list_ids),
            sheets=self._sheets(list_ids),
            governance=self._governance,
            number=self.canary if is_canary else self.number - self._called,
            longest=longest_call(self._agent),
            is_canary=is_canary,
            say=say,
            clock=self._clock,
        )
        if self._stopped:
            run.stop()
        try:
            self._ending = await run.go(on_outcome)
        finally:
            self._called += run.called
        return self._ending

    def stop(self) -> None:
        """Begin no further call; `dispatch` returns when those in flight are settled."""
        self._stopped = True
        if self._run is not None:
            self._run.stop()

    def abort(self) -> None:
        """Stop at once; rows in flight become `unknown`."""
        if self._run is not None:
            self._run.abort()

    @property
    def in_flight(self) -> int:
        """Calls whose answer is awaited."""
        return 0 if self._run is None else self._run.dispatcher.in_flight

    @property
    def resting_until(self) -> float | None:
        """Unix time until which nobody may be called; infinite where a call has to end first."""
        return None if self._run is None else self._run.dispatcher.resting_until

    @property
    def waiting(self) -> dict[float, int]:
        """How many rows wait until which Unix time."""
        return {} if self._run is None else self._run.journal.waiting

    @property
    def slowed(self) -> str:
        """The pace of now, such as `2.5/s`, while the service bears less than was asked for."""
        return "" if self._pacer.pace.share == 1 else str(self._pacer.pace)

    @property
    def _pacer(self) -> Pacer:
        return self._idle_pacer if self._run is None else self._run.pacer

    def record(self) -> tuple[Path, ...]:
        """
        Write the results file of each list concerned.

        Raises:
            OutputError: One cannot be written; the ledger has every row all the same.
        """
        self._let_go()
        self._outputs = tuple(
            record_list(self._ledger, one, self.campaign.name) for one in self._concerned()
        )
        return self._outputs

    def report(self) -> Report:
        """What came of it, in numbers that add up to the rows of the lists."""
        self._let_go()
        concerned = self._concerned()
        tally = Tally.of(self._lists.counts([one.id for one in concerned]))
        unknown = [
            contact
            for one in concerned
            for _, contact in self._lists.first([Pick(one.id, CallStatus.UNKNOWN)], UNKNOWN_NAMED)
        ]
        return Report(
            self.campaign.name,
            self.campaign.agent,
            tally,
            self._outputs,
            tuple(unknown[:UNKNOWN_NAMED]),
            in_words(
                self._ending,
                tally,
                self.settings.key_origin,
                self.waiting,
                self._governance.start,
            ),
            exit_code(self._ending, tally),
            tuple(self._warnings([one.id for one in concerned])),
        )

    def _warnings(self, list_ids: Sequence[int]) -> Iterator[str]:
        """What a person should know although nothing stopped for it."""
        slowest = self._pacer.slowest
        if slowest.share < 1:
            yield f"The service asked to slow down: {slowest} at the slowest, not {slowest.asked}."
        if self._run is None:  # nobody was called, so no callId is new
            return
        for call_id, number in self._lists.shared_call_ids(list_ids):
            yield (
                f"The service gave {number:,} numbers the same callId, {printable(call_id, 60)}. "
                "Ask it whether each was called."
            )

    def _held(self) -> Lease:
        if self._lease is None:
            raise BatchDialError(f"{self.campaign.name} was given back already.")
        return self._lease

    def _let_go(self) -> None:
        if self._lease is not None:
            lease, self._lease = self._lease, None
            try:
                self._ledger.release(lease)
            except LedgerError:
                if self._ending.error is not None:  # it says more: what broke first, what was lost
                    raise self._ending.error from None
                raise

    def _concerned(self) -> list[StoredList]:
        ids = {pick.list_id for pick in self._picks}
        return [one for one in self._lists.active(self.campaign) if one.id in ids]


def record_list(ledger: Ledger, stored: StoredList, campaign: str) -> Path:
    """
    Write one list's results file, and see that every row is in it.

    Raises:
        OutputError: It cannot be written; the ledger has every row all the same.
    """
    path = Path(stored.output)
    expected = sum(Lists(ledger).counts([stored.id]).values())
    written = write_pages(path, stored.header, pages(ledger, stored.id, campaign), campaign)
    if written != expected:
        raise BatchDialError(f"{path} has {written} rows, the ledger has {expected}.")
    return path
