"""Open calls are asked about until the service says what they came to."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from batchdial.dialing.settle import Reply, wait_of
from batchdial.errors import LedgerAwayError, ServiceError
from batchdial.rules.outcomes import NEVER_COMPLETED, NO_SUCH_CALL, CallState, read_call, untold

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from batchdial.rules.polling import Schedule

#: Questions whose answer is awaited at once.
AT_ONCE = 8
#: Seconds that nothing is asked after a first answer that is none; twice as many after each more.
BACK_OFF, LONGEST_BACK_OFF = 1.0, 60.0
#: Answers in a row by which there is no such call, until that is believed: a service may not know
#: everywhere yet what it has just accepted.
BELIEVED = 2
#: Questions in a row without an answer after which whoever cannot wait gives up.
PATIENCE = 3
#: Seconds; nothing is waited for less, since Unix time is not told more finely for long.
GRAIN = 0.001
#: Seconds until the ledger is tried again while it is busy or out of reach.
LEDGER_WAIT = 1.0


class Follower:
    """
    Asks about calls until each is completed, and reports what they came to.

    To be made and used in one event loop. Asking twice does no harm, so nothing is remembered
    here that is not in the ledger: whoever restarts says `began` of every call that is open.

    Args:
        ask: `GET /calls/{callId}`; never raises.
        schedule: Which call is asked about when, in seconds since 1970.
        report: Given calls that are completed, or given up; several where they come together.
            While it raises `LedgerAwayError` the same calls are reported again.
        refused: The error that ends everything where the key is not accepted (401, 403).
        trouble: Told in words when the service cannot be asked, once until it can be again.
        clock: Seconds since 1970.
        once: Ask about each call once and leave those that go on.
    """

    def __init__(
        self,
        ask: Callable[[str], Awaitable[Reply]],
        schedule: Schedule,
        report: Callable[[Sequence[CallState]], Awaitable[None]],
        refused: Callable[[int], Exception],
        *,
        trouble: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
        once: bool = False,
    ) -> None:
        self._ask = ask
        self._schedule = schedule
        self._report = report
        self._refused = refused
        self._trouble = trouble
        self._once = once
        self._loop = asyncio.get_running_loop()
        self._since_1970 = clock() - self._loop.time()  # a clock that is set must hold nothing up
        self._wake = asyncio.Event()
        self._told: list[CallState] = []
        self._is_told = asyncio.Event()
        self._is_closing = False
        self._missing: dict[str, int] = {}
        self._unanswered = 0

    @property
    def open(self) -> int:
        """Calls of which it is not known yet what they came to."""
        return len(self._schedule)

    def began(self, call_id: str, at: float) -> None:
        """Watch a call that was placed at this time, in seconds since 1970."""
        self._schedule.begin(call_id, at, self._now())
        self._wake.set()

    def heard(self, call_id: str) -> None:
        """Ask about a call soon: somebody says that it is over. Any callId may be given."""
        self._schedule.hear(call_id, self._now())
        self._wake.set()

    async def run(self, stop: asyncio.Event, *, until_idle: bool = False) -> None:
        """
        Ask and report until told to stop, or until nothing is left to ask about.

        What the service has said by then is reported before this returns.

        Raises:
            KeyRefusedError: The key is not accepted.
            ServiceError: It cannot be asked, and each call was to be asked about once.
        """
        waking = asyncio.create_task(self._wake_on(stop))
        reporting = asyncio.create_task(self._keep_reporting())
        reporting.add_done_callback(lambda _: self._wake.set())
        asking: set[asyncio.Task[None]] = set()
        try:
            while not stop.is_set() and not reporting.done():
                self._wake.clear()
                self._begin(asking)
                if until_idle and not asking and not self._schedule:
                    break
                await self._wait(asking)
                for task in [one for one in asking if one.done()]:
                    asking.remove(task)
                    task.result()
        finally:
            for task in (waking, *asking):
                task.cancel()
            await asyncio.gather(waking, *asking, return_exceptions=True)
            self._is_closing = True
            self._is_told.set()
            await reporting

    def _begin(self, asking: set[asyncio.Task[None]]) -> None:
        """Ask as much as may be asked now."""
        while len(asking) < AT_ONCE:
            call_id = self._schedule.next(self._now())
            if call_id is None:
                return
            task = asyncio.create_task(self._inquire(call_id))
            task.add_done_callback(lambda _: self._wake.set())
            asking.add(task)

    async def _wait(self, asking: set[asyncio.Task[None]]) -> None:
        """Until something has happened, or another question may be asked."""
        seconds = self._schedule.wait(self._now()) if len(asking) < AT_ONCE else None
        if seconds is not None:
            seconds = max(seconds, GRAIN)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _inquire(self, call_id: str) -> None:
        self._heed(call_id, await self._ask(call_id))

    def _heed(self, call_id: str, reply: Reply) -> None:
        """Take an answer for what it is."""
        now, status = self._now(), reply.status
        if status in (401, 403):
            raise self._refused(status)
        if status is None or status >= 500 or status == 429:
            self._hold(call_id, reply, now)
            return
        self._unanswered = 0
        if status != 404:
            self._missing.pop(call_id, None)
        elif self._is_missing(call_id):
            self._tell(untold(call_id, NO_SUCH_CALL))
            return
        state = read_call(call_id, reply.body) if status == 200 else None
        if state is not None and state.completed:
            self._tell(state)
            return
        self._schedule.goes_on(call_id, now)
        if self._schedule.is_hopeless(call_id, now):
            self._tell(untold(call_id, NEVER_COMPLETED))
        elif self._once and status != 404:
            self._schedule.end(call_id)

    def _is_missing(self, call_id: str) -> bool:
        self._missing[call_id] = times = self._missing.get(call_id, 0) + 1
        return times >= BELIEVED

    def _hold(self, call_id: str, reply: Reply, now: float) -> None:
        """Ask nothing for a while: there was no answer, or the service is asked for too much."""
        asks_for = None
        if reply.status in (429, 503):
            asks_for = wait_of(reply.retry_after, datetime.fromtimestamp(now, UTC), reply.date)
        wait = min(BACK_OFF * 2 ** min(self._unanswered, 10), LONGEST_BACK_OFF)
        self._schedule.hold(now, asks_for or wait)
        self._schedule.unanswered(call_id, now)
        self._unanswered += 1
        why = f"HTTP {reply.status}" if reply.status else reply.error
        words = f"The service does not say what calls came to: {why}."
        if self._once and self._unanswered >= PATIENCE:
            raise ServiceError(f"{words}\nAsk again later; nothing is lost.")
        if self._unanswered == 1:
            self._trouble(words)

    def _tell(self, state: CallState) -> None:
        self._missing.pop(state.call_id, None)
        self._schedule.end(state.call_id)
        self._told.append(state)
        self._is_told.set()

    async def _keep_reporting(self) -> None:
        """Report what has come in while the last report was written, all of it together."""
        while self._told or not self._is_closing:
            await self._is_told.wait()
            self._is_told.clear()
            while self._told:
                await self._report_told()

    async def _report_told(self) -> None:
        told = tuple(self._told)
        try:
            await self._report(told)
        except LedgerAwayError:
            if self._is_closing:
                raise
            await asyncio.sleep(LEDGER_WAIT)
        else:
            del self._told[: len(told)]

    def _now(self) -> float:
        return self._since_1970 + self._loop.time()
