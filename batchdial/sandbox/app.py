"""The HTTP side: routes to the service, and answers that come late or never."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from batchdial.sandbox import contract
from batchdial.sandbox.service import Answer, Received, Service, refusal

#: The path of the real service's base URL.
PREFIX = "/client/api/v1"


class NoAnswer(Response):
    """
    The end of a connection whose request was read and is never answered.

    Args:
        resets: Reset the connection (RST) instead of closing it (FIN).
        release: End the connection only then, or when the caller gives up; None ends it at once.
    """

    def __init__(self, resets: bool = False, release: asyncio.Event | None = None) -> None:
        super().__init__()
        self._resets = resets
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """End the connection instead of sending anything."""
        gone = asyncio.ensure_future(_disconnected(receive))
        if self._release is not None:
            release = asyncio.ensure_future(self._release.wait())
            await asyncio.wait((gone, release), return_when=asyncio.FIRST_COMPLETED)
            release.cancel()
        transport: asyncio.Transport = scope["state"]["transport"]
        peer = transport.get_extra_info("socket")
        if self._resets and not transport.is_closing():
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        await gone


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Endpoints:
    """
    What each path does.

    Args:
        service: Decides every answer.
        closing: Once set, delayed answers leave at once and hanging requests are dropped.
    """

    def __init__(self, service: Service, closing: asyncio.Event) -> None:
        self._service = service
        self._closing = closing

    async def place_call(self, agent_id: str, request: Request) -> Response:
        """POST /agents/{agentId}/call."""
        return await self._reply(request, lambda r: self._service.place_call(agent_id, r))

    async def list_agents(self, request: Request) -> Response:
        """GET /agents."""
        return await self._reply(request, self._service.list_agents)

    async def show_agent(self, agent_id: str, request: Request) -> Response:
        """GET /agents/{agentId}."""
        return await self._reply(request, lambda r: self._service.show_agent(agent_id, r))

    async def show_call(self, call_id: str, request: Request) -> Response:
        """GET /calls/{callId}."""
        return await self._reply(request, lambda r: self._service.show_call(call_id, r))

    async def no_such_path(self, request: Request, _: Exception) -> Response:
        """Any other path."""
        return await self._reply(request, lambda _: refusal(404, "There is no such path."))

    async def no_such_method(self, request: Request, error: Exception) -> Response:
        """Any other method; the header Allow names those that there are."""
        allowed = getattr(error, "headers", None) or {}
        answer = Answer(405, {"error": "The path has no such method."}, allowed)
        return await self._reply(request, lambda _: answer)

    async def _reply(self, request: Request, decide: Callable[[Received], Answer]) -> Response:
        """Note the answer before it leaves, so that the journal is never behind its reader."""
        try:
            received = await _received(request)
        except ClientDisconnect:
            return NoAnswer()
        answer = decide(received)
        self._service.note(received, answer)
        wait = received.monotonic + self._service.settings.delay - time.monotonic()
        if wait > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), wait)
        return self._response(answer)

    def _response(self, answer: Answer) -> Response:
        if answer.status is None:
            return NoAnswer(answer.resets, self._closing if answer.hangs else None)
        if isinstance(answer.content, str):
            return Response(answer.content, answer.status, media_type="application/json")
        return JSONResponse(answer.content, answer.status, dict(answer.headers))


def build_app(service: Service, closing: asyncio.Event) -> FastAPI:
    """The application; see `Endpoints` for what it takes."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    endpoints = Endpoints(service, closing)
    for method, path, endpoint in (
        ("POST", "/agents/{agent_id}/call", endpoints.place_call),
        ("GET", "/agents", endpoints.list_agents),
        ("GET", "/agents/{agent_id}", endpoints.show_agent),
        ("GET", "/calls/{call_id}", endpoints.show_call),
    ):
        app.add_api_route(PREFIX + path, endpoint, methods=[method])
    app.add_exception_handler(404, endpoints.no_such_path)
    app.add_exception_handler(405, endpoints.no_such_method)
    return app


async def _received(request: Request) -> Received:
    raw = await request.body()
    try:
        body, is_json = contract.parse(raw), True
    except ValueError:
        body, is_json = raw.decode(errors="backslashreplace") or None, False
    return Received(
        at=request.state.arrived_at,
        monotonic=request.state.arrived,
        method=request.method,
        path=request.url.path,
        key=request.headers.get("authorization", ""),
        content_type=request.headers.get("content-type", ""),
        body=body,
        is_json=is_json,
    )
