"""Lists: every cell comes back, drafts count for nothing, editions follow each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchdial.ledger.journal import Journal
from batchdial.ledger.lists import Amendments, Lists, Pick
from batchdial.models import CallStatus, Contact, Verdict
from batchdial.rules.redial import CORRECTED
from tests.ledger.bench import NUMBERS, SPACING, SqlBench, contact, pending
from tests.ledger.test_contract import ACCEPTED, LOST, REFUSED, claimed_from
from tests.ledger.test_journal import attempts_of

PENDING, SUCCESS, UNKNOWN = CallStatus.PENDING, CallStatus.SUCCESS, CallStatus.UNKNOWN

#: Any cell: line breaks, quotes, formulas, other scripts; NUL even, which JSON escapes.
CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ROWS = st.lists(st.tuples(CELLS, CELLS), max_size=8)


@given(cells=ROWS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_cell_comes_back_as_it_was_read(
    sql_bench: SqlBench, cells: list[tuple[str, str]]
) -> None:
    """In the order of the file, also where two lists are being written."""
    campaign = sql_bench.new_campaign("leads")
    written = [
        Contact(number, pair, Verdict(CallStatus.INVALID, None, "not_a_number", "Mend it."))
        for number, pair in enumerate(cells, 2)
    ]
    list_id = sql_bench.stage(campaign, written[:3])
    other = sql_bench.stage(campaign, written)
    sql_bench.add_rows(list_id, written[3:])
    assert list(sql_bench.lists.contacts(list_id)) == written
    assert list(sql_bench.lists.contacts(other)) == written


def test_rows_come_back_page_by_page(sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is lost or told twice at the joints, and a filter does not end the reading."""
    monkeypatch.setattr("batchdial.ledger.rows.PAGE", 7)
    for count in (0, 6, 7, 8, 21):
        sql_bench.begin(pending(count))
        assert [row.row for row in sql_bench.standing()] == list(range(2, 2 + count))
    assert list(sql_bench.lists.contacts(sql_bench.list_id, [SUCCESS])) == []


def standing(bench: SqlBench, list_id: int) -> list[str]:
    """Where the rows of a list stand."""
    return [row.verdict.status.value for row in bench.lists.contacts(list_id)]


def test_a_draft_counts_for_nothing(sql_bench: SqlBench) -> None:
    """Neither its lists nor its numbers, nor what it brings along as called."""
    sql_bench.begin([])
    sql_bench.stage(sql_bench.campaign, [contact(2, NUMBERS[0]), contact(3, NUMBERS[1], SUCCESS)])
    assert [one.id for one in sql_bench.lists.active(sql_bench.campaign)] == [sql_bench.list_id]
    assert sql_bench.lists.known(sql_bench.campaign) == {}
    assert attempts_of(sql_bench.where) == []


def test_a_discarded_draft_leaves_no_trace(sql_bench: SqlBench) -> None:
    """And a draft that a crash left is dropped by the next owner; active lists stay."""
    sql_bench.begin(pending(2))
    before = sql_bench.standing()
    first, second = (sql_bench.stage(sql_bench.campaign, pending(3), "b.csv") for _ in range(2))
    sql_bench.lists.discard(first)
    sql_bench.lists.drop_drafts(sql_bench.campaign)
    assert list(sql_bench.lists.contacts(first)) == list(sql_bench.lists.contacts(second)) == []
    assert sql_bench.lists.counts([first, second]) == {}
    assert sql_bench.standing() == before


def test_an_edition_retires_the_earlier_one(sql_bench: SqlBench) -> None:
    """Of the same name only; other lists of the campaign go on."""
    sql_bench.begin(pending(1))
    lease = sql_bench.acquire()
    other = sql_bench.add_list(lease, pending(1), "b.csv")
    edition = sql_bench.add_list(lease, pending(1), "leads.csv", replaces="leads.csv")
    assert [one.id for one in sql_bench.lists.active(lease.campaign)] == [other, edition]
    assert sql_bench.lists.get(edition).name == "leads.csv"


async def test_what_a_list_brings_along_as_called_counts_as_rung(sql_bench: SqlBench) -> None:
    """From the results of another ledger: success, unknown, and already called."""
    sql_bench.begin([])
    lease = sql_bench.acquire()
    called = Verdict(CallStatus.SUPPRESSED, NUMBERS[2], "already_called")
    sql_bench.add_list(
        lease,
        [
            contact(2, NUMBERS[0], SUCCESS),
            contact(3, NUMBERS[1], UNKNOWN),
            Contact(4, (), called),
            contact(5, NUMBERS[3], CallStatus.FAILED),
            contact(6, None, UNKNOWN),
            contact(7, NUMBERS[0], SUCCESS),
        ],
        "old.results.csv",
    )
    known = sql_bench.lists.known(lease.campaign)
    assert {number: one.status for number, one in known.items()} == {
        NUMBERS[0]: SUCCESS,
        NUMBERS[1]: UNKNOWN,
        NUMBERS[2]: SUCCESS,
        NUMBERS[3]: CallStatus.FAILED,
    }
    new = sql_bench.add_list(lease, pending(5), "new.csv")
    journal = sql_bench.journal(lease, new)
    rows = [(await claimed_from(journal)).row for _ in range(2)]
    assert rows == [5, 6]
    assert await journal.claim() is None
    assert standing(sql_bench, new) == ["suppressed"] * 3 + ["dialing"] * 2
    await journal.close()


@pytest.mark.parametrize("counted", [0, 1, 4])
async def test_an_imported_unknown_row_can_be_dialled_where_a_person_says_so(
    sql_bench: SqlBench, counted: int
) -> None:
    """Also if its file does not say how often it was tried."""
    sql_bench.begin([])
    lease = sql_bench.acquire()
    row = replace(contact(2, NUMBERS[0], UNKNOWN), attempts=counted)
    list_id = sql_bench.add_list(lease, [row], "old.results.csv")
    journal = sql_bench.journal(lease, list_id, UNKNOWN)
    claimed = await claimed_from(journal)
    assert claimed.attempt == counted + 1
    await journal.settle(claimed, ACCEPTED)
    assert standing(sql_bench, list_id) == ["success"]
    await journal.close()


async def test_a_campaign_knows_what_its_numbers_came_to(sql_bench: SqlBench) -> None:
    """The call that rang it, wherever it stood; else where its row waits."""
    sql_bench.begin(pending(4))
    lease = sql_bench.acquire()
    journal = sql_bench.journal(lease, sql_bench.list_id)
    for settlement in (ACCEPTED, LOST, REFUSED):
        await journal.settle(await claimed_from(journal), settlement)
    await journal.close()
    edition = sql_bench.add_list(lease, [contact(9, NUMBERS[3])], replaces="leads.csv")
    known = sql_bench.lists.known(lease.campaign)
    assert {number: (one.status.value, one.row) for number, one in known.items()} == {
        NUMBERS[0]: ("success", 2),
        NUMBERS[1]: ("unknown", 3),
        NUMBERS[3]: ("pending", 9),
    }
    one = known[NUMBERS[0]]
    assert (one.call_id, one.attempts, one.list_name) == ("call_1", 1, "leads.csv")
    assert one.last_attempt_at == sql_bench.clock.moment
    assert sql_bench.lists.count([Pick(edition, PENDING)]) == 1


def test_counts_add_up_to_the_rows(sql_bench: SqlBench) -> None:
    """By status and reason, over several lists."""
    sql_bench.begin([*pending(3), contact(5, None, CallStatus.INVALID)])
    other = sql_bench.add_list(sql_bench.acquire(), pending(2), "b.csv")
    counts = sql_bench.lists.counts([sql_bench.list_id, other])
    assert counts == {(PENDING, ""): 5, (CallStatus.INVALID, ""): 1}


async def test_rows_that_a_person_corrected_are_chosen(sql_bench: SqlBench) -> None:
    """Only the rows that a results file names are dialled, with what stands in it."""
    sql_bench.begin([contact(2, NUMBERS[0]), contact(3, None, CallStatus.INVALID), *pending(0)])
    lease = sql_bench.acquire()
    lists: Lists = sql_bench.lists
    there = lists.rows_at(sql_bench.list_id, [3, 99])
    assert list(there) == [3]
    row_id, old = there[3]
    mended = replace(old, cells=("new", "cells"), verdict=Verdict(PENDING, NUMBERS[1], CORRECTED))
    added = Contact(4, ("an", "addition"), Verdict(PENDING, NUMBERS[2]))
    lists.amend(sql_bench.list_id, Amendments([], [(row_id, mended)], [added]), lease.fence)
    picks = [Pick(sql_bench.list_id, PENDING, chosen=lease.fence)]
    assert lists.count(picks) == 2
    found = [one for _, one in lists.first(picks, 5)]
    assert found == [mended, added]
    assert len(lists.first(picks, 1)) == 1
    assert lists.count([Pick(sql_bench.list_id, PENDING)]) == 3


async def test_only_chosen_rows_are_dialled(sql_bench: SqlBench) -> None:
    """Not the others of the list, nor those that were chosen for an earlier owner."""
    sql_bench.begin(pending(4))
    lists, list_id = sql_bench.lists, sql_bench.list_id
    ids = [lists.rows_at(list_id, [row])[row][0] for row in (2, 3, 4)]
    earlier, lease = sql_bench.acquire(), sql_bench.acquire()
    lists.amend(list_id, Amendments(ids[:2]), earlier.fence)
    lists.amend(list_id, Amendments(ids[1:]), lease.fence)
    picks = [Pick(list_id, PENDING, chosen=lease.fence)]
    journal = Journal(sql_bench.ledger, lease, picks, spacing=SPACING, clock=sql_bench.clock)
    claims = [await journal.claim() for _ in range(3)]
    assert [claim.row for claim in claims if claim] == [3, 4]
    assert standing(sql_bench, list_id) == ["pending", "dialing", "dialing", "pending"]
    await journal.close()


def test_the_results_of_a_list_can_go_elsewhere(sql_bench: SqlBench) -> None:
    """From now on."""
    sql_bench.begin([])
    sql_bench.lists.redirect(sql_bench.list_id, "/elsewhere.csv")
    assert sql_bench.lists.get(sql_bench.list_id).output == "/elsewhere.csv"
