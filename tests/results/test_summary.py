"""Counts that add up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batchdial.models import Batch, CallStatus, PlainCells
from batchdial.results.summary import ORDER, Tally

COUNTS = st.dictionaries(
    st.tuples(st.sampled_from(CallStatus), st.sampled_from(["", "too_short", "dnc_list"])),
    st.integers(1, 10_000),
)


@given(COUNTS)
def test_the_parts_are_the_whole(counts: dict[tuple[CallStatus, str], int]) -> None:
    """Every row is told under one status, and the statuses add up to the rows."""
    tally = Tally.of(counts)
    assert sum(tally.statuses().values()) == tally.total == sum(counts.values())
    told = tally.as_json()
    assert sum(told["counts"].values()) == told["rows"]
    left, _, right = tally.equation().partition(" = ")
    figures = [int(word.replace(",", "")) for word in right.split() if word[0].isdigit()]
    assert sum(figures) == int(left.split()[0].replace(",", ""))


def test_every_status_is_told() -> None:
    """No status is missing from the order in which they are told."""
    assert sorted(ORDER) == sorted(CallStatus)


def test_words() -> None:
    """`1,204 rows = 1,138 success + 66 failed`."""
    tally = Tally.of({(CallStatus.FAILED, "refused"): 66, (CallStatus.SUCCESS, ""): 1138})
    assert tally.equation() == "1,204 rows = 1,138 success + 66 failed"
    one = Tally()
    one.add(Batch([2], PlainCells([()]), [12025550101], {}))
    assert one.equation() == "1 row = 1 pending"
    assert Tally().equation() == "0 rows = 0"
