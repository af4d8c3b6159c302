"""
Where the time goes: `python -m tests.bench.profiles [--quick] [check] [numbers] [dispatch]`.

Each part runs under cProfile, which makes calls of small functions look dearer than they are;
the files in `build/profile` open in snakeviz and its like.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .dispatching import IN_FLIGHT, UNLIMITED
from .profiled import tables
from .running import ROOT, run
from .service import Running
from .workshop import FULL, QUICK, Workshop

if TYPE_CHECKING:
    from collections.abc import Callable

OUTPUT = ROOT / "build" / "profile"
#: Functions of which each table tells.
TOP = 25


def _check(shop: Workshop) -> list[object]:
    return ["check", shop.messy(shop.size.rows), "--quiet"]


def _numbers(shop: Workshop) -> list[object]:
    return ["numbers", shop.messy(shop.size.rows)]


def _dispatch(shop: Workshop) -> list[object]:
    source = shop.clean(IN_FLIGHT[0] * shop.size.calls)
    return ["run", source, "--yes", "--concurrency", IN_FLIGHT[0], "--rate", UNLIMITED]


PARTS: dict[str, Callable[[Workshop], list[object]]] = {
    "check": _check,
    "numbers": _numbers,
    "dispatch": _dispatch,
}


def main() -> None:
    """Profile and print."""
    parser = argparse.ArgumentParser("python -m tests.bench.profiles", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter lists")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    asked = parser.parse_args()
    wrong = set(asked.parts) - PARTS.keys()
    if wrong:
        parser.error(f"no {', '.join(sorted(wrong))}; there are {', '.join(PARTS)}")
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=OUTPUT) as folder, Running() as service:
        shop = Workshop(QUICK if asked.quick else FULL, Path(folder), service, _say)
        for name in asked.parts or PARTS:
            target = OUTPUT / f"{name}.prof"
            arguments = PARTS[name](shop)
            _say(f"Profiling {name}")
            run(
                *("-m", "tests.bench.profiled", target, *arguments),
                environment=shop.environment(shop.path("ledger.db")),
                terminal=name == "dispatch",
            )
            sys.stdout.write(f"{tables(target, TOP)}\n")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
