"""Unknown rows settled by call logs and webhooks, and rows that stay in doubt."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from .leads import (
    assert_nobody_twice,
    dialled,
    number,
    numbers,
    read_results,
    tally,
    with_status,
    write_leads,
)
from .process import Command
from .test_terminal import ended

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pexpect

    from batchdial.sandbox import Record, Sandbox
    from tests.conftest import Answer

#: Six calls: accepted, answer lost after and before it rang, 500 after it rang, no callId, refused.
FATES = ("ok", "drop-rang", "drop-silent", "500-rang", "no_call_id", "failed")
#: What became of them before and after a log is read.
BEFORE = ["success", "unknown", "unknown", "unknown", "unknown", "failed"]
AFTER = ["success", "success", "unknown", "success", "success", "failed"]


@pytest.fixture
def lost(to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path) -> list[Record]:
    """What a service knows of six calls, of which four answers were lost on the way."""
    write_leads(tmp_path / "leads.csv", numbers(6))
    to_sandbox.configure(script=FATES)
    batchdial("run", "leads.csv", "--yes", "--concurrency", 1, "--stop-after", 0)
    assert statuses(tmp_path) == BEFORE
    to_sandbox.configure(script=())
    return [post for post in to_sandbox.posts if post.rang]


def statuses(folder: Path) -> list[str]:
    """The rows' statuses in the results file."""
    return [row["status"] for row in read_results(folder / "leads.results.csv")]


def moment(record: Record) -> datetime:
    """When a call arrived."""
    return datetime.fromtimestamp(record.at, UTC)


def call(record: Record, **changes: object) -> dict[str, Any]:
    """A call as the service's own answers and webhooks tell it."""
    return {
        "callId": record.call_id,
        "direction": "outbound",
        "from": number(99),
        "to": record.number,
        "createdAt": moment(record).isoformat(),
        "transcripts": [{"role": "user", "content": "yes"}],
        **changes,
    }


def write_log(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A call log as a vendor's page exports it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def as_csv(path: Path, calls: Sequence[Record]) -> None:
    rows = [(one.call_id, one.number, moment(one).isoformat()) for one in calls]
    write_log(path, ("Call ID", "Phone", "Started At"), rows)


def as_local_csv(path: Path, calls: Sequence[Record]) -> None:
    """In another zone and to the second, day and time of day apart, without a zone."""
    zone = timedelta(hours=5, minutes=30)
    rows = [
        (one.call_id, (one.number or "")[2:], *f"{moment(one) + zone:%Y-%m-%d %H:%M:%S}".split())
        for one in calls
    ]
    write_log(path, ("call_id", "number", "Date", "Time"), rows)


def as_epoch_csv(path: Path, calls: Sequence[Record]) -> None:
    rows = [(one.call_id, one.number, int(one.at * 1000)) for one in calls]
    write_log(path, ("uid", "callee", "when"), rows)


def as_json(path: Path, calls: Sequence[Record]) -> None:
    path.write_text(json.dumps({"calls": [call(one) for one in calls]}))


def as_lines(path: Path, calls: Sequence[Record]) -> None:
    """One webhook a line, wrapped as webhooks are, times in Unix seconds."""
    told = [{"event": "done", "call": call(one, createdAt=one.at)} for one in calls]
    path.write_text("".join(json.dumps(one) + "\n" for one in told))


@pytest.mark.parametrize(
    ("write", "name", "flags"),
    [
        pytest.param(as_csv, "calls.csv", [], id="csv"),
        pytest.param(
            as_local_csv,
            "calls.csv",
            ["--timezone", "Asia/Kolkata", "--region", "US"],
            id="csv-local",
        ),
        pytest.param(
            as_epoch_csv, "calls.csv", ["--map", "callId=uid", "--map", "time=when"], id="csv-epoch"
        ),
        pytest.param(as_json, "calls.json", [], id="json"),
        pytest.param(as_lines, "calls.jsonl", [], id="json-lines"),
    ],
)
def test_a_log_settles_what_it_can(
    write: Callable[[Path, Sequence[Record]], None],
    name: str,
    flags: list[str],
    lost: list[Record],
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
) -> None:
    """
    Rows whose call is in the log become success with its callId; the others stay as they are.

    The same log again changes nothing, and what was settled is dialled by nobody.
    """
    write(tmp_path / name, lost)
    planned = batchdial("reconcile", "leads", name, "--dry-run", *flags)
    assert planned.code == 1
    assert statuses(tmp_path) == BEFORE
    answer = batchdial("reconcile", "leads", name, "--yes", "--json", *flags)
    assert answer.code == 1
    assert [one["row"] for one in answer.json["settled"]] == [3, 5, 6]
    assert [one["row"] for one in answer.json["unknown"]] == [4]
    assert f"row 4 of leads.csv, {number(2)[:6]}••••" in answer.err
    rows = read_results(tmp_path / "leads.results.csv")
    assert [row["status"] for row in rows] == AFTER
    by_number = {one.number: one.call_id for one in lost}
    settled = [row for row in rows if row["reason"] == "reconciled"]
    assert [row["callId"] for row in settled] == [by_number[row["e164"]] for row in settled]
    assert all(name in row["detail"] for row in settled)
    assert not [phone for phone in numbers(6) if phone in answer.err + answer.out]

    before = (tmp_path / "leads.results.csv").read_bytes()
    again = batchdial("reconcile", "leads", name, "--yes", "--json", *flags)
    assert (again.code, again.json["settled"]) == (1, [])
    assert batchdial("results").code == 0
    assert (tmp_path / "leads.results.csv").read_bytes() == before

    calls = len(to_sandbox.posts)
    assert batchdial("retry", "leads", "--include-unknown", "--yes").code == 0
    assert dialled(to_sandbox.posts[calls:]) == {number(2): 1, number(5): 1}


def test_the_latest_campaign_and_standard_input(
    lost: list[Record],
    batchdial: Callable[..., Answer],
    piped: Callable[[str], None],
    tmp_path: Path,
) -> None:
    """Without a name the latest campaign is meant; a webhook may be piped."""
    piped(json.dumps(call(lost[1])))
    assert batchdial("reconcile", "-", "--yes").code == 1
    assert statuses(tmp_path)[1:4] == ["success", "unknown", "unknown"]


def test_a_webhook_that_says_little(
    lost: list[Record], batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """A payload with nothing but the callId proves nothing, until the service is asked."""
    (tmp_path / "hook.json").write_text(json.dumps({"callId": lost[1].call_id, "transcript": "x"}))
    alone = batchdial("reconcile", "leads", "hook.json", "--yes")
    assert (alone.code, statuses(tmp_path)) == (1, BEFORE)
    assert "no number, no time" in alone.err
    asked = batchdial("reconcile", "leads", "hook.json", "--yes", "--look-up")
    assert asked.code == 1
    assert statuses(tmp_path)[1] == "success"


def late(record: Record, seconds: float) -> str:
    return (moment(record) + timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({}, "", id="its-call"),
        pytest.param({"to": number(50)}, "no call to the number", id="another-number"),
        pytest.param({"createdAt": -60}, "no call to the number", id="before-the-attempt"),
        pytest.param({"createdAt": 3600}, "no call to the number", id="an-hour-later"),
        pytest.param({"direction": "inbound"}, "no call to the number", id="they-called-us"),
        pytest.param({"callId": "first"}, "no call to the number", id="of-another-row"),
        pytest.param({"callId": None}, "lacks", id="no-call-id"),
        pytest.param({"createdAt": None}, "lacks", id="no-time"),
        pytest.param({"createdAt": "2026-11-22"}, "lacks", id="no-time-of-day"),
        pytest.param({"to": "12"}, "lacks", id="no-number"),
    ],
)
def test_what_is_evidence(
    change: dict[str, Any],
    why: str,
    lost: list[Record],
    batchdial: Callable[..., Answer],
    tmp_path: Path,
) -> None:
    """Only a call to the number, after the request, that is no other row's, settles a row."""
    told = call(lost[1], **change)
    if isinstance(change.get("createdAt"), int):
        told["createdAt"] = late(lost[1], change["createdAt"])
    if change.get("callId") == "first":
        told["callId"] = lost[0].call_id
    (tmp_path / "calls.json").write_text(json.dumps([told]))
    answer = batchdial("reconcile", "leads", "calls.json", "--yes", "--json")
    assert answer.code == 1
    assert statuses(tmp_path)[1] == ("unknown" if why else "success")
    if why:
        assert why in next(one["why"] for one in answer.json["unknown"] if one["row"] == 3)


def test_two_calls_for_one_row(
    lost: list[Record], batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """Nobody can say which of two calls was the row's: it stays unknown, and both are named."""
    calls = [call(lost[1]), call(lost[1], callId="call_other", createdAt=late(lost[1], 30))]
    (tmp_path / "calls.json").write_text(json.dumps(calls))
    answer = batchdial("reconcile", "leads", "calls.json", "--yes")
    assert statuses(tmp_path) == BEFORE
    assert "2 calls can have been it: calls.json row 1, calls.json row 2" in answer.err


def test_one_call_for_two_campaigns(
    lost: list[Record],
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
) -> None:
    """A call that another campaign may have made as well settles neither."""
    write_leads(tmp_path / "others.csv", [number(1)])
    to_sandbox.configure(script=("drop-silent",))
    batchdial("run", "others.csv", "--yes")
    (tmp_path / "calls.json").write_text(json.dumps(call(lost[1], createdAt=late(lost[1], 60))))
    for name in ("leads", "others"):
        answer = batchdial("reconcile", name, "calls.json", "--yes", "--json")
        assert answer.json["settled"] == []
        assert "another attempt as well" in str(answer.json["unknown"])


class TestComplete:
    """A person says that a log has every call of some time."""

    def flags(self, lost: Sequence[Record]) -> list[str]:
        """From a minute before the first call until an hour after the last."""
        begin, end = moment(lost[0]) - timedelta(minutes=1), moment(lost[-1]) + timedelta(hours=1)
        return ["--complete-from", begin.isoformat(), "--complete-until", end.isoformat()]

    def test_absence_is_proof_then(
        self,
        lost: list[Record],
        to_sandbox: Sandbox,
        batchdial: Callable[..., Answer],
        tmp_path: Path,
    ) -> None:
        """A row without a call becomes failed, and `retry` dials it and nobody else."""
        as_csv(tmp_path / "calls.csv", lost)
        answer = batchdial("reconcile", "leads", "calls.csv", "--yes", *self.flags(lost))
        assert answer.code == 0
        rows = read_results(tmp_path / "leads.results.csv")
        assert tally(rows) == {"success": 4, "failed": 2}
        assert rows[2]["reason"] == "not_in_log"
        before = len(to_sandbox.posts)
        assert batchdial("retry", "leads", "--yes").code == 0
        assert dialled(to_sandbox.posts[before:]) == {number(2): 1, number(5): 1}
        assert set(to_sandbox.rung.values()) == {1}

    def test_a_log_with_a_gap_is_not_complete(
        self, lost: list[Record], batchdial: Callable[..., Answer], tmp_path: Path
    ) -> None:
        """A log that lacks a call which was accepted is refused, whatever a person says."""
        as_csv(tmp_path / "calls.csv", lost[1:])
        answer = batchdial("reconcile", "leads", "calls.csv", "--yes", *self.flags(lost))
        assert (answer.code, statuses(tmp_path)) == (78, BEFORE)
        assert str(lost[0].call_id) in answer.err

    @pytest.mark.parametrize("end", ["attempt", "window"])
    def test_the_log_ends_too_early(
        self, end: str, lost: list[Record], batchdial: Callable[..., Answer], tmp_path: Path
    ) -> None:
        """A log that may have ended before the row's call proves nothing by its absence."""
        as_csv(tmp_path / "calls.csv", lost)
        until = moment(lost[-1]) + (timedelta(0) if end == "attempt" else timedelta(minutes=9))
        flags = [*self.flags(lost)[:3], until.isoformat()]
        batchdial("reconcile", "leads", "calls.csv", "--yes", *flags)
        assert statuses(tmp_path)[2] == "unknown"

    @pytest.mark.parametrize(
        "line",
        [
            pytest.param(("", number(2), "now"), id="no-call-id"),
            pytest.param(("call_9", "withheld", "now"), id="no-number"),
            pytest.param(("call_9", "withheld", "soon"), id="neither"),
        ],
    )
    def test_a_line_that_cannot_be_read_may_be_the_call(
        self,
        line: tuple[str, str, str],
        lost: list[Record],
        batchdial: Callable[..., Answer],
        tmp_path: Path,
    ) -> None:
        """What lacks callId or number and may have been the row's call keeps it unknown."""
        as_csv(tmp_path / "calls.csv", lost)
        at = moment(lost[1]).isoformat()
        with (tmp_path / "calls.csv").open("a", newline="") as file:
            csv.writer(file).writerow([at if cell == "now" else cell for cell in line])
        batchdial("reconcile", "leads", "calls.csv", "--yes", *self.flags(lost))
        assert statuses(tmp_path)[2] == "unknown"

    def test_an_earlier_doubt(
        self,
        lost: list[Record],
        to_sandbox: Sandbox,
        batchdial: Callable[..., Answer],
        tmp_path: Path,
    ) -> None:
        """A row that was dialled twice, both in doubt, is not made failed."""
        to_sandbox.configure(script=("drop-silent",) * 5)
        batchdial("retry", "leads", "--include-unknown", "--yes", "--stop-after", 0)
        as_csv(tmp_path / "calls.csv", lost)
        batchdial("reconcile", "leads", "calls.csv", "--yes", *self.flags(lost))
        assert statuses(tmp_path)[2] == "unknown"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["calls.csv"], 2, "--yes"),
        (["calls.csv", "--complete-from", "2026-01-01T00:00Z"], 2, "go together"),
        (["calls.csv", "--timezone", "Mars/Olympus"], 2, "Mars/Olympus"),
        (["calls.csv", "--within", "soon"], 2, "10m"),
        (["calls.csv", "--map", "callId"], 2, "FIELD=COLUMN"),
        (["calls.csv", "--map", "plan=Phone"], 78, "callId"),
        (["calls.csv", "--map", "time=Nothing"], 78, "Started At"),
        (["local.csv"], 78, "--timezone"),
        (["nothing.csv"], 65, "nothing.csv"),
        (["nobody", "calls.csv"], 78, "nobody"),
        (["leads.csv"], 65, "callId"),
        (["broken.json"], 65, "line 1"),
    ],
)
def test_what_is_refused(
    arguments: list[str],
    code: int,
    says: str,
    lost: list[Record],
    batchdial: Callable[..., Answer],
    tmp_path: Path,
) -> None:
    """Nothing is settled without a clear word, and each refusal says what to do."""
    as_csv(tmp_path / "calls.csv", lost)
    rows = [(one.call_id, one.number, f"{moment(one):%Y-%m-%d %H:%M}") for one in lost]
    write_log(tmp_path / "local.csv", ("callId", "phone", "time"), rows)
    (tmp_path / "broken.json").write_text('{"callId": ')
    answer = batchdial("reconcile", *arguments)
    assert (answer.code, says in answer.err) == (code, True), answer.err
    assert statuses(tmp_path) == BEFORE


def test_rows_are_listed(lost: list[Record], batchdial: Callable[..., Answer]) -> None:
    """`status`, `results` and `reconcile` name each row that may have rung, and what is known."""
    assert lost
    told = batchdial("reconcile", "leads")
    assert told.code == 1
    status = batchdial("status", "leads")
    for row in (3, 4, 5, 6):
        assert f"row {row} of leads.csv, +12015••••" in told.err
        assert f"row {row} of leads.csv, +12015••••" in status.out
    assert status.out.count(", sent 20") == 4
    unknown = batchdial("status", "leads", "--json").json["unknown"]
    assert [one["row"] for one in unknown] == [3, 4, 5, 6]
    assert all(one["sentAt"] and one["detail"] for one in unknown)
    part = batchdial("results", "leads", "-o", "-", "--status", "unknown")
    assert part.out.count("May have rung") == 4


def test_a_running_campaign_is_left_alone(
    lost: list[Record],
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
) -> None:
    """While another process dials the campaign, its rows are not touched."""
    as_csv(tmp_path / "calls.csv", lost)
    write_leads(tmp_path / "leads.csv", numbers(8))
    to_sandbox.configure(script=("hang",) * 2)
    with Command("run", "leads.csv", "--yes") as command:
        command.after(to_sandbox, len(FATES) + 1)
        answer = batchdial("reconcile", "leads", "calls.csv", "--yes")
    assert (answer.code, str(command.pid) in answer.err) == (75, True)
    assert_nobody_twice(to_sandbox)


def test_an_edited_list(
    lost: list[Record],
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
) -> None:
    """A row that moved to a new edition of its list is settled there, and not dialled again."""
    write_leads(tmp_path / "leads.csv", [number(7), *reversed(numbers(6))])
    batchdial("run", "leads.csv", "--yes")
    as_csv(tmp_path / "calls.csv", lost)
    assert batchdial("reconcile", "leads", "calls.csv", "--yes").code == 1
    rows = read_results(tmp_path / "leads.results.csv")
    assert with_status(rows, "unknown") == [number(2)]
    calls = len(to_sandbox.posts)
    batchdial("run", "leads.csv", "--yes")
    assert len(to_sandbox.posts) == calls


def test_the_question_before_doubtful_rows_ring_again(
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    terminal: Callable[..., pexpect.spawn[str]],
    tmp_path: Path,
) -> None:
    """`retry --include-unknown` asks with the number of those who may have been called."""
    write_leads(tmp_path / "leads.csv", numbers(5))
    to_sandbox.configure(script=("ok", "drop-rang", "failed", "500-rang"))
    batchdial("run", "leads.csv", "--yes", "--concurrency", 1, "--stop-after", 0)
    before = len(to_sandbox.posts)
    for target in ("leads", "leads.results.csv"):
        child = terminal("retry", target, "--include-unknown")
        child.expect(r"2 of them may have rung already")
        child.expect(r"Call 3 people \(2 may have rung already\)\?")
        child.sendline("n")
        assert ended(child)[0] == 0
    assert (
        "may have rung already" in batchdial("retry", "leads", "--include-unknown", "--dry-run").err
    )
    assert len(to_sandbox.posts) == before
    assert "may have rung already" not in batchdial("retry", "leads", "--dry-run").err
