"""The commands that speak to a campaign from outside: pause, cancel, audit."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchdial.cli import options
from batchdial.cli.look import CAMPAIGN, LEDGER
from batchdial.cli.text import is_terminal, plural, say, typed
from batchdial.errors import ExitCode

if TYPE_CHECKING:
    from batchdial.ledger.ledger import Ledger
    from batchdial.models import Campaign

#: Seconds that a command waits for whoever is dialling to finish the calls in flight.
PATIENCE = 40.0


def _ledger(given: dict[str, Any]) -> Ledger:
    from batchdial.ledger.ledger import Ledger

    return Ledger(options.settings_of(given).ledger_url(), create=False)


@click.command()
@CAMPAIGN
@options.flags(options.WHO, LEDGER)
def pause(campaign: str | None, **given: Any) -> int:
    """Let a campaign call nobody until `resume`, whoever dials it now."""
    from batchdial.ledger.finding import find_campaign

    with _ledger(dict(given)) as ledger:
        found = find_campaign(ledger, campaign, given["agent"])
        ledger.ask(found, "pause")
        _wait(ledger, found)
        name = typed(found.name)
        say(f"{found.name} is paused. Go on: batchdial resume {name}")
    return ExitCode.OK


@click.command()
@CAMPAIGN
@click.option("--yes", "-y", is_flag=True, help="Cancel without a question.")
@options.flags(options.WHO, LEDGER)
def cancel(campaign: str | None, yes: bool, **given: Any) -> int:
    """Give up the rows of a campaign that were not called yet; they become `expired`."""
    from batchdial.cancelling import cancel as give_up
    from batchdial.ledger.finding import find_campaign

    with _ledger(dict(given)) as ledger:
        found = find_campaign(ledger, campaign, given["agent"])
        if not yes and not is_terminal():
            raise click.UsageError("Nothing was done: there is no terminal to ask. Add --yes.")
        if not yes and not click.confirm(f"Give up what is left of {found.name}?", err=True):
            return ExitCode.OK
        ledger.ask(found, "cancel")
        _wait(ledger, found)
        number = give_up(ledger, found)
        name = typed(found.name)
        say(f"{found.name} is cancelled: {plural(number, 'row')} expired.")
        say(f"To dial them all the same: batchdial retry {name}")
    return ExitCode.OK


def _wait(ledger: Ledger, campaign: Campaign) -> None:
    """Until whoever dials the campaign has finished the calls in flight."""
    end, was_told = time.monotonic() + PATIENCE, False
    while owner := ledger.owner(campaign, datetime.now(UTC)):
        if not was_told:
            say(f"It is dialled by {owner}, which begins no further call …")
            was_told = True
        if time.monotonic() > end:
            say("It has not answered yet.")
            return
        time.sleep(0.1)


@click.command()
@CAMPAIGN
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File, or - for stdout. [default: stdout]",
)
@options.flags(options.WHO, LEDGER)
def audit(campaign: str | None, output: Path | None, **given: Any) -> int:
    """
    Why each row was called or not, as JSON lines.

    Zone, local time, window, do-not-call files by hash and age, consent: what each decision
    rested on when it was made.
    """
    from batchdial.ledger.deciding import decisions
    from batchdial.ledger.finding import find_campaign
    from batchdial.results.file import write_lines

    with _ledger(dict(given)) as ledger:
        found = find_campaign(ledger, campaign, given["agent"])
        lines = (json.dumps(one, ensure_ascii=False) for one in decisions(ledger, found))
        if output is None or str(output) == "-":
            for line in lines:
                sys.stdout.write(line + "\n")
        else:
            say(f"{output}  {plural(write_lines(output, lines), 'decision')}")
    return ExitCode.OK
