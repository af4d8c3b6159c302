"""What must hold whenever a call begins: its row's rules, room among live calls, the budget."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from batchdial.models import CallStatus
from batchdial.rules.plan import Candidate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from batchdial.models import Claimed, Settlement
    from batchdial.rules.budget import Budget, Used
    from batchdial.rules.plan import Policy

#: Seconds for which a phone may ring before the call's longest time begins to count.
RINGING = 60.0
#: Seconds after which room is looked for again where nothing tells when it will be free.
LOOK_AGAIN = 5.0


class Conduct:
    """
    The terms of one run.

    A call counts as live from before its first byte leaves until somebody says that it is
    over, and where nobody does, until the service must have ended it.

    Args:
        policy: Decides on rows.
        budget: Caps on calls, minutes and money.
        used: What the campaign has used of it, open calls included.
        max_live: Most calls in progress; None is no limit.
        open_calls: Calls of earlier runs that may still go on: callId and Unix time.
        doubtful: Unix times of calls of earlier runs that were lost, and may go on if they rang.
        redials: Whether what a call came to may let its row be called again.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        policy: Policy,
        budget: Budget,
        used: Used,
        *,
        max_live: int | None,
        open_calls: Iterable[tuple[str, float]] = (),
        doubtful: Iterable[float] = (),
        redials: bool = False,
        clock: Callable[[], float],
    ) -> None:
        self._policy = policy
        self._budget = budget
        self.used = used
        self._max_live = max_live
        self._redials = redials
        self._clock = clock
        self._longest = budget.longest * 60 + RINGING
        self._tracks = max_live is not None or budget.is_capped or redials
        self._live: dict[str, bool] = {}  # whether the budget still counts each as open
        self._ends: list[tuple[float, str]] = []  # when live calls are certainly over, a heap
        self._told_of = 0  # of the live calls, those that the service will say something of
        self._asked = 0
        self._changed: Callable[[], object] = lambda: None
        for call_id, began in open_calls:
            self._begin(call_id, began, is_open=True)
        for nth, began in enumerate(doubtful):
            self._begin(f"lost {nth}", began, is_open=False)

    def on_change(self, tell: Callable[[], object]) -> None:
        """Whom to tell when room has become free, or a row may have become due."""
        self._changed = tell

    @property
    def live(self) -> int:
        """Calls in progress, and requests for some."""
        return self._asked + len(self._live)

    def still(self, claimed: Claimed, now: float) -> bool:
        """Whether a row that was claimed a moment ago may leave now."""
        return self._policy.still(Candidate(claimed.list_id, claimed.e164, claimed.cells), now)

    def try_room(self) -> bool:
        """Take room for one call more, if there is any now."""
        self._forget()
        if self._max_live is not None and self.live >= self._max_live:
            return False
        if self._budget.refuse(self.used) is not None:
            return False
        self._asked += 1
        self.used = self.used.begun()
        return True

    def full(self) -> str:
        """Which cap is reached for good."""
        refused = self._budget.refuse(self.used)
        return refused.text if refused is not None and refused.final else ""

    def room_in(self) -> float:
        """Seconds until the first live call is certainly over."""
        if not self._ends:
            return LOOK_AGAIN
        return max(0.0, self._ends[0][0] - self._clock()) + 0.001

    def spare(self) -> None:
        """No call was made."""
        self._asked -= 1
        self.used = self.used.settled(CallStatus.FAILED, self._budget.longest)
        self._changed()

    def made(self, claimed: Claimed, settlement: Settlement) -> None:
        """A call was made, or may have been; or none was."""
        self._asked -= 1
        self.used = self.used.settled(settlement.status, self._budget.longest)
        called = settlement.status is CallStatus.SUCCESS
        if called or settlement.status is CallStatus.UNKNOWN:
            key = settlement.call_id or f"row {claimed.row_id}, {claimed.attempt}"
            self._begin(key, self._clock(), is_open=called)
        else:
            self._changed()

    def ended(self, call_id: str, seconds: float | None) -> None:
        """A call is over; None where nobody knows how long it took."""
        if self._live.pop(call_id, False):
            self._told_of -= 1
            lasted = self._budget.longest * 60 if seconds is None else seconds
            self.used = self.used.ended(lasted)
        self._changed()

    def expects(self, in_hand: int) -> bool:
        """Whether what becomes of calls in progress may let a row be called again."""
        return self._redials and bool(in_hand or self._told_of)

    def _begin(self, key: str, began: float, *, is_open: bool) -> None:
        """Count a call as live; only where that matters, since a campaign may be long."""
        if self._tracks:
            while key in self._live:  # a service that names two calls alike: each has its place
                key, is_open = f"{key} again", False
            self._live[key] = is_open
            self._told_of += is_open
            heapq.heappush(self._ends, (began + self._longest, key))

    def _forget(self) -> None:
        """Calls that the service must have ended by now are over."""
        now = self._clock()
        while self._ends and (self._ends[0][0] <= now or self._ends[0][1] not in self._live):
            _, key = heapq.heappop(self._ends)
            if self._live.pop(key, False):
                self._told_of -= 1
                self.used = self.used.ended(self._budget.longest * 60)
