"""Attempts in doubt: how they are found in a ledger, and what settling one writes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from batchdial.errors import CampaignBusyError, LedgerError
from batchdial.ledger import evidence as module
from batchdial.ledger.evidence import Evidence, OpenRow
from batchdial.ledger.schema import attempts
from batchdial.models import CallStatus, Settlement
from batchdial.rules.evidence import CallRecord, Doubt, Finding, Span, span_of
from tests.ledger.bench import NUMBERS, SERVICE, SqlBench, after, contact, pending
from tests.ledger.test_contract import ACCEPTED, LOST, REFUSED, claimed_from, twice_in_doubt

if TYPE_CHECKING:
    from datetime import datetime

    from batchdial.models import Claimed

PENDING, DIALING, SUCCESS = CallStatus.PENDING, CallStatus.DIALING, CallStatus.SUCCESS
FAILED, UNKNOWN, SUPPRESSED = CallStatus.FAILED, CallStatus.UNKNOWN, CallStatus.SUPPRESSED

WITHIN = timedelta(minutes=10)


async def dial(
    bench: SqlBench, *ends: Settlement | None, pick: CallStatus = PENDING
) -> list[Claimed]:
    """One call after the other, answered after 3 seconds and 60 apart; None leaves it in flight."""
    journal = bench.run(pick)
    claims = []
    for end in ends:
        claimed = await claimed_from(journal)
        claims.append(claimed)
        bench.clock.move(3)
        if end is not None:
            await journal.settle(claimed, end)
        bench.clock.move(57)
    await journal.close()
    return claims


async def dial_elsewhere(bench: SqlBench, name: str, service: str, *ends: Settlement) -> int:
    """The same numbers, called by another campaign; its id."""
    campaign = bench.ledger.campaign(name, "ag_1", service, bench.clock.moment)
    lease = bench.acquire(campaign)
    journal = bench.journal(lease, bench.add_list(lease, pending(len(ends)), f"{name}.csv"))
    for end in ends:
        await journal.settle(await claimed_from(journal), end)
    await journal.close()
    return campaign.id


def evidence_of(bench: SqlBench) -> Evidence:
    """What the bench's campaign of today does not know."""
    (campaign,) = bench.ledger.find("leads")
    return Evidence(bench.ledger, campaign)


def ids(bench: SqlBench) -> list[int]:
    """The ids of the rows of the bench's list."""
    found = bench.lists.rows_at(bench.list_id, range(2, 60))
    return [row_id for _, (row_id, _) in sorted(found.items())]


def attempts_of(bench: SqlBench) -> list[tuple[int, str, str, datetime | None]]:
    """Number of the attempt, status, callId and end of every attempt."""
    query = sa.select(attempts).order_by(attempts.c.row_id, attempts.c.nth)
    with bench.ledger.reading() as connection:
        return [(a.nth, a.status, a.call_id, a.settled_at) for a in connection.execute(query)]


async def test_unknown_rows_are_listed_with_when_they_were_sent(sql_bench: SqlBench) -> None:
    """Those of active lists in their order, each once, whoever else called its number."""
    sql_bench.begin(pending(4))
    start = sql_bench.clock.moment
    await dial(sql_bench, LOST, ACCEPTED, LOST, None)
    await dial_elsewhere(sql_bench, "other", SERVICE, LOST, LOST, LOST)
    rows = sql_bench.standing()
    assert evidence_of(sql_bench).open_rows() == [
        OpenRow("leads.csv", rows[0], start),
        OpenRow("leads.csv", rows[2], after(start, 120)),
    ]
    lease = sql_bench.acquire()
    more = sql_bench.add_list(lease, [contact(2, NUMBERS[7])], "more.csv")
    journal = sql_bench.journal(lease, more)
    await journal.settle(await claimed_from(journal), LOST)
    await journal.close()
    found = evidence_of(sql_bench).open_rows()
    assert [one.list_name for one in found] == ["leads.csv"] * 3 + ["more.csv"]
    sql_bench.add_list(lease, [contact(2, NUMBERS[8])], "more.csv", replaces="more.csv")
    found = evidence_of(sql_bench).open_rows()
    assert [(one.list_name, one.contact.row) for one in found] == [
        ("leads.csv", row) for row in (2, 4, 5)
    ]


async def test_an_unknown_row_was_sent_when_its_last_doubt_was(sql_bench: SqlBench) -> None:
    """Not when an earlier attempt was that a person waived, or one of an earlier round."""
    sql_bench.begin(pending(1))
    await dial(sql_bench, LOST)
    await dial(sql_bench, LOST, pick=UNKNOWN)
    (found,) = evidence_of(sql_bench).open_rows()
    assert found.sent_at == after(sql_bench.clock.moment, -60)
    lease = sql_bench.ledger.again(sql_bench.acquire())
    sql_bench.list_id = sql_bench.add_list(lease, pending(1))
    sql_bench.campaign = lease.campaign
    await dial(sql_bench, LOST)
    (found,) = evidence_of(sql_bench).open_rows()
    assert found.sent_at == after(sql_bench.clock.moment, -60)


async def test_an_unknown_row_whose_number_certainly_rang(sql_bench: SqlBench) -> None:
    """The call that is known is not the one in doubt: nobody knows when that was sent."""
    sql_bench.begin(pending(1))
    await dial(sql_bench, ACCEPTED)
    lease = sql_bench.acquire()
    sql_bench.add_list(lease, [contact(9, NUMBERS[0], UNKNOWN)], "more.csv")
    (found,) = evidence_of(sql_bench).open_rows()
    assert (found.contact.row, found.sent_at) == (9, None)


async def test_doubts_of_all_campaigns_compete(sql_bench: SqlBench) -> None:
    """Only those that stand in this campaign today are its own; what is certain is left out."""
    sql_bench.begin(pending(5))
    start = sql_bench.clock.moment
    named = replace(LOST, call_id="call_9")
    await dial(sql_bench, LOST, named, REFUSED, ACCEPTED, None)
    await dial(sql_bench, LOST, pick=UNKNOWN)
    other = await dial_elsewhere(sql_bench, "other", SERVICE, LOST)
    end = sql_bench.clock.moment
    await dial_elsewhere(sql_bench, "foreign", "https://elsewhere.test", LOST, LOST)
    brought = replace(contact(9, NUMBERS[6], SUCCESS), last_attempt_at=start)
    lease = sql_bench.acquire()
    sql_bench.add_list(lease, [brought], "brought.csv")
    (last,) = sql_bench.lists.rows_at(sql_bench.list_id + 3, [9]).values()
    (first,) = sql_bench.lists.rows_at(sql_bench.list_id + 1, [2]).values()
    one, two, _, _, five = ids(sql_bench)
    ours = sql_bench.campaign.id

    def doubt(row_id: int, nth: int, number: str, at: datetime, *, took: int | None) -> Doubt:
        settled = None if took is None else after(at, took)
        return Doubt(row_id, nth, ours, number, span_of(at, settled, WITHIN), ours=False)

    expected = [
        doubt(one, 1, NUMBERS[0], start, took=3),
        replace(doubt(one, 2, NUMBERS[0], after(start, 300), took=3), ours=True),
        replace(doubt(two, 1, NUMBERS[1], after(start, 60), took=3), call_id="call_9", ours=True),
        replace(doubt(five, 1, NUMBERS[4], after(start, 240), took=None), ours=True),
        replace(doubt(first[0], 1, NUMBERS[0], end, took=0), campaign_id=other),
        doubt(last[0], 0, NUMBERS[6], start, took=None),
    ]
    found = evidence_of(sql_bench).doubts(NUMBERS[:10], WITHIN)
    assert found == sorted(expected, key=lambda one: (one.row_id, one.nth))
    assert evidence_of(sql_bench).doubts([NUMBERS[1]], WITHIN) == [expected[2]]


async def test_a_call_in_flight_is_nobodys_to_settle(sql_bench: SqlBench) -> None:
    """Its answer may come still; but a call in a log may be its."""
    sql_bench.begin(pending(1))
    await dial(sql_bench, None)
    (found,) = evidence_of(sql_bench).doubts(NUMBERS[:1], WITHIN)
    assert not found.ours


async def test_doubts_of_an_earlier_round_are_not_ours(sql_bench: SqlBench) -> None:
    """They compete; but the list in which they stood is retired."""
    sql_bench.begin(pending(1))
    await dial(sql_bench, LOST)
    sql_bench.ledger.again(sql_bench.acquire())
    (found,) = evidence_of(sql_bench).doubts(NUMBERS[:1], WITHIN)
    assert not found.ours


async def test_many_numbers_are_asked_for_in_parts(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And none is left out or answered twice."""
    monkeypatch.setattr(module, "_CHUNK", 2)
    sql_bench.begin(pending(5))
    await dial(sql_bench, *[LOST] * 5)
    found = evidence_of(sql_bench).doubts(NUMBERS[:5], WITHIN)
    assert [one.e164 for one in found] == list(NUMBERS[:5])
    assert evidence_of(sql_bench).doubts([], WITHIN) == []


async def test_call_ids_that_belong_to_somebody(sql_bench: SqlBench) -> None:
    """Whether the attempt has it or only its row; a doubtful answer's callId is still free."""
    lease_less = replace(contact(9, NUMBERS[9], SUPPRESSED), call_id="call_2")
    sql_bench.begin([*pending(2), lease_less])
    journal = sql_bench.run()
    await journal.settle(await claimed_from(journal), replace(LOST, call_id="call_3"))
    await journal.settle(await claimed_from(journal), ACCEPTED)
    await journal.close()
    asked = ["call_1", "call_2", "call_3", "call_4"]
    assert evidence_of(sql_bench).taken(asked) == {"call_1", "call_2"}
    assert evidence_of(sql_bench).taken(asked[2:]) == set()


async def test_a_call_id_that_only_an_attempt_has(sql_bench: SqlBench) -> None:
    """The row belongs to a later attempt, and the earlier one was answered after all."""
    old, before, new, _ = await twice_in_doubt(sql_bench)
    await old.settle(before, ACCEPTED)
    await old.close()
    await new.close()
    assert sql_bench.standing()[0].call_id == ""
    assert evidence_of(sql_bench).taken(["call_1"]) == {"call_1"}


async def test_calls_that_were_certainly_accepted(sql_bench: SqlBench) -> None:
    """On the service, wholly within the time, ends included, in the order of the calls."""
    sql_bench.begin(list(reversed(pending(6))))
    start = sql_bench.clock.moment
    ends = [replace(ACCEPTED, call_id=f"call_{n}") for n in range(3)]
    nameless = replace(contact(20, NUMBERS[9], SUCCESS), last_attempt_at=start)
    sql_bench.add_list(sql_bench.acquire(), [nameless], "brought.csv")
    await dial(sql_bench, *ends, replace(LOST, call_id="call_8"), REFUSED, Settlement(SUCCESS))
    await dial_elsewhere(sql_bench, "foreign", "https://elsewhere.test", ACCEPTED)
    evidence = evidence_of(sql_bench)
    numbers = [row.verdict.e164 for row in sql_bench.standing()]
    told = [(f"call_{n}", numbers[n]) for n in range(3)]
    assert evidence.accepted_within(Span(start, after(start, 9_000))) == told
    assert evidence.accepted_within(Span(start, after(start, 123))) == told
    assert evidence.accepted_within(Span(start, after(start, 122))) == told[:2]
    assert evidence.accepted_within(Span(after(start, 1), after(start, 123))) == told[1:]


def found_call(doubt: Doubt, call_id: str = "call_7", at: Span | None = None) -> Finding:
    """A log that has the call of an attempt."""
    record = CallRecord("log.csv row 2", call_id, doubt.e164, at)
    return Finding(doubt, SUCCESS, "it is the call in log.csv row 2", record)


def no_call(doubt: Doubt) -> Finding:
    """A complete log without the call of an attempt."""
    return Finding(doubt, FAILED, "the complete log has no call to the number then")


async def test_what_a_log_proves_is_written(sql_bench: SqlBench) -> None:
    """To the attempt and its row, and nothing to others; then it counts as if it had been told."""
    sql_bench.begin([*pending(4), contact(6, NUMBERS[0], FAILED), contact(7, NUMBERS[2], FAILED)])
    start = sql_bench.clock.moment
    await dial(sql_bench, LOST, LOST, LOST, LOST)
    await dial_elsewhere(sql_bench, "other", SERVICE, LOST)
    evidence = evidence_of(sql_bench)
    doubts = [one for one in evidence.doubts(NUMBERS[:4], WITHIN) if one.ours]
    lease = sql_bench.acquire()
    now = after(start, 3_600)
    began = Span(after(start, 62), after(start, 63))
    before = sql_bench.standing()
    evidence.settle(
        lease,
        [found_call(doubts[0]), found_call(doubts[1], "call_8", began), no_call(doubts[2])],
        now,
    )
    rows = sql_bench.standing()
    where = "it is the call in log.csv row 2"
    assert [(row.verdict.status, row.verdict.reason, row.call_id) for row in rows[:3]] == [
        (SUCCESS, "reconciled", "call_7"),
        (SUCCESS, "reconciled", "call_8"),
        (FAILED, "not_in_log", ""),
    ]
    assert [row.verdict.detail for row in rows[:3]] == [
        f"The answer was lost; {where}.",
        f"The answer was lost; {where}, begun at 2027-01-15 08:01:02 UTC.",
        "Nobody was called: the complete log has no call to the number then.",
    ]
    assert rows[3:] == before[3:]
    assert [(row.attempts, row.last_attempt_at) for row in rows] == [
        (row.attempts, row.last_attempt_at) for row in before
    ]
    assert attempts_of(sql_bench)[:4] == [
        (1, "success", "call_7", now),
        (1, "success", "call_8", now),
        (1, "failed", "", now),
        (1, "unknown", "", after(start, 183)),
    ]
    other = sql_bench.lists.active(sql_bench.ledger.find("other")[0])[0]
    assert [row.verdict.status for row in sql_bench.lists.contacts(other.id)] == [UNKNOWN]
    journal = sql_bench.journal(lease, sql_bench.list_id, FAILED)
    claims = [await journal.claim() for _ in range(3)]
    await journal.close()
    assert [claim.row for claim in claims if claim] == [4]
    assert [row.verdict.status for row in sql_bench.standing()[4:]] == [SUPPRESSED, SUPPRESSED]


async def test_a_row_that_stands_in_a_later_edition_is_settled_there(sql_bench: SqlBench) -> None:
    """The attempt belongs to the edition that was dialled; that one stays as it was."""
    sql_bench.begin(pending(2))
    await dial(sql_bench, LOST)
    lease = sql_bench.acquire()
    edition = [contact(2, NUMBERS[5]), contact(3, NUMBERS[0], UNKNOWN)]
    later = sql_bench.add_list(lease, edition, replaces="leads.csv")
    evidence = evidence_of(sql_bench)
    (doubt,) = evidence.doubts([NUMBERS[0]], WITHIN)
    evidence.settle(lease, [found_call(doubt)], sql_bench.clock.moment)
    told = [row.verdict.status for row in sql_bench.lists.contacts(later)]
    assert told == [PENDING, SUCCESS]
    assert [row.verdict.status for row in sql_bench.standing()] == [UNKNOWN, PENDING]


async def test_nothing_is_settled_under_a_lost_lease(sql_bench: SqlBench) -> None:
    """Another process may be about to dial what the log was to settle."""
    sql_bench.begin(pending(2))
    await dial(sql_bench, LOST)
    lease = sql_bench.acquire()
    sql_bench.acquire()
    sql_bench.new_campaign("other")
    evidence = evidence_of(sql_bench)
    (doubt,) = evidence.doubts([NUMBERS[0]], WITHIN)
    before = sql_bench.standing(), attempts_of(sql_bench)
    with pytest.raises(CampaignBusyError) as refused:
        evidence.settle(lease, [found_call(doubt)], sql_bench.clock.moment)
    assert str(refused.value) == (
        "leads was taken by another process meanwhile. Nothing was settled."
    )
    assert (sql_bench.standing(), attempts_of(sql_bench)) == before


@pytest.mark.parametrize("changed", ["waived", "settled", "answered", "twice", "purged"])
async def test_all_or_nothing_is_settled(changed: str, sql_bench: SqlBench) -> None:
    """A row that does not stand any more where it was read takes back what was written before."""
    sql_bench.begin(pending(2))
    dialled = await dial(sql_bench, LOST, LOST)
    evidence = evidence_of(sql_bench)
    sound, stale = evidence.doubts(NUMBERS[:2], WITHIN)
    lease = sql_bench.acquire()
    if changed == "waived":  # and a newer attempt is in doubt
        journal = sql_bench.journal(lease, sql_bench.list_id, UNKNOWN)
        claims = [await claimed_from(journal) for _ in range(2)]
        await journal.release(claims[0])
        await journal.settle(claims[1], LOST)
        await journal.close()
    elif changed == "settled":
        evidence.settle(lease, [no_call(stale)], sql_bench.clock.moment)
    elif changed == "answered":  # late; another row with the number is in doubt as before
        journal = sql_bench.journal(lease, sql_bench.list_id)
        await journal.settle(dialled[1], ACCEPTED)
        await journal.close()
        sql_bench.add_list(lease, [contact(9, NUMBERS[1], UNKNOWN)], "more.csv")
    elif changed == "twice":
        sql_bench.add_list(lease, [contact(9, NUMBERS[1], UNKNOWN)], "more.csv")
    else:
        with sql_bench.ledger.writing() as connection:
            connection.execute(sa.delete(attempts).where(attempts.c.row_id == stale.row_id))
    before = sql_bench.standing(), attempts_of(sql_bench)
    with pytest.raises(LedgerError) as refused:
        evidence.settle(lease, [found_call(sound), no_call(stale)], sql_bench.clock.moment)
    assert str(refused.value) == ("leads is not as it was when it was read. Nothing was settled.")
    assert (sql_bench.standing(), attempts_of(sql_bench)) == before
