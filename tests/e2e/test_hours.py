"""People are called within their hours, by their own clock, and rows wait for theirs."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from typing import TYPE_CHECKING

import pytest

from batchdial.dialing.conduct import Conduct
from batchdial.dialing.dispatcher import Dispatcher
from batchdial.dialing.pacing import Pacer
from batchdial.dialing.settle import Reply
from batchdial.dialing.terms import Ending, Limits, Stop
from batchdial.ledger.journal import Journal
from batchdial.ledger.ledger import Ledger
from batchdial.ledger.suppressing import suppress
from batchdial.models import Rate
from batchdial.rules.budget import Budget, Used
from batchdial.rules.plan import Candidate, Decision, Go, Later, Never
from tests.ledger.test_policy import Desk

from .hours import AWAY, HERE, by_the_clock, faked, opens_at, window
from .leads import dialled, numbers, read_results, tally, write_leads, write_rows
from .process import Command, wait_until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path
    from typing import Self, TypeAlias

    from batchdial.models import Claimed
    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer

    Run: TypeAlias = Callable[..., Answer]


def write_zoned(*zones: str, name: str = "leads.csv") -> list[str]:
    """A list of people, each in a zone that a column says."""
    phones = numbers(len(zones))
    rows = [(phone, "Ann Lee", zone) for phone, zone in zip(phones, zones, strict=True)]
    write_rows(name, [("phoneNumber", "prospectName", "timezone"), *rows])
    return phones


def test_rows_wait_and_others_are_called_in_their_order(
    to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """It is said for whom, until when; the exit code says that it goes on, and it does."""
    phones = write_zoned(AWAY, HERE, AWAY, HERE, HERE)
    hours, at = window(), by_the_clock(opens_at(window(), AWAY))
    flags = ("run", "leads.csv", "--yes", "--no-wait", "--concurrency", 1)
    answer = batchdial(*flags, "--hours", hours)
    assert answer.code == 75
    assert "3 can be called now" in answer.err
    assert re.search(rf"\n  2 from .*\({AWAY}\)", answer.err)
    assert f"Stopped: 2 rows wait for {at}." in answer.err
    assert "batchdial resume leads" in answer.err
    assert [post.number for post in to_sandbox.posts] == [phones[1], phones[3], phones[4]]
    rows = read_results(tmp_path / "leads.results.csv")
    assert [row["status"] for row in rows] == ["pending", "success", "pending", *["success"] * 2]
    assert [row["attempts"] for row in rows] == ["0", "1", "0", "1", "1"]
    assert batchdial(*flags, "--hours", hours).code == 75
    assert len(to_sandbox.posts) == 3
    assert batchdial(*flags, "--hours", window(AWAY)).code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)


def test_nobody_yet(to_sandbox: Sandbox, batchdial: Run) -> None:
    """The plan says so before anybody agrees, and nobody is called."""
    write_zoned(HERE)
    answer = batchdial(
        "run", "leads.csv", "--yes", "--no-wait", "--hours", window(begin=3, end=5), "--json"
    )
    assert answer.code == 75
    assert "Nobody can be called now" in answer.err
    assert "Stopped: 1 row waits for" in answer.err
    assert "Stopped: 1 row waits for" in answer.json["stopped"]
    assert not to_sandbox.posts


def test_it_waits_and_a_signal_ends_the_wait(
    to_sandbox: Sandbox, batchdial: Run, tmp_path: Path
) -> None:
    """Waiting costs nothing; it is said until when, and how to end it."""
    write_zoned(AWAY, HERE, AWAY)
    hours = window()
    with Command("run", "leads.csv", "--yes", "--hours", hours) as command:
        command.after(to_sandbox, 1)
        wait_until(lambda: command.said("2 rows wait; the next may be called at"), "the wait")
        assert not command.has_ended
        said = command.send(signal.SIGINT).end()
    assert said.code == 130
    assert f"{opens_at(hours, AWAY).astimezone():%H:%M}" in said.err
    assert tally(read_results(tmp_path / "leads.results.csv")) == {"success": 1, "pending": 2}
    answer = batchdial("resume", "leads", "--yes", "--hours", window(AWAY), "--no-wait")
    assert answer.code == 0
    assert len(to_sandbox.posts) == 3


def test_the_wait_ends_by_itself(to_sandbox: Sandbox) -> None:
    """Two seconds before eight in New York: the run sleeps, and calls at eight."""
    phones = numbers(3)
    write_leads("leads.csv", phones)
    clock = faked("2026-11-26 12:59:46")
    arguments = ("run", "leads.csv", "--yes", "--hours", "08:00-21:00")
    with Command(*arguments, environment=clock) as command:
        said = command.end()
    assert said.code == 0, said.err
    assert "Nobody can be called now" in said.err
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)


@pytest.mark.fault(14, injected="faketime: 21:00 where the people called are, during the run")
def test_an_hour_ends_during_the_run(
    to_sandbox: Sandbox, tmp_path: Path, batchdial: Run, seen: Callable[[str], None]
) -> None:
    """At 21:00:00 of the people called nobody is called any more; the next day goes on."""
    phones = numbers(60)
    write_leads("leads.csv", phones)
    flags = ("--yes", "--no-wait", "--rate", "5/s", "--hours", "08:00-21:00")
    with Command("run", "leads.csv", *flags, environment=faked("2026-11-27 01:59:48")) as command:
        said = command.end()
    assert said.code == 75, said.err
    called = len(to_sandbox.posts)
    assert 0 < called < 60
    assert f"Stopped: {60 - called} rows wait for 2026-11-27 13:00." in said.err
    lines = map(json.loads, batchdial("audit", "leads").out.splitlines())
    at = [one["evidence"]["zones"][0]["local"] for one in lines if "evidence" in one]
    assert len(at) == called
    assert max(at) < "2026-11-26T21:00:00"
    assert tally(read_results(tmp_path / "leads.results.csv"))["pending"] == 60 - called
    morning = faked("2026-11-27 13:00:01")
    with Command("resume", "leads", *flags[:2], "--hours", "08:00-21:00", environment=morning) as c:
        assert c.end().code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)
    seen(f"{called} calls until 20:59:59, the others pending and called the next day")


def test_no_zone_no_call(to_sandbox: Sandbox, batchdial: Run, tmp_path: Path) -> None:
    """A cell that names no zone is no permission; the plan says it, and the row why."""
    phones = write_zoned("Atlantis", HERE)
    answer = batchdial("run", "leads.csv", "--yes", "--hours", window())
    assert answer.code == 0
    assert "1 never: nobody can say which time it is for them" in answer.err
    assert "stay pending" not in answer.err
    assert "time zone not known" in answer.err
    rows = read_results(tmp_path / "leads.results.csv")
    assert [(row["status"], row["reason"]) for row in rows] == [
        ("suppressed", "no_zone"),
        ("success", ""),
    ]
    assert "--map timezone=COLUMN" in rows[0]["detail"]
    assert dialled(to_sandbox.posts) == {phones[1]: 1}


def test_any_hour(to_sandbox: Sandbox, batchdial: Run) -> None:
    """`--hours any` asks nobody's clock."""
    phones = write_zoned("Atlantis", AWAY, HERE)
    answer = batchdial("run", "leads.csv", "--yes", "--hours", "any")
    assert answer.code == 0
    assert "can be called now" not in answer.err
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)


def test_a_column_is_named_by_hand_and_not_sent(to_sandbox: Sandbox, batchdial: Run) -> None:
    """`--map timezone=COLUMN`; a number without the cell tells by itself."""
    one, two, three = numbers(3)
    header = ("phoneNumber", "prospectName", "Where")
    people = [(one, "Ann", "Tokyo"), (two, "Bob", "Phoenix"), (three, "Cat", "")]
    write_rows("leads.csv", [header, *people])
    new_york = window("America/New_York", begin=-0.2, end=0.5)
    flags = ("run", "leads.csv", "--yes", "--no-wait", "--map", "timezone=Where", "--only-mapped")
    assert batchdial(*flags, "--hours", new_york).code == 75
    assert dialled(to_sandbox.posts) == {three: 1}
    assert all("Where" not in json.dumps(post.body) for post in to_sandbox.posts)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--hours", "25:00-26:00"], "--hours: '25:00-26:00' is no window such as 08:00-21:00"),
        (["--hours", "us-federel"], "did you mean us-federal?"),
        (["--days", "mon-fryday"], "--days: 'mon-fryday' is no weekday"),
        (["--holidays", "2026-13-01"], "--holidays: '2026-13-01' is neither a date"),
        (["--hours", "8-21", "--days", ","], "--days"),
        (["--hours", "mon 9-17", "--days", "tue"], "nobody would ever be called"),
    ],
)
@pytest.mark.parametrize("verb", [["run", "gone.csv"]])
def test_hours_that_cannot_be_understood(
    verb: list[str], flags: list[str], says: str, to_sandbox: Sandbox, batchdial: Run
) -> None:
    """All of it is said before a list is read, or missed."""
    answer = batchdial(*verb, "--yes", *flags)
    assert answer.code == 78
    assert says in answer.err
    assert "gone" not in answer.err
    assert not to_sandbox.journal


class Opened:
    """A way to the service on which something happens when a call might leave."""

    def __init__(self, at_the_door: Callable[[str], None]) -> None:
        self.at_the_door = at_the_door
        self.sent: list[str] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    async def call(
        self,
        body: Mapping[str, str],
        leave: Callable[[], Awaitable[bool]],
        sent: Callable[[], None],
    ) -> Reply:
        """Send it if it may leave; as on a real line, whatever goes wrong is a reply."""
        self.at_the_door(body["to"])
        try:
            may = await leave()
        except Exception as error:  # noqa: BLE001
            return Reply(left=False, error=type(error).__name__)
        if not may:
            return Reply(left=False, held=True)
        sent()
        self.sent.append(body["to"])
        return Reply(True, 200, b'{"status": "success", "callId": "call_1"}')


async def dial_with(
    desk: Desk,
    line: Opened,
    rows: int,
    *,
    lanes: int = 1,
    waits: bool = True,
    end_at: float | None = None,
) -> Ending:
    """Dial a desk's list over a line, with the terms that a run has."""
    journal = desk.journal()
    conduct = Conduct(desk.rules, Budget(60), Used(), max_live=None, clock=desk.clock)
    dispatcher = Dispatcher(
        journal,
        lambda: line,
        lambda claimed: {"to": claimed.e164},
        Pacer(Rate(100, 1)),
        Limits(lanes, 3, 0, rows, waits=waits, end_at=end_at),
        lambda _: None,
        desk.clock,
        conduct,
    )
    ending = await dispatcher.run()
    await journal.close()
    return ending


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty ledger, a clock that stands still, and rules that a test speaks for."""
    return Desk(Ledger(str(tmp_path / "ledger.db")))


async def test_an_hour_ends_between_claim_and_sending(desk: Desk) -> None:
    """The row is not sent; it stands as before, waits, and nothing says that it was claimed."""
    desk.begin(3)
    tomorrow = desk.clock.now + 50_000
    is_open = [True]

    def decide(one: Candidate, _: float) -> Decision:
        return Go("{}") if is_open[0] or one.e164.endswith("02") else Later(tomorrow)

    def close(number: str) -> None:
        is_open[0] = not number.endswith("01") and is_open[0]

    desk.rules.say = decide
    line = Opened(close)
    ending = await dial_with(desk, line, 3, waits=False)
    assert ending.stop is Stop.WAITING
    assert [number[-2:] for number in line.sent] == ["00", "02"]
    assert desk.standing() == [("success", ""), ("pending", ""), ("success", "")]


async def test_who_was_claimed_is_called_although_nobody_else_may_be(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lane finds only rows that wait while another is at the door: that call is made."""
    desk.begin(3)
    tomorrow = desk.clock.now + 50_000
    desk.rules.say = lambda one, _: Go("{}") if one.e164.endswith("00") else Later(tomorrow)
    nobody, claim = asyncio.Event(), Journal.claim

    async def claim_and_tell(self: Journal) -> Claimed | None:
        found = await claim(self)
        if found is None:
            nobody.set()
        return found

    monkeypatch.setattr(Journal, "claim", claim_and_tell)

    class Slow(Opened):
        """A connection that takes until the other lane has looked."""

        async def call(
            self,
            body: Mapping[str, str],
            leave: Callable[[], Awaitable[bool]],
            sent: Callable[[], None],
        ) -> Reply:
            await nobody.wait()
            return await super().call(body, leave, sent)

    line = Slow(lambda _: None)
    assert (await dial_with(desk, line, 3, lanes=2, waits=False)).stop is Stop.WAITING
    assert len(line.sent) == 1
    assert desk.standing() == [("success", ""), ("pending", ""), ("pending", "")]


async def test_nobody_is_called_after_the_end(desk: Desk) -> None:
    """Neither when dialling begins after it nor when it comes while a call is at the door."""
    desk.begin(3)
    line = Opened(lambda number: desk.clock.move(100 if number.endswith("01") else 0))
    ending = await dial_with(desk, line, 3, end_at=desk.clock.now + 50)
    assert ending.stop is Stop.OVER
    assert [number[-2:] for number in line.sent] == ["00"]
    assert desk.standing()[1] == ("pending", "")
    desk.free()
    line = Opened(lambda _: None)
    assert (await dial_with(desk, line, 3, end_at=desk.clock.now)).stop is Stop.OVER
    assert line.sent == []
    assert desk.standing()[1:] == [("pending", ""), ("pending", "")]


async def test_a_row_that_was_claimed_long_ago_is_decided_on_anew(desk: Desk) -> None:
    """A number that was suppressed meanwhile is not called; its own claim counts for nothing."""
    desk.begin(3)
    desk.rules.memory = 3600.0
    asked: list[Candidate] = []

    def decide(one: Candidate, _: float) -> Decision:
        asked.append(one)
        return Never("dnc_ledger", "It is listed.") if one.suppressed_at else Go("{}")

    def hold(number: str) -> None:
        desk.clock.move(1.5)
        if number.endswith("01"):
            suppress(desk.ledger, [number], "", desk.clock.moment)

    desk.rules.say = decide
    line = Opened(hold)
    assert (await dial_with(desk, line, 3)).stop is Stop.DONE
    assert [number[-2:] for number in line.sent] == ["00", "02"]
    assert desk.standing()[1] == ("suppressed", "dnc_ledger")
    assert not any(one.calls for one in asked)


async def test_rules_that_break_are_no_fault_of_the_network(desk: Desk) -> None:
    """The run ends with the error, and the row stands as it stood."""
    desk.begin(2)
    line = Opened(lambda _: setattr(desk.rules, "say", lambda *_: 1 / 0))
    ending = await dial_with(desk, line, 2)
    assert (ending.stop, type(ending.error)) == (Stop.BROKEN, ZeroDivisionError)
    assert line.sent == []
    assert desk.standing() == [("pending", ""), ("pending", "")]
