"""
Where the time goes: `python -m tests.bench.profiles [--quick] [prepare] [numbers] [dispatch]`.

Each part runs under cProfile, which makes calls of small functions look dearer than they are;
the files in `build/profile` open in snakeviz and its like.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
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
#: Rows of a transaction, as of a piece of a list.
TOGETHER = 25_000


def _prepare(shop: Workshop) -> list[object]:
    return ["run", shop.messy(shop.size.rows), "--dry-run", "--quiet"]


def _numbers(shop: Workshop) -> list[object]:
    return ["numbers", shop.messy(shop.size.rows)]


def _dispatch(shop: Workshop) -> list[object]:
    source = shop.clean(IN_FLIGHT[0] * shop.size.calls)
    return ["run", source, "--yes", "--concurrency", IN_FLIGHT[0], "--rate", UNLIMITED]


PARTS: dict[str, Callable[[Workshop], list[object]]] = {
    "prepare": _prepare,
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
            if name == "prepare":
                sys.stdout.write(f"SQLite alone, for rows that it has: {_copied(shop):.2f} s\n\n")


def _copied(shop: Workshop) -> float:
    """Processor time that SQLite takes to copy a list's rows into such a table, index and all."""
    ledger = shop.path("ledger.db")
    shop.prepared(shop.size.rows, ledger)
    with closing(sqlite3.connect(shop.path("copy.db"), isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode = WAL")
        copy.execute("PRAGMA synchronous = FULL")
        copy.execute("ATTACH ? AS made", (str(ledger),))
        of_rows = "FROM made.sqlite_master WHERE tbl_name = 'rows' AND sql IS NOT NULL"
        for (statement,) in copy.execute(f"SELECT sql {of_rows}").fetchall():
            copy.execute(statement)
        # Looked at once before, so that no disk is waited for.
        last, _ = copy.execute("SELECT max(id), sum(length(cells)) FROM made.rows").fetchone()
        start = time.process_time()
        for at in range(0, last, TOGETHER):
            copy.execute(
                "INSERT INTO main.rows SELECT * FROM made.rows WHERE id > ? AND id <= ?",
                (at, at + TOGETHER),
            )
        return time.process_time() - start


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
