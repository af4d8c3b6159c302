"""What a person asks for becomes a session: which campaign, which lists, which rows."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from batchdial.campaign import Session
from batchdial.errors import ConfigError, ListError, PausedError
from batchdial.governing import Governance
from batchdial.keeping import SCHEDULE, as_flags, kept
from batchdial.ledger.deciding import last_basis
from batchdial.ledger.finding import find_campaign
from batchdial.ledger.ledger import Lease, Ledger, Owner
from batchdial.ledger.lists import Lists, Pick, StoredList
from batchdial.ledger.purge import refuse_purged
from batchdial.models import CallStatus
from batchdial.planning import Work
from batchdial.results.file import check_output, default_output, is_results_file
from batchdial.results.summary import Tally
from batchdial.rules.redial import SAFE_TO_REDIAL, told_as_called

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from batchdial.intake import Source
    from batchdial.models import Campaign
    from batchdial.rules.redial import Known
    from batchdial.settings import Settings


def open_run(
    settings: Settings,
    *paths: str | Path,
    again: bool = False,
    clock: Callable[[], float] = time.time,
) -> Session:
    """
    Prepare to dial lists: everything but the calls.

    Args:
        settings: How.
        paths: The lists of one campaign, or results files that are fed back; "-" is standard
            input.
        again: Whether everybody in them may be called again.
        clock: Unix time in seconds.

    Raises:
        BatchDialError: One of its children says what is wrong and what to do.
    """
    governance = Governance(settings, _moment(clock))  # better known before a long list is read
    sources = [_source(path, settings) for path in paths]
    _check_together(settings, sources)
    return _open(
        settings,
        governance,
        sources[0].campaign(settings.campaign),
        sources,
        (CallStatus.PENDING,),
        again=again,
        clock=clock,
    )


def open_retry_file(
    settings: Settings, path: str | Path, *, include_unknown: bool = False
) -> Session:
    """
    Prepare to dial what is safe to dial again in a results file, and what was corrected in it.

    The file may come from another ledger; then what it says of its rows is believed.

    Raises:
        BatchDialError: One of its children says what is wrong and what to do.
    """
    source = _source(path, settings)
    if not source.file.reading.is_results:
        raise ConfigError(
            f"{path} is a list, not a results file. To dial it: batchdial run "
            f"{shlex.quote(str(path))}\n"
            "To dial its failed rows again, name its campaign: batchdial retry CAMPAIGN"
        )
    name, statuses = source.campaign(settings.campaign), _to_retry(include_unknown)
    return _open(settings, None, name, [source], statuses)


def open_resume(
    settings: Settings, name: str | None = None, *, clock: Callable[[], float] = time.time
) -> Session:
    """Prepare to go on with the pending rows of a campaign, by default the latest."""
    return _reopen(settings, name, (CallStatus.PENDING,), unpause=True, clock=clock)


def open_retry(
    settings: Settings, name: str | None = None, *, include_unknown: bool = False
) -> Session:
    """Prepare to dial again the rows of a campaign that are safe to dial again."""
    return _reopen(settings, name, _to_retry(include_unknown))


def _source(path: str | Path, settings: Settings) -> Source:
    from batchdial.intake import Source  # who goes on with a campaign reads no list

    return Source.open(path, settings)


def _to_retry(include_unknown: bool) -> tuple[CallStatus, ...]:
    return (*SAFE_TO_REDIAL, CallStatus.UNKNOWN) if include_unknown else SAFE_TO_REDIAL


def _open(
    settings: Settings,
    governance: Governance | None,
    name: str,
    sources: Sequence[Source],
    statuses: tuple[CallStatus, ...],
    *,
    again: bool = False,
    clock: Callable[[], float] = time.time,
) -> Session:
    """
    Take the campaign, and find out what each file is to it.

    Without rules of its own it goes on under those of the campaign's last run.
    """
    with ExitStack() as undo:
        ledger = undo.enter_context(Ledger(settings.ledger_url()))
        campaign = _campaign(settings, ledger, name, _moment(clock))
        undo.callback(ledger.forget, campaign)
        if governance is None:
            settings, governance = _as_before(settings, ledger, campaign, clock, but=SCHEDULE)
        elif others := kept(settings, last_basis(ledger, campaign)):
            governance.notes.append(
                f"The last run of {campaign.name} kept to {as_flags(others)}. This one does not."
            )
        _heed_wish(ledger, campaign)
        lease = ledger.acquire(campaign, Owner.here(), _moment(clock))
        undo.callback(ledger.release, lease)
        if not again:
            refuse_purged(ledger, campaign)
        lists = Lists(ledger)
        lists.drop_drafts(campaign)
        undo.callback(lists.drop_drafts, campaign)
        active = [] if again else lists.active(campaign)
        several = len(sources) > 1
        desk = _Desk(
            settings,
            ledger,
            lease,
            lists,
            active,
            statuses,
            again=again,
            remember=several,
            clock=clock,
        )
        # Of files with a number in common, the one that is read first has it.
        order = reversed(sources) if settings.dedupe == "last" else sources
        works = {id(source): desk.take_in(source) for source in order}
        undo.pop_all()
    works_in_order = [works[id(one)] for one in sources]
    return Session(settings, ledger, lease, works_in_order, governance, again=again, clock=clock)


def _reopen(
    settings: Settings,
    name: str | None,
    statuses: tuple[CallStatus, ...],
    *,
    unpause: bool = False,
    clock: Callable[[], float] = time.time,
) -> Session:
    with ExitStack() as undo:
        ledger = undo.enter_context(Ledger(settings.ledger_url(), create=False))
        campaign = find_campaign(ledger, name, settings.agent)
        _check_service(campaign, settings)
        but = () if unpause else SCHEDULE
        settings, governance = _as_before(settings, ledger, campaign, clock, but=but)
        if not unpause:
            _heed_wish(ledger, campaign)
        lease = ledger.acquire(campaign, Owner.here(), _moment(clock))
        undo.callback(ledger.release, lease)
        refuse_purged(ledger, campaign)
        lists = Lists(ledger)
        lists.drop_drafts(campaign)
        stored = lists.active(campaign)
        if settings.output is not None and len(stored) > 1:
            raise ConfigError(f"{campaign.name} has {len(stored)} lists; --output takes one only.")
        desk = _Desk(settings, ledger, lease, lists, stored, statuses, clock=clock)
        works = [desk.go_on(one) for one in stored]
        undo.pop_all()
    return Session(settings, ledger, lease, works, governance, unpause=unpause, clock=clock)


def _as_before(
    settings: Settings,
    ledger: Ledger,
    campaign: Campaign,
    clock: Callable[[], float],
    *,
    but: Collection[str],
) -> tuple[Settings, Governance]:
    """Go on under the rules of the campaign's last run, where a person says no others."""
    rules = kept(settings, last_basis(ledger, campaign), but=but)
    settings = settings.model_copy(update=rules)
    governance = Governance(settings, _moment(clock))
    if rules:
        governance.notes.append(f"As in its last run: {as_flags(rules)}")
    return settings, governance


class _Desk:
    """Where files are taken into one campaign, one after the other."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        lease: Lease,
        lists: Lists,
        active: list[StoredList],
        statuses: tuple[CallStatus, ...],
        *,
        again: bool = False,
        remember: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._lease = lease
        self._lists = lists
        self._active = active
        self._statuses = statuses
        self._again = again
        self._remember = remember  # whether another file of this run is to know this one's numbers
        self._clock = clock
        self._known: dict[str, Known] | None = None

    def take_in(self, source: Source) -> Work:
        """A file is a results file of a list, a list as it was run before, or a new one."""
        from batchdial.intake import origin

        home = origin(source, self._active)
        if home is not None:
            return self._amend(source, home)
        fingerprint = source.fingerprint()
        same = next((one for one in self._active if one.fingerprint == fingerprint), None)
        return self.go_on(same) if same is not None else self._stage(source)

    def go_on(self, stored: StoredList) -> Work:
        """A list that is in the ledger as it is."""
        check_output(self._where(stored), None)
        picks = [Pick(stored.id, status) for status in self._statuses]
        counts = self._lists.counts([stored.id])
        number = sum(found for (status, _), found in counts.items() if status in self._statuses)
        return Work(picks, number, Tally.of(counts), output=self._settings.output)

    def _stage(self, source: Source) -> Work:
        from batchdial.intake import stage

        output = _output(self._settings, self._lease.campaign.name, source)
        check_output(output, source.path if not source.file.reading.is_results else None)
        if not self._again and not source.file.reading.is_results:
            self._check_memory(output, _output_beside(self._lease.campaign.name, source))
        name = source.file.reading.name
        replaces = name if any(one.name == name for one in self._active) else None
        draft, checked = stage(
            source,
            self._lists,
            self._lease,
            output=str(output),
            known=self._memory(),
            remember=self._remember,
            replaces=replaces,
            again=self._again,
            now=_moment(self._clock),
            alive=self._renew,
        )
        picks = [Pick(draft, status) for status in self._statuses]
        if CallStatus.PENDING not in self._statuses:
            picks.append(Pick(draft, CallStatus.PENDING, chosen=self._lease.fence))
        elsewhere = self._lists.elsewhere(self._lease.campaign, source.fingerprint())
        return Work(
            picks,
            self._lists.count(picks),
            checked.tally,
            checked,
            draft=draft,
            replaces=replaces,
            elsewhere=tuple(elsewhere),
        )

    def _check_memory(self, *outputs: Path) -> None:
        """
        See that no results file of the campaign tells of calls that the ledger does not know.

        Raises:
            ConfigError: One does: the ledger is another one than made those calls, or was deleted.
        """
        name = self._lease.campaign.name
        found = [path for path in dict.fromkeys(outputs) if is_results_file(path)]
        known = self._lists.calls(name) if found else set()
        for path in found:
            forgotten = _forgotten(path, name, known)
            if forgotten:
                raise ConfigError(
                    f"{path} tells of {forgotten:,} numbers that {name} called, but the ledger "
                    f"{self._ledger.where} has no memory of them. Nobody was called.\n"
                    "Name the ledger that made those calls with --ledger, or go on from the file: "
                    f"batchdial run {shlex.quote(str(path))}\n"
                    "To call everybody again: --again."
                )

    def _amend(self, source: Source, home: StoredList) -> Work:
        """A results file of a list that the ledger knows: rows are chosen, changes taken."""
        from batchdial.intake import compare

        check_output(self._where(home), None)
        alike = source.read_like(home, self._settings)
        changes, checked = compare(alike, self._lists, home, self._memory(), self._statuses)
        fresh = [*(contact for _, contact in changes.changed), *changes.added]
        pending = Counter(contact.verdict.status for contact in fresh)[CallStatus.PENDING]
        wanted = dict.fromkeys((*self._statuses, CallStatus.PENDING))
        return Work(
            [Pick(home.id, status, chosen=self._lease.fence) for status in wanted],
            len(changes.chosen) + pending,
            checked.tally,
            checked,
            changes=changes,
            output=self._settings.output,
        )

    def _renew(self) -> None:
        self._ledger.renew(self._lease, _moment(self._clock))

    def _memory(self) -> dict[str, Known]:
        """What the campaign remembers; the files of this run add to it."""
        if self._known is None:
            self._known = {} if self._again else self._lists.known(self._lease.campaign)
        return self._known

    def _where(self, stored: StoredList) -> Path:
        """Where the results of a list go: where they went, unless a person says otherwise now."""
        output = self._settings.output
        return output.absolute() if output is not None else Path(stored.output)


def _forgotten(path: Path, name: str, known: set[str]) -> int:
    """How many rows of a results file of this campaign were called without the ledger's knowing."""
    from batchdial.lists.loader import open_list

    number = 0
    try:
        for block in open_list(path).blocks():
            priors = [row.prior or {} for row in block]
            called = [told_as_called(one) for one in priors if one.get("campaign") == name]
            # A row of which no number can be read any more says something to an empty ledger only.
            number += sum(
                bool(one) and not one & known and bool(one - {""} or not known) for one in called
            )
    except ListError:
        if not known:
            raise
    return number


def _moment(clock: Callable[[], float]) -> datetime:
    return datetime.fromtimestamp(clock(), UTC)


def _campaign(settings: Settings, ledger: Ledger, name: str, now: datetime) -> Campaign:
    agent = settings.agent
    if agent is None:
        agents = sorted({one.agent for one in ledger.find(name)})
        if len(agents) != 1:
            which = f"{name} ran with several: {', '.join(agents)}. " if agents else ""
            raise ConfigError(
                f"Which agent calls? {which}Say --agent ID; `batchdial agents` lists yours."
            )
        agent = agents[0]
    campaign = ledger.campaign(name, agent, settings.base_url, now)
    _check_service(campaign, settings)
    return campaign


def _check_service(campaign: Campaign, settings: Settings) -> None:
    if campaign.service != settings.base_url:
        raise ConfigError(
            f"{campaign.name} was begun with {campaign.service}, not with {settings.base_url}.\n"
            f"Go on there: --base-url {campaign.service}\n"
            "Or keep the two apart: another --campaign name, or another --ledger."
        )


def _heed_wish(ledger: Ledger, campaign: Campaign) -> None:
    """
    Leave a campaign alone that a person has paused.

    Raises:
        PausedError: It is.
    """
    if ledger.wish(campaign) == "pause":
        raise PausedError(
            f"{campaign.name} is paused. Nobody was called.\n"
            f"Go on: batchdial resume {shlex.quote(campaign.name)}"
        )


def _output(settings: Settings, name: str, source: Source) -> Path:
    if settings.output is not None:
        return settings.output.absolute()
    return _output_beside(name, source)


def _output_beside(name: str, source: Source) -> Path:
    if source.path is None:
        return Path(f"{name}.results.csv").absolute()
    return default_output(source.path.absolute(), is_results=source.file.reading.is_results)


def _check_together(settings: Settings, sources: Sequence[Source]) -> None:
    """See that several files can be lists of one campaign."""
    if len(sources) == 1:
        return
    if settings.campaign is None:
        raise ConfigError("Several lists need a name for their campaign: --campaign NAME")
    if settings.output is not None:
        raise ConfigError("Each list has results of its own: leave out --output.")
    names = Counter(source.file.reading.name for source in sources)
    twice = [name for name, number in names.items() if number > 1]
    if twice:
        raise ConfigError(f"Two lists are called {twice[0]}. Rename one, so that each is known.")
