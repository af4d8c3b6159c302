"""The header of an empty list for an agent: what a call needs, and what the agent's texts use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchdial.models import API_FIELDS
from batchdial.rules.preflight import variables

if TYPE_CHECKING:
    from collections.abc import Mapping


def template_header(agent: Mapping[str, Any]) -> list[str]:
    """
    The columns that a list for an agent should have: the API's own, then its variables.

    Args:
        agent: As the API describes it; what it lacks uses no variable.
    """
    known = {name.lower() for name in API_FIELDS}
    return [*API_FIELDS, *(name for name in variables(agent) if name.lower() not in known)]
