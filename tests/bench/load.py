"""
A load without a program behind it, to see that the service is not what limits the others.

`python -m tests.bench.load PORT IN_FLIGHT CALLS keep|close` sends so many calls.
"""

from __future__ import annotations

import select
import socket
import sys

_BODY = b'{"phoneNumber": "+12025550101"}'


def load(port: int, in_flight: int, calls: int, *, closes: bool) -> None:
    """Send calls, each when an answer has come, over connections that stay open or close."""
    kept = b"close" if closes else b"keep-alive"
    request = (
        b"POST /agents/ag_1/call HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: %s\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (kept, len(_BODY), _BODY)
    )
    poll = select.epoll()
    peers: dict[int, socket.socket] = {}
    begun = answered = 0

    def begin(peer: socket.socket | None = None) -> None:
        nonlocal begun
        if begun == calls:
            return
        begun += 1
        if peer is None:
            peer = socket.create_connection(("127.0.0.1", port))
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peers[peer.fileno()] = peer
            poll.register(peer.fileno(), select.EPOLLIN)
        peer.sendall(request)

    for _ in range(in_flight):
        begin()
    while answered < calls:
        for fd, _ in poll.poll(30):
            peer = peers[fd]
            peer.recv(4096)
            answered += 1
            if closes:
                poll.unregister(fd)
                del peers[fd]
                peer.close()
                begin()
            else:
                begin(peer)


if __name__ == "__main__":
    load(*map(int, sys.argv[1:4]), closes=sys.argv[4] == "close")
