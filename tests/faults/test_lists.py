"""Lists as they should not be, given to the command: CSV, numbers, workbooks."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchdial.lists.loader import open_list
from tests.corpus.generate import Case, cases
from tests.corpus.workbooks import workbook_cases
from tests.e2e.leads import number, read_results, write_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer

    Run = Callable[..., Answer]
    Seen = Callable[[str], None]

CASES = [*cases(), *workbook_cases()]
#: Files of one line of the matrix that the command is given; the corpus test reads all of them.
MOST = 40


def chosen(pattern: str) -> list[Case]:
    """Files of the corpus whose kind or name matches, spread evenly over them."""
    found = [case for case in CASES if re.match(pattern, case.kind) or re.match(pattern, case.id)]
    assert found, pattern
    return found[:: -(-len(found) // MOST)]


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(
            "unicode|legacy|bad-byte|0x85|nbsp|xlsx-value-emoji",
            marks=pytest.mark.fault(82, injected="lists in 30 encodings, with and without a mark"),
        ),
        pytest.param(
            "nul|ctrl-z|odd-signs", marks=pytest.mark.fault(83, injected="NUL, Ctrl-Z, odd signs")
        ),
        pytest.param(
            "newlines|quoted|mixed-ends|blank|no-last-newline",
            marks=pytest.mark.fault(84, injected="line ends, quotes and blank lines of all kinds"),
        ),
        pytest.param(
            "ragged|trailing", marks=pytest.mark.fault(85, injected="rows too short and too long")
        ),
        pytest.param(
            "header|no-header|titles-no-header",
            marks=pytest.mark.fault(86, injected="equal, empty, spaced names; no names"),
        ),
        pytest.param(
            "other-|xlsx-empty|xlsx-header-only",
            marks=pytest.mark.fault(87, 91, injected="empty files, PDF, HTML, pictures, JSON"),
        ),
        pytest.param(
            "sep-line|titles|total|no-total|commas|one-column",
            marks=pytest.mark.fault(88, injected="four delimiters, sep=, titles, sums"),
        ),
        pytest.param(
            "unclosed|swallowed|stray-quote",
            marks=pytest.mark.fault(89, injected="quotation marks that never close, or far below"),
        ),
        pytest.param(
            "limits", marks=pytest.mark.fault(90, injected="cells, rows and columns too large")
        ),
        pytest.param(
            "misnamed|xlsx-named",
            marks=pytest.mark.fault(91, injected="workbooks called .csv, lists called .xlsx"),
        ),
        pytest.param(
            "xlsx-(format|value|error|formula)",
            marks=pytest.mark.fault(102, injected="workbooks made by openpyxl, then changed"),
        ),
        pytest.param(
            "xlsx-(title|merged|hidden|veryHidden|filtered|second|two|notes|only|offset)",
            marks=pytest.mark.fault(103, injected="hidden and several sheets, titles, filters"),
        ),
        pytest.param(
            "xlsx-(coloured|gaps|dimension|far)",
            marks=pytest.mark.fault(104, injected="coloured blank rows, wrong dimensions"),
        ),
        pytest.param(
            "xlsx-(cut|half|flipped|broken|bad|slip|laughs|xxe|remote|bomb|cell)|archive",
            marks=pytest.mark.fault(105, injected="bombs, entities, slips, cut and flipped bytes"),
        ),
    ],
)
def test_a_file(pattern: str, batchdial: Run, tmp_path: Path, seen: Seen) -> None:
    """Read to the cell, asked about, or refused in words; `check` ends like that every time."""
    read = refused = 0
    for case in chosen(pattern):
        source, output = tmp_path / case.name, tmp_path / "checked.csv"
        source.write_bytes(case.content)
        answer = batchdial("check", case.name, "-o", "checked.csv", "--map", "phoneNumber=Phone")
        said = answer.out + answer.err
        assert "Traceback" not in said
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]", said), case.id
        if case.refused is not None:
            assert answer.code in (2, 65), (case.id, said)
            assert not output.exists()
            refused += 1
        elif output.exists():
            opened = open_list(output)
            assert tuple(row.cells for block in opened.blocks() for row in block) == case.cells
            output.unlink()
            read += 1
        else:  # `or_asks`, or the corpus has no such column
            assert answer.code in (2, 65, 78), (case.id, said)
            refused += 1
        source.unlink()
    seen(f"{read} read to the cell, {refused} refused or asked")


@pytest.mark.fault(83, injected="escape sequences in cells, headers and file names")
def test_nothing_raw_reaches_the_terminal(batchdial: Run, tmp_path: Path, seen: Seen) -> None:
    """Neither from the header nor from cells."""
    red = "\x1b[31mred\x1b[0m\x07"
    plain = [("A name as others have it " * 4, number(n)) for n in range(40)]
    write_rows(tmp_path / "a.csv", [(red, "phone"), (red, number(50)), *plain, (red, red)])
    answer = batchdial("check", "a.csv")
    assert answer.code == 0
    assert "\x1b" not in answer.out + answer.err
    assert "\x07" not in answer.out + answer.err
    seen("no control character printed")


@pytest.mark.fault(84, injected="quoted newlines and blank lines above a bad row")
def test_rows_are_those_of_the_spreadsheet(batchdial: Run, tmp_path: Path, seen: Seen) -> None:
    """In messages and in the file."""
    (tmp_path / "a.csv").write_text(f'phone,note\r\n\r\n{number(1)},"x\ny"\n\nnone,z\r')
    answer = batchdial("check", "a.csv", "-o", "out.csv")
    assert "Row 5:" in answer.out
    assert [row["row"] for row in read_results("out.csv")] == ["3", "5"]
    seen("rows 3 and 5, as a spreadsheet shows them")


@pytest.mark.fault(90, injected="a cell of 10 MB, 20,000 columns, 20,000 and 80,000 rows")
def test_large_files(batchdial: Run, tmp_path: Path, seen: Seen) -> None:
    """One line for what no list has; the memory does not grow with the rows."""
    (tmp_path / "cell.csv").write_text(f'phone,note\n{number(1)},"{"x" * 10_000_000}"\n')
    (tmp_path / "wide.csv").write_text(",".join(["phone"] * 20_000) + "\n" + "1," * 19_999 + "\n")
    for name in ("cell.csv", "wide.csv"):
        answer = batchdial("check", name)
        assert (answer.code, len(answer.err) < 400) == (65, True)
    small, large = (_memory(tmp_path, rows) for rows in (20_000, 80_000))
    assert large < small + 32
    seen(f"two refusals; {large - small:+.0f} MiB for four times the rows")


def _memory(folder: Path, rows: int) -> float:
    """MiB that `check` of so many rows takes."""
    path = folder / f"{rows}.csv"
    write_rows(path, [("phone", "note"), *((number(n % 1600), f"n{n}") for n in range(rows))])
    script = (
        "import resource, sys\nfrom batchdial.cli import main\n"
        "try: main()\nexcept SystemExit as ended: assert not ended.code\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    command = [sys.executable, "-c", script, "check", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return int(done.stderr.split()[-1]) / 1024


@pytest.mark.fault(93, injected="columns named phoneNumber, __proto__, empty and like the API's")
def test_no_column_takes_the_number_s_place(
    to_sandbox: Sandbox, batchdial: Run, tmp_path: Path, seen: Seen
) -> None:
    """What is dialled is the cleaned number of the mapped column."""
    header = ("mobile", "phoneNumber", "__proto__", "", "PHONENUMBER", "prospectName")
    rows = [header, (number(1), number(2), "x", "y", number(3), "Ann")]
    write_rows(tmp_path / "leads.csv", rows)
    batchdial("run", "leads.csv", "--yes", "--map", "phoneNumber=mobile")
    (post,) = to_sandbox.posts
    assert isinstance(post.body, dict)
    assert post.body["phoneNumber"] == number(1)
    assert post.body["prospectName"] == "Ann"
    seen("the mapped number was dialled")


NUMBERS = Path(__file__).parents[1] / "lists" / "numbers.csv"


@pytest.mark.parametrize(
    "why",
    [
        pytest.param(
            "digits lost|nothing lost",
            marks=pytest.mark.fault(94, injected="numbers in scientific notation"),
        ),
        pytest.param(
            "a float|plus lost|zero lost|apostrophe|number cell|the zero|would be another",
            marks=pytest.mark.fault(95, injected=".0, lost zeros and plus in 68 countries"),
        ),
        pytest.param(
            "full-width|Arabic|Persian|Devanagari|invisible|no-break",
            marks=pytest.mark.fault(96, injected="digits of other scripts, invisible marks"),
        ),
        pytest.param(
            "extension|pauses|hidden caller",
            marks=pytest.mark.fault(97, injected="extensions, pauses, star codes"),
        ),
        pytest.param(
            "two |a list|half a number|or$",
            marks=pytest.mark.fault(98, injected="two numbers in a cell, list marks"),
        ),
        pytest.param(
            "emergency|toll-free|premium|short|satellite",
            marks=pytest.mark.fault(99, injected="emergency, short and paid numbers"),
        ),
        pytest.param(
            "no country", marks=pytest.mark.fault(101, injected="countries missing or unknown")
        ),
    ],
)
def test_numbers(why: str, batchdial: Run, tmp_path: Path, seen: Seen) -> None:
    """The right number, or a reason; given to the command with a column of countries."""
    with NUMBERS.open(encoding="utf-8", newline="") as file:
        found = [row for row in csv.reader(file) if re.match(why, row[3]) and "\\" not in row[0]]
    assert len(found) >= 2
    write_rows(tmp_path / "n.csv", [("Phone", "Country", "Id")] + [
        (text, region, f"id {index}") for index, (text, region, _, _) in enumerate(found)
    ])  # fmt: skip
    batchdial("check", "n.csv", "-o", "out.csv", "--map", "region=Country", "--map",
              "phoneNumber=Phone")  # fmt: skip
    wrong, dialled = [], 0
    for row in read_results("out.csv"):
        text, region, expected, _ = found[int(row["Id"].split()[1])]
        told = row["e164"] if row["status"] in ("pending", "duplicate") else row["reason"]
        dialled += row["status"] == "pending"
        if told != expected:
            wrong.append((text, region, expected, told))
    assert not wrong
    seen(f"{len(found)} cells, {dialled} read, none wrong")


@pytest.mark.fault(100, injected="one person in three spellings")
def test_one_person_in_three_spellings(
    to_sandbox: Sandbox, batchdial: Run, tmp_path: Path, seen: Seen
) -> None:
    """One ring; the others are duplicates of its row."""
    spelt = (number(1), "(201) 555-0101", "1-201-555-0101")
    write_rows(tmp_path / "leads.csv", [("phone",), *((one,) for one in spelt)])
    batchdial("run", "leads.csv", "--yes", "--region", "US")
    rows = read_results("leads.results.csv")
    assert [row["status"] for row in rows] == ["success", "duplicate", "duplicate"]
    assert {row["detail"] for row in rows[1:]} == {"Same number as row 2."}
    assert len(to_sandbox.posts) == 1
    seen("1 POST, 2 duplicates of row 2")


@pytest.mark.fault(101, injected="--region UK, uk, germany, 日本, XX, none")
def test_regions(batchdial: Run, tmp_path: Path, seen: Seen) -> None:
    """A code or a name; what names no country is refused, and none is assumed."""
    write_rows(tmp_path / "leads.csv", [("Phone",), ("07911 123456",)])
    codes = [
        batchdial("check", "leads.csv", *(("--region", one) if one else ())).code
        for one in ("UK", "uk", "United Kingdom", "イギリス", "XX", "Atlantis", "")
    ]
    assert codes == [0, 0, 0, 0, 78, 78, 65]
    seen("understood, refused, or needs_region; never a guess")
