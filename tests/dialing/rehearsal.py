"""A dispatcher between a ledger in memory and a service that a test speaks for."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from batchdial.dialing.dispatcher import Dispatcher
from batchdial.dialing.pacing import Pacer
from batchdial.dialing.settle import Reply
from batchdial.dialing.terms import Ending, Limits
from batchdial.ledger.memory import MemoryJournal, MemoryLedger
from batchdial.models import CallStatus, Claimed, Contact, Outcome, Rate, Verdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from batchdial.dialing.terms import Terms

ACCEPTED = Reply(True, 200, b'{"status": "success", "callId": "call_1"}')
#: Unix time of the loop's zero.
EPOCH = 1_800_000_000.0


def contacts(count: int) -> list[Contact]:
    """So many contacts of different numbers."""
    return [
        Contact(row, (), Verdict(CallStatus.PENDING, f"+1{2_025_550_000 + row}"))
        for row in range(2, 2 + count)
    ]


def most_in(window: float, moments: Sequence[float]) -> int:
    """The largest number of moments in any half-open window of so many seconds."""
    return max(
        (bisect_left(moments, start + window) - at for at, start in enumerate(moments)), default=0
    )


@dataclass
class Rehearsal:
    """One run; `answer` says what becomes of the nth request to a number, from 1."""

    rows: int = 10
    rate: Rate = Rate(10, 1)  # noqa: RUF009 (frozen)
    lanes: int = 5
    max_attempts: int = 3
    stop_after: int = 0
    limit: int | None = None
    waits: bool = True
    begin_in: float = 0.0  #: seconds after the start
    end_in: float | None = None  #: seconds after the start
    terms: Terms | None = None
    seconds: float = 0.2  #: until the answer
    answer: Callable[[str, int], Reply] = lambda *_: ACCEPTED
    statuses: tuple[CallStatus, ...] = (CallStatus.PENDING,)
    ledger: MemoryLedger = field(init=False)
    requests: list[tuple[float, str]] = field(default_factory=list)  #: when, by the loop's clock
    outcomes: list[Outcome] = field(default_factory=list)
    answered: int = 0
    connecting: Callable[[int], float] = lambda _: 0.0  #: seconds until the nth connection stands
    connected: int = 0
    stale: Callable[[int], bool] = lambda _: False  #: whether the nth is not fit for its call
    on_stale: Callable[[Rehearsal], None] = lambda _: None
    clock_step: float = 0.0  #: seconds by which somebody set the wall clock
    body_of: Callable[[Claimed], Mapping[str, str]] = lambda claimed: {"to": claimed.e164}
    on_request: Callable[[Rehearsal], None] = lambda _: None
    on_outcome: Callable[[Outcome], None] = lambda _: None

    def __post_init__(self) -> None:
        self.ledger = MemoryLedger(contacts(self.rows))

    async def run(self) -> Ending:
        """Dial to the end."""
        loop = asyncio.get_running_loop()

        def clock() -> float:
            return EPOCH + loop.time() + self.clock_step

        start, pacer = clock(), Pacer(self.rate)
        self.journal = MemoryJournal(self.ledger, self.statuses, spacing=pacer.spacing, clock=clock)
        self.pacer = pacer
        self.dispatcher = Dispatcher(
            self.journal,
            lambda: FakeLine(self),
            self.body_of,
            pacer,
            Limits(
                self.lanes,
                self.max_attempts,
                self.stop_after,
                self.limit,
                waits=self.waits,
                begin_at=start + self.begin_in if self.begin_in else 0.0,
                end_at=None if self.end_in is None else start + self.end_in,
            ),
            self._told,
            clock,
            self.terms,
        )
        return await self.dispatcher.run()

    def _told(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.on_outcome(outcome)

    @property
    def moments(self) -> list[float]:
        """When requests left."""
        return [moment for moment, _ in self.requests]

    def statuses_now(self) -> list[str]:
        """Where the rows stand."""
        return [row.verdict.status.value for row in self.ledger.rows.values()]

    def count(self, status: str) -> int:
        """How many rows stand so."""
        return self.statuses_now().count(status)


@dataclass
class FakeLine:
    """A connection to a service that rings nobody."""

    rehearsal: Rehearsal
    busy: int = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def call(
        self,
        body: Mapping[str, str],
        leave: Callable[[], Awaitable[bool]],
        sent: Callable[[], None],
    ) -> Reply:
        """One request; a row that is not `dialing` by now is a broken promise."""
        run, number = self.rehearsal, body["to"]
        standing = [r for r in run.ledger.rows.values() if r.verdict.e164 == number]
        assert [row.verdict.status for row in standing] == [CallStatus.DIALING]
        self.busy += 1
        assert self.busy <= run.lanes
        try:
            return await self._send(run, number, leave, sent)
        finally:
            self.busy -= 1

    async def _send(
        self,
        run: Rehearsal,
        number: str,
        leave: Callable[[], Awaitable[bool]],
        sent: Callable[[], None],
    ) -> Reply:
        run.connected += 1
        connection = run.connected
        await asyncio.sleep(run.connecting(connection))
        if not await leave():
            return Reply(left=False, held=True)
        if run.stale(connection):
            run.on_stale(run)
            return Reply(left=False, held=True)
        sent()
        run.requests.append((asyncio.get_running_loop().time(), number))
        nth = [called for _, called in run.requests].count(number)
        run.on_request(run)
        await asyncio.sleep(run.seconds)
        run.answered += 1
        return run.answer(number, nth)
