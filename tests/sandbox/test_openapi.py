"""The project's OpenAPI file is sound, agrees with the vendor's, and the sandbox keeps to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from openapi_spec_validator import validate

from batchdial.sandbox.settings import SANDBOX_KEY
from tests.contract import assert_valid_answer, assert_valid_call_request, cald, resolved
from tests.sandbox.conftest import CALL, NUMBER

if TYPE_CHECKING:
    from tests.sandbox.conftest import Connect, Start

_JSON = "application/json"
_PLACEHOLDER = "yourCustomVariable"  # how the vendor writes "any further name"


@pytest.fixture(scope="module")
def vendor() -> dict[str, Any]:
    """The vendor's contract of the call endpoint."""
    path = Path(__file__).with_name("make-a-call.openapi.yaml")
    document: dict[str, Any] = resolved(yaml.safe_load(path.read_text(encoding="utf-8")))
    return document


def _post(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"]["/agents/{agentId}/call"]["post"]
    return found


def _body(document: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = _post(document)["requestBody"]["content"][_JSON]["schema"]
    return schema


def _answer(document: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = _post(document)["responses"]["200"]["content"][_JSON]["schema"]
    return schema


def _types(schema: dict[str, Any]) -> dict[str, str]:
    return {name: field["type"] for name, field in schema["properties"].items()}


def test_the_file_is_valid_openapi() -> None:
    """It follows OpenAPI 3.0."""
    validate(cald())


def test_files_agree_on_where_and_how_a_call_is_placed(vendor: dict[str, Any]) -> None:
    """Server, path, method, parameters and key are the vendor's."""
    ours = cald()
    assert ours["servers"] == vendor["servers"]
    assert ours["security"] == vendor["security"]
    (scheme,) = ours["components"]["securitySchemes"].values()
    (theirs,) = vendor["components"]["securitySchemes"].values()
    assert [scheme[k] for k in ("type", "in", "name")] == [
        theirs[k] for k in ("type", "in", "name")
    ]
    (path,) = vendor["paths"]
    assert list(vendor["paths"][path]) == list(ours["paths"][path]) == ["post"]
    places = [
        [(p["name"], p["in"], p["required"], p["schema"]["type"]) for p in _post(d)["parameters"]]
        for d in (ours, vendor)
    ]
    assert places[0] == places[1]


def test_files_agree_on_the_body(vendor: dict[str, Any]) -> None:
    """The fields, their types and which are required; further names have the placeholder's type."""
    theirs = _types(_body(vendor))
    assert _body(cald())["additionalProperties"]["type"] == theirs.pop(_PLACEHOLDER)
    assert _types(_body(cald())) == theirs
    assert _body(cald())["required"] == _body(vendor)["required"]
    assert list(_post(cald())["requestBody"]["content"]) == [_JSON]


def test_files_agree_on_the_answer(vendor: dict[str, Any]) -> None:
    """The one documented answer has the vendor's fields; all others are called undocumented."""
    assert _types(_answer(cald())) == _types(_answer(vendor))
    assert _answer(cald()).get("required") == _answer(vendor).get("required")
    documented = set(_post(cald())["responses"]) - {"default"}
    assert documented == set(_post(vendor)["responses"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/agents/a/call", {"phoneNumber": 1}, id="number-no-string"),
        pytest.param("/agents/a/call", {"email": "a@example.com"}, id="no-number"),
        pytest.param("/agents/a/call", {"phoneNumber": NUMBER, "plan": {}}, id="nested"),
        pytest.param("/agents/a/call", {"phoneNumber": NUMBER, "plan": None}, id="null"),
        pytest.param("/agents/a/call", [NUMBER], id="no-object"),
        pytest.param("/agents/a/calls", {"phoneNumber": NUMBER}, id="other-path"),
        pytest.param("/agents/a/b/call", {"phoneNumber": NUMBER}, id="two-parts"),
        pytest.param("/agents/a", {"phoneNumber": NUMBER}, id="other-method"),
    ],
)
def test_a_wrong_request_is_seen(path: str, body: object) -> None:
    """The check that tests of the dialer rely on does fail."""
    with pytest.raises(AssertionError):
        assert_valid_call_request(path, body)


@pytest.mark.parametrize("base", ["", "/client/api/v1", "https://my.cald.ai/client/api/v1"])
def test_a_right_request_passes(base: str) -> None:
    """With or without the base URL, with any flat text variable."""
    body = {"phoneNumber": NUMBER, "prospectName": "Ann", "email": "", "any name": "text"}
    assert_valid_call_request(f"{base}/agents/ag%201/call", body)


_FATES = ("ok", "failed", "no_call_id", "401", "402", "429", "500", "503", "500-rang")


@pytest.mark.parametrize("word", _FATES)
def test_answers_to_calls_are_in_the_file(word: str, start: Start, connect: Connect) -> None:
    """Asked to behave in any way that answers with JSON, the sandbox keeps to the file."""
    sandbox = start(script=[word])
    answer = connect(sandbox).post(CALL, json={"phoneNumber": NUMBER})
    assert_valid_answer("POST", sandbox.posts[0].path, answer.status_code, answer.json())


@pytest.mark.parametrize("key", [SANDBOX_KEY, "wrong"])
@pytest.mark.parametrize("body", ["{}", "[]", "", '{"phoneNumber":"+12025550123"}'])
@pytest.mark.parametrize("agent", ["ag_1", "nobody"])
def test_refusals_are_in_the_file(
    agent: str, body: str, key: str, start: Start, connect: Connect
) -> None:
    """Every refusal has the shape that the file gives to undocumented answers."""
    path = f"/agents/{agent}/call"
    headers = {"Content-Type": _JSON}
    answer = connect(start(), key).post(path, content=body, headers=headers)
    assert_valid_answer("POST", path, answer.status_code, answer.json())


@pytest.mark.parametrize("path", ["/agents", "/agents/ag_1", "/agents/nobody", "/calls/nobody"])
@pytest.mark.parametrize("key", [SANDBOX_KEY, "wrong", None])
def test_other_answers_are_in_the_file(
    path: str, key: str | None, start: Start, connect: Connect
) -> None:
    """The endpoints that read keep to the file as well."""
    answer = connect(start(), key).get(path)
    assert_valid_answer("GET", path, answer.status_code, answer.json())


@pytest.mark.parametrize("time_scale", [0.001, 1e9])
def test_calls_are_in_the_file(time_scale: float, start: Start, connect: Connect) -> None:
    """A call that rings and one that is completed both keep to the file."""
    client = connect(start(time_scale=time_scale))
    for _ in range(30):
        call_id = client.post(CALL, json={"phoneNumber": NUMBER}).json()["callId"]
        answer = client.get(f"/calls/{call_id}")
        assert_valid_answer("GET", f"/calls/{call_id}", 200, answer.json())
