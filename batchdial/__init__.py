"""
Dial a contact list through the Cald AI phone-call API.

The names below are the Python API; they are loaded when they are first used, so that
the command line answers without loading what it does not need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from batchdial.api import check, load, outcomes, resume, retry, run
    from batchdial.errors import BatchDialError
    from batchdial.models import CallStatus, Outcome
    from batchdial.results.summary import Report

_HOMES = {
    "BatchDialError": "batchdial.errors",
    "CallStatus": "batchdial.models",
    "Outcome": "batchdial.models",
    "Report": "batchdial.results.summary",
    "check": "batchdial.api",
    "load": "batchdial.api",
    "outcomes": "batchdial.api",
    "resume": "batchdial.api",
    "retry": "batchdial.api",
    "run": "batchdial.api",
}

__all__ = [
    "BatchDialError",
    "CallStatus",
    "Outcome",
    "Report",
    "check",
    "load",
    "outcomes",
    "resume",
    "retry",
    "run",
]


def __getattr__(name: str) -> Any:
    """Load a name of the API when it is asked for (PEP 562)."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
