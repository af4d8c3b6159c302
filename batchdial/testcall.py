"""One call to a number of one's own, as the first row would be called."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from batchdial.dialing.settle import settle
from batchdial.errors import ConfigError, ListError
from batchdial.lists.phones import judged
from batchdial.models import CallStatus
from batchdial.rules.masking import masked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchdial.campaign import Session
    from batchdial.models import Settlement


def body_for(session: Session, text: str) -> dict[str, str]:
    """
    The request of the first row, with another number in it.

    Raises:
        ConfigError: The text is no number that may be called, or is a contact's.
        ListError: There is no row to take variables from.
    """
    settings = session.settings
    verdict = judged(text, settings.region, settings.allow_types)
    if verdict.status is not CallStatus.PENDING or verdict.e164 is None:
        raise ConfigError(f"--test-to: {masked(verdict.detail)}")
    if session.has_number(verdict.e164):
        raise ConfigError(
            "--test-to: this number is a contact's. Give your own, which is in no list of "
            f"{session.campaign.name}."
        )
    examples = session.plan().examples
    if not examples:
        raise ListError("--test-to: there is no row to call, so none to take variables from.")
    return {**examples[0], "phoneNumber": verdict.e164}


def place(session: Session, body: Mapping[str, str]) -> Settlement:
    """Wait for a departure, and POST once, whatever comes of it; nothing of it is a row's."""
    time.sleep(session.departure())
    return asyncio.run(_place(session, body))


async def _place(session: Session, body: Mapping[str, str]) -> Settlement:
    async with session.service().line(session.campaign.agent) as line:
        return settle(await line.call(body), datetime.now(UTC))
