"""What the calls came to: fetched, followed, heard of, and kept through a kill."""

from __future__ import annotations

import json
import re
import signal
import stat
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import pytest

from batchdial.ledger.ledger import Ledger
from batchdial.ledger.outcomes import Outcomes
from batchdial.models import LATER_COLUMNS
from batchdial.sandbox import Sandbox, SandboxSettings

from .leads import numbers, read_results, rewrite, write_leads
from .process import Command, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Answer


@pytest.fixture
def run(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> Callable[[int], None]:
    """Dial a list of so many people."""
    del to_sandbox

    def dial(number: int = 30) -> None:
        write_leads(tmp_path / "leads.csv", numbers(number))
        assert batchdial("run", "leads.csv", "--yes", "--quiet").code == 0

    return dial


def kept(tmp_path: Path) -> dict[str, str | None]:
    """What the ledger has of each call."""
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        (campaign,) = ledger.find("leads")
        return {one.call_id: one.outcome for one in Outcomes(ledger, campaign).placed()}


def truth(sandbox: Sandbox) -> dict[str, str]:
    """What each call really came to."""
    return {one.call_id: one.result for one in sandbox.calls}


def gets(sandbox: Sandbox) -> list[str]:
    """The callIds that were asked for."""
    return [
        one.path.rpartition("/")[2]
        for one in sandbox.journal
        if one.method == "GET" and "/calls/" in one.path
    ]


def hook_of(command: Command) -> str:
    """The address that it takes posts at."""
    wait_until(lambda: command.said("Ctrl-C ends it") or command.has_ended, "listening")
    found = re.search(r"Taking posts at (\S+)", command.so_far())
    assert found, command.so_far()
    return found[1]


def post(url: str, body: bytes) -> int:
    """The status of the answer."""
    return httpx.post(url, content=body, trust_env=False).status_code


def test_every_call_is_fetched_once(
    to_sandbox: Sandbox, run: Callable[..., None], batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """The ledger has the truth, the counts add up, and what is known is not asked for again."""
    to_sandbox.configure(time_scale=1e6)
    run(12)
    answer = batchdial("outcomes", "--json")
    assert answer.code == 0, answer.err
    assert kept(tmp_path) == truth(to_sandbox)
    assert answer.json["outcomes"] == Counter(truth(to_sandbox).values())
    assert (answer.json["calls"], answer.json["open"], answer.json["new"]) == (12, 0, 12)
    assert sorted(gets(to_sandbox)) == sorted(truth(to_sandbox))
    again = batchdial("outcomes", "--json")
    assert (again.code, again.json["new"], again.json["outcomes"]) == (
        0,
        0,
        answer.json["outcomes"],
    )
    assert len(gets(to_sandbox)) == 12


def test_results_have_it(
    to_sandbox: Sandbox, run: Callable[..., None], batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """Each row its outcome, its length and its recording; and they survive being fed back."""
    to_sandbox.configure(call_seconds=(0, 0.2), results={"voicemail": 0.5})
    run(12)
    path = tmp_path / "leads.results.csv"
    assert {row["outcome"] for row in read_results(path)} == {""}
    assert batchdial("outcomes").code == 0
    rows = read_results(path)
    assert list(rows[0])[-3:] == ["outcome", "callLength", "recordingUrl"]
    assert {row["callId"]: row["outcome"] for row in rows} == truth(to_sandbox)
    lengths = {one.call_id: str(one.length) for one in to_sandbox.calls}
    assert {row["callId"]: row["callLength"] for row in rows} == lengths

    before = path.read_bytes()
    assert batchdial("retry", path, "--yes").code == 0
    assert path.read_bytes() == before
    assert batchdial("check", path, "-o", "checked.csv").code in (0, 65)
    checked = read_results(tmp_path / "checked.csv")
    assert [row["outcome"] for row in checked] == [row["outcome"] for row in rows]


def test_results_of_before_are_ours(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """A file without these columns is taken back into its list, and written anew with them."""
    to_sandbox.configure(script=("failed", "ok", "ok"), call_seconds=(0, 0))
    write_leads(tmp_path / "leads.csv", numbers(3))
    assert batchdial("run", "leads.csv", "--yes", "--concurrency", 1).code == 1
    path = tmp_path / "leads.results.csv"
    old = [{k: v for k, v in row.items() if k not in LATER_COLUMNS} for row in read_results(path)]
    rewrite(path, old)
    assert batchdial("retry", path, "--yes").code == 0
    assert len(to_sandbox.posts) == 4
    assert set(LATER_COLUMNS) <= set(read_results(path)[0])
    rewrite(path, old)
    assert batchdial("outcomes").code == 0
    assert {row["callId"]: row["outcome"] for row in read_results(path)} == truth(to_sandbox)


def test_calls_that_go_on(
    to_sandbox: Sandbox, run: Callable[..., None], batchdial: Callable[..., Answer]
) -> None:
    """They are not waited for; it is said how to, and the exit code is that of an early stop."""
    to_sandbox.configure(call_seconds=(600, 600))
    run(2)
    answer = batchdial("outcomes", "leads")
    assert answer.code == 75
    assert "2 not known yet" in answer.err
    assert "batchdial outcomes leads --follow" in answer.err
    assert len(gets(to_sandbox)) == 2


def test_followed_to_the_end(
    to_sandbox: Sandbox, run: Callable[..., None], batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """Polling alone finds every outcome, within its budget."""
    to_sandbox.configure(call_seconds=(1, 3))
    run(3)
    assert batchdial("outcomes", "--follow", "--quiet").code == 0
    assert kept(tmp_path) == truth(to_sandbox)


def test_posts_are_heard(to_sandbox: Sandbox, run: Callable[..., None], tmp_path: Path) -> None:
    """Posts that are lost, late, repeated or nonsense: every outcome is known in the end."""
    to_sandbox.configure(call_seconds=(600, 600))
    run(30)
    with Command("outcomes", "leads", "--listen", "0") as command:
        url = hook_of(command)
        assert url.startswith("http://127.0.0.1:")
        to_sandbox.configure(call_seconds=(0, 0))
        ids = list(truth(to_sandbox))
        assert post(url, b"callId=1") == 400
        for call_id in ids * 3:
            for body in ({"callId": call_id}, {"callId": f"not_{call_id}"}):
                assert post(url, json.dumps({"data": body}).encode()) == 204
        wait_until(lambda: None not in kept(tmp_path).values(), "every outcome")
        said = command.send(signal.SIGTERM).end()
    assert said.code == 143, said.err
    assert kept(tmp_path) == truth(to_sandbox)
    assert set(gets(to_sandbox)) == set(ids)
    assert not [call_id for call_id in ids if call_id in said.err + said.out]


def test_the_sandbox_posts_beside_a_run(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """A listener that was started before hears of calls that another process places."""
    write_leads(tmp_path / "leads.csv", numbers(20))
    to_sandbox.configure(call_seconds=(0, 1))
    assert batchdial("run", "leads.csv", "--yes", "--limit", 1, "--quiet").code == 75
    with Command("outcomes", "leads", "--listen", "0") as command:
        hook = hook_of(command)
        to_sandbox.configure(webhook=hook, webhook_twice=0.3, webhook_garbage=0.3)
        assert batchdial("resume", "leads", "--yes", "--quiet").code == 0
        wait_until(lambda: None not in kept(tmp_path).values(), "every outcome")
        said = command.send(signal.SIGINT).end()
    assert said.code == 130
    assert "20 calls" in said.err
    assert kept(tmp_path) == truth(to_sandbox)


def test_a_kill_loses_nothing(
    to_sandbox: Sandbox, run: Callable[..., None], batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """What was known is not asked for again; transcripts stand in their file once."""
    to_sandbox.configure(call_seconds=(0, 0))
    run(30)
    with Command("outcomes", "leads", "--transcripts", "said.jsonl") as command:
        wait_until(lambda: len(gets(to_sandbox)) >= 8, "eight questions")
        command.send(signal.SIGKILL).end()
    before = [call_id for call_id, outcome in kept(tmp_path).items() if outcome]
    asked = len(gets(to_sandbox))
    assert 0 < len(before) < 30
    answer = batchdial("outcomes", "leads", "--transcripts", "said.jsonl")
    assert answer.code == 0, answer.err
    assert not set(before) & set(gets(to_sandbox)[asked:])
    assert kept(tmp_path) == truth(to_sandbox)
    lines = [json.loads(line) for line in (tmp_path / "said.jsonl").read_text().splitlines()]
    assert sorted(line["callId"] for line in lines) == sorted(truth(to_sandbox))
    assert {line["callId"]: line["outcome"] for line in lines} == truth(to_sandbox)
    assert sorted(line["row"] for line in lines) == list(range(2, 32))
    assert stat.S_IMODE((tmp_path / "said.jsonl").stat().st_mode) == 0o600


def test_transcripts_of_calls_that_are_known(
    to_sandbox: Sandbox, run: Callable[..., None], batchdial: Callable[..., Answer]
) -> None:
    """They are fetched when somebody asks for them, to standard output too."""
    to_sandbox.configure(call_seconds=(0, 0), results={"pickedUp": 1})
    run(3)
    assert batchdial("outcomes").code == 0
    answer = batchdial("outcomes", "--transcripts", "-")
    lines = [json.loads(line) for line in answer.out.splitlines()]
    assert [line["campaign"] for line in lines] == ["leads"] * 3
    assert lines[0]["transcripts"][0]["content"].startswith("Hello Ann Lee")
    assert batchdial("outcomes", "--transcripts", "-", "--json").code == 2


def test_ctrl_c_ends_it_cleanly(to_sandbox: Sandbox, run: Callable[..., None]) -> None:
    """What is known by then is kept and told."""
    to_sandbox.configure(call_seconds=(600, 600))
    run(3)
    with Command("outcomes", "leads", "--follow") as command:
        wait_until(lambda: len(gets(to_sandbox)) >= 1, "a question")
        said = command.send(signal.SIGINT).end()
    assert said.code == 130
    assert "3 not known yet" in said.err
    assert "Traceback" not in said.err


def test_a_wrong_key(
    run: Callable[..., None],
    batchdial: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Says where it came from, and does not show it."""
    run(2)
    monkeypatch.setenv("CALD_API_KEY", "caldLiveWrong00000000000000000000")
    for flags in ([], ["--follow"], ["--listen", "0"]):
        answer = batchdial("outcomes", *flags)
        assert answer.code == 77
        assert "CALD_API_KEY" in answer.err
        assert "Wrong" not in answer.err


def test_another_service_is_not_asked(
    run: Callable[..., None], batchdial: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would know none of the calls."""
    run(2)
    with Sandbox(SandboxSettings()) as other:
        monkeypatch.setenv("BATCHDIAL_BASE_URL", other.url)
        answer = batchdial("outcomes")
        assert answer.code == 78
        assert "--base-url" in answer.err
        assert other.journal == ()


def test_a_service_that_is_gone(
    to_sandbox: Sandbox, run: Callable[..., None], batchdial: Callable[..., Answer]
) -> None:
    """Once, it is an error that says to ask again later."""
    run(1)
    to_sandbox.stop()
    answer = batchdial("outcomes")
    assert answer.code == 69
    assert "Ask again later" in answer.err


def test_a_service_that_forgot(
    to_sandbox: Sandbox,
    run: Callable[..., None],
    batchdial: Callable[..., Answer],
    tmp_path: Path,
) -> None:
    """As a sandbox that was started again: its calls are recorded as unknown, with why."""
    run(1)
    port = httpx.URL(to_sandbox.url).port
    to_sandbox.stop()
    with Sandbox(SandboxSettings(port=port or 0)) as again:
        assert batchdial("outcomes", "--json").json["outcomes"] == {"unknown": 1}
        assert len(gets(again)) == 2
        assert batchdial("outcomes").code == 0
        assert len(gets(again)) == 2
    assert "call_not_known" in (tmp_path / "leads.results.csv").read_text(encoding="utf-8-sig")


def test_nothing_to_ask_needs_no_key(
    to_sandbox: Sandbox,
    run: Callable[..., None],
    batchdial: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Everything is known."""
    to_sandbox.configure(call_seconds=(0, 0))
    run(1)
    assert batchdial("outcomes").code == 0
    monkeypatch.delenv("CALD_API_KEY")
    assert batchdial("outcomes", "--follow").code == 0


def test_a_port_that_is_taken(
    to_sandbox: Sandbox, run: Callable[..., None], batchdial: Callable[..., Answer]
) -> None:
    """Said before anything else; and a port that is none is refused."""
    run(1)
    port = httpx.URL(to_sandbox.url).port
    answer = batchdial("outcomes", "--listen", port)
    assert answer.code == 78
    assert "--listen" in answer.err
    assert batchdial("outcomes", "--listen", "here").code == 2
