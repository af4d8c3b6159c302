"""Does a list have what the agent is going to say, and is the agent set up for a campaign?"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from batchdial.models import API_FIELDS
from batchdial.rules.cells import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: How a text names a variable: `{prospectName}`. What is longer than this is no name.
_VARIABLE = re.compile(r"\{\s*([A-Za-z][A-Za-z0-9_]{0,99})\s*\}")
#: What an agent says or writes, in the order in which people meet it; the setting that turns it on.
_TEXTS = {
    "greeting": (("greeting",), None),
    "instructions": (("instructions",), None),
    "voicemail": (("voicemailSettings", "voicemail"), "voicemailSettings"),
    "message": (("smsSettings", "message"), "smsSettings"),
}
#: Fields that decide how a row is read and are not sent.
_NOT_SENT = ("region", "timezone")


class Topic(StrEnum):
    """What a finding is about."""

    SILENT = "silent"  #: the service gives no answer to the question
    MISSING = "missing"  #: a text uses what no column has
    BLANK = "blank"  #: a text uses what some rows do not have
    UNUSED = "unused"  #: a column that no text uses
    RECORDING = "recording"
    MACHINES = "machines"  #: whether answering machines are told from people
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a person should know before the first call."""

    topic: Topic
    text: str  #: a sentence that ends in what to type or where to look
    variable: str = ""  #: the variable or column that it is about
    rows: int | None = None  #: rows in which it is blank


@dataclass(frozen=True, slots=True)
class Sent:
    """What the requests of one list carry."""

    name: str  #: of the file
    fields: Sequence[str]  #: of the column map
    unused: Sequence[str] = ()  #: columns that are not sent, by their names in the file
    blank: Mapping[str, int] = field(default_factory=dict)  #: rows that lack a field
    first: int | None = None  #: how many rows were looked at, where not all were


@dataclass(frozen=True, slots=True)
class _Use:
    """Where an agent uses a variable."""

    places: tuple[str, ...]
    is_said: bool  #: whether any of these texts is turned on

    def __str__(self) -> str:
        *others, last = self.places
        where = f"{', '.join(others)} and {last}" if others else last
        return where + ("" if self.is_said else ", which is turned off")


def variables(agent: Mapping[str, Any]) -> dict[str, _Use]:
    """
    The variables that an agent's texts use, in the order in which people meet them.

    Args:
        agent: As the API describes it; what it lacks, or has in another form, uses none.
    """
    used: dict[str, _Use] = {}
    for place, (path, switch) in _TEXTS.items():
        is_on = switch is None or _is_on(agent, switch) is not False
        for match in _VARIABLE.finditer(_text(agent, path) or ""):
            before = used.get(match[1], _Use((), is_said=False))
            places = dict.fromkeys((*before.places, f"the {place}"))
            used[match[1]] = _Use(tuple(places), is_said=before.is_said or is_on)
    return used


def preflight(agent: Mapping[str, Any] | None, lists: Sequence[Sent]) -> tuple[Finding, ...]:
    """
    Compare an agent with the lists that it is going to call.

    Args:
        agent: As the API describes it; None where the service gives no answer.
        lists: What is sent of each.

    Returns:
        What is missing first, then what is set up in a way that a person should know of.
    """
    if agent is None or not any(
        isinstance(agent.get(one), str) for one in ("greeting", "instructions")
    ):
        silent = _silent("this agent" if agent is None else "what this agent says")
        gaps = (one for sent in lists for one in _gaps(sent, None))
        return (silent, *gaps, *(() if agent is None else _settings(agent)))
    used = variables(agent)
    found = [one for sent in lists for one in (*_missing(sent, used), *_gaps(sent, used))]
    return (*found, *(one for sent in lists for one in _idle(sent, used)), *_settings(agent))


def refused(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """
    What `--strict` does not let pass: somebody would hear a sentence with a hole in it.

    Nothing where the service does not say which variables its texts use.
    """
    if any(one.topic is Topic.SILENT for one in findings):
        return ()
    return tuple(one for one in findings if one.topic in (Topic.MISSING, Topic.BLANK))


def _silent(what: str) -> Finding:
    return Finding(
        Topic.SILENT,
        f"The service says nothing about {what}, so nobody has compared it with the list. "
        "The agent's page at the service shows it.",
    )


def _missing(sent: Sent, used: Mapping[str, _Use]) -> Iterator[Finding]:
    there = {"phoneNumber", *sent.fields}.difference(_NOT_SENT)
    for name, use in used.items():
        if name in there:
            continue
        column = _like(name, (*sent.fields, *sent.unused)) or "COLUMN"
        flag = f"--map {name}={shlex.quote(column)}"
        text = f"{{{name}}} in {use} has no column in {printable(sent.name)}: {flag}"
        yield Finding(Topic.MISSING if use.is_said else Topic.UNUSED, text, name)


def _gaps(sent: Sent, used: Mapping[str, _Use] | None) -> Iterator[Finding]:
    """Blank cells: those that a text uses, or all where nobody knows which it uses."""
    for name, number in sent.blank.items():
        use = None if used is None else used.get(name)
        if name == "phoneNumber" or not number or (used is not None and use is None):
            continue
        rows = f"row{'' if number == 1 else 's'}"
        among = rows if sent.first is None else f"of the first {sent.first:,} rows"
        among += f" of {printable(sent.name)}"
        lacks = "blank or no address" if name == "email" else "blank"
        place = f" in {use}" if use else ""
        yield Finding(
            Topic.BLANK if used is None or (use and use.is_said) else Topic.UNUSED,
            f"{{{printable(name, 100)}}}{place} is {lacks} in {number:,} {among}: "
            "fill in the list and run it again.",
            name,
            number,
        )


def _idle(sent: Sent, used: Mapping[str, _Use]) -> Iterator[Finding]:
    for name in sent.fields:
        if name not in used and name not in (*API_FIELDS, *_NOT_SENT):
            yield Finding(
                Topic.UNUSED,
                f"{printable(name, 100)} is sent, and no text of the agent uses it. "
                "To send only what a text uses: --only-mapped and a --map for each.",
                name,
            )


def _settings(agent: Mapping[str, Any]) -> Iterator[Finding]:
    told = {
        Topic.RECORDING: (
            "recordingSettings",
            "Calls are recorded. Where people must be told so, let the greeting say it.",
            "Calls are not recorded; turn it on at the agent's page if you want recordingUrl.",
        ),
        Topic.MACHINES: (
            "machineSettings",
            "Answering machines are told from people.",
            "Answering machines are not told from people: a voicemail counts as pickedUp. "
            "Turn on machine detection at the agent's page.",
        ),
        Topic.WEBHOOK: (
            "webhookSettings",
            f"What calls come to is sent to {_host(agent)} by webhook.",
            "No webhook: what calls come to is asked for by batchdial outcomes.",
        ),
    }
    for topic, (name, on, off) in told.items():
        is_on = _is_on(agent, name)
        unknown = f"The service does not say how {name} is set. The agent's page shows it."
        yield Finding(topic, unknown if is_on is None else on if is_on else off)


def _is_on(agent: Mapping[str, Any], name: str) -> bool | None:
    """Whether a setting is on; None where the service does not say."""
    setting = agent.get(name)
    told = setting.get("enable") if isinstance(setting, dict) else None
    return told if isinstance(told, bool) else None


def _host(agent: Mapping[str, Any]) -> str:
    """Where the webhook goes, without its path, which may hold a secret."""
    url = _text(agent, ("webhookSettings", "url")) or ""
    try:
        return printable(urlsplit(url).hostname or "an address that is none")
    except ValueError:
        return "an address that is none"


def _text(agent: Mapping[str, Any], path: Sequence[str]) -> str | None:
    value: Any = agent
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def _like(name: str, columns: Sequence[str]) -> str | None:
    """The column that is most likely meant, if one is."""
    squeezed = {re.sub(r"[\W_]+", "", column).lower(): column for column in reversed(columns)}
    found = get_close_matches(name.replace("_", "").lower(), list(squeezed), n=1, cutoff=0.75)
    return printable(squeezed[found[0]]) if found else None
