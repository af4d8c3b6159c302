"""Completed calls, posted to whoever the agent names; well, or as badly as the settings say."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from batchdial.sandbox.chance import chance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchdial.sandbox.calls import Call
    from batchdial.sandbox.service import Service

#: Seconds that a receiver has to answer.
_PATIENCE = 5.0
#: Something that no receiver should stumble over.
_GARBAGE = (b"", b"\xff\xfe\x00", b"callId=1", b"[" * 100_000, b'{"callId": {"a": 1}}', b"null")


class Delivery(NamedTuple):
    """One post, and what came of it."""

    call_id: str
    status: int | None  #: of the answer; None where there was none


class Webhooks:
    """
    Posts each call once it is completed. What goes wrong is not tried again.

    Posts are timed by the machine, also where the service has a clock of its own.

    Args:
        service: Knows how calls go.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._tasks: set[asyncio.Task[None]] = set()
        self.deliveries: list[Delivery] = []

    def expect(self, call: Call) -> None:
        """Post a call when it is over, to be called in the loop that serves."""
        if call.agent.webhook:
            task = asyncio.create_task(self._tell(call))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell(self, call: Call) -> None:
        course = self._service.course_of(call)
        await asyncio.sleep(self._service.until(course.ends_at))
        settings = self._service.settings
        late = settings.webhook_late * chance(settings.seed, call.call_id, "late")
        await asyncio.sleep(late)
        for body in self._bodies(call):
            status = await _post(call.agent.webhook, body)
            self.deliveries.append(Delivery(call.call_id, status))

    def _bodies(self, call: Call) -> Iterator[bytes]:
        """What is posted of a call, one after the other."""
        settings = self._service.settings

        def meets(fate: str, share: float) -> bool:
            return chance(settings.seed, call.call_id, fate) < share

        if meets("garbage", settings.webhook_garbage):
            kind = chance(settings.seed, call.call_id, "kind of garbage")
            yield _GARBAGE[int(kind * len(_GARBAGE))]
        if meets("lost", settings.webhook_lost):
            return
        ends_at = self._service.course_of(call).ends_at
        body = json.dumps(self._service.told_of(call, ends_at)).encode()
        yield body
        if meets("twice", settings.webhook_twice):
            yield body


async def _post(url: str, body: bytes) -> int | None:
    """POST to this machine; the status of the answer, or None."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                writer.write(head.encode() + body)
                await writer.drain()
                line = await reader.readline()
            finally:
                writer.close()
        return int(line.split()[1])
    except (OSError, ValueError, IndexError):  # TimeoutError is an OSError
        return None
