"""Asked to misbehave, the sandbox does so in the way and as often as it was asked."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from batchdial.sandbox import SANDBOX_KEY, SandboxSettings
from batchdial.sandbox.mischief import SHARES, behaviour, pick
from batchdial.sandbox.window import Window
from tests.sandbox.conftest import CALL, NUMBER

if TYPE_CHECKING:
    from batchdial.sandbox import Sandbox
    from tests.sandbox.conftest import Connect, Start

_BODY = {"phoneNumber": NUMBER}


def test_ok(start: Start, connect: Connect) -> None:
    """Left alone it accepts a call and names it."""
    sandbox = start()
    answer = connect(sandbox).post(CALL, json=_BODY)
    assert answer.json() == {"status": "success", "callId": sandbox.posts[0].call_id}
    assert sandbox.rung == {NUMBER: 1}


@pytest.mark.parametrize(
    ("share", "status", "body", "rings"),
    [
        ("failed", 200, {"status": "failed"}, False),
        ("no_call_id", 200, {"status": "success"}, True),
        ("throttle", 429, None, False),
        ("unavailable", 503, None, False),
        ("error", 500, None, False),
    ],
)
def test_a_share_of_one(
    share: str, status: int, body: object, rings: bool, start: Start, connect: Connect
) -> None:
    """A share of 1 meets every POST, and the journal knows whether a phone rang."""
    sandbox = start(**{share: 1.0}, retry_after=7)
    answer = connect(sandbox).post(CALL, json=_BODY)
    assert answer.status_code == status
    assert body is None or answer.json() == body
    assert answer.headers.get("Retry-After") == ("7" if status in (429, 503) else None)
    assert sandbox.posts[0].rang is rings
    assert bool(sandbox.posts[0].call_id) is rings


@pytest.mark.parametrize("retry_after", ["Wed, 21 Oct 2026 07:28:00 GMT", "soon", None])
def test_retry_after_as_it_is_to_stand(
    retry_after: str | None, start: Start, connect: Connect
) -> None:
    """A text is sent as it is; None sends no such header."""
    answer = connect(start(throttle=1.0, retry_after=retry_after)).post(CALL, json=_BODY)
    assert answer.headers.get("Retry-After") == retry_after


@pytest.mark.parametrize(("word", "rings"), [("drop-rang", True), ("drop-silent", False)])
@pytest.mark.parametrize("seed", range(4))
def test_drop(word: str, rings: bool, seed: int, start: Start, connect: Connect) -> None:
    """The request was read, the connection ends, and whether it rang is in the journal alone."""
    sandbox = start(script=[word], seed=seed)
    client = connect(sandbox)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        client.post(CALL, json=_BODY)
    (post,) = sandbox.posts
    assert post.status == "dropped"
    assert post.rang is rings
    assert client.post(CALL, json=_BODY).status_code == 200


def test_a_dropped_connection_is_reset_or_closed() -> None:
    """Both ways occur, and with both it may or may not have rung."""
    fates = [behaviour("drop", 0, ordinal) for ordinal in range(200)]
    assert {(fate.rings, fate.resets) for fate in fates} == {
        (rings, resets) for rings in (True, False) for resets in (True, False)
    }
    assert 70 < sum(fate.rings for fate in fates) < 130


def test_reset_is_seen_as_reset(start: Start) -> None:
    """A connection that is reset gives ECONNRESET, one that is closed gives the end of data."""
    sandbox = start(script=["drop"] * 20)
    for ordinal in range(20):
        with _send(sandbox) as peer:
            if behaviour("drop", 0, ordinal).resets:
                with pytest.raises(ConnectionResetError):
                    peer.recv(1)
            else:
                assert peer.recv(1) == b""


def test_hang(start: Start) -> None:
    """The call is placed and nothing is answered; a sandbox that stops lets the caller go."""
    sandbox = start(script=["hang"])
    with _send(sandbox) as peer:
        _wait_until_noted(sandbox, peer)
        assert sandbox.rung == {NUMBER: 1}
        sandbox.stop()
        peer.settimeout(10)
        assert peer.recv(1) == b""


@pytest.mark.parametrize("word", ["402", "403", "408", "409", "425", "502"])
def test_any_error(word: str, start: Start, connect: Connect) -> None:
    """A script can ask for each error; it rings only where the word says so."""
    sandbox = start(script=[word, f"{word}-rang"])
    client = connect(sandbox)
    for rings in (False, True):
        assert client.post(CALL, json=_BODY).status_code == int(word)
        assert sandbox.posts[-1].rang is rings


def test_not_json(start: Start, connect: Connect) -> None:
    """The answer cannot be read although the call was placed."""
    sandbox = start(script=["not_json"])
    answer = connect(sandbox).post(CALL, json=_BODY)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()
    assert sandbox.rung == {NUMBER: 1}


def test_script_comes_before_shares(start: Start, connect: Connect) -> None:
    """The first POSTs follow the script, all others the shares; a refused one counts too."""
    sandbox = start(script=["ok", "402", "failed"], error=1.0)
    client = connect(sandbox)
    statuses = [client.post(CALL, json=_BODY).status_code]
    statuses.append(client.post(CALL, json={}).status_code)
    statuses += [client.post(CALL, json=_BODY).status_code for _ in range(2)]
    assert statuses == [200, 422, 200, 500]
    assert [post.rang for post in sandbox.posts] == [True, False, False, False]


def test_configure(start: Start, connect: Connect) -> None:
    """A running sandbox can get well, and a new script begins with the next POST."""
    sandbox = start(error=1.0)
    client = connect(sandbox)
    assert client.post(CALL, json=_BODY).status_code == 500
    sandbox.configure(error=0.0)
    assert client.post(CALL, json=_BODY).status_code == 200
    sandbox.configure(script=["403"])
    assert [client.post(CALL, json=_BODY).status_code for _ in range(2)] == [403, 200]


def _statuses(sandbox: Sandbox, client: httpx.Client, posts: int) -> list[tuple[object, object]]:
    for _ in range(posts):
        try:
            client.post(CALL, json=_BODY)
        except httpx.TransportError:
            client.get("/agents")
    return [(post.status, post.call_id) for post in sandbox.posts]


def test_a_seed_repeats_itself(start: Start, connect: Connect) -> None:
    """Two sandboxes with one seed answer alike to the callId; another seed answers otherwise."""
    mixed = {"failed": 0.2, "throttle": 0.1, "error": 0.1, "drop": 0.2, "no_call_id": 0.1}
    first, again, other = (start(seed=seed, **mixed) for seed in (5, 5, 6))
    seen = _statuses(first, connect(first), 60)
    assert seen == _statuses(again, connect(again), 60)
    unlike = _statuses(other, connect(other), 60)
    assert [status for status, _ in seen] != [status for status, _ in unlike]
    assert not {call_id for _, call_id in seen if call_id} & {call_id for _, call_id in unlike}
    assert len({status for status, _ in seen}) == 4


@pytest.mark.parametrize("share", SHARES)
def test_shares_are_kept(share: str) -> None:
    """Over many POSTs a share meets that part of them, whatever the others are."""
    settings = SandboxSettings(**dict.fromkeys(SHARES, 0.15))  # type: ignore[arg-type]
    words = [pick(settings, ordinal) for ordinal in range(4000)]
    assert 0.12 < words.count(SHARES[share]) / 4000 < 0.18


def test_call_ids_are_unique(start: Start, connect: Connect) -> None:
    """No two calls have one callId, however many come at once."""
    sandbox = start()
    client = connect(sandbox)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post(CALL, json=_BODY).json(), range(100)))
    assert len({answer["callId"] for answer in answers}) == 100


def test_window() -> None:
    """In no second are more accepted than the limit; what was refused does not count."""
    window = Window()
    arrivals = [n / 100 for n in range(500)]
    accepted = [arrival for arrival in arrivals if window.accept(arrival, 7)]
    for begin in accepted:
        assert sum(begin <= other < begin + 1 for other in accepted) <= 7
    assert len(accepted) == 35


def test_rate_limit(start: Start, connect: Connect) -> None:
    """What comes beyond the limit is answered 429, and the arrivals in the journal say why."""
    sandbox = start(rate_limit=3, retry_after=1)
    client = connect(sandbox)
    answers = [client.post(CALL, json=_BODY) for _ in range(10)]
    window = Window()
    expected = [200 if window.accept(post.monotonic, 3) else 429 for post in sandbox.posts]
    assert [answer.status_code for answer in answers] == expected
    refused = [answer for answer in answers if answer.status_code == 429]
    assert all(answer.headers["Retry-After"] == "1" for answer in refused)


def test_an_answer_waits_but_the_journal_does_not(start: Start) -> None:
    """With a delay the request is noted at once; stopping lets the answer go."""
    sandbox = start(delay=3600)
    with _send(sandbox) as peer:
        _wait_until_noted(sandbox, peer)
        assert sandbox.rung == {NUMBER: 1}
        sandbox.stop()
        peer.settimeout(10)
        assert peer.recv(12) == b"HTTP/1.1 200"


def _wait_until_noted(sandbox: Sandbox, peer: socket.socket) -> None:
    """Returns once a request is in the journal; nothing may have been answered until then."""
    peer.settimeout(0.01)
    for _ in range(1000):
        with pytest.raises(TimeoutError):
            peer.recv(1)
        if sandbox.posts:
            return
    raise AssertionError("the journal has no request")


def _send(sandbox: Sandbox) -> socket.socket:
    """A connection on which one request to place a call was sent."""
    address = urlsplit(sandbox.url)
    assert address.hostname
    assert address.port
    peer = socket.create_connection((address.hostname, address.port), timeout=10)
    body = f'{{"phoneNumber":"{NUMBER}"}}'
    head = (
        f"POST {address.path}{CALL} HTTP/1.1",
        f"Host: {address.netloc}",
        f"Authorization: {SANDBOX_KEY}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    peer.sendall(("\r\n".join(head) + "\r\n\r\n" + body).encode())
    return peer
