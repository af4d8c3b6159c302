"""
A fast service on this machine: it answers each call after 50 ms, and notes when it arrived.

`python -m tests.bench.service` says its port, then for every line on stdin what arrived since
the last one, as JSON. Arrivals are the kernel's own receive times, and answers leave by a timer
of the kernel's, since epoll itself counts in whole milliseconds: neither depends on how busy
this process is. It takes connections that stay open and such that close.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import IO, Self

from .running import ROOT

#: Seconds between a call's arrival and its answer.
DELAY = 0.05
#: Lets Linux say when bytes arrived; `socket` has no name for it.
_SO_TIMESTAMPNS = 35
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_NUMBER = re.compile(rb'"phoneNumber": *"([^"]*)"')
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_AGENT = b'{"agentId": "ag_1", "name": "Bench"}'


class Alarm:
    """A timer of the kernel's as a file that can be waited for (timerfd_create(2))."""

    _MONOTONIC = 1

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self._libc.timerfd_create(self._MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")

    def set(self, seconds: float) -> None:
        """Ring once in so many seconds, in place of what was set before."""
        whole, rest = divmod(max(1, int(seconds * 1e9)), 1_000_000_000)
        setting = struct.pack("qqqq", 0, 0, whole, rest)
        self._libc.timerfd_settime(self.fd, 0, setting, None)

    def heard(self) -> None:
        """Be silent until it is set again."""
        os.read(self.fd, 8)


@dataclass(slots=True)
class _Peer:
    """One connection, and what it has sent of its next request."""

    socket: socket.socket
    buffer: bytes = b""
    at: float = 0.0  #: when the first byte of that request arrived


@dataclass
class Service:
    """The loop; `arrivals` has the Unix time and the number of each call."""

    arrivals: list[tuple[float, str]] = field(default_factory=list)
    _peers: dict[int, _Peer] = field(default_factory=dict)
    _due: deque[tuple[float, _Peer, bytes, bool]] = field(default_factory=deque)
    _called: int = 0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._listener.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._listener.setblocking(False)
        self._alarm = Alarm()
        self._poll = select.epoll()
        for fd in (self._listener.fileno(), self._alarm.fd, sys.stdin.fileno()):
            self._poll.register(fd, select.EPOLLIN)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def run(self) -> None:
        """Serve until stdin ends."""
        while True:
            for fd, _ in self._poll.poll():
                if fd == self._alarm.fd:
                    self._alarm.heard()
                    self._answer_due()
                elif fd == self._listener.fileno():
                    self._accept()
                elif fd != sys.stdin.fileno():
                    self._receive(self._peers[fd])
                elif not self._report():
                    return

    def _report(self) -> bool:
        """Say what arrived; False at the end of stdin."""
        asked = os.read(sys.stdin.fileno(), 1024)
        if asked:
            sys.stdout.write(json.dumps(sorted(self.arrivals)) + "\n")
            sys.stdout.flush()
            self.arrivals = []
        return bool(asked)

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except BlockingIOError:
                return
            peer.setblocking(False)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[peer.fileno()] = _Peer(peer)
            self._poll.register(peer.fileno(), select.EPOLLIN)

    def _receive(self, peer: _Peer) -> None:
        try:
            data, notes, _, _ = peer.socket.recvmsg(65536, 64)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(peer)
            return
        if not peer.buffer:
            seconds, nanoseconds = struct.unpack("qq", notes[0][2])
            peer.at = seconds + nanoseconds / 1e9
        peer.buffer += data
        end = peer.buffer.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        head = peer.buffer[:end]
        length = _LENGTH.search(head)
        whole = end + (int(length[1]) if length else 0)
        if len(peer.buffer) >= whole:
            body, peer.buffer = peer.buffer[end:whole], peer.buffer[whole:]
            self._take(peer, head, body)

    def _take(self, peer: _Peer, head: bytes, body: bytes) -> None:
        closes = _CLOSES.search(head) is not None
        if not head.startswith(b"POST"):
            self._send(peer, _AGENT, closes=closes)
            return
        number = _NUMBER.search(body)
        self.arrivals.append((peer.at, number[1].decode() if number else ""))
        self._called += 1
        answer = b'{"status": "success", "callId": "call_%d"}' % self._called
        self._due.append((peer.at + DELAY, peer, answer, closes))
        if len(self._due) == 1:
            self._alarm.set(peer.at + DELAY - time.time())

    def _answer_due(self) -> None:
        while self._due and self._due[0][0] <= time.time():
            _, peer, answer, closes = self._due.popleft()
            self._send(peer, answer, closes=closes)
        if self._due:
            self._alarm.set(self._due[0][0] - time.time())

    def _send(self, peer: _Peer, answer: bytes, *, closes: bool) -> None:
        kept = b"close" if closes else b"keep-alive"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: %s\r\n" % kept
        try:
            peer.socket.send(head + b"Content-Length: %d\r\n\r\n%s" % (len(answer), answer))
        except OSError:
            closes = True
        if closes:
            self._drop(peer)

    def _drop(self, peer: _Peer) -> None:
        fd = peer.socket.fileno()
        if fd >= 0:
            self._poll.unregister(fd)
            del self._peers[fd]
            peer.socket.close()


class Running:
    """The service in a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.service"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.port = int(self._pipe(self._process.stdout).readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def arrivals(self) -> list[tuple[float, str]]:
        """What arrived since this was asked last: Unix time and number, in order."""
        asking = self._pipe(self._process.stdin)
        asking.write("\n")
        asking.flush()
        told = json.loads(self._pipe(self._process.stdout).readline())
        return [(at, number) for at, number in told]

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


if __name__ == "__main__":
    service = Service()
    sys.stdout.write(f"{service.port}\n")
    sys.stdout.flush()
    service.run()
