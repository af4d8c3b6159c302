"""Calls are followed until the service says what they came to, in simulated time."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from batchdial.dialing.client import Service
from batchdial.dialing.outcomes import Follower
from batchdial.dialing.settle import Reply
from batchdial.errors import KeyRefusedError, LedgerAwayError, ServiceError
from batchdial.rules.outcomes import NEVER_COMPLETED, NO_SUCH_CALL, UNTOLD, CallState
from batchdial.rules.polling import LIFETIME, Budget, Schedule
from batchdial.sandbox import SANDBOX_KEY, Sandbox
from tests.dialing.simulated import simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Unix time at which the simulated loop's clock stands at 0.
EPOCH = 1_800_000_000.0
HOUR = 3_600.0
LATENCY = 0.05


def plenty() -> Schedule:
    """With a budget for as much as anybody could want."""
    return Schedule(HOUR, Budget(1e6, 1e6))


def clock() -> float:
    """Seconds since 1970, as the simulated loop has them."""
    return EPOCH + asyncio.get_running_loop().time()


@dataclass
class World:
    """A service that knows when its calls end, and a record of what is asked and reported."""

    ends: dict[str, float] = field(default_factory=dict)  #: seconds since 1970
    replies: list[Reply] = field(default_factory=list)  #: given first, whatever is asked
    asked: list[tuple[float, str]] = field(default_factory=list)
    told: list[tuple[float, CallState]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    known: defaultdict[str, asyncio.Event] = field(
        default_factory=lambda: defaultdict(asyncio.Event)
    )  #: set once a call is reported
    away: int = 0  #: reports that meet a ledger which is busy

    async def ask(self, call_id: str) -> Reply:
        """GET /calls/{callId}."""
        self.asked.append((clock(), call_id))
        await asyncio.sleep(LATENCY)
        if self.replies:
            return self.replies.pop(0)
        if call_id not in self.ends:
            return Reply(True, 404, b"{}")
        over = clock() >= self.ends[call_id]
        call = {"callId": call_id, "completed": over, "result": "ivr" if over else "pending"}
        return Reply(True, 200, json.dumps(call).encode())

    async def report(self, told: Sequence[CallState]) -> None:
        """Into the ledger."""
        await asyncio.sleep(LATENCY)
        if self.away:
            self.away -= 1
            raise LedgerAwayError("busy")
        self.told += [(clock(), one) for one in told]
        for one in told:
            self.known[one.call_id].set()

    def follower(self, schedule: Schedule | None = None, **more: Any) -> Follower:
        """Follows its calls."""
        return Follower(
            self.ask,
            Schedule(HOUR) if schedule is None else schedule,
            self.report,
            lambda status: KeyRefusedError(f"refused ({status})"),
            trouble=self.troubles.append,
            clock=clock,
            **more,
        )

    def place(self, follower: Follower, call_id: str, seconds: float) -> None:
        """A call that ends after so long."""
        self.ends[call_id] = clock() + seconds
        follower.began(call_id, clock())

    @property
    def outcomes(self) -> dict[str, str | None]:
        """What was reported of each call."""
        assert max(Counter(one.call_id for _, one in self.told).values(), default=1) == 1
        return {one.call_id: one.outcome for _, one in self.told}


def test_every_call_is_followed_to_its_end() -> None:
    """A thousand calls of 1 to 60 s, ten at a time: told by webhook, each is known at once."""
    world, late = World(), list[float]()

    async def call(follower: Follower, free: asyncio.Semaphore, ordinal: int) -> None:
        call_id = f"call_{ordinal}"
        world.place(follower, call_id, 1 + 59 * (ordinal * 0.618 % 1))
        await asyncio.sleep(world.ends[call_id] - clock())
        follower.heard(call_id)
        await world.known[call_id].wait()
        late.append(clock() - world.ends[call_id])
        free.release()

    async def campaign() -> float:
        follower, stop, free = world.follower(), asyncio.Event(), asyncio.Semaphore(10)
        following = asyncio.create_task(follower.run(stop))
        begin = clock()
        async with asyncio.TaskGroup() as calls:
            for ordinal in range(1_000):
                await free.acquire()
                calls.create_task(call(follower, free, ordinal))
        stop.set()
        await following
        return clock() - begin

    seconds = simulate(campaign())
    assert len(world.outcomes) == 1_000
    assert max(late) < 5
    assert len(world.asked) / seconds < 1


def test_without_news_every_call_is_known_in_the_end() -> None:
    """Polling alone is slow and certain, and ends when nothing is left to ask about."""
    world = World()

    async def follow() -> None:
        follower = world.follower()
        for ordinal in range(30):
            world.place(follower, f"call_{ordinal}", 3 * ordinal)
        await follower.run(asyncio.Event(), until_idle=True)

    simulate(follow())
    assert len(world.outcomes) == 30
    assert set(world.outcomes.values()) == {"ivr"}


def test_a_flood_of_posts_is_no_flood_of_questions() -> None:
    """Ten thousand posts about ten open calls, and ten thousand about none."""
    world = World()

    async def follow() -> None:
        follower, stop = world.follower(), asyncio.Event()
        for ordinal in range(10):
            world.place(follower, f"call_{ordinal}", HOUR)
        following = asyncio.create_task(follower.run(stop))
        for post in range(10_000):
            follower.heard(f"call_{post % 10}")
            follower.heard(f"made up {post}")
            await asyncio.sleep(0.006)
        stop.set()
        await following

    simulate(follow())
    assert {call_id for _, call_id in world.asked} <= {f"call_{n}" for n in range(10)}
    assert len(world.asked) <= 2 * 60


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_ends_it(status: int) -> None:
    """Nothing more is asked, and what was known by then is reported."""
    world = World(ends={"a": 0, "b": 0}, replies=[])

    async def follow() -> None:
        follower = world.follower()
        follower.began("a", clock() - 60)
        following = asyncio.create_task(follower.run(asyncio.Event()))
        await asyncio.sleep(LATENCY * 1.5)
        world.replies = [Reply(True, status)]
        follower.began("b", clock() - 60)
        follower.heard("b")
        with pytest.raises(KeyRefusedError, match=str(status)):
            await following

    simulate(follow())
    assert world.outcomes == {"a": "ivr"}
    assert len(world.asked) == 2


def test_a_call_that_the_service_does_not_know() -> None:
    """Asked for once more, then recorded, and not asked for again."""
    world = World()

    async def follow() -> None:
        follower = world.follower()
        follower.began("a", clock() - 60)
        await follower.run(asyncio.Event(), until_idle=True)

    simulate(follow())
    ((_, state),) = world.told
    assert (state.outcome, state.reason) == (UNTOLD, NO_SUCH_CALL)
    assert "callId" in state.detail
    assert len(world.asked) == 2


def test_one_404_may_be_a_mistake() -> None:
    """A service may not know everywhere yet what it has just accepted."""
    world = World(ends={"a": 0}, replies=[Reply(True, 404)])

    async def follow() -> None:
        follower = world.follower()
        follower.began("a", clock() - 60)
        await follower.run(asyncio.Event(), until_idle=True)

    simulate(follow())
    assert world.outcomes == {"a": "ivr"}


def test_a_call_that_never_ends_is_given_up() -> None:
    """After a day, with a reason; it was asked about rarely by then."""
    world = World(ends={"a": float("inf")})

    async def follow() -> None:
        follower = world.follower()
        follower.began("a", clock())
        await follower.run(asyncio.Event(), until_idle=True)

    simulate(follow())
    ((at, state),) = world.told
    assert (state.outcome, state.reason) == (UNTOLD, NEVER_COMPLETED)
    assert at - world.asked[0][0] > LIFETIME - 20
    assert len(world.asked) < 300


@pytest.mark.parametrize(
    ("reply", "least"),
    [
        pytest.param(Reply(True, 429, retry_after="30"), 30, id="throttled"),
        pytest.param(Reply(True, 429), 1, id="throttled-without-a-time"),
        pytest.param(Reply(True, 503, retry_after="20"), 20, id="unavailable"),
        pytest.param(Reply(True, 500), 1, id="broken"),
        pytest.param(Reply(False, error="no connection"), 1, id="unreachable"),
        pytest.param(Reply(True, error="the connection broke"), 1, id="answer-lost"),
    ],
)
def test_an_answer_that_says_nothing_is_waited_out(reply: Reply, least: float) -> None:
    """Nothing at all is asked for as long as the service says, or at growing gaps."""
    world = World(ends={"a": 0, "b": 0}, replies=[reply])

    async def follow() -> None:
        follower = world.follower(Schedule(HOUR, Budget(5.0, 5.0)))
        follower.began("a", clock() - 60)
        following = asyncio.create_task(follower.run(asyncio.Event(), until_idle=True))
        await asyncio.sleep(LATENCY * 1.5)
        follower.began("b", clock() - 60)
        await following

    simulate(follow())
    assert world.outcomes == {"a": "ivr", "b": "ivr"}
    assert world.asked[1][0] - world.asked[0][0] >= least
    assert len(world.troubles) == 1


def test_a_service_that_is_away_for_long() -> None:
    """It is asked at growing gaps of at most a minute, and complained of once."""
    world = World(ends={"a": 0}, replies=[Reply(False, error="no connection")] * 20)

    async def follow() -> None:
        follower = world.follower(Schedule(HOUR, Budget(5.0, 5.0)))
        follower.began("a", clock() - 60)
        await follower.run(asyncio.Event(), until_idle=True)

    simulate(follow())
    moments = [moment for moment, _ in world.asked]
    gaps = [round(after - before, 3) for before, after in pairwise(moments)]
    assert gaps == sorted(gaps)
    assert 60 <= gaps[-1] < 61
    assert world.troubles == ["The service does not say what calls came to: no connection."]
    assert world.outcomes == {"a": "ivr"}


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(True, 200, b"<html>"), id="no-json"),
        pytest.param(Reply(True, 200, b'{"callId": "b", "completed": true}'), id="another-call"),
        pytest.param(Reply(True, 302), id="redirect"),
        pytest.param(Reply(True, 400), id="refused"),
    ],
)
def test_an_odd_answer_to_one_call_holds_up_no_other(reply: Reply) -> None:
    """It is asked for again at its next turn."""
    world = World(ends={"a": 0, "c": 0}, replies=[reply])

    async def follow() -> None:
        follower = world.follower(Schedule(HOUR, Budget(5.0, 5.0)))
        follower.began("a", clock() - 60)
        follower.began("c", clock() - 60)
        await follower.run(asyncio.Event(), until_idle=True)

    simulate(follow())
    assert [one.call_id for _, one in world.told] == ["c", "a"]


def test_what_comes_in_while_a_report_is_written_is_reported_together() -> None:
    """And a ledger that is busy is reported to again."""
    world = World(ends=dict.fromkeys("abcdefgh", 0), away=1)

    async def follow() -> None:
        follower = world.follower(plenty())
        for name in world.ends:
            follower.began(name, clock() - 60)
        stop = asyncio.Event()
        following = asyncio.create_task(follower.run(stop))
        await world.known["h"].wait()
        stop.set()
        await following

    simulate(follow())
    assert len(world.outcomes) == 8
    assert len({moment for moment, _ in world.told}) == 1


def test_what_comes_in_while_a_report_is_written_is_not_lost() -> None:
    """It is in the next one."""
    world = World(ends={"a": 0, "b": 0})

    async def follow() -> None:
        follower = world.follower(plenty())
        follower.began("a", clock() - 60)
        following = asyncio.create_task(follower.run(asyncio.Event(), until_idle=True))
        await asyncio.sleep(LATENCY / 2)
        follower.began("b", clock() - 60)
        await following

    simulate(follow())
    assert world.outcomes == {"a": "ivr", "b": "ivr"}


def test_stopping_reports_what_is_known() -> None:
    """The report that is being written ends; questions that are open are dropped."""
    world = World(ends={"a": 0, "b": 0})

    async def follow() -> None:
        follower, stop = world.follower(), asyncio.Event()
        follower.began("a", clock() - 60)
        following = asyncio.create_task(follower.run(stop))
        await asyncio.sleep(LATENCY * 1.5)
        follower.heard("b")
        follower.began("b", clock() - 60)
        await asyncio.sleep(LATENCY / 4)
        stop.set()
        await following
        assert follower.open == 1

    simulate(follow())
    assert world.outcomes == {"a": "ivr"}


def test_a_ledger_that_breaks_ends_it() -> None:
    """An error of whoever is reported to is not swallowed."""
    world = World(ends={"a": 0})

    async def broken(_: Sequence[CallState]) -> None:
        raise OSError("no space")

    async def follow() -> None:
        world.report = broken  # type: ignore[method-assign, assignment]
        follower = world.follower()
        follower.began("a", clock() - 60)
        with pytest.raises(OSError, match="no space"):
            await follower.run(asyncio.Event())

    simulate(follow())


def test_once() -> None:
    """Each call is asked about once; those that go on are left open."""
    world = World(ends={"a": 0, "b": float("inf"), "c": 0})

    async def follow() -> None:
        follower = world.follower(Schedule(HOUR, Budget(5.0, float("inf"))), once=True)
        for name in world.ends:
            follower.began(name, clock() - 60)
        await follower.run(asyncio.Event(), until_idle=True)

    simulate(follow())
    assert world.outcomes == {"a": "ivr", "c": "ivr"}
    assert Counter(call_id for _, call_id in world.asked) == {"a": 1, "b": 1, "c": 1}


def test_once_has_no_patience() -> None:
    """A service that does not answer ends it, with what to do."""
    world = World(ends={"a": 0}, replies=[Reply(False, error="no connection")] * 9)

    async def follow() -> None:
        follower = world.follower(once=True)
        follower.began("a", clock() - 60)
        with pytest.raises(ServiceError, match="no connection"):
            await follower.run(asyncio.Event(), until_idle=True)

    simulate(follow())
    assert len(world.asked) == 3


async def test_over_a_real_socket() -> None:
    """The real sandbox is asked until its calls have ended; the key of another is refused."""
    with Sandbox() as sandbox:
        sandbox.configure(time_scale=1e6)
        service = Service(sandbox.url, SANDBOX_KEY, "a test")
        async with service.line("ag_1") as line:
            answers = [await line.call({"phoneNumber": f"+1202555010{n}"}) for n in range(3)]
        ids = [json.loads(answer.body)["callId"] for answer in answers]
        told: list[CallState] = []

        async def report(some: Sequence[CallState]) -> None:
            told.extend(some)

        follower = Follower(service.ask, plenty(), report, service.key_refused)
        for call_id in ids:
            follower.began(call_id, 0)
        await follower.run(asyncio.Event(), until_idle=True)
        assert sorted(one.call_id for one in told) == sorted(ids)
        assert all(one.completed_at for one in told)
        gets = [one for one in sandbox.journal if one.method == "GET"]
        assert {one.authorization for one in gets} == {"present"}

        stranger = Service(sandbox.url, "caldLiveOther", "a test")
        follower = Follower(stranger.ask, plenty(), report, stranger.key_refused)
        follower.began(ids[0], 0)
        with pytest.raises(KeyRefusedError, match="a test"):
            await follower.run(asyncio.Event(), until_idle=True)
