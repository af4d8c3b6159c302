"""uvicorn's protocol as a sandbox needs it: it tells when a request came in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio


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
