"""The commands that look into the ledger: status, results, campaigns."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from batchdial.cli import options
from batchdial.cli.text import duration, plural, put, say, table, tell, typed, unknown_in_words
from batchdial.errors import ExitCode

if TYPE_CHECKING:
    from batchdial.ledger.ledger import Ledger
    from batchdial.standing import Standing

#: Rows that may have rung of which `status` tells each.
UNKNOWN_SHOWN = 20
CAMPAIGN = click.argument("campaign", required=False)
LEDGER = [options.CONFIG[0], options.CONFIG[1], options.SERVICE[0]]


def _ledger(given: dict[str, Any]) -> Ledger:
    from batchdial.ledger.ledger import Ledger

    return Ledger(options.settings_of(given).ledger_url(), create=False)


@click.command()
@CAMPAIGN
@click.option("--watch", is_flag=True, help="Say it again every second until nobody dials.")
@options.flags(options.WHO, LEDGER, [options.TALK[0]])
def status(campaign: str | None, watch: bool, as_json: bool, **given: Any) -> int:
    """Counts, pace and finish time of a campaign, by default the latest."""
    from batchdial.ledger.finding import find_campaign
    from batchdial.standing import standing

    with _ledger(dict(given)) as ledger:
        found = find_campaign(ledger, campaign, given["agent"])
        while True:
            now = standing(ledger, found, None if as_json else UNKNOWN_SHOWN)
            if as_json:
                put(now.as_json())
            else:
                _show(now)
            if not watch or now.owner is None:
                return ExitCode.OK
            time.sleep(1)


def _show(now: Standing) -> None:
    from batchdial.models import CallStatus

    tell(f"{now.campaign.name}  {now.tally.equation()}")
    if now.purged_at is not None:
        tell(f"  Purged at {now.purged_at.astimezone():%Y-%m-%d %H:%M}; these counts are left.")
        return
    if now.wish == "pause":
        tell(f"  Paused. Go on: batchdial resume {typed(now.campaign.name)}")
    tell(f"  {_live(now.owner, now.per_second, now.seconds_left)}")
    for one in now.unknown:
        tell(f"  {unknown_in_words(one)}")
    more = now.tally[CallStatus.UNKNOWN] - len(now.unknown)
    if more > 0:
        name = typed(now.campaign.name)
        tell(f"  … and {more:,} more: batchdial results {name} -o - --status unknown")


def _live(owner: str | None, per_second: float, seconds_left: float | None) -> str:
    if owner is None:
        return "Nobody is dialling it now."
    left = f", {duration(seconds_left)} to go" if seconds_left is not None else ""
    return f"Dialled by {owner}: {per_second:.2f}/s{left}."


@click.command()
@CAMPAIGN
@click.option("--output", "-o", help="File, or - for stdout. [default: where they went before]")
@click.option(
    "--status", "statuses", multiple=True, metavar="STATUS", help="Only these rows; repeat it."
)
@click.option("--list", "list_name", help="Which list, where the campaign has several.")
@options.flags(options.WHO, LEDGER)
def results(
    campaign: str | None,
    output: str | None,
    statuses: tuple[str, ...],
    list_name: str | None,
    **given: Any,
) -> int:
    """Write the results file again."""
    from batchdial.ledger.finding import find_campaign
    from batchdial.standing import write

    with _ledger(dict(given)) as ledger:
        found = find_campaign(ledger, campaign, given["agent"])
        for path, number in write(ledger, found, output, statuses, list_name):
            say(f"{path}  {plural(number, 'row')}")
    return ExitCode.OK


@click.command()
@options.flags(LEDGER, [options.TALK[0]])
def campaigns(as_json: bool, **given: Any) -> int:
    """The campaigns of the ledger, the latest first."""
    from batchdial.standing import standing

    with _ledger(dict(given)) as ledger:
        found = [standing(ledger, one, None if as_json else 0) for one in ledger.find()]
        if as_json:
            put([one.as_json() for one in found])
            return ExitCode.OK
        say(f"Ledger {ledger.where}")
    table(
        ["campaign", "agent", "rows", "begun", "what became of them"],
        [
            [
                one.campaign.name,
                one.campaign.agent,
                f"{one.tally.total:,}",
                f"{one.campaign.created_at.astimezone():%Y-%m-%d %H:%M}",
                ", ".join(f"{n:,} {status}" for status, n in one.tally.statuses().items())
                + (" (purged)" if one.purged_at else ""),
            ]
            for one in found
        ],
        right=[2],
    )
    return ExitCode.OK
