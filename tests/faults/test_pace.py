"""Lines 65 to 70, 78 and 79: the service asks for less, for a while or for good."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.dialing.rehearsal import most_in

from .servers import Act, Call, Server, ok, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from .trial import Trial

    Seen = Callable[[str], None]


def at(server: Server) -> list[float]:
    """When calls arrived."""
    return sorted(post.at for post in server.posts)


def asks(line: str, after: timedelta, skew: timedelta = timedelta()) -> Act:
    """Ask for a pause until a date, by a clock that goes wrong by so much."""

    def act(call: Call) -> None:
        theirs = datetime.now(UTC) + skew
        until = format_datetime(theirs + after, usegmt=True)
        date = format_datetime(theirs, usegmt=True)
        status(line, f"Retry-After: {until}", f"Date: {date}")(call)

    return act


SECOND, HOURS = timedelta(seconds=2), timedelta(hours=2)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(
            status("429 Slow", "Retry-After: 1"),
            marks=pytest.mark.fault(65, injected="429 with Retry-After: 1, 12 lanes"),
            id="429",
        ),
        pytest.param(
            status("503 Busy", "Retry-After: 1"),
            marks=pytest.mark.fault(69, injected="503 with Retry-After: 1, 12 lanes"),
            id="503",
        ),
        pytest.param(
            asks("429 Slow", SECOND),
            marks=pytest.mark.fault(66, injected="429 with a date"),
            id="date",
        ),
        pytest.param(
            asks("429 Slow", SECOND, HOURS),
            marks=pytest.mark.fault(66, injected="the same, by a clock 2 h ahead"),
            id="clock-ahead",
        ),
        pytest.param(
            asks("429 Slow", SECOND, -HOURS),
            marks=pytest.mark.fault(66, injected="the same, by a clock 2 h behind"),
            id="clock-behind",
        ),
    ],
)
def test_all_lanes_wait(act: Act, trial: Trial, seen: Seen) -> None:
    """Calls that were on their way arrive; then nothing does for as long as was asked."""
    with Server(ok, act) as server:
        answer = trial.run(server, "--rate", "40/s", rows=20, lanes=12)
        assert answer.code == 0, answer.err
        assert dict(server.rung) == dict.fromkeys(trial.phones, 1)
        gaps = [b - a for a, b in pairwise(at(server))]
        # A date has no fractions: of two seconds at least one is left.
        assert max(gaps) >= 0.99
        assert gaps.index(max(gaps)) <= 1 + 12
        assert sorted(row["attempts"] for row in trial.rows()) == ["1"] * 19 + ["2"]
        assert answer.err.count("The service asked to slow down: 2") == 2  # then, and at the end
        assert "The service asked to slow down: 20/s at the slowest, not 40/s." in answer.err
    seen("nothing arrives for 1 s or more; then all are called, once each")


@pytest.mark.parametrize(
    "header",
    [
        "Fri, 13 Dec 1901 20:45:52 GMT", "-5", "0", "0.01", "soon", "", "1e3", "5, 7",
        "Sun, 99 Mar 2026 99:99:99 GMT", "\t", "\xff", "x" * 60_000,
    ],
)  # fmt: skip
@pytest.mark.fault(67, injected="429 with a past date, negative, float, junk, empty, 60 kB")
def test_a_wait_that_says_nothing(header: str, trial: Trial, seen: Seen) -> None:
    """The program's own pause is taken, and the row is called after it."""
    trial.hurry(BACKOFF=0.02, SHORTEST_WAIT=0.02)
    with Server(status("429 Slow", f"Retry-After: {header}")) as server:
        assert trial.run(server).code == 0
        assert [row["attempts"] for row in trial.rows()] == ["2", "1", "1"]
        assert dict(server.rung) == dict.fromkeys(trial.phones, 1)
    seen("waits as little as it ever does, then success")


@pytest.mark.parametrize(
    "header", ["3153600000", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT", "86400", "301"]
)
@pytest.mark.parametrize("line", ["429 Slow", "503 Busy"])
@pytest.mark.fault(67, injected="429 and 503 with 400 digits, 100 years, the year 9999, a day")
def test_a_wait_that_is_too_long(header: str, line: str, trial: Trial, seen: Seen) -> None:
    """It is not waited for: the campaign pauses, and says until when."""
    with Server(ok, status(line, f"Retry-After: {header}")) as server:
        answer = trial.run(server)
        assert answer.code == 75
        assert ", until 20" in answer.err
        assert "batchdial resume leads" in answer.err
        assert trial.statuses() == ["success", "pending", "pending"]
        assert len(server.posts) == 2
        server.rest = ok
        assert trial("resume", "leads", "--yes").code == 0
        assert dict(server.rung) == dict.fromkeys(trial.phones, 1)
    seen("paused with exit 75, told until when; a day at most; `resume` goes on")


@pytest.mark.fault(68, injected="429 for ever")
def test_429_for_ever(trial: Trial, seen: Seen) -> None:
    """Each row has its budget; then it is failed, and after ten the campaign pauses."""
    trial.hurry(BACKOFF=0.01)
    with Server(rest=status("429 Slow")) as server:
        answer = trial.run(server, "--max-attempts", 2, rows=12)
        assert answer.code == 69
        assert trial.statuses() == ["failed"] * 10 + ["pending"] * 2
        assert {row["reason"] for row in trial.rows()[:10]} == {"rate_limited"}
        assert len(server.posts) == 20
        again = trial("retry", "leads", "--yes", "--stop-after", 0, "--max-attempts", 1)
        assert again.code in {1, 75}
        assert len(server.posts) == 30
    seen("10 rows failed after their budget, the rest pending, exit 69")


def closes_for(seconds: float) -> Act:
    """Answer well, then refuse connections for so long."""

    def act(call: Call) -> None:
        call.server.close()
        threading.Timer(seconds, call.server.listen).start()
        ok(call)

    return act


@pytest.mark.parametrize(
    ("acts", "lanes"),
    [
        pytest.param(
            [ok, closes_for(0.3)],
            1,  # connections that nobody had taken yet would be reset: those rows are unknown
            marks=pytest.mark.fault(70, injected="no port for 0.3 s"),
            id="refused",
        ),
        pytest.param(
            [ok, *[status("503 Busy", "Retry-After: 1")] * 4],
            4,
            marks=pytest.mark.fault(70, injected="four times 503 with Retry-After"),
            id="503",
        ),
    ],
)
def test_an_outage_that_ends(acts: list[Act], lanes: int, trial: Trial, seen: Seen) -> None:
    """The run waits, goes on and finishes by itself."""
    with Server(*acts) as server:
        assert trial.run(server, rows=12, lanes=lanes).code == 0
        assert dict(server.rung) == dict.fromkeys(trial.phones, 1)
    seen("exit 0, everybody called once")


@pytest.mark.fault(78, injected="5/s over 50 lanes, answers after 0.5 s, a 429 in the middle")
def test_the_rate_holds_over_many_lanes(trial: Trial, seen: Seen) -> None:
    """From the first second on, and after the pause."""
    release = threading.Event()

    def slow(call: Call) -> None:
        release.wait(0.5)
        ok(call)

    acts = [slow] * 9
    with Server(*acts, status("429 Slow", "Retry-After: 1"), rest=slow) as server:
        assert trial.run(server, "--rate", "5/s", rows=20, lanes=50).code == 0
        most = most_in(1.0, at(server))
        assert most <= 5
        assert dict(server.rung) == dict.fromkeys(trial.phones, 1)
    seen(f"{most} arrivals in the fullest second of 5/s")


@pytest.mark.fault(79, injected="408 to every first attempt, 20/s, 10 lanes")
def test_attempts_again_count(trial: Trial, seen: Seen) -> None:
    """Every POST counts, whatever it is for."""
    trial.hurry(BACKOFF=0.001)
    tried: set[str] = set()

    def act(call: Call) -> None:
        first = call.post.number not in tried
        tried.add(call.post.number)
        (status("408 Late") if first else ok)(call)

    with Server(rest=act) as server:
        assert trial.run(server, "--rate", "20/s", rows=30, lanes=10).code == 0
        assert len(server.posts) == 60
        most = most_in(1.0, at(server))
        assert most <= 20
    seen(f"60 POSTs, {most} in the fullest second of 20/s")


def test_a_service_that_bears_less(trial: Trial) -> None:
    """Of 200/s asked it takes 40: it is called less, everybody is called, and it is said."""
    trial.hurry(BACKOFF=0.05)
    taken: list[float] = []

    def act(call: Call) -> None:
        now = call.post.at
        if len([one for one in taken if one > now - 0.25]) >= 10:
            status("429 Slow")(call)
        else:
            taken.append(now)
            ok(call)

    with Server(rest=act) as server:
        flags = ("--rate", "200/s", "--max-attempts", 20, "--json")
        answer = trial.run(server, *flags, rows=150, lanes=10)
        assert answer.code == 0, answer.err
        assert dict(server.rung) == dict.fromkeys(trial.phones, 1)
        assert "The service asked to slow down" in answer.err
        assert "not 200/s" in answer.json["warnings"][0]
        assert len(server.posts) < 250
