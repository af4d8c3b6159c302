"""A whole campaign in simulated time: real but for the clock, the network and the phones."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from batchdial.campaign import Session
from batchdial.dialing.settle import Reply
from batchdial.errors import KeyRefusedError
from batchdial.sandbox import SANDBOX_KEY, SandboxSettings
from batchdial.sandbox.calls import Course, peak_live
from batchdial.sandbox.service import Received, Service
from batchdial.settings import Settings, load_settings
from tests.e2e.leads import numbers, write_leads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
    from pathlib import Path

    import pytest

    from batchdial.sandbox.calls import Call

#: Unix time of the loop's zero: 2026-11-30 08:53:20 UTC, a Monday.
EPOCH = 1_796_028_800.0
URL = "http://127.0.0.1:9/client/api/v1"
#: Whether figures are those of a person's machine, not of every check.
FULL = bool(os.environ.get("SIMULATIONS_FULL"))


def clock() -> float:
    """Unix time in seconds, as the simulated loop has it."""
    return EPOCH + asyncio.get_running_loop().time()


def clock_for_threads() -> Callable[[], float]:
    """The same, for whoever is not in the loop."""
    loop = asyncio.get_running_loop()
    return lambda: EPOCH + loop.time()


@dataclass
class World:
    """
    The sandbox's own service without its network, and what was asked of it.

    It stands where a session's `Service` stands: `line`, `ask`, `key_refused`.
    """

    settings: SandboxSettings = field(default_factory=SandboxSettings)
    latency: float = 0.05  #: seconds until an answer
    hook_after: float | None = 0.1  #: seconds from a call's end to its post; None for no post
    now: Callable[[], float] = clock
    posts: list[tuple[float, str]] = field(default_factory=list)  #: Unix time, number
    asked: list[tuple[float, str]] = field(default_factory=list)  #: Unix time, callId
    refuses: int | None = None  #: status that every question is answered with
    fate: Callable[[str, int], Reply | None] = lambda *_: None  #: by number and nth post to it
    on_post: Callable[[str], None] = lambda _: None
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
        self.posts.append((self.now(), number))
        self.on_post(number)
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

    with monkeypatch.context() as patched:
        patched.setattr("batchdial.running.listening", listening)
        patched.setattr(Session, "service", lambda _: world)
        yield world


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
