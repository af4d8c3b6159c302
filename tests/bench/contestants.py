"""
Parts of batchdial that no command has by itself.

`python -m tests.bench.contestants WHAT ...`; settings come from the environment, as for the
commands.
"""

from __future__ import annotations

import csv
import os
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

#: Rows that are cleaned together, as many as a page of a file has.
BLOCK = 50_000


def prepare(source: str) -> None:
    """`run` as far as the answer "yes": the list is in the ledger and active. Calls nobody."""
    from click.exceptions import Exit

    from batchdial.campaign import Session
    from batchdial.cli import main

    agree = Session.agree

    def agree_and_end(session: Session, *, by_hand: bool = False) -> NoReturn:
        agree(session, by_hand=by_hand)
        sys.stdout.write(f"{session.plan().number}\n")
        raise Exit

    Session.agree = agree_and_end  # type: ignore[assignment,method-assign]  # ends there
    sys.argv = ["batchdial", "run", source, "--yes", "--quiet"]
    main()


def numbers(source: str) -> None:
    """Clean the numbers of a list; the seconds that the loop took on one core."""
    from batchdial.lists.cleaning import clean
    from batchdial.models import Block, ColumnMap, FieldMap, PlainCells

    columns = ColumnMap((FieldMap("phoneNumber", (0,), "flag"), FieldMap("region", (1,), "flag")))
    with Path(source).open(encoding="utf-8", newline="") as file:
        cells = [(row["Phone"], row["Country"]) for row in csv.DictReader(file)]
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    start = time.perf_counter()
    starts = range(0, len(cells), BLOCK)
    blocks = (
        Block(range(at, len(cells))[:BLOCK], PlainCells(cells[at : at + BLOCK])) for at in starts
    )
    for _ in clean(blocks, columns):
        pass
    sys.stdout.write(f"{time.perf_counter() - start}\n")


def unrecorded(*arguments: str) -> None:
    """A command that keeps its claims and settlements in memory alone: as if there were no disk."""
    from batchdial import campaign
    from batchdial.cli import main
    from batchdial.ledger.lists import Lists
    from batchdial.ledger.memory import MemoryJournal, MemoryLedger

    def journal(ledger: Any, _: Any, picks: Any, *, spacing: float, clock: Any) -> MemoryJournal:
        contacts = Lists(ledger).contacts(picks[0].list_id)
        return MemoryJournal(MemoryLedger(contacts), spacing=spacing, clock=clock)

    vars(campaign)["Journal"] = journal
    sys.argv = ["batchdial", *arguments]
    main()


if __name__ == "__main__":
    _WHAT = {one.__name__: one for one in (prepare, numbers, unrecorded)}
    _WHAT[sys.argv[1]](*sys.argv[2:])
