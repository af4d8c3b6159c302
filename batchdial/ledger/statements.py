"""What is asked of the ledger for each call: built once, since building costs more than asking."""

from __future__ import annotations

import sqlalchemy as sa

from batchdial.ledger.prepared import Prepared
from batchdial.ledger.schema import (
    RANG,
    UtcTime,
    attempts,
    campaigns,
    pacing,
    refusals,
    rows,
    suppressions,
)
from batchdial.models import CallStatus

_given = sa.bindparam


def _open(status: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether nobody knows yet what a call came to; `IN` cannot be asked of many at once."""
    return sa.or_(status == CallStatus.DIALING, status == CallStatus.UNKNOWN)


#: The fence of a campaign's owner of now. Locked, so that nobody takes it over meanwhile.
FENCE = Prepared(
    sa.select(campaigns.c.fence)
    .where(campaigns.c.id == _given("campaign"))
    .with_for_update(read=True)
)

_OF_CAMPAIGN = (
    attempts.c.campaign_id == _given("campaign"),
    attempts.c.generation == _given("of_generation"),
)
#: In the words of the index `one_ring`: with parameters for words, SQLite would not use it.
_RANG = sa.exists().where(*_OF_CAMPAIGN, attempts.c.e164 == rows.c.e164, RANG)
_ROWS = sa.select(
    rows.c.id,
    rows.c.list_id,
    rows.c.row,
    rows.c.e164,
    rows.c.cells,
    rows.c.attempts,
    rows.c.status,
    rows.c.reason,
    rows.c.detail,
    _RANG.label("rang"),
    sa.select(suppressions.c.added_at)
    .where(suppressions.c.e164 == rows.c.e164)
    .scalar_subquery()
    .label("suppressed_at"),
)

#: The next rows of a pick, and whether the number of each rang already.
_CANDIDATES = (
    _ROWS.where(
        rows.c.list_id == _given("list_id"),
        rows.c.status == _given("status"),
        rows.c.id > _given("cursor"),
    )
    .order_by(rows.c.id)
    .limit(_given("most", type_=sa.Integer))
    .with_for_update(skip_locked=True, of=rows)
)
CANDIDATES = Prepared(_CANDIDATES)
CHOSEN_CANDIDATES = Prepared(_CANDIDATES.where(rows.c.chosen == _given("chosen")))
#: A row that waited, if it still stands where it stood.
WOKEN = Prepared(
    _ROWS.where(rows.c.id == _given("row_id"), rows.c.status == _given("status")).with_for_update(
        skip_locked=True, of=rows
    )
)
#: A row as it is now, claimed or not.
ROW = Prepared(_ROWS.where(rows.c.id == _given("row_id")))
_DUE = (rows.c.list_id == _given("list_id"), rows.c.status == CallStatus.SUCCESS)
#: Rows that were called, and may be called again by now.
DUE = Prepared(
    _ROWS.where(*_DUE, rows.c.due_at <= _given("at", type_=UtcTime))
    .order_by(rows.c.due_at, rows.c.id)
    .limit(_given("most", type_=sa.Integer))
    .with_for_update(skip_locked=True, of=rows)
)
NEXT_DUE = Prepared(sa.select(sa.func.min(rows.c.due_at)).where(*_DUE, rows.c.due_at.is_not(None)))
SAME_ROW = Prepared(
    _ROWS.where(
        rows.c.id == _given("row_id"),
        rows.c.attempts == _given("nth"),
        rows.c.status == _given("status"),
        sa.exists().where(
            attempts.c.row_id == rows.c.id,
            attempts.c.nth == rows.c.attempts,
            attempts.c.status == CallStatus.FAILED,
        ),
    ).with_for_update(of=rows)
)

DIAL = Prepared(
    sa.update(rows)
    .where(rows.c.id == _given("row_id"))
    .values(status=CallStatus.DIALING, attempts=rows.c.attempts + 1, due_at=None)
)
SUPPRESS = Prepared(
    sa.update(rows)
    .where(rows.c.id == _given("row_id"))
    .values(
        status=CallStatus.SUPPRESSED, reason=_given("said_reason"), detail=_given("said_detail")
    )
)
POSTPONE = Prepared(
    sa.update(rows)
    .where(rows.c.id == _given("row_id"))
    .values(due_at=_given("until", type_=UtcTime))
)
REFUSE = Prepared(
    sa.insert(refusals).values(
        row_id=_given("of_row"),
        decided_at=_given("at"),
        reason=_given("said_reason"),
        evidence=_given("looked_at"),
        basis_id=_given("basis"),
    )
)

BEGIN_ATTEMPT = Prepared(
    sa.insert(attempts).values(
        row_id=_given("of_row"),
        nth=_given("attempt"),
        campaign_id=_given("campaign"),
        generation=_given("of_generation"),
        e164=_given("number"),
        status=CallStatus.DIALING,
        claimed_at=_given("at"),
        evidence=_given("looked_at"),
        basis_id=_given("basis"),
    )
)
_ATTEMPT = (attempts.c.row_id == _given("of_row"), attempts.c.nth == _given("attempt"))
END_ATTEMPT = Prepared(
    sa.update(attempts)
    .where(*_ATTEMPT, _open(attempts.c.status))
    .values(
        status=_given("came_to"),
        reason=_given("said_reason"),
        detail=_given("said_detail"),
        call_id=_given("said_id"),
        http_status=_given("http"),
        settled_at=_given("at"),
    )
)
FORGET_ATTEMPT = Prepared(
    sa.delete(attempts).where(
        attempts.c.row_id == _given("row_id"), attempts.c.nth == _given("attempt")
    )
)

#: The row, while this attempt is its last and nobody knows what it came to.
_OPEN = sa.update(rows).where(
    rows.c.id == _given("row_id"),
    rows.c.attempts == _given("attempt"),
    _open(rows.c.status),
)
_SAID: dict[str, sa.BindParameter[str]] = {
    "status": _given("stands"),
    "reason": _given("said_reason"),
    "detail": _given("said_detail"),
}
#: What the service said of an earlier call is not true of the new one.
_NO_OUTCOME: dict[str, None] = {"outcome": None, "call_length": None, "recording_url": None}
STAND = Prepared(
    _OPEN.values(**_SAID, **_NO_OUTCOME, call_id=_given("said_id"), last_attempt_at=_given("at"))
)
#: It stands where it stood, whatever the new attempt came to.
_UNTIL = {"due_at": _given("until", type_=UtcTime)}
STAND_STILL = Prepared(_OPEN.values(**_SAID, **_UNTIL, last_attempt_at=_given("at")))
STAND_AS_BEFORE = Prepared(_OPEN.values(**_SAID, **_UNTIL, attempts=_given("attempt") - 1))

#: SQLAlchemy has no form of this that both databases know; two processes may be the first.
FIRST_BOOKING = Prepared(
    sa.text("INSERT INTO pacing (service, next_at) VALUES (:of_service, 0) ON CONFLICT DO NOTHING")
)
_SERVICE = pacing.c.service == _given("of_service")
BOOKED = Prepared(sa.select(pacing.c.next_at).where(_SERVICE).with_for_update())
BOOK = Prepared(sa.update(pacing).where(_SERVICE).values(next_at=_given("at")))

_DOUBTS = (
    *_OF_CAMPAIGN,
    attempts.c.e164 == _given("number"),
    attempts.c.status == CallStatus.UNKNOWN,
)
#: A person said that a number may ring again although it may have rung.
WAIVE = Prepared(sa.update(attempts).where(*_DOUBTS, RANG).values(waived_at=_given("at")))
#: The rules of the campaign say that a number may ring again after what its call came to.
WAIVE_CALL = Prepared(
    sa.update(attempts)
    .where(
        *_OF_CAMPAIGN,
        attempts.c.row_id == _given("of_row"),
        attempts.c.status == CallStatus.SUCCESS,
        RANG,
    )
    .values(waived_at=_given("at"))
)
#: The numbers of a campaign that an attempt rang, or may have rung.
RUNG = Prepared(
    sa.select(attempts.c.e164).where(*_OF_CAMPAIGN, attempts.c.e164 == _given("number"), RANG)
)
#: The last call to a number of this standing, whoever waived it.
LATEST = Prepared(
    sa.select(attempts.c.row_id, attempts.c.nth)
    .where(
        *_OF_CAMPAIGN,
        attempts.c.e164 == _given("number"),
        attempts.c.status == _given("standing"),
    )
    .order_by(attempts.c.claimed_at.desc(), attempts.c.row_id.desc(), attempts.c.nth.desc())
    .limit(1)
)
UNWAIVE = Prepared(sa.update(attempts).where(*_ATTEMPT).values(waived_at=None))
