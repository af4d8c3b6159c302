"""What the commands do, for Python: no print, no question, no exit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from batchdial.errors import ConfigError
from batchdial.intake import Checked, Source
from batchdial.intake import check as judge
from batchdial.opening import open_resume, open_retry, open_retry_file, open_run
from batchdial.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from batchdial.campaign import Session
    from batchdial.lists.loader import ContactFile
    from batchdial.models import Outcome
    from batchdial.results.summary import Report


def _ignore(_: Outcome) -> None:
    """For callers who do not ask for outcomes."""


def load(path: str | Path, **options: Any) -> ContactFile:
    """
    Open a list; its rows come in blocks, each cell as it was read.

    Args:
        path: CSV, TSV or XLSX; "-" for standard input.
        options: Any setting by its name, such as `encoding` or `sheet`.

    Raises:
        BatchDialError: One of its children says what is wrong and what to do.
    """
    return Source.open(path, load_settings(options)).file


def check(path: str | Path, **options: Any) -> Checked:
    """
    Judge every row of a list; dials nothing and records nothing.

    Args:
        path: The list.
        options: Any setting by its name, such as `region="GB"`.

    Raises:
        BatchDialError: One of its children says what is wrong and what to do.
    """
    return judge(Source.open(path, load_settings(options)))


def run(
    *paths: str | Path,
    again: bool = False,
    on_outcome: Callable[[Outcome], None] = _ignore,
    **options: Any,
) -> Report:
    """
    Dial lists and write their results files, as `batchdial run --yes` does.

    Args:
        paths: The list, or several of one campaign.
        again: Whether to call those again who were called.
        on_outcome: Told of each row when it is settled.
        options: Any setting by its name, such as `agent="ag_1"` or `rate="5/s"`.

    Raises:
        BatchDialError: One of its children says what is wrong and what to do.
    """
    with open_run(load_settings(options), *paths, again=again) as session:
        return asyncio.run(_finish(session, on_outcome))


def resume(
    campaign: str | None = None,
    *,
    on_outcome: Callable[[Outcome], None] = _ignore,
    **options: Any,
) -> Report:
    """Go on with the pending rows of a campaign, by default the latest."""
    with open_resume(load_settings(options), campaign) as session:
        return asyncio.run(_finish(session, on_outcome))


def retry(
    target: str | Path | None = None,
    *,
    include_unknown: bool = False,
    on_outcome: Callable[[Outcome], None] = _ignore,
    **options: Any,
) -> Report:
    """
    Dial again what is safe to dial again.

    Args:
        target: A `Path` is a results file, a `str` a campaign; None is the latest campaign.
        include_unknown: Whether also to dial those whose phone may have rung.
        on_outcome: Told of each row when it is settled.
        options: Any setting by its name.
    """
    settings = load_settings(options)
    session = (
        open_retry(settings, target, include_unknown=include_unknown)
        if target is None or isinstance(target, str)
        else open_retry_file(settings, target, include_unknown=include_unknown)
    )
    with session:
        return asyncio.run(_finish(session, on_outcome))


async def outcomes(
    path: str | Path, *, again: bool = False, **options: Any
) -> AsyncIterator[Outcome]:
    """
    Dial a list and yield each row when it is settled; the results file is written at the end.

    Leaving the loop early finishes the calls in flight and begins no other.
    """
    queue: asyncio.Queue[Outcome | None] = asyncio.Queue()
    opened = await asyncio.to_thread(open_run, load_settings(options), path, again=again)
    with opened as session:
        dialling = asyncio.create_task(_finish(session, queue.put_nowait))
        dialling.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (outcome := await queue.get()) is not None:
                yield outcome
        finally:
            session.stop()
            await dialling


async def _finish(session: Session, on_outcome: Callable[[Outcome], None]) -> Report:
    if session.settings.test_to is not None:
        raise ConfigError("A test call is the command's business: batchdial run --test-to NUMBER")
    if session.settings.strict or session.settings.end_at is not None:
        asked = await asyncio.to_thread(session.agent) if session.settings.strict else None
        session.require(session.forecast(asked))
    session.agree()
    ending = await session.dispatch(on_outcome)
    await asyncio.to_thread(session.record)
    if ending.error is not None:
        raise ending.error
    return session.report()
