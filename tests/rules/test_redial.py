"""May a number be dialled, given what its campaign knows of it? Never twice by accident."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdial.models import CallStatus, Contact, Settlement, Verdict
from batchdial.rules.redial import (
    ALREADY_CALLED,
    CORRECTED,
    OTHER_LIST,
    RANG,
    SAFE_TO_REDIAL,
    Amendment,
    Known,
    amend,
    place,
    stands_after,
    told_as_called,
)

PENDING, DIALING, SUCCESS = CallStatus.PENDING, CallStatus.DIALING, CallStatus.SUCCESS
FAILED, UNKNOWN, SUPPRESSED = CallStatus.FAILED, CallStatus.UNKNOWN, CallStatus.SUPPRESSED
INVALID, DUPLICATE = CallStatus.INVALID, CallStatus.DUPLICATE

MOMENT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
NUMBER, OTHER = "+12025550101", "+12025550102"
#: Statuses that the ledger's memory of a number can have.
REMEMBERED = (PENDING, FAILED, CallStatus.EXPIRED, *RANG)
#: What may be dialled without a person's further word.
DIALABLE = (PENDING, *SAFE_TO_REDIAL)


def known(status: CallStatus, list_name: str = "leads.csv") -> Known:
    """What a campaign remembers of a number."""
    return Known(status, "why", "More.", "call_1", 2, MOMENT, list_name, 7)


def fresh(e164: str | None = NUMBER, status: CallStatus = PENDING) -> Contact:
    """A contact as cleaning leaves it."""
    return Contact(3, ("Ann", e164 or ""), Verdict(status, e164))


def prior(status: str, **more: str) -> dict[str, str]:
    """The results columns of a row that is fed back."""
    told = {"status": status, "e164": NUMBER, "attempts": "1", "callId": "call_1"}
    told |= {"lastAttemptAt": MOMENT.isoformat(), "reason": "", "detail": "", **more}
    return told


NUMBERS = st.sampled_from([NUMBER, OTHER, None])
KNOWN = st.none() | st.builds(
    known, st.sampled_from(REMEMBERED), st.sampled_from(["leads.csv", "b"])
)
CLEANED = st.builds(fresh, NUMBERS.filter(bool), st.just(PENDING)) | st.builds(
    fresh, NUMBERS, st.sampled_from([INVALID, DUPLICATE, SUPPRESSED])
)
CELLS = st.sampled_from(["", NUMBER, NUMBER[1:], "1.2025550101e10", OTHER, "n/a"])
PRIORS = st.builds(
    prior,
    st.sampled_from([*(status.value for status in CallStatus), "", "nonsense"]),
    e164=CELLS,
    attempts=st.sampled_from(["", "0", "3", "x", "-1", "9" * 30]),
    lastAttemptAt=st.sampled_from(["", "yesterday", "2026-01-02T03:04:05Z", "2026-01-02 03:04"]),
    reason=st.sampled_from(["", ALREADY_CALLED, OTHER_LIST, "too_short"]),
)


@given(contact=CLEANED, remembered=KNOWN, replaces=st.sampled_from([None, "leads.csv"]))
def test_a_number_that_rang_is_not_dialled_from_a_list(
    contact: Contact, remembered: Known | None, replaces: str | None
) -> None:
    """Neither at once nor by `retry`; and what cleaning refused stays refused."""
    placed = place(contact, remembered, replaces=replaces)
    assert (placed.row, placed.cells) == (contact.row, contact.cells)
    assert placed.verdict.e164 == contact.verdict.e164
    if contact.verdict.status is not PENDING or remembered is None:
        assert placed == contact
    elif remembered.status in RANG:
        assert placed.verdict.status not in DIALABLE
        assert placed.verdict.status is not DIALING


@given(
    contact=CLEANED, told=PRIORS, remembered=KNOWN, replaces=st.sampled_from([None, "leads.csv"])
)
def test_a_number_that_rang_is_not_dialled_from_a_results_file(
    contact: Contact, told: dict[str, str], remembered: Known | None, replaces: str | None
) -> None:
    """Whatever a person did to the file, what the ledger knows is stronger."""
    placed = place(replace(contact, prior=told), remembered, replaces=replaces)
    assert placed.verdict.status is not DIALING
    if remembered is not None and remembered.status in RANG:
        assert placed.verdict.status not in DIALABLE
    rang_there = told["status"] in RANG or told["reason"] == ALREADY_CALLED
    unchanged = told["e164"].strip("+") == NUMBER[1:] and contact.verdict.e164 == NUMBER
    if remembered is None and rang_there and unchanged:
        assert placed.verdict.status not in DIALABLE


@pytest.mark.parametrize("status", RANG)
def test_results_of_another_ledger_are_believed(status: CallStatus) -> None:
    """Only they know that the number rang; a row that was in flight is unknown."""
    placed = place(replace(fresh(), prior=prior(status)), None, replaces=None)
    assert placed.verdict.status is (UNKNOWN if status is DIALING else status)
    assert (placed.call_id, placed.attempts, placed.last_attempt_at) == ("call_1", 1, MOMENT)
    assert placed.last_attempt_at is not None
    assert placed.last_attempt_at.tzinfo is UTC


def test_results_that_say_little_are_believed() -> None:
    """Columns that somebody deleted are empty; that the row was called still counts."""
    placed = place(replace(fresh(), prior={"status": "success"}), None, replaces=None)
    assert placed.verdict == Verdict(SUCCESS, NUMBER)
    assert (placed.call_id, placed.attempts, placed.last_attempt_at) == ("", 0, None)
    assert told_as_called({"status": "success"}) == {""}


@pytest.mark.parametrize("cell", ["4.47911E+11", "", "12025550101", "x"])
def test_a_number_that_a_spreadsheet_damaged_is_the_same_number(cell: str) -> None:
    """Doubt does not make a new person of somebody who was called."""
    told = prior("success", e164=cell)
    placed = place(replace(fresh(), prior=told), None, replaces=None)
    assert placed.verdict.status is SUCCESS


@pytest.mark.parametrize("status", ["Success", " SUCCESS ", "called", "", "pending?"])
def test_a_status_that_somebody_wrote_over_calls_nobody(status: str) -> None:
    """A call that has a name was made, whatever stands beside it."""
    placed = place(replace(fresh(), prior=prior(status)), None, replaces=None)
    assert placed.verdict.status in {SUCCESS, UNKNOWN}


@pytest.mark.parametrize(
    "told", [prior("invalid", e164="", callId=""), prior("success"), prior("failed")]
)
def test_a_corrected_number_is_a_new_one(told: dict[str, str]) -> None:
    """`retry` finds it by its reason, whatever became of the number before it."""
    placed = place(replace(fresh(OTHER), prior=told), None, replaces=None)
    assert placed.verdict == Verdict(PENDING, OTHER, CORRECTED)


def test_an_edited_list_says_when_the_number_was_called() -> None:
    """With the call's name and how to call all the same."""
    placed = place(fresh(), known(SUCCESS), replaces="leads.csv")
    assert (placed.verdict.status, placed.verdict.reason) == (SUPPRESSED, ALREADY_CALLED)
    assert "2026-01-02 03:04 UTC (callId call_1)" in placed.verdict.detail
    assert "--again" in placed.verdict.detail
    assert (placed.call_id, placed.last_attempt_at) == ("call_1", MOMENT)
    undated = place(fresh(), replace(known(SUCCESS), last_attempt_at=None), replaces=None)
    assert "called the number (callId call_1)" in undated.verdict.detail
    nameless = place(fresh(), replace(known(SUCCESS), call_id=""), replaces=None)
    assert "UTC (callId not known). To" in nameless.verdict.detail


@pytest.mark.parametrize("status", [PENDING, *SAFE_TO_REDIAL, UNKNOWN])
def test_an_edition_takes_over_where_its_rows_stood(status: CallStatus) -> None:
    """With attempts and time; a number that stands in another list waits there."""
    same = place(fresh(), known(status), replaces="leads.csv")
    assert same.verdict == Verdict(status, NUMBER, "why", "More.")
    assert (same.call_id, same.attempts, same.last_attempt_at) == ("call_1", 2, MOMENT)
    elsewhere = place(fresh(), known(status, "b.csv"), replaces="leads.csv")
    assert (elsewhere.verdict.status, elsewhere.verdict.reason) == (DUPLICATE, OTHER_LIST)
    assert "row 7 of b.csv" in elsewhere.verdict.detail


STORED = st.none() | st.builds(
    fresh, st.sampled_from([NUMBER, OTHER]), st.sampled_from([PENDING, FAILED, *RANG, SUPPRESSED])
)


@given(contact=CLEANED, stored=STORED, remembered=KNOWN, edited=st.booleans())
def test_an_amendment_never_dials_who_was_called(
    contact: Contact, stored: Contact | None, remembered: Known | None, edited: bool
) -> None:
    """A row whose number rang is not taken back; a new number is a row of its own."""
    if edited:
        contact = replace(contact, cells=("edited", "by hand"))
    amendment = amend(contact, stored, remembered)
    after = amendment.contact
    if stored is None:
        assert amendment.is_new
    elif stored.verdict.status in RANG and after is not None:
        assert amendment.is_new
        assert after.verdict.e164 != stored.verdict.e164
    if after is None:
        return
    assert after.cells == contact.cells
    called = remembered is not None and remembered.status in RANG
    same = stored is not None and after.verdict.e164 == stored.verdict.e164
    if called and not same:
        assert after.verdict.status not in DIALABLE


@pytest.mark.parametrize("was", [PENDING, FAILED, CallStatus.EXPIRED, UNKNOWN])
@pytest.mark.parametrize("status", [PENDING, SUCCESS, FAILED, UNKNOWN])
def test_where_a_row_stands_after_an_attempt(was: CallStatus, status: CallStatus) -> None:
    """A settlement that judges nothing leaves it; a lost answer is never called a failure."""
    after = stands_after(was, Settlement(status))
    if status is PENDING:
        assert after is was
    elif was is UNKNOWN and status is FAILED:
        assert after is UNKNOWN
    else:
        assert after is status


@pytest.mark.parametrize(
    ("prior", "names"),
    [
        pytest.param({"status": "success", "callId": " c1 "}, {NUMBER, "c1"}, id="called"),
        pytest.param({"status": "unknown"}, {NUMBER, ""}, id="perhaps"),
        pytest.param({"status": "Dialing "}, {NUMBER, ""}, id="in-flight"),
        pytest.param({"status": "", "callId": "c1"}, {NUMBER, "c1"}, id="status-gone"),
        pytest.param({"status": "suppressed", "reason": ALREADY_CALLED}, {NUMBER, ""}, id="before"),
        pytest.param({"status": "success", "e164": "1.2E+10"}, {""}, id="number-damaged"),
        pytest.param(
            {"status": "success", "e164": "1 (202) 555-0101"}, {NUMBER, ""}, id="number-edited"
        ),
        pytest.param({"status": "pending"}, set(), id="waits"),
        pytest.param({"status": "failed", "callId": "c1"}, set(), id="nobody-was-called"),
        pytest.param({"status": "duplicate", "reason": OTHER_LIST}, set(), id="another-row"),
        pytest.param({}, set(), id="nothing-said"),
    ],
)
def test_what_a_results_file_tells_of_calls(prior: dict[str, str], names: set[str]) -> None:
    """By number and callId, so that a ledger can be asked whether it knows of them."""
    assert told_as_called({"e164": NUMBER, **prior}) == names


EDITED = ("edited", "by hand")
INVALID_ROW = Contact(3, ("Ann", "?"), Verdict(INVALID, None, "too_short", "Mend it."))
CALLED_BEFORE = replace(fresh(), verdict=place(fresh(), known(SUCCESS), replaces=None).verdict)


@pytest.mark.parametrize(
    ("row", "stored", "remembered", "amendment"),
    [
        pytest.param(fresh(), fresh(), None, Amendment(None), id="nothing-changed"),
        pytest.param(
            replace(fresh(), cells=EDITED),
            fresh(status=FAILED),
            None,
            Amendment(replace(fresh(status=FAILED), cells=EDITED)),
            id="another-cell-of-a-row-that-failed",
        ),
        pytest.param(
            replace(fresh(), cells=EDITED),
            fresh(status=SUCCESS),
            known(SUCCESS),
            Amendment(None),
            id="another-cell-of-a-row-that-was-called",
        ),
        pytest.param(INVALID_ROW, fresh(), None, Amendment(None), id="a-number-that-was-damaged"),
        pytest.param(
            INVALID_ROW, INVALID_ROW, None, Amendment(INVALID_ROW), id="a-number-still-damaged"
        ),
        pytest.param(
            fresh(),
            INVALID_ROW,
            None,
            Amendment(replace(fresh(), verdict=Verdict(PENDING, NUMBER, CORRECTED))),
            id="a-number-that-was-mended",
        ),
        pytest.param(
            fresh(),
            INVALID_ROW,
            known(SUCCESS),
            Amendment(CALLED_BEFORE),
            id="mended-to-a-number-that-was-called",
        ),
        pytest.param(
            fresh(OTHER),
            fresh(status=SUCCESS),
            None,
            Amendment(
                replace(fresh(OTHER), verdict=Verdict(PENDING, OTHER, CORRECTED)), is_new=True
            ),
            id="another-number-where-one-was-called",
        ),
        pytest.param(
            fresh(OTHER),
            fresh(status=FAILED),
            None,
            Amendment(replace(fresh(OTHER), verdict=Verdict(PENDING, OTHER, CORRECTED))),
            id="another-number-where-none-was-called",
        ),
        pytest.param(fresh(), None, None, Amendment(fresh(), is_new=True), id="a-row-more"),
    ],
)
def test_an_amendment(
    row: Contact, stored: Contact | None, remembered: Known | None, amendment: Amendment
) -> None:
    """What one row of a results file changes, whatever the file says that became of it."""
    assert amend(replace(row, prior=prior("failed")), stored, remembered) == amendment


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        pytest.param(
            prior("failed", reason="refused", detail="HTTP 422."),
            Verdict(FAILED, NUMBER, "refused", "HTTP 422."),
            id="failed",
        ),
        pytest.param(
            prior("failed", reason=ALREADY_CALLED),
            Verdict(SUPPRESSED, NUMBER, ALREADY_CALLED),
            id="called-before",
        ),
        pytest.param(
            prior("pending", reason=OTHER_LIST),
            Verdict(DUPLICATE, NUMBER, OTHER_LIST),
            id="in-another-list",
        ),
        pytest.param(
            prior("success", reason=ALREADY_CALLED),
            Verdict(SUCCESS, NUMBER, ALREADY_CALLED),
            id="what-rang-is-stronger",
        ),
        pytest.param(prior("pending"), Verdict(PENDING, NUMBER), id="waits"),
        pytest.param(
            prior("duplicate", reason="same_number"), Verdict(PENDING, NUMBER, CORRECTED), id="new"
        ),
    ],
)
def test_what_the_results_of_another_ledger_say(told: dict[str, str], verdict: Verdict) -> None:
    """Status, reason and detail are taken over as they stand."""
    assert place(replace(fresh(), prior=told), None, replaces=None).verdict == verdict


def test_what_this_ledger_knows_is_stronger_than_its_results() -> None:
    """Whatever somebody wrote into the file; a success that it knows stays its own."""
    for status in (PENDING, FAILED, CallStatus.EXPIRED, SUCCESS, UNKNOWN):
        row = replace(fresh(), prior=prior("failed", attempts="9"))
        placed = place(row, known(status), replaces=None)
        assert (placed.verdict.status, placed.attempts) == (status, 2)
        assert placed.verdict.reason == "why"


def test_a_row_that_failed_and_cannot_be_dialled_any_more() -> None:
    """What cleaning says of it is the newer word; of a call that was made it says nothing."""
    row = replace(INVALID_ROW, prior=prior("failed"))
    assert place(row, None, replaces=None) == row
    called = place(replace(row, prior=prior("success")), None, replaces=None)
    assert called.verdict == Verdict(SUCCESS, NUMBER)


@pytest.mark.parametrize(
    ("attempts", "counted"), [("3", 3), ("0", 0), ("", 0), ("x", 0), ("-1", 0), ("9" * 7, 0)]
)
def test_attempts_are_taken_over(attempts: str, counted: int) -> None:
    """Where they are a number."""
    row = replace(fresh(), prior=prior("success", attempts=attempts))
    assert place(row, None, replaces=None).attempts == counted


def test_words_that_files_and_ledgers_hold() -> None:
    """They mean the same in files that were written long ago."""
    assert (ALREADY_CALLED, OTHER_LIST, CORRECTED) == ("already_called", "other_list", "corrected")
