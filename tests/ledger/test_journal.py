"""What only a database can promise: durability, groups, two processes, two campaigns."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import sqlalchemy as sa

from batchdial.errors import CampaignBusyError, LedgerAwayError, LedgerError
from batchdial.ledger import journal as journals
from batchdial.ledger.journal import Journal
from batchdial.ledger.ledger import LEASE, Ledger
from batchdial.ledger.lists import Pick
from batchdial.ledger.schema import attempts
from batchdial.models import CallStatus, Settlement
from tests.ledger.bench import NUMBERS, SPACING, Clock, SqlBench, after, contact, here, pending
from tests.ledger.test_contract import ACCEPTED, LOST, REFUSED, THROTTLED, claimed_from

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
PENDING = CallStatus.PENDING


def seen_from_outside(where: str) -> list[str]:
    """Status of every row, by a connection that has nothing to do with the ledger's."""
    query = "SELECT status FROM rows ORDER BY id"
    if "://" in where:
        with psycopg.connect(where) as server:
            return [status for (status,) in server.execute(query)]
    script = (
        "import sqlite3, sys\n"
        f"for row in sqlite3.connect(sys.argv[1]).execute({query!r}): print(row[0])"
    )
    told = subprocess.run([sys.executable, "-c", script, where], capture_output=True, check=True)
    return told.stdout.decode().split()


def attempts_of(where: str) -> list[tuple[str, str]]:
    """Number and status of every attempt, by another connection."""
    query = "SELECT e164, status FROM attempts ORDER BY row_id, nth"
    if "://" in where:
        with psycopg.connect(where) as server:
            return list(server.execute(query))
    with sqlite3.connect(where) as file:
        found: list[tuple[str, str]] = file.execute(query).fetchall()
    file.close()
    return found


async def test_a_claim_is_durable_before_it_is_told(sql_bench: SqlBench) -> None:
    """Another process sees the row as `dialing` before the first byte can leave."""
    sql_bench.begin(pending(3))
    journal = sql_bench.run()
    claims = await asyncio.gather(journal.claim(), journal.claim())
    assert seen_from_outside(sql_bench.where) == ["dialing", "dialing", "pending"]
    assert attempts_of(sql_bench.where) == [(NUMBERS[0], "dialing"), (NUMBERS[1], "dialing")]
    assert claims[0] is not None
    assert claims[0].list_id == sql_bench.list_id
    await journal.settle(claims[0], ACCEPTED)
    assert seen_from_outside(sql_bench.where) == ["success", "dialing", "pending"]
    await journal.close()


class Commits:
    """Counts a ledger's write transactions, and makes chosen ones fail or wait."""

    away = 0  #: how many more find the database out of reach

    def __init__(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.fail = False
        self.gate = threading.Event()
        self.gate.set()
        self.begun = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._original = ledger.writing
        monkeypatch.setattr(ledger, "writing", self.writing)

    def writing(self) -> AbstractContextManager[object]:
        """In place of `Ledger.writing`."""

        @contextmanager
        def transaction() -> Iterator[object]:
            with self._original() as connection:
                self.count += 1
                if self.away:
                    self.away -= 1
                    raise LedgerAwayError("The connection is lost.")
                self._loop.call_soon_threadsafe(self.begun.set)
                self.gate.wait()
                yield connection
                if self.fail:
                    raise LedgerError("The disk is full.")

        return transaction()


async def test_operations_that_come_together_share_a_commit(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty lanes do not cost fifty commits."""
    sql_bench.begin(pending(50))
    journal = sql_bench.run()
    commits = Commits(sql_bench.ledger, monkeypatch)
    claims = await asyncio.gather(*(journal.claim() for _ in range(50)))
    assert commits.count == 1
    await asyncio.gather(*(journal.settle(claim, ACCEPTED) for claim in claims if claim))
    assert commits.count == 2
    await journal.close()


async def test_a_commit_that_fails_is_told_to_all_and_skips_nobody(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No claim of it counts, and the rows are claimed when the disk is well again."""
    sql_bench.begin(pending(4))
    journal = sql_bench.run()
    commits = Commits(sql_bench.ledger, monkeypatch)
    first = await claimed_from(journal)
    commits.fail = True
    answers = await asyncio.gather(
        journal.claim(), journal.settle(first, ACCEPTED), journal.claim(), return_exceptions=True
    )
    assert [str(answer) for answer in answers] == ["The disk is full."] * 3
    assert seen_from_outside(sql_bench.where) == ["dialing", "pending", "pending", "pending"]
    commits.fail = False
    claims = await asyncio.gather(*(journal.claim() for _ in range(4)))
    assert [claim.row for claim in claims if claim] == [3, 4, 5]
    await journal.settle(first, ACCEPTED)
    assert seen_from_outside(sql_bench.where)[0] == "success"
    await journal.close()


async def test_whoever_waits_behind_a_commit_that_fails_is_next(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came in meanwhile is not left without an answer."""
    sql_bench.begin(pending(2))
    journal = sql_bench.run()
    commits = Commits(sql_bench.ledger, monkeypatch)
    commits.fail = True
    commits.gate.clear()
    first = asyncio.create_task(journal.claim())
    await commits.begun.wait()
    second = asyncio.create_task(journal.claim())
    await asyncio.sleep(0)  # it has asked
    journal._thread.submit(setattr, commits, "fail", False)  # after this commit, before the next
    commits.gate.set()
    with pytest.raises(LedgerError, match="full"):
        await first
    claimed = await asyncio.wait_for(second, 30)
    assert claimed is not None
    assert claimed.row == 2
    await journal.close()


async def test_a_settlement_with_a_claim_is_kept_when_their_commit_fails(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried once more at the end; the claim is nobody's."""
    sql_bench.begin(pending(2))
    journal = sql_bench.run()
    commits = Commits(sql_bench.ledger, monkeypatch)
    first = await claimed_from(journal)
    commits.fail = True
    with pytest.raises(LedgerError, match="full"):
        await journal.settle_and_claim(first, ACCEPTED)
    assert journal.unrecorded == [(first, ACCEPTED)]
    assert seen_from_outside(sql_bench.where) == ["dialing", "pending"]
    commits.fail = False
    await journal.close()
    assert journal.unrecorded == []
    assert seen_from_outside(sql_bench.where) == ["success", "pending"]


async def test_a_row_in_doubt_is_one_a_lane(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty lanes that go on at once need one commit, in which each has one row again."""
    sql_bench.begin(pending(40))
    journal = sql_bench.run()
    claims = await asyncio.gather(*(claimed_from(journal) for _ in range(20)))
    commits = Commits(sql_bench.ledger, monkeypatch)
    await asyncio.gather(*(journal.settle_and_claim(one, ACCEPTED) for one in claims))
    assert commits.count == 1
    assert seen_from_outside(sql_bench.where) == ["success"] * 20 + ["dialing"] * 20
    await journal.close()


async def test_a_commit_that_fails_at_its_end_claims_nothing(sql_bench: SqlBench) -> None:
    """Even if the database itself says no at COMMIT."""
    sql_bench.begin(pending(2))
    journal = sql_bench.run()
    engine = sql_bench.ledger._engine

    def refuse(_connection: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    sa.event.listen(engine, "commit", refuse)
    with pytest.raises(LedgerError, match="disk I/O error"):
        await journal.claim()
    sa.event.remove(engine, "commit", refuse)
    assert seen_from_outside(sql_bench.where) == ["pending", "pending"]
    assert (await claimed_from(journal)).row == 2
    await journal.close()


async def test_a_claim_cancelled_during_its_commit_is_given_back(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is not left `dialing` for a lane that went away."""
    sql_bench.begin(pending(2))
    journal = sql_bench.run()
    commits = Commits(sql_bench.ledger, monkeypatch)
    commits.gate.clear()
    lanes = [asyncio.create_task(journal.claim()) for _ in range(2)]
    await commits.begun.wait()
    for lane in lanes:
        lane.cancel()
    await asyncio.gather(*lanes, return_exceptions=True)
    commits.gate.set()
    await journal.close()
    assert seen_from_outside(sql_bench.where) == ["pending", "pending"]
    assert attempts_of(sql_bench.where) == []


@pytest.mark.parametrize("fails", [False, True], ids=["claimed", "failed"])
async def test_a_claim_cancelled_just_after_its_commit_is_given_back(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    """The answer is there, but the lane is cancelled before it can look at it."""
    sql_bench.begin(pending(1))
    journal = sql_bench.run()
    Commits(sql_bench.ledger, monkeypatch).fail = fails
    original = journal._enqueue

    def enqueue(operation: Any) -> asyncio.Future[Any]:
        future = original(operation)
        future.add_done_callback(lambda _: lane.cancel())
        return future

    monkeypatch.setattr(journal, "_enqueue", enqueue)
    lane = asyncio.create_task(journal.claim())
    (answer,) = await asyncio.gather(lane, return_exceptions=True)
    assert isinstance(answer, asyncio.CancelledError)
    await journal.close()
    assert seen_from_outside(sql_bench.where) == ["pending"]
    assert attempts_of(sql_bench.where) == []


async def test_giving_back_into_a_broken_ledger_is_quiet(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it, so nobody is shown a traceback; the row counts as unknown."""
    sql_bench.begin(pending(1))
    journal = sql_bench.run()
    commits = Commits(sql_bench.ledger, monkeypatch)
    unhandled: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    commits.gate.clear()
    lane = asyncio.create_task(journal.claim())
    await commits.begun.wait()
    lane.cancel()
    await asyncio.gather(lane, return_exceptions=True)
    journal._thread.submit(setattr, commits, "fail", True)  # after this commit, before the next
    commits.gate.set()
    await journal.close()
    gc.collect()
    assert unhandled == []
    assert seen_from_outside(sql_bench.where) == ["dialing"]


async def test_two_campaigns_of_one_service_share_its_pace(sql_bench: SqlBench) -> None:
    """No two calls have the same departure, whoever books them."""
    sql_bench.begin(pending(4))
    other = sql_bench.acquire(sql_bench.new_campaign("renewals"))
    other_list = sql_bench.add_list(other, pending(4))
    with Ledger(sql_bench.where) as second:
        one = sql_bench.run()
        two = Journal(
            second,
            other,
            [Pick(other_list, PENDING)],
            spacing=SPACING,
            clock=sql_bench.clock,
        )
        claims = await asyncio.gather(
            *(journal.claim() for _ in range(4) for journal in (one, two))
        )
        await one.close()
        await two.close()
    slots = sorted(claim.depart_at - sql_bench.clock.now for claim in claims if claim)
    assert slots == [index * SPACING for index in range(8)]


async def test_services_have_a_pace_of_their_own(sql_bench: SqlBench) -> None:
    """What is booked at one neither holds up the calls to another nor lets them bunch."""
    sql_bench.begin(pending(2))
    moment = sql_bench.clock.moment
    elsewhere = sql_bench.ledger.campaign("renewals", "ag_1", "https://other.test/api", moment)
    other = sql_bench.acquire(elsewhere)
    two = sql_bench.journal(other, sql_bench.add_list(other, pending(3)))
    one = sql_bench.run()
    waits = [(await claimed_from(journal)).wait for journal in (one, two, two, one, two)]
    assert waits == [0.0, 0.0, SPACING, SPACING, 2 * SPACING]
    await one.close()
    await two.close()


async def test_first_bookings_at_once_break_nobody(sql_bench: SqlBench) -> None:
    """Several processes begin on a ledger that has never paced a call."""
    sql_bench.begin([])
    ledgers, journals = [], []
    for number in range(8):
        lease = sql_bench.acquire(sql_bench.new_campaign(f"campaign {number}"))
        list_id = sql_bench.add_list(lease, pending(1))
        ledger = Ledger(sql_bench.where)
        ledgers.append(ledger)
        picks = [Pick(list_id, PENDING)]
        journals.append(Journal(ledger, lease, picks, spacing=SPACING, clock=sql_bench.clock))
    try:
        claims = await asyncio.gather(*(journal.claim() for journal in journals))
    finally:
        for journal, ledger in zip(journals, ledgers, strict=True):
            await journal.close()
            ledger.close()
    slots = sorted(claim.wait for claim in claims if claim)
    assert slots == [index * SPACING for index in range(8)]


async def test_two_owners_at_once_never_ring_a_number_twice(sql_bench: SqlBench) -> None:
    """Even two journals that both believe to hold the campaign share its rows."""
    sql_bench.begin(pending(40))
    lease = sql_bench.acquire()
    with Ledger(sql_bench.where) as second:
        picks = [Pick(sql_bench.list_id, PENDING)]
        one, two = (
            Journal(ledger, lease, picks, spacing=SPACING, clock=sql_bench.clock)
            for ledger in (sql_bench.ledger, second)
        )

        async def drain(journal: Journal) -> list[int]:
            found = []
            while (claim := await journal.claim()) is not None:
                found.append(claim.row)
            return found

        rows = await asyncio.gather(*(drain(journal) for journal in (one, two) for _ in range(4)))
        await one.close()
        await two.close()
    assert sorted(row for found in rows for row in found) == list(range(2, 42))


async def test_the_campaign_remembers_over_lists(sql_bench: SqlBench) -> None:
    """A number called from one list is suppressed at the claim in another."""
    sql_bench.begin(pending(2))
    lease = sql_bench.acquire()
    journal = sql_bench.journal(lease, sql_bench.list_id)
    await journal.settle(await claimed_from(journal), ACCEPTED)
    await journal.settle(await claimed_from(journal), LOST)
    await journal.close()
    later = sql_bench.add_list(lease, pending(3), "more.csv")
    journal = sql_bench.journal(lease, later)
    assert (await claimed_from(journal)).row == 4
    assert await journal.claim() is None
    await journal.close()
    suppressed = {row.verdict.detail for row in list(sql_bench.lists.contacts(later))[:2]}
    assert suppressed == {
        "This campaign called the number from another row. To call everybody again: --again."
    }


@pytest.mark.parametrize("end", [REFUSED, ACCEPTED, None], ids=["refused", "rang", "released"])
async def test_campaigns_have_doubts_of_their_own(
    sql_bench: SqlBench, end: Settlement | None
) -> None:
    """A number that two of them may have rung stays in doubt in each, whatever the other does."""
    sql_bench.begin([contact(2, NUMBERS[0]), contact(3, NUMBERS[0], CallStatus.EXPIRED)])
    journal = sql_bench.run()
    await journal.settle(await claimed_from(journal), LOST)
    await journal.close()
    sql_bench.clock.move(60)
    other = sql_bench.acquire(sql_bench.new_campaign("renewals"))
    other_list = sql_bench.add_list(
        other, [contact(2, NUMBERS[0]), contact(3, NUMBERS[0], CallStatus.EXPIRED)]
    )
    journal = sql_bench.journal(other, other_list)
    await journal.settle(await claimed_from(journal), LOST)
    await journal.close()
    journal = sql_bench.run(CallStatus.UNKNOWN)
    claimed = await claimed_from(journal)
    await (journal.release(claimed) if end is None else journal.settle(claimed, end))
    await journal.close()
    for journal in (
        sql_bench.run(CallStatus.EXPIRED),
        sql_bench.journal(other, other_list, CallStatus.EXPIRED),
    ):
        assert await journal.claim() is None
        await journal.close()
    stands = "success" if end is ACCEPTED else "unknown"
    expected = [stands, "suppressed", "unknown", "suppressed"]
    assert seen_from_outside(sql_bench.where) == expected


async def test_a_doubt_is_waived_once_over_all_lists(sql_bench: SqlBench) -> None:
    """Also where a commit claims the last unknown row of one list and the first of the next."""
    unknown = CallStatus.UNKNOWN
    sql_bench.begin([contact(2, NUMBERS[0], unknown)])
    lease = sql_bench.acquire()
    more = [contact(2, NUMBERS[1], unknown), contact(3, NUMBERS[0], unknown)]
    picks = [Pick(sql_bench.list_id, unknown)]
    picks.append(Pick(sql_bench.add_list(lease, more, "more.csv"), unknown))
    journal = Journal(sql_bench.ledger, lease, picks, spacing=SPACING, clock=sql_bench.clock)
    claims = await asyncio.gather(journal.claim(), journal.claim())
    for claimed in claims:
        assert claimed is not None
        await journal.settle(claimed, LOST)
    assert await journal.claim() is None
    await journal.close()
    assert seen_from_outside(sql_bench.where) == ["unknown", "unknown", "suppressed"]


@pytest.mark.parametrize("seconds", [0, 60])
async def test_the_newest_doubt_is_the_one_that_stands(sql_bench: SqlBench, seconds: int) -> None:
    """Of several lost answers, also at one moment, after a further call that was refused."""
    sql_bench.begin(pending(1))
    for end in (LOST, LOST, REFUSED):
        sql_bench.clock.move(seconds)
        journal = sql_bench.run(PENDING, CallStatus.UNKNOWN)
        await journal.settle(await claimed_from(journal), end)
        await journal.close()
    query = sa.select(attempts.c.nth).where(attempts.c.waived_at.is_(None))
    with sql_bench.ledger.reading() as connection:
        standing = connection.execute(query.where(attempts.c.status == "unknown"))
        assert standing.scalars().all() == [2]


async def test_an_attempt_is_recorded_with_its_end(sql_bench: SqlBench) -> None:
    """When it was claimed and settled, what HTTP said, what it came to, and in which words."""
    sql_bench.begin(pending(4))
    start = sql_bench.clock.moment
    journal = sql_bench.run()
    for end in (ACCEPTED, THROTTLED, REFUSED, LOST):
        claimed = await claimed_from(journal)
        sql_bench.clock.move(3)
        await journal.settle(claimed, end)
    await journal.close()
    with sql_bench.ledger.reading() as connection:
        found = connection.execute(sa.select(attempts).order_by(attempts.c.row_id)).all()
    assert [(one.status, one.http_status) for one in found] == [
        ("success", 200),
        ("failed", 429),
        ("failed", 422),
        ("unknown", None),
    ]
    assert [(one.reason, one.detail, one.call_id) for one in found] == [
        ("", "", "call_1"),
        ("rate_limited", "Not processed: HTTP 429.", ""),
        ("refused", "Refused: HTTP 422.", ""),
        ("answer_lost", "May have rung.", ""),
    ]
    assert [(one.claimed_at, one.settled_at) for one in found] == [
        (after(start, 3 * nth), after(start, 3 * nth + 3)) for nth in range(4)
    ]


async def test_again_lets_every_number_ring_once_more(sql_bench: SqlBench) -> None:
    """A person's word opens a new generation, in which the rule holds again."""
    sql_bench.begin(pending(1))
    lease = sql_bench.acquire()
    journal = sql_bench.journal(lease, sql_bench.list_id)
    await journal.settle(await claimed_from(journal), ACCEPTED)
    await journal.close()
    lease = sql_bench.ledger.again(lease)
    assert lease.campaign.generation == 2
    assert sql_bench.lists.active(lease.campaign) == []
    twice = sql_bench.add_list(
        lease, [contact(2, NUMBERS[0]), contact(3, NUMBERS[0])], replaces="leads.csv"
    )
    journal = sql_bench.journal(lease, twice)
    await journal.settle(await claimed_from(journal), Settlement(CallStatus.SUCCESS))
    assert await journal.claim() is None
    await journal.close()
    assert [status for _, status in attempts_of(sql_bench.where)] == ["success", "success"]


async def test_a_database_that_is_away_is_waited_for(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claims, results and the sign of life come through when it is back."""
    sql_bench.begin(pending(2))
    journal = sql_bench.run()
    commits = Commits(sql_bench.ledger, monkeypatch)
    commits.away = 2
    claimed = await claimed_from(journal)
    commits.away = 1
    await journal.settle(claimed, ACCEPTED)
    commits.away = 1
    assert await journal.renew()
    assert commits.count == 3 + 2 + 2
    assert journal.unrecorded == []
    await journal.close()
    assert seen_from_outside(sql_bench.where) == ["success", "pending"]


@pytest.mark.parametrize("is_back", [True, False])
async def test_what_the_ledger_cannot_take_is_kept(
    is_back: bool, sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried once more at the end; what is missing then can be told."""
    monkeypatch.setattr(journals, "PATIENCE", 0.0)
    sql_bench.begin(pending(3))
    journal = sql_bench.run()
    commits = Commits(sql_bench.ledger, monkeypatch)
    rang, unsent = [await claimed_from(journal) for _ in range(2)]
    commits.away = 1000
    answers = await asyncio.gather(
        journal.settle(rang, ACCEPTED), journal.claim(), return_exceptions=True
    )
    assert {type(answer) for answer in answers} == {LedgerAwayError}
    with pytest.raises(LedgerAwayError):
        await journal.release(unsent)
    assert journal.unrecorded == [(rang, ACCEPTED)]
    commits.away = 0 if is_back else 1000
    await journal.close()
    assert journal.unrecorded == ([] if is_back else [(rang, ACCEPTED)])
    expected = ["success", "pending"] if is_back else ["dialing", "dialing"]
    assert seen_from_outside(sql_bench.where)[:2] == expected


async def test_a_fault_that_will_not_pass_is_not_waited_for(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is told at once."""
    sql_bench.begin(pending(1))
    journal = sql_bench.run()
    commits = Commits(sql_bench.ledger, monkeypatch)
    commits.fail = True
    with pytest.raises(LedgerError, match="full"):
        await journal.claim()
    assert commits.count == 1
    await journal.close()


async def test_whoever_is_in_a_hurry_does_not_wait(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once said, it holds for everything that follows."""
    sql_bench.begin(pending(1))
    journal = sql_bench.run()
    commits = Commits(sql_bench.ledger, monkeypatch)
    commits.away = 1000
    journal.hurry()
    with pytest.raises(LedgerAwayError):
        await journal.claim()
    assert commits.count == 1
    await journal.close()


async def test_a_sign_of_life_keeps_the_campaign(sql_bench: SqlBench) -> None:
    """For as long as a lease lasts, by the clock on the wall."""
    sql_bench.begin(pending(1))
    journal = sql_bench.run()
    sql_bench.clock.move(1_000)
    assert await journal.renew()
    end = after(sql_bench.clock.moment, LEASE.total_seconds())
    with pytest.raises(CampaignBusyError):
        sql_bench.ledger.acquire(sql_bench.campaign, here(), after(end, -1))
    sql_bench.ledger.acquire(sql_bench.campaign, here(), end)
    await journal.close()


async def test_a_process_that_was_stopped_is_not_sure(sql_bench: SqlBench) -> None:
    """Also where the wall clock was set back meanwhile."""
    sql_bench.begin(pending(1))
    uptime = Clock(500.0)
    picks = [Pick(sql_bench.list_id, PENDING)]
    journal = Journal(
        sql_bench.ledger,
        sql_bench.acquire(),
        picks,
        spacing=SPACING,
        clock=sql_bench.clock,
        monotonic=uptime,
    )
    assert await journal.renew()
    uptime.move(14.9)
    assert journal.is_sure()
    uptime.move(0.1)
    sql_bench.clock.move(-60)
    assert not journal.is_sure()
    await journal.close()
