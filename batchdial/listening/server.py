"""uvicorn as a part of something else: it leaves signals alone, and stops when told to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import uvicorn

from batchdial.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Seconds that requests in flight have when the server stops.
_GRACE = 2.0


def server(app: Callable[..., Any], stopping: asyncio.Event, **options: Any) -> Server:
    """Uvicorn with an application, silent, and with options of `uvicorn.Config`."""
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        **options,
    )
    return Server(config, stopping)


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read `8021`, `0.0.0.0:8021` or `[::1]:8021`; without a host it is this machine's own.

        Raises:
            ValueError: It is none of these.
        """
        host, _, port = text.strip().rpartition(":")
        if not (port.isascii() and port.isdigit() and int(port) < 65_536):
            raise ValueError(f"{text!r} is no address to listen on; write 8021 or 0.0.0.0:8021")
        return cls(host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port))


class Server(uvicorn.Server):
    """uvicorn that stops when it is told to, without polling for it."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever runs the loop."""
        yield

    async def main_loop(self) -> None:
        """Serve until told to stop."""
        while not self._stopping.is_set():
            await self.on_tick(0)  # renews the Date header
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests in flight finish within the grace, then end every connection."""
        for server in self.servers:
            server.close()
        for connection in tuple(self.server_state.connections):
            connection.shutdown()
        if self.server_state.tasks:
            await asyncio.wait(tuple(self.server_state.tasks), timeout=_GRACE)
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()
        if self.server_state.tasks:
            await asyncio.wait(tuple(self.server_state.tasks))
        for listener in sockets or ():
            listener.close()


def url_of(listener: socket.socket) -> str:
    """`http://127.0.0.1:8021`."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def listen(host: str, port: int, flag: str = "--port") -> socket.socket:
    """
    A listening socket; connections queue in it from now on.

    Args:
        host: An address of this machine.
        port: 0 takes a free one.
        flag: What another port is chosen with.

    Raises:
        ConfigError: The port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"Cannot listen on port {port} of {host}: {error.strerror}. "
            f"Choose another one with {flag}, or 0 for any."
        ) from error
    listener.setblocking(False)
    return listener
