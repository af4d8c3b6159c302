"""What a session is going to take, and what its lists lack of what the agent says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from batchdial.dialing.pacing import Pacer
from batchdial.ledger.spending import answering, history, used
from batchdial.lists.mapping import column_map_from_dict, payload
from batchdial.rules.budget import Budget, Used, estimate, lengths, longest_call
from batchdial.rules.hours import Place
from batchdial.rules.preflight import Sent, preflight

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from batchdial.governing import Governance
    from batchdial.intake import Checked
    from batchdial.ledger.ledger import Ledger
    from batchdial.ledger.lists import Lists, Pick, StoredList
    from batchdial.models import Campaign
    from batchdial.rules.budget import Estimate
    from batchdial.rules.preflight import Finding
    from batchdial.settings import Settings

#: Where rows are of which none was looked at.
NOWHERE = Place(())
#: Rows of a list in the ledger that are looked at for blank cells.
LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a person should know before the first call, besides the list itself."""

    agent: Mapping[str, Any] | None  #: as the service describes it
    findings: tuple[Finding, ...]
    estimate: Estimate
    budget: Budget
    used: Used  #: of the budget, by earlier runs
    waits: tuple[Wait, ...] = ()  #: rows that may not be called now, the earliest first
    end: datetime | None = None  #: from when on nobody is called
    fits: datetime | None = None  #: the earliest end before which everybody's turn comes

    @property
    def never(self) -> int:
        """Rows that no hour is right for."""
        return sum(wait.rows for wait in self.waits if wait.until is None)


@dataclass(frozen=True, slots=True)
class Wait:
    """Rows whose hour comes later."""

    rows: int
    until: datetime | None  #: UTC; None where no hour comes within a year
    zones: tuple[str, ...]  #: where they are, the most rows first


def foresee(
    settings: Settings,
    ledger: Ledger,
    campaign: Campaign,
    agent: Mapping[str, Any] | None,
    lists: Sequence[Sent],
    number: int,
    now: datetime,
    places: Mapping[Place, int],
    governance: Governance,
) -> Forecast:
    """
    Look ahead.

    Args:
        settings: How it is dialled.
        ledger: What it has cost so far.
        campaign: What is dialled.
        agent: As the service describes it; None where it gives no answer.
        lists: What is sent of each list.
        number: Rows that would be dialled.
        now: When; UTC.
        places: Where they are, as far as some of them tell.
        governance: The rules that they meet.
    """
    budget = governance.budget(longest_call(agent))
    spent = used(ledger, campaign, budget.longest, now) if budget.is_capped else Used()
    # A lane waits for its answer before it makes another call.
    lane = answering(ledger, campaign) / min(settings.concurrency, max(1, number))
    each = lengths(history(ledger, campaign), budget.longest)
    begin = max(now, governance.start or now)
    shares = _shares(places, number)

    def until(end: datetime | None) -> Estimate:
        return estimate(
            [shares],
            now=begin,
            spacing=max(Pacer(settings.rate, settings.jitter).spacing, lane),
            each=each,
            opening=governance.opening,
            max_live=settings.max_live,
            end=end,
            price=settings.price_per_minute,
            most=budget.room(spent, each.likely),
        )

    ahead, fits = until(governance.end), None
    if governance.end is not None and ahead.left:
        whole = until(None)
        if whole.calls > ahead.calls and whole.finish is not None:
            fits = whole.finish.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return Forecast(
        agent,
        preflight(agent, lists),
        ahead,
        budget,
        spent,
        _waits(shares, governance, begin),
        governance.end,
        fits,
    )


def too_short(forecast: Forecast) -> str:
    """Why a window of --start-at and --end-at is refused; empty where somebody's turn comes."""
    if forecast.end is None or forecast.fits is None or forecast.estimate.calls:
        return ""
    end, fits = forecast.end.astimezone(), forecast.fits.astimezone()
    return (
        f"Nobody's turn would come before --end-at {end:%Y-%m-%d %H:%M}. Nobody was called.\n"
        f"The smallest window that would do for all: --end-at '{fits:%Y-%m-%d %H:%M}'"
    )


def _shares(places: Mapping[Place, int], number: int) -> dict[Hashable, int]:
    """So many rows, spread over the places as some of them are."""
    total, left = sum(places.values()), number
    shares: dict[Hashable, int] = {}
    for place, some in places.items():
        share = round(left * some / total) if total else 0
        shares[place] = share
        total, left = total - some, left - share
    return shares if places else {NOWHERE: number}


def _waits(
    shares: Mapping[Hashable, int], governance: Governance, now: datetime
) -> tuple[Wait, ...]:
    """Rows that may not be called now, by when they may."""
    found: dict[datetime | None, Counter[str]] = {}
    for place, rows in shares.items():
        is_open, until = governance.opening(place, now)
        if not is_open and rows:
            zone = place.zones[0] if isinstance(place, Place) and place.zones else ""
            found.setdefault(until, Counter())[zone] += rows
    last = datetime.max.replace(tzinfo=UTC)
    return tuple(
        Wait(zones.total(), until, tuple(zone for zone, _ in zones.most_common() if zone))
        for until, zones in sorted(found.items(), key=lambda one: one[0] or last)
    )


def sent_of_file(checked: Checked) -> Sent:
    """What the requests of a file carry that was just read."""
    columns, header = checked.columns, checked.reading.header
    return Sent(
        checked.reading.name,
        [one.field for one in columns.fields],
        [header[index] for index in columns.unused],
        checked.blanks,
    )


def sent_of_list(lists: Lists, stored: StoredList, picks: Sequence[Pick]) -> Sent:
    """What those of a list in the ledger carry; its first rows tell of blank cells."""
    columns = column_map_from_dict(stored.reading["columns"])
    fields = [one.field for one in columns.fields]
    bodies = [
        payload(columns, contact.cells, contact.verdict.e164 or "")
        for _, contact in lists.first(picks, LOOKED_AT)
    ]
    blank = {name: sum(name not in body for body in bodies) for name in fields}
    unused = [stored.header[index] for index in columns.unused]
    return Sent(stored.name, fields, unused, blank, len(bodies))
