"""Lanes: what one answer means for all, when they stop, and what they leave behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from batchdial.dialing.dispatcher import LEASE_LOST, LONGEST_PAUSE
from batchdial.dialing.pacing import GRAIN
from batchdial.dialing.settle import Reply
from batchdial.dialing.terms import Anytime, Ending, Stop
from batchdial.errors import LedgerAwayError, LedgerError
from batchdial.ledger.memory import MemoryJournal, MemoryLedger
from batchdial.models import CallStatus, Claimed, Rate, Settlement
from tests.dialing.rehearsal import ACCEPTED, EPOCH, Rehearsal, most_in
from tests.dialing.simulated import UPTIME, SimulatedLoop, simulate

if TYPE_CHECKING:
    from collections.abc import Callable

THROTTLED = Reply(True, 429)
NOT_CONNECTED = Reply(False, error="refused")
SERVER_ERROR = Reply(True, 500)
LOST = Reply(True, error="reset")


def first(count: int, reply: Reply) -> Callable[[str, int], Reply]:
    """The first requests of the run get this answer, the others are accepted."""
    left = iter(range(count))
    return lambda *_: ACCEPTED if next(left, None) is None else reply


def test_every_row_is_called_once_and_told_once() -> None:
    """With its callId, and the run ends by itself."""
    run = Rehearsal(rows=30)
    assert simulate(run.run()).stop is Stop.DONE
    assert run.count("success") == 30
    assert set(Counter(number for _, number in run.requests).values()) == {1}
    assert sorted(outcome.row for outcome in run.outcomes) == list(range(2, 32))
    assert {outcome.call_id for outcome in run.outcomes} == {"call_1"}
    assert sorted(outcome.e164 for outcome in run.outcomes) == sorted(n for _, n in run.requests)
    assert run.dispatcher.in_flight == 0


def test_nothing_to_dial_is_done() -> None:
    """At once."""
    run = Rehearsal(rows=0)
    assert simulate(run.run()).stop is Stop.DONE
    assert run.requests == []


@pytest.mark.parametrize("slow_commit", [0.0, 0.004])
def test_the_rate_is_kept_and_reached(slow_commit: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty lanes, 200 ms an answer, 20/s: never over it in any second, nor 5 % under it."""
    run = Rehearsal(rows=600, rate=Rate(20, 1), lanes=50)
    _delay_claims(monkeypatch, slow_commit)
    simulate(run.run())
    assert most_in(1.0, run.moments) <= 20
    reached = (len(run.moments) - 1) / (run.moments[-1] - run.moments[0])
    assert reached >= 0.95 * 20
    gaps = [b - a for a, b in pairwise(run.moments)]
    assert min(gaps) >= 1 / 40  # evenly, not in bursts


def test_slow_connections_do_not_bunch_calls() -> None:
    """A handshake of 150 ms before every other call, none before the rest: the window holds."""
    run = Rehearsal(rows=400, rate=Rate(20, 1), lanes=50)
    run.connecting = lambda nth: 0.15 * (nth % 2)
    simulate(run.run())
    assert most_in(1.0, run.moments) <= 20
    assert (len(run.moments) - 1) / (run.moments[-1] - run.moments[0]) >= 0.95 * 20
    assert run.connected == len(run.requests)  # a short wait does not cost a connection


def test_a_call_that_is_being_connected_is_held_by_a_pause() -> None:
    """Nothing leaves in the pause; the row is connected anew after it, and called once."""
    run = Rehearsal(rows=6, rate=Rate(20, 1), lanes=6, answer=first(1, Reply(True, 429, b"", "30")))
    run.connecting = lambda nth: 0.5 if 1 < nth <= 6 else 0.0
    run.seconds = 0.1
    assert simulate(run.run()).stop is Stop.DONE
    told = run.moments[0] + run.seconds
    assert [moment for moment in run.moments[1:] if moment < told + 30] == []
    assert run.count("success") == 6
    assert run.connected > len(run.requests)


def test_a_call_that_is_being_connected_is_not_sent_after_a_stop() -> None:
    """Its row stands where it stood."""
    run = Rehearsal(rows=3, lanes=3, seconds=1.0)
    run.connecting = lambda nth: 10.0 if nth == 3 else 0.0
    run.on_outcome = lambda _: run.dispatcher.stop()
    simulate(run.run())
    assert run.count("pending") == 1
    assert (run.connected, len(run.requests)) == (3, 2)


def test_a_call_that_is_being_connected_is_not_sent_for_another_owner() -> None:
    """The lid was closed over it, and another process has the campaign: the ledger is asked."""
    run = Rehearsal(rows=3, lanes=1)

    def close_lid(nth: int) -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        if nth == 2:
            loop.stall(600)
            run.ledger.acquire()
        return 0.0

    run.connecting = close_lid
    ending = simulate(run.run())
    assert (ending.stop, str(ending.error)) == (Stop.BROKEN, LEASE_LOST)
    assert (run.connected, len(run.requests)) == (2, 1)


def test_a_call_that_could_not_leave_after_all_is_given_back() -> None:
    """It was let go, its connection was not fit any more, and dialling ended: nothing was sent."""
    run = Rehearsal(rows=4, lanes=2)
    run.stale = lambda nth: nth == 3
    run.on_stale = lambda run: run.dispatcher.stop()
    simulate(run.run())
    assert run.count("dialing") == 0
    assert run.count("success") == len(run.requests) == 2
    assert run.count("pending") == 2


def test_a_call_that_could_not_leave_is_tried_again() -> None:
    """Over another connection, and once."""
    run = Rehearsal(rows=4, lanes=2)
    run.stale = lambda nth: nth == 3
    simulate(run.run())
    assert run.count("success") == len(run.requests) == 4


def test_a_row_is_settled_with_the_claim_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its turn has come; a lane that has to wait for it settles first."""
    together: list[Claimed] = []
    original = MemoryJournal.settle_and_claim

    async def both(self: MemoryJournal, claimed: Claimed, end: Settlement) -> Claimed | None:
        together.append(claimed)
        return await original(self, claimed, end)

    monkeypatch.setattr(MemoryJournal, "settle_and_claim", both)
    quick = Rehearsal(rows=20, rate=Rate(5000, 1), lanes=2)
    simulate(quick.run())
    assert len(together) >= 18
    assert quick.count("success") == 20
    together.clear()
    slow = Rehearsal(rows=20, rate=Rate(2, 1), lanes=2)
    simulate(slow.run())
    assert together == []
    assert slow.count("success") == 20


@pytest.mark.parametrize("rate", [Rate(20_000, 1), Rate(5000, 1), Rate(700, 1)])
def test_calls_that_come_together_leave_one_after_the_other(rate: Rate) -> None:
    """At twice the pace at most, over any time that a timer can tell."""
    run = Rehearsal(rows=300, rate=rate, lanes=50, seconds=0.05)
    simulate(run.run())
    few = run.pacer.together
    assert few * run.pacer.spacing <= 2 * GRAIN or few == 1
    spans = [b - a for a, b in zip(run.moments, run.moments[few:], strict=False)]
    assert min(spans) >= few * run.pacer.spacing / 2 - 1e-6
    assert run.count("success") == 300


def _delay_claims(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    original = MemoryJournal.claim

    async def claim(self: MemoryJournal) -> Claimed | None:
        found = await original(self)
        await asyncio.sleep(seconds)
        return found

    monkeypatch.setattr(MemoryJournal, "claim", claim)


def test_attempts_again_count_against_the_rate() -> None:
    """Every POST is a departure, whatever it is for."""
    run = Rehearsal(
        rows=60,
        rate=Rate(10, 1),
        lanes=30,
        answer=lambda _, nth: NOT_CONNECTED if nth < 3 else ACCEPTED,
    )
    simulate(run.run())
    assert len(run.requests) == 180
    assert most_in(1.0, run.moments) <= 10
    assert run.count("success") == 60


def test_a_429_holds_all_lanes() -> None:
    """For as long as the service asked; only calls that were on their way arrive meanwhile."""
    run = Rehearsal(
        rows=60, rate=Rate(20, 1), lanes=20, answer=first(1, Reply(True, 429, b"", "30"))
    )
    assert simulate(run.run()).stop is Stop.DONE
    told = run.moments[0] + run.seconds
    meanwhile = [moment for moment in run.moments if told < moment < told + 30]
    assert meanwhile == []
    assert run.count("success") == 60
    assert most_in(1.0, run.moments) <= 20
    throttled = run.requests[0][1]
    assert [number for _, number in run.requests].count(throttled) == 2


def test_lanes_that_are_told_together_slow_down_once() -> None:
    """Ten answers of one moment halve the pace; a call of the new pace can halve it again."""
    run = Rehearsal(
        rows=40,
        rate=Rate(20, 1),
        lanes=20,
        seconds=0.6,
        max_attempts=9,
        answer=first(10, THROTTLED),
    )
    simulate(run.run())
    assert run.count("success") == 40
    assert str(run.pacer.slowest) == "10/s"
    assert 0.8 < run.pacer.pace.share < 0.9  # each success of a later call gives back a hundredth


def test_a_service_that_bears_less_is_called_less() -> None:
    """Of 20/s asked it takes 6: few are refused, all are called, and the pace stays about there."""
    run = Rehearsal(rows=400, rate=Rate(20, 1), lanes=10, seconds=0.1, max_attempts=5)
    taken: list[float] = []

    def answer(*_: object) -> Reply:
        now = asyncio.get_running_loop().time()
        if len([one for one in taken if one > now - 1]) >= 6:
            return THROTTLED
        taken.append(now)
        return ACCEPTED

    run.answer = answer
    simulate(run.run())
    assert run.count("success") == 400
    refused = len(run.requests) - 400
    assert refused <= 40
    assert 400 / (run.moments[-1] - run.moments[0]) >= 3


@pytest.mark.parametrize("reply", [NOT_CONNECTED, Reply(True, 408), SERVER_ERROR, Reply(True, 422)])
def test_other_failures_say_nothing_of_the_pace(reply: Reply) -> None:
    """Only a service that asks for it is called less."""
    run = Rehearsal(rows=10, answer=first(5, reply))
    simulate(run.run())
    assert run.pacer.slowest.share == 1


def test_a_pause_holds_rows_back_unclaimed() -> None:
    """At most the lanes' calls that were about to leave are `dialing` while nothing leaves."""
    dialing: list[int] = []
    run = Rehearsal(
        rows=60, rate=Rate(1, 1), lanes=20, answer=first(1, Reply(True, 429, b"", "100"))
    )
    run.on_request = lambda run: dialing.append(run.count("dialing"))
    simulate(run.run())
    assert max(dialing) <= 3


def test_a_row_has_one_budget_of_attempts() -> None:
    """Whatever the causes; then it is failed, and the others go on."""
    causes = [THROTTLED, NOT_CONNECTED, Reply(True, 503, b"", "2"), Reply(True, 408)]

    def answer(number: str, nth: int) -> Reply:
        return causes[nth - 1] if number.endswith("0003") else ACCEPTED

    run = Rehearsal(rows=5, max_attempts=4, answer=answer)
    assert simulate(run.run()).stop is Stop.DONE
    assert run.statuses_now() == ["success", "failed", "success", "success", "success"]
    assert len(run.requests) == 8
    failed = run.ledger.rows[2]
    assert (failed.attempts, failed.verdict.reason) == (4, "request_timeout")
    (outcome,) = [one for one in run.outcomes if one.status is CallStatus.FAILED]
    assert outcome.attempts == 4


@pytest.mark.parametrize(
    "reply",
    [SERVER_ERROR, Reply(True, error="reset"), Reply(True, 503), Reply(True, 200, b"{}")],
    ids=["500", "reset", "503-without-retry-after", "unreadable"],
)
def test_a_call_that_may_have_rung_is_not_sent_again(reply: Reply) -> None:
    """The row is unknown after one request."""
    run = Rehearsal(rows=3, answer=first(1, reply))
    simulate(run.run())
    assert run.statuses_now() == ["unknown", "success", "success"]
    assert len(run.requests) == 3


def test_the_waits_double() -> None:
    """Where nothing names one."""
    run = Rehearsal(rows=1, max_attempts=4, answer=lambda *_: NOT_CONNECTED)
    simulate(run.run())
    gaps = [b - a - run.seconds for a, b in pairwise(run.moments)]
    assert gaps == pytest.approx([1, 2, 4], abs=0.2)


def test_a_wait_that_is_just_short_enough_is_waited_for() -> None:
    """In seconds, or as a date by the campaign's clock."""
    for header in (f"{LONGEST_PAUSE:.0f}", "Fri, 15 Jan 2027 09:28:20 GMT"):
        run = Rehearsal(rows=3, lanes=1, answer=first(1, Reply(True, 429, b"", header)))
        assert simulate(run.run()).stop is Stop.DONE
        assert 299 <= run.moments[1] - run.moments[0] <= 301


def test_a_wait_that_is_too_long_ends_the_run() -> None:
    """The row was not judged, so it stays pending like all the others."""
    run = Rehearsal(rows=30, answer=first(1, Reply(True, 429, b"", f"{LONGEST_PAUSE + 1:.0f}")))
    ending = simulate(run.run())
    assert ending.stop is Stop.BUSY
    assert ending.settlement is not None
    assert ending.settlement.retry_after == LONGEST_PAUSE + 1
    assert run.count("pending") + run.count("success") == 30
    assert run.ledger.rows[1].verdict.status is CallStatus.PENDING
    assert len(run.requests) <= 1 + run.lanes


@pytest.mark.parametrize("status", [401, 402, 403, 404, 405])
def test_a_refusal_that_all_would_meet_stops_at_once(status: int) -> None:
    """At most the requests of the other lanes arrive after it, and no row is judged by it."""
    run = Rehearsal(
        rows=100, rate=Rate(1000, 1), lanes=8, answer=lambda *_: Reply(True, status, b"no")
    )
    ending = simulate(run.run())
    assert ending.stop is Stop.REFUSED
    assert ending.settlement is not None
    assert ending.settlement.http_status == status
    assert len(run.requests) <= 8
    assert run.statuses_now() == ["pending"] * 100


def test_a_redirect_stops_too() -> None:
    """The address is wrong; whether that server rang anybody is not known."""
    run = Rehearsal(rows=50, rate=Rate(1000, 1), answer=lambda *_: Reply(True, 307))
    assert simulate(run.run()).stop is Stop.REFUSED
    assert run.count("unknown") == len(run.requests) <= 5
    assert run.count("pending") == 50 - len(run.requests)


@pytest.mark.parametrize(
    ("reply", "status"),
    [(SERVER_ERROR, "unknown"), (Reply(True, 422, b"no"), "failed"), (NOT_CONNECTED, "failed")],
    ids=["500", "422", "refused"],
)
def test_equal_failures_in_a_row_pause_the_campaign(reply: Reply, status: str) -> None:
    """After as many as were asked for, and those of the other lanes."""
    run = Rehearsal(rows=100, lanes=4, stop_after=10, answer=lambda *_: reply)
    ending = simulate(run.run())
    assert ending.stop is Stop.STREAK
    assert ending.settlement is not None
    assert ending.settlement.status == status
    assert 10 <= run.count(status) <= 10 + 3
    assert run.count("pending") == 100 - run.count(status)


def test_rows_that_may_have_rung_are_alike() -> None:
    """Whatever was the matter: ten in a row of which nobody knows are ten too many."""
    run = Rehearsal(rows=30, lanes=1, stop_after=10)
    kinds = [SERVER_ERROR, LOST, Reply(True, 502), Reply(True, 200, b"{}")]
    run.answer = lambda *_: kinds[len(run.requests) % 4]
    assert simulate(run.run()).stop is Stop.STREAK
    assert (run.count("unknown"), run.count("pending")) == (10, 20)


@pytest.mark.parametrize("stop_after", [1, 2])
def test_successes_are_no_streak(stop_after: int) -> None:
    """However alike they are."""
    run = Rehearsal(rows=10, lanes=1, stop_after=stop_after)
    assert simulate(run.run()).stop is Stop.DONE
    assert run.count("success") == 10


@pytest.mark.parametrize("stop_after", [0, 2])
def test_a_success_or_another_failure_ends_a_streak(stop_after: int) -> None:
    """Failures of several kinds, or now and then, are rows' own."""
    answers = [SERVER_ERROR, ACCEPTED, Reply(True, 502), Reply(True, 422), Reply(True, 400), LOST]
    told = iter(answers)
    run = Rehearsal(rows=6, lanes=1, stop_after=stop_after, answer=lambda *_: next(told))
    assert simulate(run.run()).stop is Stop.DONE
    assert run.count("pending") == 0


@pytest.mark.parametrize("rate", [Rate(1, 1), Rate(20, 1), Rate(5000, 1), Rate(10, 60)])
@pytest.mark.parametrize("lanes", [1, 3, 8])
def test_a_limit_is_reached_and_not_passed(rate: Rate, lanes: int) -> None:
    """Exactly so many rows are called, whoever is quick or slow."""
    run = Rehearsal(rows=30, rate=rate, lanes=lanes, limit=7, seconds=0.013)
    assert simulate(run.run()).stop is Stop.LIMIT
    assert run.count("success") == len(run.requests) == 7
    assert run.count("pending") == 23


def test_a_limit_leaves_rows_their_budget() -> None:
    """A row that was begun is finished."""
    run = Rehearsal(rows=9, limit=3, answer=lambda _, nth: NOT_CONNECTED if nth < 3 else ACCEPTED)
    assert simulate(run.run()).stop is Stop.LIMIT
    assert run.count("success") == 3
    assert run.count("pending") == 6


@pytest.mark.parametrize("limit", [None, 4])
def test_the_end_is_not_waited_for_by_every_lane(limit: int | None) -> None:
    """At one call an hour, idle lanes do not keep their turns for hours after the last call."""
    run = Rehearsal(rows=4, rate=Rate(1, 3600), lanes=8, limit=limit)

    async def work() -> float:
        await run.run()
        return asyncio.get_running_loop().time()

    end = simulate(work())
    assert run.count("success") == 4
    assert end - run.moments[-1] <= 3600 + 60


def test_a_stop_finishes_what_is_in_flight() -> None:
    """No further call begins; rows that were claimed and not sent stand as before."""
    run = Rehearsal(rows=100, rate=Rate(100, 1), lanes=20, seconds=5)
    run.on_request = lambda run: run.dispatcher.stop() if len(run.requests) == 12 else None
    assert simulate(run.run()).stop is Stop.ASKED
    assert len(run.requests) == run.answered == run.count("success") == 12
    assert run.count("pending") == 88
    assert run.dispatcher.in_flight == 0


def test_the_first_reason_to_stop_is_the_one_that_is_told() -> None:
    """A key that is refused while a person's stop is being obeyed does not change the story."""
    run = Rehearsal(rows=10, lanes=3, answer=lambda *_: Reply(True, 401))
    run.on_request = lambda run: run.dispatcher.stop()
    assert simulate(run.run()).stop is Stop.ASKED


def test_an_abort_leaves_what_is_in_flight() -> None:
    """Those rows are `dialing`, which the ledger turns unknown; none that was not sent is."""
    run = Rehearsal(rows=100, rate=Rate(100, 1), lanes=20, seconds=5)

    def abort(run: Rehearsal) -> None:
        if len(run.requests) == 12:
            asyncio.get_running_loop().call_soon(run.dispatcher.abort)

    run.on_request = abort
    assert simulate(run.run()).stop is Stop.ASKED
    assert run.answered == 0
    assert run.count("dialing") == len(run.requests) == 12
    assert run.count("pending") == 88


@pytest.mark.parametrize("where", ["body", "outcome", "line"])
def test_a_fault_in_one_lane_ends_all_in_order(where: str) -> None:
    """It is told, calls in flight are settled, and a row that was not sent stands as before."""
    run = Rehearsal(rows=40, rate=Rate(100, 1), lanes=10)
    calls = iter(range(1_000))

    def break_at_fifth(*_: Any) -> Any:
        if next(calls) == 4:
            raise RuntimeError("a bug")
        return {"to": _[0].e164} if where == "body" else ACCEPTED

    if where == "body":
        run.body_of = break_at_fifth
    elif where == "outcome":
        run.on_outcome = break_at_fifth
    else:
        run.answer = break_at_fifth
    ending = simulate(run.run())
    assert ending.stop is Stop.BROKEN
    assert isinstance(ending.error, RuntimeError)
    assert run.count("success") + run.count("dialing") == len(run.requests)
    assert run.count("dialing") == (1 if where == "line" else 0)
    assert run.count("pending") == 40 - len(run.requests)


@pytest.mark.parametrize("method", ["claim", "claim_again", "settle", "release", "renew"])
def test_a_ledger_that_fails_ends_the_run(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is dialled that cannot be recorded, and the error is told."""
    run = Rehearsal(
        rows=400,
        rate=Rate(20, 1),
        lanes=4,
        answer=lambda _, nth: NOT_CONNECTED if nth == 1 else ACCEPTED,
    )
    if method == "release":
        run.on_request = lambda run: run.dispatcher.stop()

    async def fail(*_: object) -> bool:
        raise LedgerError("The disk is full.")

    monkeypatch.setattr(MemoryJournal, method, fail)
    ending = simulate(run.run())
    if method == "release":
        assert ending.stop is Stop.ASKED
    else:
        assert (ending.stop, str(ending.error)) == (Stop.BROKEN, "The disk is full.")
    assert len(run.requests) < 200
    assert run.count("success") + run.count("pending") + run.count("dialing") == 400
    if method == "claim":
        assert run.requests == []


def test_a_lost_lease_stops_the_run() -> None:
    """Another process has the campaign; what is in flight is still recorded."""
    run = Rehearsal(rows=400, rate=Rate(10, 1))

    def steal(run: Rehearsal) -> None:
        if len(run.requests) == 20:
            asyncio.get_running_loop().call_later(0.05, run.ledger.acquire)

    run.on_request = steal
    ending = simulate(run.run())
    assert ending.stop is Stop.BROKEN
    assert len(run.requests) <= 22
    assert run.count("success") == len(run.requests)


def test_a_lease_that_is_lost_in_a_pause_ends_the_pause() -> None:
    """A row that was claimed before it is given back unsent, whoever has the campaign now."""
    answer = first(1, Reply(True, 429, b"", "100"))
    run = Rehearsal(rows=20, rate=Rate(10, 1), lanes=5, seconds=0.192, answer=answer)

    async def work() -> tuple[Ending, float]:
        loop = asyncio.get_running_loop()
        loop.call_later(10, run.ledger.acquire)
        loop.call_later(5, lambda: waiting.append(run.count("dialing")))
        return await run.run(), loop.time()

    waiting: list[int] = []
    ending, end = simulate(work())
    assert waiting == [1]
    assert (ending.stop, str(ending.error)) == (Stop.BROKEN, LEASE_LOST)
    assert end < run.moments[0] + 20
    assert len(run.requests) == 2
    assert run.count("success") == 1
    assert run.count("pending") == 19


@pytest.mark.parametrize("taken", [True, False], ids=["taken-over", "still-ours"])
def test_a_process_that_slept_asks_before_it_sends(taken: bool) -> None:
    """A call that was claimed under a lease that has ended since is given back unsent."""
    run = Rehearsal(rows=5, rate=Rate(10, 1), lanes=1)

    def sleep_before_the_second(nth: int) -> float:
        if nth == 2:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, SimulatedLoop)
            loop.stall(60)
            if taken:
                run.ledger.acquire()
        return 0.0

    run.connecting = sleep_before_the_second
    ending = simulate(run.run())
    if taken:
        assert (ending.stop, str(ending.error)) == (Stop.BROKEN, LEASE_LOST)
        assert run.statuses_now() == ["success", *["pending"] * 4]
    else:
        assert run.statuses_now() == ["success"] * 5
    assert len(run.requests) == run.count("success")


def test_the_lease_is_kept_until_the_last_answer() -> None:
    """Also after a stop: nobody may take the campaign while its calls are in flight."""
    run = Rehearsal(rows=5, lanes=1, seconds=29.0, on_request=lambda run: run.dispatcher.stop())

    async def work() -> bool:
        await run.run()
        return run.journal.is_sure()

    assert simulate(work())
    assert run.count("success") == 1


def test_a_run_that_lives_renews_its_lease() -> None:
    """Also through a long pause."""
    run = Rehearsal(rows=2, lanes=1, answer=first(1, Reply(True, 429, b"", "120")))
    renewed: list[float] = []

    async def work() -> None:
        original = MemoryJournal.renew

        async def renew(self: MemoryJournal) -> bool:
            renewed.append(asyncio.get_running_loop().time())
            return await original(self)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(MemoryJournal, "renew", renew)
            await run.run()

    simulate(work())
    gaps = [b - a for a, b in pairwise(renewed)]
    assert len(renewed) >= 20
    assert max(gaps) <= 10


def test_a_closed_lid_is_followed_by_no_burst() -> None:
    """Ten minutes in which nothing ran are not made up for."""
    run = Rehearsal(rows=200, rate=Rate(10, 1), lanes=20)

    def close_lid(run: Rehearsal) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        if len(run.requests) == 50:
            loop.stall(600)

    run.on_request = close_lid
    assert simulate(run.run()).stop is Stop.DONE
    assert run.count("success") == 200
    assert most_in(1.0, run.moments) <= 10


def test_unknown_rows_are_dialled_where_a_person_says_so() -> None:
    """And one that is not answered for stays unknown."""
    run = Rehearsal(rows=2, answer=first(2, SERVER_ERROR))
    simulate(run.run())
    assert run.statuses_now() == ["unknown", "unknown"]
    run.statuses, run.answer = (CallStatus.UNKNOWN,), first(3, THROTTLED)
    run.lanes = 1
    simulate(run.run())
    assert run.statuses_now() == ["unknown", "success"]


def test_a_cancelled_run_leaves_no_task_behind() -> None:
    """Neither lanes nor the sign of life."""
    run = Rehearsal(rows=20, seconds=3)

    async def work() -> set[asyncio.Task[Any]]:
        task = asyncio.create_task(run.run())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0)
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert simulate(work()) == set()
    assert run.count("dialing") == len(run.requests)


def test_settlements_of_the_rehearsal_are_settlements() -> None:
    """The fake ledger keeps what `settle` says."""
    run = Rehearsal(rows=1, answer=first(1, Reply(True, 422, b"bad number")))
    simulate(run.run())
    (outcome,) = run.outcomes
    row = run.ledger.rows[1]
    said = Settlement(outcome.status, outcome.reason, outcome.detail)
    assert said == Settlement(CallStatus.FAILED, "refused", "Refused: HTTP 422 “bad number”.")
    assert (row.verdict.reason, row.verdict.detail) == (outcome.reason, outcome.detail)


class SharedSlots(MemoryLedger):
    """A campaign whose departures are booked together with those of another process."""

    booked: list[float]

    @property
    def next_at(self) -> float:
        """Of all campaigns of the service."""
        return self.booked[0]

    @next_at.setter
    def next_at(self, moment: float) -> None:
        if "booked" in vars(self):
            self.booked[0] = moment


@pytest.mark.parametrize("seconds", [0.02, 0.3])
def test_two_processes_keep_one_rate(seconds: float) -> None:
    """What they dial together is no more than each was allowed, and not much less."""
    runs = [Rehearsal(rows=150, rate=Rate(10, 1), lanes=10, seconds=seconds) for _ in range(2)]
    booked = [0.0]
    for run in runs:
        run.ledger = SharedSlots(run.ledger.rows.values())
        run.ledger.booked = booked

    async def work() -> None:
        await asyncio.gather(*(run.run() for run in runs))

    simulate(work())
    moments = sorted(moment for run in runs for moment in run.moments)
    assert len(moments) == 300
    assert most_in(1.0, moments) <= 10
    assert (len(moments) - 1) / (moments[-1] - moments[0]) >= 9.5


@pytest.mark.parametrize(
    ("step", "longest"), [(-86_400.0, 0.5), (-30.0, 31.0), (7_200.0, 0.5)], ids=str
)
def test_a_clock_that_is_set_causes_no_burst(step: float, longest: float) -> None:
    """Nor a wait beyond the step itself; after a long step back there is none at all."""
    run = Rehearsal(rows=100, rate=Rate(10, 1), lanes=10)

    def set_clock(run: Rehearsal) -> None:
        run.clock_step = step if len(run.requests) > 40 else 0.0

    run.on_request = set_clock
    assert simulate(run.run()).stop is Stop.DONE
    assert run.count("success") == 100
    assert most_in(1.0, run.moments) <= 10
    assert max(b - a for a, b in pairwise(run.moments)) < longest


def say_from(moment: float, said: str | Exception) -> Callable[..., Any]:
    """What a ledger is asked tells from a moment of the loop on; nothing before."""

    async def say(*_: object) -> str | None:
        if asyncio.get_running_loop().time() < moment:
            return None
        if isinstance(said, Exception):
            raise said
        return said

    return say


@pytest.mark.parametrize(("wish", "stop"), [("pause", Stop.PAUSED), ("cancel", Stop.CANCELLED)])
def test_a_wish_is_heeded_within_a_second(
    wish: str, stop: Stop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No further call begins; those in flight are settled, the other rows stand as before."""
    monkeypatch.setattr(MemoryJournal, "wish", say_from(UPTIME + 10, wish))
    run = Rehearsal(rows=200, rate=Rate(10, 1))
    assert simulate(run.run()).stop is stop
    assert UPTIME + 9.5 < run.moments[-1] <= UPTIME + 11
    assert run.count("success") == len(run.requests)
    assert run.count("pending") == 200 - len(run.requests)


def test_a_wish_that_cannot_be_asked_for_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause must not be missed; a ledger that is only away will tell of it later."""
    monkeypatch.setattr(MemoryJournal, "wish", say_from(UPTIME + 2, LedgerAwayError("Away.")))
    run = Rehearsal(rows=50, rate=Rate(10, 1))
    assert simulate(run.run()).stop is Stop.DONE
    assert run.count("success") == 50
    monkeypatch.setattr(MemoryJournal, "wish", say_from(UPTIME + 2, LedgerError("Torn.")))
    run = Rehearsal(rows=50, rate=Rate(10, 1))
    ending = simulate(run.run())
    assert (ending.stop, str(ending.error)) == (Stop.BROKEN, "Torn.")
    assert len(run.requests) < 35
    assert run.count("success") == len(run.requests)


def test_nobody_is_called_before_the_begin() -> None:
    """Nor does a rest that ends earlier, or somebody who wakes the lanes, change that."""
    run = Rehearsal(rows=5, begin_in=100.0)

    async def work() -> Ending:
        asyncio.get_running_loop().call_later(50, lambda: run.dispatcher.wake())
        return await run.run()

    assert simulate(work()).stop is Stop.DONE
    assert UPTIME + 100 <= run.moments[0] < UPTIME + 101
    assert run.count("success") == 5
    run = Rehearsal(rows=5, begin_in=100.0, waits=False)
    assert simulate(run.run()).stop is Stop.WAITING
    assert run.requests == []


def test_nobody_is_called_from_the_end_on() -> None:
    """It comes while all goes well, in a pause, or before the begin."""
    run = Rehearsal(rows=100, rate=Rate(10, 1), end_in=5.0)
    assert simulate(run.run()).stop is Stop.OVER
    assert UPTIME + 4.8 < run.moments[-1] < UPTIME + 5
    assert run.count("success") == len(run.requests)
    assert run.count("pending") == 100 - len(run.requests)
    run = Rehearsal(rows=9, end_in=20.0, answer=first(1, Reply(True, 429, b"", "200")))

    async def work() -> tuple[Ending, float]:
        return await run.run(), asyncio.get_running_loop().time()

    ending, end = simulate(work())
    assert ending.stop is Stop.OVER
    assert end <= UPTIME + 21
    run = Rehearsal(rows=9, begin_in=50.0, end_in=20.0)
    ending, end = simulate(work())
    assert (ending.stop, end, run.requests) == (Stop.OVER, UPTIME, [])


class Refusing(Anytime):
    """Terms that count the room that is taken, and say no to some calls at the last moment."""

    def __init__(self, may: Callable[[Claimed], bool]) -> None:
        self.may = may
        self.asked: list[tuple[Claimed, float]] = []
        self.made_of: list[Claimed] = []
        self.taken = 0
        self.in_hand = -1  # as it was last told

    def still(self, claimed: Claimed, now: float) -> bool:
        """As the test says."""
        self.asked.append((claimed, now))
        return self.may(claimed)

    def try_room(self) -> bool:
        """There is."""
        self.taken += 1
        return True

    def expects(self, in_hand: int) -> bool:
        """No."""
        self.in_hand = in_hand
        return False

    def spare(self) -> None:
        """Count it."""
        self.taken -= 1

    def made(self, claimed: Claimed, settlement: Settlement) -> None:  # noqa: ARG002
        """Count it."""
        self.taken -= 1
        self.made_of.append(claimed)


@pytest.mark.parametrize("limit", [None, 4])
@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("rate", [Rate(5000, 1), Rate(10, 1)])
def test_a_row_that_is_refused_at_the_door_is_looked_at_again(
    lanes: int, limit: int | None, rate: Rate
) -> None:
    """It is not sent then; it counts for no limit, and is called when it may be."""
    refused: set[int] = set()

    def may(claimed: Claimed) -> bool:
        is_first = claimed.row_id in (1, 4) and claimed.row_id not in refused
        refused.update([claimed.row_id] if is_first else [])
        return not is_first

    run = Rehearsal(rows=6, lanes=lanes, rate=rate, limit=limit, terms=(terms := Refusing(may)))
    assert simulate(run.run()).stop is (Stop.LIMIT if limit else Stop.DONE)
    assert len(run.requests) == run.count("success") == (limit or 6)
    assert run.count("dialing") == 0
    assert terms.taken == 0
    assert sorted(one.row_id for one in terms.made_of) == sorted(
        row_id for row_id, row in run.ledger.rows.items() if row.call_id
    )


def test_every_call_gives_its_room_back_once() -> None:
    """Whatever becomes of it: attempts, failures, a stop while it waits."""
    answers = [THROTTLED, NOT_CONNECTED, SERVER_ERROR, Reply(True, 422), ACCEPTED, LOST]
    told = iter(answers * 4)
    terms = Refusing(lambda _: True)
    run = Rehearsal(rows=16, lanes=4, terms=terms, answer=lambda *_: next(told))
    assert simulate(run.run()).stop is Stop.DONE
    assert terms.taken == 0
    terms = Refusing(lambda _: True)
    run = Rehearsal(rows=16, lanes=4, terms=terms, answer=lambda *_: THROTTLED)
    run.on_request = lambda run: run.dispatcher.stop() if len(run.requests) == 5 else None
    assert simulate(run.run()).stop is Stop.ASKED
    assert terms.taken == 0


def test_rules_that_break_end_the_run() -> None:
    """Nobody is called without them, and the error is told."""
    run = Rehearsal(rows=5, terms=Refusing(lambda claimed: 1 // (3 - claimed.row_id) > -9))
    ending = simulate(run.run())
    assert (ending.stop, type(ending.error)) == (Stop.BROKEN, ZeroDivisionError)
    assert len(run.requests) == run.count("success") == 2
    assert run.count("pending") == 3


def test_a_stop_while_the_rules_are_asked_is_heeded() -> None:
    """They said yes, and somebody said stop before the first byte left."""

    def still(claimed: Claimed) -> bool:
        if claimed.row_id == 3:
            run.dispatcher.stop()
        return True

    run = Rehearsal(rows=5, lanes=1, terms=Refusing(still))
    assert simulate(run.run()).stop is Stop.ASKED
    assert len(run.requests) == run.count("success") == 2
    assert run.count("pending") == 3


def test_a_pause_while_the_rules_are_asked_is_kept() -> None:
    """A call that was about to leave waits with the others."""
    paused: list[float] = []

    def still(claimed: Claimed) -> bool:
        if claimed.row_id == 3 and not paused:
            paused.append(asyncio.get_running_loop().time())
            run.pacer.pause(paused[0], 0.5)
        return True

    run = Rehearsal(rows=5, lanes=1, terms=Refusing(still))
    assert simulate(run.run()).stop is Stop.DONE
    assert len(run.requests) == run.count("success") == 5
    assert run.moments[2] >= paused[0] + 0.5


@pytest.mark.parametrize("step", [1.0, -1.0, 0.99, -0.99])
def test_a_row_that_was_claimed_a_while_ago_is_asked_for_again(
    step: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the wall clock, from a second on, in either direction; the ledger may say no."""
    asked: list[Claimed] = []

    async def stands(_: object, claimed: Claimed) -> bool:
        asked.append(claimed)
        run.clock_step = 0.0
        return len(asked) > 1

    def connecting(nth: int) -> float:
        run.clock_step = step if nth == 3 else 0.0
        return 0.0

    monkeypatch.setattr(MemoryJournal, "stands", stands)
    run = Rehearsal(rows=5, lanes=1, rate=Rate(20, 1))
    run.connecting = connecting
    run.on_request = lambda run: setattr(run, "clock_step", 0.0)
    assert simulate(run.run()).stop is Stop.DONE
    is_late = abs(step) >= 1
    assert [claimed.row_id for claimed in asked] == [3] * is_late
    assert [number[-1] for _, number in run.requests] == list("23564" if is_late else "23456")


def test_the_wait_for_a_slot_and_the_time_to_connect_count_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is less than a second; a row that was claimed longer ago than one is asked for."""
    asked: list[Claimed] = []

    async def stands(_: object, claimed: Claimed) -> bool:
        asked.append(claimed)
        return True

    monkeypatch.setattr(MemoryJournal, "stands", stands)
    run = Rehearsal(rows=5, lanes=1, rate=Rate(1, 1))
    run.connecting = lambda nth: 0.8 if nth == 2 else 0.0

    def others_book(run: Rehearsal) -> None:
        run.ledger.next_at += 0.8 if len(run.requests) in (1, 3) else 0.0

    run.on_request = others_book
    assert simulate(run.run()).stop is Stop.DONE
    assert [claimed.row_id for claimed in asked] == [2]
    assert 0.7 < asked[0].wait < 0.9


def test_a_slot_far_ahead_is_no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row is late by the time of its claim, not by that of its departure."""

    async def stands(*_: object) -> bool:
        raise AssertionError

    monkeypatch.setattr(MemoryJournal, "stands", stands)
    run = Rehearsal(rows=5, lanes=1, rate=Rate(2, 1))
    assert simulate(run.run()).stop is Stop.DONE


@pytest.mark.parametrize("lanes", [2, 8])
def test_a_limit_holds_while_claims_take_long(lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane that has its turn while another claims the last row claims none."""
    _delay_claims(monkeypatch, 0.5)
    run = Rehearsal(rows=30, rate=Rate(100, 1), lanes=lanes, limit=7)
    assert simulate(run.run()).stop is Stop.LIMIT
    assert len(run.requests) == run.count("success") == 7
    assert run.count("pending") == 23


class Rooms(Refusing):
    """Terms under which so many calls are in progress at a time, for so long."""

    def __init__(self, rooms: int, seconds: float, said: str = "") -> None:
        super().__init__(lambda _: True)
        self.rooms, self.seconds, self.said = rooms, seconds, said
        self.live: list[float] = []

    def try_room(self) -> bool:
        """While fewer are live."""
        now = asyncio.get_running_loop().time()
        self.live = [one for one in self.live if one > now]
        return len(self.live) + self.taken < self.rooms and super().try_room()

    def full(self) -> str:
        """As the test says, once that many were called."""
        return self.said if len(self.live) == self.rooms else ""

    def room_in(self) -> float:
        """When the first is over."""
        return max(0.01, min(self.live, default=0.0) - asyncio.get_running_loop().time())

    def made(self, claimed: Claimed, settlement: Settlement) -> None:
        """It goes on from now."""
        super().made(claimed, settlement)
        self.live.append(asyncio.get_running_loop().time() + self.seconds)


@pytest.mark.parametrize("seconds", [3.0, 40.0])
@pytest.mark.parametrize("lanes", [1, 5])
def test_calls_wait_for_room(lanes: int, seconds: float) -> None:
    """As many as may be in progress, and no longer than until one of them is over."""
    run = Rehearsal(rows=8, lanes=lanes, terms=(terms := Rooms(2, seconds)))
    assert simulate(run.run()).stop is Stop.DONE
    assert run.count("success") == 8
    assert most_in(seconds, run.moments) <= 2
    assert run.moments[-1] - run.moments[0] < 3 * (seconds + 2)
    assert terms.taken == 0


def test_where_no_room_will_be_again_the_run_ends() -> None:
    """With what was said; calls in progress are settled."""
    run = Rehearsal(rows=8, lanes=5, terms=(terms := Rooms(2, 1000.0, "Spent.")))
    ending = simulate(run.run())
    assert (ending.stop, ending.said) == (Stop.SPENT, "Spent.")
    assert run.count("success") == len(run.requests) == 2
    assert run.count("pending") == 6
    assert terms.taken == 0


def open_from(seconds: float, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let rows wait until so many seconds after the start; when they were asked for."""
    asked: list[float] = []
    claim, at = MemoryJournal.claim, EPOCH + UPTIME + seconds

    async def when_open(self: MemoryJournal) -> Claimed | None:
        asked.append(self._clock())
        return await claim(self) if self._clock() >= at else None

    def next_at(self: MemoryJournal) -> float | None:
        return at if self._clock() < at else None

    monkeypatch.setattr(MemoryJournal, "claim", when_open)
    monkeypatch.setattr(MemoryJournal, "next_at", property(next_at))
    return asked


@pytest.mark.parametrize(("seconds", "waits"), [(3600.5, True), (1.9, True), (1.9, False)])
def test_rows_that_wait_are_called_when_they_may(
    seconds: float, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither earlier nor later, and they are not asked for meanwhile; a moment is waited out."""
    asked = open_from(seconds, monkeypatch)
    run = Rehearsal(rows=5, waits=waits)
    assert simulate(run.run()).stop is Stop.DONE
    assert run.count("success") == 5
    assert 0 <= run.moments[0] - (UPTIME + seconds) < 0.1
    assert sum(at < EPOCH + UPTIME + seconds for at in asked) <= run.lanes


@pytest.mark.parametrize(
    ("waits", "end_in", "stop"),
    [(False, None, Stop.WAITING), (True, 3000.0, Stop.OVER), (False, 3000.0, Stop.OVER)],
)
def test_rows_that_wait_too_long_end_the_run(
    waits: bool, end_in: float | None, stop: Stop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once: where nobody wants to wait, or the end comes before their time."""
    open_from(3600, monkeypatch)
    run = Rehearsal(rows=5, waits=waits, end_in=end_in)

    async def work() -> tuple[Stop, float]:
        return (await run.run()).stop, asyncio.get_running_loop().time()

    ended, at = simulate(work())
    assert ended is stop
    assert at < UPTIME + 1
    assert run.requests == []


class Expecting(Anytime):
    """Terms under which a call in hand may let its row be called again."""

    def expects(self, in_hand: int) -> bool:
        """While there is one."""
        assert in_hand >= 0
        return in_hand > 0


@pytest.mark.parametrize("reply", [ACCEPTED, Reply(True, 422), THROTTLED])
def test_lanes_rest_while_a_call_in_hand_may_lead_to_another(reply: Reply) -> None:
    """They are there for the row that comes of it, and end when nothing is in hand."""
    run = Rehearsal(rows=2, lanes=3, seconds=9.0, answer=lambda *_: reply, terms=Expecting())
    running: list[int] = []

    async def work() -> Ending:
        loop = asyncio.get_running_loop()
        loop.call_later(
            5, lambda: running.append(sum(not lane.done() for lane in run.dispatcher._lanes))
        )
        return await asyncio.wait_for(run.run(), 300)

    assert simulate(work()).stop is Stop.DONE
    assert running == [3]
    assert run.count("pending") == run.count("dialing") == 0


def test_a_row_that_is_gone_before_its_next_attempt_gives_its_room_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its lane goes on with the others."""

    async def gone(*_: object) -> None:
        """Somebody else has it."""

    monkeypatch.setattr(MemoryJournal, "claim_again", gone)
    terms = Refusing(lambda _: True)
    run = Rehearsal(rows=5, lanes=1, terms=terms, answer=first(2, NOT_CONNECTED))
    assert simulate(run.run()).stop is Stop.DONE
    assert (len(run.requests), run.count("success")) == (5, 3)
    assert (terms.taken, terms.in_hand) == (0, 0)


def test_a_row_that_was_found_is_dialled_though_others_are_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not left behind for the next."""

    def next_at(self: MemoryJournal) -> float | None:
        return self._clock() - 1 if run.count("pending") else None

    monkeypatch.setattr(MemoryJournal, "next_at", property(next_at))
    run = Rehearsal(rows=6, lanes=2)
    assert simulate(run.run()).stop is Stop.DONE
    assert run.count("success") == 6


@pytest.mark.parametrize("limit", [0, 1])
def test_a_small_limit_is_reached_too(limit: int) -> None:
    """One is one, and none is none."""
    run = Rehearsal(rows=3, limit=limit)
    simulate(run.run())
    assert len(run.requests) == run.count("success") == limit
