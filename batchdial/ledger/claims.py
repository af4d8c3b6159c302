"""How a row is claimed, settled and released: what keeps a number from ringing twice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from batchdial.errors import LedgerError
from batchdial.ledger import statements as sql
from batchdial.ledger.prepared import moment
from batchdial.ledger.queue import Waiting
from batchdial.ledger.suppressing import called_since
from batchdial.models import CallStatus, Claimed
from batchdial.rules.plan import Candidate, Go, Later, Never
from batchdial.rules.redial import ALREADY_CALLED, stands_after
from batchdial.rules.written import row_read

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import sqlalchemy as sa

    from batchdial.ledger.ledger import Lease
    from batchdial.ledger.queue import Step
    from batchdial.models import Settlement
    from batchdial.rules.plan import Policy
    from batchdial.rules.suppression import PastCall

#: Rows that one transaction looks at, at most; others wait for it.
LOOK = 2_000
#: Rows that are looked at together where the last ones had to wait.
_AHEAD = 200
#: Seconds that a row may be claimed before its call leaves, at most.
LONGEST_HELD = 3_600.0
_RUNG_ALREADY = (
    "This campaign called the number from another row. To call everybody again: --again."
)
#: A slot further ahead than this many calls was booked before the clock was set back.
FAR_AHEAD = 1_000


class Claims:
    """
    Claims, settlements and releases within one open transaction.

    Args:
        connection: In a transaction that the caller commits.
        lease: The right to dial the campaign.
        clock: Unix time in seconds, taken as the time of all of them.
        spacing: Seconds between two calls.
        waived: Numbers whose doubt this run has waived; a doubt that its own call left is
            not waived with them, whatever rows have the number.
        policy: Which rows may be dialled now.
        basis_id: Of the `bases` that its decisions rest on.
    """

    def __init__(
        self,
        connection: sa.Connection,
        lease: Lease,
        clock: float,
        spacing: float,
        waived: Collection[str],
        policy: Policy,
        basis_id: int | None,
    ) -> None:
        self._connection = connection
        self._lease = lease
        self._campaign = lease.campaign
        self._of_campaign = {
            "campaign": lease.campaign.id,
            "of_generation": lease.campaign.generation,
        }
        self._clock = clock
        self._now = datetime.fromtimestamp(clock, UTC)
        self._spacing = spacing
        self._waived = waived
        self._policy = policy
        self._basis_id = basis_id
        self._looked = 0
        self.newly_waived: set[str] = set()

    def refusal(self) -> LedgerError | None:
        """
        Why nothing may be claimed: another process has the campaign.

        Asked before any row is touched: a take-over waits until this transaction has
        ended, and takes the same locks in the same order.
        """
        found = sql.FENCE.run(self._connection, {"campaign": self._campaign.id}).scalar()
        if found == self._lease.fence:
            return None
        return LedgerError(
            f"{self._campaign.name} was taken over by another process. "
            f"Nothing more is dialled here.\n"
            f"Watch it: batchdial status {self._campaign.name} --watch"
        )

    def claim(self, step: Step, number: int) -> list[Claimed]:
        """
        The next rows that may be dialled: those whose time has come first, then in their order.

        Rows whose time has not come are left to wait, others are refused.
        """
        claimed: list[Claimed] = []
        woken, step.woken = step.woken, []
        for one in woken:
            if len(claimed) == number:
                break
            step.woken.append(one)
            given = {**self._of_campaign, "row_id": one.row_id, "status": one.status}
            claimed += self._take(sql.WOKEN.run(self._connection, given).all(), step, 1)
        for pick in step.due:
            claimed += self._take(self._due(pick, number - len(claimed)), step, number)
        while step.picks and len(claimed) < number and self._looked < LOOK:
            found = self._look(step, number - len(claimed))
            if not found:
                step.picks, step.cursor = step.picks[1:], 0
                continue
            looked = self._looked
            claimed += self._take(found, step, number - len(claimed))
            step.cursor = found[self._looked - looked - 1].id
        step.due_at = self._next_due(step)
        return claimed

    def _look(self, step: Step, wanted: int) -> Sequence[Any]:
        """The next rows of a scope; more at once where the last ones had to wait."""
        pick = step.picks[0]
        query = sql.CANDIDATES if pick.chosen is None else sql.CHOSEN_CANDIDATES
        given = {
            **self._of_campaign,
            "list_id": pick.list_id,
            "status": pick.status,
            "chosen": pick.chosen,
            "cursor": step.cursor,
            "most": max(wanted, _AHEAD) if self._looked else wanted,
        }
        return query.run(self._connection, given).all()

    def _due(self, list_id: int, wanted: int) -> Sequence[Any]:
        """Rows of a list that were called and may be called again by now."""
        if wanted <= 0:
            return ()
        given = {**self._of_campaign, "list_id": list_id, "at": self._now, "most": wanted}
        return sql.DUE.run(self._connection, given).all()

    def _next_due(self, step: Step) -> float | None:
        """When there is more to look at than what waits in the queue."""
        if step.picks and self._looked >= LOOK:
            return self._clock
        due = (
            sql.NEXT_DUE.run(self._connection, {"list_id": list_id}).scalar()
            for list_id in step.due
        )
        return min((moment(at).timestamp() for at in due if at is not None), default=None)

    def claim_again(self, claimed: Claimed, step: Step) -> Claimed | None:
        """The same row, if it still stands where its last attempt, which rang nobody, left it."""
        taken = self._take(self._same(claimed), step, 1, {claimed.e164})
        return taken[0] if taken else None

    def postpone(self, claimed: Claimed, step: Step, at: float) -> None:
        """Let the same row wait until a Unix time, instead."""
        for row in self._same(claimed):
            self._wait(row, Later(at), step)

    def _same(self, claimed: Claimed) -> Sequence[Any]:
        given = {
            **self._of_campaign,
            "row_id": claimed.row_id,
            "nth": claimed.attempt,
            "status": claimed.was,
        }
        return sql.SAME_ROW.run(self._connection, given).all()

    def stands(self, claimed: Claimed) -> bool:
        """Whether a row that is `dialing` would be claimed now as well."""
        given = {**self._of_campaign, "row_id": claimed.row_id}
        row = sql.ROW.run(self._connection, given).one_or_none()
        if row is None:
            return False
        one = self._candidate(row, self._calls([row], claimed))
        return isinstance(self._policy.decide(one, self._clock), Go)

    def settle(self, ends: Sequence[tuple[Claimed, Settlement]]) -> None:
        """Write how attempts ended and where their rows stand after it."""
        sql.END_ATTEMPT.run(self._connection, [self._end(*end) for end in ends])
        clear: list[dict[str, Any]] = []
        still: list[dict[str, Any]] = []
        for claimed, settlement in ends:
            stands = stands_after(claimed.was, settlement)
            stays = _stays(claimed, stands, settlement)
            postponed = settlement.status is CallStatus.PENDING and stands is CallStatus.SUCCESS
            (still if stays else clear).append(
                {
                    "until": self._now if postponed else None,
                    "row_id": claimed.row_id,
                    "attempt": claimed.attempt,
                    "stands": stands,
                    "said_reason": claimed.was_reason if stays else settlement.reason,
                    "said_detail": claimed.was_detail if stays else settlement.detail,
                    "said_id": settlement.call_id,
                    "at": self._now,
                }
            )
        if clear:
            sql.STAND.run(self._connection, clear)
        if still:
            sql.STAND_STILL.run(self._connection, still)
        for claimed, settlement in ends:
            if _came_to_nothing(settlement):
                self._unwaive(claimed)

    def release(self, claimed: Claimed) -> None:
        """As if the row had never been claimed."""
        this = {"row_id": claimed.row_id, "attempt": claimed.attempt}
        sql.FORGET_ATTEMPT.run(self._connection, this)
        sql.STAND_AS_BEFORE.run(
            self._connection,
            {
                **this,
                "stands": claimed.was,
                "said_reason": claimed.was_reason,
                "said_detail": claimed.was_detail,
                "until": self._now if claimed.was is CallStatus.SUCCESS else None,
            },
        )
        self._unwaive(claimed)

    def _end(self, claimed: Claimed, settlement: Settlement) -> dict[str, Any]:
        nothing = _came_to_nothing(settlement)
        return {
            "of_row": claimed.row_id,
            "attempt": claimed.attempt,
            "came_to": CallStatus.FAILED if nothing else settlement.status,
            "said_reason": settlement.reason,
            "said_detail": settlement.detail,
            "said_id": settlement.call_id,
            "http": settlement.http_status,
            "at": self._now,
        }

    def _take(
        self, found: Sequence[Any], step: Step, wanted: int, waived: Collection[str] = ()
    ) -> list[Claimed]:
        """Make rows `dialing` that may be dialled now; whose number rang already is suppressed."""
        going: list[tuple[Any, Go]] = []
        calls = self._calls(found)
        for row in found:
            if len(going) == wanted:
                break
            self._looked += 1
            decision = self._policy.decide(self._candidate(row, calls), self._clock)
            match decision:
                case Go():
                    going.append((row, decision))
                case Later():
                    self._wait(row, decision, step)
                case Never():
                    self._refuse(row, decision)
        rung = self._rung([row for row, _ in going], waived)
        free: list[tuple[Any, Go]] = []
        for row, go in going:
            if row.e164 in rung:
                self._stand_called(row)
            else:
                rung.add(row.e164)
                free.append((row, go))
        if not free:
            return []
        slots = self._book(len(free))
        claimed = [
            _claimed(row, at, at - self._clock) for (row, _), at in zip(free, slots, strict=True)
        ]
        sql.DIAL.run(self._connection, [{"row_id": one.row_id} for one in claimed])
        sql.BEGIN_ATTEMPT.run(
            self._connection,
            [self._attempt(one, go) for one, (_, go) in zip(claimed, free, strict=True)],
        )
        return claimed

    def _calls(
        self, found: Sequence[Any], ours: Claimed | None = None
    ) -> Mapping[str, Sequence[PastCall]]:
        """When these numbers were called by any campaign, but for the call that is in hand."""
        if not self._policy.memory:
            return {}
        since = datetime.fromtimestamp(self._clock - self._policy.memory - LONGEST_HELD, UTC)
        own = (ours.row_id, ours.attempt) if ours else None
        return called_since(self._connection, [row.e164 for row in found], since, own)

    def _candidate(self, row: Any, calls: Mapping[str, Sequence[PastCall]]) -> Candidate:
        return Candidate(
            row.list_id,
            row.e164,
            row_read(row.cells) if self._policy.reads_cells else (),
            None if row.suppressed_at is None else moment(row.suppressed_at),
            calls.get(row.e164, ()),
        )

    def _wait(self, row: Any, decision: Later, step: Step) -> None:
        if row.status == CallStatus.SUCCESS:
            until = datetime.fromtimestamp(decision.at, UTC)
            sql.POSTPONE.run(self._connection, {"row_id": row.id, "until": until})
        else:
            step.parked.append(Waiting(decision.at, row.id, CallStatus(row.status)))

    def _refuse(self, row: Any, said: Never) -> None:
        """Suppress a row, but not what is known of a call that was made, or may have been."""
        if row.status == CallStatus.SUCCESS:
            sql.POSTPONE.run(self._connection, {"row_id": row.id, "until": None})
        elif row.status != CallStatus.UNKNOWN:
            self._suppress(row, said.reason, said.detail)
        sql.REFUSE.run(
            self._connection,
            {
                "of_row": row.id,
                "at": self._now,
                "said_reason": said.reason,
                "looked_at": said.evidence,
                "basis": self._basis_id,
            },
        )

    def _stand_called(self, row: Any) -> None:
        if row.status == CallStatus.SUCCESS:
            sql.POSTPONE.run(self._connection, {"row_id": row.id, "until": None})
        else:
            self._suppress(row, ALREADY_CALLED, _RUNG_ALREADY)

    def _suppress(self, row: Any, reason: str, detail: str) -> None:
        said = {"row_id": row.id, "said_reason": reason, "said_detail": detail}
        sql.SUPPRESS.run(self._connection, said)

    def _rung(self, going: Sequence[Any], waived: Collection[str]) -> set[str]:
        """
        Which of their numbers rang, or may have rung, and may not ring again.

        A person's word waives a doubt, the campaign's rules waive a call that came to nothing.
        """
        doubtful = {row.e164 for row in going if row.status == CallStatus.UNKNOWN}
        doubtful = doubtful.difference(self._waived) | doubtful.intersection(waived)
        called = [row for row in going if row.status == CallStatus.SUCCESS]
        self.newly_waived |= doubtful
        if not doubtful and not called:
            return {row.e164 for row in going if row.rang}
        if doubtful:
            sql.WAIVE.run(
                self._connection,
                [{**self._of_campaign, "number": number, "at": self._now} for number in doubtful],
            )
        if called:
            sql.WAIVE_CALL.run(
                self._connection,
                [{**self._of_campaign, "of_row": row.id, "at": self._now} for row in called],
            )
        return {row.e164 for row in going if self._rings(row.e164)}

    def _rings(self, number: str) -> bool:
        given = {**self._of_campaign, "number": number}
        return sql.RUNG.run(self._connection, given).first() is not None

    def _attempt(self, claimed: Claimed, go: Go) -> dict[str, Any]:
        return {
            "looked_at": go.evidence or None,
            "basis": self._basis_id,
            **self._of_campaign,
            "of_row": claimed.row_id,
            "attempt": claimed.attempt,
            "number": claimed.e164,
            "at": self._now,
        }

    def _book(self, number: int) -> list[float]:
        """Moments at which so many calls may leave, one after the other, over all processes."""
        service = {"of_service": self._campaign.service}
        first = sql.BOOKED.run(self._connection, service).scalar()
        if first is None:
            sql.FIRST_BOOKING.run(self._connection, service)
            first = sql.BOOKED.run(self._connection, service).scalar_one()
        first = max(self._clock, first)
        if first - self._clock > FAR_AHEAD * self._spacing:
            first = self._clock
        sql.BOOK.run(self._connection, {**service, "at": first + number * self._spacing})
        return [first + index * self._spacing for index in range(number)]

    def _unwaive(self, claimed: Claimed) -> None:
        """A new attempt came to nothing, so what was before it stands, unless newer doubt does."""
        if claimed.was not in (CallStatus.UNKNOWN, CallStatus.SUCCESS):
            return
        given = {**self._of_campaign, "number": claimed.e164, "standing": claimed.was}
        before = sql.LATEST.run(self._connection, given).one_or_none()
        if before is not None and not self._rings(claimed.e164):
            sql.UNWAIVE.run(self._connection, {"of_row": before.row_id, "attempt": before.nth})


def _stays(claimed: Claimed, stands: CallStatus, settlement: Settlement) -> bool:
    """Whether the row goes on saying what it said before the attempt."""
    if claimed.was is CallStatus.SUCCESS:
        return _came_to_nothing(settlement)
    return claimed.was is stands is CallStatus.UNKNOWN


def _came_to_nothing(settlement: Settlement) -> bool:
    """Whether nobody was called by the attempt."""
    return settlement.status in (CallStatus.PENDING, CallStatus.FAILED)


def _claimed(row: Any, depart_at: float, wait: float) -> Claimed:
    return Claimed(
        row.id,
        row.list_id,
        row.row,
        row.e164,
        row_read(row.cells),
        row.attempts + 1,
        depart_at,
        wait,
        CallStatus(row.status),
        row.reason,
        row.detail,
    )
