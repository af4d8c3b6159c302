"""Which call is which attempt: what is proof, and what must stay in doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdial.models import CallStatus
from batchdial.rules.evidence import CallRecord, Doubt, Finding, Span, gaps, match, span_of

if TYPE_CHECKING:
    from random import Random

START = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
NUMBERS = ["+12025550101", "+12025550102", "+12025550103"]
ALWAYS = Span(START - timedelta(days=9), START + timedelta(days=9))


def span(begin: float, end: float) -> Span:
    """From so many to so many seconds after the start."""
    return Span(START + timedelta(seconds=begin), START + timedelta(seconds=end))


spans = st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda t: span(t[0], t[0] + t[1]))
records = st.lists(
    st.builds(
        CallRecord,
        where=st.integers(0, 99).map("row {}".format),
        call_id=st.sampled_from(["", "a", "b", "c", "d", "e"]),
        e164=st.sampled_from([*NUMBERS, None]),
        at=spans | st.none(),
    ),
    max_size=8,
)
doubts = st.lists(
    st.builds(
        Doubt,
        row_id=st.integers(1, 4),
        nth=st.integers(1, 3),
        campaign_id=st.just(1),
        e164=st.sampled_from(NUMBERS),
        span=spans,
        call_id=st.sampled_from(["", "", "", "a"]),
        ours=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda doubt: (doubt.row_id, doubt.nth),
)
known = st.sets(st.sampled_from(["a", "b", "c"]))
complete = st.none() | st.just(ALWAYS) | spans


@given(doubts, records, known, complete, st.randoms(use_true_random=False))
def test_what_holds_whatever_the_logs_say(
    doubts: list[Doubt],
    records: list[CallRecord],
    known: set[str],
    complete: Span | None,
    random: Random,
) -> None:
    """
    Every doubt of ours is answered once. A call settles one attempt at most, to its own
    number, at its own time, and is no other attempt's; order and repetition change nothing.
    """
    found = match(doubts, records, known=known, complete=complete)
    assert [one.doubt for one in found] == [one for one in doubts if one.ours]
    used = [one.record for one in found if one.record is not None]
    assert len({one.call_id for one in used}) == len(used)
    for one in found:
        assert (one.record is not None) == (one.status is CallStatus.SUCCESS)
        if one.record is not None:
            assert one.record.call_id
            assert one.record.call_id not in known
            assert one.record.e164 == one.doubt.e164
            named = one.record.call_id == one.doubt.call_id
            assert named or (one.record.at is not None and one.record.at.touches(one.doubt.span))
            assert not _rivals(one.doubt, doubts, one.record)
        if one.status is CallStatus.FAILED:
            assert complete is not None
            assert complete.holds(one.doubt.span)
            assert not _could_be_told_by(one.doubt, records, known)
            assert sum(other.e164 == one.doubt.e164 for other in doubts) == 1
    shuffled = [*records, *records]
    random.shuffle(shuffled)
    again = match(list(reversed(doubts)), shuffled, known=known, complete=complete)
    assert _verdicts(again) == _verdicts(found)


def _verdicts(found: list[Finding]) -> set[tuple[object, ...]]:
    return {
        (one.doubt.row_id, one.doubt.nth, one.status, one.record and one.record.call_id)
        for one in found
    }


def _rivals(doubt: Doubt, doubts: list[Doubt], record: CallRecord) -> list[Doubt]:
    """Other attempts that the call may as well have been."""
    return [
        other
        for other in doubts
        if other != doubt
        and not other.call_id
        and record.call_id not in {one.call_id for one in doubts}
        and other.e164 == record.e164
        and record.at is not None
        and record.at.touches(other.span)
    ]


def _could_be_told_by(doubt: Doubt, records: list[CallRecord], known: set[str]) -> list[CallRecord]:
    """Records that do not rule out that the attempt's phone rang."""
    several = {
        one.call_id
        for one in records
        if len({other.e164 for other in records if other.call_id == one.call_id} - {None}) > 1
    }
    alone = [one for one in records if one.call_id in ("", *several)]
    return [
        one
        for one in alone
        if one.e164 in (None, doubt.e164)
        and (one.call_id not in known or not one.call_id or one.call_id in several)
        and (one.at is None or one.at.touches(doubt.span))
    ]


@given(doubts, records, known, complete)
def test_the_same_logs_again_settle_nothing_more(
    doubts: list[Doubt], records: list[CallRecord], known: set[str], complete: Span | None
) -> None:
    """Once what was found is written down, the same logs find nothing."""
    found = match(doubts, records, known=known, complete=complete)
    settled = [one for one in found if one.status is not CallStatus.UNKNOWN]
    left = [one for one in doubts if one not in [done.doubt for done in settled]]
    owned = known | {one.record.call_id for one in settled if one.record is not None}
    again = match(left, records, known=owned, complete=complete)
    fresh = [one for one in again if one.status is CallStatus.SUCCESS]
    assert fresh == []


DOUBT = Doubt(1, 1, 1, NUMBERS[0], span(0, 10))
CALL = CallRecord("log row 2", "call_1", NUMBERS[0], span(5, 5))


@pytest.mark.parametrize(
    ("doubts", "records", "expected"),
    [
        pytest.param([DOUBT], [CALL], "success", id="its-call"),
        pytest.param([DOUBT], [CALL, CALL], "success", id="told-twice"),
        pytest.param([DOUBT], [], "unknown", id="no-call"),
        pytest.param([DOUBT], [replace(CALL, at=span(-9, -1))], "unknown", id="before"),
        pytest.param([DOUBT], [replace(CALL, at=span(-9, 0))], "success", id="to-the-minute"),
        pytest.param([DOUBT], [replace(CALL, at=span(11, 12))], "unknown", id="too-late"),
        pytest.param([DOUBT], [CALL, replace(CALL, call_id="x")], "unknown", id="two-calls"),
        pytest.param(
            [DOUBT, replace(DOUBT, row_id=2, campaign_id=2, ours=False)],
            [CALL],
            "unknown",
            id="two-attempts",
        ),
        pytest.param(
            [DOUBT, replace(DOUBT, row_id=2, e164=NUMBERS[1])],
            [CALL, replace(CALL, e164=NUMBERS[1])],
            "unknown",
            id="one-id-two-numbers",
        ),
        pytest.param(
            [replace(DOUBT, call_id="call_1")],
            [replace(CALL, at=None)],
            "success",
            id="the-answer-named-it",
        ),
        pytest.param([replace(DOUBT, call_id="call_2")], [CALL], "unknown", id="named-another"),
    ],
)
def test_match(doubts: list[Doubt], records: list[CallRecord], expected: str) -> None:
    """What is proof of a call."""
    assert {one.status for one in match(doubts, records)} == {expected}


@pytest.mark.parametrize(
    ("doubt", "records", "complete", "expected"),
    [
        pytest.param(DOUBT, [], None, "unknown", id="nobody-says-so"),
        pytest.param(DOUBT, [], span(0, 10), "failed", id="just-covered"),
        pytest.param(DOUBT, [], span(1, 99), "unknown", id="begins-late"),
        pytest.param(DOUBT, [], span(-9, 9), "unknown", id="ends-early"),
        pytest.param(DOUBT, [replace(CALL, at=span(20, 21))], ALWAYS, "failed", id="called-later"),
        pytest.param(DOUBT, [replace(CALL, call_id="")], ALWAYS, "unknown", id="no-id"),
        pytest.param(DOUBT, [replace(CALL, at=None)], ALWAYS, "unknown", id="no-time"),
        pytest.param(DOUBT, [replace(CALL, e164=None)], ALWAYS, "unknown", id="no-number"),
        pytest.param(replace(DOUBT, call_id="x"), [], ALWAYS, "unknown", id="the-answer-named-one"),
    ],
)
def test_absence(
    doubt: Doubt, records: list[CallRecord], complete: Span | None, expected: str
) -> None:
    """A missing call proves something only where a person says that none can be missing."""
    assert match([doubt], records, complete=complete)[0].status == expected


def test_an_earlier_doubt_about_the_number() -> None:
    """Absence does not settle a row of which an earlier attempt is in doubt as well."""
    earlier = replace(DOUBT, nth=2, span=span(-99, -50), ours=False)
    assert match([DOUBT, earlier], [], complete=ALWAYS)[0].status is CallStatus.UNKNOWN


def test_span_of() -> None:
    """From a little before the claim until a while after the answer was given up."""
    within = timedelta(minutes=1)
    assert span_of(START, START + timedelta(seconds=5), within) == span(-2, 65)
    assert span_of(START, None, within) == span(-2, 90)


def test_gaps() -> None:
    """Calls that were made and are not in a log, or have another number there."""
    assert gaps([("call_1", NUMBERS[0])], [CALL]) == []
    assert gaps([("call_1", NUMBERS[1]), ("call_2", NUMBERS[0])], [CALL]) == ["call_1", "call_2"]
