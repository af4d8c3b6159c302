"""The same campaign again: by mistake, from cron, with a list that was edited."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from batchdial.rules.cells import restore

from .leads import (
    assert_nobody_twice,
    assert_whole,
    dialled,
    number,
    read_results,
    tally,
    with_status,
    write_leads,
    write_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer


def test_the_same_run_twice(
    leads: list[str], to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """It calls nobody twice, says so, and the results are what they were."""
    assert batchdial("run", "leads.csv", "--yes").code == 0
    first = (tmp_path / "leads.results.csv").read_bytes()
    again = batchdial("run", "leads.csv", "--yes")
    assert again.code == 0
    assert "nothing to do" in again.err
    assert "--again" in again.err
    assert dialled(to_sandbox.posts) == dict.fromkeys(leads, 1)
    assert (tmp_path / "leads.results.csv").read_bytes() == first


@pytest.mark.fault(92, injected="rows added, taken out and sorted anew")
def test_an_edited_list(
    leads: list[str], to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """Rows added, taken out and sorted anew: only new numbers are called, wherever they stand."""
    assert batchdial("run", "leads.csv", "--yes").code == 0
    ids = {row["e164"]: row["callId"] for row in read_results(tmp_path / "leads.results.csv")}
    edited = [*leads[3:], number(50), number(51), number(52)]
    random.Random(3).shuffle(edited)
    write_leads(tmp_path / "leads.csv", edited)
    before = len(to_sandbox.posts)
    assert batchdial("run", "leads.csv", "--yes").code == 0
    assert dialled(to_sandbox.posts[before:]) == {number(one): 1 for one in (50, 51, 52)}
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, edited)
    assert tally(rows) == {"suppressed": 27, "success": 3}
    for row in rows:
        if row["status"] == "suppressed":
            assert (row["reason"], row["callId"]) == ("already_called", ids[row["e164"]])
            assert row["callId"] in row["detail"]


def test_edited_while_rows_are_open(
    leads: list[str], to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """An edited list keeps who is pending, failed and unknown; `run` calls who is pending."""
    to_sandbox.configure(script=("ok", "failed", "drop-rang", "ok", "402"))
    assert batchdial("run", "leads.csv", "--yes", "--concurrency", 1).code == 75
    before = read_results(tmp_path / "leads.results.csv")
    assert tally(before) == {"success": 2, "failed": 1, "unknown": 1, "pending": 26}
    edited = [number(60), *reversed(leads)]
    write_leads(tmp_path / "leads.csv", edited)
    to_sandbox.configure(script=())
    calls = len(to_sandbox.posts)
    assert batchdial("run", "leads.csv", "--yes").code == 1
    wanted = [number(60), *with_status(before, "pending")]
    assert dialled(to_sandbox.posts[calls:]) == dict.fromkeys(wanted, 1)
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, edited)
    assert tally(rows) == {"suppressed": 2, "failed": 1, "unknown": 1, "success": 27}
    assert with_status(rows, "failed") == with_status(before, "failed")
    assert with_status(rows, "unknown") == with_status(before, "unknown")


def test_everybody_again(
    leads: list[str], to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """`--again` calls everybody once more, and another campaign has a memory of its own."""
    batchdial("run", "leads.csv", "--yes")
    assert batchdial("run", "leads.csv", "--yes", "--again").code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(leads, 2)
    assert batchdial("run", "leads.csv", "--yes").code == 0
    assert batchdial("run", "leads.csv", "--yes", "--campaign", "spring").code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(leads, 3)
    assert batchdial("run", "leads.csv", "--yes", "--campaign", "spring").code == 0
    assert batchdial("run", "leads.csv", "--yes", "--agent", "ag_2").code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(leads, 4)
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, leads)
    assert tally(rows) == {"success": 30}


def test_again_that_was_stopped(
    leads: list[str], to_sandbox: Sandbox, batchdial: Callable[..., Answer]
) -> None:
    """A second round that stops early goes on with `resume`, and with `run` without --again."""
    batchdial("run", "leads.csv", "--yes")
    assert batchdial("run", "leads.csv", "--yes", "--again", "--limit", 10).code == 75
    assert batchdial("resume", "leads", "--yes", "--limit", 10).code == 75
    assert batchdial("run", "leads.csv", "--yes").code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys(leads, 2)


def test_a_renamed_file(
    leads: list[str], to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """Under one campaign's name a list is the same list whatever its file is called."""
    assert batchdial("run", "leads.csv", "--yes", "--campaign", "spring").code == 0
    (tmp_path / "leads.csv").rename(tmp_path / "leads (1).csv")
    assert batchdial("run", "leads (1).csv", "--yes", "--campaign", "spring").code == 0
    write_leads(tmp_path / "edited.csv", [*leads, number(70)])
    assert batchdial("run", "edited.csv", "--yes", "--campaign", "spring").code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys([*leads, number(70)], 1)


def test_the_same_list_under_another_name(
    leads: list[str], to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """A file that was only renamed is another campaign; who would be called again is said."""
    assert batchdial("run", "leads.csv", "--yes").code == 0
    (tmp_path / "leads.csv").rename(tmp_path / "copy.csv")
    answer = batchdial("run", "copy.csv", "--dry-run")
    assert "run before, as leads" in answer.err
    assert "--campaign leads" in answer.err
    assert dialled(to_sandbox.posts) == dict.fromkeys(leads, 1)


def test_our_own_results(
    leads: list[str], to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """`run` on a results file calls nobody who was called or may have been, and names the same."""
    to_sandbox.configure(script=("ok", "failed", "drop-rang", "ok", "402"))
    batchdial("run", "leads.csv", "--yes", "--concurrency", 1)
    before = read_results(tmp_path / "leads.results.csv")
    to_sandbox.configure(script=())
    calls = len(to_sandbox.posts)
    assert batchdial("run", "leads.results.csv", "--yes").code == 1
    pending = with_status(before, "pending")
    assert dialled(to_sandbox.posts[calls:]) == dict.fromkeys(pending, 1)
    rows = read_results(tmp_path / "leads.results.csv")
    assert_whole(rows, leads)
    assert tally(rows) == {"success": 28, "failed": 1, "unknown": 1}
    assert {row["campaign"] for row in rows} == {"leads"}
    assert not (tmp_path / "leads.results.results.csv").exists()


def test_two_lists_in_one_campaign(
    leads: list[str], to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """Each list has its results file; a number in both is called once, and the other names it."""
    batchdial("run", "leads.csv", "--yes", "--campaign", "spring", "--limit", 20)
    write_leads(tmp_path / "more.csv", [leads[0], leads[25], number(80)])
    answer = batchdial("run", "more.csv", "--yes", "--campaign", "spring")
    rows = read_results(tmp_path / "more.results.csv")
    assert [(row["status"], row["reason"]) for row in rows] == [
        ("suppressed", "already_called"),
        ("duplicate", "other_list"),
        ("success", ""),
    ]
    assert "leads.csv" in rows[1]["detail"]
    assert answer.code == 0
    assert batchdial("resume", "spring", "--yes").code == 0
    assert dialled(to_sandbox.posts) == dict.fromkeys([*leads, number(80)], 1)
    for name, count in (("leads", 30), ("more", 3)):
        rows = read_results(tmp_path / f"{name}.results.csv")
        assert len(rows) == count
    which = batchdial("results", "spring", "-o", "-")
    assert (which.code, "--list" in which.err) == (78, True)
    one = batchdial("results", "spring", "-o", "-", "--list", "more.csv")
    assert one.out.count("spring") == 3


@pytest.mark.parametrize(
    "name",
    [
        "my leads.csv",
        "Käufer März 東京.csv",
        "--help.csv",
        "..%2f..%2fetc.csv",
        "'; rm -rf.csv",
        "-.csv",
        "leads",
        "a.b.c.csv",
        "[bold]leads.csv",
    ],
)
def test_names_are_names(
    name: str, to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """A file may be called anything; its campaign and its results are named after it."""
    phones = [number(0), number(1)]
    write_leads(tmp_path / name, phones)
    assert batchdial("run", "--yes", "--", name).code == 0
    stem = (tmp_path / name).stem
    rows = read_results(tmp_path / f"{stem}.results.csv")
    assert_whole(rows, phones)
    assert {restore(row["campaign"]) for row in rows} == {stem}
    listed = batchdial("campaigns", "--json").json
    assert [one["campaign"] for one in listed] == [stem]
    assert stem in batchdial("campaigns").out
    assert batchdial("status", "--", stem).code == 0
    assert batchdial("retry", "--yes", "--", f"{stem}.results.csv").code == 0
    assert_nobody_twice(to_sandbox)


def test_duplicates_within_a_list(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """Three spellings of one number are one call; the others say which row has it."""
    rows = [("phone", "name"), ("+1 201-555-0100", "A"), ("(201) 555-0100", "B")]
    write_rows(tmp_path / "leads.csv", [*rows, ("12015550100.0", "C"), ("+12015550101", "D")])
    assert batchdial("run", "leads.csv", "--yes", "--region", "US").code == 0
    assert dialled(to_sandbox.posts) == {number(0): 1, number(1): 1}
    results = read_results(tmp_path / "leads.results.csv")
    assert tally(results) == {"success": 2, "duplicate": 2}
    assert all("row 2" in row["detail"] for row in results if row["status"] == "duplicate")


def test_a_list_read_in_another_way(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """With the region that it lacked, the rest of a list is called, and nobody again."""
    write_rows(
        tmp_path / "leads.csv", [("phone", "name"), ("+12015550100", "A"), ("2025550101", "B")]
    )
    assert batchdial("run", "leads.csv", "--yes").code == 0
    assert tally(read_results(tmp_path / "leads.results.csv")) == {"success": 1, "invalid": 1}
    assert batchdial("run", "leads.csv", "--yes", "--region", "US").code == 0
    assert dialled(to_sandbox.posts) == {"+12015550100": 1, "+12025550101": 1}
    rows = read_results(tmp_path / "leads.results.csv")
    assert [row["status"] for row in rows] == ["suppressed", "success"]
