"""Lines 33 to 49: the way to the service breaks, before a request leaves or after."""

from __future__ import annotations

import functools
import os
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest

from .servers import (
    Act,
    Authority,
    Call,
    HangUpError,
    Server,
    drips,
    hangs,
    http,
    ok,
    resets,
    says,
    status,
)
from .trial import FULL, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    Seen = Callable[[str], None]

ACCEPTED = http({"status": "success", "callId": "call_1"})


def then(change: Callable[[Server], object]) -> Act:
    """Answer well, after this has happened to the server."""

    def act(call: Call) -> None:
        change(call.server)
        ok(call)

    return act


# Nothing was sent.


@pytest.mark.fault(33, injected="the server closes its port after two calls, and opens it again")
def test_connection_refused(trial: Trial, seen: Seen) -> None:
    """Rows are failed for want of a connection, few of them; then the campaign pauses."""
    trial.hurry(BACKOFF=0.01)
    with Server(ok, then(Server.close)) as server:
        answer = trial.run(server, "--stop-after", 3, rows=9)
        assert answer.code == 69
        assert "Paused" in answer.err
        assert trial.statuses() == ["success"] * 2 + ["failed"] * 3 + ["pending"] * 4
        assert {row["reason"] for row in trial.rows()[2:5]} == {"not_connected"}
        assert {row["attempts"] for row in trial.rows()[2:5]} == {"3"}
        server.listen()
        assert trial("resume", "leads", "--yes").code == 1
        assert trial("retry", "leads", "--yes").code == 0
        assert dict(server.rung) == dict.fromkeys(trial.phones, 1)
    seen("3 rows failed after 3 attempts each, 4 pending, exit 69; later all called once")


def resolver(monkeypatch: pytest.MonkeyPatch, answers: int) -> list[str]:
    """A resolver that stops answering after so many questions; the questions."""
    original, asked = socket.getaddrinfo, list[str]()

    def lookup(host: Any, *arguments: Any, **options: Any) -> Any:
        if host not in {"localhost", b"localhost"}:
            return original(host, *arguments, **options)
        asked.append("localhost")
        if len(asked) > answers:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return original("127.0.0.1", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return asked


@pytest.mark.fault(34, injected="a resolver that answers no question")
def test_no_name_at_first(trial: Trial, monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    """It stops before the first row, and nothing of the campaign is kept."""
    asked = resolver(monkeypatch, answers=0)
    with Server() as server:
        answer = trial.run(server.url.replace("127.0.0.1", "localhost"))
        assert answer.code == 69
        assert "name resolution" in answer.err
        assert "Nobody was called" in answer.err
        assert asked == ["localhost"]
        assert server.connections == 0
    assert trial("campaigns", "--json").json == []
    seen("exit 69 before the first row")


@pytest.mark.fault(34, injected="a resolver that answers three questions and then none")
def test_no_name_midway(trial: Trial, monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    """The campaign pauses; nobody is lost."""
    trial.hurry(BACKOFF=0.01)
    resolver(monkeypatch, answers=3)
    with Server() as server:
        address = server.url.replace("127.0.0.1", "localhost")
        answer = trial.run(address, "--stop-after", 2, "--max-attempts", 2, rows=6)
        assert answer.code == 69
        assert "name resolution" in answer.err
        assert trial.statuses() == ["success"] * 2 + ["failed"] * 2 + ["pending"] * 2
        assert len(server.posts) == 2
    seen("2 rows failed unsent, the rest pending, exit 69")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the certificates here."""
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The same, trusted by this machine."""
    trusting = functools.partial(ssl.create_default_context, cafile=str(authority.path))
    monkeypatch.setattr(ssl, "create_default_context", trusting)
    return authority


BAD = {
    "self-made": ("IP:127.0.0.1", 1, "unable to get local issuer certificate"),
    "expired": ("IP:127.0.0.1", -1, "certificate has expired"),
    "wrong-host": ("DNS:cald.test", 1, "not valid for '127.0.0.1'"),
}


@pytest.mark.fault(35, injected="a TLS server with a self-made, expired or another's certificate")
@pytest.mark.parametrize("kind", BAD)
def test_bad_certificate(
    kind: str, authority: Authority, trial: Trial, request: pytest.FixtureRequest, seen: Seen
) -> None:
    """It stops before the first row and says what is wrong with the certificate."""
    host, days, words = BAD[kind]
    if kind != "self-made":
        request.getfixturevalue("trusted")
    with Server(tls=authority.certificate(host, days)) as server:
        answer = trial.run(server)
        assert answer.code == 69
        assert words in answer.err
        assert "Nobody was called" in answer.err
        assert server.posts == []
    seen("exit 69 before the first row, with the library's reason")


@pytest.mark.fault(35, injected="the server's certificate is exchanged after two calls")
@pytest.mark.parametrize("kind", ["expired", "wrong-host"])
def test_certificate_that_goes_bad(kind: str, trusted: Authority, trial: Trial, seen: Seen) -> None:
    """The run stops at the first row that meets it, and no row is judged by it."""
    host, days, words = BAD[kind]
    bad = trusted.certificate(host, days)
    with Server(
        ok, then(lambda server: setattr(server, "tls", bad)), tls=trusted.certificate()
    ) as server:
        answer = trial.run(server, rows=6)
        assert answer.code == 69
        assert words in answer.err
        assert trial.statuses() == ["success"] * 2 + ["pending"] * 4
        assert trial.rows()[2]["reason"] == "untrusted"
        assert len(server.posts) == 2
    seen("stops at the next row, which stays pending; exit 69")


@pytest.mark.fault(35, injected="the command's help is read")
def test_there_is_no_way_round_certificates(trial: Trial) -> None:
    """No flag turns the check off."""
    words = trial("run", "--help").out.lower()
    assert not [word for word in ("insecure", "verify", "certificate") if word in words]


@pytest.mark.fault(36, injected="a TLS server that accepts connections and says nothing")
def test_handshake_that_hangs(trusted: Authority, trial: Trial, seen: Seen) -> None:
    """Before the first row it stops; midway rows are failed unsent, and the campaign pauses."""
    trial.hurry(CONNECT_TIMEOUT=0.2, BACKOFF=0.01)
    with Server(then(mute_of), tls=trusted.certificate()) as server:
        flags = ("--stop-after", 2, "--max-attempts", 1)
        answer = trial.run(server, *flags, rows=4)
        assert answer.code == 69
        assert trial.statuses() == ["success", "failed", "failed", "pending"]
        assert "no connection in time" in trial.rows()[1]["detail"]
        again = trial("resume", "leads", "--yes")
        assert again.code == 69
        assert "no connection in time. Nobody was called" in again.err
        assert len(server.posts) == 1
    seen("unsent after the connect timeout: failed, then paused; at first: exit 69")


def mute_of(server: Server) -> None:
    """Ignore further connections."""
    server.is_mute = True


@pytest.mark.fault(37, injected="a proxy that answers 407, in all variables of the environment")
def test_a_proxy_hears_nothing(trial: Trial, monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    """No proxy is used by design, so none can refuse."""
    denied = http(b"", "407 Proxy Authentication Required", "Proxy-Authenticate: Basic")
    with Server(rest=says(denied), agent=denied) as proxy, Server() as server:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.upper(), proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert trial.run(server).code == 0
        assert proxy.connections == 0
        assert len(server.posts) == 3
    seen("the proxy heard nothing; all called")


@pytest.mark.fault(38, injected="40 lanes whose answers come only when all 40 have asked")
def test_lanes_do_not_wait_for_connections(trial: Trial, seen: Seen) -> None:
    """Each lane has connections of its own: none is ever wanting."""
    together = threading.Barrier(40)

    def act(call: Call) -> None:
        together.wait(20)
        ok(call)

    with Server(*[act] * 40) as server:
        assert trial.run(server, rows=80, lanes=40).code == 0
        assert dict(server.rung) == dict.fromkeys(trial.phones, 1)
    seen("80 rows success, 40 at a time")


@pytest.mark.fault(38, injected="one lane, three answers in a row that never come")
def test_a_lost_answer_frees_its_connection(trial: Trial, seen: Seen) -> None:
    """The lane's next call finds one."""
    trial.hurry(TOTAL_TIMEOUT=0.2)
    with Server(hangs(), hangs(b"HTTP/1.1 200 OK\r\n"), hangs(ACCEPTED[:-3])) as server:
        assert trial.run(server, rows=5).code == 1
        assert trial.statuses() == ["unknown"] * 3 + ["success"] * 2
    seen("3 unknown, then success over new connections")


# The request was read; what became of it is not known.


def lost(line: int, injected: str, act: Act, reason: str = "answer_lost") -> Any:
    """One way to lose an answer."""
    return pytest.param(
        act, reason, id=f"{line}-{injected}", marks=pytest.mark.fault(line, injected=injected)
    )


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"status\r\n'


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        lost(39, "reset after the request was read", resets()),
        lost(39, "reset after the phone rang", resets(rings=True)),
        lost(40, "closed without an answer", says(closes=True, rings=True)),
        lost(40, "closed within the status", says(b"HTTP/1.1 20", closes=True, rings=True)),
        lost(40, "closed within the headers", says(HEAD, closes=True, rings=True)),
        lost(41, "rings when the caller has given up", hangs(rings=True, later=True)),
        lost(41, "rings and never answers", hangs(rings=True)),
        lost(42, "closed within the body", says(ACCEPTED[:-5], closes=True, rings=True)),
        lost(42, "closed within a chunk", says(CHUNKED + b"5\r\n:", closes=True, rings=True)),
        lost(42, "closed before the last chunk", says(CHUNKED, closes=True, rings=True)),
        lost(42, "reset within the body", resets(ACCEPTED[:-5], rings=True)),
        lost(43, "a header that drips", drips(b"HTTP/1.1 200 OK\r\nX: ", b"x")),
        lost(43, "a body that drips", drips(HEAD + b"\r\n")),
        lost(43, "chunks that drip", drips(CHUNKED, b"1\r\nx\r\n")),
        lost(46, "500 that rang", status("500 Oops", rings=True), "server_error"),
        lost(46, "502 that rang", status("502 Bad Gateway", rings=True), "server_error"),
        lost(
            46,
            "504 that rang, with Retry-After",
            status("504 Late", "Retry-After: 1", rings=True),
            "server_error",
        ),
        lost(48, "503 without Retry-After", status("503 Busy", rings=True), "server_error"),
        lost(
            48, "503 with a blank Retry-After", status("503 Busy", "Retry-After: "), "server_error"
        ),
        lost(49, "an SSH banner", says(b"SSH-2.0-OpenSSH_9.2\r\n", closes=True)),
        lost(49, "HTTP/0.9", says(b'{"status": "success", "callId": "c"}', closes=True)),
        lost(49, "bytes of nothing", says(bytes(range(256)) * 8, closes=True, rings=True)),
        lost(
            49, "TLS where HTTP was asked for", says(b"\x15\x03\x01\x00\x02\x02\x46", closes=True)
        ),
    ],
)
def test_a_lost_answer(act: Act, reason: str, trial: Trial, seen: Seen) -> None:
    """One request, a row that is unknown, others that are called, and never a second request."""
    trial.hurry(TOTAL_TIMEOUT=0.3)
    with Server(ok, act) as server:
        answer = trial.run(server)
        assert answer.code == 1
        assert trial.statuses() == ["success", "unknown", "success"]
        assert trial.rows()[1]["reason"] == reason
        assert "may have rung" in answer.err
        assert [post.number for post in server.posts] == trial.phones
        trial.assert_settled(server)
    seen("1 POST, row unknown, never again by itself")


@pytest.mark.fault(44, injected="a server that closes connections when they are about to be reused")
@pytest.mark.fault(45, injected="the same, and every second request over one connection is dropped")
def test_connections_that_close_when_reused(trial: Trial, seen: Seen) -> None:
    """At this pace every call has a new connection: there is nothing to close; all are called."""
    calls, rate, lanes = (600, 20, 5) if os.environ.get(FULL) else (150, 50, 10)

    def drop_reused(call: Call) -> None:
        if call.post.nth > 1:
            raise HangUpError
        ok(call)

    # At this pace a lane's next call comes after lanes/rate seconds, give or take a moment.
    with Server(rest=drop_reused, idle=lanes / rate - 0.0005) as server:
        answer = trial.run(server, "--rate", f"{rate}/s", rows=calls, lanes=lanes)
        assert answer.code == 0, answer.err
        assert dict(server.rung) == dict.fromkeys(trial.phones, 1)
        assert {post.nth for post in server.posts} == {1}
    seen(f"{calls} calls at {rate}/s, 0 unknown")


def hangs_up_at(nth: int, *, reads: bool) -> Act:
    """End each connection with its nth request, answered or only read, and never say so before."""

    def act(call: Call) -> None:
        if call.post.nth < nth or not reads:
            ok(call)
        if call.post.nth >= nth:
            raise HangUpError

    return act


@pytest.fixture
def busy(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> Trial:
    """A run of which every call counts as one of many, so that connections are worth keeping."""
    monkeypatch.setattr("batchdial.dialing.reuse.BUSY_CALLS", 1)
    monkeypatch.setattr("batchdial.dialing.reuse.BUSY_SECONDS", 60.0)
    return trial


@pytest.mark.fault(44, injected="a service that leaves connections open, 1,000 calls at full speed")
def test_connections_that_hold_are_reused(busy: Trial, seen: Seen) -> None:
    """Once the service has shown it; everybody is called once all the same."""
    with Server() as server:
        assert busy.run(server, rows=1_000, lanes=8).code == 0
        assert dict(server.rung) == dict.fromkeys(busy.phones, 1)
        most = max(post.nth for post in server.posts)
        assert most > 2
        assert server.connections < 1_000
        assert all(b"Connection: keep-alive" in post.head for post in server.posts)
    seen("1,000 calls, fewer connections, 0 unknown")


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.fault(44, injected="each connection is closed after 1, 2 or 3 answers, unannounced")
def test_connections_that_close_after_some_answers(nth: int, busy: Trial, seen: Seen) -> None:
    """One connection goes ahead and rests: it meets the end before any call does."""
    with Server(rest=hangs_up_at(nth, reads=False)) as server:
        answer = busy.run(server, rows=600, lanes=8)
        assert answer.code == 0, answer.err
        assert dict(server.rung) == dict.fromkeys(busy.phones, 1)
    seen("600 calls at full speed, 0 unknown")


@pytest.mark.fault(44, injected="idle connections are closed after 3 ms, at full speed")
def test_connections_that_close_soon(busy: Trial, seen: Seen) -> None:
    """Witnesses see it, and none is used again."""
    with Server(idle=0.003) as server:
        answer = busy.run(server, rows=600, lanes=8)
        assert answer.code == 0, answer.err
        assert dict(server.rung) == dict.fromkeys(busy.phones, 1)
    seen("600 calls at full speed, 0 unknown")


@pytest.mark.parametrize("nth", [2, 3])
@pytest.mark.fault(45, injected="the 2nd or 3rd request of a connection is read, then it is closed")
def test_every_further_request_is_dropped(nth: int, busy: Trial, seen: Seen) -> None:
    """One call is lost at most, however many lanes there are; then nothing is reused."""
    with Server(rest=hangs_up_at(nth, reads=True)) as server:
        answer = busy.run(server, rows=600, lanes=8)
        assert busy.statuses().count("unknown") <= 1
        assert busy.statuses().count("success") >= 599
        assert answer.code in {0, 1}
        assert [post.number for post in server.posts if post.nth >= nth] == [
            row["e164"] for row in busy.rows() if row["status"] == "unknown"
        ]
        busy.assert_settled(server)
    seen("1 row unknown of 600, never again by itself")


@pytest.mark.fault(45, injected="a request is read and its connection dropped, among good ones")
def test_a_connection_that_is_dropped_after_reading(trial: Trial, seen: Seen) -> None:
    """That row is unknown, and no other."""
    with Server(ok, ok, says(closes=True)) as server:
        assert trial.run(server, rows=6, lanes=2).code == 1
        assert sorted(trial.statuses()) == ["success"] * 5 + ["unknown"]
        trial.assert_settled(server)
    seen("1 row unknown, never again by itself")


STORMS = {
    "500": [status("500 Oops", rings=True)],
    "ssh": [says(b"SSH-2.0-OpenSSH_9.2\r\n", closes=True)],
    "html": [says(http(b"<html>Sign in to the hotel's wifi</html>"))],
    "of all kinds": [status("500 Oops", rings=True), resets(rings=True), status("502 Bad Gateway")],
}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("500", marks=pytest.mark.fault(47, injected="500 for ever, while it rings")),
        pytest.param("of all kinds", marks=pytest.mark.fault(47, injected="500, 502, resets")),
        pytest.param("ssh", marks=pytest.mark.fault(49, injected="an SSH server")),
        pytest.param("html", marks=pytest.mark.fault(50, injected="a hotel's wifi, for ever")),
    ],
)
@pytest.mark.parametrize("lanes", [1, 4])
def test_a_storm(kind: str, lanes: int, trial: Trial, seen: Seen) -> None:
    """Ten rows in a row of which nobody knows pause the campaign; the rest is pending."""
    acts = STORMS[kind]
    with Server(*acts * 30) as server:
        answer = trial.run(server, rows=40, lanes=lanes)
        assert answer.code == 69
        assert "Paused" in answer.err
        unknown = trial.statuses().count("unknown")
        assert 10 <= unknown <= 10 + lanes - 1
        assert trial.statuses().count("pending") == 40 - unknown
        trial.assert_settled(server)
    seen(f"{lanes} lanes: 10 to {9 + lanes} unknown, the rest pending, exit 69")
