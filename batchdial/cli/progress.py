"""A run on the terminal: a bar while it dials, and what Ctrl-C does."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from batchdial.cli.text import moment, plural, say
from batchdial.errors import ExitCode
from batchdial.models import CallStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from batchdial.campaign import Session
    from batchdial.models import Outcome

#: Seconds between two pictures of the bar.
REFRESH = 0.2
#: Seconds of waiting that are told of.
WORTH_SAYING = 5.0
#: What ends a command, and the exit code that it is ended with.
CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
if hasattr(signal, "SIGHUP"):
    CODES[signal.SIGHUP] = ExitCode.TERMINATED


def dial(session: Session, number: int, *, quiet: bool, is_canary: bool = False) -> int:
    """
    Dial with a bar on stderr; silent where that is no terminal, but for what is waited for.

    Returns:
        The exit code that a signal asks for, or 0.
    """
    return asyncio.run(_dial(session, number, quiet=quiet, is_canary=is_canary))


async def _dial(session: Session, number: int, *, quiet: bool, is_canary: bool) -> int:
    counts: Counter[CallStatus] = Counter()
    was_slowed = False
    with tqdm(
        total=number,
        file=sys.stderr,
        disable=quiet or not sys.stderr.isatty(),
        bar_format="{bar:20} {n_fmt}/{total_fmt}  {desc}",
    ) as bar:

        def tell(outcome: Outcome) -> None:
            nonlocal was_slowed
            counts[outcome.status] += 1
            if not was_slowed and not quiet and (slowed := session.slowed):
                was_slowed = True
                bar.write(f"The service asked to slow down: {slowed} for now.", file=sys.stderr)

        def note(text: str) -> None:
            if not quiet:
                bar.write(text, file=sys.stderr)

        with _signals(session) as caught:
            async with (
                _shown(bar, lambda: _counts(counts, session, bar), counts),
                _waiting(session, bar, quiet=quiet),
            ):
                await session.dispatch(tell, say=note, is_canary=is_canary)
    return CODES[caught[0]] if caught else 0


@asynccontextmanager
async def _shown(
    bar: tqdm[Any], words: Callable[[], str], counts: Counter[CallStatus]
) -> AsyncIterator[None]:
    """Draw the bar now and then: drawing it for each call would take longer than the call."""

    def draw() -> None:
        bar.update(counts.total() - bar.n)
        bar.set_description_str(words())

    async def keep_drawing() -> None:
        while True:
            await asyncio.sleep(REFRESH)
            draw()

    if bar.disable:
        yield
        return
    drawing = asyncio.create_task(keep_drawing())
    try:
        yield
    finally:
        drawing.cancel()
        await asyncio.gather(drawing, return_exceptions=True)
        draw()


@asynccontextmanager
async def _waiting(session: Session, bar: tqdm[Any], *, quiet: bool) -> AsyncIterator[None]:
    """Say for whom and until when the run waits, each time that it begins to."""

    async def watch() -> None:
        said: float | None = None
        while True:
            await asyncio.sleep(REFRESH)
            until = session.resting_until
            if until is not None and until != said and until - time.time() > WORTH_SAYING:
                bar.write(_rest_in_words(session.waiting, until), file=sys.stderr)
            said = until

    watching = None if quiet else asyncio.create_task(watch())
    try:
        yield
    finally:
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


def _rest_in_words(waiting: dict[float, int], until: float) -> str:
    number = sum(waiting.values())
    who = f"{plural(number, 'row')} wait" + ("s" if number == 1 else "") if number else "Waiting"
    if until == float("inf"):
        return f"{who} for what calls in progress come to. Ctrl-C stops; resume goes on."
    at = moment(datetime.fromtimestamp(until).astimezone())
    return f"{who}; the next may be called at {at}. Ctrl-C stops; resume goes on."


def _counts(counts: Counter[CallStatus], session: Session, bar: tqdm[Any]) -> str:
    rate = bar.format_dict["rate"] or 0.0
    left = (bar.total or 0) - bar.n
    done = datetime.now().astimezone() + timedelta(seconds=left / rate) if rate else None
    return (
        f"ok {counts[CallStatus.SUCCESS]}  failed {counts[CallStatus.FAILED]}  "
        f"unknown {counts[CallStatus.UNKNOWN]}  in flight {session.in_flight}  {rate:.2f}/s"
        + (f", slowed to {session.slowed}" if session.slowed else "")
        + (f"  done {done:%H:%M}" if done else "")
    )


@contextmanager
def _signals(session: Session) -> Iterator[list[signal.Signals]]:
    """First Ctrl-C, SIGTERM or SIGHUP: finish what is in flight. Second: stop at once."""
    loop = asyncio.get_running_loop()
    caught: list[signal.Signals] = []

    def heed(number: signal.Signals) -> None:
        caught.append(number)
        if len(caught) == 1:
            session.stop()
            waiting = session.in_flight
            say(
                f"\nFinishing {plural(waiting, 'call')} in flight, 30 s at most …"
                if waiting
                else ""
            )
        else:
            session.abort()

    def handler(number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(heed, signal.Signals(number))

    before: dict[signal.Signals, Callable[..., object] | int | None] = {
        number: signal.signal(number, handler) for number in CODES
    }
    try:
        yield caught
    finally:
        for number, old in before.items():
            signal.signal(number, old)
