"""The transport under httpx: it knows when the first byte leaves, and when a connection holds."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from typing import TYPE_CHECKING

import httpx

from batchdial.dialing.connection import Connection, connect
from batchdial.dialing.pool import Pool
from batchdial.dialing.reuse import Reuse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from batchdial.dialing.answer import Answer

#: Bytes that are taken in at a time.
INBOX = 64 * 1024
#: The events of httpx's `trace` extension that are told here.
STARTED, SENT = "http11.send_request_headers.started", "http11.send_request_body.complete"


class HeldError(Exception):
    """The request may not leave now; nothing of it was sent."""


class Wire(httpx.AsyncBaseTransport):
    """
    HTTP/1.1 to one service, straight over asyncio.

    httpx's own transport opens, locks and traces for any use, which costs more than a call
    takes here. This one does what a call needs: a connection that stands, the question
    whether the call may `leave` (an extension of the request), one write, one answer. Its
    timeout `read` is for the whole answer: one byte a second keeps every single read in time.

    Args:
        tls: For https.
    """

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._reuse = Reuse()
        self._pool: Pool[Connection] = Pool(self._reuse)
        self._open: set[Connection] = set()
        self._inbox = bytearray(INBOX)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and wait for its answer; whatever goes wrong ends the connection."""
        now = asyncio.get_running_loop().time()
        self._reuse.note_call(now)
        stays = self._reuse.is_wanted(now)
        connection = self._pool.take() if stays else None
        if connection is None:
            connection = await self._connect(request)
        try:
            await self._send(connection, request, stays=stays)
        except BaseException:
            self._pool.forget(connection)
            connection.drop()
            raise
        try:
            answer = await _answer(connection)
            if answer.status is None:
                raise httpx.RemoteProtocolError(answer.broken)
        except BaseException:
            self._end(connection)
            raise
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(self, connection, answer, stays=stays),
        )

    async def aclose(self) -> None:
        """End all connections."""
        for connection in list(self._open):
            connection.drop()
        await asyncio.sleep(0)  # asyncio closes a socket with the loop's next step

    def fetched(self, connection: Connection, answer: Answer, *, stays: bool) -> None:
        """Nobody reads on; a connection whose answer came whole may be kept."""
        if not answer.is_complete:
            self._end(connection)
        elif stays and answer.keeps and connection.is_open and not answer.pieces:
            self._pool.put(connection)
        else:
            self._pool.forget(connection)
            connection.drop()

    def _end(self, connection: Connection) -> None:
        self._pool.lost(connection)
        connection.drop()

    def _new(self) -> Connection:
        return Connection(self._ended, self._inbox)

    def _ended(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._pool.ended(connection)

    async def _connect(self, request: httpx.Request) -> Connection:
        url, timeouts = request.url, request.extensions.get("timeout", {})
        tls = self._tls if url.scheme == "https" else None
        port = url.port or (443 if tls else 80)
        try:
            async with asyncio.timeout(timeouts.get("connect")):
                connection = await connect(url.raw_host.decode("ascii"), port, tls, self._new)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpx.ConnectError(_in_words(error)) from error
        self._open.add(connection)
        return connection

    async def _send(self, connection: Connection, request: httpx.Request, *, stays: bool) -> None:
        leave: Callable[[], Awaitable[bool]] | None = request.extensions.get("leave")
        trace = request.extensions.get("trace")
        content = _serialised(request, stays=stays)
        if leave is not None and not await leave():
            raise HeldError
        if connection.uses and not self._pool.may_carry(connection):
            raise HeldError
        if not connection.is_open:
            raise httpx.ConnectError("the connection was closed before anything was sent")
        if trace is not None:
            await trace(STARTED, {})
        connection.send(content, request.extensions.get("timeout", {}).get("read"))
        if trace is not None:
            await trace(SENT, {})


class _Body(httpx.AsyncByteStream):
    """The body of an answer as it comes in."""

    def __init__(self, wire: Wire, connection: Connection, answer: Answer, *, stays: bool) -> None:
        self._wire = wire
        self._connection = connection
        self._answer = answer
        self._stays = stays

    async def __aiter__(self) -> AsyncIterator[bytes]:
        answer = self._answer
        while True:
            while answer.pieces:
                yield answer.fetch()
            if answer.is_complete:
                return
            if answer.broken:
                raise httpx.RemoteProtocolError(answer.broken)
            await _answer(self._connection)

    async def aclose(self) -> None:
        self._wire.fetched(self._connection, self._answer, stays=self._stays)


async def _answer(connection: Connection) -> Answer:
    try:
        return await connection.answer()
    except TimeoutError as error:
        raise httpx.ReadTimeout(str(error)) from error
    except OSError as error:
        raise httpx.ReadError(str(error)) from error


def head_of(request: httpx.Request) -> bytes:
    """
    A request's head as it goes over the wire, but for what the wire itself says.

    Raises:
        httpx.LocalProtocolError: A header would end before its end.
    """
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [
        b"%b: %b" % (name, value)
        for name, value in request.headers.raw
        if name.lower() not in (b"connection", b"content-length")
    ]
    if any(sign in line for line in lines for sign in (b"\r", b"\n", b"\0")):
        raise httpx.LocalProtocolError("a header holds what no header can")
    return b"\r\n".join(lines)


def _serialised(request: httpx.Request, *, stays: bool) -> bytes:
    """The request as it goes over the wire."""
    head: bytes = request.extensions.get("head") or head_of(request)
    body = b"".join(request.stream)  # type: ignore[arg-type]  # of bytes, so it can be read at once
    length = b"\r\nContent-Length: %d" % len(body) if body or request.method == "POST" else b""
    return b"%b%b\r\nConnection: %b\r\n\r\n%b" % (
        head,
        length,
        b"keep-alive" if stays else b"close",
        body,
    )


def _in_words(error: OSError) -> str:
    """Why there is no connection, without the address that everybody knows."""
    if isinstance(error, ssl.SSLError | socket.gaierror) or error.errno is None:
        return str(error.strerror or error)
    return os.strerror(error.errno)
