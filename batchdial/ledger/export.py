"""A list with what became of its rows, read as fast as the database can say it."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from batchdial.ledger.reader import Reader, ReaderError
from batchdial.ledger.rows import between, contact_of, ends
from batchdial.ledger.schema import rows
from batchdial.models import LATER_COLUMNS
from batchdial.rules.written import line_written, result_cells

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from batchdial.ledger.ledger import Ledger
    from batchdial.models import CallStatus

#: Ids of which the rows are asked for at once.
STEP = 4_000
#: Pages that are read while earlier ones are being written; each takes about a megabyte.
AHEAD = 3
#: Threads that read; the database does not hold the interpreter's lock while it works.
READERS = 2
#: Ids from which on each of them has a process of its own that reads for it.
MANY = 100_000

#: What makes a row one whose columns can be joined as they are: none of them needs an apostrophe
#: or quotation marks, but for `detail`, which gets them below. Others are written one by one.
#: SQLite takes each condition for a few comparisons, and a search for one sign for `strcspn`.
_PLAIN = {
    "sqlite": """
        cells NOT GLOB '[[]"*' AND status >= 'a' AND attempts >= 0 AND row >= 0
        AND (call_id = '' OR call_id >= 'A' OR call_id BETWEEN '0' AND '9~')
        AND NOT (call_id GLOB '*,*' OR call_id GLOB '*"*'
            OR call_id GLOB '*\n*' OR call_id GLOB '*\r*')
        AND (reason = '' OR reason NOT GLOB '*[^a-z_]*')
        AND (detail = '' OR detail >= 'A' OR detail BETWEEN '0' AND '9~'
            OR detail BETWEEN '"' AND '"~')
        AND coalesce(e164 = '+' || CAST(e164 AS INTEGER), 1)
        AND coalesce(outcome NOT GLOB '*[^a-zA-Z_]*', 1) AND coalesce(call_length >= 0, 1)
        AND (recording_url IS NULL OR recording_url GLOB 'http*'
            AND NOT (recording_url GLOB '*,*' OR recording_url GLOB '*"*'
                OR recording_url GLOB '*\n*' OR recording_url GLOB '*\r*'))""",
    "postgresql": """
        cells NOT LIKE '["%' AND status >= 'a' AND attempts >= 0 AND "row" >= 0
        AND (call_id = '' OR call_id ~ '^[A-Za-z0-9][^,"\n\r]*$')
        AND reason ~ '^[a-z_]*$'
        AND (detail = '' OR detail ~ '^["A-Za-z0-9]')
        AND coalesce(e164 ~ '^[+][0-9]+$', true)
        AND coalesce(outcome ~ '^[a-zA-Z_]*$', true) AND coalesce(call_length >= 0, true)
        AND coalesce(recording_url ~ '^http[^,"\n\r]*$', true)""",
}
#: One page: its rows, how many of them are plain, and those as a results file has them. The lists'
#: own index is kept out of it (`+list_id`): the rows are read as they lie, and so in their order.
_PAGE = {
    "sqlite": """
        SELECT count(*), count(CASE WHEN {plain} THEN 1 END), group_concat(
            cells || printf(
                CASE WHEN last_attempt_at IS NULL
                    THEN ',%s,%s,%s,%s,%s,%d,%.0s%.0s,%s,%d,%s,%s,%s'
                    ELSE ',%s,%s,%s,%s,%s,%d,%.10sT%.8sZ,%s,%d,%s,%s,%s' END,
                status, call_id, reason,
                CASE
                    WHEN detail = '' THEN ''
                    WHEN detail GLOB '*,*' OR detail GLOB '*"*'
                        OR detail GLOB '*\n*' OR detail GLOB '*\r*'
                        THEN '"' || replace(detail, '"', '""') || '"'
                    ELSE detail
                END,
                e164, attempts, last_attempt_at, substr(last_attempt_at, 12), :campaign, row,
                outcome, call_length, recording_url
            ),
            '\r\n'
        )
        FROM rows
        WHERE +list_id = :list AND id BETWEEN :begin AND :end {only}""",
    "postgresql": """
        SELECT count(*), count(CASE WHEN {plain} THEN 1 END), string_agg(
            cells || ',' || concat_ws(
                ',', status, call_id, reason,
                CASE
                    WHEN detail ~ '[,"\n\r]' THEN '"' || replace(detail, '"', '""') || '"'
                    ELSE detail
                END,
                coalesce(e164, ''), attempts,
                coalesce(
                    to_char(last_attempt_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), ''
                ),
                CAST(:campaign AS text), "row",
                coalesce(outcome, ''), coalesce(call_length::text, ''), coalesce(recording_url, '')
            ),
            '\r\n' ORDER BY id
        )
        FROM rows
        WHERE list_id = :list AND id BETWEEN :begin AND :end {only}""",
}


def pages(
    ledger: Ledger, list_id: int, campaign: str, statuses: Collection[CallStatus] = ()
) -> Iterator[tuple[int, bytes]]:
    """
    The rows of a list in the file's order, with all columns of a results file.

    Args:
        ledger: Where it stands.
        list_id: Which.
        campaign: Name of its campaign, which the results file repeats in every row.
        statuses: Only rows of these; empty takes all.

    Yields:
        How many rows, and those rows as a results file has them, in UTF-8: the input's cells and
        `RESULT_COLUMNS`. At no time more than a few pages are held.
    """
    with ledger.reading() as connection:
        begin, end = ends(connection, list_id)
        kind = connection.dialect.name
    wanted = {f"status_{nth}": status.value for nth, status in enumerate(statuses)}
    only = f"AND status IN (:{', :'.join(wanted)})" if wanted else ""
    query = _PAGE[kind].format(plain=_PLAIN[kind], only=only)
    named = line_written([campaign, ""]).removesuffix(",\r\n")
    given = {"list": list_id, "campaign": named, **wanted}
    processes: SimpleQueue[Reader] = SimpleQueue()

    def asked(begin: int, end: int) -> tuple[int, int, bytes]:
        with suppress(Empty, ReaderError):
            reader = processes.get_nowait()
            found = reader.page(begin, end)
            processes.put(reader)
            return found
        with ledger.reading() as connection:
            some = {"begin": begin, "end": end}
            number, plain, lines = connection.execute(sa.text(query), given | some).one()
            return number, plain, (lines or "").encode()

    def page(start: int) -> tuple[int, bytes]:
        last = min(end, start + STEP - 1)
        number, plain, lines = asked(start, last)
        if number != plain:
            with ledger.reading() as connection:
                here = between(list_id, start, last)
                lines = _one_by_one(connection, here, campaign, statuses).encode()
        return number, lines + b"\r\n" if number else b""

    if end - begin < STEP:  # where memory has run out, a thread would be waited for in vain
        number, lines = page(begin)
        if number:
            yield number, lines
        return
    starts = iter(range(begin, end + 1, STEP))
    with ExitStack() as stack:
        if ledger.file is not None and end - begin >= MANY:
            with suppress(ReaderError):  # this process reads by itself, then
                for _ in range(READERS):
                    processes.put(stack.enter_context(Reader(ledger.file, query, given)))
        readers = ThreadPoolExecutor(READERS, "results")
        stack.callback(readers.shutdown, cancel_futures=True)
        ahead = deque(readers.submit(page, start) for start in islice(starts, AHEAD))
        while ahead:
            number, lines = ahead.popleft().result()
            ahead.extend(readers.submit(page, start) for start in islice(starts, 1))
            if number:
                yield number, lines


def _one_by_one(
    connection: sa.Connection,
    here: Sequence[sa.ColumnElement[bool]],
    campaign: str,
    statuses: Collection[CallStatus],
) -> str:
    """The same rows, cell by cell."""
    query = sa.select(rows).where(*here).order_by(rows.c.id)
    if statuses:
        query = query.where(rows.c.status.in_([*statuses]))
    found = [(contact_of(row), _later(row)) for row in connection.execute(query)]
    lines = [line_written([*one.cells, *result_cells(one, campaign, told)]) for one, told in found]
    return "".join(lines).removesuffix("\r\n")


def _later(row: Any) -> dict[str, str]:
    """What `LATER_COLUMNS` say of a row."""
    told = row.outcome, row.call_length, row.recording_url
    return {
        name: "" if value is None else str(value)
        for name, value in zip(LATER_COLUMNS, told, strict=True)
    }
