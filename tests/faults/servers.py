"""A service that is broken on the wire, on loopback, with a log of what it received and rang."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

#: Seconds after which a server gives up waiting for whoever has stopped talking to it.
PATIENCE = 30.0
#: Lets Linux say when bytes arrived; `socket` has no name for it.
SO_TIMESTAMPNS = 35
AGENT = b'{"agentId": "ag_1", "name": "Renewals"}'


def http(body: bytes | object = b"", status: str = "200 OK", *headers: str) -> bytes:
    """One answer as it stands on the wire; a body that is no bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content


@dataclass(frozen=True)
class Post:
    """One request to place a call that was read to its last byte."""

    at: float  #: when its first byte arrived, in Unix time
    number: str
    head: bytes
    connection: int  #: the how-manieth connection it came over, from 1
    nth: int  #: the how-manieth request over that connection, from 1


@dataclass(frozen=True)
class Call:
    """A request that was read, and the ways to answer it."""

    server: Server
    peer: socket.socket
    post: Post

    def ring(self) -> str:
        """Ring the phone; the call's name."""
        return self.server.ring(self.post.number)

    def say(self, *parts: bytes) -> None:
        """Send bytes."""
        for part in parts:
            self.peer.sendall(part)

    def wait(self) -> None:
        """Until the caller hangs up, or the test is over."""
        while self.peer.recv(1024):
            pass


Act: TypeAlias = Callable[[Call], None]


class HangUpError(Exception):
    """An act is over, and so is its connection."""


def ok(call: Call) -> None:
    """Ring, and say so."""
    call.say(http({"status": "success", "callId": call.ring()}))


def says(*parts: bytes, rings: bool = False, closes: bool = False) -> Act:
    """Answer so, whether or not it is HTTP."""

    def act(call: Call) -> None:
        if rings:
            call.ring()
        call.say(*parts)
        if closes:
            raise HangUpError

    return act


def status(line: str, *headers: str, body: bytes = b"", rings: bool = False) -> Act:
    """Answer with a status such as `429 Slow Down`."""
    return says(http(body, line, *headers), rings=rings)


def resets(*parts: bytes, rings: bool = False) -> Act:
    """Answer so much, then reset the connection."""

    def act(call: Call) -> None:
        says(*parts, rings=rings)(call)
        call.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise HangUpError

    return act


def hangs(*parts: bytes, rings: bool = False, later: bool = False) -> Act:
    """Answer so much, then nothing until the caller gives up; `later` rings only then."""

    def act(call: Call) -> None:
        says(*parts, rings=rings and not later)(call)
        call.wait()
        if later and rings:
            call.ring()
        raise HangUpError

    return act


def drips(head: bytes, drop: bytes = b" ", every: float = 0.02, rings: bool = True) -> Act:
    """Answer so, then a drop at a time until the caller gives up; no time between fills a pipe."""

    def act(call: Call) -> None:
        says(head, rings=rings)(call)
        while not call.server.over.wait(every):
            call.say(drop)

    return act


class Server:
    """
    Answers each POST by the next act, and by `rest` when there are no more.

    Args:
        acts: What becomes of the first POSTs, in the order in which they are read.
        rest: What becomes of all others.
        tls: Speak TLS with this certificate; may be changed while it runs.
        agent: The raw answer to a GET.
        idle: Seconds after which a connection that waits for a further request is closed.
    """

    def __init__(
        self,
        *acts: Act,
        rest: Act = ok,
        tls: ssl.SSLContext | None = None,
        agent: bytes = http(AGENT),
        idle: float | None = None,
    ) -> None:
        self._acts = iter(acts)
        self.rest = rest
        self.tls = tls
        self._agent = agent
        self._idle = idle
        self.is_mute = False  #: whether further connections are accepted and then ignored
        self.over = threading.Event()
        self.connections = 0
        self.posts: list[Post] = []
        self.rung: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._peers: set[socket.socket] = set()
        self._port = 0

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.close()
        with self._lock:
            peers = list(self._peers)
        for peer in peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._port}"

    def listen(self) -> None:
        """Take connections, at the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=1024)
        self._listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._port = self._listener.getsockname()[1]
        self._start(self._accept, self._listener)

    def close(self) -> None:
        """Refuse connections from now on; those that stand go on."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()

    def ring(self, number: str) -> str:
        """Note that a phone rang; the call's name."""
        with self._lock:
            self.rung[number] += 1
            return f"call_{self.rung.total()}"

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while not self.over.is_set():
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, peer, self.connections)

    def _serve(self, peer: socket.socket, connection: int) -> None:
        peer.settimeout(PATIENCE)
        with self._lock:
            self._peers.add(peer)
        try:
            if self.is_mute:
                self.over.wait(PATIENCE)
            elif self.tls is not None:
                # The handshake may fail, which is what some tests are about.
                with self.tls.wrap_socket(peer, server_side=True) as secure:
                    self._talk(secure, connection)
            else:
                self._talk(peer, connection)
        except (OSError, EOFError, HangUpError):
            pass
        finally:
            with self._lock:
                self._peers.discard(peer)
            peer.close()

    def _talk(self, peer: socket.socket, connection: int) -> None:
        nth = 0
        with peer.makefile("rb") as stream:
            while not self.over.is_set():
                at = arrival(peer)
                head, body = _read(stream.readline, stream.read)
                if not head.startswith(b"POST"):
                    peer.sendall(self._agent)
                    continue
                nth += 1
                number = json.loads(body)["phoneNumber"]
                post = Post(at, number, head, connection, nth)
                with self._lock:
                    self.posts.append(post)
                    act = next(self._acts, self.rest)
                act(Call(self, peer, post))
                if self._idle is not None:
                    peer.settimeout(self._idle)


def arrival(peer: socket.socket) -> float:
    """
    When the next bytes arrived by the kernel's clock, which is right however busy all are.

    Over TLS, it is when they were seen.
    """
    if isinstance(peer, ssl.SSLSocket):
        return time.time()
    _, notes, _, _ = peer.recvmsg(1, socket.CMSG_SPACE(16), socket.MSG_PEEK)
    for level, kind, data in notes:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("qq", data)
            return float(seconds + nanoseconds / 1e9)
    return time.time()


def _read(line: Callable[[], bytes], read: Callable[[int], bytes]) -> tuple[bytes, bytes]:
    """A request's head and body."""
    head, length = b"", 0
    while (one := line()).strip():
        head += one
        name, _, value = one.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if not head:
        raise EOFError
    body = read(length)
    if len(body) < length:
        raise EOFError
    return head, body


class Authority:
    """An authority of the test's own, and certificates by it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._openssl("req", "-x509", *self._key("ca"), "-subj", "/CN=Nobody", "-days", "2")
        self.path = folder / "ca.pem"

    def certificate(self, host: str = "IP:127.0.0.1", days: int = 1) -> ssl.SSLContext:
        """A server's side; with -1 days it ended yesterday."""
        name = f"{host}{days}".replace(":", "-")
        extension = self._folder / f"{name}.ext"
        extension.write_text(f"subjectAltName={host}")
        request = self._folder / f"{name}.csr"
        self._openssl("req", "-new", *self._key(name, request), "-subj", "/CN=x")
        signer = ("-CA", "ca.pem", "-CAkey", "ca.key", "-extfile", extension.name)
        out = ("-out", f"{name}.pem")
        self._openssl("x509", "-req", "-in", request.name, *signer, "-days", str(days), *out)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        return context

    def _key(self, name: str, out: Path | None = None) -> tuple[str, ...]:
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        return (*curve, "-keyout", f"{name}.key", "-out", out.name if out else f"{name}.pem")

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._folder, check=True, capture_output=True)
