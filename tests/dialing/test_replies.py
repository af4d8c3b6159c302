"""Which error means that the request left: by httpx's trace, not by the exception's type."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from batchdial.dialing.client import Service
from batchdial.dialing.settle import settle
from batchdial.models import CallStatus

if TYPE_CHECKING:
    import respx

URL = "https://cald.test/v1"
CALL = f"{URL}/agents/ag_1/call"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
#: Where httpx hands a request to its transport; below that, a transport of our own has no httpcore.
at_the_client = pytest.mark.respx(using="httpx")
ERRORS = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
    httpx.PoolTimeout("full"),
    httpx.ReadError(""),
    httpx.ReadTimeout(""),
    httpx.WriteError(""),
    httpx.WriteTimeout(""),
    httpx.CloseError(""),
    httpx.RemoteProtocolError("Server disconnected"),
    httpx.LocalProtocolError("Illegal header value b'cald_live_secret'"),
    httpx.UnsupportedProtocol(""),
    httpx.DecodingError(""),
    ExceptionGroup("several", [OSError("port out of range")]),
    UnicodeEncodeError("ascii", "é", 0, 1, "no"),
    RuntimeError("a bug elsewhere"),
]


def name(error: Exception) -> str:
    """For the test's id."""
    return type(error).__name__


@at_the_client
@pytest.mark.parametrize("started", [False, True], ids=["never-left", "left"])
@pytest.mark.parametrize("error", ERRORS, ids=name)
async def test_an_error_is_lost_or_not_sent(
    respx_mock: respx.MockRouter, error: Exception, started: bool
) -> None:
    """The same exception is the one or the other, by whether its first byte left."""

    async def fail(request: httpx.Request) -> httpx.Response:
        trace = request.extensions["trace"]
        await trace("connection.connect_tcp.started", {})
        await trace("connection.start_tls.started", {})
        if started:
            await trace("http11.send_request_headers.started", {})
        raise error

    respx_mock.post(CALL).mock(side_effect=fail)
    async with Service(URL, "cald_live_secret", "a test").line("ag_1") as line:
        reply = await line.call({"phoneNumber": "+12025550101"})
    assert (reply.left, reply.status) == (started, None)
    assert reply.error
    assert "cald_live_secret" not in reply.error
    found = settle(reply, NOW)
    assert found.status is (CallStatus.UNKNOWN if started else CallStatus.FAILED)
    assert found.again is not started


@at_the_client
@pytest.mark.parametrize("status", [200, 401, 422, 429, 500, 503])
async def test_an_answer_comes_back_whole(respx_mock: respx.MockRouter, status: int) -> None:
    """Status, body and the header that asks for a pause."""
    respx_mock.post(CALL).respond(status, content=b"{}", headers={"Retry-After": "3"})
    async with Service(URL, "key", "a test").line("ag_1") as line:
        reply = await line.call({"phoneNumber": "+12025550101"})
    assert (reply.left, reply.status, reply.body, reply.retry_after) == (True, status, b"{}", "3")
    assert respx_mock.calls.call_count == 1
