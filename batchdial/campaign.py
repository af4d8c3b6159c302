"""The whole line, load → map → clean → plan → dispatch → record → report, for one campaign."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from batchdial.dialing.client import Service
from batchdial.dialing.pacing import Pacer
from batchdial.dialing.terms import Ending, Stop
from batchdial.ending import exit_code, in_words
from batchdial.errors import (
    BatchDialError,
    CampaignBusyError,
    ConfigError,
    LateError,
    LedgerError,
)
from batchdial.forecast import Forecast, foresee, sent_of_file, sent_of_list, too_short
from batchdial.governing import Sheet
from batchdial.intake import EXAMPLES, Checked
from batchdial.ledger.deciding import began_since, record_basis
from batchdial.ledger.departures import book
from batchdial.ledger.due import set_due
from batchdial.ledger.export import pages
from batchdial.ledger.finding import has_number
from batchdial.ledger.lists import Amendments, Lists, Pick, StoredList
from batchdial.ledger.outcomes import Outcomes
from batchdial.lists.mapping import column_map_from_dict, payload
from batchdial.models import CallStatus, Campaign, Outcome
from batchdial.results.file import write_pages
from batchdial.results.summary import Report, Tally
from batchdial.rules.budget import longest_call
from batchdial.rules.cells import printable
from batchdial.rules.preflight import refused
from batchdial.running import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from batchdial.governing import Governance
    from batchdial.ledger.ledger import Lease, Ledger
    from batchdial.models import ColumnMap
    from batchdial.rules.hours import Place
    from batchdial.settings import Settings

#: Rows that are looked at to tell where people are.
SAMPLE = 5_000
#: Country codes of which national do-not-call lists must be new, by countries that have them.
_CODES = {"US": "+1", "CA": "+1", "GB": "+44"}
#: Rows that may have rung of which a report names each.
UNKNOWN_NAMED = 10


@dataclass(slots=True)
class Work:
    """What a session would dial of one list, and what agreeing to it changes in the ledger."""

    picks: list[Pick]
    number: int  #: rows that would be dialled, without regard to --limit
    tally: Tally  #: all rows of the list or of the file
    checked: Checked | None = None  #: the file, where one was read
    draft: int | None = None  #: a staged list
    replaces: str | None = None  #: name of the list that the draft is an edition of
    elsewhere: tuple[str, ...] = ()  #: other campaigns that ran the very same list
    changes: Amendments | None = None  #: what a results file changes in its list
    output: Path | None = None  #: where the results of a known list go from now on


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be dialled, for a person to agree to."""

    campaign: Campaign
    ledger: str  #: where the ledger is
    rate: str
    number: int  #: calls that will be made
    tally: Tally
    checked: tuple[Checked, ...]  #: the files that were read, without those that are known
    elsewhere: tuple[str, ...] = ()  #: other campaigns that ran the very same list
    examples: list[dict[str, str]] = field(default_factory=list)
    doubtful: int = 0  #: of the calls, how many at most go to a phone that may have rung already


class Session:
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
        self.settings = settings
        self._clock = clock
        self._ledger = ledger
        self._lists = Lists(ledger)
        self._lease: Lease | None = lease
        self.campaign = lease.campaign
        self._works = works
        self._again = again
        self._unpause = unpause  # whether whoever agrees lifts a pause
        self._picks = [pick for work in works for pick in work.picks]
        self._agreed = False
        self._trusted = False
        self._ending = Ending(Stop.DONE)
        self._governance = governance
        self._agent: dict[str, Any] | None = None
        self._run: Run | None = None
        self._called = 0  # rows that earlier runs of this session dialled
        self._idle_pacer = Pacer(settings.rate, settings.jitter)
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

    def service(self) -> Service:
        """The service and the key to it."""
        return Service(self.settings.base_url, self.settings.key(), self.settings.key_origin())

    @property
    def number(self) -> int:
        """Calls that will be made."""
        found = sum(work.number for work in self._works) + self.due
        return min(found, self.settings.limit or found)

    @cached_property
    def due(self) -> int:
        """Rows that are to be called again after what a call came to, now or later."""
        active = {one.id for one in self._lists.active(self.campaign)}
        list_ids = sorted(active & {pick.list_id for pick in self._picks})
        if not self._governance.redial or self._again:
            return 0
        sheets = self._sheets(list_ids)
        set_due(
            self._ledger,
            self.campaign,
            self._governance.redial,
            lambda list_id, e164, cells: sheets[list_id].place(e164, cells).zones,
        )
        return self._lists.due(list_ids)

    @property
    def follows(self) -> int:
        """Calls in progress that this session waits for, although nobody new is to be called."""
        if not self._governance.redial or self.settings.no_wait or self._again:
            return 0
        return len(Outcomes(self._ledger, self.campaign).open())

    def agent(self) -> dict[str, Any] | None:
        """
        The agent as the service describes it; None where it gives no answer to that.

        Raises:
            ServiceError: The service cannot be reached, or refuses the key.
            ConfigError: It knows no such agent.
        """
        self._agent = asyncio.run(self.service().agent(self.campaign.agent))
        return self._agent

    def plan(self) -> Plan:
        """What would be dialled, with the first requests as they would be sent."""
        number = self.number
        tally = Tally()
        for work in self._works:
            tally.by_reason.update(work.tally.by_reason)
        checked = tuple(work.checked for work in self._works if work.checked is not None)
        return Plan(
            self.campaign,
            self._ledger.where,
            str(self.settings.rate),
            number,
            tally,
            checked,
            tuple(dict.fromkeys(name for work in self._works for name in work.elsewhere)),
            self._examples()[: min(EXAMPLES, number)],
            min(number, self._doubtful()),
        )

    def forecast(self, agent: Mapping[str, Any] | None) -> Forecast:
        """
        What it is going to take, and what the lists lack of what the agent says.

        Args:
            agent: As `agent` gives it.
        """
        sent = [
            sent_of_file(work.checked)
            if work.checked is not None
            else sent_of_list(self._lists, self._lists.get(work.picks[0].list_id), work.picks)
            for work in self._works
            if work.number
        ]
        return foresee(
            self.settings,
            self._ledger,
            self.campaign,
            agent,
            sent,
            self.number,
            self._now(),
            self._places(),
            self._governance,
        )

    def _places(self) -> Counter[Place]:
        """Where people are who would be called, as some of them tell."""
        sheets = self._sheets({pick.list_id for pick in self._picks})
        some, step = self._lists.sample(self._picks, SAMPLE)
        found = (sheets[list_id].place(e164, cells) for list_id, e164, cells in some)
        return Counter({place: number * step for place, number in Counter(found).items()})

    def has_number(self, e164: str) -> bool:
        """Whether a number is a contact's, in the ledger or in what is about to be taken in."""
        changed = (
            contact
            for work in self._works
            if work.changes
            for contact in (*(one for _, one in work.changes.changed), *work.changes.added)
        )
        return has_number(self._ledger, self.campaign, e164) or any(
            one.verdict.e164 == e164 for one in changed
        )

    def departure(self) -> float:
        """Take a departure for a call that is no row's; seconds to wait for it."""
        return book(self._ledger, self.campaign.service, self._clock(), self._pacer.spacing)

    def require(self, forecast: Forecast) -> None:
        """
        See that a new list can be called before the end, and under `--strict` lacks nothing.

        Raises:
            ConfigError: It cannot, or does; the message names all of it.
        """
        is_new = any(work.draft is not None or work.changes for work in self._works)
        if is_new and (wrong := too_short(forecast)):
            raise ConfigError(wrong)
        lacking = refused(forecast.findings) if self.settings.strict else ()
        if lacking:
            named = "".join(f"\n  {one.text}" for one in lacking)
            raise ConfigError(f"Nobody was called, since --strict is set:{named}")

    def _doubtful(self) -> int:
        """Rows that may have rung and are to be dialled all the same."""
        return sum(
            work.tally[CallStatus.UNKNOWN]
            for work in self._works
            if any(pick.status is CallStatus.UNKNOWN for pick in work.picks)
        )

    def _examples(self) -> list[dict[str, str]]:
        """The first requests; rows that a results file corrects are not in the ledger yet."""
        columns = self._columns({pick.list_id for pick in self._picks})
        corrected = [
            body
            for work in self._works
            if work.changes and work.checked
            for body in work.checked.examples
        ]
        return corrected + [
            payload(columns[list_id], contact.cells, contact.verdict.e164 or "")
            for list_id, contact in self._lists.first(self._picks, EXAMPLES)
        ]

    @property
    def doubt(self) -> str:
        """Why the ledger may not know every call that was made from it; empty where it does."""
        trusted = self._trusted or self.settings.trust_ledger or not self.number
        return "" if trusted else self._ledger.doubt

    def trust(self) -> None:
        """Use the ledger as it is: a person's explicit word."""
        self._trusted = True

    def warnings(self) -> list[str]:
        """What a person should know of schedule and do-not-call files before the first call."""
        codes = {place.countries for place in self._places()} if self.settings.suppress else set()
        numbers = {_CODES[one] for countries in codes for one in countries if one in _CODES}
        return self._governance.notes + self._governance.warnings(sorted(numbers), self._now())

    @property
    def canary(self) -> int:
        """Rows that are dialled before the others; 0 where the campaign has called already."""
        asked = self.settings.canary or 0
        if not 0 < asked < self.number:
            return 0
        return 0 if self._calls() else asked

    @property
    def is_on_trial(self) -> bool:
        """Whether no more than the rows of `--canary` were called yet, and there are others."""
        return bool(self.number) and 0 < self._calls() <= (self.settings.canary or 0)

    def _calls(self) -> int:
        return Outcomes(self._ledger, self.campaign).counts().total()

    @property
    def has_ended(self) -> bool:
        """Whether dialling ended for a reason that also keeps the other rows from being dialled."""
        return self._ending.stop not in (Stop.DONE, Stop.LIMIT)

    def came_to(self) -> dict[str, int]:
        """The campaign's calls by what they came to."""
        counts = Outcomes(self._ledger, self.campaign).counts()
        return {outcome or "still in progress": n for outcome, n in counts.most_common()}

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

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

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

    def _sheets(self, list_ids: Iterable[int]) -> dict[int, Sheet]:
        """Where in the rows of each list a zone and a consent stand."""
        found = {}
        for list_id in list_ids:
            stored = self._lists.get(list_id)
            columns = column_map_from_dict(stored.reading["columns"])
            found[list_id] = Sheet(stored.header, columns, self.settings.require_consent)
        return found

    def _columns(self, list_ids: Iterable[int]) -> dict[int, ColumnMap]:
        return {
            list_id: column_map_from_dict(self._lists.get(list_id).reading["columns"])
            for list_id in list_ids
        }


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
