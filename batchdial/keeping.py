"""What a campaign kept to in its last run, for whoever goes on with it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchdial.models import Cap, span_text, time_span

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from batchdial.settings import Settings


#: Whoever dials again what has expired means another time than the last run did.
SCHEDULE = frozenset({"start_at", "end_at"})


def kept(
    settings: Settings, basis: Mapping[str, Any], *, but: Collection[str] = ()
) -> dict[str, Any]:
    """
    The rules of a last run that a person has not said anew, and that are others now.

    Args:
        settings: Of now.
        basis: As `Governance.told` and `Limits.told` have it.
        but: Settings that are left as they are.

    Returns:
        Settings by name, for `model_copy`.
    """
    caps = [part for part in basis.get("maxCallsPerPerson", "").split(",") if part]
    found = {
        "hours": basis.get("hours"),
        "days": basis.get("days"),
        "holidays": basis.get("holidays"),
        "start_at": basis.get("startAt"),
        "end_at": basis.get("endAt"),
        "suppress": tuple(Path(one["file"]) for one in basis.get("suppress", ())),
        "not_called_within": time_span(basis.get("notCalledWithin", "24h")),
        "max_calls_per_person": tuple(map(Cap.parse, caps)),
        "require_consent": basis.get("requireConsent"),
    }
    said = settings.model_fields_set.union(but)
    return {
        name: value
        for name, value in found.items()
        if name not in said and value is not None and value != getattr(settings, name)
    }


def as_flags(rules: Mapping[str, Any]) -> str:
    """Them as they could be typed: `--suppress optouts.csv --hours 09:00-17:00`."""
    words: list[str] = []
    for name, value in rules.items():
        flag = f"--{name.replace('_', '-')}"
        if name == "suppress":
            words += [f"{flag} {shlex.quote(str(path))}" for path in value]
        elif name == "max_calls_per_person":
            words.append(f"{flag} {','.join(map(str, value))}")
        else:
            text = span_text(value) if name == "not_called_within" else value
            words.append(f"{flag} {shlex.quote(text)}")
    return " ".join(words)
