"""The journal has every request, in memory and on disk, and never the key."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from batchdial.errors import OutputError
from batchdial.sandbox import SANDBOX_KEY, Sandbox, SandboxSettings
from tests.sandbox.conftest import CALL, NUMBER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.conftest import Connect, Start


def test_content(start: Start, connect: Connect) -> None:
    """A record says when, what, what was answered, and whether a phone rang."""
    before = time.time(), time.monotonic()
    sandbox = start()
    body = {"phoneNumber": NUMBER, "plan": "Größe \U0001f600"}
    call_id = connect(sandbox).post(CALL, json=body).json()["callId"]
    after = time.time(), time.monotonic()
    (record,) = sandbox.journal
    assert before[0] <= record.at <= after[0]
    assert before[1] <= record.monotonic <= after[1]
    assert json.loads(record.as_line()) == {
        "at": record.at,
        "monotonic": record.monotonic,
        "method": "POST",
        "path": "/client/api/v1/agents/ag_1/call",
        "body": body,
        "number": NUMBER,
        "status": 200,
        "callId": call_id,
        "rang": True,
        "authorization": "present",
    }


def test_every_request_in_order(start: Start, connect: Connect) -> None:
    """Reads, refusals and unknown paths are noted as well; `posts` holds only those for calls."""
    sandbox = start(script=["ok", "500"])
    client = connect(sandbox)
    client.get("/agents")
    client.post(CALL, json={"phoneNumber": NUMBER})
    client.post("/nowhere", content=b"text")
    client.post(CALL, json={"phoneNumber": NUMBER})
    connect(sandbox, None).post(CALL, json={"phoneNumber": 5})
    connect(sandbox, "wrong").post("/agents/nobody/call", content=b"{")
    seen = [(r.method, r.path[14:], r.status, r.authorization) for r in sandbox.journal]
    assert seen == [
        ("GET", "/agents", 200, "present"),
        ("POST", CALL, 200, "present"),
        ("POST", "/nowhere", 404, "present"),
        ("POST", CALL, 500, "present"),
        ("POST", CALL, 401, "absent"),
        ("POST", "/agents/nobody/call", 401, "wrong"),
    ]
    assert [r.body for r in sandbox.journal[-2:]] == [{"phoneNumber": 5}, "{"]
    assert [r.number for r in sandbox.journal[-2:]] == [None, None]
    assert [post.status for post in sandbox.posts] == [200, 500, 401, 401]


def test_file(start: Start, connect: Connect, tmp_path: Path) -> None:
    """The file has the same lines at once, is for its owner only, and is added to."""
    path = tmp_path / "journal.jsonl"
    for run in (1, 2):
        sandbox = start(journal=path)
        connect(sandbox).get("/agents")
        lines = path.read_text(encoding="ascii").splitlines(keepends=True)
        assert len(lines) == run
        assert lines[-1] == sandbox.journal[0].as_line()
    assert path.stat().st_mode & 0o777 == 0o600


def test_file_of_others_is_closed_to_them(start: Start, tmp_path: Path) -> None:
    """A file that everybody could read is so no longer."""
    path = tmp_path / "journal.jsonl"
    path.touch(0o644)
    start(journal=path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_file_that_cannot_be_written(tmp_path: Path) -> None:
    """The error names the file and the flag."""
    with pytest.raises(OutputError, match=r"nowhere.*--journal"):
        Sandbox(SandboxSettings(journal=tmp_path / "nowhere" / "journal.jsonl"))


@pytest.mark.parametrize("key", [SANDBOX_KEY, "caldLiveSecretOfSomebody"])
def test_no_key(key: str, start: Start, connect: Connect, tmp_path: Path) -> None:
    """Neither the right key nor a wrong one is kept anywhere."""
    path = tmp_path / "journal.jsonl"
    sandbox = start(journal=path)
    client = connect(sandbox, key)
    client.post(CALL + f"?key={key}", json={"phoneNumber": NUMBER})
    client.get("/agents")
    assert key not in path.read_text(encoding="ascii")
    assert key not in repr(sandbox.journal)
