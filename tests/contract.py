"""What the project's OpenAPI file of the service says of a request or an answer."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import yaml
from jsonschema import Draft4Validator

_JSON = "application/json"


@cache
def cald() -> dict[str, Any]:
    """The file that ships with the package, every reference replaced by what it names."""
    text = files("batchdial.sandbox").joinpath("cald.openapi.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = resolved(yaml.safe_load(text))
    return document


def resolved(document: Any) -> Any:
    """The document with every `$ref` replaced by the part of the same document that it names."""

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            target = document
            for key in node["$ref"].removeprefix("#/").split("/"):
                target = target[key]
            return walk(target)
        return {key: walk(value) for key, value in node.items()}

    return walk(document)


def operation(method: str, path: str) -> dict[str, Any]:
    """
    What the file says of one request.

    Args:
        method: In any case.
        path: A path or a URL, with or without the base URL's path.

    Raises:
        AssertionError: The file has no such path or method.
    """
    base = urlsplit(cald()["servers"][0]["url"]).path
    local = urlsplit(path).path.removeprefix(base)
    for template, methods in cald()["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern, local) and method.lower() in methods:
            found: dict[str, Any] = methods[method.lower()]
            return found
    raise AssertionError(f"The contract has no {method} {path}.")


def assert_valid_call_request(path: str, body: object) -> None:
    """
    Fail unless a captured request is one that places a call.

    Args:
        path: A path or a URL, with or without the base URL's path.
        body: The parsed JSON.
    """
    found = operation("POST", path)
    assert found["operationId"] == "placeCall", f"{path} places no call."
    _assert_valid(body, found["requestBody"]["content"][_JSON]["schema"])


def assert_valid_answer(method: str, path: str, status: int, body: object) -> None:
    """
    Fail unless the file allows an answer to a request.

    Args:
        method: Of the request.
        path: A path or a URL, with or without the base URL's path.
        status: Of the answer.
        body: The parsed JSON of the answer.
    """
    answers = operation(method, path)["responses"]
    answer = answers.get(str(status)) or answers["default"]
    _assert_valid(body, answer["content"][_JSON]["schema"])


def _assert_valid(value: object, schema: dict[str, Any]) -> None:
    # OpenAPI 3.0 schemas are those of JSON Schema's fourth to fifth draft.
    problems = [f"{e.json_path}: {e.message}" for e in Draft4Validator(schema).iter_errors(value)]
    assert not problems, "\n".join(problems)
