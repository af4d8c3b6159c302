"""What a session is going to take, and what its lists lack of what the agent says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batchdial.dialing.pacing import Pacer
from batchdial.ledger.spending import answering, history, used
from batchdial.lists.mapping import column_map_from_dict, payload
from batchdial.rules.budget import Budget, Used, estimate, lengths, longest_call
from batchdial.rules.preflight import Sent, preflight

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from batchdial.intake import Checked
    from batchdial.ledger.ledger import Ledger
    from batchdial.ledger.lists import Lists, Pick, StoredList
    from batchdial.models import Campaign
    from batchdial.rules.budget import Estimate
    from batchdial.rules.preflight import Finding
    from batchdial.settings import Settings

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


def budget_of(settings: Settings, agent: Mapping[str, Any] | None) -> Budget:
    """The caps of a campaign."""
    return Budget(
        longest_call(agent),
        settings.max_calls,
        settings.max_minutes,
        settings.max_spend,
        settings.price_per_minute,
    )


def foresee(
    settings: Settings,
    ledger: Ledger,
    campaign: Campaign,
    agent: Mapping[str, Any] | None,
    lists: Sequence[Sent],
    number: int,
    now: datetime,
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
    """
    budget = budget_of(settings, agent)
    spent = used(ledger, campaign, budget.longest, now) if budget.is_capped else Used()
    # A lane waits for its answer before it makes another call.
    lane = answering(ledger, campaign) / min(settings.concurrency, max(1, number))
    each = lengths(history(ledger, campaign), budget.longest)
    return Forecast(
        agent,
        preflight(agent, lists),
        estimate(
            [{"": number}],
            now=now,
            spacing=max(Pacer(settings.rate, settings.jitter).spacing, lane),
            each=each,
            price=settings.price_per_minute,
            most=budget.room(spent, each.likely),
        ),
        budget,
        spent,
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
