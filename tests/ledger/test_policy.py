"""Rows whose time has not come wait, rows that may not be called are refused, with a reason."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from batchdial.errors import BatchDialError, LedgerError
from batchdial.ledger import claims as claiming
from batchdial.ledger.claims import LONGEST_HELD
from batchdial.ledger.journal import NOT_READY, Journal
from batchdial.ledger.ledger import Ledger, Owner
from batchdial.ledger.lists import Lists, Pick, StoredList
from batchdial.ledger.schema import RANG, attempts, bases, refusals, rows, suppressions
from batchdial.models import Batch, CallStatus, Claimed, PlainCells, Settlement
from batchdial.rules.plan import Candidate, Decision, Go, Later, Never

from .bench import NUMBERS, SPACING, Clock, after, pending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ACCEPTED = Settlement(CallStatus.SUCCESS, call_id="call_1", http_status=200)
REFUSED = Settlement(CallStatus.FAILED, "refused", "Refused: HTTP 422.", http_status=422)
THROTTLED = Settlement(CallStatus.PENDING, "rate_limited", "Not processed: HTTP 429.")
LOST = Settlement(CallStatus.UNKNOWN, "answer_lost", "May have rung.")


class Rules:
    """A policy that a test speaks for."""

    def __init__(self) -> None:
        self.basis = '{"hours": "test"}'
        self.memory = 0.0
        self.reads_cells = False
        self.say: Callable[[Candidate, float], Decision] = lambda *_: Go('{"zone": "x"}')
        self.asked: list[Candidate] = []
        self.ready_from = 0.0  #: Unix time in seconds
        self.broken: BatchDialError | None = None

    def ready(self, now: float) -> bool:
        """As the test says."""
        if self.broken is not None:
            raise self.broken
        return now >= self.ready_from

    def decide(self, one: Candidate, now: float) -> Decision:
        """As the test says."""
        self.asked.append(one)
        return self.say(one, now)

    def still(self, one: Candidate, now: float) -> bool:
        """As the test says."""
        return isinstance(self.say(one, now), Go)


class Desk:
    """A campaign with one list in a real ledger, and a journal under rules."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.clock, self.rules = ledger, Clock(), Rules()
        self.campaign = ledger.campaign("leads", "ag", "https://cald.test", self.clock.moment)

    def begin(self, count: int) -> None:
        """Record a list of so many people."""
        lists, contacts = Lists(self.ledger), pending(count)
        lease = self.ledger.acquire(self.campaign, Owner.here(), self.clock.moment)
        new = StoredList(0, "leads.csv", "/out.csv", "print", ("name", "phone"), {}, lease_time())
        self.list_id = lists.stage(self.campaign, new)
        self.list_ids = [self.list_id]
        with lists.writing(self.list_id, lease.fence) as writing:
            writing.add(
                Batch(
                    [one.row for one in contacts],
                    PlainCells(one.cells for one in contacts),
                    [int(one.verdict.e164 or 0) for one in contacts],
                    {},
                )
            )
        lists.activate(lease, self.list_id, None, self.clock.moment)
        self.ledger.release(lease)

    def more(self, count: int) -> None:
        """People after those of the list, who were not called yet."""
        with self.ledger.writing() as connection:
            last = connection.execute(sa.select(rows).order_by(rows.c.id.desc()).limit(1)).one()
            for row in range(last.row + 1, last.row + 1 + count):
                new = {"list_id": last.list_id, "row": row, "cells": last.cells}
                said = {"status": "pending", "reason": "", "detail": "", "call_id": ""}
                number = {"e164": NUMBERS[row - 2], "attempts": 0}
                connection.execute(sa.insert(rows).values({**new, **said, **number}))

    def journal(self, status: CallStatus = CallStatus.PENDING) -> Journal:
        """Take the campaign over."""
        return Journal(
            self.ledger,
            self.ledger.acquire(self.campaign, Owner("elsewhere", 1), self.clock.moment),
            [Pick(self.list_id, status)],
            spacing=SPACING,
            clock=self.clock,
            policy=self.rules,
            due=self.list_ids,
        )

    def free(self) -> None:
        """Whoever has the campaign has lost it."""
        self.clock.move(3600)

    def standing(self) -> list[tuple[str, str]]:
        """Status and reason of each row."""
        query = sa.select(rows.c.status, rows.c.reason).order_by(rows.c.id)
        with self.ledger.reading() as connection:
            return [(row.status, row.reason) for row in connection.execute(query)]

    def due(self, number: str, at: datetime | None) -> None:
        """Let the number be called again."""
        this = sa.update(rows).where(rows.c.e164 == number).values(due_at=at)
        with self.ledger.writing() as connection:
            connection.execute(this)

    def rows(self) -> list[Any]:
        """All rows, in the file's order."""
        with self.ledger.reading() as connection:
            return list(connection.execute(sa.select(rows).order_by(rows.c.id)))

    def say(self, reason: str, detail: str) -> None:
        """Let all rows say this."""
        with self.ledger.writing() as connection:
            connection.execute(sa.update(rows).values(reason=reason, detail=detail))


async def claimed_from(journal: Journal) -> Claimed:
    """The next row of a journal that has one."""
    claimed = await journal.claim()
    assert claimed is not None
    return claimed


async def next_from(desk: Desk, journal: Journal) -> str | None:
    """Number of the next row; asked for as long as there is more to look at by now."""
    while True:
        claimed, at = await journal.claim(), journal.next_at
        if claimed is not None or at is None or at > desk.clock.now:
            return claimed.e164 if claimed else None


async def called(desk: Desk, count: int) -> None:
    """Record a list of so many people and call them all."""
    desk.begin(count)
    journal = desk.journal()
    for _ in range(count):
        await journal.settle(await claimed_from(journal), ACCEPTED)
    await journal.close()
    desk.free()
    desk.rules.asked.clear()


def lease_time() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def desk(where: str) -> Iterator[Desk]:
    """An empty ledger, on either database."""
    with Ledger(where) as ledger:
        yield Desk(ledger)


async def test_a_row_whose_time_has_not_come_waits_and_the_next_one_is_dialled(desk: Desk) -> None:
    """Afterwards it comes first; nothing is recorded of it meanwhile, and nobody is skipped."""
    desk.begin(5)
    late = desk.clock.now + 600
    desk.rules.say = lambda one, now: (
        Later(late) if one.e164 in NUMBERS[:2] and now < late else Go()
    )
    journal = desk.journal()
    first = await journal.claim()
    assert first is not None
    assert first.e164 == NUMBERS[2]
    assert journal.waiting == {late: 2}
    assert journal.next_at == late
    desk.clock.move(600)
    claims = [await journal.claim() for _ in range(5)]
    assert [one.e164 if one else None for one in claims] == [
        *NUMBERS[:2],
        *NUMBERS[3:5],
        None,
    ]
    assert journal.waiting == {}
    await journal.close()


async def test_a_thousand_rows_that_wait_are_looked_at_in_few_steps(desk: Desk) -> None:
    """One transaction looks at a part of them only, so that the lease lives."""
    desk.begin(100)
    desk.rules.say = lambda *_: Later(desk.clock.now + 60)
    journal = desk.journal()
    assert await journal.claim() is None
    assert sum(journal.waiting.values()) == 100
    assert len(desk.rules.asked) == 100
    assert await journal.claim() is None
    assert len(desk.rules.asked) == 100
    await journal.close()


async def test_a_refused_row_is_suppressed_with_its_evidence(desk: Desk) -> None:
    """And the basis is recorded once, until it changes."""
    desk.begin(4)
    start = desk.clock.moment
    desk.rules.say = lambda one, _: (
        Never("dnc_list", "It is listed.", '{"file": "dnc"}') if one.e164 == NUMBERS[0] else Go()
    )
    journal = desk.journal()
    for basis in ('{"hours": "test"}', '{"hours": "test"}', '{"hours": "other"}'):
        desk.rules.basis = basis
        desk.clock.move(5)
        assert (await journal.claim()) is not None
    assert desk.standing()[0] == ("suppressed", "dnc_list")
    with desk.ledger.reading() as connection:
        told = connection.execute(sa.select(refusals)).one()
        found = connection.execute(sa.select(bases).order_by(bases.c.id)).all()
        dialled = connection.execute(sa.select(attempts).order_by(attempts.c.row_id)).all()
        first = connection.execute(sa.select(rows).order_by(rows.c.id).limit(1)).one()
    assert (told.reason, told.evidence) == ("dnc_list", '{"file": "dnc"}')
    assert (told.row_id, first.detail) == (first.id, "It is listed.")
    assert told.decided_at == after(start, 5)
    assert [one.content for one in found] == ['{"hours": "test"}', '{"hours": "other"}']
    assert [one.decided_from for one in found] == [after(start, 5), after(start, 15)]
    early, late = (one.id for one in found)
    assert [one.basis_id for one in (told, *dialled)] == [early, early, early, late]
    assert {one.evidence for one in dialled} == {None}
    await journal.close()


async def test_a_row_that_is_put_back_is_decided_on_anew(desk: Desk) -> None:
    """It stands as before, and nothing says that it was ever claimed."""
    desk.begin(2)
    before = desk.rows()
    journal = desk.journal()
    first = await claimed_from(journal)
    desk.rules.say = lambda one, _: (
        Never("dnc_list", "It is listed.") if one.e164 == first.e164 else Go()
    )
    await journal.put_back(first)
    assert desk.rows() == before
    second = await journal.claim()
    assert second is not None
    assert second.e164 != first.e164
    assert desk.standing()[0] == ("suppressed", "dnc_list")
    assert await journal.claim() is None
    await journal.close()


async def test_what_may_have_rung_stays_unknown_also_where_it_is_refused(desk: Desk) -> None:
    """A refusal says nothing of a call that was made."""
    desk.begin(1)
    journal = desk.journal()
    claimed = await journal.claim()
    assert claimed is not None
    await journal.settle(claimed, Settlement(CallStatus.UNKNOWN, "answer_lost", "Lost."))
    await journal.close()
    desk.free()
    desk.rules.say = lambda *_: Never("dnc_list", "It is listed.")
    journal = desk.journal(CallStatus.UNKNOWN)
    assert await journal.claim() is None
    assert desk.standing() == [("unknown", "answer_lost")]
    await journal.close()


async def test_a_row_that_is_due_is_called_again_and_its_first_call_is_kept(desk: Desk) -> None:
    """Only when it is due, once, and as often as it becomes due."""
    desk.begin(1)
    journal = desk.journal()
    claimed = await journal.claim()
    assert claimed is not None
    await journal.settle(claimed, ACCEPTED)
    assert await journal.claim() is None
    at = datetime.fromtimestamp(desk.clock.now + 60, UTC)
    desk.due(claimed.e164, at)
    assert await journal.claim() is None
    assert journal.next_at == at.timestamp()
    desk.clock.move(60)
    again = await journal.claim()
    assert again is not None
    assert (again.attempt, again.was) == (2, CallStatus.SUCCESS)
    assert await journal.claim() is None
    await journal.settle(again, ACCEPTED)
    assert desk.standing() == [("success", "")]
    assert await journal.claim() is None
    await journal.close()


@pytest.mark.parametrize("end", [REFUSED, THROTTLED, None], ids=["refused", "429", "released"])
async def test_a_second_call_that_was_not_made_leaves_the_first(
    desk: Desk, end: Settlement | None
) -> None:
    """The number still counts as rung: without a word it never rings again."""
    desk.begin(2)
    journal = desk.journal()
    for settlement in (ACCEPTED, replace(ACCEPTED, call_id="call_2")):
        await journal.settle(await claimed_from(journal), settlement)
    desk.say("reconciled", "Called once.")
    desk.due(NUMBERS[0], desk.clock.moment)
    desk.clock.move(60)
    before = desk.rows()
    again = await claimed_from(journal)
    desk.clock.move(3)
    if end is None:
        await journal.release(again)
    else:
        await journal.settle(again, end)
    stands, other = desk.rows()
    assert other == before[1]
    assert stands.status == "success"
    assert (stands.call_id, stands.reason, stands.detail) == (
        "call_1",
        "reconciled",
        "Called once.",
    )
    assert stands.due_at == (None if end is REFUSED else desk.clock.moment)
    assert stands.attempts == (1 if end is None else 2)
    assert stands.last_attempt_at == (
        before[0].last_attempt_at if end is None else desk.clock.moment
    )
    with desk.ledger.reading() as connection:
        calls = connection.execute(sa.select(attempts.c.waived_at).where(RANG)).all()
    assert len(calls) == 2
    await journal.close()


async def test_calls_by_any_campaign_are_told_to_the_rules(desk: Desk) -> None:
    """Those that rang, or may have rung, and not longer ago than matters."""
    desk.begin(1)
    journal = desk.journal()
    claimed = await journal.claim()
    assert claimed is not None
    await journal.settle(claimed, ACCEPTED)
    await journal.close()
    desk.free()
    desk.due(claimed.e164, desk.clock.moment)
    desk.rules.memory = 7200.0
    journal = desk.journal()
    assert (await journal.claim()) is not None
    [call] = desk.rules.asked[-1].calls
    assert desk.clock.moment.timestamp() - call.at.timestamp() == 3600
    assert (call.campaign_id, call.campaign) == (desk.campaign.id, "leads")
    await journal.close()


async def test_nobody_is_claimed_while_the_rules_are_read_again(desk: Desk) -> None:
    """What is settled is recorded; whoever waits, waits on, and is claimed when they are ready."""
    desk.begin(3)
    soon = desk.clock.now + 60
    desk.rules.say = lambda one, now: Later(soon) if one.e164 == NUMBERS[0] and now < soon else Go()
    journal = desk.journal()
    claimed = await claimed_from(journal)
    desk.clock.move(60)
    desk.rules.ready_from = desk.clock.now + 1
    assert await journal.settle_and_claim(claimed, ACCEPTED) is None
    assert [status for status, _ in desk.standing()] == ["pending", "success", "pending"]
    assert await journal.claim_again(claimed) is None
    assert len(desk.rules.asked) == 2
    assert journal.waiting == {soon: 1}
    desk.clock.move(1)
    assert [(await claimed_from(journal)).e164 for _ in range(2)] == [NUMBERS[0], NUMBERS[2]]
    await journal.close()


async def test_rules_that_were_not_ready_are_asked_again_soon(desk: Desk) -> None:
    """Also where nobody waits yet; nobody takes it for the end."""
    desk.begin(1)
    journal = desk.journal()
    desk.rules.ready_from = desk.clock.now + NOT_READY
    assert await journal.claim() is None
    at = journal.next_at
    assert at == desk.clock.now + NOT_READY
    desk.clock.move(NOT_READY)
    assert (await claimed_from(journal)).e164 == NUMBERS[0]
    assert await journal.claim() is None
    assert journal.next_at is None
    await journal.close()


async def test_rules_that_cannot_be_read_any_more_are_told(desk: Desk) -> None:
    """Nobody is claimed under them, and whoever waits is not lost."""
    desk.begin(3)
    soon = desk.clock.now + 60
    desk.rules.say = lambda one, now: Later(soon) if one.e164 == NUMBERS[0] and now < soon else Go()
    journal = desk.journal()
    claimed = await claimed_from(journal)
    desk.clock.move(60)
    desk.rules.broken = BatchDialError("dnc.csv is gone.")
    for asked in (
        journal.settle_and_claim(claimed, ACCEPTED),
        journal.claim(),
        journal.claim_again(claimed),
    ):
        with pytest.raises(BatchDialError, match="is gone"):
            await asked
    assert [status for status, _ in desk.standing()] == ["pending", "success", "pending"]
    assert journal.waiting == {soon: 1}
    await journal.close()


async def test_a_campaign_that_was_lost_asks_no_rules(desk: Desk) -> None:
    """That another process has it is said first; rows that wait are not touched."""
    desk.begin(2)
    soon = desk.clock.now + 60
    desk.rules.say = lambda *_: Later(soon)
    journal = desk.journal()
    assert await journal.claim() is None
    desk.free()
    await desk.journal().close()
    desk.rules.broken = BatchDialError("dnc.csv is gone.")
    with pytest.raises(LedgerError, match="taken over"):
        await journal.claim()
    assert journal.waiting == {soon: 2}
    await journal.close()


async def test_what_another_terminal_asks_for_is_heard(desk: Desk) -> None:
    """Of this campaign."""
    desk.begin(1)
    journal = desk.journal()
    other = desk.ledger.campaign("renewals", "ag", "https://cald.test", desk.clock.moment)
    desk.ledger.ask(other, "cancel")
    assert await journal.wish() is None
    desk.ledger.ask(desk.campaign, "pause")
    assert await journal.wish() == "pause"
    await journal.close()


async def test_no_more_rows_that_waited_are_claimed_than_were_asked_for(desk: Desk) -> None:
    """The others are next, also where one of those that were looked at was refused."""
    desk.begin(5)
    soon = desk.clock.now + 60
    desk.rules.say = lambda *_: Later(soon)
    journal = desk.journal()
    assert await journal.claim() is None
    desk.clock.move(60)
    desk.rules.say = lambda one, _: (
        Never("dnc_list", "It is listed.") if one.e164 == NUMBERS[1] else Go()
    )
    claims = await asyncio.gather(*(journal.claim() for _ in range(3)))
    assert [one.e164 for one in claims if one] == [NUMBERS[0], NUMBERS[2]]
    assert journal.waiting == {soon: 2}
    assert [await next_from(desk, journal) for _ in range(3)] == [*NUMBERS[3:5], None]
    assert journal.waiting == {}
    await journal.close()


async def test_a_row_that_waited_and_was_called_meanwhile_is_left_alone(desk: Desk) -> None:
    """It does not stand any more where it stood when it was looked at."""
    desk.begin(2)
    soon = desk.clock.now + 60
    desk.rules.say = lambda *_: Later(soon)
    journal = desk.journal()
    assert await journal.claim() is None
    with desk.ledger.writing() as connection:
        this = sa.update(rows).where(rows.c.e164 == NUMBERS[0])
        connection.execute(this.values(status=CallStatus.UNKNOWN))
    desk.clock.move(60)
    desk.rules.say = lambda *_: Go()
    assert [await next_from(desk, journal) for _ in range(2)] == [NUMBERS[1], None]
    assert desk.standing()[0] == ("unknown", "")
    await journal.close()


async def test_one_transaction_looks_at_so_many_rows(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then others have a turn, and it goes on at once where it was, until all were looked at."""
    monkeypatch.setattr(claiming, "LOOK", 4)
    monkeypatch.setattr(claiming, "_AHEAD", 2)
    desk.begin(10)
    soon = desk.clock.now + 60
    desk.rules.say = lambda one, _: Go() if one.e164 == NUMBERS[9] else Later(soon)
    journal = desk.journal()
    looks = []
    while (claimed := await journal.claim()) is None:
        looks.append(len(desk.rules.asked))
        assert journal.next_at == desk.clock.now
    assert looks == [5, 10][: len(looks)]
    assert claimed.e164 == NUMBERS[9]
    assert journal.waiting == {soon: 9}
    assert [one.e164 for one in desk.rules.asked] == list(NUMBERS[:10])
    await journal.close()


async def test_the_last_rows_that_one_transaction_looks_at(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is left behind them, the next moment is that of those that wait."""
    monkeypatch.setattr(claiming, "LOOK", 4)
    desk.begin(2)
    soon = desk.clock.now + 60
    desk.rules.say = lambda *_: Later(soon)
    journal = desk.journal()
    assert await journal.claim() is None
    assert journal.next_at == soon
    await journal.close()


async def test_a_row_may_have_to_wait_before_another_attempt(desk: Desk) -> None:
    """It comes again when its time has come, as another attempt."""
    desk.begin(1)
    journal = desk.journal()
    claimed = await claimed_from(journal)
    await journal.settle(claimed, THROTTLED)
    soon = desk.clock.now + 60
    desk.rules.say = lambda *_: Later(soon)
    assert await journal.claim_again(claimed) is None
    assert journal.waiting == {soon: 1}
    desk.clock.move(60)
    desk.rules.say = lambda *_: Go()
    assert (await claimed_from(journal)).attempt == 2
    await journal.close()


async def test_a_failed_row_that_waits_is_retried_in_its_time(desk: Desk) -> None:
    """Or when it was put back; one that may not be called is suppressed."""
    desk.begin(3)
    journal = desk.journal()
    for _ in range(3):
        await journal.settle(await claimed_from(journal), REFUSED)
    await journal.close()
    desk.free()
    soon = desk.clock.now + 60
    said: dict[str, Decision] = {NUMBERS[0]: Later(soon), NUMBERS[1]: Never("dnc_list", "Listed.")}
    desk.rules.say = lambda one, _: said.get(one.e164, Go())
    journal = desk.journal(CallStatus.FAILED)
    claimed = await claimed_from(journal)
    assert (claimed.e164, claimed.was) == (NUMBERS[2], CallStatus.FAILED)
    await journal.put_back(claimed)
    desk.clock.move(60)
    said.clear()
    claims = [await claimed_from(journal) for _ in range(2)]
    assert {one.e164 for one in claims} == {NUMBERS[0], NUMBERS[2]}
    assert {one.was for one in claims} == {CallStatus.FAILED}
    assert await journal.claim() is None
    assert desk.standing()[1] == ("suppressed", "dnc_list")
    await journal.close()


async def test_no_more_rows_that_are_due_are_claimed_than_were_asked_for(desk: Desk) -> None:
    """The earliest first, before rows that were never called."""
    await called(desk, 3)
    desk.more(1)
    now = desk.clock.now
    for number, seconds in ((0, 30), (1, 10), (2, 20)):
        desk.due(NUMBERS[number], datetime.fromtimestamp(now - seconds, UTC))
    journal = desk.journal()
    claims = await asyncio.gather(*(claimed_from(journal) for _ in range(2)))
    assert [one.e164 for one in claims] == [NUMBERS[0], NUMBERS[2]]
    claims = await asyncio.gather(*(claimed_from(journal) for _ in range(2)))
    assert [(one.e164, one.was) for one in claims] == [
        (NUMBERS[1], CallStatus.SUCCESS),
        (NUMBERS[3], CallStatus.PENDING),
    ]
    await journal.close()


async def test_a_row_that_is_due_waits_in_the_ledger(desk: Desk) -> None:
    """So that every process knows of it; its first call stands."""
    await called(desk, 2)
    now = desk.clock.now
    for number in NUMBERS[:2]:
        desk.due(number, desk.clock.moment)
    said: dict[str, Decision] = {NUMBERS[0]: Later(now + 60)}
    desk.rules.say = lambda one, _: said.get(one.e164, Go())
    journal = desk.journal()
    assert [await next_from(desk, journal) for _ in range(2)] == [NUMBERS[1], None]
    assert journal.waiting == {}
    assert journal.next_at == now + 60
    assert desk.standing() == [("success", ""), ("dialing", "")]
    assert [row.due_at for row in desk.rows()] == [after(desk.clock.moment, 60), None]
    await journal.close()


async def test_a_row_that_is_due_and_refused_is_not_asked_for_again(desk: Desk) -> None:
    """Its call was made; the refusal is kept beside it."""
    await called(desk, 2)
    for number in NUMBERS[:2]:
        desk.due(number, desk.clock.moment)
    desk.rules.say = lambda one, _: (
        Never("dnc_list", "Listed.") if one.e164 == NUMBERS[0] else Later(desk.clock.now + 60)
    )
    journal = desk.journal()
    assert await next_from(desk, journal) is None
    assert desk.standing() == [("success", ""), ("success", "")]
    assert [row.due_at for row in desk.rows()] == [None, after(desk.clock.moment, 60)]
    with desk.ledger.reading() as connection:
        assert connection.execute(sa.select(refusals.c.reason)).scalars().all() == ["dnc_list"]
    await journal.close()


async def test_a_row_that_is_due_and_put_back_comes_once(desk: Desk) -> None:
    """It waits in the ledger, and nowhere else."""
    await called(desk, 1)
    desk.due(NUMBERS[0], desk.clock.moment)
    journal = desk.journal()
    await journal.put_back(await claimed_from(journal))
    assert journal.waiting == {}
    claimed = await claimed_from(journal)
    assert (claimed.attempt, claimed.was) == (2, CallStatus.SUCCESS)
    assert await journal.claim() is None
    await journal.settle(claimed, ACCEPTED)
    assert await journal.claim() is None
    await journal.close()


async def test_a_second_call_that_was_not_judged_is_tried_again(desk: Desk) -> None:
    """The rules' word for it holds for each attempt; what it comes to counts."""
    await called(desk, 1)
    desk.due(NUMBERS[0], desk.clock.moment)
    journal = desk.journal()
    claimed = await claimed_from(journal)
    await journal.settle(claimed, THROTTLED)
    again = await journal.claim_again(claimed)
    assert again is not None
    assert (again.attempt, again.was) == (3, CallStatus.SUCCESS)
    await journal.settle(again, replace(ACCEPTED, call_id="call_3"))
    (row,) = desk.rows()
    assert (row.status, row.call_id, row.due_at) == ("success", "call_3", None)
    assert await journal.claim_again(again) is None
    await journal.close()


@pytest.mark.parametrize("end", [REFUSED, ACCEPTED], ids=["refused", "rang"])
async def test_a_second_call_that_was_lost_is_in_doubt(desk: Desk, end: Settlement) -> None:
    """A person's word is for that one; the first stays waived, whatever comes of it."""
    await called(desk, 1)
    desk.due(NUMBERS[0], desk.clock.moment)
    journal = desk.journal()
    await journal.settle(await claimed_from(journal), LOST)
    assert desk.standing() == [("unknown", "answer_lost")]
    await journal.close()
    desk.free()
    journal = desk.journal(CallStatus.UNKNOWN)
    await journal.settle(await claimed_from(journal), end)
    assert [status for status, _ in desk.standing()] == ["unknown" if end is REFUSED else "success"]
    with desk.ledger.reading() as connection:
        standing = connection.execute(sa.select(attempts.c.nth).where(RANG)).scalars().all()
    assert standing == [2 if end is REFUSED else 3]
    await journal.close()


async def test_a_number_that_another_row_rang_since_is_not_due(desk: Desk) -> None:
    """The rules waive the row's own call, not that of another; its own call is told as it was."""
    await called(desk, 2)
    with desk.ledger.writing() as connection:
        connection.execute(sa.update(attempts).values(waived_at=desk.clock.moment))
        connection.execute(
            sa.update(attempts)
            .where(attempts.c.e164 == NUMBERS[1])
            .values(e164=NUMBERS[0], waived_at=None)
        )
    desk.due(NUMBERS[0], desk.clock.moment)
    journal = desk.journal()
    assert await journal.claim() is None
    assert desk.standing() == [("success", ""), ("success", "")]
    assert journal.next_at is None
    await journal.close()


async def test_rules_are_told_what_the_ledger_knows_of_a_row(desk: Desk) -> None:
    """Its cells only where they read them; since when the ledger's own list has the number."""
    desk.begin(2)
    added = datetime(2026, 5, 4, tzinfo=UTC)
    with desk.ledger.writing() as connection:
        one = {"e164": NUMBERS[1], "added_at": added, "note": ""}
        connection.execute(sa.insert(suppressions).values(one))
    journal = desk.journal()
    assert (await claimed_from(journal)).e164 == NUMBERS[0]
    desk.rules.reads_cells = True
    assert (await claimed_from(journal)).e164 == NUMBERS[1]
    assert desk.rules.asked == [
        Candidate(desk.list_id, NUMBERS[0], (), None, ()),
        Candidate(desk.list_id, NUMBERS[1], ("name 3", NUMBERS[1]), added, ()),
    ]
    with desk.ledger.reading() as connection:
        told = connection.execute(sa.select(attempts.c.evidence)).scalars().all()
    assert told == ['{"zone": "x"}'] * 2
    await journal.close()


async def test_calls_are_told_of_the_number_that_they_rang(desk: Desk) -> None:
    """And those that were made too long ago to matter are not."""
    await called(desk, 1)
    desk.clock.move(LONGEST_HELD)
    desk.more(1)
    desk.due(NUMBERS[0], desk.clock.moment)
    desk.rules.memory = 3_600.0
    journal = desk.journal()
    await claimed_from(journal)
    assert desk.rules.asked[-1].calls == ()  # so long ago that even a late answer matters no more
    desk.rules.memory = 3_601.0
    await claimed_from(journal)
    assert desk.rules.asked[-1].calls == ()  # of another number
    await journal.close()


async def test_only_what_certainly_rang_is_due(desk: Desk) -> None:
    """A call in doubt is made again by a person's word, whatever time stands there."""
    desk.begin(2)
    journal = desk.journal()
    await journal.settle(await claimed_from(journal), LOST)
    await claimed_from(journal)
    for number in NUMBERS[:2]:
        desk.due(number, desk.clock.moment)
    assert await journal.claim() is None
    assert journal.next_at is None
    assert desk.standing() == [("unknown", "answer_lost"), ("dialing", "")]
    await journal.close()


async def test_rows_of_other_lists_are_not_due_here(desk: Desk) -> None:
    """Those of each list that was asked for are."""
    await called(desk, 1)
    other = desk.list_id
    await called(desk, 0)
    desk.due(NUMBERS[0], after(desk.clock.moment, 60))
    journal = desk.journal()
    assert await journal.claim() is None
    assert journal.next_at is None
    desk.clock.move(60)
    assert await journal.claim() is None
    await journal.close()
    desk.free()
    desk.list_ids = [desk.list_id, other]
    journal = desk.journal()
    assert (await claimed_from(journal)).e164 == NUMBERS[0]
    await journal.close()


async def test_a_second_call_that_was_cut_off_says_nothing_of_the_first(desk: Desk) -> None:
    """What the first came to stands with its attempt; the row is in doubt."""
    await called(desk, 1)
    with desk.ledger.writing() as connection:
        for table in (rows, attempts):
            connection.execute(sa.update(table).values(outcome="unanswered", call_length=0))
    desk.due(NUMBERS[0], desk.clock.moment)
    journal = desk.journal()
    await claimed_from(journal)
    await journal.close()
    desk.free()
    await desk.journal().close()
    with desk.ledger.reading() as connection:
        row = connection.execute(sa.select(rows.c.status, rows.c.outcome, rows.c.call_length)).one()
        outcomes = connection.execute(sa.select(attempts.c.outcome).order_by(attempts.c.nth)).all()
    assert tuple(row) == ("unknown", None, None)
    assert [one.outcome for one in outcomes] == ["unanswered", None]


async def test_rows_that_waited_and_rows_that_are_due_share_what_was_asked_for(desk: Desk) -> None:
    """Nobody is dialled for whom no lane is there."""
    await called(desk, 2)
    desk.more(2)
    soon = desk.clock.now + 60
    desk.rules.say = lambda *_: Later(soon)
    journal = desk.journal()
    assert await journal.claim() is None
    desk.clock.move(60)
    for number in NUMBERS[:2]:
        desk.due(number, desk.clock.moment)
    desk.rules.say = lambda one, now: Go() if one.e164 != NUMBERS[3] else Later(now + 60)
    claims = await asyncio.gather(*(journal.claim() for _ in range(3)))
    assert [one.e164 for one in claims if one] == [NUMBERS[2], NUMBERS[0], NUMBERS[1]]
    assert journal.waiting == {soon + 60: 1}
    await journal.close()


async def test_rows_that_are_due_are_no_more_than_lanes_are_left(desk: Desk) -> None:
    """One row that waited leaves room for one of two that are due."""
    await called(desk, 2)
    desk.more(1)
    soon = desk.clock.now + 60
    desk.rules.say = lambda *_: Later(soon)
    journal = desk.journal()
    assert await journal.claim() is None
    desk.clock.move(60)
    for number in NUMBERS[:2]:
        desk.due(number, desk.clock.moment)
    desk.rules.say = lambda *_: Go()
    claims = await asyncio.gather(*(journal.claim() for _ in range(2)))
    assert [one.e164 for one in claims if one] == [NUMBERS[2], NUMBERS[0]]
    assert [status for status, _ in desk.standing()] == ["dialing", "success", "dialing"]
    await journal.close()


async def test_a_transaction_that_looked_at_its_last_row_is_not_the_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all of them were refused, there is more to look at by now."""
    monkeypatch.setattr(claiming, "LOOK", 3)
    monkeypatch.setattr(claiming, "_AHEAD", 2)
    desk.begin(6)
    desk.rules.say = lambda one, _: (
        Go() if one.e164 in NUMBERS[4:] else Never("dnc_list", "Listed.")
    )
    journal = desk.journal()
    assert await journal.claim() is None
    assert journal.next_at == desk.clock.now
    assert await next_from(desk, journal) == NUMBERS[4]
    assert await next_from(desk, journal) == NUMBERS[5]
    assert await next_from(desk, journal) is None
    await journal.close()


async def test_where_nobody_waits_there_is_no_next_moment(desk: Desk) -> None:
    """Rows that are left are claimed when they are asked for."""
    desk.begin(3)
    journal = desk.journal()
    await claimed_from(journal)
    assert journal.next_at is None
    await journal.close()


@pytest.mark.parametrize("end", [ACCEPTED, LOST, REFUSED], ids=["rang", "lost", "refused"])
async def test_what_an_earlier_call_came_to_is_not_said_of_a_new_one(
    desk: Desk, end: Settlement
) -> None:
    """Else the new one would be made again for it; where nobody was called, it still holds."""
    await called(desk, 2)
    said = ("voicemail", 31, "https://recordings.example.com/1.mp3")
    with desk.ledger.writing() as connection:
        this = sa.update(rows).values(outcome=said[0], call_length=said[1], recording_url=said[2])
        connection.execute(this)
    desk.due(NUMBERS[0], desk.clock.moment)
    journal = desk.journal()
    await journal.settle(await claimed_from(journal), end)
    kept = [(row.outcome, row.call_length, row.recording_url) for row in desk.rows()]
    assert kept == [said if end is REFUSED else (None, None, None), said]
    await journal.close()


async def test_a_row_for_another_attempt_waits_for_rules_that_are_not_ready(desk: Desk) -> None:
    """It is looked at again in the same run, not left to the next one."""
    desk.begin(1)
    journal = desk.journal()
    claimed = await claimed_from(journal)
    await journal.settle(claimed, THROTTLED)
    desk.rules.ready_from = desk.clock.now + NOT_READY
    assert await journal.claim_again(claimed) is None
    desk.clock.move(1)
    again = await claimed_from(journal)
    assert (again.row_id, again.attempt) == (claimed.row_id, 2)
    await journal.close()
