"""The results file: whole, private, in place of the old one, and readable by us again."""

from __future__ import annotations

import csv
import io
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchdial.errors import OutputError
from batchdial.lists.loader import open_list
from batchdial.models import RESULT_COLUMNS, CallStatus, Contact, Verdict
from batchdial.results.file import (
    check_output,
    default_output,
    print_results,
    results_header,
    write_results,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PHONE = "+12015550100"


def contact(*cells: str, row: int = 2, call_id: str = "call_1") -> Contact:
    """A row that was called."""
    return Contact(
        row,
        cells,
        Verdict(CallStatus.SUCCESS, PHONE),
        call_id=call_id,
        attempts=1,
        last_attempt_at=datetime(2026, 11, 22, 13, 2, 11, tzinfo=UTC),
    )


#: Text as lists have it: no NUL and no lone surrogates, which no file of text can hold.
_ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
_ODD = st.sampled_from(
    [
        "=1+1",
        "'=1+1",
        "''@x",
        "-2+3",
        "+A1",
        "\t=1",
        "'",
        '"',
        '""',
        "a\nb",
        "a\r\nb",
        "00123",
        "NA",
        "\ufeffx",
        "+447911123456",
        "-12,5",
        " x ",
    ]
)
CELL = _ANY | _ODD
_NAME = st.sampled_from(["note", "a b", "=x", "'y", "Äpfel", *RESULT_COLUMNS]) | st.text(
    "abcxyz =-+@'_", min_size=1, max_size=8
).filter(lambda name: bool(name.strip()))


@st.composite
def tables(draw: st.DrawFn) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A header with a phone column, and rows that fit it."""
    names = draw(st.lists(_NAME, max_size=4, unique=True))
    rows = draw(st.lists(st.tuples(*[CELL for _ in names]).map(lambda r: (PHONE, *r)), min_size=1))
    return ("phone", *names), rows


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(table=tables())
def test_round_trip(table: tuple[tuple[str, ...], list[tuple[str, ...]]], tmp_path: Path) -> None:
    """Whatever the cells are, a results file that is fed back has the same, and ours beside."""
    header, rows = table
    place = tmp_path / "x.results.csv"
    contacts = [contact(*cells, row=number) for number, cells in enumerate(rows, start=2)]
    assert write_results(place, header, contacts, "x") == len(rows)
    read = open_list(place, encoding="utf-8-sig", delimiter=",")
    assert read.reading.is_results
    assert read.reading.header == results_header(header)
    got = [row for block in read.blocks() for row in block]
    assert [row.cells for row in got] == [tuple(row) for row in rows]
    for row, one in zip(got, contacts, strict=True):
        assert row.prior == {
            "status": "success",
            "callId": "call_1",
            "reason": "",
            "detail": "",
            "e164": PHONE,
            "attempts": "1",
            "lastAttemptAt": "2026-11-22T13:02:11Z",
            "campaign": "x",
            "row": str(one.row),
            "outcome": "",
            "callLength": "",
            "recordingUrl": "",
        }


@given(cells=st.lists(CELL, min_size=1, max_size=4))
def test_no_cell_is_run_by_a_spreadsheet(cells: list[str]) -> None:
    """What begins like a formula is text in the file, also where the service sent it."""
    text = io.StringIO(newline="")
    contacts = [contact(*cells, call_id="=cmd|' /C calc'!A0")]
    print_results(text, [f"=c{i}" for i in range(len(cells))], contacts, "@SUM(1)")
    text.seek(0)
    for line in csv.reader(text):
        for cell in line:
            if cell.startswith(("=", "@", "\t", "\r")):
                raise AssertionError(cell)
            if cell.startswith(("+", "-")):
                assert cell[1:].replace(".", "").replace(",", "").isdecimal()


def test_columns_of_the_same_name() -> None:
    """An input column that is named like one of ours is kept beside it."""
    assert results_header(["phone", "status", "row", "Status"]) == (
        "phone",
        "status (input)",
        "row (input)",
        "Status",
    )


def written(path: Path) -> str:
    """What the file holds."""
    return path.read_text(encoding="utf-8-sig")


def test_it_is_private(tmp_path: Path) -> None:
    """Only its owner reads it, also where it replaces one that everybody could read."""
    place = tmp_path / "x.results.csv"
    place.touch(mode=0o644)
    write_results(place, ["phone"], [contact(PHONE)], "x")
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert place.read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("a bug")])
def test_all_or_nothing(error: Exception, tmp_path: Path) -> None:
    """A file that cannot be finished leaves the old one, and no half one beside it."""
    place = tmp_path / "x.results.csv"
    write_results(place, ["phone"], [contact(PHONE)], "x")
    before = place.read_bytes()

    def breaking() -> Iterator[Contact]:
        yield from (contact(PHONE, row=row) for row in range(2, 2000))
        raise error

    told = OutputError if isinstance(error, OSError) else RuntimeError
    with pytest.raises(told) as caught:
        write_results(place, ["phone"], breaking(), "x")
    if told is OutputError:
        assert "No space left" in str(caught.value)
        assert "batchdial results" in str(caught.value)
    assert place.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == [place.name]


@pytest.mark.parametrize("device", ["/dev/full", "/dev/zero"])
def test_devices(device: str, tmp_path: Path) -> None:
    """A device is no results file, and finding that out does not read it to its end."""
    link = tmp_path / "x.results.csv"
    link.symlink_to(device)
    with pytest.raises(OutputError, match="not a results file"):
        check_output(link, None)


def test_a_folder_that_went_away(tmp_path: Path) -> None:
    """Where the folder is gone at the end, the way to the results is said."""
    with pytest.raises(OutputError, match="batchdial results"):
        write_results(tmp_path / "no" / "x.csv", ["phone"], [contact(PHONE)], "x")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """Where the name is a link, the file that it leads to is replaced."""
    real = tmp_path / "shared" / "x.results.csv"
    real.parent.mkdir()
    write_results(real, ["phone"], [], "x")
    link = tmp_path / "x.results.csv"
    link.symlink_to(real)
    write_results(link, ["phone"], [contact(PHONE)], "x")
    assert link.is_symlink()
    assert PHONE in written(real)


@pytest.mark.parametrize(
    "content", ["", "a,b\n1,2\n", "phone,status,callId\n", "\x00\x01\xff", '"never closed\n']
)
def test_other_files_are_left_alone(content: str, tmp_path: Path) -> None:
    """What stands there and is not a results file is never replaced."""
    place = tmp_path / "x.results.csv"
    place.write_bytes(content.encode("latin-1"))
    with pytest.raises(OutputError, match="not a results file"):
        check_output(place, None)
    assert place.read_bytes() == content.encode("latin-1")


def test_the_list_itself_is_left_alone(tmp_path: Path) -> None:
    """Input and output are never one file, by whatever name."""
    source = tmp_path / "leads.csv"
    write_results(source, ["phone"], [contact(PHONE)], "x")
    link = tmp_path / "out.csv"
    link.symlink_to(source)
    for place in (source, link, tmp_path / "." / "leads.csv"):
        with pytest.raises(OutputError, match="the list itself"):
            check_output(place, source)
    check_output(source, None)


@pytest.mark.parametrize("place", ["/proc/x.csv", "file/x.csv", "none/x.csv", "/dev/null/x.csv"])
def test_places_that_cannot_be_written(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is seen before the first call, whatever the permissions say."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="--output"):
        check_output((tmp_path / place).absolute(), None)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("source", "is_results", "name"),
    [
        ("leads.csv", False, "leads.results.csv"),
        ("leads.xlsx", False, "leads.results.csv"),
        ("leads", False, "leads.results.csv"),
        ("a.b.csv", False, "a.b.results.csv"),
        ("leads.csv.gz", False, "leads.results.csv"),
        ("leads.zip", False, "leads.results.csv"),
        ("leads.results.csv", True, "leads.results.csv"),
        ("leads.results.txt", True, "leads.results.txt"),
        ("leads.results.xlsx", True, "leads.results.csv"),
        ("leads.results.csv.gz", True, "leads.results.csv"),
    ],
)
def test_where_results_go(source: str, is_results: bool, name: str, tmp_path: Path) -> None:
    """Beside the list, under its name; a results file fed back is its own."""
    assert default_output(tmp_path / source, is_results=is_results) == tmp_path / name


def test_every_row_is_counted(tmp_path: Path) -> None:
    """The number of rows is given back, so that the caller can compare it."""
    rows: Sequence[Contact] = [contact(PHONE, row=row) for row in range(2, 12)]
    assert write_results(tmp_path / "x.csv", ["phone"], rows, "x") == 10
