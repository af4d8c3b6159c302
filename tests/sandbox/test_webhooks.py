"""Completed calls are posted; calls go as a script says; it is known how many went on at once."""

from __future__ import annotations

import json
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from batchdial.errors import ConfigError
from batchdial.sandbox import Agent, SandboxSettings
from batchdial.sandbox.calls import Call, Course, Script, course, peak_live
from tests.e2e.process import wait_until
from tests.sandbox.conftest import CALL, NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchdial.sandbox import Sandbox
    from tests.sandbox.conftest import Connect, Start

PLACED = 1_800_000_000.0


class Receiver:
    """A server that keeps what is posted to it."""

    def __init__(self) -> None:
        bodies = self.bodies = list[bytes]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?who=me"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Listens until the test ends."""
    one = Receiver()
    thread = Thread(target=one.server.serve_forever, args=(0.01,))
    thread.start()
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()


def place(sandbox: Sandbox, connect: Connect, number: int) -> list[str]:
    """So many calls; their callIds."""
    client = connect(sandbox)
    return [client.post(CALL, json={"phoneNumber": NUMBER}).json()["callId"] for _ in range(number)]


def test_a_completed_call_is_posted_once(
    start: Start, connect: Connect, receiver: Receiver
) -> None:
    """As it stands when it is over; the agent says where to."""
    sandbox = start(webhook=receiver.url, time_scale=1e4)
    agent = connect(sandbox).get("/agents/ag_1").json()
    assert agent["webhookSettings"] == {"enable": True, "url": receiver.url}
    ids = place(sandbox, connect, 3)
    wait_until(lambda: len(sandbox.hooks) == 3, "three posts")
    posted = [json.loads(body) for body in receiver.bodies]
    assert sorted(one["callId"] for one in posted) == sorted(ids)
    client = connect(sandbox)
    assert all(one == client.get(f"/calls/{one['callId']}").json() for one in posted)
    assert {one.status for one in sandbox.hooks} == {204}


def test_only_agents_with_an_address_post(
    start: Start, connect: Connect, receiver: Receiver
) -> None:
    """An agent's own address comes before that of the settings."""
    agents = (Agent("ag_1", "Own", webhook=receiver.url), Agent("ag_2", "None"))
    sandbox = start(agents=agents, call_seconds=(0, 0))
    client = connect(sandbox)
    client.post("/agents/ag_2/call", json={"phoneNumber": NUMBER})
    mine = place(sandbox, connect, 1)
    wait_until(lambda: len(sandbox.hooks) == 1, "a post")
    assert [json.loads(body)["callId"] for body in receiver.bodies] == mine


def test_posts_go_wrong_as_they_are_told(
    start: Start, connect: Connect, receiver: Receiver
) -> None:
    """Some are lost, some come twice, and before some comes something senseless."""
    shares = {"webhook_lost": 0.3, "webhook_twice": 0.3, "webhook_garbage": 0.3}
    sandbox = start(webhook=receiver.url, call_seconds=(0, 0), webhook_late=0.01, **shares)
    ids = place(sandbox, connect, 40)
    last = place_until_posted(sandbox, connect)
    times: Counter[str] = Counter()
    garbage = 0
    for body in receiver.bodies:
        try:
            times[json.loads(body)["callId"]] += 1
        except (ValueError, TypeError, RecursionError):
            garbage += 1
    found = Counter(times[call_id] for call_id in ids)
    assert min(found[0], found[1], found[2]) > 3, last
    assert garbage > 3


def place_until_posted(sandbox: Sandbox, connect: Connect) -> int:
    """Turn the mischief off and wait for a last post, after which none is on its way."""
    sandbox.configure(webhook_lost=0, webhook_twice=0, webhook_garbage=0)
    wait_until(lambda: not sandbox._webhooks._tasks, "all posts")
    (last,) = place(sandbox, connect, 1)
    wait_until(lambda: last in {one.call_id for one in sandbox.hooks}, "the last post")
    return len(sandbox.hooks)


def test_nobody_listens(start: Start, connect: Connect) -> None:
    """A post that nobody takes is noted and harms nothing."""
    sandbox = start(webhook="http://127.0.0.1:1/x", call_seconds=(0, 0))
    place(sandbox, connect, 1)
    wait_until(lambda: len(sandbox.hooks) == 1, "a post")
    assert sandbox.hooks[0].status is None


def test_calls_as_a_script_has_them() -> None:
    """Lengths between least and most, results by their shares, faster where time is."""
    agent = Agent("ag_9", "Any", detects_machines=True)
    script = Script((1, 60), (("voicemail", 0.5), ("hungUp", 0.25)))
    calls = [Call(f"call_{n}", agent, {"phoneNumber": NUMBER}, PLACED) for n in range(1_000)]
    courses = [course(call, 0, 10, script) for call in calls]
    seconds = sorted((one.ends_at - one.placed_at) * 10 for one in courses)
    assert 1 <= seconds[0] < 2
    assert 59 < seconds[-1] <= 60
    shares = Counter(one.result for one in courses)
    assert 450 < shares["voicemail"] < 550
    assert 200 < shares["hungUp"] < 300
    assert set(shares) == {"voicemail", "hungUp", "pickedUp"}
    assert {one.length for one in courses if one.result == "hungUp"} == {0}


def test_how_many_went_on_at_once(start: Start, connect: Connect) -> None:
    """A call that ends when another begins does not go on beside it."""

    def one(begin: float, end: float) -> Course:
        return Course("call", NUMBER, begin, end, "pickedUp", 1)

    assert peak_live([]) == 0
    assert peak_live([one(0, 10), one(10, 20), one(5, 12)]) == 2
    assert peak_live([one(0, 10), one(9, 20), one(5, 12), one(30, 31)]) == 3
    sandbox = start(call_seconds=(600, 600))
    place(sandbox, connect, 4)
    assert sandbox.peak_live == 4
    assert len(sandbox.calls) == 4


@pytest.mark.parametrize(
    "settings",
    [
        {"call_seconds": (5, 1)},
        {"call_seconds": (-1, 1)},
        {"results": {"ivr": 1.1}},
        {"results": {"ivr": 0.6, "failed": 0.6}},
        {"results": {"pending": 0.5}},
        {"results": {"": 0.5}},
        {"webhook": "https://127.0.0.1:1/x"},
        {"webhook": "http://example.com:80/x"},
        {"webhook": "http://127.0.0.1/x"},
        {"webhook": "http://127.0.0.1:99999/x"},
        {"agents": (Agent("ag_1", "Out", webhook="http://example.com:80/"),)},
        {"webhook_lost": 2},
        {"webhook_late": -1},
    ],
    ids=str,
)
def test_what_cannot_be(settings: dict[str, Any]) -> None:
    """Refused with what could be instead; nothing is ever posted to another machine."""
    with pytest.raises(ConfigError):
        SandboxSettings(**settings)
