"""Everything that one sandbox can be asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from batchdial.errors import ConfigError
from batchdial.sandbox.agents import DEFAULT_AGENTS, Agent
from batchdial.sandbox.calls import Script
from batchdial.sandbox.mischief import SHARES, is_word

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: The key that a sandbox accepts unless it is told another one.
SANDBOX_KEY = "caldLiveSandbox000000000000000000000000"


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """
    How one sandbox answers, and where.

    A share is the part of POSTs, from 0 to 1, that meets this fate; all shares together are at
    most 1, and the rest is answered as the contract says.

    Raises:
        ConfigError: The values cannot be, or the address is not this machine's own.
    """

    agents: tuple[Agent, ...] = DEFAULT_AGENTS
    key: str | None = SANDBOX_KEY  #: None accepts every key that is not empty
    host: str = "127.0.0.1"  #: a loopback address or "localhost"
    port: int = 0  #: 0 takes a free one
    seed: int = 0  #: the same seed gives the same misbehaviour, callIds and outcomes
    failed: float = 0.0  #: share answered 200 with status failed; nobody is called
    throttle: float = 0.0  #: share answered 429 with Retry-After
    error: float = 0.0  #: share answered 500; nobody is called
    unavailable: float = 0.0  #: share answered 503 with Retry-After
    drop: float = 0.0  #: share whose connection ends without an answer; half of them do ring
    no_call_id: float = 0.0  #: share answered success without callId; they do ring
    retry_after: int | str | None = (
        1  #: seconds, or the header as it is to stand; None leaves it out
    )
    delay: float = 0.0  #: seconds from a request's arrival to its answer
    rate_limit: int | None = None  #: calls accepted in any one second; 429 beyond
    time_scale: float = 1.0  #: how many times faster than life a call rings and ends
    journal: Path | None = None  #: file that gets a JSON line for each request
    script: tuple[str, ...] = ()  #: fates of the next POSTs, one after the other, before any share
    call_seconds: tuple[float, float] | None = None  #: of calls, least and most; None: as in life
    results: Mapping[str, float] = field(default_factory=dict)  #: shares; the rest is pickedUp
    webhook: str = ""  #: where completed calls of agents without an own address are posted to
    webhook_late: float = 0.0  #: seconds by which a post is late at most
    webhook_lost: float = 0.0  #: share of calls that nothing is posted of
    webhook_twice: float = 0.0  #: share of calls that are posted twice
    webhook_garbage: float = 0.0  #: share of calls before which something senseless is posted

    def __post_init__(self) -> None:
        object.__setattr__(self, "script", tuple(self.script))
        object.__setattr__(self, "agents", tuple(self.agents))
        object.__setattr__(self, "results", MappingProxyType(dict(self.results)))
        problem = self._problem()
        if problem:
            raise ConfigError(problem)

    @property
    def calls(self) -> Script:
        """How calls go."""
        return Script(self.call_seconds, tuple(self.results.items()))

    def _problem(self) -> str:
        shares = {name: getattr(self, name) for name in SHARES}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                return f"The share {name} is {share}. Give a number from 0 to 1."
        if sum(shares.values()) > 1:
            named = ", ".join(f"{name} {share}" for name, share in shares.items() if share)
            return f"The shares add up to more than 1: {named}. Lower one of them."
        for word in self.script:
            if not is_word(word):
                return f"A script has no word {word!r}. Use ok, failed, drop, 429, 500 ..."
        if self.delay < 0:
            return f"The delay is {self.delay}. Give seconds, 0 or more."
        if not self.time_scale > 0:
            return f"The speed is {self.time_scale}. Give a number above 0; 1 is as in life."
        if self.rate_limit is not None and self.rate_limit < 1:
            return f"The rate limit is {self.rate_limit}. Give calls per second, 1 or more."
        if not is_loopback(self.host):
            return (
                f"{self.host} can be reached from outside. The sandbox listens on 127.0.0.1 only."
            )
        return self._problem_of_calls() or self._problem_of_webhooks()

    def _problem_of_calls(self) -> str:
        if self.call_seconds is not None:
            least, most = self.call_seconds
            if not 0 <= least <= most:
                return f"Calls of {least} to {most} seconds cannot be. Give least and most."
        if any(not 0 <= share <= 1 for share in self.results.values()):
            return "A share of results is a number from 0 to 1."
        if sum(self.results.values()) > 1 + 1e-9:
            return "The shares of results add up to more than 1. Lower one of them."
        if not all(self.results) or "pending" in self.results:
            return "A call cannot come to that. Use pickedUp, voicemail, unanswered ..."
        return ""

    def _problem_of_webhooks(self) -> str:
        for name in ("webhook_lost", "webhook_twice", "webhook_garbage"):
            if not 0 <= getattr(self, name) <= 1:
                return f"The share {name} is {getattr(self, name)}. Give a number from 0 to 1."
        if self.webhook_late < 0:
            return f"Posts cannot be {self.webhook_late} seconds late. Give 0 or more."
        for url in {self.webhook, *(agent.webhook for agent in self.agents)} - {""}:
            if not _is_local_url(url):
                return f"{url} is not http://127.0.0.1:PORT/... The sandbox posts to this machine."
        return ""


def _is_local_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        has_port = parts.port is not None
    except ValueError:
        return False
    return parts.scheme == "http" and has_port and is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Whether nothing but this machine can reach the address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
