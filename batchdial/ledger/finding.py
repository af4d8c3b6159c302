"""The campaign that a person means, among all that a ledger has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from batchdial.errors import ConfigError
from batchdial.ledger.schema import attempts, lists, rows

if TYPE_CHECKING:
    from batchdial.ledger.ledger import Ledger
    from batchdial.models import Campaign

#: Campaigns that are named to whoever named one that there is not.
NAMED = 20


def find_campaign(ledger: Ledger, name: str | None, agent: str | None) -> Campaign:
    """
    The campaign that a person means: of this name, else the latest.

    Raises:
        ConfigError: There is none, or two agents have one; the message names them.
    """
    found = ledger.find(name, agent)
    if not found:
        which = (f"no campaign {name!r}" if name else "no campaign") + (
            f" of agent {agent}" if agent else ""
        )
        raise ConfigError(f"The ledger {ledger.where} has {which}. It knows: {_known(ledger)}.")
    if name is not None and len(found) > 1:
        agents = ", ".join(one.agent for one in found)
        raise ConfigError(f"{name} ran with several agents: {agents}. Say which: --agent ID")
    return found[0]


def has_number(ledger: Ledger, campaign: Campaign, e164: str) -> bool:
    """Whether a campaign has a number in any of its lists, drafts among them, or called it."""
    of_list = (
        sa.select(rows.c.id)
        .join(lists, lists.c.id == rows.c.list_id)
        .where(lists.c.campaign_id == campaign.id, rows.c.e164 == e164)
    )
    called = sa.select(attempts.c.row_id).where(
        attempts.c.campaign_id == campaign.id, attempts.c.e164 == e164
    )
    with ledger.reading() as connection:
        return any(connection.execute(query.limit(1)).first() for query in (of_list, called))


def _known(ledger: Ledger) -> str:
    """Names, those of the campaigns that were used last where there are many."""
    names = list(dict.fromkeys(one.name for one in ledger.find()))
    more = len(names) - NAMED
    told = ", ".join(sorted(names[:NAMED])) or "none yet"
    return told + (f" and {more:,} more, which `batchdial campaigns` lists" if more > 0 else "")
