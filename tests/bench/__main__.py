"""
The bench: `python -m tests.bench [--quick] [--only prepare,dispatch] [--readme]`.

It prints the table and writes `build/bench/bench.json` and `bench.svg`; the exit code of a full
run is 1 where a target was not reached. `docs/bench.md` says what each line means.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from . import dispatching, looking, preparing
from .report import Report, machine, now, publish
from .running import ROOT, ProgramError
from .service import Running
from .table import as_text
from .targets import LINES, missing
from .workshop import FULL, QUICK, Workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .targets import Found

OUTPUT = ROOT / "build" / "bench"
#: By the name that `--only` takes: which lines it finds, and how.
MEASURES: dict[str, tuple[tuple[str, ...], Callable[[Workshop], Iterator[Found]]]] = {
    "prepare": (("prepare",), preparing.measure_prepare),
    "numbers": (("numbers",), preparing.measure_numbers),
    "agreement": (("agreement",), preparing.measure_agreement),
    "growth": (("growth",), preparing.measure_growth),
    "dispatch": (("dispatch-50", "dispatch-200", "script"), dispatching.measure_dispatch),
    "ledger": (("ledger",), dispatching.measure_ledger),
    "pace": (("pace",), dispatching.measure_pace),
    "results": (("results",), looking.measure_results),
    "resume": (("resume",), looking.measure_resume),
    "start": (("start",), looking.measure_start),
}


def main() -> int:
    """Measure, print, write."""
    asked = _asked()
    size = QUICK if asked.quick else FULL
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUTPUT) as folder, Running() as service:
        shop = Workshop(size, Path(folder), service, _say)
        figures: list[Found] = []
        for name in asked.only:
            figures += _measured(name, shop)
            report = Report(sorted(figures, key=_order), size, machine(), now())
            report.write(OUTPUT)  # a run is long: what is known so far is kept
    sys.stdout.write(f"\n{as_text(report.rows)}\n{report.caption}\n")
    if asked.readme:
        publish(report)
    lost = missing(figures, [key for name in asked.only for key in MEASURES[name][0]])
    if lost:
        _say(f"Not measured: {', '.join(lost)}")
    reached = asked.quick or all(one.is_reached for one in figures)
    return int(bool(lost) or not reached)


def _measured(name: str, shop: Workshop) -> list[Found]:
    """What one measurement finds; where it fails, the others are not lost."""
    shop.service.arrivals()
    figures: list[Found] = []
    try:
        for one in MEASURES[name][1](shop):
            figures.append(one)  # noqa: PERF402 (what was found before a failure counts)
    except (ProgramError, sqlite3.Error, subprocess.TimeoutExpired) as error:
        _say(f"{name} could not be measured: {error}")
    return figures


def _order(one: Found) -> int:
    return [line.key for line in LINES].index(one.key)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small version, to try the bench")
    parser.add_argument("--readme", action="store_true", help="publish in README.md and docs/")
    parser.add_argument("--only", type=_names, default=list(MEASURES), help=", ".join(MEASURES))
    asked = parser.parse_args()
    if asked.readme and (asked.quick or asked.only != list(MEASURES)):
        parser.error("only a full run is published")
    return asked


def _names(text: str) -> list[str]:
    names = text.split(",")
    wrong = [name for name in names if name not in MEASURES]
    if wrong:
        raise argparse.ArgumentTypeError(f"no {', '.join(wrong)}; there are {', '.join(MEASURES)}")
    return [name for name in MEASURES if name in names]


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
