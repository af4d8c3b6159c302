"""
What a user would write instead, as a user would write it.

`python -m tests.bench.references WHAT ...`; nothing of batchdial is loaded here, since that
would make phonenumbers faster than it is.
"""

from __future__ import annotations

import asyncio
import csv
import os
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def cleaner() -> Callable[[str, str], str | None]:
    """Gives the number in E.164, or None."""
    import phonenumbers

    def clean(text: str, region: str) -> str | None:
        try:
            number = phonenumbers.parse(text, region or None)
        except phonenumbers.NumberParseException:
            return None
        if not phonenumbers.is_valid_number(number):
            return None
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    return clean


def prepare(source: str, database: str) -> None:
    """A list into a table: numbers in E.164, duplicates and invalid rows marked."""
    import pandas as pd

    frame = pd.read_csv(source, dtype=str, keep_default_na=False)
    clean = cleaner()

    def clean_row(row: Any) -> Any:
        return clean(row["Phone"], row["Country"])

    frame["e164"] = frame.apply(clean_row, axis=1)
    frame["status"] = "pending"
    frame.loc[frame["e164"].duplicated() & frame["e164"].notna(), "status"] = "duplicate"
    frame.loc[frame["e164"].isna(), "status"] = "invalid"
    with sqlite3.connect(database) as connection:
        frame.to_sql("contacts", connection, index=False)
    counts = frame["status"].value_counts()
    sys.stdout.write(f"{counts.get('pending', 0)}\n")


def numbers(source: str) -> None:
    """Clean the numbers of a list; the seconds that the loop took on one core."""
    with Path(source).open(encoding="utf-8", newline="") as file:
        cells = [(row["Phone"], row["Country"]) for row in csv.DictReader(file)]
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    clean = cleaner()
    start = time.perf_counter()
    for text, region in cells:
        clean(text, region)
    sys.stdout.write(f"{time.perf_counter() - start}\n")


def load(source: str, database: str) -> None:
    """A results file into a table, to have what to write again."""
    import pandas as pd

    with sqlite3.connect(database) as connection:
        blocks = pd.read_csv(source, dtype=str, keep_default_na=False, chunksize=100_000)
        for block in blocks:
            block.to_sql("results", connection, index=False, if_exists="append")


def write(database: str, target: str) -> None:
    """A table into a CSV file; the seconds that `to_csv` alone took."""
    import pandas as pd

    with sqlite3.connect(database) as connection:
        frame = pd.read_sql("SELECT * FROM results", connection)
    start = time.perf_counter()
    frame.to_csv(target, index=False)
    sys.stdout.write(f"{time.perf_counter() - start}\n")


async def _dial(rows: list[dict[str, str]], writer: Any, url: str, in_flight: int) -> None:
    import httpx

    gate = asyncio.Semaphore(in_flight)
    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    async with httpx.AsyncClient(limits=limits, timeout=30) as client:

        async def call(row: dict[str, str]) -> None:
            async with gate:
                answer = await client.post(f"{url}/agents/ag_1/call", json=row)
                told = answer.json()
                writer.writerow([*row.values(), told["status"], told["callId"]])

        await asyncio.gather(*(call(row) for row in rows))


def dial(source: str, target: str, url: str, in_flight: str) -> None:
    """Call everybody in a list."""
    with Path(source).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with Path(target).open("w", encoding="utf-8", newline="") as file:
        asyncio.run(_dial(rows, csv.writer(file), url, int(in_flight)))


if __name__ == "__main__":
    _WHAT = {one.__name__: one for one in (prepare, numbers, load, write, dial)}
    _WHAT[sys.argv[1]](*sys.argv[2:])
