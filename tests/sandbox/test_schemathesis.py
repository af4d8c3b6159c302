"""Many generated requests, by either contract: the sandbox answers as they allow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from batchdial.sandbox import SANDBOX_KEY, Sandbox, SandboxSettings
from tests.contract import cald
from tests.sandbox.conftest import NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis.schemas import BaseSchema

#: What an answer must keep to, whatever was asked.
ALWAYS = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
AUTHORIZED = {"Authorization": SANDBOX_KEY}
#: The same requests in every run; none is kept for the next.
STEADY = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=list(HealthCheck),
)

OURS = schemathesis.openapi.from_dict(cald())
VENDOR = schemathesis.openapi.from_dict(
    yaml.safe_load(Path(__file__).with_name("make-a-call.openapi.yaml").read_text(encoding="utf-8"))
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One sandbox for all requests."""
    with Sandbox(SandboxSettings()) as running:
        yield running


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """One connection that nothing of the environment leads elsewhere."""
    with requests.Session() as opened:
        opened.trust_env = False
        yield opened


def operations(schema: BaseSchema) -> list[Any]:
    """Every operation of a contract."""
    return [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]


def names(schema: BaseSchema) -> list[str]:
    return [one.label for one in operations(schema)]


@pytest.mark.parametrize("mode", list(GenerationMode), ids=str)
@pytest.mark.parametrize("operation", operations(OURS), ids=names(OURS))
def test_every_operation(
    operation: Any, mode: GenerationMode, sandbox: Sandbox, session: requests.Session
) -> None:
    """What fits is answered as documented, and what does not is refused, never with a 5xx."""

    @STEADY
    @given(operation.as_strategy(generation_mode=mode))
    def holds(case: schemathesis.Case[Any]) -> None:
        response = case.call(base_url=sandbox.url, session=session, headers=AUTHORIZED)
        checks = [*ALWAYS, status_code_conformance]
        case.validate_response(response, checks=[*checks, negative_data_rejection])

    holds()


@pytest.mark.parametrize("operation", operations(OURS), ids=names(OURS))
def test_no_key(operation: Any, sandbox: Sandbox, session: requests.Session) -> None:
    """Without a key, or with another, nothing is told and nobody is called."""
    rung = len(sandbox.rung)

    @STEADY
    @given(operation.as_strategy(), st.sampled_from([None, "", "x", f"Bearer {SANDBOX_KEY}"]))
    def holds(case: schemathesis.Case[Any], key: str | None) -> None:
        case.headers.pop("Authorization", None)
        headers = {} if key is None else {"Authorization": key}
        response = case.call(base_url=sandbox.url, session=session, headers=headers)
        assert response.status_code == 401
        case.validate_response(response, checks=[*ALWAYS, status_code_conformance])

    holds()
    assert len(sandbox.rung) == rung


@pytest.mark.parametrize("schema", [OURS, VENDOR], ids=["ours", "vendor"])
def test_calls_that_fit(schema: BaseSchema, sandbox: Sandbox, session: requests.Session) -> None:
    """A request of an agent and a number that there are, with any variables, rings that number."""
    operation = schema["/agents/{agentId}/call"]["POST"]

    @STEADY
    @given(operation.as_strategy(), st.sampled_from(["ag_1", "ag_2", "ag_3"]))
    def holds(case: schemathesis.Case[Any], agent: str) -> None:
        texts = case.body if isinstance(case.body, dict) else {}
        case.body = {name: text for name, text in texts.items() if isinstance(text, str)}
        case.body["phoneNumber"] = NUMBER
        case.path_parameters = {"agentId": agent}
        before = len(sandbox.posts)
        response = case.call(base_url=sandbox.url, session=session, headers=AUTHORIZED)
        case.validate_response(response, checks=[*ALWAYS, status_code_conformance])
        assert response.json()["status"] == "success"
        (post,) = sandbox.posts[before:]
        assert (post.number, post.rang, post.body) == (NUMBER, True, case.body)

    holds()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=str)
def test_the_vendors_contract(
    mode: GenerationMode, sandbox: Sandbox, session: requests.Session
) -> None:
    """By the vendor's own document: never a 5xx, and a 200 is what the document says."""
    operation = VENDOR["/agents/{agentId}/call"]["POST"]

    @STEADY
    @given(operation.as_strategy(generation_mode=mode))
    def holds(case: schemathesis.Case[Any]) -> None:
        case.path_parameters = {"agentId": "ag_1"}
        response = case.call(base_url=sandbox.url, session=session, headers=AUTHORIZED)
        case.validate_response(response, checks=ALWAYS)
        assert response.status_code in (200, 401, 415, 422)  # 401: it may leave the key out

    holds()


@pytest.mark.parametrize("operation", operations(OURS), ids=names(OURS))
def test_methods_and_keys_by_the_book(
    operation: Any, sandbox: Sandbox, session: requests.Session
) -> None:
    """Other methods are refused with the list of those there are, and keys are looked at."""

    @settings(STEADY, max_examples=3)
    @given(operation.as_strategy())
    def holds(case: schemathesis.Case[Any]) -> None:
        response = case.call(base_url=sandbox.url, session=session, headers=AUTHORIZED)
        case.validate_response(
            response, checks=[ignored_auth, unsupported_method], headers=AUTHORIZED
        )

    holds()
