"""Which requests the call endpoint's contract allows, and what is said to the others."""

from __future__ import annotations

import json
import re
from typing import NoReturn

#: The country code and number, digits only (E.164 allows 15).
_INTERNATIONAL = re.compile(r"\+?[1-9][0-9]{6,14}")
#: The contract allows formatting in U.S. numbers: (202) 555-0123, 202.555.0123, +1 202 555 0123.
_US = re.compile(r"(?:\+?1[ .-]?)?(?:\([2-9][0-9]{2}\)|[2-9][0-9]{2})[ .-]?[0-9]{3}[ .-]?[0-9]{4}")


def parse(raw: bytes) -> object:
    """
    The value that a JSON text stands for.

    Raises:
        ValueError: It is not JSON (RFC 8259), names a key twice, or is nested beyond reason.
    """
    try:
        return json.loads(raw, object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def problem(body: object) -> str | None:
    """What is wrong with the body of a call, as a sentence, or None."""
    if not isinstance(body, dict):
        return "The body must be a JSON object."
    if "phoneNumber" not in body:
        return "phoneNumber is missing."
    for key, value in body.items():
        if not isinstance(value, str):
            return f"{key} must be a string."
    if not is_plausible(body["phoneNumber"]):
        return "phoneNumber is not a phone number."
    return None


def is_plausible(number: str) -> bool:
    """Whether a text could be a phone number as the contract describes it."""
    return bool(_INTERNATIONAL.fullmatch(number) or _US.fullmatch(number))


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is named twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
