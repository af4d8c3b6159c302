"""Line 77: every fault at once; the server's own log is the judge."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from .servers import Act, Server, drips, hangs, http, ok, resets, says, status
from .trial import FULL, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

ACCEPTED = http({"status": "success", "callId": "call_1"})


def either(act: Callable[..., Act], *arguments: object) -> list[Act]:
    """The same fault where the phone rings and where it does not."""
    return [act(*arguments, rings=True), act(*arguments, rings=False)]


#: May have rung: never sent again.
DOUBTFUL = [
    *either(resets),
    *either(resets, ACCEPTED[:-3]),
    *either(hangs),
    *either(hangs, b"HTTP/1.1 200 OK\r\n"),
    *either(drips, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
    *either(status, "500 Oops"),
    *either(status, "502 Bad Gateway"),
    *either(status, "504 Late", "Retry-After: 0"),
    *either(status, "503 Busy"),
    *either(status, "307 Elsewhere", "Location: http://127.0.0.1:1/"),
    *either(status, "204 Nothing"),
    *either(says, http({"status": "success"})),
    *either(says, http({"status": "queued", "callId": "c"})),
    *either(says, http(b"<html>")),
    *either(says, http(b"x" * 200_000)),
    *either(says, http(ACCEPTED, "200 OK", "Content-Encoding: gzip")),
    *either(says, b"SSH-2.0-OpenSSH_9.2\r\n"),
    hangs(rings=True, later=True),
]
#: Nobody was called.
REFUSING = [
    *[status(line) for line in ("400 No", "409 No", "413 No", "422 No", "451 No")],
    says(http({"status": "failed"})),
    *[status(line) for line in ("401 No", "402 No", "403 No", "404 No", "405 No")],
    *[status(line) for line in ("408 Late", "421 Elsewhere", "425 Early", "429 Slow")],
    status("429 Slow", "Retry-After: soon"),
    status("503 Busy", "Retry-After: 0"),
    status("429 Slow", "Retry-After: 86400"),
]


@pytest.mark.fault(77, injected="500 rows, 20 lanes, half of all POSTs meet one of 50 faults")
@pytest.mark.parametrize("seed", range(1, 11) if os.environ.get(FULL) else [1])
def test_all_faults_at_once(seed: int, trial: Trial, seen: Callable[[str], None]) -> None:
    """Nobody rings twice, whoever rang is success or unknown, and no row is left behind."""
    trial.hurry(TOTAL_TIMEOUT=0.4, BACKOFF=0.01, SHORTEST_WAIT=0.01)
    dice = random.Random(seed)
    acts = [ok if dice.random() < 0.6 else dice.choice(DOUBTFUL + REFUSING) for _ in range(5_000)]
    with Server(*acts) as server:
        answer, runs = trial.run(server, "--rate", "2000/s", rows=500, lanes=20), 1
        while "pending" in trial.statuses():
            assert answer.code in {1, 69, 75, 77, 78}, answer.err
            assert runs < 300
            answer, runs = trial("resume", "leads", "--yes", "--concurrency", 20), runs + 1
        judge(trial, server)
        calls = len(server.posts)
        while "failed" in trial.statuses():
            answer, runs = trial("retry", "leads", "--yes", "--concurrency", 20), runs + 1
            assert runs < 300
            while "pending" in trial.statuses():
                trial("resume", "leads", "--yes", "--concurrency", 20)
        judge(trial, server)
    tally = Counter(trial.statuses())
    assert set(tally) == {"success", "unknown"}
    seen(
        f"{calls} and {len(server.posts) - calls} POSTs in {runs} runs and retries: "
        f"{tally['success']} success, {tally['unknown']} unknown, none twice"
    )


def judge(trial: Trial, server: Server) -> None:
    """What the server knows of each person, against what the results say."""
    assert [number for number, times in server.rung.items() if times > 1] == []
    stands = {row["e164"]: row["status"] for row in trial.rows()}
    assert {stands[number] for number in server.rung} <= {"success", "unknown"}
    called = {number for number, status in stands.items() if status == "success"}
    assert called <= set(server.rung)
    posts = Counter(post.number for post in server.posts)
    assert all(int(row["attempts"]) >= posts[row["e164"]] for row in trial.rows())
