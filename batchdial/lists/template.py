"""The header of an empty list for an agent: what a call needs, and what the agent's texts use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from batchdial.models import API_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VARIABLE = re.compile(r"\{\s*([A-Za-z][A-Za-z0-9_]*)\s*\}")


def template_header(agent: Mapping[str, Any]) -> list[str]:
    """
    The columns that a list for an agent should have: the API's own, then its variables.

    Args:
        agent: As the API describes it; what it lacks uses no variable.
    """
    known = {name.lower() for name in API_FIELDS}
    used = (match[1] for text in _texts(agent) for match in _VARIABLE.finditer(text))
    return [*API_FIELDS, *dict.fromkeys(name for name in used if name.lower() not in known)]


def _texts(agent: Mapping[str, Any]) -> Iterator[str]:
    """What an agent says or writes, in the order in which people meet it."""
    for path in (
        ("greeting",),
        ("instructions",),
        ("voicemailSettings", "voicemail"),
        ("smsSettings", "message"),
    ):
        value: Any = agent
        for name in path:
            value = value.get(name) if hasattr(value, "get") else None
        if isinstance(value, str):
            yield value
