"""Must a number not be called now? A list first, then consent, then what was called lately."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdial.rules.caps import Caps
from batchdial.rules.suppression import (
    CALLED_LATELY,
    CAP_REACHED,
    DNC_LEDGER,
    DNC_LIST,
    DNC_PREFIX,
    NO_CONSENT,
    Facts,
    Limits,
    Listing,
    PastCall,
    Refusal,
    consent_missing,
    has_consent,
    outdated,
    refusal,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OURS, OTHER = 1, 2
A_DAY = Limits(24 * HOUR)
NO = Refusal(NO_CONSENT, "It has none.")


def called(ago: timedelta, by: int = OTHER) -> PastCall:
    """A call some time before noon."""
    return PastCall(NOON - ago, {OURS: "ours", OTHER: "renewals"}[by], by)


def test_nothing_known_nothing_refused() -> None:
    """A number of which nothing is known is called."""
    assert refusal(Facts(), Limits(), OURS, NOON) is None
    assert refusal(Facts(), Limits(24 * HOUR, Caps.parse("1/7d")), OURS, NOON) is None


@pytest.mark.parametrize(
    ("facts", "reason", "says"),
    [
        (Facts(Listing("dnc.txt")), DNC_LIST, "on the do-not-call list dnc.txt"),
        (Facts(Listing("dnc.txt", "+4479")), DNC_PREFIX, "begin with +4479"),
        (Facts(suppressed_at=NOON - DAY), DNC_LEDGER, "2026-03-01"),
        (Facts(no_consent=NO), NO_CONSENT, "It has none."),
    ],
)
def test_who_must_not_be_called(facts: Facts, reason: str, says: str) -> None:
    """Each ground has its word, and no time at which it ends."""
    found = refusal(facts, A_DAY, OURS, NOON)
    assert found is not None
    assert (found.reason, found.until) == (reason, None)
    assert says in found.detail


def test_a_list_is_told_before_all_else() -> None:
    """Who is on a list is never said to be callable later."""
    facts = Facts(Listing("dnc.txt"), NOON, [called(HOUR)], NO)
    found = refusal(facts, Limits(24 * HOUR, Caps.parse("1/7d")), OURS, NOON)
    assert found is not None
    assert found.reason == DNC_LIST


def test_called_lately_by_another_campaign() -> None:
    """Another campaign's call counts until it is as old as was asked, to the second."""
    facts = Facts(calls=[called(30 * HOUR), called(23 * HOUR)])
    found = refusal(facts, A_DAY, OURS, NOON)
    assert found is not None
    assert (found.reason, found.until) == (CALLED_LATELY, NOON + HOUR)
    assert "renewals called the number at 2026-03-01 13:00 UTC" in found.detail
    assert refusal(facts, A_DAY, OURS, NOON + HOUR - timedelta(seconds=1)) is not None
    assert refusal(facts, A_DAY, OURS, NOON + HOUR) is None


def test_ones_own_calls_are_left_to_its_redial_rules() -> None:
    """A campaign's own call is no reason under --not-called-within, but counts for a cap."""
    facts = Facts(calls=[called(HOUR, by=OURS)])
    assert refusal(facts, A_DAY, OURS, NOON) is None
    found = refusal(facts, Limits(24 * HOUR, Caps.parse("1/24h")), OURS, NOON)
    assert found is not None
    assert (found.reason, found.until) == (CAP_REACHED, NOON + 23 * HOUR)


def test_zero_hours_is_off() -> None:
    """`--not-called-within 0h` asks for nothing."""
    assert refusal(Facts(calls=[called(timedelta(0))]), Limits(), OURS, NOON) is None


def test_caps_count_all_campaigns() -> None:
    """A cap is a promise to a person, whichever campaign calls."""
    limits = Limits(caps=Caps.parse("3/24h,7/7d"))
    facts = Facts(calls=[called(20 * HOUR, OURS), called(3 * HOUR), called(2 * HOUR)])
    found = refusal(facts, limits, OURS, NOON)
    assert found is not None
    assert found.until == NOON + 4 * HOUR
    assert "called 3 times within 24h, the most that 3/24h allows" in found.detail
    assert "from 2026-03-02 16:00:00 UTC" in found.detail


@pytest.mark.parametrize(
    ("limits", "longest"),
    [
        (Limits(), timedelta(0)),
        (A_DAY, DAY),
        (Limits(24 * HOUR, Caps.parse("3/24h,7/7d")), 7 * DAY),
        (Limits(caps=Caps.parse("1/1h")), HOUR),
    ],
)
def test_how_far_back_calls_matter(limits: Limits, longest: timedelta) -> None:
    """The longest window decides which calls must be looked up."""
    assert limits.longest == longest


@given(
    st.lists(st.tuples(st.integers(0, 20 * 86_400), st.sampled_from([OURS, OTHER])), max_size=8),
    st.integers(0, 10 * 24),
    st.sampled_from(["1/1h", "2/24h", "3/24h,7/7d", "1/14d"]),
)
def test_nothing_older_changes_a_verdict(
    past: list[tuple[int, int]], within: int, caps: str
) -> None:
    """Earlier calls may be looked up or not; and `until` is when it may be called."""
    limits = Limits(timedelta(hours=within), Caps.parse(caps))
    calls = [called(timedelta(seconds=ago), by) for ago, by in past]
    since = NOON - limits.longest
    late = [call for call in calls if call.at > since]
    found = refusal(Facts(calls=calls), limits, OURS, NOON)
    assert found == refusal(Facts(calls=late), limits, OURS, NOON)
    if found is not None and found.until is not None:
        later = refusal(Facts(calls=calls), limits, OURS, found.until)
        assert later is None or later.reason != found.reason


@pytest.mark.parametrize(
    "cell",
    ["yes", " YES ", "y", "true", "TRUE", "1", "1.0", "x", "X", "Granted", "opt-in", "Opted In",
     "opted_in", "ja", "Oui", "sí", "si", "да", "\u039d\u0391\u0399", "はい", "✓", "t"],
)  # fmt: skip
def test_what_is_consent(cell: str) -> None:
    """Words with which people and systems say yes."""
    assert has_consent(cell)
    assert consent_missing(("Ann", cell), 1, "consent") is None


@pytest.mark.parametrize(
    "cell",
    ["", " ", "no", "0", "false", "n", "opt-out", "opted out", "yes?", "not given", "unknown",
     "pending", "2024-05-01", "45413", "yes until 2020", "10", "1.5", "n/a", "-", "nein", "ne"],
)  # fmt: skip
def test_what_is_no_consent(cell: str) -> None:
    """Everything else is none, dates among them; the sentence cites it and says what counts."""
    assert not has_consent(cell)
    found = consent_missing(("Ann", cell), 1, "GDPR consent")
    assert found is not None
    assert found.reason == NO_CONSENT
    assert 'column "GDPR consent"' in found.detail
    assert (f'says "{cell}"' if cell.strip() else "is empty") in found.detail


def test_a_row_without_the_cell_has_no_consent() -> None:
    """A short row says nothing, which is no consent."""
    assert consent_missing(("Ann",), 1, "consent") is not None


@given(st.text())
def test_no_cell_breaks_it(cell: str) -> None:
    """Whatever stands in the cell, there is an answer, on one line."""
    found = consent_missing((cell,), 0, "consent")
    assert (found is None) == has_consent(cell)
    assert found is None or "\n" not in found.detail


@pytest.mark.parametrize(
    ("days", "numbers", "warned"),
    [
        (28, ["+447911123456"], 0),
        (29, ["+447911123456"], 1),
        (29, ["+12025550123"], 0),
        (31, ["+12025550123"], 0),
        (32, ["+12025550123"], 1),
        (32, ["+12025550123", "+447911123456"], 2),
        (400, ["+4930123456"], 0),
    ],
)
def test_a_national_list_that_is_too_old(days: int, numbers: list[str], warned: int) -> None:
    """31 days where Americans are called, 28 where Britons are."""
    told = outdated([("dnc.txt", NOON - days * DAY), ("new.txt", NOON)], numbers, NOON)
    assert len(told) == warned
    assert all(f"dnc.txt is {days} days old" in one for one in told)
    almost = [("dnc.txt", NOON - days * DAY - HOUR)]
    assert len(outdated(almost, numbers, NOON)) >= warned
