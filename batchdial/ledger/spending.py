"""What a campaign's calls have cost so far, and how long they last as a rule."""

from __future__ import annotations

import statistics
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from batchdial.ledger.schema import attempts
from batchdial.models import CallStatus
from batchdial.rules.budget import History, Used

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchdial.ledger.ledger import Ledger
    from batchdial.models import Campaign

#: How long a call may ring before its minutes begin.
RINGING = timedelta(minutes=5)
#: Calls that are looked at for how long they last, and campaigns in which such calls are sought.
_LATEST_CALLS, _LATEST_CAMPAIGNS = 2_000, 20
_LATEST_ANSWERS = 200

#: What the service says of a call in which nobody spoke; it has no length.
_NOT_ANSWERED = attempts.c.outcome.in_(["unanswered", "failed"])
_SECONDS: sa.ColumnElement[Any] = sa.case(
    (attempts.c.call_length.is_not(None), attempts.c.call_length), (_NOT_ANSWERED, 0)
)
#: As `rules.budget.billed` has it.
_BILLED = (_SECONDS + 59) // 60


def used(ledger: Ledger, campaign: Campaign, longest: int, now: datetime) -> Used:
    """
    What the campaign has used of its budget since it began, or began again with `--again`.

    A call counts at its longest where nobody can tell how long it was: its answer was lost, or
    the service never said. Calls that a results file brought along from elsewhere do not count.

    Args:
        ledger: Where it stands.
        campaign: Which.
        longest: Minutes after which the service ends a call.
        now: UTC.
    """
    over_by = now - timedelta(minutes=longest) - RINGING
    accepted = attempts.c.status == CallStatus.SUCCESS
    asked = attempts.c.status == CallStatus.DIALING
    is_open = sa.or_(
        asked,
        sa.and_(accepted, attempts.c.outcome.is_(None), attempts.c.claimed_at > over_by),
    )
    query = sa.select(
        sa.func.count(),
        _sum(sa.case((is_open, 0), else_=sa.func.coalesce(_BILLED, longest))),
        _sum(sa.case((is_open, 1), else_=0)),
        _sum(sa.case((asked, 1), else_=0)),
    ).where(
        attempts.c.campaign_id == campaign.id,
        attempts.c.generation == campaign.generation,
        attempts.c.status.in_([CallStatus.DIALING, CallStatus.SUCCESS, CallStatus.UNKNOWN]),
        sa.or_(~accepted, attempts.c.settled_at.is_not(None)),
    )
    with ledger.reading() as connection:
        return Used(*map(int, connection.execute(query).one()))


def history(ledger: Ledger, campaign: Campaign) -> History:
    """
    How long calls were lately: the campaign's own, else those of the agent's latest campaign.

    Only calls count of which the service said how they ended.
    """
    found = (_lately(ledger, one) for one in _of_agent(ledger, campaign))
    return next((one for one in found if one.calls), History())


def answering(ledger: Ledger, campaign: Campaign) -> float:
    """
    Seconds from the claim of a call to its answer, the median of the latest; 0 if there is none.

    A lane makes no other call meanwhile, so this and their number limit the pace, too.
    """
    found = (_answers(ledger, one) for one in _of_agent(ledger, campaign))
    return next((statistics.median(some) for some in found if some), 0.0)


def _of_agent(ledger: Ledger, campaign: Campaign) -> Sequence[Campaign]:
    """The campaign, then others of its agent at the same service, the latest first."""
    others = (
        one
        for one in ledger.find(agent=campaign.agent)
        if one.service == campaign.service and one.id != campaign.id
    )
    return (campaign, *others)[:_LATEST_CAMPAIGNS]


def _answers(ledger: Ledger, campaign: Campaign) -> list[float]:
    query = (
        sa.select(attempts.c.claimed_at, attempts.c.settled_at)
        .where(attempts.c.campaign_id == campaign.id)
        .order_by(attempts.c.claimed_at.desc())
        .limit(_LATEST_ANSWERS)
    )
    with ledger.reading() as connection:
        return [
            max(0.0, (row.settled_at - row.claimed_at).total_seconds())
            for row in connection.execute(query)
            if row.settled_at is not None
        ]


def _lately(ledger: Ledger, campaign: Campaign) -> History:
    latest = (
        sa.select(attempts.c.outcome, _SECONDS.label("seconds"), _BILLED.label("minutes"))
        .where(attempts.c.campaign_id == campaign.id)
        .order_by(attempts.c.claimed_at.desc())
        .limit(_LATEST_CALLS)
        .subquery()
    )
    query = sa.select(sa.func.count(), _sum(latest.c.seconds), _sum(latest.c.minutes)).where(
        latest.c.outcome.is_not(None), latest.c.seconds.is_not(None)
    )
    with ledger.reading() as connection:
        return History(*map(int, connection.execute(query).one()))


def _sum(what: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(sa.func.sum(what), 0)
