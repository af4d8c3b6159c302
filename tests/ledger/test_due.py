"""When rows whose call reached nobody may be called again, and what their detail says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from batchdial.ledger import due as dues
from batchdial.ledger.due import expire, forget_due, set_due
from batchdial.ledger.outcomes import Outcomes
from batchdial.ledger.schema import attempts, bases, refusals, rows
from batchdial.models import CallStatus
from batchdial.rules.again import Redial, parse_delays
from batchdial.rules.outcomes import CallState
from tests.ledger.bench import NUMBERS, after, contact, pending
from tests.ledger.test_contract import ACCEPTED, THROTTLED, claimed_from

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from tests.ledger.bench import SqlBench

REDIAL = Redial(frozenset({"voicemail", "unanswered"}), parse_delays("30m,2h"))
ENDED = datetime(2027, 1, 15, 12, tzinfo=UTC)
DUE = ENDED + timedelta(minutes=30)


def nowhere(list_id: int, e164: str, cells: Sequence[str]) -> Sequence[str]:  # noqa: ARG001
    """Nobody knows."""
    return ()


async def dial(bench: SqlBench, list_id: int | None = None) -> None:
    """Call whoever is pending; the callIds are call_2, call_3 … by row."""
    journal = bench.journal(bench.acquire(), list_id or bench.list_id)
    while (claimed := await journal.claim()) is not None:
        await journal.settle(claimed, replace(ACCEPTED, call_id=f"call_{claimed.row}"))
    await journal.close()


def tell(bench: SqlBench, outcome: str, *call_ids: str, at: datetime | None = ENDED) -> None:
    """Let the service say what calls came to."""
    said = [CallState(one, outcome, completed_at=at) for one in call_ids]
    Outcomes(bench.ledger, bench.campaign).record(said)


async def call_again(bench: SqlBench, call_id: str) -> None:
    """Call the one row that is due."""
    lease = bench.acquire()
    journal = bench.journal(lease, bench.list_id, due=[bench.list_id])
    await journal.settle(await claimed_from(journal), replace(ACCEPTED, call_id=call_id))
    await journal.close()


def make_due(bench: SqlBench, call_ids: Sequence[str] | None = None) -> int:
    """How many rows were given a time."""
    return set_due(bench.ledger, bench.campaign, REDIAL, nowhere, call_ids)


def due(bench: SqlBench, list_id: int | None = None) -> list[datetime | None]:
    """When each row may be called again."""
    query = sa.select(rows.c.due_at).where(rows.c.list_id == (list_id or bench.list_id))
    with bench.ledger.reading() as connection:
        return list(connection.execute(query.order_by(rows.c.id)).scalars())


def details(bench: SqlBench) -> list[str]:
    """What each row says."""
    return [row.verdict.detail for row in bench.standing()]


async def test_a_call_that_reached_nobody_is_made_again(sql_bench: SqlBench) -> None:
    """So long after its end as the rules say; whoever was reached, or goes on, is left alone."""
    sql_bench.begin(pending(4))
    await dial(sql_bench)
    tell(sql_bench, "voicemail", "call_2")
    tell(sql_bench, "pickedUp", "call_3")
    tell(sql_bench, "ivr", "call_4")
    with sql_bench.ledger.writing() as connection:
        connection.execute(sa.update(rows).values(detail="Said before."))
    assert make_due(sql_bench) == 1
    assert due(sql_bench) == [DUE, None, None, None]
    assert details(sql_bench) == [
        "Called once: voicemail at 2027-01-15 08:00 (UTC). Called again from 2027-01-15 12:30.",
        "Said before.",
        "Said before.",
        "Said before.",
    ]


async def test_each_call_counts_and_the_last_one_tells_its_end(sql_bench: SqlBench) -> None:
    """Attempts that called nobody do not count; after the last delay nobody is called again."""
    sql_bench.begin(pending(1))
    journal = sql_bench.run()
    claimed = await claimed_from(journal)
    await journal.settle(claimed, THROTTLED)
    again = await journal.claim_again(claimed)
    assert again is not None
    await journal.settle(again, replace(ACCEPTED, call_id="first"))
    await journal.close()
    for number, call_id, delay in ((1, "first", 30), (2, "second", 120), (3, "third", None)):
        end = ENDED + timedelta(hours=number)
        tell(sql_bench, "unanswered", call_id, at=end)
        expected = None if delay is None else end + timedelta(minutes=delay)
        assert make_due(sql_bench) == (expected is not None)
        assert due(sql_bench) == [expected]
        sql_bench.clock.now = (end + timedelta(minutes=125)).timestamp()
        if number == 2:  # a ledger that has lost what the first came to
            with sql_bench.ledger.writing() as connection:
                this = sa.update(attempts).where(attempts.c.call_id == "first")
                connection.execute(this.values(outcome=None))
        if number < 3:
            await call_again(sql_bench, "second" if number == 1 else "third")
    (detail,) = details(sql_bench)
    assert detail == (
        "Called 3 times: not told at 2027-01-15 08:00, unanswered at 2027-01-15 15:05, "
        "unanswered at 2027-01-15 16:05 (UTC)."
    )


@pytest.mark.parametrize(("settled", "seconds"), [(True, 20), (False, 10)])
async def test_the_end_of_a_call_that_the_service_did_not_date(
    sql_bench: SqlBench, seconds: int, *, settled: bool
) -> None:
    """It is taken to have ended when its answer came, else when it was claimed."""
    sql_bench.begin(pending(1))
    sql_bench.clock.move(10)
    begun = sql_bench.clock.moment
    journal = sql_bench.run()
    claimed = await claimed_from(journal)
    sql_bench.clock.move(10)
    await journal.settle(claimed, ACCEPTED)
    await journal.close()
    if not settled:
        with sql_bench.ledger.writing() as connection:
            connection.execute(sa.update(attempts).values(settled_at=None))
    tell(sql_bench, "voicemail", "call_1", at=None)
    make_due(sql_bench)
    assert due(sql_bench) == [after(begun, 1_800 + seconds - 10)]


async def test_a_day_is_that_of_the_person(sql_bench: SqlBench) -> None:
    """Where the row says that they are."""
    asked: list[tuple[int, str, tuple[str, ...]]] = []

    def zones(list_id: int, e164: str, cells: Sequence[str]) -> Sequence[str]:
        asked.append((list_id, e164, tuple(cells)))
        return ["America/New_York", "UTC"]

    sql_bench.begin(pending(1))
    await dial(sql_bench)
    tell(sql_bench, "voicemail", "call_2")
    tomorrow = Redial(frozenset({"voicemail"}), parse_delays("1d@10:00"))
    assert set_due(sql_bench.ledger, sql_bench.campaign, tomorrow, zones) == 1
    assert due(sql_bench) == [datetime(2027, 1, 16, 15, tzinfo=UTC)]
    assert asked == [(sql_bench.list_id, NUMBERS[0], ("name 2", NUMBERS[0]))]


async def test_only_calls_that_are_asked_about_are_looked_at(sql_bench: SqlBench) -> None:
    """None at all is not the same as all."""
    sql_bench.begin(pending(3))
    await dial(sql_bench)
    tell(sql_bench, "voicemail", "call_2", "call_3", "call_4")
    assert make_due(sql_bench, []) == 0
    assert make_due(sql_bench, ["call_3"]) == 1
    assert due(sql_bench) == [None, DUE, None]


async def test_more_rows_than_one_transaction_looks_at(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is left out, and it comes to an end where rows are given no time."""
    monkeypatch.setattr(dues, "PAGE", 2)
    sql_bench.begin(pending(5))
    await dial(sql_bench)
    tell(sql_bench, "voicemail", *(f"call_{row}" for row in range(2, 7)))
    nobody = Redial(frozenset({"voicemail"}), ())
    assert set_due(sql_bench.ledger, sql_bench.campaign, nobody, nowhere) == 0
    assert make_due(sql_bench) == 5
    assert due(sql_bench) == [DUE] * 5


async def test_rows_that_came_later_into_an_earlier_list(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They do not keep those of another list from being looked at."""
    monkeypatch.setattr(dues, "PAGE", 3)
    sql_bench.begin(pending(2))
    more = [contact(row, NUMBERS[row - 2]) for row in (4, 5)]
    other = sql_bench.add_list(sql_bench.acquire(), more, "more.csv")
    sql_bench.add_rows(sql_bench.list_id, [contact(6, NUMBERS[4])])
    for list_id in (sql_bench.list_id, other):
        await dial(sql_bench, list_id)
    tell(sql_bench, "voicemail", *(f"call_{row}" for row in range(2, 7)))
    assert make_due(sql_bench) == 5
    assert due(sql_bench) + due(sql_bench, other) == [DUE] * 5


async def test_a_time_that_was_set_stays(sql_bench: SqlBench) -> None:
    """Also one that calling hours have put off."""
    sql_bench.begin(pending(2))
    await dial(sql_bench)
    tell(sql_bench, "voicemail", "call_2", "call_3")
    later = DUE + timedelta(days=1)
    with sql_bench.ledger.writing() as connection:
        connection.execute(sa.update(rows).where(rows.c.row == 2).values(due_at=later))
    assert make_due(sql_bench) == 1
    assert due(sql_bench) == [later, DUE]


async def test_a_row_that_was_refused_since_its_call_stays_as_it_is(sql_bench: SqlBench) -> None:
    """A refusal before the call, or of another row, says nothing of it."""
    sql_bench.begin(pending(3))
    await dial(sql_bench)
    tell(sql_bench, "voicemail", "call_2", "call_3", "call_4")
    moment = sql_bench.clock.moment
    with sql_bench.ledger.writing() as connection:
        ids = connection.execute(sa.select(rows.c.id).order_by(rows.c.id)).scalars().all()
        basis = {"campaign_id": sql_bench.campaign.id, "decided_from": moment, "content": "{}"}
        said = {"reason": "dnc_list", "evidence": ""}
        told = connection.execute(sa.insert(bases).values(basis).returning(bases.c.id)).scalar_one()
        for row_id, seconds in ((ids[0], 60), (ids[1], -60)):
            at = after(moment, seconds)
            one = {**said, "row_id": row_id, "decided_at": at, "basis_id": told}
            connection.execute(sa.insert(refusals).values(one))
    assert make_due(sql_bench) == 2
    assert due(sql_bench) == [None, DUE, DUE]


async def test_only_lists_of_today_and_of_this_campaign(sql_bench: SqlBench) -> None:
    """A replaced edition, and what another campaign called, are left alone."""
    sql_bench.begin(pending(1))
    await dial(sql_bench)
    other = sql_bench.new_campaign("renewals")
    other_list = sql_bench.add_list(sql_bench.acquire(other), [contact(3, NUMBERS[1])])
    elsewhere = sql_bench.journal(sql_bench.acquire(other), other_list)
    claimed = await claimed_from(elsewhere)
    await elsewhere.settle(claimed, replace(ACCEPTED, call_id="call_3"))
    await elsewhere.close()
    retired = sql_bench.list_id
    sql_bench.list_id = sql_bench.add_list(
        sql_bench.acquire(), [contact(4, NUMBERS[2])], replaces="leads.csv"
    )
    await dial(sql_bench)
    tell(sql_bench, "voicemail", "call_2", "call_4")
    Outcomes(sql_bench.ledger, other).record([CallState("call_3", "voicemail", completed_at=ENDED)])
    assert make_due(sql_bench) == 1
    assert due(sql_bench) == [DUE]
    assert due(sql_bench, retired) == due(sql_bench, other_list) == [None]


async def test_a_row_of_which_the_ledger_has_no_call_is_left_alone(sql_bench: SqlBench) -> None:
    """Nobody knows when it was called."""
    sql_bench.begin([contact(2, NUMBERS[0], CallStatus.SUCCESS), *pending(2)[1:]])
    await dial(sql_bench)
    tell(sql_bench, "voicemail", "call_3")
    with sql_bench.ledger.writing() as connection:
        connection.execute(sa.delete(attempts).where(attempts.c.e164 == NUMBERS[0]))
        connection.execute(sa.update(rows).values(outcome="voicemail"))
    assert make_due(sql_bench) == 1
    assert due(sql_bench) == [None, DUE]


@pytest.mark.parametrize("meanwhile", [False, True])
async def test_a_row_that_is_called_is_left_alone(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch, *, meanwhile: bool
) -> None:
    """Its time would outlive the call, whatever that comes to; also between look and word."""
    sql_bench.begin(pending(2))
    await dial(sql_bench)
    tell(sql_bench, "voicemail", "call_2", "call_3")
    writing = sql_bench.ledger.writing

    def claim() -> None:
        with writing() as connection:
            this = sa.update(rows).where(rows.c.row == 2)
            connection.execute(this.values(status=CallStatus.DIALING))

    def late() -> AbstractContextManager[sa.Connection]:
        claim()
        return writing()

    if meanwhile:
        monkeypatch.setattr(sql_bench.ledger, "writing", late)
    else:
        claim()
    make_due(sql_bench)
    assert due(sql_bench) == [None, DUE]


async def test_nobody_is_due_where_the_rules_do_not_say_so(sql_bench: SqlBench) -> None:
    """Of these lists; others keep their times."""
    sql_bench.begin(pending(1))
    kept = sql_bench.add_list(sql_bench.acquire(), [contact(3, NUMBERS[1])], "more.csv")
    await dial(sql_bench)
    await dial(sql_bench, kept)
    tell(sql_bench, "voicemail", "call_2", "call_3")
    assert make_due(sql_bench) == 2
    forget_due(sql_bench.ledger, [sql_bench.list_id])
    assert due(sql_bench) == [None]
    assert due(sql_bench, kept) == [DUE]


async def test_what_waits_expires(sql_bench: SqlBench) -> None:
    """Rows that were not called, and the wait of those that were; other lists go on."""
    failed = contact(4, NUMBERS[3], CallStatus.FAILED)
    sql_bench.begin([contact(2, NUMBERS[0])])
    kept = sql_bench.add_list(sql_bench.acquire(), [contact(3, NUMBERS[1])], "more.csv")
    await dial(sql_bench)
    tell(sql_bench, "voicemail", "call_2")
    make_due(sql_bench)
    late = [failed, contact(5, NUMBERS[2]), contact(6, NUMBERS[4])]
    sql_bench.add_rows(sql_bench.list_id, late)
    assert expire(sql_bench.ledger, [sql_bench.list_id], "over", "Its end came first.") == 2
    assert due(sql_bench) == [None] * 4
    assert [
        (row.verdict.status, row.verdict.reason, row.verdict.detail) for row in sql_bench.standing()
    ][1:] == [
        (CallStatus.FAILED, "", ""),
        (CallStatus.EXPIRED, "over", "Its end came first."),
        (CallStatus.EXPIRED, "over", "Its end came first."),
    ]
    assert [one.verdict.status for one in sql_bench.lists.contacts(kept)] == [CallStatus.PENDING]
