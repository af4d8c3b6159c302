"""A whole campaign in simulated time: real but for the clock, the network and the phones."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from batchdial.campaign import Session
from batchdial.dialing.settle import Reply
from batchdial.errors import KeyRefusedError, LedgerError
from batchdial.ledger import database
from batchdial.ledger.ledger import Ledger, Owner
from batchdial.opening import open_run
from batchdial.sandbox import SANDBOX_KEY, SandboxSettings
from batchdial.sandbox.calls import Course, peak_live
from batchdial.sandbox.service import Received, Service
from batchdial.settings import Settings, load_settings
from tests.dialing.simulated import UPTIME, SimulatedLoop
from tests.e2e.leads import numbers, write_leads

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
    from pathlib import Path

    import pytest
    import sqlalchemy as sa

    from batchdial.dialing.terms import Ending
    from batchdial.forecast import Forecast
    from batchdial.sandbox.calls import Call

#: Unix time of the loop's zero: 2026-11-30 08:53:20 UTC, a Monday.
EPOCH = 1_796_028_800.0
#: No process has a number from here on: the owners of today are all gone when the next one looks.
LAST_PID = 4_194_305
URL = "http://127.0.0.1:9/client/api/v1"
#: Simulated seconds after which a run that should have ended counts as stuck.
LONGEST = 10 * 86_400
#: Whether figures are those of a person's machine, not of every check.
FULL = bool(os.environ.get("SIMULATIONS_FULL"))


def clock() -> float:
    """Unix time in seconds, as the simulated loop has it."""
    return EPOCH + asyncio.get_running_loop().time()


class Killed(SystemExit):
    """The process is gone: nothing of it does anything any more."""


@dataclass
class Life:
    """
    Of one process, which may be killed at its nth step.

    A step is the begin and the end of each transaction, what follows its commit, and the moments
    before and after a call is placed.
    """

    steps: int | None = None  #: that are left; None for any number
    is_over: bool = False

    def step(self) -> None:
        """
        Take one more step.

        Raises:
            Killed: It was the last.
            LedgerError: The process is dead already; what still unwinds here changes nothing.
        """
        if self.is_over:
            raise LedgerError("dead")
        if self.steps is not None:
            self.steps -= 1
            if self.steps < 0:
                self.is_over = True
                raise Killed


@dataclass
class World:
    """
    The sandbox's own service without its network, and what was asked of it.

    It stands where a session's `Service` stands: `line`, `ask`, `key_refused`.
    """

    settings: SandboxSettings = field(default_factory=SandboxSettings)
    latency: float = 0.05  #: seconds until an answer
    commit: float = 0.0  #: seconds that the ledger takes for anything
    hook_after: float | None = 0.1  #: seconds from a call's end to its post; None for no post
    now: Callable[[], float] = clock
    posts: list[tuple[float, str]] = field(default_factory=list)  #: Unix time, number
    asked: list[tuple[float, str]] = field(default_factory=list)  #: Unix time, callId
    refuses: int | None = None  #: status that every question is answered with
    fate: Callable[[str, int], Reply | None] = lambda *_: None  #: by number and nth post to it
    forecast: Forecast | None = None  #: of the last run
    events: list[tuple[float, Callable[[], object]]] = field(default_factory=list)  #: by time
    time: float = UPTIME  #: of the loop, where the last run ended and the next one begins
    life: Life = field(default_factory=Life)  #: of the process that calls
    hear: Callable[[str], None] | None = None  #: whoever listens

    def __post_init__(self) -> None:
        self.service = Service(self.settings, self.now, self._placed)

    @property
    def courses(self) -> tuple[Course, ...]:
        """All calls that rang."""
        return self.service.courses()

    @property
    def peak(self) -> int:
        """The most calls at one time."""
        return peak_live(self.courses)

    def line(self, agent: str) -> Line:
        """The way to it."""
        return Line(self, agent)

    async def agent(self, agent_id: str) -> Any:
        """GET /agents/{agentId}."""
        agents = {one.agent_id: one for one in self.settings.agents}
        return agents[agent_id].as_json()

    async def ask(self, call_id: str) -> Reply:
        """GET /calls/{callId}."""
        self.asked.append((self.now(), call_id))
        await asyncio.sleep(self.latency)
        if self.refuses is not None:
            return Reply(True, self.refuses, b"{}")
        answer = self.service.show_call(call_id, self._received("GET", f"/calls/{call_id}", None))
        return Reply(True, answer.status, json.dumps(answer.content).encode())

    def key_refused(self, status: int) -> Exception:
        """The error where the key is not accepted."""
        return KeyRefusedError(f"refused ({status})")

    def place(self, agent: str, body: Mapping[str, str]) -> Reply:
        """POST /agents/{agentId}/call."""
        number = body["phoneNumber"]
        self.life.step()
        self.posts.append((self.now(), number))
        nth = [one for _, one in self.posts].count(number)
        if (reply := self.fate(number, nth)) is not None:
            return reply
        received = self._received("POST", f"/agents/{agent}/call", dict(body))
        answer = self.service.place_call(agent, received)
        return Reply(True, answer.status, json.dumps(answer.content).encode())

    def _received(self, method: str, path: str, body: object) -> Received:
        at = self.now()
        return Received(at, at, method, path, SANDBOX_KEY, "application/json", body, is_json=True)

    def _placed(self, call: Call) -> None:
        if self.hook_after is not None:
            ends = self.service.course_of(call).ends_at
            loop = asyncio.get_running_loop()
            loop.call_later(ends - self.now() + self.hook_after, self._post, call.call_id)

    def _post(self, call_id: str) -> None:
        if self.hear is not None:
            self.hear(call_id)


@dataclass
class Line:
    """A connection to it."""

    world: World
    agent: str

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def call(
        self,
        body: Mapping[str, str],
        leave: Callable[[], Awaitable[bool]],
        sent: Callable[[], None],
    ) -> Reply:
        """One request."""
        if not await leave():
            return Reply(left=False, held=True)
        sent()
        reply = self.world.place(self.agent, body)
        self.world.life.step()
        await asyncio.sleep(self.world.latency)
        return reply


@contextmanager
def serving(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Let sessions of this block call there, and hear its posts where they listen."""

    @asynccontextmanager
    async def listening(
        address: object, path: str, heard: Callable[[str], None]
    ) -> AsyncIterator[str]:
        del address
        world.hear = heard
        try:
            yield f"http://127.0.0.1:9{path}"
        finally:
            world.hear = None

    writing, prepare, pids = Ledger.writing, database._prepare_sqlite, count(LAST_PID)

    def in_a_hurry(connection: sqlite3.Connection, record: object) -> None:
        prepare(connection, record)
        connection.execute("PRAGMA synchronous = OFF")  # no power is cut here

    @contextmanager
    def mortal(self: Ledger) -> Iterator[sa.Connection]:
        world.life.step()
        with writing(self) as connection:
            yield connection
            world.life.step()
        world.life.step()

    with monkeypatch.context() as patched:
        patched.setattr("batchdial.listening.webhooks.listening", listening)
        patched.setattr(Session, "service", lambda _: world)
        patched.setattr(Ledger, "writing", mortal)
        patched.setattr(database, "_prepare_sqlite", in_a_hurry)
        patched.setattr(Owner, "here", lambda: Owner("here", next(pids)))
        yield world


def look_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run that rests for days do so in few steps: nobody else is there to be heeded."""
    for name in ("LOOK", "HEARTBEAT", "NAP"):
        monkeypatch.setattr(f"batchdial.dialing.dispatcher.{name}", 900.0)
    monkeypatch.setattr("batchdial.ledger.ledger.LEASE", timedelta(hours=1))
    monkeypatch.setattr("batchdial.ledger.journal.SURE", 1_800.0)


def dial(
    world: World, settings: Settings, path: Path, *, steps: int | None = None
) -> Ending | None:
    """A whole run; None where it was killed after so many steps."""
    life = world.life = Life(steps)
    loop = SimulatedLoop(world.time)
    loop.busy = world.commit
    loop.set_exception_handler(lambda *_: None)  # the dead leave errors that nobody asks for
    while world.events and world.events[0][0] <= world.time:
        world.events.pop(0)[1]()
    for at, happens in world.events:
        loop.call_at(at, happens)
    try:
        with open_run(settings, path, clock=lambda: EPOCH + loop.time()) as session:
            world.forecast = session.forecast(session.agent())
            session.agree()
            ending = loop.run_until_complete(asyncio.wait_for(session.dispatch(), LONGEST))
            session.record()
            return ending
    except (Killed, LedgerError):
        if not life.is_over:
            raise
        return None
    finally:
        world.time, world.hear = loop.time(), None
        world.events = [one for one in world.events if one[0] > world.time]
        bury(loop)
        world.life = Life()


def bury(loop: SimulatedLoop) -> None:
    """Let all tasks of a loop end now, whatever they wait for."""
    tasks = asyncio.all_tasks(loop)
    while any(not task.done() for task in tasks):
        for task in tasks:
            task.cancel()
        loop.call_soon(loop.stop)
        with suppress(Killed):
            loop.run_forever()
        tasks |= asyncio.all_tasks(loop)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # nobody is left to tell
    loop.close()


def campaign(folder: Path, people: int, **options: Any) -> tuple[Settings, Path]:
    """A list of so many people, and settings that dial it fast, at any hour, once."""
    path = write_leads(folder / "leads.csv", numbers(people))
    given = {
        "agent": "ag_1",
        "base_url": URL,
        "api_key": SANDBOX_KEY,
        "ledger": str(folder / "ledger.db"),
        "hours": "any",
        "rate": "1000/s",
        "stop_after": 0,
        "not_called_within": "0h",
        **options,
    }
    return load_settings(given), path
