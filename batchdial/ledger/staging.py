"""Contacts on their way into a list: written in bulk, beside whoever makes them."""

from __future__ import annotations

import json
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, Self

import sqlalchemy as sa

from batchdial.ledger.schema import rows
from batchdial.models import CallStatus, Written
from batchdial.rules.redial import CORRECTED
from batchdial.rules.written import row_written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from batchdial.ledger.ledger import Ledger
    from batchdial.models import Batch, Contact

#: Batches that may wait for the writer; each is some megabytes.
_AHEAD: Final = 2
#: What SQLite is told of each row, in decimal digits of this number: its place in the file, its
#: phone number, and where in two texts its cells and its verdict begin and how long they are.
_DIGITS: Final = {"row": 10, "number": 15, "begin": 10, "length": 8, "said": 10, "saying": 8}
_RECORD: Final = sum(_DIGITS.values())


def _integer(name: str) -> str:
    """In SQL: what is told of the row at `place` under that name."""
    names = list(_DIGITS)
    begin = sum(_DIGITS[one] for one in names[: names.index(name)]) + 1
    return f"CAST(substr(:records, place * {_RECORD} + {begin}, {_DIGITS[name]}) AS INTEGER)"


#: SQLite divides the texts by itself and needs Python's lock for none of it: values that are bound
#: one by one hold up the thread that makes the next rows. `LIMIT -1` keeps what has a name from
#: being made anew wherever it is named. The queue of `places` holds one row: they come in order.
_INSERT: Final = f"""
    WITH RECURSIVE
    places (place) AS (
        VALUES (0) UNION ALL SELECT place + 1 FROM places WHERE place + 1 < :count
    ),
    lengths AS (SELECT place, {_integer("saying")} AS saying FROM places LIMIT -1),
    found AS (
        SELECT place, CASE saying WHEN 0 THEN NULL
            ELSE CAST(substr(:verdicts, {_integer("said")} + 1, saying) AS TEXT) END AS said
        FROM lengths LIMIT -1
    )
    INSERT INTO rows (list_id, "row", cells, e164, status, reason, detail, call_id, attempts)
    SELECT
        :list,
        {_integer("row")},
        CAST(substr(:text, {_integer("begin")} + 1, {_integer("length")}) AS TEXT),
        CASE WHEN said IS NULL THEN '+' || {_integer("number")}
            ELSE json_extract(said, '$[0]') END,
        CASE WHEN said IS NULL THEN '{CallStatus.PENDING}' ELSE json_extract(said, '$[1]') END,
        CASE WHEN said IS NULL THEN '' ELSE json_extract(said, '$[2]') END,
        CASE WHEN said IS NULL THEN '' ELSE json_extract(said, '$[3]') END,
        '',
        0
    FROM found"""  # noqa: S608


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
        while len(self._waiting) >= _AHEAD or (self._waiting and self._waiting[0].done()):
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._write, batch))

    def _write(self, batch: Batch) -> None:
        with self._ledger.writing() as connection:
            insert(connection, self._list_id, batch, self._mark)
        self._alive()


def insert(connection: sa.Connection, list_id: int, batch: Batch, mark: int) -> None:
    """Record contacts at the end of a list; those that a person corrected are marked."""
    has_past = any(map(_has_past, batch.told.values()))
    if len(batch) and (has_past or connection.dialect.name != "sqlite"):
        values = [
            row_values(list_id, one, mark if one.verdict.reason == CORRECTED else None)
            for one in batch
        ]
        connection.execute(sa.insert(rows), values)
    elif len(batch):
        _insert_new(connection, list_id, batch)


def _has_past(one: Contact) -> bool:
    """Whether a row brings more along than a cell and a verdict."""
    past = one.call_id or one.attempts or one.last_attempt_at
    return bool(past) or one.verdict.reason == CORRECTED


def _insert_new(connection: sa.Connection, list_id: int, batch: Batch) -> None:
    """All rows in one statement, as texts that SQLite divides."""
    rows = batch.cells.written() or _joined(map(row_written, batch.cells))
    said = [(one.verdict, place) for place, one in batch.told.items()]
    verdicts = _joined(
        json.dumps([one.e164, one.status, one.reason, one.detail], ensure_ascii=False)
        for one, _ in said
    )
    given = {
        "list": list_id,
        "count": len(batch),
        "text": rows.text,
        "verdicts": verdicts.text,
        "records": _records(batch, rows, verdicts, [place for _, place in said]),
    }
    connection.exec_driver_sql(_INSERT, given)


def _joined(texts: Iterable[str]) -> Written:
    """Texts that were made one by one."""
    lines = [f"{text}\n".encode() for text in texts]
    ends = [end - 1 for end in accumulate(map(len, lines))]
    return Written(b"".join(lines), ends)


def _records(batch: Batch, rows: Written, verdicts: Written, places: Sequence[int]) -> bytes:
    """What `_INSERT` is told of each row; some have a verdict of their own."""
    import numpy as np  # only where a list is staged, and there it is loaded already

    def spans(written: Written) -> tuple[Any, Any]:
        ends = np.asarray(written.ends, np.int64)
        begins = np.append(0, ends + 1)[:-1]
        return begins, ends - begins

    said, saying = np.zeros((2, len(batch)), np.int64)
    said[places], saying[places] = spans(verdicts)
    begin, length = spans(rows)
    told = (batch.rows, batch.numbers, begin, length, said, saying)
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
