"""The make-believe service: a request goes in, an answer comes out, and every one is noted."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from typing import TYPE_CHECKING

from batchdial.sandbox import contract, mischief
from batchdial.sandbox.calls import Call, Course, course, progress
from batchdial.sandbox.chance import digest
from batchdial.sandbox.journal import Authorization, Journal, Record
from batchdial.sandbox.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from batchdial.sandbox.agents import Agent
    from batchdial.sandbox.settings import SandboxSettings


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in."""

    at: float  #: seconds since 1970
    monotonic: float  #: seconds, `time.monotonic`
    method: str
    path: str
    key: str  #: content of the Authorization header, empty where there is none
    content_type: str
    body: object  #: parsed JSON, or the raw text; None where there is none
    is_json: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int | None  #: None sends nothing
    content: object = None  #: to be sent as JSON; a str is sent as it is
    headers: Mapping[str, str] = field(default_factory=dict)
    call_id: str | None = None
    rang: bool = False
    resets: bool = False  #: nothing is sent: reset the connection instead of closing it
    hangs: bool = False  #: nothing is sent: wait until the caller gives up


class Service:
    """
    The account with its agents and the calls placed so far.

    Args:
        settings: How to answer.
        clock: Gives the seconds since 1970 by which calls ring and end.
        placed: Told of each call that rings.
    """

    def __init__(
        self,
        settings: SandboxSettings,
        clock: Callable[[], float],
        placed: Callable[[Call], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self.journal = Journal(settings.journal)
        self._clock = clock
        self._placed = placed
        self._calls: dict[str, Call] = {}
        self._window = Window()
        self._lock = threading.Lock()
        self._posts = 0
        self._script_begins = 0

    def configure(self, **changes: object) -> None:
        """
        Answer differently from the next request on; a script given here begins with the next POST.

        Raises:
            ConfigError: The values cannot be.
        """
        with self._lock:
            self.settings = replace(self.settings, **changes)  # type: ignore[arg-type]
            if "script" in changes:
                self._script_begins = self._posts

    def note(self, received: Received, answer: Answer) -> None:
        """Put a request and its answer into the journal."""
        number = received.body.get("phoneNumber") if isinstance(received.body, dict) else None
        self.journal.note(
            Record(
                at=received.at,
                monotonic=received.monotonic,
                method=received.method,
                path=received.path,
                body=received.body,
                number=number if isinstance(number, str) else None,
                status="dropped" if answer.status is None else answer.status,
                call_id=answer.call_id,
                rang=answer.rang,
                authorization=self._judge(received.key),
            )
        )

    def list_agents(self, received: Received) -> Answer:
        """GET /agents."""
        if self._judge(received.key) != "present":
            return _NO_KEY
        return Answer(200, {"agents": [agent.as_json() for agent in self._agents()]})

    def show_agent(self, agent_id: str, received: Received) -> Answer:
        """GET /agents/{agentId}."""
        if self._judge(received.key) != "present":
            return _NO_KEY
        agent = self._agent(agent_id)
        return Answer(200, agent.as_json()) if agent else _NO_AGENT

    def show_call(self, call_id: str, received: Received) -> Answer:
        """GET /calls/{callId}."""
        if self._judge(received.key) != "present":
            return _NO_KEY
        call = self._calls.get(call_id)
        if call is None:
            return refusal(404, "There is no such call.")
        return Answer(200, self.told_of(call, self._clock()))

    def told_of(self, call: Call, now: float) -> dict[str, object]:
        """What is said of a call at one moment."""
        settings = self.settings
        return progress(call, settings.seed, now, settings.time_scale, settings.calls)

    def course_of(self, call: Call) -> Course:
        """How a call goes by the settings of now."""
        settings = self.settings
        return course(call, settings.seed, settings.time_scale, settings.calls)

    def courses(self) -> tuple[Course, ...]:
        """All calls that rang, in the order in which they were placed."""
        return tuple(map(self.course_of, tuple(self._calls.values())))

    def until(self, moment: float) -> float:
        """Seconds from now."""
        return max(0.0, moment - self._clock())

    def place_call(self, agent_id: str, received: Received) -> Answer:
        """POST /agents/{agentId}/call: what the contract refuses comes before any misbehaviour."""
        with self._lock:
            settings, ordinal = self.settings, self._posts
            step = ordinal - self._script_begins
            self._posts += 1
        agent = self._agent(agent_id)
        refused = self._refused(agent, received)
        if refused or agent is None:
            return refused or _NO_AGENT
        limit = settings.rate_limit
        if limit is not None and not self._window.accept(received.monotonic, limit):
            return _error(429, settings)
        scripted = step < len(settings.script)
        word = settings.script[step] if scripted else mischief.pick(settings, ordinal)
        fate = mischief.behaviour(word, settings.seed, ordinal)
        call_id = self._place(agent, received, settings.seed, ordinal) if fate.rings else None
        return _answer(fate, call_id, settings)

    def _refused(self, agent: Agent | None, received: Received) -> Answer | None:
        """The answer to a request that the contract does not allow, or None."""
        if self._judge(received.key) != "present":
            return _NO_KEY
        if agent is None:
            return _NO_AGENT
        if received.content_type.partition(";")[0].strip().lower() != "application/json":
            return refusal(415, "Send the body as application/json.")
        if not received.is_json:
            return refusal(422, "The body is not JSON.")
        wrong = contract.problem(received.body)
        return refusal(422, wrong) if wrong else None

    def _place(self, agent: Agent, received: Received, seed: int, ordinal: int) -> str:
        assert isinstance(received.body, dict)  # noqa: S101  # the contract was checked before
        call_id = f"call_{digest(seed, ordinal, 'call')}"
        call = self._calls[call_id] = Call(call_id, agent, received.body, self._clock())
        self._placed(call)
        return call_id

    def _agent(self, agent_id: str) -> Agent | None:
        return next((a for a in self._agents() if a.agent_id == agent_id), None)

    def _agents(self) -> list[Agent]:
        """With the address that all of them have which have no own."""
        return [
            agent if agent.webhook else replace(agent, webhook=self.settings.webhook)
            for agent in self.settings.agents
        ]

    def _judge(self, key: str) -> Authorization:
        if not key:
            return "absent"
        accepted = self.settings.key
        same = accepted is None or compare_digest(key.encode(), accepted.encode())
        return "present" if same else "wrong"


def refusal(status: int, message: str) -> Answer:
    """An error answer; its body is the sandbox's own invention, the service documents none."""
    return Answer(status, {"error": message})


_NO_KEY = refusal(401, "Send an API key of this account in the header Authorization.")
_NO_AGENT = refusal(404, "There is no such agent.")


def _error(status: int, settings: SandboxSettings) -> Answer:
    answer = refusal(status, "The sandbox was asked to answer so.")
    if status in (429, 503) and settings.retry_after is not None:
        return replace(answer, headers={"Retry-After": str(settings.retry_after)})
    return answer


def _answer(fate: mischief.Behaviour, call_id: str | None, settings: SandboxSettings) -> Answer:
    """The fate as an answer."""
    if fate.status is None:
        answer = Answer(None, resets=fate.resets, hangs=fate.hangs)
    elif fate.garbles:
        answer = Answer(fate.status, "<html><body>Welcome to the hotel's network.</body></html>")
    elif fate.says is None:
        answer = _error(fate.status, settings)
    elif fate.names_call:
        answer = Answer(fate.status, {"status": fate.says, "callId": call_id})
    else:
        answer = Answer(fate.status, {"status": fate.says})
    return replace(answer, call_id=call_id, rang=fate.rings)
