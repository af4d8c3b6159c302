"""uvicorn as a sandbox needs it: it tells when a request came in, and stops when told to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from batchdial.errors import ConfigError

#: Seconds that requests in flight have when the sandbox stops.
_GRACE = 2.0


class Protocol(H11Protocol):
    """Tells the application when a request came in, and by which connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Hand the connection to each of its requests, so that it can be ended."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Note the time; a request gets that of the bytes that completed its head."""
        self.app_state["arrived"] = time.monotonic()
        self.app_state["arrived_at"] = time.time()
        super().data_received(data)


class Server(uvicorn.Server):
    """uvicorn that stops when it is told to, without polling for it."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

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


def listen(host: str, port: int) -> socket.socket:
    """
    A listening socket; connections queue in it from now on.

    Raises:
        ConfigError: The port is taken.
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
            "Choose another one with --port, or 0 for any."
        ) from error
    listener.setblocking(False)
    return listener
