"""
Random numbers of all regions, decided in every way that there is, and compared.

`python -m tests.bench.agreement SEED COUNT FOLDER` compares so many, as JSON:

- what is decided at a glance, with the full examination, verdict by verdict;
- what `check` says of the same cells in a list, whatever way it takes, with the full
  examination: status, number and reason, row by row;
- the numbers of both with phonenumbers itself, where both give one. What was undone in a
  damaged cell is left out, since phonenumbers reads what the damage made of it.
"""

from __future__ import annotations

import csv
import json
import random
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from batchdial.lists.phones import judged
from batchdial.lists.plans import certain_number
from batchdial.models import CallStatus
from tests.lists.test_plans import cell

from .references import cleaner
from .running import run

if TYPE_CHECKING:
    from batchdial.models import Verdict

#: Rows of one list; `check` calls a number that occurs twice a duplicate and says no more of it.
BLOCK = 100_000
#: Disagreements of which the text is kept.
SHOWN = 20


def compare(seed: int, count: int, folder: Path) -> tuple[Counter[str], list[str]]:
    """How many were compared in which way, and the disagreements in words."""
    rng, clean = random.Random(seed), cleaner()
    cells = [cell(rng) for _ in range(count)]
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for (text, region), row in zip(cells, _checked(cells, folder), strict=True):
        full = judged(text, region)
        number = full.e164 if full.status is CallStatus.PENDING and not full.detail else None
        itself = clean(text, region or "") if number else None
        certain = certain_number(text, region)
        counts["inputs"] += 1
        counts["at a glance"] += certain is not None
        counts["with phonenumbers"] += itself is not None
        if certain is not None and (certain != number or itself != certain):
            wrong.append(f"{text!r} {region}: {certain} at a glance, {full}, {itself} by itself")
        elif itself is not None and itself != number:
            wrong.append(f"{text!r} {region}: {number}, {itself} by itself")
        if not _alike(row, full):
            wrong.append(f"{text!r} {region}: {row} by check, {full}")
    return counts, wrong


def _checked(cells: list[tuple[str, str | None]], folder: Path) -> list[tuple[str, str, str]]:
    """Status, number and reason of each cell as `check` gives them."""
    source, target = folder / "inputs.csv", folder / "verdicts.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("Phone", "Country"), *((text, region or "") for text, region in cells)])
    columns = ("--map", "phoneNumber=Phone", "--map", "region=Country")
    run("-m", "batchdial", "check", source, "-o", target, "--quiet", *columns, environment={})
    with target.open(encoding="utf-8-sig", newline="") as file:
        return [(row["status"], row["e164"], row["reason"]) for row in csv.DictReader(file)]


def _alike(row: tuple[str, str, str], full: Verdict) -> bool:
    status, e164, reason = row
    if full.status is CallStatus.PENDING and status == CallStatus.DUPLICATE:
        return e164 == full.e164
    return (status, e164, reason) == (full.status, full.e164 or "", full.reason)


if __name__ == "__main__":
    found = compare(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
    sys.stdout.write(json.dumps([found[0], len(found[1]), found[1][:SHOWN]]))
