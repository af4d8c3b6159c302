"""The commands that settle what is open and delete what is over: reconcile, purge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchdial.cli import options
from batchdial.cli.text import is_terminal, plural, put, say, typed, unknown_in_words
from batchdial.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from zoneinfo import ZoneInfo

    from batchdial.dialing.client import Service
    from batchdial.ledger.ledger import Ledger
    from batchdial.lists.calllog import CallLog, Reader
    from batchdial.models import Campaign
    from batchdial.purging import Purge
    from batchdial.reconciling import Judged
    from batchdial.rules.evidence import Span
    from batchdial.settings import Settings

#: What a log may be called, so that one that is not there is not taken for a campaign.
_SUFFIXES = {".csv", ".tsv", ".txt", ".xlsx", ".json", ".jsonl", ".ndjson", ".log"}
#: Rows of a log that cannot be used of which each is told.
_UNCLEAR_SHOWN = 10
_LEDGER = [options.CONFIG[0], options.CONFIG[1]]
_MAP = click.option(
    "--map",
    "map_",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="callId=…, phoneNumber=…, time=…, direction=… or region=…; repeat it.",
)
_YES = click.option("--yes", "-y", is_flag=True, help="Do it without a question.")


def _stretch(_: click.Context, __: click.Parameter, text: str) -> timedelta:
    """`90s`, `10m`, `2h`."""
    import re
    from datetime import timedelta

    match = re.fullmatch(r"([0-9]{1,5})([smh])", text.strip())
    if match is None:
        raise click.BadParameter(f"{text!r} is no length of time; write 90s, 10m or 2h")
    return timedelta(**{{"s": "seconds", "m": "minutes", "h": "hours"}[match[2]]: int(match[1])})


@click.command()
@click.argument("words", metavar="[CAMPAIGN] [FILE]...", nargs=-1)
@click.option(
    "--within",
    callback=_stretch,
    default="10m",
    show_default=True,
    help="How much later than its request a call may have begun.",
)
@click.option("--timezone", help="Of times that name none, such as Europe/London.")
@click.option("--complete-from", metavar="TIME", help="The logs have every call from then on,")
@click.option(
    "--complete-until", metavar="TIME", help="until then: a row without a call becomes failed."
)
@click.option("--look-up", is_flag=True, help="Ask the service for what a webhook leaves out.")
@click.option("--dry-run", is_flag=True, help="Show what would be settled and stop.")
@options.flags(
    [_YES, _MAP],
    options.WHO,
    options.NAME,
    options.REGION,
    options.FORM,
    options.SERVICE,
    _LEDGER,
    options.TALK,
)
def reconcile(
    words: tuple[str, ...],
    within: timedelta,
    timezone: str | None,
    complete_from: str | None,
    complete_until: str | None,
    look_up: bool,
    dry_run: bool,
    yes: bool,
    map_: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """
    Settle unknown rows by a call log or a webhook's payload: CSV, XLSX, JSON.

    A row is settled by the only call to its number that can have been its own. Without
    a file, the rows that are open are listed.
    """
    from batchdial.ledger.finding import find_campaign
    from batchdial.ledger.ledger import Ledger
    from batchdial.lists.calllog import Reader
    from batchdial.reconciling import Reconciliation, looked_up

    name, files = _parted(words)
    settings = options.settings_of(given)
    zone = _zone(timezone) if timezone else None
    complete = _complete(complete_from, complete_until, zone)
    form = (settings.region, zone, settings.encoding, settings.delimiter, settings.sheet)
    reader = Reader(_pairs(map_), *form)
    with Ledger(settings.ledger_url(), create=False) as ledger:
        campaign = find_campaign(ledger, name or settings.campaign, settings.agent)
        if not files:
            return _list_open(ledger, campaign, as_json=as_json)
        logs = _read(reader, files, ask=is_terminal() and not yes and "-" not in files)
        if look_up:
            logs = [looked_up(_service(settings), log) for log in logs]
        with Reconciliation(ledger, campaign) as session:
            judged = session.judge(logs, within=within, complete=complete)
            settled = sum(not one.is_open for one in judged)
            if not quiet:
                _show_logs(logs)
                _show_judged(campaign.name, judged)
            if settled and not dry_run:
                _ask(f"Settle {plural(settled, 'row')}?", yes=yes)
                session.settle(judged)
            if as_json:
                put(_reconciled_as_json(campaign.name, logs, judged, dry_run=dry_run))
            if settled and not dry_run:
                for path in session.record():
                    if not quiet:
                        say(f"  results    {path}")
    return ExitCode.UNFINISHED if settled < len(judged) else ExitCode.OK


def _parted(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """The campaign, if the first word is none of the files."""
    first = words[0] if words else "-"
    is_file = first == "-" or Path(first).is_file() or Path(first).suffix.lower() in _SUFFIXES
    return (None, words) if is_file else (first, words[1:])


def _pairs(given: Sequence[str]) -> dict[str, str]:
    """What `--map` says; unlike a list's, it is not taken from the environment or a file."""
    pairs = [one.partition("=") for one in given]
    wrong = next((name for name, sign, _ in pairs if not sign), None)
    if wrong is not None:
        raise click.UsageError(f"--map {wrong}: write FIELD=COLUMN, such as time=Started")
    return {name.strip(): column.strip() for name, _, column in pairs}


def _zone(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name.strip())
    except (KeyError, ValueError, OSError):
        raise click.UsageError(
            f"there is no time zone {name!r}; write one such as Europe/London, or UTC"
        ) from None


def _complete(begin: str | None, end: str | None, zone: ZoneInfo | None) -> Span | None:
    """The time in which a person says that the logs have every call."""
    from batchdial.rules.evidence import Span

    if begin is None and end is None:
        return None
    if begin is None or end is None:
        raise click.UsageError("--complete-from and --complete-until go together.")
    # A time that is told to the minute holds from its end, and until its beginning.
    span = Span(_moment(begin, zone).end, _moment(end, zone).begin)
    if span.begin >= span.end:
        raise click.UsageError("--complete-until must be after --complete-from.")
    return span


def _moment(text: str, zone: ZoneInfo | None) -> Span:
    from batchdial.lists.moments import NoZoneError, read_moment

    try:
        return read_moment(text, zone)
    except NoZoneError:
        raise click.UsageError(f"{text!r} names no time zone; add it, or --timezone") from None
    except ValueError as error:
        raise click.UsageError(f"{text!r}: {error}; write 2026-11-22T14:00Z") from None


def _read(reader: Reader, files: Sequence[str], *, ask: bool) -> list[CallLog]:
    """The logs; where their times name no zone, a person at a terminal is asked."""
    from dataclasses import replace

    from batchdial.lists.calllog import ZoneMissingError

    try:
        return [reader.read(file) for file in files]
    except ZoneMissingError as error:
        if not ask:
            raise
        say(str(error))
    zone = click.prompt("Which time zone are they in?", value_proc=_zone, err=True)
    return [replace(reader, zone=zone).read(file) for file in files]


def _service(settings: Settings) -> Service:
    from batchdial.dialing.client import Service

    return Service(settings.base_url, settings.key(), settings.key_origin())


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not is_terminal():
        raise click.UsageError("Nothing was done: there is no terminal to ask. Add --yes.")
    if not click.confirm(question, err=True):
        raise click.exceptions.Exit(ExitCode.OK)


def _list_open(ledger: Ledger, campaign: Campaign, *, as_json: bool) -> int:
    """The rows that are open, and what would settle them."""
    from batchdial.reconciling import Judged, unknown_rows

    rows = unknown_rows(ledger, campaign)
    if as_json:
        judged = [Judged(row, None, "") for row in rows]
        put(_reconciled_as_json(campaign.name, [], judged, dry_run=True))
    else:
        say(f"{campaign.name}: {plural(len(rows), 'row')} may have rung.")
        for row in rows:
            say(f"  {unknown_in_words(row)}")
        if rows:
            say(
                "A call log or a webhook's payload can settle them: "
                f"batchdial reconcile {typed(campaign.name)} FILE"
            )
    return ExitCode.UNFINISHED if rows else ExitCode.OK


def _show_logs(logs: Sequence[CallLog]) -> None:
    from batchdial.rules.cells import printable

    for log in logs:
        others = f" · {log.inbound:,} that others made" if log.inbound else ""
        say(f"{printable(log.name)}  {plural(len(log.records), 'call')}{others}")
        say(f"  {printable(log.columns)}")
        for text in log.unclear[:_UNCLEAR_SHOWN]:
            say(f"  {printable(text)}")
        if len(log.unclear) > _UNCLEAR_SHOWN:
            say(f"  … and {len(log.unclear) - _UNCLEAR_SHOWN:,} more that lack something.")


def _show_judged(name: str, judged: Sequence[Judged]) -> None:
    from batchdial.rules.cells import mask_number, printable

    say(f"{name}: {plural(len(judged), 'row')} may have rung.")
    for one in judged:
        contact = one.row.contact
        number = mask_number(contact.verdict.e164 or "")
        said = printable(f"row {contact.row} of {one.row.list_name}, {number}: {one.why}", 300)
        say(f"  {'stays unknown' if one.is_open else one.status:13}  {said}")


def _reconciled_as_json(
    name: str, logs: Sequence[CallLog], judged: Sequence[Judged], *, dry_run: bool
) -> dict[str, Any]:
    return {
        "campaign": name,
        "dryRun": dry_run,
        "files": [
            {
                "file": log.name,
                "calls": len(log.records),
                "inbound": log.inbound,
                "columns": log.columns,
                "unclear": log.unclear,
            }
            for log in logs
        ],
        "settled": [one.as_json() for one in judged if not one.is_open],
        "unknown": [one.as_json() for one in judged if one.is_open],
    }


@click.command()
@click.argument("campaign")
@click.option("--results", is_flag=True, help="Delete its results files, too.")
@options.flags([_YES], options.WHO, options.SERVICE[:1], _LEDGER)
def purge(campaign: str, results: bool, yes: bool, **given: Any) -> int:
    """
    Delete a campaign's personal data from the ledger; its counts are kept.

    Nobody can be told any more whom it called, so it calls nobody again unless `run
    --again` says so.
    """
    from batchdial.ledger.finding import find_campaign
    from batchdial.ledger.ledger import Ledger
    from batchdial.purging import prepared

    settings = options.settings_of(given)
    with Ledger(settings.ledger_url(), create=False) as ledger:
        found = find_campaign(ledger, campaign, settings.agent)
        with prepared(ledger, found) as purging:
            _show_purge(purging, results=results)
            if not yes:
                _ask_for_name(found.name)
            purging.carry_out(results=results)
        say(f"Purged: {ledger.where} has nothing of {found.name} but its counts.")
    return ExitCode.OK


def _show_purge(purging: Purge, *, results: bool) -> None:
    from batchdial.models import CallStatus

    say(f"{purging.campaign.name}  {purging.tally.equation()}")
    if purging.before is not None:
        say("It was purged before; what traces may be left in the ledger's file are removed.")
        return
    say(
        f"Deleted from {purging.ledger.where}: every cell, number, callId and detail of these rows."
    )
    open_rows = [
        f"{purging.tally[status]:,} {status}"
        for status in (CallStatus.PENDING, CallStatus.UNKNOWN, CallStatus.FAILED)
        if purging.tally[status]
    ]
    if open_rows:
        say(f"Not finished: {', '.join(open_rows)}. They cannot be resumed, retried or reconciled.")
    for path in purging.results:
        say(f"  {'deleted' if results else 'left, --results deletes it:':10} {path}")
    for path in purging.others:
        say(f"  left alone, it holds no results of this campaign: {path}")
    say("The lists themselves, and copies of results, are not known here and stay where they are.")


def _ask_for_name(name: str) -> None:
    if not is_terminal():
        raise click.UsageError("Nothing was deleted: there is no terminal to ask. Add --yes.")
    typed_name = click.prompt("This cannot be undone. Type the campaign's name", err=True)
    if typed_name.strip() != name.strip():
        say("That is another name. Nothing was deleted.")
        raise click.exceptions.Exit(ExitCode.USAGE)
