"""
A part of batchdial under cProfile, every thread of it.

`python -m tests.bench.profiled OUT command ...` profiles a command, `... OUT numbers LIST` the
cleaning of a list's numbers.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from .contestants import numbers

if TYPE_CHECKING:
    from collections.abc import Callable


def profile(target: Path, work: Callable[[], None]) -> None:
    """Do some work; `target` tells of this thread, and files named after it of the others."""
    _profile_threads(target)
    mine = cProfile.Profile()
    try:
        mine.runcall(work)
    finally:
        mine.dump_stats(target)


def _profile_threads(target: Path) -> None:
    run = threading.Thread.run

    def profiled(thread: threading.Thread) -> None:
        own = cProfile.Profile()
        try:
            own.enable()
        except ValueError:  # since Python 3.12, one profiler is all that there can be
            run(thread)
            return
        try:
            run(thread)
        finally:
            own.disable()
            own.dump_stats(target.with_name(f"{target.stem}.{thread.name}.{thread.ident}.prof"))

    vars(threading)["Thread"].run = profiled


def tables(target: Path, top: int) -> str:
    """The functions that took most time by themselves, of each thread."""
    lines = []
    for path in sorted(target.parent.glob(f"{target.stem}.*")):
        stats = pstats.Stats(str(path))
        whole: dict[tuple[str, int, str], tuple[int, int, float, float, object]] = vars(stats)[
            "stats"
        ]
        seconds = vars(stats)["total_tt"]
        lines.append(f"{path.stem}: {seconds:.2f} s\n  {'calls':>12} {'own s':>8} {'all s':>8}\n")
        first = sorted(whole.items(), key=lambda item: -item[1][2])[:top]
        lines += [
            f"  {calls:12,} {own:8.2f} {cumulative:8.2f}  {_place(*function)}\n"
            for function, (_, calls, own, cumulative, _) in first
        ]
    return "".join(lines)


def _place(file: str, number: int, name: str) -> str:
    if file == "~":
        return name
    path = Path(file)
    return f"{path.parent.name}/{path.name}:{number} {name}"


def _command(arguments: list[str]) -> None:
    from batchdial.cli import main

    sys.argv = ["batchdial", *arguments]
    main()


if __name__ == "__main__":
    out, what, *rest = sys.argv[1:]
    if what == "numbers":
        profile(Path(out), lambda: numbers(*rest))
    else:
        profile(Path(out), lambda: _command([what, *rest]))
