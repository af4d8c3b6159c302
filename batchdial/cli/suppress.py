"""The command that keeps the ledger's own do-not-call list: suppress add, remove, list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchdial.cli import options
from batchdial.cli.text import plural, put, say, tell
from batchdial.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchdial.lists.entries import Entry
    from batchdial.settings import Settings

_LEDGER = [options.CONFIG[0], options.CONFIG[1], options.SERVICE[0]]
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def suppress() -> None:
    """
    Keep numbers from being called by any campaign of this ledger.

    They count at once, also for a campaign that is dialling.
    """


@suppress.command()
@click.argument("numbers", metavar="[NUMBER]...", nargs=-1)
@click.option("--file", type=_FILE, help="All numbers of a do-not-call file.")
@click.option("--note", default="", help="Why, for whoever asks later.")
@options.flags(options.REGION, _LEDGER)
def add(numbers: tuple[str, ...], file: Path | None, note: str, **given: Any) -> int:
    """Suppress numbers, of the command line or of a file."""
    from datetime import UTC, datetime

    from batchdial.ledger.ledger import Ledger
    from batchdial.ledger.suppressing import suppress as record

    if not numbers and file is None:
        raise click.UsageError("Which numbers? batchdial suppress add +447911123456, or --file.")
    settings = options.settings_of(given)
    entries = _entries(settings, numbers)
    chosen = [number for entry in entries for number in sorted(entry.numbers)]
    if file is not None:
        chosen += _of_file(file, _region(settings))
    with Ledger(settings.ledger_url()) as ledger:
        added, before = record(ledger, chosen, note.strip(), datetime.now(UTC))
        also = f"; {before:,} {'was' if before == 1 else 'were'} already" if before else ""
        say(f"{plural(added, 'number')} suppressed{also}. {ledger.where}")
    for text, entry in zip(numbers, entries, strict=True):
        if len(entry.numbers) > 1:
            say(f"{_masked(text)} may be {_readings(entry)}: none of them is called.")
    return ExitCode.OK


@suppress.command()
@click.argument("numbers", metavar="NUMBER...", nargs=-1, required=True)
@options.flags(options.REGION, _LEDGER)
def remove(numbers: tuple[str, ...], **given: Any) -> int:
    """Let numbers be called again, unless a do-not-call file has them."""
    from batchdial.ledger.ledger import Ledger
    from batchdial.ledger.suppressing import allow

    settings = options.settings_of(given)
    entries = _entries(settings, numbers, is_removal=True)
    chosen = list(dict.fromkeys(number for entry in entries for number in entry.numbers))
    with Ledger(settings.ledger_url(), create=False) as ledger:
        absent = allow(ledger, chosen)
        say(f"{plural(len(chosen) - len(absent), 'number')} removed. {ledger.where}")
    for number in absent:
        say(f"{_masked(number)} was not suppressed.")
    return ExitCode.OK


@suppress.command("list")
@options.flags(_LEDGER, [options.TALK[0]])
def list_(as_json: bool, **given: Any) -> int:
    """Print the suppressed numbers, as a do-not-call file has them."""
    from batchdial.ledger.ledger import Ledger
    from batchdial.ledger.suppressing import all_suppressed
    from batchdial.rules.cells import printable

    settings = options.settings_of(given)
    with Ledger(settings.ledger_url(), create=False) as ledger:
        found = all_suppressed(ledger)
        if as_json:
            put([{"e164": one.e164, "addedAt": one.added_at, "note": one.note} for one in found])
            return ExitCode.OK
        for one in found:
            tell(f"{one.e164}  # {one.added_at:%Y-%m-%d} {printable(one.note)}".rstrip())
    return ExitCode.OK


def _entries(
    settings: Settings, numbers: Sequence[str], *, is_removal: bool = False
) -> list[Entry]:
    """What the command line's numbers mean; all that cannot be used is told at once."""
    from batchdial.lists.entries import read_entry

    region = _region(settings)
    entries = [read_entry(text, region) for text in numbers]
    problems = []
    for text, entry in zip(numbers, entries, strict=True):
        if entry.problem:
            problems.append(f"{_masked(text)}: {entry.problem}")
        elif entry.prefix:
            problems.append(
                f"{_masked(text)}: Beginnings of numbers belong into a file for --suppress."
            )
        elif is_removal and len(entry.numbers) > 1:
            problems.append(f"{_masked(text)}: It may be {_readings(entry)}. Write it with a plus.")
    if problems:
        raise click.UsageError("\n".join(["Nothing was changed.", *problems]))
    return entries


def _of_file(file: Path, region: str | None) -> list[str]:
    from batchdial.lists.donotcall import read_donotcall

    found = read_donotcall(file, region)
    if found.prefixes:
        raise click.UsageError(
            f"{file} has beginnings of numbers, such as {min(found.prefixes)}*, which the ledger "
            f"does not keep. Nothing was changed. Give the file to each run: --suppress {file}"
        )
    return list(found)


def _region(settings: Settings) -> str | None:
    """The country of numbers without a plus, checked."""
    from batchdial.errors import ConfigError
    from batchdial.lists.parsing import region_named

    if not settings.region:
        return None
    code = region_named(settings.region)
    if code is None:
        raise ConfigError(f"--region: there is no country {settings.region!r}; write it as GB.")
    return code


def _readings(entry: Entry) -> str:
    return " or ".join(map(_masked, sorted(entry.numbers)))


def _masked(text: str) -> str:
    from batchdial.rules.cells import printable
    from batchdial.rules.masking import masked

    return masked(printable(text, 40)) or '""'
