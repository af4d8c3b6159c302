"""Contacts on their way into a list: written in bulk, beside whoever makes them."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Self

import sqlalchemy as sa

from batchdial.ledger.schema import rows
from batchdial.models import CallStatus
from batchdial.rules.redial import CORRECTED
from batchdial.rules.written import row_written

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchdial.ledger.ledger import Ledger
    from batchdial.models import Batch, Contact

#: Rows of one statement; SQLite takes at most 32,766 values in one.
_TOGETHER: Final = 2_000
#: Batches that may wait for the writer; each is some megabytes.
_AHEAD: Final = 2
_INSERT: Final = (
    "INSERT INTO rows (list_id, row, cells, e164, status, reason, detail, call_id, attempts) VALUES"
)


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
    """Many rows a statement: one each takes twice as long, and time of the other threads."""
    pending = CallStatus.PENDING.value
    values: list[tuple[object, ...]] = [
        (row, cells, number, pending, "", "")
        for row, cells, number in zip(
            batch.rows, map(row_written, batch.cells), batch.numbers, strict=True
        )
    ]
    for place, one in batch.told.items():
        said = one.verdict
        values[place] = (
            one.row,
            row_written(one.cells),
            said.e164,
            said.status.value,
            said.reason,
            said.detail,
        )
    one_row = f"({list_id}, ?, ?, ?, ?, ?, ?, '', 0)"
    for start in range(0, len(values), _TOGETHER):
        some = values[start : start + _TOGETHER]
        statement = f"{_INSERT} {', '.join([one_row] * len(some))}"
        connection.exec_driver_sql(statement, tuple(chain.from_iterable(some)))


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
