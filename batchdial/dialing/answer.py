"""One answer of a service: bytes come in, a head and pieces of a body go out."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

import h11

Headers: TypeAlias = list[tuple[bytes, bytes]]

#: Bytes of a head, or of what stands between two pieces of a body.
LONGEST_HEAD = 100 * 1024
CLOSED = "closed before the answer was whole"

#: A head that can be understood in one way only; any other is left to h11.
_PLAIN = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9]{2}) [ -~]*\r\n((?:[A-Za-z0-9_-]+:[ \t]*(?:[!-~][ -~]*)?\r\n)+)\r\n"
)
_FRAMING = {b"content-length", b"transfer-encoding", b"connection"}
_LENGTH = re.compile(rb"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the body of an answer in its usual form."""

    status: int
    headers: Headers
    length: int  #: of the body, in bytes
    keeps: bool  #: whether the service keeps the connection
    end: int  #: where the body begins


def plain_head(data: bytes) -> Head | None:
    """The head that these bytes begin with, or None where it is not certain what it means."""
    found = _PLAIN.match(data)
    if found is None:
        return None
    status = int(found[1])
    headers: Headers = []
    framing: Headers = []
    for line in found[2].split(b"\r\n")[:-1]:
        name, _, value = line.partition(b":")
        header = name, value.strip(b" \t")
        headers.append(header)
        if name.lower() in _FRAMING:
            framing.append((name.lower(), header[1].lower()))
    said = dict(framing)
    length, connection = said.get(b"content-length", b""), said.get(b"connection", b"keep-alive")
    if (
        status in (204, 304)
        or len(said) != len(framing)
        or b"transfer-encoding" in said
        or not _LENGTH.fullmatch(length)
        or connection not in (b"keep-alive", b"close")
    ):
        return None
    return Head(status, headers, int(length), connection == b"keep-alive", found.end())


class Answer:
    """
    An answer as far as it has come in.

    The usual one is read here. Any other is h11's to read, so that what an odd answer
    means does not depend on how fast it is read.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: Headers = []
        self.pieces: deque[bytes] = deque()  #: of the body, not fetched yet
        self.is_complete = False
        self.keeps = False  #: whether the connection may carry another request
        self.broken = ""  #: why it will never be complete
        self._missing: int | None = None  # bytes of a plain answer's body
        self._h11: h11.Connection | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.is_complete or bool(self.broken)

    def fetch(self) -> bytes:
        """The next piece of the body."""
        return self.pieces.popleft()

    def feed(self, data: bytes) -> None:
        """Take what came in; nothing stands for the end of the stream."""
        if self.is_over:
            self.keeps = False
        elif self._missing is not None:
            self._fill(data)
        elif self._h11 is None and (head := plain_head(data)) is not None:
            self.status, self.headers = head.status, head.headers
            self.keeps, self._missing = head.keeps, head.length
            self._fill(data[head.end :], ends=False)
        else:
            self._ask_h11(data)

    def _fill(self, data: bytes, *, ends: bool = True) -> None:
        missing = self._missing or 0
        if ends and not data:
            self.broken = CLOSED
            return
        if len(data) > missing:
            self.keeps = False  # more than it said
            data = data[:missing]
        self._missing = missing - len(data)
        self._add(data)
        self.is_complete = self._missing == 0

    def _add(self, data: bytes) -> None:
        if data:
            self.pieces.append(data)

    def _ask_h11(self, data: bytes) -> None:
        try:
            if self._h11 is None:
                self._h11 = _asked()
            self._h11.receive_data(data)
            while not self.is_complete and self._take(self._h11.next_event()):
                pass
        except h11.RemoteProtocolError as error:
            self.broken = str(error)

    def _take(self, event: h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]) -> bool:
        """Note what h11 made of it; whether there may be more in what it has."""
        if isinstance(event, h11.Response):
            self.status, self.headers = event.status_code, list(event.headers)
        elif isinstance(event, h11.Data):
            self._add(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            self.is_complete = True
            over = self._h11
            self.keeps = (
                over is not None
                and over.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}
                and over.trailing_data == (b"", False)
            )
        return isinstance(event, h11.Event)


def _asked() -> h11.Connection:
    """An h11 that waits for the answer to a request; which one does not matter to it."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
    connection.send(h11.Request(method="POST", target="/", headers=[("Host", "service")]))
    connection.send(h11.EndOfMessage())
    return connection
