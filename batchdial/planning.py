"""What a session would dial, and what a person should know before it does."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from batchdial.dialing.client import Service
from batchdial.dialing.pacing import Pacer
from batchdial.errors import ConfigError
from batchdial.forecast import Forecast, foresee, sent_of_file, sent_of_list, too_short
from batchdial.governing import Sheet
from batchdial.ledger.departures import book
from batchdial.ledger.due import set_due
from batchdial.ledger.finding import has_number
from batchdial.ledger.lists import Amendments, Lists, Pick
from batchdial.ledger.outcomes import Outcomes
from batchdial.lists.mapping import column_map_from_dict, payload
from batchdial.models import EXAMPLES, CallStatus, Campaign
from batchdial.results.summary import Tally
from batchdial.rules.preflight import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from batchdial.governing import Governance
    from batchdial.intake import Checked
    from batchdial.ledger.ledger import Ledger
    from batchdial.models import ColumnMap
    from batchdial.rules.hours import Place
    from batchdial.settings import Settings

#: Rows that are looked at to tell where people are.
SAMPLE = 1_000
#: Country codes of which national do-not-call lists must be new, by countries that have them.
_CODES = {"US": "+1", "CA": "+1", "GB": "+44"}


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


class Planning:
    """
    What would be dialled of some lists, looked at from all sides; nobody is called by it.

    Args:
        settings: How.
        ledger: Where the campaign stands.
        campaign: What is dialled.
        works: The lists.
        governance: Which rules their rows keep to.
        again: Whether everybody may be called again.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        campaign: Campaign,
        works: Sequence[Work],
        governance: Governance,
        again: bool,
        clock: Callable[[], float],
    ) -> None:
        self.settings = settings
        self.campaign = campaign
        self._ledger = ledger
        self._lists = Lists(ledger)
        self._works = works
        self._picks = [pick for work in works for pick in work.picks]
        self._governance = governance
        self._again = again
        self._clock = clock
        self._agent: dict[str, Any] | None = None
        self._idle_pacer = Pacer(settings.rate, settings.jitter)

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
            {} if self._governance.hours.is_any else self._places,
            self._governance,
        )

    @cached_property
    def _places(self) -> Counter[Place]:
        """Where people are who would be called, as some of them tell."""
        sheets = self._sheets({pick.list_id for pick in self._picks})
        number = sum(work.number for work in self._works)
        some, step = self._lists.sample(self._picks, number, SAMPLE)
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
        return book(self._ledger, self.campaign.service, self._clock(), self._idle_pacer.spacing)

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

    def warnings(self) -> list[str]:
        """What a person should know of schedule and do-not-call files before the first call."""
        codes = {place.countries for place in self._places} if self.settings.suppress else set()
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

    def came_to(self) -> dict[str, int]:
        """The campaign's calls by what they came to."""
        counts = Outcomes(self._ledger, self.campaign).counts()
        return {outcome or "still in progress": n for outcome, n in counts.most_common()}

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

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
