"""Check, correct, feed back; several files; a mapping that is kept."""

from __future__ import annotations

import csv
import gzip
from typing import TYPE_CHECKING

import openpyxl  # type: ignore[import-untyped]
import pytest

from tests.e2e.leads import dialled, number, read_results, write_leads, write_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer


def _correct(path: Path, row: str, text: str) -> None:
    """Write another number into one row, as a person would in a spreadsheet."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = list(csv.reader(file))
    place = header.index("row")
    for cells in rows:
        if cells[place] == row:
            cells[0] = text
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def test_check_correct_run(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """The list with its verdicts is corrected and run without another word."""
    write_rows(
        tmp_path / "leads.csv",
        [("phone", "plan"), (number(1), "=1+1"), ("4.47E+11", "b"), (number(1), "c")],
    )
    assert batchdial("check", "leads.csv", "-o", "checked.csv").code == 0
    rows = read_results(tmp_path / "checked.csv")
    assert [row["status"] for row in rows] == ["pending", "invalid", "duplicate"]
    assert {row["campaign"] for row in rows} == {"leads"}
    _correct(tmp_path / "checked.csv", "3", number(2))
    answer = batchdial("run", "checked.csv", "--yes", "--json")
    assert answer.json["campaign"] == "leads"
    assert answer.json["counts"] == {"success": 2, "duplicate": 1}
    assert dialled(to_sandbox.posts) == {number(1): 1, number(2): 1}
    bodies = [post.body for post in to_sandbox.posts]
    assert {body["plan"] for body in bodies if isinstance(body, dict)} == {"=1+1", "b"}


def test_check_correct_retry(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """`retry` dials of such a list just what was corrected in it."""
    write_rows(tmp_path / "leads.csv", [("phone",), (number(1),), ("none",)])
    batchdial("check", "leads.csv", "-o", "checked.csv")
    _correct(tmp_path / "checked.csv", "3", number(2))
    assert batchdial("retry", "checked.csv", "--yes").code == 75
    assert dialled(to_sandbox.posts) == {number(2): 1}
    assert batchdial("resume", "leads", "--yes").code == 0
    assert dialled(to_sandbox.posts) == {number(1): 1, number(2): 1}


def test_a_checked_list_overwrites_nothing(
    batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """Neither the list itself nor a file that is no results file."""
    write_leads(tmp_path / "leads.csv", [number(1)])
    (tmp_path / "notes.txt").write_text("mine")
    for target in ("leads.csv", "notes.txt"):
        assert batchdial("check", "leads.csv", "-o", target).code == 73
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_several_files(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """A number that stands in two of them is called once, and each has its results."""
    write_leads(tmp_path / "monday.csv", [number(1), number(2)])
    write_leads(tmp_path / "tuesday.csv", [number(2), number(3)])
    answer = batchdial(
        "run", "monday.csv", "tuesday.csv", "--campaign", "spring", "--yes", "--json"
    )
    assert answer.json["counts"] == {"success": 3, "duplicate": 1}
    assert dialled(to_sandbox.posts) == {number(1): 1, number(2): 1, number(3): 1}
    (twice, _) = read_results(tmp_path / "tuesday.results.csv")
    assert twice["reason"] == "other_list"
    assert "row 3 of monday.csv" in twice["detail"]
    again = batchdial("run", "monday.csv", "tuesday.csv", "--campaign", "spring", "--yes")
    assert again.code == 0
    assert len(to_sandbox.posts) == 3


def test_the_last_of_several_files(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """`--dedupe last` lets the last row of the last file have the number."""
    write_rows(tmp_path / "a.csv", [("phone", "plan"), (number(1), "a1")])
    write_rows(tmp_path / "b.csv", [("phone", "plan"), (number(1), "b1"), (number(1), "b2")])
    answer = batchdial(
        "run", "a.csv", "b.csv", "--campaign", "c", "--dedupe", "last", "--yes", "--json"
    )
    assert answer.json["counts"] == {"success": 1, "duplicate": 2}
    (post,) = to_sandbox.posts
    assert isinstance(post.body, dict)
    assert post.body["plan"] == "b2"


def test_several_files_that_cannot_be_one_campaign(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """What is missing is said, and nobody is called."""
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        write_leads(tmp_path / folder / "leads.csv", [number(1)])
    write_leads(tmp_path / "z.csv", [number(1)])
    for arguments, said in (
        (("x/leads.csv", "z.csv"), "--campaign NAME"),
        (("x/leads.csv", "y/leads.csv", "--campaign", "c"), "Two lists are called leads.csv"),
        (("x/leads.csv", "z.csv", "--campaign", "c", "-o", "o.csv"), "leave out --output"),
    ):
        answer = batchdial("run", *arguments, "--yes")
        assert answer.code == 78
        assert said in answer.err
    assert not to_sandbox.posts


def test_a_mapping_is_kept(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """What was said once with `--map` goes for the next file of the same form."""
    rows = [("Office", "Mobile", "Plan name"), ("", number(1), "gold")]
    write_rows(tmp_path / "a.csv", rows)
    flags = ("--map", "phoneNumber=Mobile,Office", "--map", "plan=Plan name")
    assert batchdial("check", "a.csv", *flags, "--save-mapping", "form.toml").code == 0
    write_rows(tmp_path / "b.csv", [rows[0], (number(2), "", "silver")])
    assert batchdial("run", "b.csv", "--mapping", "form.toml", "--yes").code == 0
    (post,) = to_sandbox.posts
    assert post.body == {"phoneNumber": number(2), "plan": "silver"}


def test_a_template(to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path) -> None:
    """The columns that an agent's texts use, ready to be filled in."""
    assert batchdial("template", "--agent", "ag_1", "-o", "new.csv").code == 0
    with (tmp_path / "new.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [["phoneNumber", "prospectName", "email", "plan"]]
    assert batchdial("template", "--agent", "ag_1").out.strip().endswith("email,plan")
    assert batchdial("template", "--agent", "ag_1", "-o", "new.csv").code == 73
    assert not to_sandbox.posts


@pytest.mark.parametrize("is_known", [True, False], ids=["same-ledger", "other-ledger"])
@pytest.mark.parametrize("form", ["xlsx", "csv.gz"])
def test_results_in_another_form(
    form: str,
    is_known: bool,
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Saved as a workbook or packed, they are fed back, and the new ones are a CSV file again."""
    write_leads(tmp_path / "leads.csv", [number(1), number(2)])
    to_sandbox.configure(script=("failed",))
    batchdial("run", "leads.csv", "--yes", "--concurrency", "1")
    assert dialled(to_sandbox.posts) == {number(1): 1, number(2): 1}
    results = tmp_path / "leads.results.csv"
    if form == "xlsx":
        book = openpyxl.Workbook()
        for cells in csv.reader(results.read_text("utf-8-sig").splitlines()):
            book.active.append(cells)
        book.save(tmp_path / "leads.results.xlsx")
    else:
        (tmp_path / "leads.results.csv.gz").write_bytes(gzip.compress(results.read_bytes()))
    results.unlink()
    if not is_known:
        monkeypatch.setenv("BATCHDIAL_LEDGER", str(tmp_path / "other.db"))
    answer = batchdial("retry", f"leads.results.{form}", "--yes", "--json")
    assert answer.json["counts"] == {"success": 2}
    assert dialled(to_sandbox.posts) == {number(1): 2, number(2): 1}
    assert [row["status"] for row in read_results(results)] == ["success", "success"]


#: What a spreadsheet writes of cells that it takes for numbers.
_RESAVED = {
    number(1): number(1)[1:],
    number(2)[1:] + ".0": number(2)[1:],
    number(4): f"{int(number(4)[1:]):.5E}",
    "4.47E+11": "447000000000",
    "00123": "123",
    "1.50": "1.5",
}


def _resave(path: Path) -> None:
    """Open and save a results file as a spreadsheet does that takes digits for numbers."""
    header, *rows = list(csv.reader(path.read_text("utf-8-sig").splitlines()))
    changed = [[_RESAVED.get(cell, cell) for cell in cells] for cells in rows]
    assert changed != rows
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *changed])


def test_a_spreadsheet_that_saves_the_results_changes_nothing(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """
    Plus, zeros and decimals come back from the ledger; a number whose digits are lost is
    not dialled because its zeros were written out; the results are the same to the byte.
    """
    write_rows(
        tmp_path / "leads.csv",
        [
            ("phone", "code"),
            (number(1), "00123"),
            (number(2)[1:] + ".0", "1.50"),
            ("4.47E+11", "00123"),
            (number(4), "=1+1"),
        ],
    )
    to_sandbox.configure(failed=1.0)
    batchdial("run", "leads.csv", "--yes", "--region", "US", "--stop-after", "0")
    results = tmp_path / "leads.results.csv"
    before = read_results(results)
    assert [row["status"] for row in before] == ["failed", "failed", "invalid", "failed"]
    calls = len(to_sandbox.posts)
    _resave(results)
    to_sandbox.configure(failed=0.0)
    batchdial("retry", "leads.results.csv", "--yes")
    assert dialled(to_sandbox.posts[calls:]) == {number(1): 1, number(2): 1, number(4): 1}
    bodies = [post.body for post in to_sandbox.posts[calls:]]
    assert {body["code"] for body in bodies if isinstance(body, dict)} == {"00123", "1.50", "=1+1"}
    after = read_results(results)
    assert [(row["phone"], row["code"]) for row in after] == [
        (row["phone"], row["code"]) for row in before
    ]


def test_lost_digits_written_out_are_not_dialled(
    batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """Also where no ledger knows the list: `check -o`, saved by a spreadsheet, fed back."""
    write_rows(tmp_path / "leads.csv", [("phone",), ("4.47E+11",), (number(1),)])
    batchdial("check", "leads.csv", "-o", "checked.csv")
    _resave(tmp_path / "checked.csv")
    answer = batchdial("check", "checked.csv", "--region", "GB", "--json")
    assert answer.json["reasons"]["invalid"] == {"excel_scientific": 1}
    _correct(tmp_path / "checked.csv", "2", number(2))
    answer = batchdial("check", "checked.csv", "--json")
    assert answer.json["counts"] == {"pending": 2}
