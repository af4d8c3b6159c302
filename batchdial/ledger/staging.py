"""Contacts on their way into a list: written in bulk, beside whoever makes them."""

from __future__ import annotations

import json
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, Self

import sqlalchemy as sa

from batchdial.ledger.schema import rows
from batchdial.models import CallStatus, Written
from batchdial.rules.redial import CORRECTED
from batchdial.rules.written import row_written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from batchdial.ledger.ledger import Ledger
    from batchdial.models import Batch, Contact

    Insertion = Callable[[sa.Connection], object]

#: Batches that may wait for the writer; each is some megabytes.
_AHEAD: Final = 2
#: What SQLite is told of each row, in decimal digits of this number: its place in the file, its
#: phone number, and where in the text of a batch its cells begin and how many bytes they are.
_DIGITS: Final = {"row": 10, "number": 15, "begin": 10, "length": 10}
_RECORD: Final = sum(_DIGITS.values())

#: The places of a batch, and the verdicts of those rows that have one of their own; each filled
#: by one statement, since a thread that runs many waits for Python's lock after each.
_PREPARE: Final = (
    "CREATE TEMP TABLE IF NOT EXISTS places (place INTEGER PRIMARY KEY)",
    "DELETE FROM temp.places WHERE place >= :count",
    """
    WITH RECURSIVE more (place) AS (
        SELECT coalesce(max(place) + 1, 0) FROM temp.places
        UNION ALL SELECT place + 1 FROM more WHERE place + 1 < :count
    )
    INSERT INTO temp.places SELECT place FROM more WHERE place < :count""",
    """
    CREATE TEMP TABLE IF NOT EXISTS told (
        place INTEGER PRIMARY KEY, e164, status, reason, detail
    )""",
    "DELETE FROM temp.told",
    """
    INSERT INTO temp.told
    SELECT
        json_extract(value, '$[0]'),
        json_extract(value, '$[1]'),
        json_extract(value, '$[2]'),
        json_extract(value, '$[3]'),
        json_extract(value, '$[4]')
    FROM json_each(:told)""",
)


def _integer(name: str) -> str:
    """In SQL: what is told of the row at `place` under that name."""
    names = list(_DIGITS)
    begin = sum(_DIGITS[one] for one in names[: names.index(name)]) + 1
    return f"CAST(substr(:records, place * {_RECORD} + {begin}, {_DIGITS[name]}) AS INTEGER)"


#: SQLite divides the text by itself and needs Python's lock for none of it: values that are bound
#: one by one hold up the thread that makes the next rows.
_INSERT: Final = f"""
    INSERT INTO rows (list_id, "row", cells, e164, status, reason, detail, call_id, attempts)
    SELECT
        :list,
        {_integer("row")},
        CAST(substr(:text, {_integer("begin")} + 1, {_integer("length")}) AS TEXT),
        CASE WHEN status IS NULL THEN '+' || {_integer("number")} ELSE e164 END,
        coalesce(status, '{CallStatus.PENDING}'),
        coalesce(reason, ''),
        coalesce(detail, ''),
        '',
        0
    FROM temp.places LEFT JOIN temp.told USING (place)
    ORDER BY place"""  # noqa: S608


class Writing:
    """
    A writer that works while the next contacts are made.

    Args:
        ledger: Where to.
        list_id: The list at whose end they are recorded.
        mark: Stands in rows that a person corrected.
        alive: Called after each batch, since a long list outlasts a lease.

    Raises:
        LedgerError: A batch could not be written; told at the next one, or at the end.
    """

    def __init__(
        self, ledger: Ledger, list_id: int, mark: int, alive: Callable[[], object] = lambda: None
    ) -> None:
        self._ledger = ledger
        self._list_id = list_id
        self._mark = mark
        self._alive = alive
        self._thread = ThreadPoolExecutor(1, "staging")
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown(wait=True, cancel_futures=kind is not None)
        while self._waiting and kind is None:
            self._waiting.popleft().result()

    def add(self, batch: Batch) -> None:
        """Record contacts after those before; waits while too many are on their way."""
        insert = insertion(self._list_id, batch, self._mark, in_bulk=self._ledger.file is not None)
        while len(self._waiting) >= _AHEAD or (self._waiting and self._waiting[0].done()):
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._write, insert))

    def _write(self, insert: Insertion) -> None:
        with self._ledger.writing() as connection:
            insert(connection)
        self._alive()


def insertion(list_id: int, batch: Batch, mark: int, *, in_bulk: bool) -> Insertion:
    """
    What records contacts at the end of a list; those that a person corrected are marked.

    All that takes Python's lock is done here, so that the thread that writes needs it no more.

    Args:
        list_id: The list.
        batch: The contacts.
        mark: Stands in rows that a person corrected.
        in_bulk: Whether the ledger is SQLite's, which divides a text by itself.
    """
    if not len(batch):
        return lambda _: None
    if in_bulk and not any(map(_has_past, batch.told.values())):
        return partial(_insert_in_bulk, given={"list": list_id, **_told(batch)})
    values = [
        row_values(list_id, one, mark if one.verdict.reason == CORRECTED else None) for one in batch
    ]
    return partial(sa.Connection.execute, statement=sa.insert(rows), parameters=values)


def _has_past(one: Contact) -> bool:
    """Whether a row brings more along than a cell and a verdict."""
    past = one.call_id or one.attempts or one.last_attempt_at
    return bool(past) or one.verdict.reason == CORRECTED


def _insert_in_bulk(connection: sa.Connection, given: dict[str, Any]) -> None:
    for statement in (*_PREPARE, _INSERT):
        connection.exec_driver_sql(statement, given)


def _told(batch: Batch) -> dict[str, Any]:
    """What `_INSERT` is told: a text that SQLite divides, and where."""
    rows = batch.cells.written() or _joined(map(row_written, batch.cells))
    verdicts = [(place, one.verdict) for place, one in batch.told.items()]
    told = [(place, one.e164, one.status, one.reason, one.detail) for place, one in verdicts]
    return {
        "count": len(batch),
        "told": json.dumps(told, ensure_ascii=False),
        "text": rows.text,
        "records": _records(batch, rows),
    }


def _joined(texts: Iterable[str]) -> Written:
    """Texts that were made one by one."""
    lines = [f"{text}\n".encode() for text in texts]
    ends = [end - 1 for end in accumulate(map(len, lines))]
    return Written(b"".join(lines), ends)


def _records(batch: Batch, rows: Written) -> bytes:
    """What `_INSERT` is told of each row."""
    import numpy as np  # only where a list is staged, and there it is loaded already

    ends = np.asarray(rows.ends, np.int64)
    begins = np.append(0, ends + 1)[:-1]
    told = (batch.rows, batch.numbers, begins, ends - begins)
    records = np.empty((_RECORD, len(batch)), np.uint8)
    end = 0
    for values, digits in zip(told, _DIGITS.values(), strict=True):
        rest = np.asarray(values, np.int64)
        end += digits
        for place in range(end - 1, end - digits - 1, -1):
            tens = rest // 10
            records[place] = rest - tens * 10 + ord("0")
            rest = tens
    return records.T.tobytes()


def row_values(list_id: int, contact: Contact, mark: int | None) -> dict[str, Any]:
    """A contact as the columns of the table have it."""
    verdict = contact.verdict
    return {
        "list_id": list_id,
        "row": contact.row,
        "cells": row_written(contact.cells),
        "e164": verdict.e164,
        "status": verdict.status,
        "reason": verdict.reason,
        "detail": verdict.detail,
        "call_id": contact.call_id,
        "attempts": contact.attempts,
        "last_attempt_at": contact.last_attempt_at,
        "chosen": mark,
    }
