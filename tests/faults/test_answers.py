"""Lines 50 to 76: what the service answers, and what becomes of the row."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.leads import numbers, read_results, tally, write_leads
from tests.e2e.process import Command

from .servers import Act, Call, HangUpError, Server, drips, http, ok, says, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from .trial import Trial

    Seen = Callable[[str], None]


def given(line: int, injected: str, *values: Any) -> Any:
    """A case that injects one line."""
    mark = pytest.mark.fault(line, injected=injected)
    return pytest.param(*values, id=f"{line}-{injected}", marks=mark)


def accepted(**fields: object) -> bytes:
    """A 200 that says success and more."""
    return http({"status": "success", **fields})


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        given(50, "200 that is not JSON", http(b"{oops"), "unreadable_answer"),
        given(50, "200 HTML", http(b"<html>Sign in</html>"), "unreadable_answer"),
        given(50, "200 without a body", http(), "unreadable_answer"),
        given(50, "204", http(b"", "204 No Content"), "unreadable_answer"),
        given(51, "null", http(b"null"), "unreadable_answer"),
        given(51, "a list", http(b'["success"]'), "unreadable_answer"),
        given(51, "a number", http(b"200"), "unreadable_answer"),
        given(51, "30,000 brackets", http(b"[" * 30_000), "unreadable_answer"),
        given(51, "5000 digits", http(b'{"callId":' + b"9" * 5_000 + b"}"), "unreadable_answer"),
        given(51, "latin-1", http('{"status": "succès"}'.encode("latin-1")), "unreadable_answer"),
        given(51, "NaN", http(b"NaN"), "unreadable_answer"),
        given(53, "success without callId", accepted(), "no_call_id"),
        given(53, "success with callId null", accepted(callId=None), "no_call_id"),
        given(53, "success with an empty callId", accepted(callId=""), "no_call_id"),
        given(53, "success with a blank callId", accepted(callId=" \n"), "no_call_id"),
        given(55, "a callId of 60,000 characters", accepted(callId="x" * 60_000), "no_call_id"),
        given(56, "status queued", http({"status": "queued", "callId": "c"}), "unreadable_answer"),
        given(56, "no status", http({"callId": "c"}), "unreadable_answer"),
        given(56, "status true", http({"status": True, "callId": "c"}), "unreadable_answer"),
        given(57, "202 queued", http({"status": "queued"}, "202 Accepted"), "unreadable_answer"),
        given(74, "a header of 1 MB", http(b"", "200 OK", "X: " + "x" * 10**6), "answer_lost"),
        given(74, "60,000 headers", http(b"", "200 OK", *["X-Y: z"] * 60_000), "answer_lost"),
    ],
)
def test_in_doubt(answer: bytes, reason: str, trial: Trial, seen: Seen) -> None:
    """The row is unknown, named at the end, and never dialled again by itself."""
    with Server(ok, says(answer, rings=True)) as server:
        said = trial.run(server)
        assert said.code == 1
        assert trial.statuses() == ["success", "unknown", "success"]
        assert trial.rows()[1]["reason"] == reason
        assert "may have rung" in said.err
        trial.assert_settled(server)
    seen(f"unknown, {reason}, 1 POST")


GOOD = {"status": "success", "callId": "c"}
PLAIN = http(GOOD)


@pytest.mark.parametrize(
    ("answer", "call_id"),
    [
        given(55, "callId an integer", accepted(callId=17), "17"),
        given(55, "callId of 999 characters", accepted(callId="x" * 999), "x" * 999),
        given(
            55, "callId with newlines and ANSI", accepted(callId="a\r\nb\x1b[2Jc\x9b"), "a b [2Jc"
        ),
        given(55, "callId a formula", accepted(callId='=HYPERLINK("x")'), '\'=HYPERLINK("x")'),
        given(55, "callId with a surrogate", accepted(callId="a\ud800b"), "a b"),
        given(55, "callId that writes backwards", accepted(callId="a\u202eb"), "a b"),
        given(56, "SUCCESS", http({"status": "SUCCESS", "callId": "c"}), "c"),
        given(57, "201", http(GOOD, "201 Created"), "c"),
        given(57, "202", http(GOOD, "202 Accepted"), "c"),
        given(74, "5000 headers", http(GOOD, "200 OK", *["X: y"] * 5_000), "c"),
        given(76, "100 before it", b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN, "c"),
        given(76, "103 before it", b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + PLAIN, "c"),
        given(76, "HTTP/1.0", PLAIN.replace(b"/1.1", b"/1.0"), "c"),
        given(76, "no length", b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(GOOD).encode(), "c"),
        given(76, "Connection: close", http(GOOD, "200 OK", "Connection: close"), "c"),
    ],
)
def test_accepted(answer: bytes, call_id: str, trial: Trial, seen: Seen) -> None:
    """The row is success, and its callId is text that nothing runs."""
    with Server(says(answer, rings=True, closes=True)) as server:
        assert trial.run(server).code == 0
        assert trial.rows()[0]["callId"] == call_id
        trial.assert_settled(server)
    seen("success, callId as text")


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        given(52, "200 failed", http({"status": "failed"}), "refused_by_service", "nobody"),
        given(52, "200 FAILED", http({"status": "Failed"}), "refused_by_service", "nobody"),
        given(61, "400", http(b"bad number", "400 No"), "refused", "bad number"),
        given(61, "422", http(b'{"error": "short"}', "422 No"), "refused", "short"),
        given(62, "413", http(b"too large", "413 No"), "refused", "too large"),
        given(64, "409", http(b"called already", "409 No"), "refused", "called already"),
        given(61, "410, 451 and others", http(b"gone", "451 No"), "refused", "gone"),
    ],
)
def test_refused(answer: bytes, reason: str, words: str, trial: Trial, seen: Seen) -> None:
    """That row failed after one request, with the service's words; `retry` dials it again."""
    with Server(ok, says(answer)) as server:
        assert trial.run(server).code == 1
        assert trial.statuses() == ["success", "failed", "success"]
        row = trial.rows()[1]
        assert (row["reason"], row["attempts"]) == (reason, "1")
        assert words in row["detail"]
        assert len(server.posts) == 3
        assert trial("resume", "leads", "--yes").code == 1
        assert len(server.posts) == 3
        assert trial("retry", "leads", "--yes").code == 0
        assert dict(server.rung) == dict.fromkeys(trial.phones, 1)
    seen("failed with the service's words, others go on; called once by `retry`")


@pytest.mark.fault(52, injected="200 failed with a callId")
def test_failed_with_its_name(trial: Trial, seen: Seen) -> None:
    """The callId is kept."""
    with Server(says(http({"status": "failed", "callId": "call_9"}))) as server:
        assert trial.run(server).code == 1
    assert (trial.rows()[0]["status"], trial.rows()[0]["callId"]) == ("failed", "call_9")
    seen("failed, callId kept")


@pytest.mark.fault(61, injected="422 for ever")
def test_all_refused(trial: Trial, seen: Seen) -> None:
    """A whole list that is refused pauses, and `resume` goes on with the rest."""
    with Server(rest=status("422 No", body=b"no such field")) as server:
        answer = trial.run(server, rows=25)
        assert answer.code == 69
        assert "no such field" in answer.err
        assert trial.statuses() == ["failed"] * 10 + ["pending"] * 15
    seen("10 failed, paused, exit 69")


@pytest.mark.fault(54, injected="one callId for all")
def test_the_same_call_for_all(trial: Trial, seen: Seen) -> None:
    """A person is told, because only the service can say what it did."""
    with Server(rest=says(accepted(callId="call_\x1b[31m7"), rings=True)) as server:
        answer = trial.run(server, "--json", rows=5)
    assert answer.code == 0
    told = "The service gave 5 numbers the same callId, call_ [31m7."
    assert told in answer.err
    assert answer.json["warnings"][0].startswith(told)
    with Server() as server:
        assert "same callId" not in trial.run(server, "--campaign", "other").err
    seen("warned once, with the number of rows")


STOPS = [(401, 77, "key"), (402, 75, "402"), (403, 77, "key"), (404, 78, "404"), (405, 78, "405")]


@pytest.mark.parametrize(
    ("code", "exit_code", "words"),
    [given({401: 58, 402: 59, 403: 59}.get(one[0], 60), f"{one[0]} midway", *one) for one in STOPS],
)
def test_stopped_midway(code: int, exit_code: int, words: str, trial: Trial, seen: Seen) -> None:
    """All lanes stop; at most the other lanes' requests arrive after it, and no row is judged."""
    told: list[float] = []

    def refuse(call: Call) -> None:
        told.append(time.time())
        call.say(http({"error": "no"}, f"{code} No"))

    with Server(ok, ok, ok, ok, rest=refuse) as server:
        answer = trial.run(server, "--rate", "50/s", rows=40, lanes=4)
        ended = time.time()
        assert answer.code == exit_code
        assert words in answer.err
        assert "batchdial resume leads" in answer.err
        assert len(server.posts) <= 4 + 4
        # The process's own end is not measured, so that a slow machine proves nothing.
        assert server.posts[-1].at < told[0] + 2
        assert sorted(set(trial.statuses())) == ["pending", "success"]
        assert trial.statuses().count("success") == 4
        server.rest = ok
        assert trial("resume", "leads", "--yes").code == 0
        assert dict(server.rung) == dict.fromkeys(trial.phones, 1)
    seconds, extra = ended - told[0], len(server.posts) - 40
    seen(f"{extra} requests refused, ended in {seconds:.1f} s, exit {exit_code}")


@pytest.mark.fault(60, injected="404 to the question for the agent")
def test_no_such_agent(trial: Trial, seen: Seen) -> None:
    """Told before the first row."""
    with Server(agent=http({"error": "no"}, "404 No")) as server:
        answer = trial.run(server)
        assert answer.code == 69
        assert server.posts == []
    seen("exit before the first row")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        given(63, "408 once, then for ever", "408 Late", "request_timeout"),
        given(63, "421 once, then for ever", "421 Elsewhere", "misdirected"),
        given(63, "425 once, then for ever", "425 Early", "too_early"),
    ],
)
def test_not_processed(line: str, reason: str, trial: Trial, seen: Seen) -> None:
    """The row is sent again, within its budget."""
    trial.hurry(BACKOFF=0.01)
    with Server(status(line), ok, status(line), status(line), status(line)) as server:
        assert trial.run(server).code == 1
        assert trial.statuses() == ["success", "failed", "success"]
        assert [row["attempts"] for row in trial.rows()] == ["2", "3", "1"]
        assert trial.rows()[1]["reason"] == reason
        assert trial("retry", "leads", "--yes").code == 0
        assert dict(server.rung) == dict.fromkeys(trial.phones, 1)
    seen("sent again; failed after 3 attempts")


@pytest.mark.parametrize(
    ("code", "where"),
    [
        given(71, "redirect to another host", 302, "other"),
        given(71, "redirect to another host that repeats the POST", 307, "other"),
        given(71, "redirect to another host for good", 308, "other"),
        given(72, "redirect to itself", 307, "self"),
        given(72, "redirect to file://", 301, "file:///etc/passwd"),
        given(72, "redirect to nowhere", 303, ""),
    ],
)
def test_redirected(code: int, where: str, trial: Trial, seen: Seen) -> None:
    """It is not followed; the run stops, since the address is wrong for all."""
    with Server() as other, Server() as server:
        there = {"other": other.url, "self": server.url + "/agents/ag_1/call"}.get(where, where)
        server.rest = status(f"{code} Elsewhere", f"Location: {there}")
        answer = trial.run(server)
        assert answer.code == 69
        assert trial.statuses() == ["unknown", "pending", "pending"]
        assert trial.rows()[0]["reason"] == "redirected"
        assert (other.connections, len(server.posts)) == (0, 1)
        trial.assert_settled(server)
    seen("1 POST, not followed, the run stops with 69")


@pytest.mark.fault(75, injected="Set-Cookie with every answer")
def test_cookies(trial: Trial, seen: Seen) -> None:
    """None is sent back."""
    cookie = "Set-Cookie: session=1; Path=/"
    answer = http({"status": "success", "callId": "c"}, "200 OK", cookie)
    with Server(rest=says(answer), agent=http(b"{}", "200 OK", cookie)) as server:
        trial.run(server)
        assert len(server.posts) == 3
        assert not [post for post in server.posts if b"cookie" in post.head.lower()]
    seen("no cookie in any request")


# What an answer costs.

_PEAK = """
import atexit, pathlib
status = pathlib.Path("/proc/self/status")
atexit.register(lambda: pathlib.Path("peak").write_text(status.read_text().split("VmHWM:")[1]))
import batchdial.dialing.client as client
client.TOTAL_TIMEOUT = 3.0
"""


def peak(server: Server, monkeypatch: pytest.MonkeyPatch) -> int:
    """Dial three people; the most memory in KiB that the command took."""
    name = server.url[-5:]
    write_leads(f"{name}.csv", numbers(3))
    monkeypatch.setenv("BATCHDIAL_BASE_URL", server.url)
    monkeypatch.setenv("BATCHDIAL_LEDGER", f"{name}.db")
    with Command("run", f"{name}.csv", "--yes", "--concurrency", 1, prelude=_PEAK) as command:
        said = command.end()
    assert said.code in {0, 1}, said.err
    return int(Path("peak").read_text().split()[0])


def _long(call: Call) -> None:
    """200 MB, as long as anybody reads them."""
    call.ring()
    call.say(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
    for _ in range(200):
        call.say(b" " * 1_000_000)
    raise HangUpError


BOMB = gzip.compress(b"\0" * 60_000_000)


@pytest.mark.fault(73, injected="60 MB in 58 kB of gzip; 200 MB; a body without end")
@pytest.mark.usefixtures("trial")
def test_answers_that_are_too_much(monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    """They are not read to their end, whatever they would come to."""
    packed = http(BOMB, "200 OK", "Content-Encoding: gzip")
    endless = drips(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65_536, every=0)
    with Server() as server:
        usual = peak(server, monkeypatch)
    with Server(says(packed, rings=True), _long, endless) as server:
        most = peak(server, monkeypatch)
        assert len(server.posts) == 3
    (results,) = Path().glob(f"{server.url[-5:]}.results.csv")
    assert tally(read_results(results)) == {"unknown": 3}
    assert most - usual < 50_000, (usual, most)
    seen(f"{(most - usual) / 1024:+.1f} MB at the peak; all unknown")


# Nothing of the service reaches a terminal, a log or a cell as it came.

RAW = "\x1b[2J\x1b]0;x\x07\r\n=cmd|' /C calc'!A0\t\x00\x9b31m\u202e\ud800 <b>" + "\N{BELL}" * 9
RAW_JSON = json.dumps({"error": RAW}).encode()


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(status("422 No", body=RAW_JSON), id="json"),
        pytest.param(status("422 No", body=RAW.encode("utf-8", "replace")), id="text"),
        pytest.param(status("500 \x1b[31mNo", body=bytes(range(256)) * 200), id="bytes"),
        pytest.param(
            status("401 No", "X: \x1b[31m", body=RAW.encode("utf-8", "replace")), id="stop"
        ),
        pytest.param(status("429 No", "Retry-After: \x1b[31m", body=RAW_JSON), id="429"),
        pytest.param(says(http({"status": RAW, "callId": RAW})), id="unknown-status"),
        pytest.param(says(accepted(callId=RAW)), id="call-id"),
        pytest.param(says(accepted(callId="=1+1")), id="formula"),
        pytest.param(status("307 No", "Location: http://\x1b[31m/"), id="redirect"),
        pytest.param(status("400 No", body=b"=" * 60_000), id="long"),
    ],
)
@pytest.mark.fault(55, injected="control characters, formulas and surrogates in every answer")
def test_nothing_raw(act: Act, trial: Trial, seen: Seen) -> None:
    """Not on the terminal, not as JSON, not in a cell; see what `Trial` asserts of all three."""
    trial.hurry(BACKOFF=0.01)
    agent = http(json.dumps({"agentId": RAW, "name": RAW, "greeting": "\x1b[31m" * 9_999}).encode())
    with Server(rest=act, agent=agent) as server:
        answer = trial.run(server, "--stop-after", 2, "--json")
        assert answer.json["exitCode"] == answer.code
        assert trial("status", "leads").code == 0
        for row in trial.rows():
            assert len(row["detail"]) < 500
            assert not [cell for cell in row.values() if cell.startswith(("=", "-", "@"))]
    seen("one line of printable text everywhere")


def test_agents_are_shown_as_text(trial: Trial) -> None:
    """In a table and as JSON, which gives back exactly what the service said."""
    raw = {"agentId": "ag_1", "name": RAW, "greeting": "\x1b[31m" * 9_999}
    with Server(agent=http({"agents": [raw]})) as server:
        trial.monkeypatch.setenv("BATCHDIAL_BASE_URL", server.url)
        shown = trial("agents")
        assert shown.code == 0
        assert len([line for line in shown.out.splitlines() if "[2J" in line or "<b>" in line]) == 1
        assert trial("agents", "--json").json == [raw]
        assert trial("doctor").code == 0


def test_a_number_in_an_answer_is_not_shown(trial: Trial) -> None:
    """A service that repeats the number does not make the terminal show it; `Trial` looks."""

    def repeat(call: Call) -> None:
        call.say(http({"error": f"{call.post.number} is no good"}, "422 No"))

    with Server(rest=repeat) as server:
        assert trial.run(server, "--stop-after", 2).code == 69
