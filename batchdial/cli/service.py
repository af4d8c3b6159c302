"""The commands about the service and this installation: agents, doctor, sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchdial.cli import options
from batchdial.cli.text import plural, put, say, table
from batchdial.errors import BatchDialError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchdial.settings import Settings


@click.command()
@options.flags(options.SERVICE, [options.CONFIG[0]], [options.TALK[0]])
def agents(as_json: bool, **given: Any) -> int:
    """The account's agents."""
    import asyncio

    from batchdial.dialing.client import Service
    from batchdial.rules.cells import printable

    settings = options.settings_of(given)
    service = Service(settings.base_url, settings.key(), settings.key_origin())
    found = asyncio.run(service.agents())
    if as_json:
        put(found)
        return ExitCode.OK
    table(
        ["agent", "name", "greeting"],
        [
            [printable(str(one.get(key, ""))) for key in ("agentId", "name", "greeting")]
            for one in found
        ],
    )
    return ExitCode.OK


@click.command()
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="The new list. [default: stdout]"
)
@options.flags(options.WHO, options.SERVICE, [options.CONFIG[0]])
def template(output: Path | None, **given: Any) -> int:
    """An empty list with the columns that an agent uses."""
    import asyncio
    import csv
    import sys

    from batchdial.dialing.client import Service
    from batchdial.lists.template import template_header
    from batchdial.results.file import write_template

    settings = options.settings_of(given)
    agent = None
    if settings.agent is not None:
        service = Service(settings.base_url, settings.key(), settings.key_origin())
        agent = asyncio.run(service.agent(settings.agent))
    header = template_header(agent or {})
    if output is None:
        csv.writer(sys.stdout, lineterminator="\n").writerow(header)
    else:
        write_template(output, header)
        say(f"{output}  {', '.join(header)}")
    return ExitCode.OK


@click.command()
@options.flags(options.SERVICE, options.CONFIG, [options.TALK[0]])
def doctor(as_json: bool, **given: Any) -> int:
    """Look at the configuration, the ledger and the way to the service."""
    settings = options.settings_of(given)
    checks: dict[str, Callable[[Settings], str]] = {
        "key": _key,
        "ledger": _ledger,
        "service": _service,
    }
    worst, found = ExitCode.OK, []
    for name, look in checks.items():
        try:
            found.append({"check": name, "ok": True, "says": look(settings)})
        except BatchDialError as error:
            found.append({"check": name, "ok": False, "says": str(error)})
            worst = worst or error.exit_code
    if as_json:
        put(found)
    else:
        for one in found:
            click.echo(f"{'ok ' if one['ok'] else 'BAD'}  {one['check']:8} {one['says']}")
    return worst


def _key(settings: Settings) -> str:
    return f"from {settings.key_origin()}"


def _ledger(settings: Settings) -> str:
    from batchdial.ledger.ledger import Ledger

    with Ledger(settings.ledger_url()) as ledger:
        return f"{ledger.where}, {plural(len(ledger.find()), 'campaign')}"


def _service(settings: Settings) -> str:
    import asyncio

    from batchdial.dialing.client import Service

    service = Service(settings.base_url, settings.key(), settings.key_origin())
    return f"{settings.base_url}, {plural(len(asyncio.run(service.agents())), 'agent')}"


def _least_and_most(
    _: click.Context, __: click.Parameter, text: str | None
) -> tuple[float, float] | None:
    """`1-60`, or `30` for calls that are all alike."""
    if text is None:
        return None
    ends = text.partition("-")
    try:
        return float(ends[0]), float(ends[2] or ends[0])
    except ValueError:
        raise click.BadParameter(f"{text!r} is no length of time; write 1-60") from None


def _shares(_: click.Context, __: click.Parameter, text: str | None) -> dict[str, float]:
    """`voicemail=0.3,unanswered=0.2`."""
    pairs = [part.partition("=") for part in (text or "").split(",") if part.strip()]
    try:
        return {word.strip(): float(share) for word, _, share in pairs}
    except ValueError:
        raise click.BadParameter(f"{text!r}: write voicemail=0.3,unanswered=0.2") from None


@click.command()
@click.option("--port", type=int, default=8010, show_default=True, help="0 takes a free one.")
@click.option("--journal", type=click.Path(path_type=Path), help="File for every request received.")
@click.option("--failed", type=float, default=0.0, help="Share of calls answered 'failed'.")
@click.option("--throttle", type=float, default=0.0, help="Share answered 429 with Retry-After.")
@click.option("--retry-after", type=int, default=1, show_default=True, help="Seconds it asks for.")
@click.option("--error", type=float, default=0.0, help="Share answered 500.")
@click.option("--unavailable", type=float, default=0.0, help="Share answered 503 with Retry-After.")
@click.option("--drop", type=float, default=0.0, help="Share whose connection ends without answer.")
@click.option("--no-call-id", type=float, default=0.0, help="Share answered without a callId.")
@click.option("--delay", type=float, default=0.0, help="Seconds until each answer.")
@click.option("--rate-limit", type=int, help="Calls a second that are accepted; 429 beyond.")
@click.option("--speed", type=float, default=1.0, help="How much faster than life calls go.")
@click.option(
    "--call-seconds", metavar="LEAST-MOST", callback=_least_and_most, help="How long calls take."
)
@click.option(
    "--results",
    metavar="RESULT=SHARE,...",
    callback=_shares,
    help="What calls come to; the rest is pickedUp.",
)
@click.option("--webhook", default="", metavar="URL", help="Where completed calls are posted to.")
@click.option("--webhook-late", type=float, default=0.0, help="Seconds posts are late at most.")
@click.option("--webhook-lost", type=float, default=0.0, help="Share of calls not posted.")
@click.option("--webhook-twice", type=float, default=0.0, help="Share of calls posted twice.")
@click.option("--webhook-garbage", type=float, default=0.0, help="Share with a senseless post.")
@click.option("--seed", type=int, default=0, help="The same seed misbehaves in the same way.")
def sandbox(speed: float, **given: Any) -> int:
    """A local Cald server to rehearse against; no phone rings."""
    from batchdial.sandbox import SANDBOX_KEY, SandboxSettings, run_sandbox

    def announce(address: str) -> None:
        click.echo(address)
        say(
            "This sandbox accepts calls and rings no phone. In another terminal:\n"
            f"  export CALD_API_KEY={SANDBOX_KEY}\n"
            f"  batchdial run leads.csv --agent ag_1 --base-url {address}\n"
            "Ctrl-C ends it."
        )

    run_sandbox(SandboxSettings(time_scale=speed, **given), announce)
    return ExitCode.OK
