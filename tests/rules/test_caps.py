"""How often one person may be called: every window holds, and nobody waits longer than needed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdial.models import Cap, span_text, time_span
from batchdial.rules.caps import NO_CAPS, Caps

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)

spans = st.integers(1, 14 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
caps = st.lists(st.builds(Cap, st.integers(1, 5), spans), max_size=3).map(
    lambda found: Caps(tuple(found))
)
#: Moments before noon, in seconds.
pasts = st.lists(
    st.integers(0, 15 * 86_400).map(lambda seconds: NOON - timedelta(seconds=seconds)), max_size=12
)


def is_kept(caps: Caps, times: list[datetime]) -> bool:
    """Whether no window holds more calls than a cap allows, asked of each window that begins."""
    return all(
        sum(begin <= time < begin + cap.within for time in times) <= cap.calls
        for cap in caps.every
        for begin in times
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3/24h", [(3, 24 * HOUR)]),
        ("3/24h,7/7d", [(3, 24 * HOUR), (7, 7 * DAY)]),
        (" 1 / 90s , 2/10m ", [(1, 90 * SECOND), (2, 600 * SECOND)]),
        ("10/2w", [(10, 14 * DAY)]),
    ],
)
def test_parse(text: str, expected: list[tuple[int, timedelta]]) -> None:
    """Caps are written as calls and a window, several with commas between them."""
    assert [(cap.calls, cap.within) for cap in Caps.parse(text).every] == expected


@pytest.mark.parametrize(
    "text",
    ["", "3", "3/", "/24h", "0/24h", "3/0h", "3/24", "3/24h,", "-1/24h", "3/1y", "٣/24h", "3/600w"],
)
def test_what_is_no_cap(text: str) -> None:
    """A cap that cannot be read is never taken for none."""
    with pytest.raises(ValueError, match="is no cap; write 3/24h"):
        Caps.parse(text)


@given(spans)
def test_spans_are_read_as_they_are_written(span: timedelta) -> None:
    """What is said to a person can be typed again."""
    assert time_span(span_text(span)) == span


@given(caps)
def test_caps_are_read_as_they_are_written(caps: Caps) -> None:
    """The same of caps."""
    assert not caps.every or Caps.parse(str(caps)) == caps


def test_a_window_rolls() -> None:
    """Three calls in 24 hours: the fourth waits until the first is 24 hours old, to the second."""
    three = Caps.parse("3/24h")
    times = [NOON - 20 * HOUR, NOON - 2 * HOUR, NOON - HOUR]
    assert three.next_allowed(times[1:], NOON) is None
    assert three.next_allowed(times, NOON) == NOON + 4 * HOUR
    assert three.next_allowed(times, NOON + 4 * HOUR - SECOND) == NOON + 4 * HOUR
    assert three.next_allowed(times, NOON + 4 * HOUR) is None


def test_the_cap_that_opens_last_decides() -> None:
    """Several caps hold at once; the one that is told is the one that has to be waited for."""
    both = Caps.parse("1/1h,2/7d")
    times = [NOON - 6 * DAY, NOON]
    assert both.reached(times, NOON) == (Cap(2, 7 * DAY), NOON + DAY)


def test_calls_ahead_of_the_clock_count() -> None:
    """A clock that was set back, or another machine's, makes no room for one more call."""
    assert Caps.parse("1/1h").next_allowed([NOON + HOUR], NOON) == NOON + 2 * HOUR


@given(pasts)
def test_without_caps_nobody_waits(times: list[datetime]) -> None:
    """No cap, no wait."""
    assert NO_CAPS.next_allowed(times, NOON) is None


@given(caps, pasts)
def test_a_wait_ends_as_soon_as_it_may(caps: Caps, times: list[datetime]) -> None:
    """At the moment that is given one more call is allowed, and a second earlier it is not."""
    at = caps.next_allowed(times, NOON)
    if at is not None:
        assert at > NOON
        assert caps.next_allowed(times, at) is None
        assert caps.next_allowed(times, at - SECOND) == at


@given(caps, st.lists(st.integers(0, 6 * 3600), min_size=1, max_size=60))
def test_no_window_ever_holds_more(caps: Caps, gaps: list[int]) -> None:
    """Whoever waits as told never passes a cap, and is not told to wait where there is room."""
    made: list[datetime] = []
    now = NOON
    for gap in gaps:
        now += timedelta(seconds=gap)
        at = caps.next_allowed(made, now)
        assert (at is None) == is_kept(caps, [*made, now])
        now = at or now
        made.append(now)
        assert is_kept(caps, made)


@given(
    caps.filter(lambda found: bool(found.every)),
    st.lists(st.integers(60, 3 * 86_400), min_size=1, max_size=8),
)
def test_thirty_days_of_redials_never_pass_a_cap(caps: Caps, delays: list[int]) -> None:
    """A campaign that redials for thirty days, whatever its delays are, keeps to every window."""
    made: list[datetime] = []
    now, turn = NOON, 0
    while now < NOON + 30 * DAY and len(made) < 300:
        at = caps.next_allowed(made, now)
        if at is None:
            made.append(now)
            at = now + timedelta(seconds=delays[turn % len(delays)])
            turn += 1
        now = at
    assert made
    assert is_kept(caps, made)
