"""Results, resuming and starting, over a ledger with a long campaign."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING

from .running import ProgramError, by_turns, middle, run
from .targets import Found, found

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .workshop import Workshop


@cache
def _ledger(shop: Workshop) -> Path:
    """A ledger in which the messy list waits to be called."""
    ledger = shop.path("ledger.db")
    shop.say(f"Preparing a campaign of {shop.size.rows:,} rows")
    shop.prepared(shop.size.rows, ledger)
    return ledger


def _campaign(shop: Workshop) -> str:
    return shop.messy(shop.size.rows).stem


def measure_results(shop: Workshop) -> Iterator[Found]:
    """The results file of a campaign in which three of four were called."""
    rows, ledger = shop.size.rows, shop.path("ledger.db")
    with (
        closing(sqlite3.connect(_ledger(shop))) as source,
        closing(sqlite3.connect(ledger)) as copy,
    ):
        source.backup(copy)
        # What dialling would leave, since dialling so many takes a quarter of an hour.
        copy.execute(
            "UPDATE rows SET status = 'success', call_id = 'call_' || id, attempts = 1,"
            " last_attempt_at = '2026-11-24 09:30:00.000000'"
            " WHERE status = 'pending' AND id % 4 > 0"
        )
        copy.commit()
    target, table = shop.path("results.csv"), shop.path("results.db")
    alone: list[float] = []

    def ours() -> float:
        target.unlink(missing_ok=True)
        return shop.batchdial("results", _campaign(shop), "-o", target, ledger=ledger).seconds

    def theirs() -> float:
        if not table.exists():
            run("-m", "tests.bench.references", "load", target, table, environment={})
        again = target.with_name("again.csv")
        again.unlink(missing_ok=True)
        ended = run("-m", "tests.bench.references", "write", table, again, environment={})
        alone.append(float(ended.out))
        return ended.seconds

    shop.say(f"Writing results of {rows:,} rows, {shop.size.times} times by turns")
    samples = by_turns(shop.size.times, batchdial=ours, pandas=theirs)
    mine, other, bare = middle(samples["batchdial"]), middle(samples["pandas"]), middle(alone)
    note = (
        f"{mine:.2f} s; read_sql and to_csv {other:.2f} s, of which to_csv alone {bare:.2f} s "
        f"({bare / mine:.1f} x)"
    )
    yield found("results", other / mine, note, {**samples, "to_csv alone": alone})
    for path in (ledger, target, table):
        shop.drop(path)


def measure_resume(shop: Workshop) -> Iterator[Found]:
    """From the start of `resume` until a call arrives, beside `check` of the same list."""
    ledger, source = _ledger(shop), shop.messy(shop.size.rows)
    output = shop.path("results.csv")
    shop.service.arrivals()

    def first_call() -> float:
        flags = ("--yes", "--limit", 1, "-o", output)
        ended = shop.batchdial("resume", _campaign(shop), *flags, ledger=ledger, codes=(0, 1, 75))
        arrivals = shop.service.arrivals()
        if len(arrivals) != 1:
            raise ProgramError(f"{len(arrivals)} calls arrived, not 1: {ended.err}")
        return arrivals[0][0] - ended.began

    def check() -> float:
        return shop.batchdial("check", source, "--quiet", ledger=ledger).seconds

    shop.say(f"Resuming {shop.size.rows:,} rows, {shop.size.times} times by turns with `check`")
    samples = by_turns(shop.size.times, resume=first_call, check=check)
    resumed, checked = middle(samples["resume"]), middle(samples["check"])
    yield found("resume", resumed / checked, f"{resumed:.2f} s; {checked:.2f} s", samples)
    shop.drop(output)


def measure_start(shop: Workshop) -> Iterator[Found]:
    """Commands that a person waits for, beside Python itself; `status` of the long campaign."""
    ledger = _ledger(shop)
    shop.say(f"Starting commands, {shop.size.starts} times by turns")
    samples = by_turns(
        shop.size.starts,
        python=lambda: run("-c", "pass", environment={}).seconds,
        help=lambda: shop.batchdial("--help", ledger=ledger).seconds,
        status=lambda: shop.batchdial("status", _campaign(shop), ledger=ledger).seconds,
    )
    python = middle(samples["python"])
    for name, part in (("help", "`--help`"), ("status", "`status`")):
        took = middle(samples[name])
        note = f"{took:.3f} s; {python:.3f} s"
        yield found("start", took - python, note, samples, part=part)
