"""Who may dial a campaign, and what becomes of the rows of an owner that is gone."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from batchdial.errors import CampaignBusyError, LedgerError
from batchdial.ledger.ledger import LEASE, Ledger, Owner
from batchdial.ledger.schema import attempts, campaigns, lists, rows
from batchdial.models import CallStatus
from tests.ledger.bench import NUMBERS, SERVICE, SqlBench, after, contact, here, pending
from tests.ledger.test_contract import ACCEPTED, LOST, REFUSED, THROTTLED, claimed_from

END = LEASE.total_seconds()


def dead_pid() -> int:
    """A process that was here and is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_campaign_is_a_name_and_an_agent(sql_bench: SqlBench) -> None:
    """The same two find it again; another name or agent is another campaign."""
    ledger, now = sql_bench.ledger, sql_bench.clock.moment
    first = ledger.campaign("spring", "ag_1", SERVICE, now)
    assert (first.name, first.agent, first.service, first.generation) == (
        "spring",
        "ag_1",
        SERVICE,
        1,
    )
    assert first.created_at == now
    assert ledger.campaign("spring", "ag_1", SERVICE, after(now, 60)) == first
    others = {
        ledger.campaign(n, a, SERVICE, now).id for n, a in [("spring", "ag_2"), ("x", "ag_1")]
    }
    assert len({first.id, *others}) == 3
    assert {one.agent for one in ledger.find("spring")} == {"ag_1", "ag_2"}
    assert ledger.find("spring", "ag_3") == []
    fresh = ledger.campaign("spring", "ag_4", SERVICE, after(now, -60))
    assert (fresh.name, fresh.agent) == ("spring", "ag_4")
    assert ledger.campaign("ag_1", "ag_4", SERVICE, now).name == "ag_1"
    assert ledger.campaign("spring", "ag_1", SERVICE, now) == first


def test_the_campaign_used_last_is_found_first(sql_bench: SqlBench) -> None:
    """Using it is holding it."""
    ledger, now = sql_bench.ledger, sql_bench.clock.moment
    old, new = (ledger.campaign(name, "ag_1", SERVICE, now) for name in ("old", "new"))
    assert [one.name for one in ledger.find()] == ["new", "old"]
    ledger.acquire(old, here(), after(now, 1))
    assert [one.name for one in ledger.find()] == ["old", "new"]
    assert new.id != old.id


def test_a_campaign_begun_twice_at_once_is_one(sql_bench: SqlBench) -> None:
    """Whoever comes second finds the first one's."""
    with ThreadPoolExecutor(8) as threads:
        found = list(
            threads.map(lambda _: sql_bench.new_campaign("spring").id, range(16), timeout=60)
        )
    assert len(set(found)) == 1


def test_a_campaign_without_a_list_is_forgotten(sql_bench: SqlBench) -> None:
    """One with a list is kept, and so is every other."""
    sql_bench.begin(pending(1))
    sql_bench.ledger.release(sql_bench.leases[-1])
    empty = sql_bench.new_campaign("typo")
    sql_bench.new_campaign("begun")
    for campaign in (empty, sql_bench.campaign):
        sql_bench.ledger.forget(campaign)
    assert {one.name for one in sql_bench.ledger.find()} == {"leads", "begun"}


def test_a_campaign_that_somebody_holds_is_not_forgotten(sql_bench: SqlBench) -> None:
    """Whoever was refused must not pull it from under whoever is reading a list into it."""
    held = sql_bench.new_campaign("spring")
    lease = sql_bench.ledger.acquire(held, here(), sql_bench.clock.moment)
    sql_bench.ledger.forget(held)
    assert sql_bench.ledger.find("spring") == [held]
    sql_bench.ledger.release(lease)
    sql_bench.ledger.forget(held)
    assert sql_bench.ledger.find("spring") == []


@pytest.mark.parametrize("owner", [here(1), here(), Owner("far-away", 4711)])
def test_a_live_owner_is_named_to_whoever_else_comes(sql_bench: SqlBench, owner: Owner) -> None:
    """Process, machine, since when, and how to watch it."""
    now = sql_bench.clock.moment
    campaign = sql_bench.new_campaign("spring")
    sql_bench.ledger.acquire(campaign, owner, now)
    almost = after(now, END - 1)
    machine = "far-away" if owner.host == "far-away" else "this machine"
    since = f"{now.astimezone():%H:%M}"
    words = f"process {owner.pid} on {machine} since {since}"
    with pytest.raises(CampaignBusyError) as refused:
        sql_bench.ledger.acquire(campaign, here(dead_pid()), almost)
    assert str(refused.value) == (
        f"spring is being dialled by {words}.\nWatch it: batchdial status spring --watch"
    )
    assert sql_bench.ledger.owner(campaign, almost) == words


def test_a_process_of_another_user_is_alive(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it may not be asked is an answer."""

    def forbidden(_pid: int, _signal: int) -> None:
        raise PermissionError

    now = sql_bench.clock.moment
    campaign = sql_bench.new_campaign("spring")
    sql_bench.ledger.acquire(campaign, here(dead_pid()), now)
    monkeypatch.setattr(os, "kill", forbidden)
    with pytest.raises(CampaignBusyError):
        sql_bench.ledger.acquire(campaign, here(), now)


async def test_a_dead_owner_here_is_followed_at_once(sql_bench: SqlBench) -> None:
    """And what it left in flight is unknown, with when it may have rung."""
    sql_bench.begin(pending(3))
    now = after(sql_bench.clock.moment, 1_000)
    lease = sql_bench.ledger.acquire(sql_bench.campaign, here(dead_pid()), now)
    journal = sql_bench.journal(lease, sql_bench.list_id)
    await journal.settle(await claimed_from(journal), ACCEPTED)
    await claimed_from(journal)
    await journal.close()
    new = sql_bench.ledger.acquire(sql_bench.campaign, here(), now)
    assert new.fence == lease.fence + 1
    left = sql_bench.standing()
    assert [row.verdict.status.value for row in left] == ["success", "unknown", "pending"]
    assert left[1].verdict.reason == "answer_lost"
    assert left[1].verdict.detail == (
        "The process that called ended before the answer came. "
        "It may have rung at 2027-01-15 08:00:00 UTC."
    )
    assert left[1].last_attempt_at == sql_bench.clock.moment


@pytest.mark.parametrize("how", ["followed", "given back", "looked at"])
async def test_only_what_was_in_flight_becomes_unknown(sql_bench: SqlBench, how: str) -> None:
    """Other rows' calls, and what the row's earlier attempt came to, stay as they were told."""
    sql_bench.begin(pending(5))
    now = after(sql_bench.clock.moment, 1_000)
    owner = here() if how == "given back" else here(dead_pid())
    lease = sql_bench.ledger.acquire(sql_bench.campaign, owner, now)
    journal = sql_bench.journal(lease, sql_bench.list_id)
    for end in (ACCEPTED, THROTTLED, REFUSED, ACCEPTED):
        claimed = await claimed_from(journal)
        await journal.settle(claimed, end)
        if end is THROTTLED:
            waits = claimed
    assert await journal.claim_again(waits) is not None
    await claimed_from(journal)
    await journal.close()
    if how == "followed":
        sql_bench.ledger.acquire(sql_bench.campaign, here(), now)
    elif how == "given back":
        sql_bench.ledger.release(lease)
    else:
        sql_bench.ledger.owner(sql_bench.campaign, now)
    columns = attempts.c.nth, attempts.c.status, attempts.c.reason, attempts.c.call_id
    query = sa.select(*columns).order_by(attempts.c.row_id, attempts.c.nth)
    with sql_bench.ledger.reading() as connection:
        assert [tuple(row) for row in connection.execute(query)] == [
            (1, "success", "", "call_1"),
            (1, "failed", "rate_limited", ""),
            (2, "unknown", "answer_lost", ""),
            (1, "failed", "refused", ""),
            (1, "success", "", "call_1"),
            (1, "unknown", "answer_lost", ""),
        ]
    told = [row.verdict.status.value for row in sql_bench.standing()]
    assert told == ["success", "unknown", "failed", "success", "unknown"]


def test_an_owner_elsewhere_keeps_the_campaign_until_its_lease_ends(sql_bench: SqlBench) -> None:
    """Nobody can tell from here whether that process lives."""
    now = sql_bench.clock.moment
    campaign = sql_bench.new_campaign("spring")
    lease = sql_bench.ledger.acquire(campaign, Owner("far-away", dead_pid()), now)
    assert sql_bench.ledger.renew(lease, after(now, 20))
    with pytest.raises(CampaignBusyError):
        sql_bench.ledger.acquire(campaign, here(), after(now, 20 + END - 1))
    assert sql_bench.ledger.owner(campaign, after(now, 20 + END)) is None
    taken = sql_bench.ledger.acquire(campaign, here(), after(now, 20 + END))
    assert not sql_bench.ledger.renew(lease, after(now, 20 + END))
    assert sql_bench.ledger.renew(taken, after(now, 20 + END))


async def test_release_turns_what_is_in_flight_unknown(sql_bench: SqlBench) -> None:
    """Unless another process has the campaign by now."""
    sql_bench.begin(pending(2))
    old = sql_bench.acquire()
    journal = sql_bench.journal(old, sql_bench.list_id)
    await claimed_from(journal)
    await journal.close()
    new = sql_bench.acquire()
    journal = sql_bench.journal(new, sql_bench.list_id)
    await claimed_from(journal)
    await journal.close()
    sql_bench.ledger.release(old)
    assert [row.verdict.status.value for row in sql_bench.standing()] == ["unknown", "dialing"]
    sql_bench.ledger.release(new)
    left = sql_bench.standing()
    assert [row.verdict.status.value for row in left] == ["unknown", "unknown"]
    assert left[1].verdict.detail.startswith("Stopped before the answer came.")
    assert sql_bench.ledger.owner(sql_bench.campaign, sql_bench.clock.moment) is None
    assert sql_bench.ledger.owned_since(sql_bench.campaign) is None
    sql_bench.ledger.acquire(sql_bench.campaign, here(), sql_bench.clock.moment)


async def test_looking_at_a_campaign_settles_what_a_dead_owner_left(sql_bench: SqlBench) -> None:
    """`status` after a crash shows unknown rows, not rows in flight for ever."""
    sql_bench.begin(pending(1))
    journal = sql_bench.run()
    await claimed_from(journal)
    await journal.close()
    later = after(sql_bench.clock.moment, 3_600)
    assert sql_bench.ledger.owner(sql_bench.campaign, sql_bench.clock.moment) is not None
    assert sql_bench.standing()[0].verdict.status is CallStatus.DIALING
    assert sql_bench.ledger.owner(sql_bench.campaign, later) is None
    verdict = sql_bench.standing()[0].verdict
    assert verdict.status is CallStatus.UNKNOWN
    assert verdict.detail.startswith("The process that called ended before the answer came.")


@pytest.mark.parametrize(
    "settlement", [ACCEPTED, LOST, None], ids=["success", "unknown", "dialing"]
)
async def test_the_database_refuses_a_second_ring(sql_bench: SqlBench, settlement: object) -> None:
    """Whatever the program does, one campaign's number has one attempt that may have rung it."""
    sql_bench.begin([contact(2, NUMBERS[0]), contact(3, NUMBERS[1])])
    journal = sql_bench.run()
    claimed = await claimed_from(journal)
    if settlement is ACCEPTED:
        await journal.settle(claimed, ACCEPTED)
    elif settlement is LOST:
        await journal.settle(claimed, LOST)
    await journal.close()
    second = {
        "row_id": claimed.row_id + 1,
        "nth": 1,
        "campaign_id": sql_bench.campaign.id,
        "generation": 1,
        "e164": NUMBERS[0],
        "claimed_at": sql_bench.clock.moment,
    }
    for status in ("dialing", "success", "unknown"):
        with (
            pytest.raises(sa.exc.IntegrityError),
            sql_bench.ledger._engine.begin() as connection,
        ):
            connection.execute(sa.insert(attempts).values(**second, status=status))
    with sql_bench.ledger.writing() as connection:
        connection.execute(sa.insert(attempts).values(**second, status="failed"))


async def test_a_broken_rule_is_an_error_and_no_call(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the program forgot to look, the index would still refuse the claim."""
    sql_bench.begin([contact(2, NUMBERS[0]), contact(3, NUMBERS[0])])
    journal = sql_bench.run()
    await claimed_from(journal)
    monkeypatch.setattr("batchdial.ledger.claims.Claims._rung", lambda *_: set())
    with pytest.raises(LedgerError, match=r"(?i)unique"):
        await journal.claim()
    await journal.close()
    assert [row.verdict.status.value for row in sql_bench.standing()] == ["dialing", "pending"]


async def test_take_overs_and_claims_at_once_do_not_block_each_other(where: str) -> None:
    """Both take their locks in the same order, so the database never has to choose a victim."""
    bench = SqlBench(where)
    with bench.ledger, Ledger(where) as second:
        bench.begin(pending(60))
        now, told = bench.clock.moment, []
        for round_ in range(10):
            journal = bench.run()
            claims = [await claimed_from(journal) for _ in range(3)]
            later = after(now, 10_000 + 1_000 * round_)
            owner = Owner("thief", round_)
            loop = asyncio.get_running_loop()
            told += await asyncio.gather(
                loop.run_in_executor(None, second.acquire, bench.campaign, owner, later),
                *(journal.settle(claim, ACCEPTED) for claim in claims),
                journal.claim(),
                return_exceptions=True,
            )
            await journal.close()
            bench.clock.now = later.timestamp() + 2 * END
            bench._owners = 0
        errors = [str(one) for one in told if isinstance(one, Exception)]
        assert [one for one in errors if "taken over" not in one] == []
        assert bench.lists.counts([bench.list_id])[CallStatus.SUCCESS, ""] == 30


async def test_other_campaigns_are_left_alone(sql_bench: SqlBench) -> None:
    """Whoever takes, looks at or gives back one campaign does not touch the calls of another."""
    sql_bench.begin(pending(2))
    busy = sql_bench.acquire()
    journal = sql_bench.journal(busy, sql_bench.list_id)
    await claimed_from(journal)
    await journal.close()
    ledger, now = sql_bench.ledger, sql_bench.clock.moment
    other = sql_bench.new_campaign("spring")
    assert ledger.owner(other, now) is None
    assert ledger.owned_since(other) is None
    assert ledger.owned_since(sql_bench.campaign) == after(now, 4 * END)
    lease = ledger.acquire(other, here(), after(now, 7))
    assert ledger.owned_since(other) == after(now, 7)
    assert ledger.renew(lease, after(now, 8))
    lease = ledger.again(lease)
    ledger.release(lease)
    assert [row.verdict.status.value for row in sql_bench.standing()] == ["dialing", "pending"]
    assert [one.id for one in sql_bench.lists.active(sql_bench.campaign)] == [sql_bench.list_id]
    assert sql_bench.lists.active(other) == []
    generations = {one.name: one.generation for one in ledger.find()}
    assert generations == {"leads": 1, "spring": 2}
    assert ledger.owner(sql_bench.campaign, after(now, 4 * END)) is not None


async def test_again_retires_every_list_of_its_campaign(sql_bench: SqlBench) -> None:
    """And keeps the right to dial it."""
    sql_bench.begin(pending(1))
    lease = sql_bench.acquire()
    sql_bench.add_list(lease, pending(1), "more.csv")
    draft = sql_bench.stage(lease.campaign, pending(1), "draft.csv")
    again = sql_bench.ledger.again(lease)
    assert (again.fence, again.campaign.generation) == (lease.fence, 2)
    assert again.campaign.id == lease.campaign.id
    assert sql_bench.lists.active(again.campaign) == []
    with sql_bench.ledger.reading() as connection:
        states = connection.execute(sa.select(lists.c.state).order_by(lists.c.id)).scalars().all()
    assert states == ["replaced", "replaced", "draft"]
    sql_bench.lists.activate(again, draft, None, sql_bench.clock.moment)
    assert [one.name for one in sql_bench.lists.active(again.campaign)] == ["draft.csv"]


def test_again_is_said_of_one_campaign(sql_bench: SqlBench) -> None:
    """Not of the one that was used last, whose name or agent may be the same."""
    lease = sql_bench.acquire(sql_bench.new_campaign("spring"))
    for name, agent in (("spring", "ag_2"), ("summer", "ag_1")):
        sql_bench.acquire(sql_bench.ledger.campaign(name, agent, SERVICE, sql_bench.clock.moment))
    again = sql_bench.ledger.again(lease)
    assert (again.campaign.id, again.campaign.generation) == (lease.campaign.id, 2)


async def test_looking_on_disturbs_nobody_who_comes_meanwhile(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the lock another process may have begun to dial."""
    sql_bench.begin(pending(2))
    now = after(sql_bench.clock.moment, 1_000)
    dead = sql_bench.ledger.acquire(sql_bench.campaign, here(dead_pid()), now)
    journal = sql_bench.journal(dead, sql_bench.list_id)
    await claimed_from(journal)
    await journal.close()
    with Ledger(sql_bench.where) as second:
        lease = second.acquire(sql_bench.campaign, here(), now)
        journal = sql_bench.journal(lease, sql_bench.list_id)
        await claimed_from(journal)
        await journal.close()
        with second.writing() as connection:  # as it was a moment ago
            connection.execute(sa.update(campaigns).values(owner_pid=dead_pid()))
        writing = sql_bench.ledger.writing

        def somebody_comes() -> object:
            monkeypatch.undo()
            with second.writing() as connection:
                connection.execute(sa.update(campaigns).values(owner_pid=os.getpid()))
            return writing()

        monkeypatch.setattr(sql_bench.ledger, "writing", somebody_comes)
        assert sql_bench.ledger.owner(sql_bench.campaign, now) is None
    assert [row.verdict.status.value for row in sql_bench.standing()] == ["unknown", "dialing"]


def test_owners_are_told_apart_by_machine_and_process() -> None:
    """This process is here."""
    assert Owner.here() == here(os.getpid())


def test_times_without_a_zone_are_refused(sql_bench: SqlBench) -> None:
    """Nobody can say which moment they mean."""
    naive = sql_bench.clock.moment.replace(tzinfo=None)
    with pytest.raises(LedgerError, match="without a zone"):
        sql_bench.ledger.campaign("x", "ag_1", SERVICE, naive)


async def test_times_come_back_in_utc(sql_bench: SqlBench) -> None:
    """Whatever zone the database's server is in, so that what is printed as UTC is UTC."""
    sql_bench.begin(pending(1))
    journal = sql_bench.run()
    await journal.settle(await claimed_from(journal), ACCEPTED)
    await journal.close()
    (row,) = sql_bench.standing()
    assert str(row.last_attempt_at) == "2027-01-15 08:00:00+00:00"
    assert str(sql_bench.campaign.created_at) == "2027-01-15 08:00:00+00:00"
    with sql_bench.ledger.reading() as connection:
        assert connection.execute(sa.select(rows.c.attempts)).scalar_one() == 1
        assert connection.execute(sa.select(campaigns.c.fence)).scalar_one() == 2
