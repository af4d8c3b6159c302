"""What the real LibreOffice makes of lists, and of results files of ours, is read to the cell."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchdial.lists.loader import ContactFile, open_list
from batchdial.models import CallStatus, Contact, Verdict
from batchdial.results.file import print_results

from .generate import HEADER, PEOPLE
from .workbooks import book

if TYPE_CHECKING:
    from collections.abc import Iterator

    import openpyxl  # type: ignore[import-untyped]

KINDS = ("xlsx", "xls", "ods", "csv")
#: Comma, quotation marks, UTF-8, from row 1; then every column as text, or as LibreOffice likes.
CSV = "Text - txt - csv (StarCalc):44,34,76,1"
AS_TEXT = f"{CSV}," + "/".join(f"{column}/2" for column in range(1, 20))
AS_IT_LIKES = CSV

#: One list a language, with what spreadsheets like to change.
LISTS = {
    language: tuple(
        (
            name,
            f"+44 7700 90000{n % 10}",
            ("00123", "", "x, y", 'a "b"', "two\nlines", "gold")[n % 6],
        )
        for n, name in enumerate(names.split("|"))
    )
    for language, (_, names) in PEOPLE.items()
}

RESULTS = (
    Contact(
        2,
        ("Ann", "+447700900001", "=1+1", "07700900001"),
        Verdict(CallStatus.FAILED, "+447700900001", "rate_limited", "Try again, later"),
    ),
    Contact(
        3,
        ("Zoë", "07700900002", "@x", "00123"),
        Verdict(CallStatus.SUCCESS, "+447700900002"),
        call_id="c_1",
    ),
    Contact(
        4,
        ("-5", "+44 7700 900003", "two\nlines", "+1+1"),
        Verdict(CallStatus.PENDING, "+447700900003"),
    ),
)
OWN = ("Name", "Phone", "Note", "Alt")


@pytest.fixture(scope="session")
def office() -> Iterator[Path]:
    """A folder with what LibreOffice wrote, `KIND/NAME.KIND`, many files a process."""
    if shutil.which("soffice") is None:
        missing = "no LibreOffice here: make libreoffice"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    folder = Path(tempfile.mkdtemp(prefix="batchdial-office-"))
    try:
        lists, liked, books = _sources(folder)
        for kind in KINDS:
            _convert(folder, kind, lists, AS_TEXT)
            _convert(folder, kind, liked, AS_IT_LIKES)
            _convert(folder, kind, books, None)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sources(folder: Path) -> tuple[list[Path], list[Path], list[Path]]:
    (folder / "sources").mkdir()
    lists = []
    for language, rows in LISTS.items():
        lists.append(folder / "sources" / f"{language}.csv")
        with lists[-1].open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows((HEADER, *rows))
    results, liked = folder / "sources" / "results.csv", folder / "sources" / "liked.csv"
    for place in (results, liked):
        with place.open("w", encoding="utf-8", newline="") as file:
            print_results(file, OWN, RESULTS, "leads")
    made = folder / "sources" / "made.xlsx"
    made.write_bytes(
        book((HEADER, ("Ann", 7700900001, "=1+1"), ("Ben", 447700900002, True)), _change)
    )
    return [*lists, results], [liked], [made]


def _change(made: openpyxl.Workbook) -> None:
    made.active["B2"].number_format = "00000000000"
    made.active["B3"].number_format = '"+"0'
    made.active.row_dimensions[3].hidden = True


def _convert(folder: Path, kind: str, files: list[Path], import_as: str | None) -> None:
    done = subprocess.run(
        [
            "soffice",
            f"-env:UserInstallation=file://{folder}/profile",
            "--headless",
            *([f"--infilter={import_as}"] if import_as else []),
            "--convert-to",
            f"csv:{CSV}" if kind == "csv" else kind,
            "--outdir",
            str(folder / kind),
            *map(str, files),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    missing = [file for file in files if not (folder / kind / f"{file.stem}.{kind}").exists()]
    assert not missing, done.stdout + done.stderr


def cells(opened: ContactFile) -> tuple[tuple[str, ...], ...]:
    return tuple(row.cells for block in opened.blocks() for row in block)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LISTS)
def test_lists_saved_by_libreoffice(office: Path, kind: str, language: str) -> None:
    """Text stays text in every format: plus, zeros, spaces, newlines and every alphabet."""
    opened = open_list(office / kind / f"{language}.{kind}")
    assert opened.reading.header == HEADER
    assert cells(opened) == LISTS[language]


@pytest.mark.parametrize("kind", KINDS)
def test_results_saved_as_text(office: Path, kind: str) -> None:
    """The round trip gives the same cells, and what was made harmless is itself again."""
    opened = open_list(office / kind / f"results.{kind}")
    assert opened.reading.is_results
    assert cells(opened) == tuple(contact.cells for contact in RESULTS)
    assert [row.prior["e164"] for row in opened.sample if row.prior] == [
        contact.verdict.e164 for contact in RESULTS
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_results_saved_as_it_likes(office: Path, kind: str) -> None:
    """Where numbers lost plus and zeros they get them back from `e164`, and no formula has run."""
    opened = open_list(office / kind / f"liked.{kind}")
    rows = opened.sample
    assert [row.prior["e164"] for row in rows if row.prior] == [
        contact.verdict.e164 for contact in RESULTS
    ]
    assert [row.prior["row"] for row in rows if row.prior] == ["2", "3", "4"]
    assert [row.cells[1].replace(" ", "") in (e164, RESULTS[n].cells[1]) for n, (row, e164) in
            enumerate((row, (row.prior or {})["e164"]) for row in rows)] == [True] * 3  # fmt: skip
    assert [row.cells[2] for row in rows] == ["=1+1", "@x", "two\nlines"]
    assert [row.cells[0] for row in rows] == ["Ann", "Zoë", "-5"]


@pytest.mark.parametrize("kind", KINDS)
def test_formats_and_formulas(office: Path, kind: str) -> None:
    """A formula is its result, a format shows its zeros; an XLS does not tell its formats."""
    opened = open_list(office / kind / f"made.{kind}")
    shown = ("07700900001", "+447700900002") if kind != "xls" else ("7700900001", "447700900002")
    assert cells(opened) == (("Ann", shown[0], "2"), ("Ben", shown[1], "TRUE"))
    told = "; ".join(opened.reading.notes)
    assert ("1 hidden rows" in told) == (kind in ("xlsx", "ods"))


def test_corrected_number_stays(tmp_path: Path) -> None:
    """Only the row's own number is put back; another one is a correction."""
    contact = replace(RESULTS[0], cells=("Ann", "7700900999", "x", "900001"))
    path = tmp_path / "leads.results.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        print_results(file, OWN, [contact], "leads")
    path.write_text(path.read_text().replace("+447700900001", "447700900001"))
    (row,) = open_list(path).sample
    assert row.cells == contact.cells
    assert row.prior is not None
    assert row.prior["e164"] == "+447700900001"
