"""Everything that one sandbox can be asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from batchdial.errors import ConfigError
from batchdial.sandbox.agents import DEFAULT_AGENTS, Agent
from batchdial.sandbox.mischief import SHARES, is_word

if TYPE_CHECKING:
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "script", tuple(self.script))
        object.__setattr__(self, "agents", tuple(self.agents))
        problem = self._problem()
        if problem:
            raise ConfigError(problem)

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
        return ""


def is_loopback(host: str) -> bool:
    """Whether nothing but this machine can reach the address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
