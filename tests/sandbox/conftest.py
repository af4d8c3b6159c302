"""Sandboxes that run until the test ends, and clients that speak to them over a socket."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import httpx
import pytest

from batchdial.sandbox import SANDBOX_KEY, Sandbox, SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

#: From the range that the North American plan keeps for fiction.
NUMBER = "+12025550123"
CALL = "/agents/ag_1/call"


class Start(Protocol):
    """Starts a sandbox; the arguments are fields of its settings."""

    def __call__(self, **settings: Any) -> Sandbox:
        """A sandbox that listens."""
        ...


class Connect(Protocol):
    """Opens a client of a sandbox; without a key it sends none."""

    def __call__(self, sandbox: Sandbox, key: str | None = SANDBOX_KEY) -> httpx.Client:
        """A client whose base URL is the sandbox's."""
        ...


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts sandboxes that stop when the test ends."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(Sandbox(SandboxSettings(**settings)))


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Opens clients that are closed when the test ends."""
    with ExitStack() as stack:

        def open_client(sandbox: Sandbox, key: str | None = SANDBOX_KEY) -> httpx.Client:
            headers = {} if key is None else {"Authorization": key}
            client = httpx.Client(base_url=sandbox.url, headers=headers, trust_env=False)
            return stack.enter_context(client)

        yield open_client
