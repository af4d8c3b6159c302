"""What a campaign has used of its budget, and how long its calls are."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from batchdial.ledger import spending
from batchdial.ledger.schema import attempts
from batchdial.ledger.spending import RINGING, answering, history, used
from batchdial.models import CallStatus, Settlement
from batchdial.rules.budget import History, Used
from tests.ledger.bench import NUMBERS, SqlBench, contact, pending
from tests.ledger.test_contract import ACCEPTED, LOST, REFUSED, claimed_from

if TYPE_CHECKING:
    from batchdial.models import Campaign

LONGEST = 10


async def dial(bench: SqlBench, *ends: Settlement | None) -> None:
    """A call for each, a minute apart; None leaves it in flight."""
    journal = bench.run(CallStatus.PENDING)
    for end in ends:
        claimed = await claimed_from(journal)
        if end is not None:
            await journal.settle(claimed, end)
        bench.clock.move(60)
    await journal.close()


def tell(bench: SqlBench, nth: int, outcome: str | None, length: int | None = None) -> None:
    """Let the service say what the nth call came to."""
    with bench.ledger.writing() as connection:
        ids = connection.execute(sa.select(attempts.c.row_id).order_by(attempts.c.row_id)).scalars()
        connection.execute(
            sa.update(attempts)
            .where(attempts.c.row_id == list(ids)[nth - 1])
            .values(outcome=outcome, call_length=length)
        )


def used_now(bench: SqlBench, **later: Any) -> Used:
    """What is used at the clock's time, or so much later."""
    campaign = bench.ledger.find("leads")[0]
    return used(bench.ledger, campaign, LONGEST, bench.clock.moment + timedelta(**later))


async def test_nothing_yet(sql_bench: SqlBench) -> None:
    """A campaign without a call has used nothing, and knows no lengths."""
    sql_bench.begin(pending(2))
    assert used_now(sql_bench) == Used()
    assert history(sql_bench.ledger, sql_bench.campaign) == History()


async def test_calls_in_every_state(sql_bench: SqlBench) -> None:
    """Refused ones cost nothing, lost ones the longest; the others are open until it is known."""
    sql_bench.begin(pending(7))
    stopped = Settlement(CallStatus.PENDING, "payment_required", http_status=402, stop=True)
    await dial(sql_bench, ACCEPTED, REFUSED, LOST, ACCEPTED, ACCEPTED, stopped, None)
    assert used_now(sql_bench) == Used(calls=5, minutes=LONGEST, open=4, asked=1)
    tell(sql_bench, 1, "pickedUp", 61)
    tell(sql_bench, 4, "unanswered")
    assert used_now(sql_bench) == Used(calls=5, minutes=LONGEST + 2, open=2, asked=1)
    assert history(sql_bench.ledger, sql_bench.campaign) == History(2, 61, 2)


@pytest.mark.parametrize(
    ("outcome", "length", "minutes"),
    [
        ("pickedUp", 0, 0),
        ("pickedUp", 1, 1),
        ("voicemail", 60, 1),
        ("ivr", 61, 2),
        ("pickedUp", None, LONGEST),
        ("disconnected", None, LONGEST),
        ("unknown", None, LONGEST),
        ("unanswered", None, 0),
        ("failed", None, 0),
        ("unanswered", 30, 1),
    ],
)
async def test_minutes_of_a_call_that_is_over(
    outcome: str, length: int | None, minutes: int, sql_bench: SqlBench
) -> None:
    """Every minute that was begun; the longest where somebody may have spoken for so long."""
    sql_bench.begin(pending(1))
    await dial(sql_bench, ACCEPTED)
    tell(sql_bench, 1, outcome, length)
    assert used_now(sql_bench) == Used(calls=1, minutes=minutes)
    is_known = length is not None or outcome in ("unanswered", "failed")
    assert history(sql_bench.ledger, sql_bench.campaign).calls == int(is_known)


async def test_no_call_goes_on_for_ever(sql_bench: SqlBench) -> None:
    """When the service must have ended it, it counts at its longest and is not waited for."""
    sql_bench.begin(pending(1))
    await dial(sql_bench, ACCEPTED)
    last = timedelta(minutes=LONGEST - 1) + RINGING  # a minute has passed since it was claimed
    assert used_now(sql_bench, seconds=last.total_seconds() - 1) == Used(calls=1, open=1)
    over = used_now(sql_bench, seconds=last.total_seconds())
    assert over == Used(calls=1, minutes=LONGEST)


async def test_again_begins_with_the_whole_budget(sql_bench: SqlBench) -> None:
    """Whoever lets a campaign call everybody again has it begin again."""
    sql_bench.begin(pending(1))
    await dial(sql_bench, ACCEPTED)
    sql_bench.ledger.again(sql_bench.acquire())
    assert used_now(sql_bench) == Used()


async def test_calls_of_others(sql_bench: SqlBench) -> None:
    """Neither another campaign's calls count, nor those that a results file brought along."""
    sql_bench.begin([contact(2, NUMBERS[0], CallStatus.SUCCESS), contact(3, NUMBERS[1])])
    assert used_now(sql_bench) == Used()
    other = sql_bench.new_campaign("other")
    sql_bench.add_list(sql_bench.acquire(other), pending(1), "other.csv")
    assert used(sql_bench.ledger, other, LONGEST, sql_bench.clock.moment) == Used()


async def test_a_new_campaign_learns_from_the_agent(sql_bench: SqlBench) -> None:
    """Another agent's calls say nothing, nor do those through another service."""
    sql_bench.begin(pending(1))
    await dial(sql_bench, ACCEPTED)
    tell(sql_bench, 1, "pickedUp", 90)
    ledger, now = sql_bench.ledger, sql_bench.clock.moment

    def campaign(name: str, agent: str, service: str) -> Campaign:
        return ledger.campaign(name, agent, service, now)

    mine = sql_bench.campaign
    assert history(ledger, campaign("b", mine.agent, mine.service)) == History(1, 90, 2)
    assert history(ledger, campaign("c", "ag_9", mine.service)) == History()
    assert history(ledger, campaign("d", mine.agent, "https://else.test")) == History()


async def test_how_long_the_service_takes_to_answer(sql_bench: SqlBench) -> None:
    """The median from claim to answer, also of another campaign of the agent's."""
    sql_bench.begin(pending(4))
    assert answering(sql_bench.ledger, sql_bench.campaign) == 0
    journal = sql_bench.run(CallStatus.PENDING)
    for seconds in (1, 2, 90):
        claimed = await claimed_from(journal)
        sql_bench.clock.move(seconds)
        await journal.settle(claimed, REFUSED)
    await claimed_from(journal)
    await journal.close()
    assert answering(sql_bench.ledger, sql_bench.campaign) == pytest.approx(2)
    assert answering(sql_bench.ledger, sql_bench.new_campaign("other")) == pytest.approx(2)


async def test_only_the_latest_calls(sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Years of calls are not read, and what was said lately counts."""
    monkeypatch.setattr(spending, "_LATEST_CALLS", 1)
    sql_bench.begin(pending(2))
    await dial(sql_bench, ACCEPTED, ACCEPTED)
    tell(sql_bench, 1, "pickedUp", 600)
    tell(sql_bench, 2, "pickedUp", 30)
    assert history(sql_bench.ledger, sql_bench.campaign) == History(1, 30, 1)
