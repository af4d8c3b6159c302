"""What calls came to, as each kind of ledger keeps it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from batchdial.ledger.export import pages
from batchdial.ledger.outcomes import Outcomes
from batchdial.ledger.schema import attempts, rows
from batchdial.models import CallStatus, Settlement
from batchdial.rules.outcomes import NO_SUCH_CALL, UNTOLD, CallState, untold
from tests.ledger.bench import NUMBERS, contact, pending

if TYPE_CHECKING:
    from tests.ledger.bench import SqlBench

ENDED = CallState("call_2", "pickedUp", 62, None, datetime(2026, 11, 22, 14, tzinfo=UTC))
RECORDED = replace(ENDED, recording_url="https://recordings.example.com/2.mp3")


async def dial(bench: SqlBench, number: int = 3) -> Outcomes:
    """A campaign whose rows 2, 3 … were called; their callIds are call_2, call_3 …"""
    bench.begin(pending(number))
    journal = bench.run()
    while (claimed := await journal.claim()) is not None:
        bench.clock.move(1)
        settlement = Settlement(CallStatus.SUCCESS, call_id=f"call_{claimed.row}")
        await journal.settle(claimed, settlement)
    await journal.close()
    return Outcomes(bench.ledger, bench.campaign)


def kept(bench: SqlBench, table: sa.Table, call_id: str = "call_2") -> tuple[Any, ...]:
    """What stands of one call in the attempts or the rows."""
    names = ("outcome", "call_length", "recording_url", "reason")
    query = sa.select(*(table.c[name] for name in names)).where(table.c.call_id == call_id)
    with bench.ledger.reading() as connection:
        return tuple(connection.execute(query).one())


async def test_open_calls_are_told_oldest_first(sql_bench: SqlBench) -> None:
    """With the place of their row; one that is completed is open no more."""
    outcomes = await dial(sql_bench)
    assert [(one.call_id, one.row, one.list_name) for one in outcomes.open()] == [
        ("call_2", 2, "leads.csv"),
        ("call_3", 3, "leads.csv"),
        ("call_4", 4, "leads.csv"),
    ]
    assert outcomes.record([ENDED]) == 1
    assert [one.call_id for one in outcomes.open()] == ["call_3", "call_4"]
    assert [one.outcome for one in outcomes.placed()] == ["pickedUp", None, None]
    assert outcomes.counts() == {"pickedUp": 1, None: 2}


async def test_attempts_and_rows_have_it(sql_bench: SqlBench) -> None:
    """Of many calls in one go; whoever goes on elsewhere, or does not go on, is left alone."""
    outcomes = await dial(sql_bench)
    others = CallState("call_9", "ivr"), CallState("call_3")
    assert outcomes.record([RECORDED, CallState("call_4", "failed", 0), *others]) == 2
    for table in (attempts, rows):
        assert kept(sql_bench, table) == ("pickedUp", 62, RECORDED.recording_url, "")
        assert kept(sql_bench, table, "call_3") == (None, None, None, "")
        assert kept(sql_bench, table, "call_4") == ("failed", 0, None, "")


async def test_results_have_it(sql_bench: SqlBench) -> None:
    """As the last columns of a row, empty where nothing is known."""
    outcomes = await dial(sql_bench, 2)
    outcomes.record([RECORDED])
    ((_, page),) = pages(sql_bench.ledger, sql_bench.list_id, "leads")
    first, second = page.decode().splitlines()
    assert first.endswith(f",2,pickedUp,62,{RECORDED.recording_url}")
    assert second.endswith(",3,,,")


async def test_what_was_said_first_stays(sql_bench: SqlBench) -> None:
    """A recording that comes later is added; another outcome is not believed."""
    outcomes = await dial(sql_bench)
    assert outcomes.record([ENDED]) == 1
    assert outcomes.record([replace(RECORDED, outcome="failed", call_length=1)]) == 0
    for table in (attempts, rows):
        assert kept(sql_bench, table) == ("pickedUp", 62, RECORDED.recording_url, "")
    assert outcomes.record([replace(ENDED, recording_url="https://example.com/other")]) == 0
    assert kept(sql_bench, rows)[2] == RECORDED.recording_url


async def test_a_call_that_was_given_up_may_still_be_told(sql_bench: SqlBench) -> None:
    """The reason goes with the outcome `unknown`, and with it only."""
    outcomes = await dial(sql_bench)
    outcomes.record([untold("call_2", NO_SUCH_CALL)])
    for table in (attempts, rows):
        assert kept(sql_bench, table) == (UNTOLD, None, None, NO_SUCH_CALL)
    outcomes.record([ENDED])
    for table in (attempts, rows):
        assert kept(sql_bench, table) == ("pickedUp", 62, None, "")


async def test_a_reason_that_stands_there_stays(sql_bench: SqlBench) -> None:
    """A row that a call log settled keeps saying so."""
    outcomes = await dial(sql_bench)
    with sql_bench.ledger.writing() as connection:
        for table in (attempts, rows):
            connection.execute(sa.update(table).values(reason="reconciled"))
    outcomes.record([untold("call_2", NO_SUCH_CALL)])
    outcomes.record([ENDED])
    assert kept(sql_bench, rows) == ("pickedUp", 62, None, "reconciled")


async def test_a_row_that_was_dialled_again_is_left_alone(sql_bench: SqlBench) -> None:
    """Only the last attempt speaks for its row."""
    outcomes = await dial(sql_bench, 1)
    with sql_bench.ledger.writing() as connection:
        connection.execute(sa.update(rows).values(attempts=2))
    assert outcomes.record([ENDED]) == 1
    assert kept(sql_bench, attempts)[0] == "pickedUp"
    assert kept(sql_bench, rows)[0] is None


async def test_a_row_of_a_later_edition(sql_bench: SqlBench) -> None:
    """A call that a log settled may have been dialled from an edition that has retired."""
    outcomes = await dial(sql_bench, 1)
    settled = replace(contact(2, NUMBERS[0], CallStatus.SUCCESS), call_id="call_2", attempts=1)
    sql_bench.add_list(sql_bench.acquire(), [settled], replaces="leads.csv")
    assert outcomes.record([ENDED]) == 1
    query = sa.select(rows.c.outcome).order_by(rows.c.id)
    with sql_bench.ledger.reading() as connection:
        assert connection.execute(query).scalars().all() == ["pickedUp", "pickedUp"]


async def test_another_campaigns_calls_are_not_ours(sql_bench: SqlBench) -> None:
    """Even of the same callId."""
    await dial(sql_bench, 1)
    other = Outcomes(sql_bench.ledger, sql_bench.new_campaign("other"))
    assert other.record([ENDED]) == 0
    assert (other.open(), other.placed(), other.counts()) == ([], [], {})
    assert kept(sql_bench, attempts)[0] is None


@pytest.mark.parametrize("number", [1_201])
async def test_many_at_once(sql_bench: SqlBench, number: int) -> None:
    """More than one query may be given."""
    outcomes = await dial(sql_bench, 100)
    told = [CallState(f"call_{row}", "ivr") for row in range(2, 2 + number)]
    assert outcomes.record(told) == 100
    assert outcomes.open() == []


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
async def test_open_calls_are_found_along_their_index(sql_bench: SqlBench) -> None:
    """However many calls a campaign made, only those that go on are read."""
    outcomes = await dial(sql_bench)
    plans = []

    def explain(connection: Any, _cursor: Any, text: str, given: Any, *_: Any) -> None:
        if text.startswith("SELECT attempts"):
            plan = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {text}", given)
            plans.append(" ".join(row[3] for row in plan))

    sa.event.listen(sql_bench.ledger._engine, "before_cursor_execute", explain)
    outcomes.open()
    outcomes.record([ENDED])
    assert len(plans) == 2
    assert all("ix_attempts_going_on" in plan for plan in plans)
