"""Which rows come next, and how many wait until when."""

from __future__ import annotations

from dataclasses import replace

from batchdial.ledger.queue import Queue, Waiting
from batchdial.ledger.rows import Pick
from batchdial.models import CallStatus

PENDING, FAILED = CallStatus.PENDING, CallStatus.FAILED
PICKS = [Pick(1, PENDING), Pick(2, FAILED)]


def ids(queue: Queue, now: float, most: int) -> list[int]:
    """Rows that a transaction would look at again."""
    return [one.row_id for one in queue.begin(now, most).woken]


def test_rows_that_wait_are_counted_by_their_moment() -> None:
    """Wherever they stood; those that were taken out count no more, the others do."""
    queue = Queue(PICKS)
    for row_id in (1, 2, 3):
        queue.park(Waiting(60.0, row_id, PENDING))
    queue.park(Waiting(60.0, 4, FAILED))
    queue.park(Waiting(90.0, 5, FAILED))
    assert queue.waiting() == {60.0: 4, 90.0: 1}
    step = queue.begin(60.0, 3)
    assert queue.waiting() == {60.0: 4, 90.0: 1}
    queue.end(step)
    assert queue.waiting() == {60.0: 1, 90.0: 1}
    queue.end(queue.begin(100.0, 9))
    assert (queue.waiting(), queue.next_at) == ({}, None)


def test_rows_whose_time_has_come_are_taken_as_far_as_they_are_wanted() -> None:
    """Those of the earliest moment first, in the order in which they came, not before it."""
    queue = Queue(PICKS)
    for at, row_id, status in ((70.0, 4, PENDING), (60.0, 3, PENDING), (60.0, 1, PENDING)):
        queue.park(Waiting(at, row_id, status))
    queue.park(Waiting(60.0, 2, FAILED))
    assert ids(queue, 59.9, 9) == []
    assert ids(queue, 60.0, 9) == [2, 3, 1]
    assert ids(queue, 70.0, 2) == [2, 3]
    assert queue.begin(70.0, 9).woken[-1] == Waiting(70.0, 4, PENDING)
    queue.end(queue.begin(70.0, 2))
    assert ids(queue, 70.0, 9) == [1, 4]
    assert ids(queue, 70.0, 0) == []


def test_a_transaction_that_was_lost_skips_nobody() -> None:
    """Only what came through moves the queue, and a transaction's picks are its own."""
    queue = Queue(PICKS, [7])
    queue.park(Waiting(60.0, 1, PENDING))
    lost = queue.begin(60.0, 1)
    lost.picks.pop()
    lost.cursor, lost.due_at = 5, 1.0
    lost.parked.append(Waiting(50.0, 9, PENDING))
    step = queue.begin(60.0, 1)
    assert (step.picks, step.cursor, step.due, step.due_at) == (PICKS, 0, (7,), None)
    assert [one.row_id for one in step.woken] == [1]
    assert queue.next_at == 60.0
    queue.end(replace(step, picks=PICKS[1:], cursor=3, parked=[Waiting(61.0, 1, PENDING)]))
    step = queue.begin(60.0, 1)
    assert (step.picks, step.cursor, step.woken) == (PICKS[1:], 3, [])
    assert queue.waiting() == {61.0: 1}


def test_a_row_waits_to_the_end_of_its_second() -> None:
    """So that those of one zone wait together, and none is looked at too early."""
    queue = Queue([])
    queue.park(Waiting(60.2, 1, PENDING))
    queue.park(Waiting(61.0, 2, PENDING))
    assert queue.waiting() == {61.0: 2}


def test_the_next_moment_is_the_earliest_of_all() -> None:
    """Of rows that wait, and of those that are due or were not looked at yet."""
    assert Queue(PICKS, [7]).next_at is None
    queue = Queue([], [7])
    queue.end(replace(queue.begin(0.0, 1), due_at=80.0))
    assert queue.next_at == 80.0
    queue.park(Waiting(90.0, 1, PENDING))
    assert queue.next_at == 80.0
    queue.park(Waiting(70.0, 2, PENDING))
    assert queue.next_at == 70.0
    queue.end(replace(queue.begin(0.0, 1), due_at=None))
    assert queue.next_at == 70.0
