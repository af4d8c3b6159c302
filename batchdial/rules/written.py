"""
One row's cells as a results file has them: how the ledger keeps a row, and how it is read again.

A row is kept ready to be written: RFC 4180 with quotation marks only where they are needed, and
cells that a spreadsheet would run neutralised. Both can be undone, so every cell comes back as
it was read.
"""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC
from typing import TYPE_CHECKING, Final

from batchdial.models import LATER_COLUMNS
from batchdial.rules.cells import neutralise, restore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from batchdial.models import Contact

#: With what a cell begins that `neutralise` may change.
_RISKY: Final = frozenset("'=+-@\t\r")
#: A row that cannot be kept as it is written is kept as JSON. What is written never begins so: a
#: quotation mark within a cell stands between others.
KEPT_AS_JSON: Final = '["'
#: One cell and what ends it; the csv module's reader is many times slower for a single row.
_CELL = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\Z)')


class _Echo:
    """What `csv.writer` writes to it, `writerow` gives back."""

    def write(self, text: str) -> str:
        """The text itself."""
        return text


_CSV = csv.writer(_Echo())


def line_written(cells: Iterable[str]) -> str:
    """Some cells as a whole line of a results file, its end included."""
    safe = [neutralise(cell) if cell[:1] in _RISKY else cell for cell in cells]
    line: str = _CSV.writerow(safe)
    return line


def row_written(cells: Sequence[str]) -> str:
    """
    A row's own cells, one or more, as they stand in a line before others.

    A row with a NUL, which PostgreSQL does not take, is JSON.
    """
    joined = ",".join(cells)
    if "\0" in joined:
        return json.dumps(cells, ensure_ascii=False, separators=(",", ":"))
    return line_written([*cells, ""]).removesuffix(",\r\n")


def row_read(text: str) -> tuple[str, ...]:
    """
    The cells of which `row_written` made the text.

    Raises:
        ValueError: It never did.
    """
    if text.startswith(KEPT_AS_JSON):
        return tuple(json.loads(text))
    cells = _divided(text) if '"' in text else text.split(",")
    return tuple(map(restore, cells)) if "'" in text else tuple(cells)


def _divided(text: str) -> list[str]:
    cells: list[str] = []
    at, end = 0, ","
    while end:
        found = _CELL.match(text, at)
        if found is None:
            raise ValueError("a row is no line of CSV")
        quoted, plain, end = found.groups()
        cells.append(plain if quoted is None else quoted.replace('""', '"'))
        at = found.end()
    return cells


def result_cells(
    contact: Contact, campaign: str, later: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """What `RESULT_COLUMNS` say of a row; `later` has the last of them, else what was fed back."""
    verdict, at = contact.verdict, contact.last_attempt_at
    told = later if later is not None else contact.prior or {}
    return (
        verdict.status,
        contact.call_id,
        verdict.reason,
        verdict.detail,
        verdict.e164 or "",
        str(contact.attempts),
        at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else "",
        campaign,
        str(contact.row),
        *(told.get(name, "") for name in LATER_COLUMNS),
    )
