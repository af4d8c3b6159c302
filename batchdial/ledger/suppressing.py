"""The ledger's own do-not-call list, and what any campaign of the ledger called lately."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from batchdial.ledger.prepared import Prepared, moment
from batchdial.ledger.schema import attempts, campaigns, suppressions
from batchdial.rules.suppression import PastCall

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from batchdial.ledger.ledger import Ledger

#: Numbers that are asked about in one statement.
_AT_ONCE: Final = 32
#: Numbers that are written in one statement.
_WRITTEN: Final = 5_000
_NUMBERS = [sa.bindparam(f"number_{place}", type_=sa.Text) for place in range(_AT_ONCE)]

_SUPPRESSED = Prepared(
    sa.select(suppressions.c.e164, suppressions.c.added_at).where(suppressions.c.e164.in_(_NUMBERS))
)
#: A call that was waived rang all the same. It is told at the time of its answer, since it may
#: have been claimed long before it left.
_CALLED = Prepared(
    sa.select(
        attempts.c.e164,
        sa.func.coalesce(attempts.c.settled_at, attempts.c.claimed_at),
        campaigns.c.name,
        campaigns.c.id,
        attempts.c.row_id,
        attempts.c.nth,
    )
    .join(campaigns, campaigns.c.id == attempts.c.campaign_id)
    .where(
        attempts.c.e164.in_(_NUMBERS),
        attempts.c.claimed_at > sa.bindparam("since"),
        sa.text("attempts.status IN ('dialing', 'success', 'unknown')"),
    )
    .order_by(attempts.c.claimed_at)
)
#: SQLAlchemy has no form of this that both databases know.
_ADD = sa.text(
    "INSERT INTO suppressions (e164, added_at, note) VALUES (:e164, :now, :note) "
    "ON CONFLICT (e164) DO UPDATE SET note = excluded.note WHERE excluded.note <> ''"
).bindparams(sa.bindparam("now", type_=suppressions.c.added_at.type))


@dataclass(frozen=True, slots=True)
class Suppression:
    """A number that no campaign of the ledger may call."""

    e164: str
    added_at: datetime  #: UTC
    note: str


def suppress(ledger: Ledger, numbers: Iterable[str], note: str, now: datetime) -> tuple[int, int]:
    """
    Keep numbers from being called by any campaign, at once and for good.

    Args:
        ledger: The ledger.
        numbers: E.164. One that is suppressed already keeps its date, and its note where
            `note` is empty.
        note: Why, in a person's words.
        now: UTC.

    Returns:
        How many numbers were added, and how many were there before.
    """
    rest = iter(dict.fromkeys(numbers))
    added = before = 0
    with ledger.writing() as connection:
        while some := list(islice(rest, _WRITTEN)):
            known = len(suppressed(connection, some))
            connection.execute(_ADD, [{"e164": e164, "now": now, "note": note} for e164 in some])
            added, before = added + len(some) - known, before + known
    return added, before


def allow(ledger: Ledger, numbers: Sequence[str]) -> list[str]:
    """Take numbers off the list; those that were not on it are given back."""
    with ledger.writing() as connection:
        known = suppressed(connection, numbers)
        if known:
            connection.execute(
                sa.delete(suppressions).where(suppressions.c.e164 == sa.bindparam("number")),
                [{"number": e164} for e164 in known],
            )
    return [e164 for e164 in numbers if e164 not in known]


def all_suppressed(ledger: Ledger) -> Iterator[Suppression]:
    """The list, by number."""
    query = sa.select(suppressions).order_by(suppressions.c.e164)
    with ledger.reading() as connection:
        for row in connection.execute(query):
            yield Suppression(row.e164, row.added_at, row.note)


def suppressed(connection: sa.Connection, numbers: Sequence[str]) -> dict[str, datetime]:
    """Those of some numbers that are on the ledger's list, and since when, UTC."""
    return {e164: moment(at) for e164, at in _asked(_SUPPRESSED, connection, numbers)}


def called_since(
    connection: sa.Connection,
    numbers: Sequence[str],
    since: datetime,
    own: tuple[int, int] | None = None,
) -> dict[str, list[PastCall]]:
    """
    The calls that rang some numbers, or may have, by all campaigns of the ledger.

    Args:
        connection: To the ledger; the claim's own, so that nobody calls in between.
        numbers: E.164.
        since: UTC; calls that were claimed by this very moment are left out.
        own: Row and number of an attempt that is not told.

    Returns:
        For each number that was called its calls, the earliest first.
    """
    found: dict[str, list[PastCall]] = defaultdict(list)
    for e164, at, name, campaign_id, *attempt in _asked(_CALLED, connection, numbers, since=since):
        if own is None or tuple(attempt) != own:
            found[e164].append(PastCall(moment(at), name, campaign_id))
    return dict(found)


def _asked(
    statement: Prepared, connection: sa.Connection, numbers: Sequence[str], **more: Any
) -> Iterator[Any]:
    """The lines of an answer about some numbers, as many of them in a statement as it takes."""
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        padded = [*some, *[some[0]] * (_AT_ONCE - len(some))]
        values = {one.key: number for one, number in zip(_NUMBERS, padded, strict=True)}
        yield from statement.run(connection, {**values, **more}).all()
