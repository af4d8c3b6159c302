"""Which open call is asked about next, and how often anything is asked at all."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from batchdial.rules.polling import (
    EARLY,
    FIRST_GAP,
    LEAST_SAVED,
    LIFETIME,
    MARGIN,
    RARE_GAP,
    Budget,
    Schedule,
)

NOW = 1_800_000_000.0
HOUR = 3_600.0
#: As much as anybody could want, for tests of what the budget has no part in.
PLENTY = Budget(1e6, 1e6)


def asked(schedule: Schedule, begin: float, seconds: float) -> list[tuple[float, str]]:
    """Every question until then, each answered at once by "it goes on"."""
    questions, now = [], begin
    while now < begin + seconds:
        call_id = schedule.next(now)
        if call_id is not None:
            questions.append((now - begin, call_id))
            schedule.goes_on(call_id, now)
            continue
        wait = schedule.wait(now)
        if wait is None:
            break
        now += max(wait, 1e-3)
    return questions


def test_a_call_is_asked_about_at_growing_gaps() -> None:
    """Not before it can have ended; each gap is longer than the last, up to a minute."""
    schedule = Schedule(HOUR, PLENTY)
    schedule.begin("a", NOW, NOW)
    moments = [moment for moment, _ in asked(schedule, NOW, 600)]
    gaps = [after - before for before, after in pairwise(moments)]
    assert moments[0] == FIRST_GAP
    assert all(after >= before - 0.01 for before, after in pairwise(gaps))
    assert 59 < gaps[-1] < 61


def test_a_call_that_began_long_ago_is_asked_about_at_once() -> None:
    """As after a restart."""
    schedule = Schedule(HOUR)
    schedule.begin("a", NOW - 30, NOW)
    assert schedule.next(NOW) == "a"
    assert schedule.next(NOW + 60) is None  # nobody has answered yet


def test_a_call_is_asked_about_when_it_must_be_over_and_rarely_from_then_on() -> None:
    """Its longest time and a margin after it began."""
    schedule = Schedule(60, PLENTY)
    schedule.begin("a", NOW, NOW)
    moments = [moment for moment, _ in asked(schedule, NOW, 3 * RARE_GAP)]
    over = 60 + MARGIN
    assert any(abs(moment - over) < 0.01 for moment in moments)
    late = [moment for moment in moments if moment > over + 1]
    assert [round(moment - over) for moment in late] == [600, 1200]


def test_a_call_is_given_up_after_a_day_and_never_unasked() -> None:
    """A call of long ago is asked about once, at least."""
    schedule = Schedule(HOUR)
    schedule.begin("a", NOW - 2 * LIFETIME, NOW)
    assert not schedule.is_hopeless("a", NOW)
    assert schedule.next(NOW) == "a"
    schedule.goes_on("a", NOW)
    assert schedule.is_hopeless("a", NOW)
    schedule.begin("b", NOW, NOW)
    schedule.goes_on("b", NOW)
    assert not schedule.is_hopeless("b", NOW + LIFETIME - 1)
    assert schedule.is_hopeless("b", NOW + LIFETIME)


def test_news_are_asked_about_at_once() -> None:
    """Whatever is waiting its turn, and although it rings only since a second."""
    schedule = Schedule(HOUR)
    for name in "abcdefgh":
        schedule.begin(name, NOW - 100, NOW)
    schedule.begin("z", NOW, NOW)
    schedule.hear("z", NOW + 1)
    assert schedule.next(NOW + 1) == "z"


def test_a_flood_of_news_is_no_flood_of_questions() -> None:
    """One question a second about a call, and fewer the more often it was false."""
    schedule = Schedule(HOUR, PLENTY)
    schedule.begin("a", NOW, NOW)
    moments = []
    for tick in range(3_000):
        now = NOW + tick / 100
        schedule.hear("a", now)
        if schedule.next(now):
            moments.append(now)
            schedule.goes_on("a", now)
    gaps = [after - before for before, after in pairwise(moments)]
    assert all(gap >= 1 for gap in gaps)
    assert len(moments) < 12
    assert gaps == sorted(gaps)


def test_news_that_were_early_are_looked_into_again() -> None:
    """The post may come before the service's own answer has changed."""
    schedule = Schedule(HOUR)
    schedule.begin("a", NOW - 600, NOW)
    schedule.hear("a", NOW)
    assert schedule.next(NOW) == "a"
    schedule.goes_on("a", NOW)
    assert next(moment for moment, _ in asked(schedule, NOW + 0.1, 30)) < 15


def test_news_of_a_call_that_is_not_known_yet() -> None:
    """The post may come before the answer that names the call."""
    schedule = Schedule(HOUR)
    schedule.hear("a", NOW)
    assert schedule.next(NOW) is None
    schedule.begin("a", NOW, NOW)
    assert schedule.next(NOW) == "a"


def test_news_of_unknown_calls_are_forgotten() -> None:
    """Whoever sends made-up callIds fills no memory, and causes no question."""
    schedule = Schedule(HOUR)
    schedule.hear("a", NOW)
    for ordinal in range(EARLY):
        schedule.hear(f"made up {ordinal}", NOW)
    schedule.begin("a", NOW, NOW)
    assert schedule.next(NOW) is None
    assert len(schedule) == 1


def test_a_question_without_an_answer_is_asked_again_after_the_pause() -> None:
    """Nothing is asked meanwhile, and the call has not been asked about."""
    schedule = Schedule(HOUR, PLENTY)
    schedule.begin("a", NOW - 2 * LIFETIME, NOW)
    assert schedule.next(NOW) == "a"
    schedule.hold(NOW, 7)
    schedule.unanswered("a", NOW)
    assert schedule.next(NOW + 6.9) is None
    assert abs((schedule.wait(NOW) or 0) - 7) < 1e-5
    assert not schedule.is_hopeless("a", NOW + 7)
    assert schedule.next(NOW + 7) == "a"


def test_news_outlive_a_question_without_an_answer() -> None:
    """A call that is said to be over does not wait for the budget because the service was away."""
    schedule = Schedule(HOUR, Budget(5.0, 0.001))
    schedule.begin("a", NOW - 60, NOW)
    schedule.hear("a", NOW)
    for second in range(5):
        assert schedule.next(NOW + second) == "a"
        schedule.unanswered("a", NOW + second)


def test_a_call_that_ended_is_asked_about_no_more() -> None:
    """Whatever is heard of it later."""
    schedule = Schedule(HOUR)
    schedule.begin("a", NOW - 60, NOW)
    schedule.end("a")
    schedule.hear("a", NOW)
    assert schedule.next(NOW) is None
    assert schedule.wait(NOW) is None


@given(st.integers(1, 300), st.floats(1, 300))
def test_the_budget_holds(live: int, seconds: float) -> None:
    """Under one question a second for ten open calls, never more than the ceiling."""
    schedule = Schedule(HOUR)
    for ordinal in range(live):
        schedule.begin(str(ordinal), NOW - 100, NOW)
    number = len(asked(schedule, NOW, seconds))
    assert number <= max(LEAST_SAVED, 5) + seconds * live * 0.1
    assert number <= 1 + seconds * 5


@given(
    st.integers(1, 30),
    st.lists(st.tuples(st.floats(0, 2), st.integers(0, 29)), max_size=200),
)
def test_the_ceiling_holds_whatever_is_heard(live: int, heard: list[tuple[float, int]]) -> None:
    """No two questions are closer than the ceiling has them."""
    schedule, now, moments = Schedule(HOUR), NOW, []
    for ordinal in range(live):
        schedule.begin(str(ordinal), NOW - 100, NOW)
    for gap, ordinal in heard:
        now += gap
        schedule.hear(str(ordinal), now)
        while (call_id := schedule.next(now)) is not None:
            moments.append(now)
            schedule.goes_on(call_id, now)
    assert all(after - before >= 0.199 for before, after in pairwise(moments))


def test_what_is_asked_for_news_is_made_up_for() -> None:
    """Of ten open calls one ends every three seconds: less than a question a second in all."""
    schedule, now, number = Schedule(HOUR), NOW, 0
    for ordinal in range(10):
        schedule.begin(str(ordinal), NOW, NOW)
    for tick in range(6_000):
        now = NOW + tick / 10
        if tick % 30 == 0:
            schedule.hear(str(tick // 30), now)
        call_id = schedule.next(now)
        if call_id is None:
            continue
        number += 1
        if int(call_id) <= tick // 30:
            schedule.end(call_id)
            schedule.begin(str(int(call_id) + 10), now, now)
        else:
            schedule.goes_on(call_id, now)
    assert 200 < number < 600


def test_many_calls_are_asked_about_in_turn() -> None:
    """With a budget for one question a second, the one that waits longest is next."""
    schedule = Schedule(HOUR, Budget(1.0, 0.09))
    for ordinal in range(50):
        schedule.begin(str(ordinal), NOW - 100 + ordinal, NOW - 50)
    first = [call_id for _, call_id in asked(schedule, NOW, 40)]
    assert first == list(map(str, range(len(first))))
    assert 38 <= len(first) <= 44
