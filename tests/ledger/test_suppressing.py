"""Whom no campaign may call, and whom one called lately, in both kinds of database."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from batchdial.ledger.schema import attempts, rows
from batchdial.ledger.suppressing import (
    Suppression,
    all_suppressed,
    allow,
    called_since,
    suppress,
    suppressed,
)
from batchdial.models import CallStatus, Settlement
from batchdial.rules.suppression import PastCall
from tests.ledger.bench import NUMBERS, pending

if TYPE_CHECKING:
    from tests.ledger.bench import SqlBench

DAY = timedelta(days=1)


def test_added_listed_removed(sql_bench: SqlBench) -> None:
    """What is added is found until it is removed, and each change says what it changed."""
    ledger, now = sql_bench.ledger, sql_bench.clock.moment
    assert suppress(ledger, NUMBERS[:3], "by phone", now) == (3, 0)
    assert suppress(ledger, NUMBERS[2:4], "", now + DAY) == (1, 1)
    assert suppress(ledger, NUMBERS[:1], "by letter", now + DAY) == (0, 1)
    assert list(all_suppressed(ledger)) == [
        Suppression(NUMBERS[0], now, "by letter"),
        Suppression(NUMBERS[1], now, "by phone"),
        Suppression(NUMBERS[2], now, "by phone"),
        Suppression(NUMBERS[3], now + DAY, ""),
    ]
    assert allow(ledger, [NUMBERS[0], NUMBERS[9]]) == [NUMBERS[9]]
    assert [one.e164 for one in all_suppressed(ledger)] == list(NUMBERS[1:4])


def test_many_numbers_are_asked_about(sql_bench: SqlBench) -> None:
    """However many are asked about, each is answered, and no other."""
    ledger, now = sql_bench.ledger, sql_bench.clock.moment
    suppress(ledger, NUMBERS[::2], "", now)
    for several in (0, 1, 31, 32, 33, 64, 100):
        with ledger.reading() as connection:
            found = suppressed(connection, NUMBERS[:several])
        assert found == dict.fromkeys(NUMBERS[:several:2], now)


def test_the_same_number_twice(sql_bench: SqlBench) -> None:
    """It is added once."""
    assert suppress(sql_bench.ledger, [*NUMBERS[:1], *NUMBERS[:1]], "", sql_bench.clock.moment) == (
        1,
        0,
    )


@pytest.mark.parametrize(
    ("settlement", "counts"),
    [
        (None, True),
        (Settlement(CallStatus.SUCCESS, call_id="c1"), True),
        (Settlement(CallStatus.UNKNOWN, reason="answer_lost"), True),
        (Settlement(CallStatus.FAILED, reason="not_connected"), False),
    ],
    ids=["on its way", "success", "unknown", "failed"],
)
async def test_which_calls_count(
    sql_bench: SqlBench, settlement: Settlement | None, counts: bool
) -> None:
    """A call counts from its claim, unless it certainly rang nobody; by whichever campaign."""
    bench = sql_bench
    bench.begin(pending(1))
    journal = bench.run()
    claimed = await journal.claim()
    assert claimed is not None
    at = bench.clock.moment
    if settlement is not None:
        await journal.settle(claimed, settlement)
    await journal.close()
    e164 = claimed.e164
    with bench.ledger.reading() as connection:
        found = called_since(connection, [e164, "+12025550999"], at - DAY)
        late = called_since(connection, [e164], at)
    assert late == {}
    campaign = bench.campaign
    assert found == ({e164: [PastCall(at, campaign.name, campaign.id)]} if counts else {})


def test_a_waived_call_and_several_campaigns(sql_bench: SqlBench) -> None:
    """A call that a person let happen again rang all the same; calls are told in their order."""
    bench = sql_bench
    now = bench.clock.moment
    bench.begin(pending(1))
    other = bench.new_campaign("renewals")
    ids = {"leads": bench.campaign.id, "renewals": other.id}
    made = [("renewals", 30, None), ("leads", 20, now), ("renewals", 10, None), ("leads", 1, None)]
    with bench.ledger.writing() as connection:
        row_id = connection.execute(sa.select(rows.c.id)).scalar_one()
        connection.execute(
            sa.insert(attempts),
            [
                {
                    "row_id": row_id,
                    "nth": nth,
                    "campaign_id": ids[name],
                    "generation": nth,
                    "e164": NUMBERS[0],
                    "status": CallStatus.UNKNOWN,
                    "claimed_at": now - hours * timedelta(hours=1),
                    "waived_at": waived,
                }
                for nth, (name, hours, waived) in enumerate(made, 1)
            ],
        )
        found = called_since(connection, NUMBERS, now - DAY)
    assert [(call.campaign, now - call.at) for call in found[NUMBERS[0]]] == [
        ("leads", timedelta(hours=20)),
        ("renewals", timedelta(hours=10)),
        ("leads", timedelta(hours=1)),
    ]


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
def test_the_question_walks_an_index(sql_bench: SqlBench) -> None:
    """A ledger of ten million calls is not read for one number."""
    with sql_bench.ledger.reading() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT 1 FROM attempts WHERE e164 IN ('+1', '+2') "
            "AND claimed_at > '2026' AND attempts.status IN ('dialing', 'success', 'unknown')"
        ).all()
    assert "ix_attempts_e164_claimed_at" in plan[0][-1]
