"""What the sandbox refuses, because the contract does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from batchdial.sandbox.contract import is_plausible
from batchdial.sandbox.settings import SANDBOX_KEY
from tests.sandbox.conftest import CALL, NUMBER

if TYPE_CHECKING:
    from tests.sandbox.conftest import Connect, Start

_DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="empty"),
        pytest.param("phoneNumber=1", id="no-json"),
        pytest.param("null", id="null"),
        pytest.param('["+12025550123"]', id="list"),
        pytest.param("{}", id="no-number"),
        pytest.param('{"phonenumber":"+12025550123"}', id="other-case"),
        pytest.param('{"phoneNumber":12025550123}', id="number-as-number"),
        pytest.param('{"phoneNumber":null}', id="number-null"),
        pytest.param('{"phoneNumber":""}', id="number-empty"),
        pytest.param('{"phoneNumber":"call me"}', id="number-is-text"),
        pytest.param('{"phoneNumber":"+12025550123","seats":3}', id="variable-number"),
        pytest.param('{"phoneNumber":"+12025550123","vip":true}', id="variable-bool"),
        pytest.param('{"phoneNumber":"+12025550123","plan":null}', id="variable-null"),
        pytest.param('{"phoneNumber":"+12025550123","plan":{}}', id="variable-nested"),
        pytest.param('{"phoneNumber":"+12025550123","plan":[]}', id="variable-list"),
        pytest.param('{"phoneNumber":"+12025550123","plan":NaN}', id="nan"),
        pytest.param('{"phoneNumber":"+12025550123","phoneNumber":"+12025550124"}', id="twice"),
        pytest.param(_DEEP, id="deep"),
    ],
)
def test_body_that_does_not_fit(body: str, start: Start, connect: Connect) -> None:
    """It is answered 422 and rings nobody."""
    sandbox = start()
    headers = {"Content-Type": "application/json"}
    answer = connect(sandbox).post(CALL, content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert not sandbox.rung


def test_bytes_that_are_no_text(start: Start, connect: Connect) -> None:
    """They are answered 422 and stay readable in the journal."""
    sandbox = start()
    headers = {"Content-Type": "application/json"}
    answer = connect(sandbox).post(CALL, content=b'{"a":"\xff"}', headers=headers)
    assert answer.status_code == 422
    assert sandbox.posts[0].body == '{"a":"\\xff"}'


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_body_of_another_type(kind: str, start: Start, connect: Connect) -> None:
    """Only application/json is read."""
    body = json.dumps({"phoneNumber": NUMBER})
    answer = connect(start()).post(CALL, content=body, headers={"Content-Type": kind})
    assert answer.status_code == 415


def test_content_type_with_a_charset(start: Start, connect: Connect) -> None:
    """A parameter and the case of the type do not matter."""
    body = json.dumps({"phoneNumber": NUMBER})
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert connect(start()).post(CALL, content=body, headers=headers).status_code == 200


@pytest.mark.parametrize("key", [None, "", "wrong", f"Bearer {SANDBOX_KEY}", SANDBOX_KEY[:-1]])
@pytest.mark.parametrize("path", [CALL, "/agents", "/agents/ag_1", "/calls/call_1"])
def test_key(path: str, key: str | None, start: Start, connect: Connect) -> None:
    """Every endpoint wants the bare key, before it looks at anything else."""
    sandbox = start(script=["500"])
    client = connect(sandbox, key)
    answer = client.post(path) if path == CALL else client.get(path)
    assert answer.status_code == 401
    assert not sandbox.rung


def test_any_key(start: Start, connect: Connect) -> None:
    """Without a key of its own the sandbox accepts each one, but not none."""
    sandbox = start(key=None)
    assert connect(sandbox, "anything").get("/agents").status_code == 200
    assert connect(sandbox, None).get("/agents").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/agents/nobody/call", 404),
        ("GET", "/agents/nobody", 404),
        ("GET", "/calls/nobody", 404),
        ("GET", "/agents/", 404),
        ("GET", "/call", 404),
        ("GET", CALL, 405),
        ("DELETE", "/agents/ag_1", 405),
        ("POST", "/agents", 405),
    ],
)
def test_what_there_is_not(
    method: str, path: str, status: int, start: Start, connect: Connect
) -> None:
    """Unknown agents, calls, paths and methods are answered in JSON, and noted."""
    sandbox = start()
    body = {"phoneNumber": NUMBER} if method == "POST" else None
    answer = connect(sandbox).request(method, path, json=body)
    assert answer.status_code == sandbox.journal[-1].status == status
    assert answer.json()["error"]
    assert not sandbox.rung


@pytest.mark.parametrize(
    ("number", "plausible"),
    [
        ("+441234567890", True),
        ("441234567890", True),
        ("(202) 555-0123", True),
        ("+1 202 555 0123", True),
        ("202.555.0123", True),
        ("2025550123", True),
        ("+44 1234 567890", False),
        ("+12025550123 x5", False),
        ("+12025550123,,5", False),
        ("+12025550123\n", False),
        ("4.41E+11", False),
        ("+0123456789", False),
        ("+1234567890123456", False),
        ("\uff0b\uff14\uff14\uff11\uff12\uff13\uff14\uff15\uff16\uff17", False),
        ("999", False),
    ],
)
def test_plausible_numbers(number: str, plausible: bool) -> None:
    """Digits with a country code pass; only U.S. numbers may be formatted."""
    assert is_plausible(number) is plausible
