"""The one module that sends bytes to the service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import quote

import httpx

from batchdial.dialing.authorities import refused_certificate, trusted
from batchdial.dialing.settle import Reply
from batchdial.dialing.wire import HeldError, Wire, head_of
from batchdial.errors import ConfigError, KeyRefusedError, ServiceError
from batchdial.rules.cells import printable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

#: Seconds: to connect, and from the request to the last byte of its answer.
CONNECT_TIMEOUT, TOTAL_TIMEOUT = 10.0, 30.0
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
#: Largest answers that are read, in bytes: to a call, to a question for agents, and for a call.
BODY_LIMIT, AGENTS_LIMIT, CALL_LIMIT = 64 * 1024, 4 * 1024 * 1024, 1024 * 1024


async def _at_once() -> bool:
    return True


def _unheard() -> None:
    pass


class Service:
    """
    A Cald service and the key to it.

    Args:
        base_url: Address of the API without a slash at the end.
        key: Sent in the Authorization header to that address and nowhere else.
        key_origin: Where the key came from, for messages.
    """

    def __init__(self, base_url: str, key: str, key_origin: str) -> None:
        self.base_url = base_url
        self._key = key
        self._key_origin = key_origin
        self._tls = trusted() if base_url.startswith("https:") else None

    def line(self, agent: str) -> Line:
        """The way to the service for calls by one agent, for any number of lanes."""
        client = self._client()
        return Line(
            client, client.build_request("POST", f"{self.base_url}/agents/{_segment(agent)}/call")
        )

    async def agents(self) -> list[dict[str, Any]]:
        """
        The account's agents.

        Raises:
            KeyRefusedError: The key is not accepted.
            ServiceError: There is no answer, or none that can be read.
        """
        status, answer = await self._get("/agents")
        found = answer.get("agents") if isinstance(answer, dict) else None
        if status != 200 or not isinstance(found, list):
            raise ServiceError(f"{self.base_url} did not name its agents (HTTP {status}).")
        return [agent for agent in found if isinstance(agent, dict)]

    async def agent(self, agent_id: str) -> dict[str, Any] | None:
        """
        One agent, or None where the service gives no answer to the question.

        Raises:
            ConfigError: The service knows no such agent; the message names those it knows.
            KeyRefusedError: The key is not accepted.
            ServiceError: It cannot be reached.
        """
        status, answer = await self._get(f"/agents/{_segment(agent_id)}")
        if status == 404:
            known = ", ".join(map(agent_in_words, await self.agents()))
            raise ConfigError(
                f"The service knows no agent {agent_id}. This account has: {known or 'none'}."
            )
        return answer if status == 200 and isinstance(answer, dict) else None

    async def call(self, call_id: str) -> dict[str, Any] | None:
        """
        One call that was placed, or None where the service does not tell of it.

        Raises:
            KeyRefusedError: The key is not accepted.
            ServiceError: It cannot be reached.
        """
        status, answer = await self._get(f"/calls/{_segment(call_id)}")
        return answer if status == 200 and isinstance(answer, dict) else None

    async def ask(self, call_id: str) -> Reply:
        """What it says of one call; whatever goes wrong comes back as a `Reply`, too."""
        async with self._client() as client:
            request = client.build_request("GET", f"{self.base_url}/calls/{_segment(call_id)}")
            return await _send(client, request, limit=CALL_LIMIT)

    async def _get(self, path: str) -> tuple[int, Any]:
        async with self._client() as client:
            request = client.build_request("GET", self.base_url + path)
            reply = await _send(client, request, limit=AGENTS_LIMIT)
        if reply.status is None:
            raise ServiceError(
                f"{self.base_url} cannot be reached: {reply.error}. Nobody was called.\n"
                "Check the address (--base-url) and the connection: batchdial doctor"
            )
        if reply.status in (401, 403):
            raise self.key_refused(reply.status)
        try:
            return reply.status, json.loads(reply.body)
        except (ValueError, RecursionError):
            return reply.status, None

    def key_refused(self, status: int) -> KeyRefusedError:
        """The error that says which key was not accepted, without showing it."""
        return KeyRefusedError(
            f"The service refused the key ({status}). The key came from {self._key_origin}."
        )

    def _client(self) -> _Client:
        # Nothing of the environment is believed: a proxy or a .netrc would get the key.
        return _Client(
            transport=Wire(self._tls),
            headers={
                "Authorization": self._key,
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "batchdial",
            },
            timeout=httpx.Timeout(TOTAL_TIMEOUT, connect=CONNECT_TIMEOUT),
            follow_redirects=False,
            trust_env=False,
        )


class _Client(httpx.AsyncClient):
    """
    What is sent is one request, and what comes back is its answer.

    httpx looks for redirects, cookies and steps of authentication after each answer. None of
    them may happen to a call, and looking for them takes longer than all else that it does.
    """

    async def send(self, request: httpx.Request, **_: object) -> httpx.Response:
        """Send a request; its body is the caller's to read and to close."""
        return await self._transport_for_url(request.url).handle_async_request(request)


class _Call(httpx.Request):
    """
    A request of which everything but the body was made before.

    Args:
        like: Has its address and its headers.
        head: The same in bytes; the wire adds how long the body is.
        body: As it is sent.
    """

    def __init__(self, like: httpx.Request, head: bytes, body: bytes) -> None:
        self.method, self.url, self.headers = like.method, like.url, like.headers
        self.extensions = {**like.extensions, "head": head}
        self.stream = httpx.ByteStream(body)


class Line:
    """
    The way to the service; calls may go side by side.

    Args:
        client: Closed with the line.
        call: A call without a body; all calls have its address and its headers.
    """

    def __init__(self, client: httpx.AsyncClient, call: httpx.Request) -> None:
        self._client = client
        del call.headers["Content-Length"]
        call.headers["Content-Type"] = "application/json"
        self._call = call
        self._head = head_of(call)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def call(
        self,
        body: Mapping[str, str],
        leave: Callable[[], Awaitable[bool]] = _at_once,
        sent: Callable[[], None] = _unheard,
    ) -> Reply:
        """
        POST one call; whatever goes wrong comes back as a `Reply`, never as an error.

        Args:
            body: The fields of the request.
            leave: Asked when the connection stands and no byte has been sent; waits until
                the call may leave, or says that it may not.
            sent: Told when the last byte has been sent.
        """
        try:
            text = _JSON.encode(body).encode("utf-8")
        except ValueError:
            return Reply(left=False, error="the row holds text that no request can carry")
        request = _Call(self._call, self._head, text)
        return await _send(self._client, request, leave, sent)


def _segment(text: str) -> str:
    """One part of a path, whatever it holds; `..` alone would lead to another address."""
    return quote(text, safe="") if text.strip(".") else text.replace(".", "%2E")


def agent_in_words(agent: Mapping[str, Any]) -> str:
    """`ag_7 "Renewals"`."""
    return printable(f'{agent.get("agentId", "?")} "{agent.get("name", "")}"')


async def _send(
    client: httpx.AsyncClient,
    request: httpx.Request,
    leave: Callable[[], Awaitable[bool]] = _at_once,
    sent: Callable[[], None] = _unheard,
    limit: int = BODY_LIMIT,
) -> Reply:
    left = False

    async def trace(event: str, _info: Mapping[str, Any]) -> None:
        nonlocal left
        # A proxy's CONNECT fires this too, but no proxy is ever used.
        if not left and event.endswith(".send_request_headers.started"):
            left = True
        elif event.endswith(".send_request_body.complete"):
            sent()

    request.extensions.update(trace=trace, leave=leave)
    try:
        response = await client.send(request, stream=True)
        try:
            body = await _read(response, limit)
        finally:
            await response.aclose()
    except HeldError:
        return Reply(left=False, held=True)
    except Exception as error:  # noqa: BLE001 (httpx lets other libraries' errors through)
        refused = refused_certificate(error)
        if refused is not None and not left:
            why = f"its certificate is not accepted, {printable(refused.verify_message)}"
            return Reply(left=False, error=why.rstrip("."), untrusted=True)
        return Reply(left, error=_in_words(error))
    if body is None:
        return Reply(left=True, error="the answer was too large or encoded")
    # A broken service may quote the request; whatever shows its answer must not show the key.
    body = body.replace(request.headers["Authorization"].encode(), "…".encode())
    names = _names(response)
    return Reply(
        True,
        response.status_code,
        body,
        response.headers["retry-after"] if b"retry-after" in names else None,
        response.headers["date"] if b"retry-after" in names and b"date" in names else None,
    )


async def _read(response: httpx.Response, limit: int) -> bytes | None:
    """The whole body, or None where it is larger or other than an answer can be."""
    packed = b"content-encoding" in _names(response)
    if packed and response.headers["content-encoding"] != "identity":
        return None
    body = bytearray()
    async for chunk in cast("httpx.AsyncByteStream", response.stream):
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _names(response: httpx.Response) -> set[bytes]:
    """Names of its headers; httpx takes longer to find one than the whole answer took to read."""
    return {name.lower() for name, _ in response.headers.raw}


def _in_words(error: Exception) -> str:
    """What happened, without the error's own text where that may quote the request."""
    if isinstance(error, httpx.ConnectError):
        return printable(str(error)) or "no connection"
    words: dict[type[Exception], str] = {
        httpx.ConnectTimeout: "no connection in time",
        httpx.ReadTimeout: f"no answer within {TOTAL_TIMEOUT:.0f} s",
        httpx.ReadError: "the connection broke",
        httpx.RemoteProtocolError: "the connection was closed, or what came was not HTTP",
    }
    return words.get(type(error), type(error).__name__)
