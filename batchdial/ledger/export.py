"""A list with what became of its rows, read as fast as the database can say it."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

import sqlalchemy as sa

from batchdial.ledger.rows import ends

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from batchdial.ledger.ledger import Ledger
    from batchdial.models import CallStatus

#: Ids of which the rows are asked for at once.
STEP = 4_000
#: Pages that are read while earlier ones are being written; each takes about a megabyte.
AHEAD = 3
#: Threads that read; the database does not hold the interpreter's lock while it works.
READERS = 2

#: One page: its rows, how many of them could be said, and those as JSON, a row a line. The lists'
#: own index is kept out of it (`+list_id`): the rows are read as they lie, and so in their order.
_PAGE = {
    "sqlite": """
        SELECT count(*), count(line), group_concat(line, char(10)) FROM (
            SELECT cells || json_array(
                status, call_id, reason, detail, coalesce(e164, ''), CAST(attempts AS TEXT),
                coalesce(
                    substr(last_attempt_at, 1, 10) || 'T' || substr(last_attempt_at, 12, 8) || 'Z',
                    ''
                ),
                :campaign, CAST(row AS TEXT), coalesce(outcome, ''),
                coalesce(CAST(call_length AS TEXT), ''), coalesce(recording_url, '')
            ) AS line
            FROM rows
            WHERE +list_id = :list AND id BETWEEN :begin AND :end {only}
            ORDER BY id
        ) AS page""",
    "postgresql": """
        SELECT count(*), count(line), string_agg(line, chr(10) ORDER BY id) FROM (
            SELECT id, cells || '[' || concat_ws(
                ',', to_json(status), to_json(call_id), to_json(reason), to_json(detail),
                to_json(coalesce(e164, '')), to_json(attempts::text),
                to_json(coalesce(
                    to_char(last_attempt_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), ''
                )),
                to_json(CAST(:campaign AS text)), to_json("row"::text),
                to_json(coalesce(outcome, '')), to_json(coalesce(call_length::text, '')),
                to_json(coalesce(recording_url, ''))
            ) || ']' AS line
            FROM rows
            WHERE list_id = :list AND id BETWEEN :begin AND :end {only}
        ) AS page""",
}


def pages(
    ledger: Ledger, list_id: int, campaign: str, statuses: Collection[CallStatus] = ()
) -> Iterator[tuple[int, str]]:
    """
    The rows of a list in the file's order, with all columns of a results file.

    Args:
        ledger: Where it stands.
        list_id: Which.
        campaign: Name of its campaign, which the results file repeats in every row.
        statuses: Only rows of these; empty takes all.

    Yields:
        How many rows, and those rows, a line each: two JSON arrays of text, the input's cells
        and `RESULT_COLUMNS`. At no time more than a few pages are held.
    """
    with ledger.reading() as connection:
        begin, end = ends(connection, list_id)
        query = sa.text(
            _PAGE[connection.dialect.name].format(only="AND status IN :statuses" * bool(statuses))
        )
    given = {"list": list_id, "campaign": campaign}
    if statuses:
        query = query.bindparams(sa.bindparam("statuses", [*statuses], expanding=True))

    def page(start: int) -> tuple[int, str]:
        some = {"begin": start, "end": min(end, start + STEP - 1)}
        with ledger.reading() as connection:
            number, said, lines = connection.execute(query, given | some).one()
            if number != said:
                raise ValueError("a row lacks what every row has")
        return number, lines or ""

    if end - begin < STEP:  # where memory has run out, a thread would be waited for in vain
        number, lines = page(begin)
        if number:
            yield number, lines
        return
    starts = iter(range(begin, end + 1, STEP))
    readers = ThreadPoolExecutor(READERS, "results")
    try:
        asked = deque(readers.submit(page, start) for start in islice(starts, AHEAD))
        while asked:
            number, lines = asked.popleft().result()
            asked.extend(readers.submit(page, start) for start in islice(starts, 1))
            if number:
                yield number, lines
    finally:
        readers.shutdown(cancel_futures=True)
