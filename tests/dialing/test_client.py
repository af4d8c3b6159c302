"""Over real sockets: what a broken service makes of a call, and what leaves this machine."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from batchdial.dialing import client
from batchdial.dialing.client import BODY_LIMIT, Service
from batchdial.dialing.settle import Reply, settle
from batchdial.errors import ConfigError, KeyRefusedError, ServiceError
from batchdial.models import CallStatus
from tests.contract import assert_valid_call_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

KEY = "cald_live_secret_0123456789"
BODY = {"phoneNumber": "+12025550101", "prospectName": "Ann"}
ANSWER = b'{"status": "success", "callId": "call_1"}'
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def http(body: bytes = ANSWER, status: str = "200 OK", *headers: str) -> bytes:
    """One answer as it stands on the wire."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Wire:
    """A server that does what a test says with each request that it has read."""

    act: Callable[[Wire, asyncio.StreamWriter], Awaitable[None]]
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)  #: the test's end
    connected: asyncio.Event = field(default_factory=asyncio.Event)  #: a connection stands
    closed: asyncio.Event = field(default_factory=asyncio.Event)  #: a connection has ended

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        self.connected.set()
        try:
            while not self.over.is_set():
                head = await reader.readuntil(b"\r\n\r\n")
                length = [
                    line for line in head.split(b"\r\n") if line.lower().startswith(b"content-l")
                ]
                body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
                self.requests.append(head + body)
                await self.act(self, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            self.closed.set()


@asynccontextmanager
async def wire(act: Callable[[Wire, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[Wire]:
    """A running server."""
    server = Wire(act)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.over.set()
        listening.close()


def saying(
    *parts: bytes, close: bool = False
) -> Callable[[Wire, asyncio.StreamWriter], Awaitable[None]]:
    """Answers every request so."""

    async def act(_: Wire, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
        if close:
            raise ConnectionResetError

    return act


async def call(url: str, count: int = 1) -> list[Reply]:
    """Replies to so many calls over one line."""
    async with Service(url, KEY, "a test").line("ag_1") as line:
        return [await line.call(BODY) for _ in range(count)]


async def test_a_call_is_what_the_contract_asks_for() -> None:
    """The method, the path, the key, the body, and nothing that tells more."""
    async with wire(saying(http())) as server:
        (reply,) = await call(server.url + "/client/api/v1")
    assert reply == Reply(True, 200, ANSWER)
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    assert first == "POST /client/api/v1/agents/ag_1/call HTTP/1.1"
    assert headers["authorization"] == KEY
    assert headers["accept-encoding"] == "identity"
    assert headers["content-type"] == "application/json"
    assert set(headers) == {
        "host",
        "authorization",
        "accept",
        "accept-encoding",
        "user-agent",
        "connection",
        "content-length",
        "content-type",
    }
    assert_valid_call_request("/client/api/v1/agents/ag_1/call", json.loads(body))
    assert request.count(KEY.encode()) == 1


async def test_an_agents_name_cannot_change_the_path() -> None:
    """It is one part of the path, whatever is in it."""
    async with (
        wire(saying(http())) as server,
        Service(server.url, KEY, "a test").line("../x?y#z/ü") as line,
    ):
        await line.call(BODY)
    assert server.requests[0].startswith(b"POST /agents/..%2Fx%3Fy%23z%2F%C3%BC/call HTTP/1.1")


async def test_a_connection_that_is_refused_sent_nothing() -> None:
    """The row may be tried again."""
    async with wire(saying()) as server:
        port = server.port
    (reply,) = await call(f"http://127.0.0.1:{port}")
    assert not reply.left
    found = settle(reply, NOW)
    assert (found.status, found.again) == (CallStatus.FAILED, True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://nosuch.invalid"])
async def test_an_address_that_leads_nowhere_sent_nothing(url: str) -> None:
    """Whatever the library raises for it."""
    (reply,) = await call(url)
    assert (reply.left, reply.status) == (False, None)


async def test_a_server_without_tls_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handshake fails before the request, and the key stays here."""
    monkeypatch.setattr(client, "CONNECT_TIMEOUT", 0.2)
    async with wire(saying(http())) as server:
        (reply,) = await call(f"https://127.0.0.1:{server.port}")
    assert not reply.left
    assert server.requests == []


async def _reset(_: Wire, writer: asyncio.StreamWriter) -> None:
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    raise ConnectionResetError


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(_reset, id="reset"),
        pytest.param(saying(close=True), id="fin"),
        pytest.param(saying(b"HTTP/1.1 20", close=True), id="part-of-a-status"),
        pytest.param(saying(b"HTTP/1.1 200 OK\r\nContent-Le", close=True), id="part-of-a-header"),
        pytest.param(saying(http()[:-5], close=True), id="part-of-a-body"),
        pytest.param(
            saying(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"st', close=True),
            id="part-of-a-chunk",
        ),
        pytest.param(saying(b"SSH-2.0-OpenSSH_9.2\r\n", close=True), id="ssh"),
        pytest.param(saying(ANSWER, close=True), id="http-0.9"),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, close=True), id="long-header"
        ),
        pytest.param(
            saying(http(gzip.compress(ANSWER), "200 OK", "Content-Encoding: gzip")), id="gzip"
        ),
        pytest.param(saying(http(b" " * 200_000)), id="200-kb"),
        pytest.param(
            saying(http(b" " * (BODY_LIMIT + 1 - len(ANSWER)) + ANSWER)), id="a-byte-too-much"
        ),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
            id="two-lengths",
        ),
        pytest.param(saying(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), id="bad-length"),
    ],
)
async def test_a_lost_answer_is_told_as_lost(
    act: Callable[[Wire, asyncio.StreamWriter], Awaitable[None]],
) -> None:
    """The request left, so the phone may have rung; it is sent once."""
    async with wire(act) as server:
        (reply,) = await call(server.url)
    assert (reply.left, reply.status) == (True, None)
    assert KEY not in reply.error
    assert settle(reply, NOW).status is CallStatus.UNKNOWN
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + http(), id="100"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + http(), id="103"),
        pytest.param(http(ANSWER, "200 OK", "Content-Encoding: identity"), id="identity"),
        pytest.param(http(b" " * (BODY_LIMIT - len(ANSWER)) + ANSWER), id="just-small-enough"),
        pytest.param(http(ANSWER, "200 OK", "Connection: close"), id="connection-close"),
        pytest.param(http(ANSWER, "200 OK", *[f"X-{n}: y" for n in range(2_000)]), id="headers"),
    ],
)
async def test_an_odd_answer_is_read(answer: bytes) -> None:
    """As long as it is HTTP."""
    async with wire(saying(answer)) as server:
        (reply,) = await call(server.url)
    assert settle(reply, NOW).status is CallStatus.SUCCESS


async def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    """HTTP/1.0."""
    async with wire(saying(b"HTTP/1.0 200 OK\r\n\r\n" + ANSWER, close=True)) as server:
        (reply,) = await call(server.url)
    assert reply.body == ANSWER


async def test_retry_after_comes_through() -> None:
    """As it was written."""
    async with wire(saying(http(b"", "429 Slow Down", "Retry-After: 12"))) as server:
        (reply,) = await call(server.url)
    assert reply == Reply(True, 429, b"", "12")


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200 OK\r\nX: ", http(b"{" * 9_999)[:99]])
async def test_an_answer_that_drips_is_not_waited_for(
    part: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte a moment keeps every single read in time; the whole of it has an end too."""
    monkeypatch.setattr(client, "TOTAL_TIMEOUT", 0.2)

    async def drip(server: Wire, writer: asyncio.StreamWriter) -> None:
        writer.write(part)
        while not server.over.is_set():
            writer.write(b" " if part else b"")
            await writer.drain()
            try:
                await asyncio.wait_for(server.over.wait(), 0.01)
            except TimeoutError:
                continue

    async with wire(drip) as server:
        (reply,) = await call(server.url)
        server.over.set()
    assert (reply.left, reply.status) == (True, None)
    assert reply.error == "no answer within 0 s"


async def test_a_handshake_that_hangs_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who accepts a connection and says nothing is no service."""
    monkeypatch.setattr(client, "CONNECT_TIMEOUT", 0.2)
    silent = asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    (reply,) = await call(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    silent.set()
    server.close()
    assert (reply.left, reply.status, reply.error) == (False, None, "no connection in time")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_no_redirect_is_followed(status: str) -> None:
    """The other host hears nothing: neither the number nor the key."""
    async with wire(saying(http())) as other:
        there = http(b"", status, f"Location: {other.url}/elsewhere")
        async with wire(saying(there)) as server:
            (reply,) = await call(server.url)
    assert reply.status == int(status[:3])
    assert (other.connections, len(server.requests)) == (0, 1)
    assert settle(reply, NOW).stop


async def test_no_cookie_is_sent_back() -> None:
    """Calls do not know of each other."""
    answer = http(ANSWER, "200 OK", "Set-Cookie: session=1; Path=/")
    async with wire(saying(answer)) as server:
        await call(server.url, 3)
    assert len(server.requests) == 3
    assert all(b"cookie" not in request.lower() for request in server.requests)


async def test_the_environment_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A proxy or a netrc file of the machine gets neither the key nor the number."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1\nlogin someone\npassword else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with wire(saying(http())) as proxy, wire(saying(http())) as server:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.upper(), proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        await call(server.url)
        async with Service(server.url, KEY, "a test").line("ag_1") as line:
            assert not line._client.trust_env
    assert proxy.connections == 0
    assert f"Authorization: {KEY}".encode() in server.requests[0]
    assert b"Basic" not in server.requests[0]


async def test_no_connection_is_used_twice() -> None:
    """A server that closes it at the moment of its reuse would make a row unknown for nothing."""
    async with wire(saying(http())) as server:
        replies = await call(server.url, 5)
    assert [reply.status for reply in replies] == [200] * 5
    assert server.connections == 5
    assert all(b"Connection: close\r\n" in request for request in server.requests)


async def test_a_body_that_cannot_be_sent_is_a_reply() -> None:
    """A text that is none leaves nothing on the wire, and no error goes through."""
    async with (
        wire(saying(http())) as server,
        Service(server.url, KEY, "a test").line("ag_1") as line,
    ):
        reply = await line.call({"phoneNumber": "\ud800"})
    assert (reply.left, reply.status) == (False, None)
    assert server.requests == []


async def test_a_call_leaves_when_it_may() -> None:
    """It is asked when the connection stands and nothing has been sent."""
    seen: list[int] = []

    async def leave() -> bool:
        async with asyncio.timeout(5):
            await server.connected.wait()
        seen.append(len(server.requests))
        return True

    async with (
        wire(saying(http())) as server,
        Service(server.url, KEY, "a test").line("ag_1") as line,
    ):
        assert await line.call(BODY, leave) == Reply(True, 200, ANSWER)
    assert seen == [0]


async def test_waiting_to_leave_is_not_the_services_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline for the answer begins when the request leaves."""
    monkeypatch.setattr(client, "TOTAL_TIMEOUT", 0.3)

    async def leave() -> bool:
        await asyncio.sleep(0.4)
        return True

    async with (
        wire(saying(http())) as server,
        Service(server.url, KEY, "a test").line("ag_1") as line,
    ):
        assert (await line.call(BODY, leave)).status == 200


async def test_a_call_that_may_not_leave_sends_nothing() -> None:
    """And is told apart from one that could not be connected; the next one is sent."""

    async def stay() -> bool:
        return False

    async with wire(saying(http())) as server:
        async with Service(server.url, KEY, "a test").line("ag_1") as line:
            assert await line.call(BODY, stay) == Reply(left=False, held=True)
            assert server.requests == []
            assert await line.call(BODY) == Reply(True, 200, ANSWER)
        assert len(server.requests) == 1


async def test_agents_are_named() -> None:
    """Whatever is no agent is left out."""
    body = b'{"agents": [{"agentId": "ag_1", "name": "Renewals"}, 7]}'
    async with wire(saying(http(body))) as server:
        agents = await Service(server.url, KEY, "a test").agents()
    assert [client.agent_in_words(agent) for agent in agents] == ['ag_1 "Renewals"']
    assert server.requests[0].startswith(b"GET /agents HTTP/1.1")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"agents": 1}', b"[" * 50_000])
async def test_an_unreadable_list_of_agents_is_told(body: bytes) -> None:
    """With the address."""
    async with wire(saying(http(body))) as server:
        with pytest.raises(ServiceError, match="did not name its agents"):
            await Service(server.url, KEY, "a test").agents()


async def test_an_unknown_agent_is_told_with_the_known_ones() -> None:
    """So that the next command can be right."""

    async def act(server: Wire, writer: asyncio.StreamWriter) -> None:
        one = server.requests[-1].startswith(b"GET /agents/")
        many = b'{"agents": [{"agentId": "ag_7", "name": "R"}]}'
        writer.write(http(b"{}", "404 Not Found") if one else http(many))

    async with wire(act) as server:
        with pytest.raises(ConfigError, match=r'no agent ag_1. This account has: ag_7 "R"'):
            await Service(server.url, KEY, "a test").agent("ag_1")


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_told_by_its_origin(status: int) -> None:
    """Never by itself."""
    async with wire(saying(http(b"{}", f"{status} No"))) as server:
        with pytest.raises(KeyRefusedError, match=r"came from \.env") as refused:
            await Service(server.url, KEY, ".env").agents()
    assert KEY not in str(refused.value)


async def test_a_service_that_is_not_there_is_told() -> None:
    """And that nobody was called."""
    with pytest.raises(ServiceError, match=r"cannot be reached: .* Nobody was called"):
        await Service("http://127.0.0.1:1", KEY, "a test").agents()


def test_certificates_are_checked() -> None:
    """Against the machine's authorities, by name."""
    tls = Service("https://cald.test", KEY, "a test")._tls
    assert isinstance(tls, ssl.SSLContext)
    assert tls.check_hostname
    assert tls.verify_mode is ssl.CERT_REQUIRED
