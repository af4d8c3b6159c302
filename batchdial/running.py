"""One run of calls: lanes, the terms they keep to, and what becomes of calls meanwhile."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from batchdial.dialing.conduct import Conduct
from batchdial.dialing.dispatcher import Dispatcher
from batchdial.dialing.outcomes import Follower
from batchdial.dialing.pacing import Pacer
from batchdial.dialing.terms import Ending, Limits, Stop
from batchdial.ending import unrecorded
from batchdial.ledger.due import expire, forget_due, set_due
from batchdial.ledger.journal import Journal
from batchdial.ledger.outcomes import Outcomes
from batchdial.ledger.spending import used
from batchdial.lists.mapping import payload
from batchdial.models import CallStatus
from batchdial.rules.again import Redial
from batchdial.rules.polling import Schedule

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from batchdial.dialing.client import Service
    from batchdial.governing import Governance, Sheet
    from batchdial.ledger.ledger import Lease, Ledger
    from batchdial.ledger.lists import Pick
    from batchdial.models import Claimed, ColumnMap, Outcome
    from batchdial.rules.outcomes import CallState
    from batchdial.rules.plan import Rules
    from batchdial.settings import Settings

#: Seconds beyond the longest call after which an open call of an earlier run is not live.
MARGIN = timedelta(minutes=5)
#: Reason and detail of rows that nobody is called for any more.
OVER = "campaign_over", "The campaign's end came before its turn. To dial it: batchdial retry."
CANCELLED = "cancelled", "The campaign was cancelled. To dial it all the same: batchdial retry."

_CALLED = (CallStatus.SUCCESS, CallStatus.UNKNOWN)


class Run:
    """
    The calls of one session.

    Args:
        settings: How.
        ledger: Where it is recorded.
        lease: The right to dial the campaign.
        service: Who is asked to call.
        picks: Which rows.
        columns: How the rows of each list become requests.
        sheets: Where in them zones and consent stand.
        governance: Which rules they keep to.
        number: Rows that were agreed to.
        longest: Minutes after which the service ends a call.
        is_canary: Whether only so many rows are dialled, and followed to their end.
        say: Told in words what a person should know meanwhile.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        lease: Lease,
        service: Service,
        *,
        picks: Sequence[Pick],
        columns: Mapping[int, ColumnMap],
        sheets: Mapping[int, Sheet],
        governance: Governance,
        number: int,
        longest: int,
        is_canary: bool = False,
        say: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._is_canary = is_canary
        self._say = say
        self.called = 0  # rows that were settled
        self._settings = settings
        self._ledger = ledger
        self._campaign = lease.campaign
        self._service = service
        self._columns = columns
        self._sheets = sheets
        self._governance = governance
        self._list_ids = sorted(columns)
        self._longest = longest
        self._follower: Follower | None = None
        # Its own: the loop's would be waited for in vain where memory has run out.
        self._thread = ThreadPoolExecutor(1, "outcomes")
        self.pacer = Pacer(settings.rate, settings.jitter)
        self._redial = Redial() if is_canary else governance.redial
        policy = governance.rules(lease.campaign, sheets)
        self.conduct = self._terms(policy)
        self.journal = Journal(
            ledger,
            lease,
            picks,
            spacing=self.pacer.spacing,
            clock=clock,
            policy=policy,
            due=self._list_ids if self._redial else (),
        )
        self._tell: Callable[[Outcome], None] = lambda _: None
        self._news, self._stopped = asyncio.Event(), asyncio.Event()
        self.dispatcher = Dispatcher(
            self.journal,
            lambda: service.line(self._campaign.agent),
            self._body_of,
            self.pacer,
            self._limits(number),
            self._told,
            clock,
            self.conduct,
        )
        self.conduct.on_change(self.dispatcher.stir)

    def _terms(self, policy: Rules) -> Conduct:
        now = datetime.fromtimestamp(self._clock(), UTC)
        settings, since = self._settings, now - timedelta(minutes=self._longest) - MARGIN
        self._outcomes = Outcomes(self._ledger, self._campaign)
        self._open = self._outcomes.open() if self._follows else []
        return Conduct(
            policy,
            self._governance.budget(self._longest),
            used(self._ledger, self._campaign, self._longest, now),
            max_live=settings.max_live,
            open_calls=[
                (call.call_id, call.began.timestamp()) for call in self._open if call.began > since
            ],
            doubtful=[began.timestamp() for began in self._outcomes.doubtful(since)],
            redials=bool(self._redial),
            clock=self._clock,
        )

    @property
    def _follows(self) -> bool:
        """Whether what calls come to matters to this run."""
        settings = self._settings
        capped = settings.max_minutes is not None or settings.max_spend is not None
        asked = settings.max_live is not None or settings.listen is not None or self._is_canary
        return capped or asked or bool(self._redial)

    def _limits(self, number: int) -> Limits:
        settings, start, end = self._settings, self._governance.start, self._governance.end
        redials = bool(self._redial)
        return Limits(
            settings.concurrency if redials else min(settings.concurrency, max(1, number)),
            settings.max_attempts,
            settings.stop_after,
            settings.limit if redials else number,
            waits=not settings.no_wait,
            begin_at=0.0 if start is None else start.timestamp(),
            end_at=None if end is None else end.timestamp(),
        )

    def stop(self) -> None:
        """Begin no further call; `go` returns when those in flight are settled."""
        self._end_waiting()
        self.dispatcher.stop()

    def abort(self) -> None:
        """Stop at once; rows in flight become `unknown`."""
        self._end_waiting()
        self.journal.hurry()
        self.dispatcher.abort()

    async def go(self, on_outcome: Callable[[Outcome], None]) -> Ending:
        """Dial; returns when every row in flight is settled."""
        self._tell = on_outcome
        self._make_due()
        ending: Ending | None = None
        try:
            async with self._following():
                ending = await self.dispatcher.run()
                if ending.stop in (Stop.DONE, Stop.LIMIT) and not self._settings.no_wait:
                    await self._all_told()
                    if self.dispatcher.ending.stop in (Stop.PAUSED, Stop.CANCELLED):
                        ending = self.dispatcher.ending
        except Exception as fault:
            if ending is None:  # nobody was called
                raise
            if ending.error is None:
                ending = Ending(Stop.BROKEN, error=fault)
        finally:
            await self.journal.close()
            self._thread.shutdown()
        if self.journal.unrecorded:
            error = unrecorded(ending.error, self.journal.unrecorded)
            return Ending(Stop.BROKEN, error=error)
        if ending.stop in (Stop.OVER, Stop.CANCELLED):
            expire(self._ledger, self._list_ids, *(OVER if ending.stop is Stop.OVER else CANCELLED))
        if ending.stop is Stop.CANCELLED:
            self._ledger.ask(self._campaign, None)
        return ending

    def _told(self, outcome: Outcome) -> None:
        self.called += 1
        if self._follower is not None and outcome.call_id and outcome.status in _CALLED:
            self._follower.began(outcome.call_id, self._clock())  # the ledger knows it by now
        self._tell(outcome)

    def _make_due(self, call_ids: Sequence[str] | None = None) -> None:
        """Note which rows may be called again by the rules of this run."""
        if self._governance.redial:
            set_due(self._ledger, self._campaign, self._governance.redial, self._zones, call_ids)
        elif call_ids is None:
            forget_due(self._ledger, self._list_ids)

    def _zones(self, list_id: int, e164: str, cells: Sequence[str]) -> Sequence[str]:
        return self._sheets[list_id].place(e164, cells).zones

    def _body_of(self, claimed: Claimed) -> Mapping[str, str]:
        return payload(self._columns[claimed.list_id], claimed.cells, claimed.e164)

    @asynccontextmanager
    async def _following(self) -> AsyncIterator[None]:
        """Ask meanwhile what calls came to, where it matters to this run."""
        if not self._follows:
            yield
            return
        follower = self._follower = Follower(
            self._service.ask,
            Schedule(self._longest * 60.0),
            self._heard,
            self._service.key_refused,
            clock=self._clock,
        )
        for call in self._open:
            follower.began(call.call_id, call.began.timestamp())
        stop = asyncio.Event()
        async with AsyncExitStack() as stack:
            if self._settings.listen is not None:
                from batchdial.listening.server import Address  # few runs listen
                from batchdial.listening.webhooks import listening, secret_path

                address = Address.parse(self._settings.listen)
                path = secret_path(self._settings.key())
                url = await stack.enter_async_context(listening(address, path, follower.heard))
                self._say(f"Taking posts at {url}")
            following = asyncio.create_task(follower.run(stop))
            following.add_done_callback(lambda _: self.stop())
            try:
                yield
            finally:
                stop.set()
                await following

    def _end_waiting(self) -> None:
        """Wait no longer for what calls come to."""
        self._stopped.set()
        self._news.set()

    async def _all_told(self) -> None:
        """Wait until nothing more is to be told of any call, or somebody says stop."""
        if self._follower is None:
            return
        keeping = asyncio.create_task(self.dispatcher.keep_lease())
        keeping.add_done_callback(lambda _: self._end_waiting())
        try:
            while self._follower.open and not self._stopped.is_set():
                self._news.clear()
                await self._news.wait()
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    def _note(self, told: Sequence[CallState]) -> None:
        """Let the ledger know what calls came to, and who is called again for it."""
        self._outcomes.record(told)
        self._make_due([one.call_id for one in told])

    async def _heard(self, told: Sequence[CallState]) -> None:
        """Record what calls came to, and let go on who waited for it."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._note, told)
        for one in told:
            self.conduct.ended(one.call_id, one.call_length)
        self.dispatcher.wake()
        self._news.set()
