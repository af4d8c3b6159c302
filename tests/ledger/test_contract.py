"""What dialling may rely on, whatever the ledger is kept in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from batchdial.errors import LedgerError
from batchdial.ledger.journal import Journal
from batchdial.ledger.memory import MemoryJournal
from batchdial.models import CallStatus, Claimed, Contact, Settlement
from tests.ledger.bench import NUMBERS, SPACING, AnyJournal, Bench, contact, pending

if TYPE_CHECKING:
    from batchdial.dialing.terms import Record

PENDING, DIALING, SUCCESS = CallStatus.PENDING, CallStatus.DIALING, CallStatus.SUCCESS
FAILED, UNKNOWN, SUPPRESSED = CallStatus.FAILED, CallStatus.UNKNOWN, CallStatus.SUPPRESSED

ACCEPTED = Settlement(SUCCESS, call_id="call_1", http_status=200)
REFUSED = Settlement(FAILED, "refused", "Refused: HTTP 422.", http_status=422)
LOST = Settlement(UNKNOWN, "answer_lost", "May have rung.")
THROTTLED = Settlement(PENDING, "rate_limited", "Not processed: HTTP 429.", http_status=429)


async def claimed_from(journal: AnyJournal) -> Claimed:
    """The next row of a journal that has one."""
    claimed = await journal.claim()
    assert claimed is not None
    return claimed


async def leave(bench: Bench, settlement: Settlement) -> None:
    """A run that claims the first row and settles it."""
    journal = bench.run()
    await journal.settle(await claimed_from(journal), settlement)
    await journal.close()


def statuses(bench: Bench) -> list[CallStatus]:
    """Where the rows stand, in the file's order."""
    return [row.verdict.status for row in bench.standing()]


def test_every_journal_is_a_record() -> None:
    """The type checker holds each of them to what the dispatcher asks for."""
    journals: list[type[Record]] = [Journal, MemoryJournal]
    assert len(journals) == 2


async def test_rows_are_claimed_once_and_in_the_order_of_the_file(bench: Bench) -> None:
    """After the last one there is nothing to claim, also if a row stands as before again."""
    bench.begin(pending(5))
    journal = bench.run()
    claims = [await claimed_from(journal) for _ in range(5)]
    assert [claim.row for claim in claims] == [2, 3, 4, 5, 6]
    assert [claim.e164 for claim in claims] == list(NUMBERS[:5])
    await journal.settle(claims[0], THROTTLED)
    await journal.release(claims[1])
    assert await journal.claim() is None
    assert statuses(bench) == [PENDING, PENDING, DIALING, DIALING, DIALING]
    await journal.close()


async def test_a_claim_tells_what_is_sent(bench: Bench) -> None:
    """Cells, number, count of attempts, and where the row stood."""
    bench.begin([contact(7, NUMBERS[0])])
    journal = bench.run()
    claimed = await claimed_from(journal)
    assert (claimed.row, claimed.e164, claimed.cells) == (7, NUMBERS[0], ("name 7", NUMBERS[0]))
    assert (claimed.attempt, claimed.was) == (1, PENDING)
    await journal.close()


async def test_concurrent_claims_give_distinct_rows(bench: Bench) -> None:
    """Whoever asks first gets the earlier row; who asks for too many gets none."""
    bench.begin(pending(20))
    journal = bench.run()
    claims = await asyncio.gather(*(journal.claim() for _ in range(25)))
    assert [claim.row for claim in claims if claim] == list(range(2, 22))
    assert claims[20:] == [None] * 5
    await journal.close()


async def test_only_rows_of_the_scope_are_claimed(bench: Bench) -> None:
    """One status after the other, each in the file's order."""
    bench.begin(
        [
            contact(2, NUMBERS[0], CallStatus.EXPIRED),
            contact(3, NUMBERS[1], FAILED),
            contact(4, NUMBERS[2]),
            contact(5, NUMBERS[3], SUPPRESSED),
            contact(6, NUMBERS[4], FAILED),
        ]
    )
    journal = bench.run(FAILED, CallStatus.EXPIRED)
    claims = await asyncio.gather(*(journal.claim() for _ in range(5)))
    assert [claim.row for claim in claims if claim] == [3, 6, 2]
    await journal.close()


async def test_no_more_rows_are_claimed_than_were_asked_for(bench: Bench) -> None:
    """Also where the last of one status and the first of the next are claimed together."""
    bench.begin([contact(2, NUMBERS[0], FAILED), contact(3, NUMBERS[1], FAILED), *pending(9)[2:]])
    journal = bench.run(FAILED, PENDING)
    claims = await asyncio.gather(*(journal.claim() for _ in range(4)))
    assert [claim.row for claim in claims if claim] == [2, 3, 4, 5]
    assert statuses(bench) == [DIALING] * 4 + [PENDING] * 5
    assert (await claimed_from(journal)).row == 6
    await journal.close()


async def test_rows_of_an_earlier_run_are_claimed_in_the_order_of_the_file(bench: Bench) -> None:
    """Not in the order in which something was written of them last; and none is skipped."""
    bench.begin(pending(6))
    journal = bench.run()
    for claimed in reversed([await claimed_from(journal) for _ in range(4)]):
        await journal.settle(claimed, THROTTLED)
    await journal.close()
    journal = bench.run()
    claims = [await journal.claim() for _ in range(7)]
    assert [claim.row for claim in claims if claim] == [2, 3, 4, 5, 6, 7]
    await journal.close()


@pytest.mark.parametrize(
    "settlement",
    [
        pytest.param(ACCEPTED, id="accepted"),
        pytest.param(REFUSED, id="refused"),
        pytest.param(LOST, id="lost"),
        pytest.param(THROTTLED, id="not-judged"),
    ],
)
async def test_a_settlement_is_what_the_row_says(bench: Bench, settlement: Settlement) -> None:
    """Once or twice said, now or after another process took the campaign."""
    bench.begin(pending(3))
    journal = bench.run()
    once, twice, late = [await claimed_from(journal) for _ in range(3)]
    bench.clock.move(3)
    await journal.settle(once, settlement)
    await journal.settle(twice, settlement)
    await journal.settle(twice, settlement)
    after = bench.run()
    assert statuses(bench)[2] is UNKNOWN
    await journal.settle(late, settlement)
    for row in bench.standing():
        assert row.verdict.status is settlement.status
        assert (row.verdict.reason, row.verdict.detail) == (settlement.reason, settlement.detail)
        assert (row.call_id, row.attempts) == (settlement.call_id, 1)
        assert row.last_attempt_at == bench.clock.moment
    await journal.close()
    await after.close()


@pytest.mark.parametrize("second", [REFUSED, LOST, THROTTLED], ids=["refused", "lost", "429"])
async def test_a_success_is_never_taken_back(bench: Bench, second: Settlement) -> None:
    """Whatever is said of the same attempt afterwards; its number has rung."""
    bench.begin([contact(2, NUMBERS[0]), contact(3, NUMBERS[0])])
    journal = bench.run()
    claimed = await claimed_from(journal)
    await journal.settle(claimed, ACCEPTED)
    await journal.settle(claimed, second)
    assert statuses(bench) == [SUCCESS, PENDING]
    assert bench.standing()[0].call_id == "call_1"
    assert await journal.claim() is None
    assert statuses(bench) == [SUCCESS, SUPPRESSED]
    await journal.close()


@pytest.mark.parametrize("was", [PENDING, FAILED, UNKNOWN])
async def test_a_released_row_stands_as_before(bench: Bench, was: CallStatus) -> None:
    """In every field, and it can be claimed as before by the next run."""
    bench.begin(pending(1))
    first = {PENDING: THROTTLED, FAILED: REFUSED, UNKNOWN: LOST}[was]
    await leave(bench, first)
    before = bench.standing()
    assert before[0].verdict.status is was
    bench.clock.move(60)
    journal = bench.run(was)
    claimed = await claimed_from(journal)
    assert statuses(bench) == [DIALING]
    await journal.release(claimed)
    await journal.release(claimed)
    assert bench.standing() == before
    await journal.close()
    journal = bench.run(was)
    assert (await claimed_from(journal)).attempt == claimed.attempt
    await journal.close()


@pytest.mark.parametrize("was", [PENDING, FAILED, UNKNOWN])
async def test_a_row_released_late_stands_as_before(bench: Bench, was: CallStatus) -> None:
    """A new owner called it unknown; the old one knows that nothing was sent."""
    bench.begin(pending(1))
    await leave(bench, {PENDING: THROTTLED, FAILED: REFUSED, UNKNOWN: LOST}[was])
    before = bench.standing()[0]
    old = bench.run(was)
    claimed = await claimed_from(old)
    new = bench.run(was)
    assert statuses(bench) == [UNKNOWN]
    await old.release(claimed)
    assert bench.standing()[0].verdict == before.verdict
    assert bench.standing()[0].attempts == before.attempts
    await old.close()
    await new.close()


@pytest.mark.parametrize("other", [ACCEPTED, LOST, None], ids=["rang", "lost", "in-flight"])
async def test_a_release_forgets_no_other_call(bench: Bench, other: Settlement | None) -> None:
    """What is taken back is one attempt of one row."""
    bench.begin([contact(2, NUMBERS[0]), contact(3, NUMBERS[1]), contact(4, NUMBERS[0])])
    journal = bench.run()
    rang, unsent = [await claimed_from(journal) for _ in range(2)]
    if other is not None:
        await journal.settle(rang, other)
    await journal.release(unsent)
    assert await journal.claim() is None
    assert statuses(bench) == [other.status if other else DIALING, PENDING, SUPPRESSED]
    await journal.close()


async def test_another_attempt_counts_up(bench: Bench) -> None:
    """A row that was not judged is claimed again, and stands for its last attempt."""
    bench.begin(pending(1))
    journal = bench.run()
    claimed = await claimed_from(journal)
    for nth in (2, 3):
        await journal.settle(claimed, THROTTLED)
        again = await journal.claim_again(claimed)
        assert again is not None
        assert (again.attempt, again.row_id, again.was) == (nth, claimed.row_id, PENDING)
        claimed = again
    await journal.settle(claimed, ACCEPTED)
    assert (statuses(bench), bench.standing()[0].attempts) == ([SUCCESS], 3)
    await journal.close()


@pytest.mark.parametrize("settlement", [ACCEPTED, REFUSED, LOST, None])
async def test_a_row_that_is_not_ours_is_not_claimed_again(
    bench: Bench, settlement: Settlement | None
) -> None:
    """It was judged, or its answer is awaited still."""
    bench.begin(pending(1))
    journal = bench.run()
    claimed = await claimed_from(journal)
    if settlement is not None:
        await journal.settle(claimed, settlement)
    before = bench.standing()
    assert await journal.claim_again(claimed) is None
    assert bench.standing() == before
    await journal.close()


@pytest.mark.parametrize("end", [ACCEPTED, LOST, None], ids=["rang", "lost", "in-flight"])
async def test_a_doubt_that_was_waived_once_is_not_waived_for_the_next_attempt(
    bench: Bench, end: Settlement | None
) -> None:
    """A row is in doubt again; that another's attempt was refused meanwhile says nothing of it."""
    bench.begin(pending(2))
    journal = bench.run()
    for _ in range(2):
        await journal.settle(await claimed_from(journal), LOST)
    await journal.close()
    journal = bench.run(UNKNOWN)
    again, other = [await claimed_from(journal) for _ in range(2)]
    await journal.settle(other, REFUSED)
    if end is not None:
        await journal.settle(again, end)
    before = bench.standing()
    assert await journal.claim_again(again) is None
    assert bench.standing() == before
    await journal.close()


async def test_a_row_that_waited_does_not_ring_after_another(bench: Bench) -> None:
    """While it was to be sent again, another row with its number was, and may have rung."""
    bench.begin([contact(2, NUMBERS[0]), contact(3, NUMBERS[0])])
    journal = bench.run()
    first = await claimed_from(journal)
    await journal.settle(first, THROTTLED)
    await journal.settle(await claimed_from(journal), LOST)
    assert await journal.claim_again(first) is None
    assert statuses(bench) == [SUPPRESSED, UNKNOWN]
    await journal.close()


async def test_no_other_row_is_claimed_in_its_place(bench: Bench) -> None:
    """Rows that stand alike are told apart, and a row whose attempts went on is not ours."""
    bench.begin(pending(2))
    journal = bench.run()
    first, second = [await claimed_from(journal) for _ in range(2)]
    await journal.settle(first, THROTTLED)
    await journal.settle(second, THROTTLED)
    again = await journal.claim_again(second)
    assert again is not None
    assert again.row == second.row
    assert statuses(bench) == [PENDING, DIALING]
    await journal.settle(again, THROTTLED)
    assert await journal.claim_again(second) is None
    assert statuses(bench) == [PENDING, PENDING]
    await journal.close()


@pytest.mark.parametrize("settlement", [ACCEPTED, LOST, None], ids=["rang", "lost", "in-flight"])
async def test_a_number_rings_once(bench: Bench, settlement: Settlement | None) -> None:
    """Another row with the number is suppressed at its claim, in the same run or a later one."""
    bench.begin([contact(row, NUMBERS[0]) for row in (2, 3, 4)])
    journal = bench.run()
    first = await claimed_from(journal)
    if settlement is not None:
        await journal.settle(first, settlement)
    assert await journal.claim() is None
    assert statuses(bench)[1:] == [SUPPRESSED, SUPPRESSED]
    assert {row.verdict.reason for row in bench.standing()[1:]} == {"already_called"}
    await journal.close()
    later = bench.run()
    assert await later.claim() is None
    await later.close()


async def test_two_rows_of_one_number_asked_for_at_once_ring_once(bench: Bench) -> None:
    """The rule holds within one commit too."""
    bench.begin([contact(2, NUMBERS[0]), contact(3, NUMBERS[0]), contact(4, NUMBERS[1])])
    journal = bench.run()
    claims = await asyncio.gather(*(journal.claim() for _ in range(3)))
    assert sorted(claim.row for claim in claims if claim) == [2, 4]
    assert statuses(bench) == [DIALING, SUPPRESSED, DIALING]
    await journal.close()


async def test_a_number_that_was_certainly_not_called_is_free(bench: Bench) -> None:
    """A refused row does not keep another row with the number from being dialled."""
    bench.begin([contact(2, NUMBERS[0]), contact(3, NUMBERS[0])])
    journal = bench.run()
    await journal.settle(await claimed_from(journal), REFUSED)
    assert (await claimed_from(journal)).row == 3
    await journal.close()


@pytest.mark.parametrize("end", [REFUSED, THROTTLED, None], ids=["refused", "429", "released"])
async def test_a_lost_answer_stays_lost(bench: Bench, end: Settlement | None) -> None:
    """A further attempt that came to nothing leaves the row unknown, and its number rung."""
    bench.begin([contact(2, NUMBERS[0]), contact(3, NUMBERS[0], CallStatus.EXPIRED)])
    await leave(bench, LOST)
    bench.clock.move(60)
    journal = bench.run(UNKNOWN)
    claimed = await claimed_from(journal)
    assert (claimed.was, claimed.was_reason, claimed.attempt) == (UNKNOWN, "answer_lost", 2)
    if end is None:
        await journal.release(claimed)
    else:
        await journal.settle(claimed, end)
    verdict = bench.standing()[0].verdict
    assert (verdict.status, verdict.reason) == (UNKNOWN, "answer_lost")
    assert verdict.detail == "May have rung."
    await journal.close()
    other = bench.run(CallStatus.EXPIRED)
    assert await other.claim() is None
    assert statuses(bench) == [UNKNOWN, SUPPRESSED]
    await other.close()


async def test_a_row_in_doubt_that_was_not_judged_is_tried_again(bench: Bench) -> None:
    """The person's word for its call holds for every attempt at that call."""
    bench.begin(pending(1))
    await leave(bench, LOST)
    journal = bench.run(UNKNOWN)
    claimed = await claimed_from(journal)
    await journal.settle(claimed, THROTTLED)
    again = await journal.claim_again(claimed)
    assert again is not None
    assert (again.attempt, again.was, again.was_reason) == (3, UNKNOWN, "answer_lost")
    await journal.settle(again, ACCEPTED)
    assert statuses(bench) == [SUCCESS]
    await journal.close()


async def test_a_row_that_stays_in_doubt_keeps_its_call_id(bench: Bench) -> None:
    """By it a person finds the call that may have rung; the refused one had none."""
    bench.begin(pending(1))
    await leave(bench, replace(LOST, call_id="call_9"))
    bench.clock.move(60)
    journal = bench.run(UNKNOWN)
    await journal.settle(await claimed_from(journal), REFUSED)
    (row,) = bench.standing()
    assert (row.verdict.status, row.call_id) == (UNKNOWN, "call_9")
    assert (row.attempts, row.last_attempt_at) == (2, bench.clock.moment)
    await journal.close()


@pytest.mark.parametrize("end", [ACCEPTED, LOST], ids=["rang", "lost"])
async def test_an_unknown_row_rings_again_where_a_person_says_so(
    bench: Bench, end: Settlement
) -> None:
    """And the new attempt is the one that counts."""
    bench.begin([contact(2, NUMBERS[0]), contact(3, NUMBERS[0], CallStatus.EXPIRED)])
    await leave(bench, LOST)
    journal = bench.run(UNKNOWN, CallStatus.EXPIRED)
    await journal.settle(await claimed_from(journal), end)
    assert await journal.claim() is None
    assert statuses(bench) == [end.status, SUPPRESSED]
    await journal.close()


@pytest.mark.parametrize(
    "end", [ACCEPTED, LOST, REFUSED, None], ids=["rang", "lost", "refused", "released"]
)
async def test_a_number_in_doubt_twice_rings_again_once(
    bench: Bench, end: Settlement | None
) -> None:
    """One word of a person is one call, though two unknown rows have the number."""
    bench.begin([contact(row, NUMBERS[0], UNKNOWN) for row in (2, 3)])
    journal = bench.run(UNKNOWN)
    first = await claimed_from(journal)
    if end is None:
        await journal.release(first)
    else:
        await journal.settle(first, end)
    assert await journal.claim() is None
    assert statuses(bench) == [UNKNOWN if end in (REFUSED, None) else end.status, SUPPRESSED]
    await journal.close()


async def test_what_certainly_rang_is_waived_by_no_word(bench: Bench) -> None:
    """An unknown row whose number another row called is not dialled again as unknown."""
    bench.begin([contact(2, NUMBERS[0], SUCCESS), contact(3, NUMBERS[0], UNKNOWN)])
    journal = bench.run(UNKNOWN)
    assert await journal.claim() is None
    assert statuses(bench) == [SUCCESS, SUPPRESSED]
    await journal.close()


@pytest.mark.parametrize("end", [REFUSED, THROTTLED, None], ids=["refused", "429", "released"])
async def test_each_lost_answer_stays_lost_by_itself(bench: Bench, end: Settlement | None) -> None:
    """Of two rows dialled again, what one comes to says nothing of the other."""
    again = [contact(row, NUMBERS[row % 2], CallStatus.EXPIRED) for row in (4, 5)]
    bench.begin([*pending(2), *again])
    journal = bench.run()
    for _ in range(2):
        await journal.settle(await claimed_from(journal), LOST)
    await journal.close()
    journal = bench.run(UNKNOWN)
    first, second = [await claimed_from(journal) for _ in range(2)]
    if end is None:
        await journal.release(first)
    else:
        await journal.settle(first, end)
    await journal.settle(second, ACCEPTED)
    await journal.close()
    assert statuses(bench)[:2] == [UNKNOWN, SUCCESS]
    other = bench.run(CallStatus.EXPIRED)
    assert await other.claim() is None
    assert statuses(bench) == [UNKNOWN, SUCCESS, SUPPRESSED, SUPPRESSED]
    await other.close()


@pytest.mark.parametrize("end", [REFUSED, None], ids=["refused", "released"])
async def test_the_doubt_of_a_row_that_waits_is_not_taken_for_another(
    bench: Bench, end: Settlement | None
) -> None:
    """The newest lost answer is of another number, and stands all the time."""
    again = [contact(row, NUMBERS[row % 2], CallStatus.EXPIRED) for row in (4, 5)]
    bench.begin([*pending(2), *again])
    journal = bench.run()
    await journal.settle(await claimed_from(journal), LOST)
    bench.clock.move(60)
    await journal.settle(await claimed_from(journal), LOST)
    await journal.close()
    journal = bench.run(UNKNOWN)
    first = await claimed_from(journal)
    await (journal.release(first) if end is None else journal.settle(first, end))
    await journal.close()
    other = bench.run(CallStatus.EXPIRED)
    assert await other.claim() is None
    assert statuses(bench) == [UNKNOWN, UNKNOWN, SUPPRESSED, SUPPRESSED]
    await other.close()


async def test_doubts_at_one_moment_are_told_apart(bench: Bench) -> None:
    """Two lost answers and a refusal, all at the same time by the clock."""
    bench.begin(pending(1))
    await leave(bench, LOST)
    for end in (LOST, REFUSED, REFUSED, ACCEPTED):
        journal = bench.run(UNKNOWN)
        await journal.settle(await claimed_from(journal), end)
        await journal.close()
    assert statuses(bench) == [SUCCESS]


async def test_a_campaign_that_was_taken_over_claims_nothing(bench: Bench) -> None:
    """A process that wakes up under a lost lease may still say what its call came to."""
    bench.begin(pending(4))
    old = bench.run()
    claimed = await claimed_from(old)
    again = await claimed_from(old)
    await old.settle(again, THROTTLED)
    assert await old.renew()
    new = bench.run()
    assert statuses(bench) == [UNKNOWN, PENDING, PENDING, PENDING]
    assert not await old.renew()
    assert await new.renew()
    with pytest.raises(LedgerError, match="taken over"):
        await old.claim()
    with pytest.raises(LedgerError, match="taken over"):
        await old.claim_again(again)
    await old.settle(claimed, ACCEPTED)
    assert statuses(bench) == [SUCCESS, PENDING, PENDING, PENDING]
    assert (await claimed_from(new)).row == 3
    await old.close()
    await new.close()


async def test_a_lease_is_sure_for_a_while(bench: Bench) -> None:
    """A process that was stopped has to ask again before it may send anything."""
    bench.begin(pending(1))
    journal = bench.run()
    assert not journal.is_sure()
    assert await journal.renew()
    assert journal.is_sure()
    bench.clock.move(14.9)
    assert journal.is_sure()
    bench.clock.move(0.1)
    assert not journal.is_sure()
    await claimed_from(journal)
    assert not journal.is_sure()  # a claim says nothing of the lease
    assert await journal.renew()
    bench.clock.move(-3600)  # somebody set the clock back
    assert journal.is_sure()
    await journal.close()


async def test_a_lease_that_was_lost_is_never_sure(bench: Bench) -> None:
    """However often its old owner asks."""
    bench.begin(pending(1))
    old = bench.run()
    assert await old.renew()
    new = bench.run()
    bench.clock.move(20)
    for _ in range(2):
        assert not await old.renew()
        assert not old.is_sure()
    assert await new.renew()
    assert new.is_sure()
    await old.close()
    await new.close()


async def test_nothing_is_unrecorded_where_all_is_well(bench: Bench) -> None:
    """What was settled or given back is in the ledger."""
    bench.begin(pending(2))
    journal = bench.run()
    await journal.settle(await claimed_from(journal), ACCEPTED)
    await journal.release(await claimed_from(journal))
    await journal.close()
    assert journal.unrecorded == []
    assert statuses(bench) == [SUCCESS, PENDING]


async def test_a_row_is_settled_and_the_next_one_claimed(bench: Bench) -> None:
    """In one step; at the end there is no next one."""
    bench.begin(pending(2))
    journal = bench.run()
    first = await claimed_from(journal)
    second = await journal.settle_and_claim(first, ACCEPTED)
    assert second is not None
    assert second.row == 3
    assert statuses(bench) == [SUCCESS, CallStatus.DIALING]
    assert await journal.settle_and_claim(second, REFUSED) is None
    assert statuses(bench) == [SUCCESS, CallStatus.FAILED]
    await journal.close()


async def test_a_number_that_has_just_rung_is_not_claimed_with_its_settlement(
    bench: Bench,
) -> None:
    """What was settled comes first."""
    bench.begin([contact(2, NUMBERS[0]), contact(3, NUMBERS[0]), contact(4, NUMBERS[1])])
    journal = bench.run()
    following = await journal.settle_and_claim(await claimed_from(journal), ACCEPTED)
    assert following is not None
    assert following.row == 4
    assert statuses(bench) == [SUCCESS, SUPPRESSED, CallStatus.DIALING]
    await journal.close()


async def test_a_lost_campaign_still_takes_what_was_settled_with_a_claim(bench: Bench) -> None:
    """The claim is refused, the call is known."""
    bench.begin(pending(2))
    old = bench.run()
    claimed = await claimed_from(old)
    await bench.run().close()
    with pytest.raises(LedgerError, match="taken over"):
        await old.settle_and_claim(claimed, ACCEPTED)
    if not isinstance(old, MemoryJournal):
        assert old.unrecorded == []
    assert statuses(bench) == [SUCCESS, PENDING]
    await old.close()


async def test_a_refused_claim_loses_no_settlement(bench: Bench) -> None:
    """What the same commit was to record is recorded."""
    bench.begin(pending(3))
    old = bench.run()
    claims = [await claimed_from(old) for _ in range(2)]
    await bench.run().close()
    answers = await asyncio.gather(
        old.claim(),
        old.settle(claims[0], ACCEPTED),
        old.claim(),
        old.release(claims[1]),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [
        LedgerError,
        type(None),
        LedgerError,
        type(None),
    ]
    assert statuses(bench) == [SUCCESS, PENDING, PENDING]
    await old.close()


async def twice_in_doubt(bench: Bench) -> tuple[AnyJournal, Claimed, AnyJournal, Claimed]:
    """An old owner's attempt at an unknown row, and the new owner's next attempt at it."""
    bench.begin(pending(1))
    await leave(bench, LOST)
    old = bench.run(UNKNOWN)
    before = await claimed_from(old)
    bench.clock.move(60)
    new = bench.run(UNKNOWN)
    now = await claimed_from(new)
    assert (before.attempt, now.attempt) == (2, 3)
    return old, before, new, now


@pytest.mark.parametrize("end", [ACCEPTED, REFUSED, LOST, None])
@pytest.mark.parametrize("late", [ACCEPTED, REFUSED, THROTTLED, LOST, None])
async def test_a_late_word_does_not_touch_a_newer_attempt(
    bench: Bench, late: Settlement | None, end: Settlement | None
) -> None:
    """The row is the new owner's, and what the new attempt comes to is what it says."""
    old, before, new, now = await twice_in_doubt(bench)
    held = bench.standing()
    if late is None:
        await old.release(before)
    elif late is not ACCEPTED:
        await old.settle(before, late)
    else:
        # Both rang: a person asked for the second. No ledger may break over it.
        await old.settle(before, late)
    assert bench.standing() == held
    if end is None:
        await new.release(now)
    else:
        await new.settle(now, end)
    assert statuses(bench) == [UNKNOWN if end in (REFUSED, None) else end.status]
    await old.close()
    await new.close()
    last = bench.run(UNKNOWN, PENDING)
    assert (await last.claim() is None) == (end is ACCEPTED)
    await last.close()


async def test_departures_are_booked_one_after_the_other(bench: Bench) -> None:
    """Evenly, from now on; a time that went by unused is not made up for."""
    bench.begin(pending(8))
    journal = bench.run()
    claims = await asyncio.gather(*(journal.claim() for _ in range(4)))
    now = bench.clock.now
    expected = [now + index * SPACING for index in range(4)]
    assert [claim.depart_at for claim in claims if claim] == expected
    assert [claim.wait for claim in claims if claim] == [index * SPACING for index in range(4)]
    bench.clock.move(100)
    claims = await asyncio.gather(*(journal.claim() for _ in range(2)))
    assert [claim.wait for claim in claims if claim] == [0.0, SPACING]
    await journal.close()


async def test_a_clock_set_back_a_little_is_waited_for(bench: Bench) -> None:
    """Up to a thousand calls' time: so many may have been booked in earnest."""
    bench.begin(pending(4))
    journal = bench.run()
    await journal.claim()
    bench.clock.move(SPACING - 1_000 * SPACING)
    assert (await claimed_from(journal)).wait == 1_000 * SPACING
    bench.clock.move(-SPACING)
    assert [(await claimed_from(journal)).wait for _ in range(2)] == [0.0, SPACING]
    await journal.close()


async def test_a_clock_set_back_does_not_hold_up_the_calls(bench: Bench) -> None:
    """A slot that was booked for tomorrow is not waited for."""
    bench.begin(pending(4))
    journal = bench.run()
    await journal.claim()
    bench.clock.move(-86_400)
    claims = [await claimed_from(journal) for _ in range(2)]
    assert [claim.wait for claim in claims] == [0.0, SPACING]
    await journal.close()


async def test_rows_in_are_rows_out(bench: Bench) -> None:
    """Whatever happens to them, in the same order and with the same cells."""
    contacts: list[Contact] = [*pending(6), contact(8, None, CallStatus.INVALID)]
    bench.begin(contacts)
    journal = bench.run()
    for settlement in (ACCEPTED, REFUSED, LOST, THROTTLED):
        await journal.settle(await claimed_from(journal), settlement)
    await journal.claim()
    await bench.run().close()
    rows = bench.standing()
    assert [(row.row, row.cells) for row in rows] == [(row.row, row.cells) for row in contacts]
    assert statuses(bench) == [
        SUCCESS,
        FAILED,
        UNKNOWN,
        PENDING,
        UNKNOWN,
        PENDING,
        CallStatus.INVALID,
    ]
    await journal.close()
