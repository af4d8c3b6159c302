"""Rows whose time has not come wait, rows that may not be called are refused, with a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from batchdial.ledger.journal import Journal
from batchdial.ledger.ledger import Ledger, Owner
from batchdial.ledger.lists import Lists, Pick, StoredList
from batchdial.ledger.schema import attempts, bases, refusals, rows
from batchdial.models import Batch, CallStatus, PlainCells, Settlement
from batchdial.rules.plan import Candidate, Decision, Go, Later, Never

from .bench import NUMBERS, SPACING, Clock, pending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ACCEPTED = Settlement(CallStatus.SUCCESS, call_id="call_1", http_status=200)
REFUSED = Settlement(CallStatus.FAILED, "refused", "Refused: HTTP 422.", http_status=422)


class Rules:
    """A policy that a test speaks for."""

    def __init__(self) -> None:
        self.basis = '{"hours": "test"}'
        self.memory = 0.0
        self.reads_cells = False
        self.say: Callable[[Candidate, float], Decision] = lambda *_: Go('{"zone": "x"}')
        self.asked: list[Candidate] = []

    def ready(self, now: float) -> bool:  # noqa: ARG002
        """Always."""
        return True

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

    def journal(self, status: CallStatus = CallStatus.PENDING) -> Journal:
        """Take the campaign over."""
        return Journal(
            self.ledger,
            self.ledger.acquire(self.campaign, Owner("elsewhere", 1), self.clock.moment),
            [Pick(self.list_id, status)],
            spacing=SPACING,
            clock=self.clock,
            policy=self.rules,
            due=[self.list_id],
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
    desk.begin(3)
    desk.rules.say = lambda one, _: (
        Never("dnc_list", "It is listed.", '{"file": "dnc"}') if one.e164 == NUMBERS[0] else Go()
    )
    journal = desk.journal()
    assert (await journal.claim()) is not None
    desk.rules.basis = '{"hours": "other"}'
    assert (await journal.claim()) is not None
    assert desk.standing()[0] == ("suppressed", "dnc_list")
    with desk.ledger.reading() as connection:
        told = connection.execute(sa.select(refusals)).one()
        basis = connection.execute(sa.select(bases.c.content).order_by(bases.c.id)).scalars().all()
        rested_on = connection.execute(sa.select(attempts.c.basis_id)).scalars().all()
    assert (told.reason, told.evidence) == ("dnc_list", '{"file": "dnc"}')
    assert basis == ['{"hours": "test"}', '{"hours": "other"}']
    assert len(set(rested_on)) == 2
    await journal.close()


async def test_a_row_that_is_put_back_is_decided_on_anew(desk: Desk) -> None:
    """It stands as before, and nothing says that it was ever claimed."""
    desk.begin(2)
    journal = desk.journal()
    first = await journal.claim()
    assert first is not None
    desk.rules.say = lambda one, _: (
        Never("dnc_list", "It is listed.") if one.e164 == first.e164 else Go()
    )
    await journal.put_back(first)
    assert desk.standing()[0] == ("pending", "")
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


@pytest.mark.parametrize("ending", ["refused", "released"])
async def test_a_second_call_that_was_not_made_leaves_the_first(desk: Desk, ending: str) -> None:
    """The number still counts as rung: without a word it never rings again."""
    desk.begin(1)
    journal = desk.journal()
    claimed = await journal.claim()
    assert claimed is not None
    await journal.settle(claimed, ACCEPTED)
    desk.due(claimed.e164, datetime.fromtimestamp(desk.clock.now, UTC))
    again = await journal.claim()
    assert again is not None
    if ending == "refused":
        await journal.settle(again, REFUSED)
    else:
        await journal.release(again)
    assert desk.standing() == [("success", "")]
    with desk.ledger.reading() as connection:
        call = connection.execute(sa.select(rows.c.call_id, rows.c.due_at)).one()
        first = connection.execute(sa.select(attempts).where(attempts.c.nth == 1)).one()
    assert call.call_id == "call_1"
    assert (call.due_at is None) == (ending == "refused")
    assert first.waived_at is None
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
