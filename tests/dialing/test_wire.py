"""What the transport knows of its connections: whether they stand, and what must not leave."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from batchdial.dialing.client import Line, Service
from batchdial.dialing.pool import Pool
from batchdial.dialing.reuse import Reuse
from batchdial.dialing.settle import Reply
from batchdial.dialing.wire import Wire
from tests.dialing.test_client import ANSWER, BODY, KEY, http, saying, wire

if TYPE_CHECKING:
    from batchdial.dialing.connection import Connection


def of(line: Line) -> Wire:
    """The transport of a line."""
    transport = line._client._transport
    assert isinstance(transport, Wire)
    return transport


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every connection is kept and used again, as if a service had earned it."""
    idle: list[Connection] = []

    def put(_: Pool[Connection], connection: Connection) -> None:
        connection.rest()
        idle.append(connection)

    def take(_: Pool[Connection]) -> Connection | None:
        while idle:
            if (connection := idle.pop()).is_quiet:
                return connection
        return None

    monkeypatch.setattr(Reuse, "is_wanted", lambda *_: True)
    monkeypatch.setattr(Pool, "put", put)
    monkeypatch.setattr(Pool, "take", take)
    monkeypatch.setattr(Pool, "may_carry", lambda _, connection: connection.is_quiet)


@pytest.mark.usefixtures("kept")
async def test_a_connection_carries_one_call_after_the_other() -> None:
    """Each with its own answer, and a clock of its own."""
    async with (
        wire(saying(http())) as server,
        Service(server.url, KEY, "a test").line("ag_1") as line,
    ):
        replies = [await line.call(BODY) for _ in range(3)]
    assert replies == [Reply(True, 200, ANSWER)] * 3
    assert server.connections == 1
    assert [b"Connection: keep-alive" in request for request in server.requests] == [True] * 3


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    "answer",
    [
        http(ANSWER, "200 OK", "Connection: close"),
        http() + b"x",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n",
        http(ANSWER[:-1], "200 OK", "Content-Encoding: gzip"),
    ],
    ids=["close", "more", "another", "packed"],
)
async def test_a_connection_with_an_odd_answer_carries_no_other(answer: bytes) -> None:
    """What follows might be taken for the answer to the next call."""
    async with wire(saying(answer)) as server:
        async with Service(server.url, KEY, "a test").line("ag_1") as line:
            for _ in range(2):
                await line.call(BODY)
        assert server.connections == 2


@pytest.mark.usefixtures("kept")
async def test_what_nobody_asked_for_ends_a_connection() -> None:
    """It is not taken for the answer to a later call."""
    answered = asyncio.Event()

    async def act(_: object, writer: asyncio.StreamWriter) -> None:
        writer.write(http())
        await writer.drain()
        await answered.wait()
        writer.write(http(b"of nobody"))

    async with (
        wire(act) as server,
        Service(server.url, KEY, "a test").line("ag_1") as line,
    ):
        first = await line.call(BODY)
        answered.set()
        async with asyncio.timeout(5):
            while of(line)._open:  # noqa: ASYNC110 (until what came in has been seen)
                await asyncio.sleep(0)
        second = await line.call(BODY)
    assert [first.body, second.body] == [ANSWER, ANSWER]
    assert server.connections == 2


@pytest.mark.usefixtures("kept")
async def test_a_connection_that_ends_while_its_call_waits_carries_nothing() -> None:
    """The call is held, and goes over another one."""
    async with wire(saying(http())) as server:
        async with Service(server.url, KEY, "a test").line("ag_1") as line:
            await line.call(BODY)

            async def end() -> bool:
                for connection in of(line)._open:
                    connection.eof_received()
                return True

            assert await line.call(BODY, end) == Reply(left=False, held=True)
            assert len(server.requests) == 1
            assert await line.call(BODY) == Reply(True, 200, ANSWER)
        assert server.connections == 2


async def test_a_connection_that_ends_before_its_call_sent_nothing() -> None:
    """A new one, too: the row may be tried again."""
    async with wire(saying(http())) as server:
        async with Service(server.url, KEY, "a test").line("ag_1") as line:

            async def end() -> bool:
                for connection in of(line)._open:
                    connection.eof_received()
                return True

            reply = await line.call(BODY, end)
        assert (reply.left, reply.held, reply.status) == (False, False, None)
        assert "before anything was sent" in reply.error
        assert server.requests == []


@pytest.mark.usefixtures("kept")
async def test_a_reused_connection_that_breaks_is_a_lost_answer() -> None:
    """The request left; it is never sent again by itself."""

    async def act(server: object, writer: asyncio.StreamWriter) -> None:
        if len(getattr(server, "requests")) == 2:  # noqa: B009
            raise ConnectionResetError
        writer.write(http())

    async with (
        wire(act) as server,
        Service(server.url, KEY, "a test").line("ag_1") as line,
    ):
        assert (await line.call(BODY)).status == 200
        reply = await line.call(BODY)
    assert (reply.left, reply.status) == (True, None)
    assert server.connections == 1
    assert len(server.requests) == 2


async def test_sent_is_told_after_the_last_byte() -> None:
    """Not when it is about to leave."""
    told: list[str] = []

    async def leave() -> bool:
        told.append("leaves")
        return True

    async with (
        wire(saying(http())) as server,
        Service(server.url, KEY, "a test").line("ag_1") as line,
    ):
        with pytest.MonkeyPatch.context() as patch:
            from batchdial.dialing.connection import Connection

            original = Connection.send

            def send(self: Connection, request: bytes, seconds: float | None) -> None:
                original(self, request, seconds)
                told.append("written")

            patch.setattr(Connection, "send", send)
            await line.call(BODY, leave, lambda: told.append("sent"))
    assert told == ["leaves", "written", "sent"]


@pytest.mark.parametrize("key", ["a\r\nX-Other: b", "a\nb", "a\0b"])
def test_a_header_ends_where_it_ends(key: str) -> None:
    """Nothing of a key becomes another header, and the error does not show it."""
    with pytest.raises(httpx.LocalProtocolError) as raised:
        Service("http://127.0.0.1:1", key, "a test").line("ag_1")
    assert key not in str(raised.value)
