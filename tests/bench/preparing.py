"""Lists into the ledger, numbers into E.164: how fast, how large, and whether rightly."""

from __future__ import annotations

import json
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from .agreement import BLOCK
from .running import ProgramError, by_turns, middle, run
from .targets import Found, found

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .running import Ended
    from .workshop import Workshop


def measure_prepare(shop: Workshop) -> Iterator[Found]:
    """The whole way from a file to a ledger, as processes from start to end."""
    growth: dict[str, list[float]] = {}
    for rows in shop.size.lengths:
        shop.messy(rows)
        shop.say(f"Preparing {rows:,} rows, {shop.size.times} times by turns")
        seen = {"batchdial": _Weighed(shop, rows), "pandas": _Weighed(shop, rows)}
        samples = by_turns(
            shop.size.times, batchdial=seen["batchdial"].ours, pandas=seen["pandas"].theirs
        )
        for name, seconds in samples.items():
            growth[f"{name} seconds {rows}"] = seconds
            growth[f"{name} MiB {rows}"] = seen[name].peaks
    ours, theirs = middle(samples["batchdial"]), middle(samples["pandas"])
    callable_rows = [seen[name].callable_rows for name in ("batchdial", "pandas")]
    note = (
        f"{ours:.2f} s, {_per_second(rows, ours)}; {theirs:.1f} s; callable "
        f"{callable_rows[0]:,} and {callable_rows[1]:,}"
    )
    yield found("prepare", theirs / ours, note, growth)


class _Weighed:
    """Measures one way of preparing, and keeps the memory that it took."""

    def __init__(self, shop: Workshop, rows: int) -> None:
        self._shop = shop
        self._rows = rows
        self.peaks: list[float] = []
        self.callable_rows = 0

    def ours(self) -> float:
        ledger = self._shop.path("ledger.db")
        ended = self._shop.prepared(self._rows, ledger, weigh=True)
        _assert_recorded(self._shop, self._rows, ledger)
        self._shop.drop(ledger)
        return self._noted(ended)

    def theirs(self) -> float:
        database = self._shop.path("contacts.db")
        source = self._shop.messy(self._rows)
        program = ("-m", "tests.bench.references", "prepare", source, database)
        ended = run(*program, environment={}, weigh=True)
        self._shop.drop(database)
        return self._noted(ended)

    def _noted(self, ended: Ended) -> float:
        self.peaks.append(ended.peak)
        self.callable_rows = int(ended.out)
        return ended.seconds


def _assert_recorded(shop: Workshop, rows: int, ledger: Path) -> None:
    """See that what was measured was done: every row stands in the ledger."""
    told = json.loads(shop.batchdial("status", "--json", ledger=ledger).out)
    if sum(told["counts"].values()) != rows:
        raise ProgramError(f"of {rows:,} rows the ledger has {told['counts']}")


def _per_second(number: int, seconds: float) -> str:
    return f"{number / seconds:,.0f} a second"


def measure_numbers(shop: Workshop) -> Iterator[Found]:
    """The loop over numbers and regions alone, on one core."""
    rows = shop.size.rows
    source = shop.messy(rows)
    shop.say(f"Cleaning {rows:,} numbers, {shop.size.times} times by turns")

    def loop(module: str) -> float:
        return float(run("-m", f"tests.bench.{module}", "numbers", source, environment={}).out)

    samples = by_turns(
        shop.size.times,
        batchdial=lambda: loop("contestants"),
        phonenumbers=lambda: loop("references"),
    )
    ours, theirs = middle(samples["batchdial"]), middle(samples["phonenumbers"])
    note = f"{_per_second(rows, ours)}; {_per_second(rows, theirs)}"
    yield found("numbers", theirs / ours, note, samples)


def measure_agreement(shop: Workshop) -> Iterator[Found]:
    """Random numbers, decided in every way; see `agreement`."""
    inputs, block = shop.size.inputs, min(BLOCK, shop.size.inputs)
    shop.say(f"Comparing the verdicts on {inputs:,} random numbers")

    def compared(seed: int) -> tuple[dict[str, int], int, list[str]]:
        place = shop.path("inputs.csv")
        program = ("-m", "tests.bench.agreement", seed, block, place.parent)
        counts, number, shown = json.loads(run(*program, environment={}).out)
        shop.drop(place)
        return counts, number, shown

    totals: Counter[str] = Counter()
    wrong = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for counts, number, shown in pool.map(compared, range(inputs // block)):
            totals.update(counts)
            wrong += number
            for one in shown:
                shop.say(f"  Disagreement: {one}")
    note = ", ".join(f"{number:,} {name}" for name, number in totals.items())
    yield found("agreement", wrong, note, {"disagreements": [wrong]})


def measure_growth(shop: Workshop) -> Iterator[Found]:
    """A list that is ten times as long."""
    few, many = shop.size.rows, shop.size.many
    scale = _Weighed(shop, many)
    shop.messy(many)
    shop.say(f"Preparing {many:,} rows, {shop.size.times} times by turns with {few:,}")
    samples = by_turns(shop.size.times, many=scale.ours, few=_Weighed(shop, few).ours)
    longer, shorter = middle(samples["many"]), middle(samples["few"])
    peak = max(scale.peaks)
    told = {f"batchdial seconds {many}": samples["many"], f"batchdial MiB {many}": scale.peaks}
    note = f"{longer:.1f} s; {shorter:.2f} s"
    yield found("growth", longer / shorter, note, told, part="time")
    yield found("growth", peak, "the process and its children", told, part="memory in all")
