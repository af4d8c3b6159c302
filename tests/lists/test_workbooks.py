"""What is read from XLSX files."""

from __future__ import annotations

import datetime as dt
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdial.errors import ConfigError, ListError, QuestionError
from batchdial.lists import sheetxml
from batchdial.lists.loader import open_list
from batchdial.lists.workbook import cell_text

if TYPE_CHECKING:
    from .conftest import Write, WriteBook

HEADER = ("phone", "b", "c")


def test_cells_become_the_text_a_person_sees(write_book: WriteBook) -> None:
    """Numbers have neither .0 nor exponent; dates and truth values are readable."""
    day, moment = dt.date(2030, 1, 2), dt.datetime(2030, 1, 2, 3, 4, 5)  # noqa: DTZ001
    path = write_book(
        Leads=[HEADER, (12025550101, 1.5, True), (day, moment, "00123"), (None, " x ", "a\nb")]
    )
    opened = open_list(path)
    assert [row.cells for row in opened.sample] == [
        ("12025550101", "1.5", "TRUE"),
        ("2030-01-02", "2030-01-02 03:04:05", "00123"),
        ("", " x ", "a\nb"),
    ]
    assert (opened.reading.kind, opened.reading.sheet) == ("xlsx", "Leads")


def test_table_that_starts_further_down(write_book: WriteBook) -> None:
    """Row numbers are those that the spreadsheet shows."""
    path = write_book(Leads=[(), (), HEADER, ("1", "2", "3"), (), ("4", "5", "6")])
    opened = open_list(path)
    assert opened.reading.header_row == 3
    assert [row.row for row in opened.sample] == [4, 6]


def test_several_sheets_are_asked(write_book: WriteBook) -> None:
    """The sheets are named with their rows; a hidden one is told but not offered."""
    path = write_book(
        March=[HEADER, ("1", "2", "3")], April=[HEADER, *[("1", "2", "3")] * 2], hidden_old=[HEADER]
    )
    with pytest.raises(QuestionError) as asked:
        open_list(path)
    assert str(asked.value) == (
        'leads.xlsx has 3 sheets: "March" (1 rows), "April" (2 rows), "old" (hidden).\n'
        "Say which: --sheet March"
    )
    assert open_list(path, sheet="april").reading.sheet == "April"
    with pytest.raises(ConfigError, match=r"no sheet 'May'.*\"March\", \"April\", \"old\""):
        open_list(path, sheet="May")


def test_hidden_and_empty_sheets_are_never_chosen(write_book: WriteBook) -> None:
    """One visible sheet with rows needs no question, wherever it stands."""
    path = write_book(hidden_old=[HEADER, ("9", "9", "9")], Empty=[], New=[HEADER, ("1", "2", "3")])
    assert open_list(path).reading.sheet == "New"


def test_only_hidden_rows(write_book: WriteBook) -> None:
    """A workbook whose visible sheets are empty holds no contacts."""
    with pytest.raises(ListError, match="0 contacts"):
        open_list(write_book(Empty=[], hidden_old=[HEADER, ("1", "2", "3")]))


def test_kind_follows_from_content(write_book: WriteBook, write: Write) -> None:
    """A workbook named .csv and a text file named .xlsx are both read."""
    book = write_book(Leads=[HEADER, ("1", "2", "3")])
    assert open_list(book.rename(book.with_name("list.csv"))).reading.kind == "xlsx"
    assert open_list(write("a,b\n1,2\n", "list.xlsx")).reading.kind == "csv"


def test_sheet_of_a_text_file(write: Write) -> None:
    """A text file has no sheets, and a person who names one is told."""
    with pytest.raises(ConfigError, match="no sheets"):
        open_list(write("a,b\n1,2\n"), sheet="March")


def test_zip_bomb_is_refused_unopened(write_book: WriteBook) -> None:
    """A few kilobytes that unpack to a hundred megabytes are no list."""
    path = write_book(Leads=[HEADER, ("1", "2", "3")])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/big.xml", bytes(100 << 20))
    with pytest.raises(ListError, match="would unpack to 100 MB"):
        open_list(path)


def test_damaged_workbook(write_book: WriteBook) -> None:
    """A flipped byte in a sheet is found before its cells are believed."""
    path = write_book(Leads=[HEADER, *[(str(n), "x", "y") for n in range(500)]])
    with zipfile.ZipFile(path) as archive:
        sheet = archive.getinfo("xl/worksheets/sheet1.xml")
    content = bytearray(path.read_bytes())
    content[sheet.header_offset + 200] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ListError, match="damaged workbook"):
        open_list(path)


def test_other_archives(write_book: WriteBook) -> None:
    """A zip that holds something else is refused by what it holds."""
    path = write_book(Leads=[HEADER]).with_name("list.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<document/>")
    with pytest.raises(ListError, match="a Word document"):
        open_list(path)


@given(st.integers(0, 2**53))
def test_whole_numbers_keep_every_digit(number: int) -> None:
    """A number cell that is exact in the sheet is exact here."""
    assert cell_text(float(number)) == str(number)


def test_binary_sheet_is_measured() -> None:
    """A cell far away in an XLSB, whose sheet would take all memory, is seen beforehand."""
    row = bytes([0, 4]) + (1_048_575).to_bytes(4, "little")
    blank = bytes([1, 4]) + (99).to_bytes(4, "little")
    cell = bytes([5, 12]) + (16_383).to_bytes(4, "little") + bytes(8)
    other = bytes([0x93, 0x01, 1, 0])
    seen = sheetxml.Seen()
    sheetxml._measure(other + row + blank + cell, seen)
    assert (seen.rows, seen.columns, seen.filled) == (1_048_576, 16_384, 1)


def test_repeated_cells_of_an_ods_are_measured(write: Write) -> None:
    """A few bytes that repeat a cell over the whole sheet are refused, not laid out."""
    cell = '<table:table-cell table:number-columns-repeated="16384" office:value-type="string"/>'
    rows = f'<table:table-row table:number-rows-repeated="1048576">{cell}</table:table-row>'
    content = (
        '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"><office:body>'
        f'<office:spreadsheet><table:table table:name="L">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    path = write(b"", "leads.ods")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content)
    with pytest.raises(ListError):
        open_list(path)
