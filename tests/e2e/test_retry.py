"""Dialling again what is safe to dial again, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .leads import (
    assert_nobody_twice,
    assert_whole,
    dialled,
    number,
    numbers,
    read_results,
    rewrite,
    tally,
    with_status,
    write_leads,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer

#: Fates of the first thirty calls: some certainly rang nobody, some may have rung.
MIXED = ("ok", "failed", "ok", "drop-rang", "ok", "failed", "422", "ok", "500-rang", "no_call_id")


@pytest.fixture
def mixed(
    to_sandbox: Sandbox, leads: list[str], batchdial: Callable[..., Answer], tmp_path: Path
) -> list[dict[str, str]]:
    """The results of `leads.csv` after a run in which a third each went well, badly and lost."""
    to_sandbox.configure(script=MIXED * 3)
    answer = batchdial("run", "leads.csv", "--yes", "--concurrency", 1, "--stop-after", 0)
    assert answer.code == 1
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, leads)
    assert tally(rows) == {"success": 12, "failed": 9, "unknown": 9}
    to_sandbox.configure(script=())
    return rows


def test_retry_of_a_campaign(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """With a fifth refused, each retry calls exactly who failed, and nobody once all went well."""
    phones = numbers(200)
    write_leads(tmp_path / "leads.csv", phones)
    to_sandbox.configure(failed=0.2, seed=5)
    results = tmp_path / "leads.results.csv"
    assert batchdial("run", "leads.csv", "--yes", "--concurrency", 10).code == 1
    rounds = 0
    while failed := with_status(read_results(results), "failed"):
        before = len(to_sandbox.posts)
        code = batchdial("retry", "leads", "--yes", "--stop-after", 0).code
        assert sorted(p.number or "" for p in to_sandbox.posts[before:]) == sorted(failed)
        assert code == (1 if with_status(read_results(results), "failed") else 0)
        rounds += 1
    assert rounds >= 2
    rows = read_results(results)
    assert_whole(rows, phones)
    assert tally(rows) == {"success": 200}
    assert dict(to_sandbox.rung) == dict.fromkeys(phones, 1)
    assert {int(row["attempts"]) for row in rows} == set(range(1, rounds + 2))

    calls = len(to_sandbox.posts)
    for command in (["retry", "leads"], ["retry"], ["retry", "leads.results.csv"]):
        assert batchdial(*command, "--yes").code == 0
    assert len(to_sandbox.posts) == calls


@pytest.mark.parametrize("target", ["leads", "leads.results.csv", None])
def test_only_what_is_safe(
    target: str | None,
    mixed: list[dict[str, str]],
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
) -> None:
    """Whoever may have been called is not called again, by whichever name it is asked for."""
    failed = with_status(mixed, "failed")
    before = len(to_sandbox.posts)
    assert batchdial("retry", *([target] if target else []), "--yes").code == 1
    assert dialled(to_sandbox.posts[before:]) == dict.fromkeys(failed, 1)
    rows = read_results(tmp_path / "leads.results.csv")
    assert tally(rows) == {"success": 21, "unknown": 9}
    assert with_status(rows, "unknown") == with_status(mixed, "unknown")


def test_unknown_rows_when_a_person_says_so(
    mixed: list[dict[str, str]], to_sandbox: Sandbox, batchdial: Callable[..., Answer]
) -> None:
    """`--include-unknown` calls the failed and the unknown ones, and nobody else."""
    wanted = with_status(mixed, "failed", "unknown")
    before = len(to_sandbox.posts)
    assert batchdial("retry", "leads", "--include-unknown", "--yes").code == 0
    assert dialled(to_sandbox.posts[before:]) == dict.fromkeys(wanted, 1)


def test_corrected_by_hand(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """A results file in which two invalid numbers were mended: those and the failed are called."""
    phones = numbers(20)
    listed = [*phones[:4], "4.47911E+11", *phones[4:8], "not known", "12345", *phones[8:]]
    write_leads(tmp_path / "leads.csv", listed)
    to_sandbox.configure(script=("ok", "failed") * 10)
    assert batchdial("run", "leads.csv", "--yes", "--concurrency", 1).code == 1
    place = tmp_path / "leads.results.csv"
    rows = read_results(place)
    assert tally(rows) == {"success": 10, "failed": 10, "invalid": 3}
    rows[4]["phoneNumber"], rows[9]["phoneNumber"] = number(30), number(31)
    rewrite(place, rows)
    to_sandbox.configure(script=())
    before = len(to_sandbox.posts)

    answer = batchdial("retry", "leads.results.csv", "--yes")
    assert answer.code == 0, answer.err
    wanted = [*with_status(rows, "failed"), number(30), number(31)]
    assert dialled(to_sandbox.posts[before:]) == dict.fromkeys(wanted, 1)
    after = read_results(place)
    assert_whole(after, [row["phoneNumber"] for row in rows])
    assert tally(after) == {"success": 22, "invalid": 1}
    assert after[10]["status"] == "invalid"

    calls = len(to_sandbox.posts)
    assert batchdial("retry", "leads.results.csv", "--yes").code == 0
    assert batchdial("retry", "leads", "--yes").code == 0
    assert len(to_sandbox.posts) == calls
    assert set(to_sandbox.rung.values()) == {1}


def test_corrected_into_somebody_who_was_called(
    mixed: list[dict[str, str]],
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
) -> None:
    """A failed row whose number is changed to one that was called is not called."""
    place = tmp_path / "leads.results.csv"
    called, lost = with_status(mixed, "success")[0], with_status(mixed, "unknown")[0]
    first, second = [row for row in mixed if row["status"] == "failed"][:2]
    first["phoneNumber"], second["phoneNumber"] = called, lost
    rewrite(place, mixed)
    before = len(to_sandbox.posts)
    batchdial("retry", "leads.results.csv", "--yes")
    received = dialled(to_sandbox.posts[before:])
    assert called not in received
    assert lost not in received
    rows = read_results(place)
    assert len(rows) == 30
    assert "dialing" not in tally(rows)


@pytest.mark.parametrize("verb", ["retry", "run"])
def test_results_of_another_ledger(
    verb: str,
    mixed: list[dict[str, str]],
    leads: list[str],
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A ledger that knows nothing believes the file: who was called there is not called here."""
    monkeypatch.setenv("BATCHDIAL_LEDGER", str(tmp_path / "other.db"))
    monkeypatch.delenv("BATCHDIAL_AGENT")
    before = len(to_sandbox.posts)
    refused = batchdial(verb, "leads.results.csv", "--yes")
    assert (refused.code, "--agent" in refused.err) == (78, True)
    assert len(to_sandbox.posts) == before

    failed = with_status(mixed, "failed")
    batchdial(verb, "leads.results.csv", "--yes", "--agent", "ag_1")
    received = dialled(to_sandbox.posts[before:])
    assert received == (dict.fromkeys(failed, 1) if verb == "retry" else {})
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, leads)
    called = with_status(mixed, "success")
    ids = {row["e164"]: row["callId"] for row in mixed}
    for row in rows:
        if row["e164"] in called:
            assert (row["status"], row["callId"]) == ("success", ids[row["e164"]])
    assert with_status(rows, "unknown") == with_status(mixed, "unknown")

    # And what the file said is remembered: the original list calls none of them either.
    before = len(to_sandbox.posts)
    batchdial("run", "leads.csv", "--yes", "--agent", "ag_1")
    assert not set(dialled(to_sandbox.posts[before:])) & {
        *called,
        *with_status(mixed, "unknown"),
    }


def test_already_called_rows_stay_called_elsewhere(
    leads: list[str],
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A row that is suppressed because it was called before is not called by another ledger."""
    assert batchdial("run", "leads.csv", "--yes").code == 0
    write_leads(tmp_path / "leads.csv", [*leads[:5], number(40)])
    to_sandbox.configure(failed=1.0)
    assert batchdial("run", "leads.csv", "--yes").code == 1
    to_sandbox.configure(failed=0.0)
    rows = read_results(tmp_path / "leads.results.csv")
    assert tally(rows) == {"suppressed": 5, "failed": 1}
    assert {row["reason"] for row in rows[:5]} == {"already_called"}
    assert all(row["callId"].startswith("call_") for row in rows[:5])
    monkeypatch.setenv("BATCHDIAL_LEDGER", str(tmp_path / "other.db"))
    before = len(to_sandbox.posts)
    assert batchdial("retry", "leads.results.csv", "--yes").code == 0
    assert dialled(to_sandbox.posts[before:]) == {number(40): 1}


def test_failed_rows_through_a_pipe(
    mixed: list[dict[str, str]],
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    piped: Callable[[str], None],
    tmp_path: Path,
) -> None:
    """`results leads -o - --status failed | batchdial retry - --yes` calls just those."""
    part = batchdial("results", "leads", "-o", "-", "--status", "failed")
    assert part.code == 0
    assert part.out.count("+1") >= 9
    piped(part.out)
    before = len(to_sandbox.posts)
    answer = batchdial("retry", "-", "--yes")
    assert dialled(to_sandbox.posts[before:]) == dict.fromkeys(with_status(mixed, "failed"), 1)
    assert answer.code in {0, 1}
    assert len(read_results(tmp_path / "leads.results.csv")) == 30


def test_retry_of_something_else(
    leads: list[str], to_sandbox: Sandbox, batchdial: Callable[..., Answer]
) -> None:
    """A plain list, a missing file and an unknown campaign are refused with a way out."""
    assert leads
    plain = batchdial("retry", "leads.csv", "--yes")
    assert (plain.code, "batchdial run leads.csv" in plain.err) == (78, True)
    missing = batchdial("retry", "nothing.results.csv", "--yes")
    assert (missing.code, "nothing.results.csv" in missing.err) == (65, True)
    unknown = batchdial("retry", "nothing", "--yes")
    assert unknown.code in {73, 78}
    assert not to_sandbox.posts
    assert_nobody_twice(to_sandbox)
