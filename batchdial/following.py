"""What the calls of a campaign came to: asked of the service, kept in the ledger, written out."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from batchdial.campaign import record_list
from batchdial.dialing.outcomes import Follower
from batchdial.errors import ConfigError, LedgerAwayError
from batchdial.ledger.lists import Lists
from batchdial.ledger.outcomes import Outcomes, PlacedCall
from batchdial.ledger.purge import refuse_purged
from batchdial.listening.webhooks import listening
from batchdial.rules.outcomes import UNTOLD, longest_call
from batchdial.rules.polling import Budget, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from batchdial.dialing.client import Service
    from batchdial.ledger.ledger import Ledger
    from batchdial.listening.server import Address
    from batchdial.models import Campaign
    from batchdial.results.transcripts import Transcripts
    from batchdial.rules.outcomes import CallState

#: Seconds between two looks at the ledger for calls that another process placed, most and least.
LOOK_EVERY, LOOK_GAP = 5.0, 1.0
#: Of a person who waits: each call is asked about once, as fast as the ceiling allows.
_AT_ONCE = Budget(per_call=float("inf"))


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a campaign's calls."""

    campaign: Campaign
    counts: Counter[str]  #: calls by outcome
    open: int  #: calls of which it is not known yet
    new: int  #: outcomes that were not known before
    results: tuple[Path, ...]  #: results files that were written

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "campaign": self.campaign.name,
            "agent": self.campaign.agent,
            "calls": self.counts.total() + self.open,
            "outcomes": dict(self.counts.most_common()),
            "open": self.open,
            "new": self.new,
            "results": list(map(str, self.results)),
        }


class Following:
    """
    Follows the calls of one campaign. It may be dialled meanwhile, by this or another process.

    Args:
        ledger: Where the campaign stands.
        campaign: Which.
        service: Makes the way to the service; asked for once there is something to ask.
        base_url: Address of that service.
        transcripts: Where to write what was said.
        trouble: Told in words when the service cannot be asked for a while.

    Raises:
        ConfigError: The campaign was begun with another service, or is purged.
    """

    def __init__(
        self,
        ledger: Ledger,
        campaign: Campaign,
        service: Callable[[], Service],
        base_url: str,
        *,
        transcripts: Transcripts | None = None,
        trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        if campaign.service != base_url:
            raise ConfigError(
                f"{campaign.name} was begun with {campaign.service}, not with {base_url}.\n"
                f"Its calls are known there: --base-url {campaign.service}"
            )
        refuse_purged(ledger, campaign)
        self._ledger = ledger
        self._campaign = campaign
        self._service = service
        self._transcripts = transcripts
        self._trouble = trouble
        self._outcomes = Outcomes(ledger, campaign)
        self._places: dict[str, PlacedCall] = {}
        self._new = 0
        self._look = asyncio.Event()  #: whether the ledger may have news

    async def once(self, stop: asyncio.Event) -> None:
        """
        Ask about each open call once, and about those whose transcript is wanted and missing.

        Raises:
            KeyRefusedError: The service does not accept the key.
            ServiceError: It cannot be asked.
        """
        calls = self._wanted()
        if not calls:
            return
        service = self._service()
        follower = self._follower(service, Schedule(longest_call(None), _AT_ONCE), once=True)
        self._begin(follower, calls)
        await follower.run(stop, until_idle=True)

    async def follow(
        self,
        stop: asyncio.Event,
        *,
        address: Address | None = None,
        path: str = "",
        announce: Callable[[str], None] = lambda _: None,
        forever: bool = False,
    ) -> None:
        """
        Ask until every call is completed and nobody dials the campaign any more.

        Args:
            stop: Ends it earlier.
            address: Where the service's posts are taken, if they are.
            path: Where they are taken there.
            announce: Told the address of that.
            forever: Go on although every call is completed: others may be placed.

        Raises:
            KeyRefusedError: The service does not accept the key.
            ConfigError: The port is taken.
        """
        calls = self._wanted()
        if not calls and not forever and not self._is_dialled():
            return
        service = self._service()
        longest = longest_call(await self._agent(service))
        follower = self._follower(service, Schedule(longest))
        done = asyncio.Event()

        def heard(call_id: str) -> None:
            follower.heard(call_id)
            if call_id not in self._places:
                self._look.set()

        self._begin(follower, calls)
        async with AsyncExitStack() as stack:
            if address is not None:
                announce(await stack.enter_async_context(listening(address, path, heard)))
            tasks = [
                asyncio.create_task(self._keep_looking(follower, done, forever=forever)),
                asyncio.create_task(_pass_on(stop, done)),
            ]
            try:
                following = asyncio.create_task(follower.run(done))
                await asyncio.wait((following, tasks[0]), return_when=asyncio.FIRST_COMPLETED)
                done.set()
                await following
            finally:
                for task in tasks:
                    task.cancel()
            with suppress(asyncio.CancelledError):
                await tasks[0]

    def found(self) -> Found:
        """
        What is known now; the results files are written with it.

        Raises:
            OutputError: One cannot be written; the ledger has every outcome all the same.
        """
        written = tuple(
            record_list(self._ledger, one, self._campaign.name)
            for one in Lists(self._ledger).active(self._campaign)
        )
        counts = self._outcomes.counts()
        still_open = counts.pop(None, 0)
        told = Counter({outcome: number for outcome, number in counts.items() if outcome})
        return Found(self._campaign, told, still_open, self._new, written)

    def _follower(self, service: Service, schedule: Schedule, *, once: bool = False) -> Follower:
        return Follower(
            service.ask,
            schedule,
            self._record,
            service.key_refused,
            trouble=self._trouble,
            once=once,
        )

    def _wanted(self) -> list[PlacedCall]:
        """The calls to ask about: those that are open, and those whose transcript is missing."""
        if self._transcripts is None:
            return self._outcomes.open()
        known = self._transcripts.known
        return [
            one
            for one in self._outcomes.placed()
            if one.outcome is None or (one.outcome != UNTOLD and one.call_id not in known)
        ]

    def _begin(self, follower: Follower, calls: Iterable[PlacedCall]) -> None:
        for one in calls:
            self._places[one.call_id] = one
            follower.began(one.call_id, one.began.timestamp())

    async def _record(self, told: Sequence[CallState]) -> None:
        """What was said is written first: a call that is not recorded is asked about again."""
        await asyncio.to_thread(self._write, told)
        self._look.set()

    def _write(self, told: Sequence[CallState]) -> None:
        if self._transcripts is not None:
            self._transcripts.add(
                (one, self._campaign.name, self._places[one.call_id].row)
                for one in told
                if not one.reason
            )
        self._new += self._outcomes.record(told)

    async def _agent(self, service: Service) -> dict[str, Any] | None:
        """The agent, or None where it is known no more; its calls may still be asked about."""
        try:
            return await service.agent(self._campaign.agent)
        except ConfigError:
            return None

    def _is_dialled(self) -> bool:
        return self._ledger.owner(self._campaign, datetime.now(UTC)) is not None

    async def _keep_looking(
        self, follower: Follower, done: asyncio.Event, *, forever: bool
    ) -> None:
        """Watch calls that are placed meanwhile; end when none can come any more."""
        while not done.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), LOOK_EVERY)
            self._look.clear()
            with suppress(LedgerAwayError):
                # Whether it is dialled is asked first: a call may be placed in between.
                dialled = await asyncio.to_thread(self._is_dialled)
                found = await asyncio.to_thread(self._outcomes.open)
                self._begin(follower, found)
                if not (found or follower.open or dialled or forever):
                    done.set()
            await asyncio.sleep(LOOK_GAP)


async def _pass_on(stop: asyncio.Event, done: asyncio.Event) -> None:
    await stop.wait()
    done.set()
