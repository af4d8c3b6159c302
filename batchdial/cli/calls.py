"""The command that finds out what calls came to: outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchdial.cli import options
from batchdial.cli.text import plural, put, say, typed
from batchdial.errors import ExitCode

if TYPE_CHECKING:
    import asyncio
    import signal
    from collections.abc import Awaitable, Callable

    from batchdial.following import Following, Found
    from batchdial.listening.server import Address
    from batchdial.settings import Settings


def _address(_: click.Context, __: click.Parameter, text: str | None) -> Address | None:
    """`8021`, `0.0.0.0:8021`."""
    if text is None:
        return None
    from batchdial.listening.server import Address

    try:
        return Address.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.argument("campaign", required=False)
@click.option("--follow", is_flag=True, help="Go on until every call is completed.")
@click.option(
    "--listen",
    metavar="[HOST:]PORT",
    callback=_address,
    help="Take the service's webhook posts there, until Ctrl-C or with --follow.",
)
@click.option(
    "--transcripts",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Add what was said to this file, a JSON line for each call; - for stdout.",
)
@options.flags(options.WHO, options.SERVICE, options.CONFIG, options.TALK)
def outcomes(
    campaign: str | None,
    follow: bool,
    listen: Address | None,
    transcripts: Path | None,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """
    Fetch what the calls came to, and write the results again.

    Each call is asked about until it is completed: once, or with --follow. It may run
    beside `run`, and goes on where it was after a restart.
    """
    import asyncio
    from contextlib import nullcontext

    from batchdial.dialing.client import Service
    from batchdial.following import Following
    from batchdial.ledger.finding import find_campaign
    from batchdial.ledger.ledger import Ledger
    from batchdial.results.transcripts import Transcripts

    to_stdout = transcripts == Path("-")
    if to_stdout and as_json:
        raise click.UsageError("--json and --transcripts - both want stdout; name a file.")
    settings = options.settings_of(given)

    def service() -> Service:
        return Service(settings.base_url, settings.key(), settings.key_origin())

    with Ledger(settings.ledger_url(), create=False) as ledger:
        found = find_campaign(ledger, campaign or settings.campaign, settings.agent)
        with (
            Transcripts(None if to_stdout else transcripts) if transcripts else nullcontext()
        ) as file:
            following = Following(
                ledger, found, service, settings.base_url, transcripts=file, trouble=say
            )
            signalled = asyncio.run(
                _until_stopped(lambda stop: _work(following, stop, settings, listen, follow))
            )
            code = _tell(following.found(), as_json=as_json, quiet=quiet)
    return signalled or code


async def _work(
    following: Following,
    stop: asyncio.Event,
    settings: Settings,
    listen: Address | None,
    follow: bool,
) -> None:
    if not follow and listen is None:
        await following.once(stop)
        return
    path = ""
    if listen is not None:
        from batchdial.listening.webhooks import secret_path

        path = secret_path(settings.key())
    await following.follow(stop, address=listen, path=path, announce=_announce, forever=not follow)


def _announce(url: str) -> None:
    from urllib.parse import urlsplit

    say(f"Taking posts at {url}")
    if not (urlsplit(url).hostname or "").startswith(("127.", "::1")):
        say("Anybody can reach this port, unencrypted. Put a server that speaks https before it.")
    say("Set that address, as it is seen from outside, as the agent's webhook. Ctrl-C ends it.")


async def _until_stopped(work: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    """The exit code of the signal that ended the work, or 0."""
    import asyncio

    from batchdial.cli.progress import CODES

    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    caught: list[signal.Signals] = []

    def heed(number: signal.Signals) -> None:
        caught.append(number)
        stop.set()

    for number in CODES:
        loop.add_signal_handler(number, heed, number)
    try:
        await work(stop)
    finally:
        for number in CODES:
            loop.remove_signal_handler(number)
    return CODES[caught[0]] if caught else 0


def _tell(found: Found, *, as_json: bool, quiet: bool) -> int:
    """Say what is known; 75 where calls go on."""
    if as_json:
        put(found.as_json())
    if not quiet:
        name, total = found.campaign.name, found.counts.total() + found.open
        parts = [f"{number:,} {outcome}" for outcome, number in found.counts.most_common()]
        parts += [f"{found.open:,} not known yet"] if found.open else []
        say(f"{name}  {plural(total, 'call')}" + (f" = {' + '.join(parts)}" if parts else ""))
        for path in found.results:
            say(f"  results    {path}")
        if found.open:
            say(f"Go on until all are known: batchdial outcomes {typed(name)} --follow")
    return ExitCode.STOPPED if found.open else ExitCode.OK
