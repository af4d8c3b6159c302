"""One connection to a service: a request goes out whole, its answer comes in."""

from __future__ import annotations

import asyncio
import select
import time
from typing import TYPE_CHECKING, cast

from batchdial.dialing.answer import Answer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

#: Seconds after which another address of the same name is tried beside the first (RFC 8305).
NEXT_ADDRESS = 0.25


class Connection(asyncio.BufferedProtocol):
    """
    Requests and answers over one connection, one after the other.

    Args:
        on_end: Told when the connection has ended, whoever ended it.
        inbox: Where bytes arrive; all connections of a loop may have the same.
    """

    def __init__(self, on_end: Callable[[Connection], None], inbox: bytearray) -> None:
        self._on_end = on_end
        self._inbox = memoryview(inbox)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._answer: Answer | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._lost: Exception | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self.is_open = False
        self.is_dropped = False  #: whether it was this side that ended it
        self.uses = 0  #: requests that were sent over it
        self._made = self._idle_since = self._idle_since_by_clock = 0.0

    @property
    def age(self) -> float:
        """Seconds since it stands."""
        return self._loop.time() - self._made

    @property
    def idle(self) -> float:
        """
        Seconds since its last answer.

        The monotonic clock stands still while a machine sleeps, the other one can be set.
        """
        by_clock = time.time() - self._idle_since_by_clock
        return max(self._loop.time() - self._idle_since, by_clock)

    @property
    def is_quiet(self) -> bool:
        """Whether it stands and nothing came in: neither its end nor what nobody asked for."""
        return self.is_open and not _has_news(self._transport.get_extra_info("socket").fileno())

    def send(self, request: bytes, seconds: float | None) -> None:
        """Send a request, to be answered in so long; when this returns, it is on its way."""
        self._answer, self._lost = Answer(), None
        self.uses += 1
        self._transport.write(request)
        if seconds is not None:
            self._deadline = self._loop.call_later(seconds, self._expire)

    async def answer(self) -> Answer:
        """
        The answer as soon as there is something of it to fetch, or it is over.

        Raises:
            TimeoutError: It was not whole in time.
            OSError: The connection broke.
        """
        answer = self._answer
        if answer is None:
            raise ConnectionResetError
        while not (answer.pieces or answer.is_over):
            if self._lost is not None:
                raise self._lost
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return answer

    def rest(self) -> None:
        """The answer was fetched; the connection waits for another request."""
        self._answer = None
        self._forget_deadline()
        self._idle_since, self._idle_since_by_clock = self._loop.time(), time.time()

    def drop(self) -> None:
        """End it at once."""
        self.is_open, self.is_dropped = False, True
        self._forget_deadline()
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self._transport, self.is_open = cast("asyncio.Transport", transport), True
        self._made = self._loop.time()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 (asyncio's signature)
        """Where the next bytes go."""
        return self._inbox

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes came in; what nobody asked for ends the connection."""
        if self._answer is None:
            self.is_open = False
            self._transport.abort()
            return
        self._answer.feed(bytes(self._inbox[:nbytes]))
        self._wake()

    def eof_received(self) -> None:
        """The service has nothing more to say, which may be how its answer ends."""
        self.is_open = False
        if self._answer is not None:
            self._answer.feed(b"")
            self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """It has ended."""
        self.is_open = False
        self._lost = error or ConnectionResetError()
        self._wake()
        self._on_end(self)

    def _expire(self) -> None:
        self._lost = TimeoutError()
        self._wake()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _wake(self) -> None:
        waiter, answer = self._waiter, self._answer
        if waiter is None or waiter.done():
            return
        if self._lost is not None or answer is None or answer.pieces or answer.is_over:
            waiter.set_result(None)


def _has_news(descriptor: int) -> bool:
    """Whether there is something to read, which the loop may not have seen yet."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([descriptor], [], [], 0)[0])


def _is_address(host: str) -> bool:
    """Whether it is no name, of which there could be several addresses."""
    return ":" in host or host.replace(".", "").isdigit()


async def connect(
    host: str, port: int, tls: ssl.SSLContext | None, new: Callable[[], Connection]
) -> Connection:
    """
    A new connection, with its handshake done.

    Raises:
        OSError: There is none; an `SSLCertVerificationError` says what is wrong with whom.
    """
    _, connection = await asyncio.get_running_loop().create_connection(
        new,
        host,
        port,
        ssl=tls,
        server_hostname=host if tls else None,
        happy_eyeballs_delay=None if _is_address(host) else NEXT_ADDRESS,
    )
    return connection
