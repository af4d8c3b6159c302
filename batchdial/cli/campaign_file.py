"""The command that begins a campaign file: every setting, commented, and a schema for editors."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchdial.cli.text import put, say
from batchdial.errors import ExitCode, OutputError
from batchdial.models import span_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Of the schema, so that ours is told from a file that must not be overwritten.
TITLE = "A campaign of batchdial"
#: The key is in no file that is shared.
_LEFT_OUT = frozenset({"api_key"})
#: Settings by what a person thinks of together; what is named nowhere comes last.
_SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Who is called, by whom": ("list", "campaign", "agent", "output"),
    "How the list is read": (
        "map", "mapping", "only_mapped", "region", "allow_types", "dedupe",
        "encoding", "delimiter", "sheet",
    ),
    "Pace": ("rate", "jitter", "concurrency"),
    "When people are called": (
        "hours", "days", "holidays", "start_at", "end_at", "grace", "no_wait", "max_live", "listen",
    ),
    "Whom not to call": (
        "suppress", "not_called_within", "max_calls_per_person", "require_consent",
    ),
    "Who is called again": ("redial", "redial_after"),
    "Retries": ("max_attempts", "stop_after"),
    "Before the first call, and how much at most": (
        "strict", "canary", "test_to", "limit", "price_per_minute",
        "max_calls", "max_minutes", "max_spend",
    ),
    "Where": ("ledger", "trust_ledger", "base_url", "api_key_file"),
}  # fmt: skip
#: What a setting may look like that has no default to show.
_EXAMPLES: Mapping[str, object] = {
    "agent": "ag_1",
    "allow_types": ["toll_free"],
    "api_key_file": "key.txt",
    "campaign": "renewals",
    "canary": 5,
    "days": "mon-fri",
    "delimiter": ";",
    "encoding": "cp1252",
    "end_at": "2026-12-18 18:00",
    "holidays": "GB,2026-12-24",
    "jitter": 0.05,
    "ledger": "ledger.db",
    "limit": 100,
    "list": ["leads.csv"],
    "listen": "8021",
    "map": ["phoneNumber=Mobile", "plan=Plan name"],
    "mapping": "mapping.json",
    "max_calls": 1000,
    "max_calls_per_person": ["3/24h", "7/7d"],
    "max_live": 10,
    "max_minutes": 2000,
    "max_spend": Decimal("240.00"),
    "output": "leads.results.csv",
    "price_per_minute": Decimal("0.12"),
    "redial": ["unanswered", "voicemail"],
    "region": "GB",
    "require_consent": "Consent",
    "sheet": "March",
    "start_at": "2026-12-01 09:00",
    "suppress": ["donotcall.txt"],
    "test_to": "+12025550199",
}
#: Settings that have no flag, since an argument or a person's hand stands for them.
_WITHOUT_FLAG: Mapping[str, str] = {
    "list": "The list that is dialled where the command line names none; several in brackets."
}
_HEAD = """\
#:schema ./{schema}
# A campaign, for: batchdial run --config {name}
# A line that begins with # and a name is a setting as it is by default, or an example of it where
# it says so; take the # away and change it. Files are relative to this one. A flag or a variable
# BATCHDIAL_<NAME> comes before what is said here. The key is CALD_API_KEY, never a line of this.
"""


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default="campaign.toml")
@click.option("--schema", is_flag=True, help="Print the JSON schema for editors, write nothing.")
def init(file: Path, schema: bool) -> int:
    """
    Begin a campaign file in which every setting stands, commented; asks nothing.

    Beside it comes a JSON schema, by which editors complete and check it.
    """
    if schema:
        put(campaign_schema())
        return ExitCode.OK
    beside = file.parent / "campaign.schema.json"
    if beside.exists() and not _is_ours(beside):
        raise OutputError(f"{beside} is no schema of batchdial's. Name another folder.")
    _write(file, campaign_file(file.name, beside.name), "x")
    _write(beside, json.dumps(campaign_schema(), indent=2) + "\n", "w")
    say(f"{file}  every setting, commented; {beside} is for your editor.")
    say(f"Fill it in, then: batchdial run --config {file} --dry-run")
    return ExitCode.OK


def campaign_file(name: str, schema: str) -> str:
    """A campaign file that says what holds without it."""
    lines = [_HEAD.format(name=name, schema=schema)]
    for title, names in _sections():
        lines.append(f"\n# {title}\n")
        for one in names:
            value, is_example = _shown(one)
            mark = "  # an example" if is_example else ""
            lines.append(f"# {_meaning(one, is_example)}\n#{one} = {_toml(value)}{mark}\n")
    return "\n".join(lines)


def campaign_schema() -> dict[str, Any]:
    """The JSON schema of a campaign file, with the meaning of each key."""
    from batchdial.settings import Settings

    told = Settings.model_json_schema(by_alias=False)["properties"]
    names = [one for _, names in _sections() for one in names]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": TITLE,
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _property(name, told[name]) for name in names},
    }


def _property(name: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """What a key may be in TOML, which has no null and in which a text may stand for a list."""
    forms = told.get("anyOf", [told])
    left = [_form(one) for one in forms if one.get("type") != "null"]
    kinds = [kind for one in left for kind in one]
    value, is_example = _shown(name)
    shown = float(value) if isinstance(value, Decimal) else value
    return {
        "description": _meaning(name, is_example),
        **(kinds[0] if len(kinds) == 1 else {"anyOf": kinds}),
        **({"examples": [shown]} if is_example else {"default": shown}),
    }


def _form(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    one = {key: told[key] for key in told if key not in ("title", "default", "format")}
    texts = {"type": "array", "items": {"type": "string"}}
    if "$ref" in one.get("items", ()):  # values of ours, which are written as texts
        one |= {"items": {"type": "string"}}
    match one.get("type"):
        case "array":
            return [one, {"type": "string"}]
        case "object":
            return [texts, one, {"type": "string"}]
        case None:  # a value of ours, which is written as text
            return [one] if "enum" in one else [{"type": "string"}]
        case _:
            return [one]


def _sections() -> Iterator[tuple[str, list[str]]]:
    from batchdial.settings import Settings

    left = dict.fromkeys(name for name in Settings.model_fields if name not in _LEFT_OUT)
    for title, names in _SECTIONS.items():
        yield title, [name for name in names if left.pop(name, 0) is None]
    if left:
        yield "More", list(left)


def _shown(name: str) -> tuple[Any, bool]:
    """A value for a setting, and whether it is an example because there is no default."""
    from batchdial.settings import Settings

    default = Settings.model_fields[name].default
    if default is None or (not default and not isinstance(default, (bool, int, float, str))):
        return _EXAMPLES[name], True
    if isinstance(default, timedelta):
        return span_text(default), False
    if isinstance(default, (frozenset, set, tuple)):
        return sorted(map(str, default)), False
    is_plain = isinstance(default, (bool, int, float, str, Decimal))
    return default if is_plain else str(default), False


def _meaning(name: str, is_example: bool) -> str:
    """What a setting means; the default at its end is left out where it stands beside it."""
    told = _meanings()[name]
    return told if is_example else re.sub(r" \[[^]]*]$", "", told)


@cache
def _meanings() -> dict[str, str]:
    """What each setting means: the help of its flag."""
    from batchdial.cli.dial import run

    flags = {
        (one.name or "").rstrip("_"): one.help or ""
        for one in run.params
        if isinstance(one, click.Option)
    }
    return {**flags, **_WITHOUT_FLAG}


def _toml(value: object) -> str:
    """Plain values are written in TOML as in JSON."""
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def _is_ours(path: Path) -> bool:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and told.get("title") == TITLE


def _write(path: Path, text: str, mode: str) -> None:
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise OutputError(
            f"{path} is there already, and is left as it is. "
            "Name another: batchdial init OTHER.toml"
        ) from None
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from None
