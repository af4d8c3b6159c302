"""The vendor's posts on completed calls; believed is only that a call may be over."""

from __future__ import annotations

import asyncio
import hmac
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from batchdial.listening.server import Address, listen, server, url_of
from batchdial.rules.outcomes import call_ids_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

#: Bytes of a post that are read, and seconds in which it must have come.
BODY_LIMIT, BODY_SECONDS = 1024 * 1024, 10.0
#: Calls that one post may name.
IDS_LIMIT = 1_000
#: Requests that are answered at once; beyond them the answer is 503.
AT_ONCE = 100
#: Where the address leads to, before the part that nobody can guess.
_PLACE = "/webhooks/calls/"


def secret_path(key: str) -> str:
    """
    A path that nobody guesses who does not have the key, the same each time.

    The posts are not signed, and the address stands in the vendor's dashboard: it must not
    change with every start. The key cannot be had from it.
    """
    return _PLACE + hmac.new(key.encode(), b"batchdial webhook", "sha256").hexdigest()[:32]


class Receiver:
    """
    An ASGI application that takes posts at one path; it can also be mounted in another one.

    It answers at once: 204 to anything that is JSON, also of calls that nobody knows, and
    also the second time; 400 to what is not, 404 elsewhere. Bodies are kept nowhere.

    Args:
        path: Where posts are taken.
        heard: Told each callId that a post names; it must not wait.
    """

    def __init__(self, path: str, heard: Callable[[str], None]) -> None:
        self._path = path.encode()
        self._heard = heard

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            await _answer(send, await self._take(scope, receive))

    async def _take(self, scope: Any, receive: Any) -> int:
        """The status that a request is answered with."""
        if not hmac.compare_digest(scope["path"].encode(errors="replace"), self._path):
            return 404
        if scope["method"] != "POST":
            return 405
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(receive)
        except TimeoutError:
            return 408
        if body is None:
            return 413
        ids = call_ids_of(body)
        if ids is None:
            return 400
        for call_id in ids[:IDS_LIMIT]:
            self._heard(call_id)
        return 204


async def _body(receive: Any) -> bytes | None:
    """The whole body, or None where it is larger than a post can be."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            return None
        if not message.get("more_body", False):
            return bytes(body)


async def _answer(send: Any, status: int) -> None:
    headers = [] if status == 204 else [(b"content-length", b"0")]
    if status in (408, 413):  # what is still to come of the request is not waited for
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def listening(
    address: Address, path: str, heard: Callable[[str], None]
) -> AsyncIterator[str]:
    """
    Take posts in this event loop while the block runs.

    Args:
        address: Where to listen.
        path: Where posts are taken.
        heard: As of `Receiver`.

    Yields:
        The address that posts are to be sent to, as it is on this machine.

    Raises:
        ConfigError: The port is taken, or the address is not this machine's.
    """
    listener = listen(address.host, address.port, "--listen")
    stopping = asyncio.Event()
    serving = server(Receiver(path, heard), stopping, http="h11", limit_concurrency=AT_ONCE)
    task = asyncio.create_task(serving.serve(sockets=[listener]))
    try:
        yield url_of(listener) + path
    finally:
        stopping.set()
        await task
