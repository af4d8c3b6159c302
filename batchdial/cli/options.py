"""Flags that several commands share, and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchdial.settings import Settings

F = TypeVar("F", bound="Callable[..., Any]")

_FILE = click.Path(path_type=Path, dir_okay=False)

CONFIG = [
    click.option("--config", type=_FILE, help="Campaign file in TOML with any of these settings."),
    click.option("--ledger", help="SQLite file or postgresql://… [default: your data folder]"),
]
SERVICE = [
    click.option("--base-url", help="Address of the service. [default: the vendor's]"),
    click.option("--api-key-file", type=_FILE, help="File with the key, instead of CALD_API_KEY."),
]
WHO = [
    click.option("--agent", help="The agent that calls."),
]
REGION = [
    click.option("--region", help="Country of numbers without +, such as GB."),
]
FORM = [
    click.option("--encoding", help="Encoding of the file, where detection is wrong."),
    click.option("--delimiter", help="Character between cells, where detection is wrong."),
    click.option("--sheet", help="Sheet of a workbook."),
]
READING = [
    click.option(
        "--map",
        "map_",
        multiple=True,
        metavar="FIELD=COLUMN",
        help="phoneNumber=Mobile, email=…, or any variable; repeat it.",
    ),
    click.option("--mapping", type=_FILE, help="A mapping that --save-mapping wrote."),
    click.option("--only-mapped", is_flag=True, default=None, help="Send no other column."),
    *REGION,
    click.option("--allow-types", help="Kinds of number otherwise not dialled, such as toll_free."),
    click.option(
        "--dedupe", type=click.Choice(["first", "last"]), help="Which of several rows is dialled."
    ),
    *FORM,
]
NAME = [
    click.option("--campaign", help="Name of the campaign. [default: the file's]"),
]
DIALLING = [
    click.option("--rate", help="Most calls in any window: 5/s, 30/m, 600/h. [1/s]"),
    click.option(
        "--jitter",
        type=float,
        metavar="SECONDS",
        help="How unevenly calls may arrive; windows are kept longer by it. [1 %, at most 0.05]",
    ),
    click.option("--concurrency", type=int, help="Most requests in flight. [5]"),
    click.option("--limit", type=int, help="Dial so many rows and stop."),
    click.option("--max-attempts", type=int, help="Most requests for one row. [3]"),
    click.option("--stop-after", type=int, help="Pause after N equal failures; 0 never. [10]"),
    click.option("--output", "-o", type=_FILE, help="The results file. [NAME.results.csv]"),
    click.option("--dry-run", is_flag=True, help="Show the plan and dial nothing."),
    click.option(
        "--trust-ledger",
        is_flag=True,
        default=None,
        help="Dial from a ledger that was moved, or put back, although it may be an old one.",
    ),
    click.option("--yes", "-y", is_flag=True, help="Dial without a question."),
]
WHOM = [
    click.option(
        "--suppress",
        type=_FILE,
        multiple=True,
        help="Do-not-call file: numbers, or +4479*; repeat it. Read again when it changes.",
    ),
    click.option(
        "--not-called-within",
        metavar="SPAN",
        help="Skip whom another campaign of the ledger called so lately; 0h never. [24h]",
    ),
    click.option(
        "--max-calls-per-person",
        metavar="CAPS",
        help="Most calls to a person by all campaigns, such as 3/24h,7/7d.",
    ),
    click.option(
        "--require-consent",
        metavar="COLUMN",
        help="Call only rows whose cell here says yes, true, 1, x, granted or opt-in.",
    ),
]
HOURS = [
    click.option(
        "--hours",
        help="When people are called, by their own clock: windows, presets, or any. [08:00-21:00]",
    ),
    click.option("--days", help="Weekdays on which people are called, such as mon-fri. [all]"),
    click.option(
        "--holidays", help="Dates, or countries whose public holidays are left out: GB,2026-12-24."
    ),
]
WHEN = [
    click.option("--start-at", metavar="MOMENT", help="Call nobody before: '2026-12-01 09:00'."),
    click.option("--end-at", metavar="MOMENT", help="Call nobody from then on; rows expire."),
    click.option(
        "--grace", metavar="SPAN", help="How late after --start-at it begins by itself. [1h]"
    ),
    click.option(
        "--no-wait", is_flag=True, default=None, help="Exit 75 instead of waiting for an hour."
    ),
    click.option("--max-live", type=int, metavar="N", help="Most calls in progress."),
    click.option(
        "--listen",
        metavar="[HOST:]PORT",
        help="Take the service's posts on calls that are over, while dialling.",
    ),
    click.option(
        "--redial", metavar="OUTCOMES", help="Call again after unanswered, voicemail, ivr, …"
    ),
    click.option(
        "--redial-after", metavar="SPANS", help="When, each time: 30m,2h,1d@10:00. [1h,4h,1d]"
    ),
]
AHEAD = [
    click.option(
        "--price-per-minute",
        metavar="PRICE",
        help="Price of a call, for the estimate and --max-spend.",
    ),
    click.option("--max-calls", type=int, help="Most calls of the campaign, over all its runs."),
    click.option("--max-minutes", type=int, help="Most minutes; each that was begun counts."),
    click.option("--max-spend", metavar="MONEY", help="Most money, at --price-per-minute."),
    click.option("--canary", type=int, metavar="N", help="Dial N rows, show them, then ask."),
    click.option(
        "--strict",
        is_flag=True,
        default=None,
        help="Refuse a list that lacks a variable which the agent uses.",
    ),
    click.option(
        "--test-to", metavar="NUMBER", help="Call your own number once, as row 1, and stop."
    ),
]
TALK = [
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    click.option("--quiet", "-q", is_flag=True, help="Say only what goes wrong."),
]

#: Of commands that dial what is in the ledger, and of those that read a file first.
FOR_A_CAMPAIGN = (WHO, DIALLING, AHEAD, WHEN, HOURS, WHOM, SERVICE, CONFIG, TALK)
FOR_A_FILE = (WHO, NAME, DIALLING, AHEAD, WHEN, HOURS, WHOM, READING, SERVICE, CONFIG, TALK)


def flags(*groups: list[Callable[[F], F]]) -> Callable[[F], F]:
    """Give a command all flags of some groups."""

    def decorate(function: F) -> F:
        for group in reversed(groups):
            for option in reversed(group):
                function = option(function)
        return function

    return decorate


def settings_of(given: dict[str, Any]) -> Settings:
    """Settings from a command's flags; what was not given is left to the other sources."""
    from batchdial.settings import load_settings

    config = given.pop("config", None)
    if "map_" in given:
        given["map"] = given.pop("map_") or None
    if "suppress" in given:
        given["suppress"] = given["suppress"] or None
    return load_settings(given, config)
