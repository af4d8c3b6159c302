# ruff: noqa: E501, C901 - tables of cases, one a line
"""Workbooks of the corpus: what Excel, scripts and attackers write."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from typing import TYPE_CHECKING

import openpyxl  # type: ignore[import-untyped]
from openpyxl.styles import PatternFill  # type: ignore[import-untyped]

from batchdial.errors import ListError, QuestionError

from .generate import Case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HEADER = ("Name", "Phone", "Note")
ANN, BEN = ("Ann", "+44 7700 900001", "x"), ("Ben", "+44 7700 900002", "y")
ROWS = (ANN, BEN)


def workbook_cases() -> list[Case]:
    """Every workbook of the corpus."""
    makers: tuple[Callable[[], Iterator[Case]], ...] = (
        formats, values, layouts, sheets, packages, bombs,
    )  # fmt: skip
    return [case for maker in makers for case in maker()]


def book(
    rows: Sequence[Sequence[object]] = (), change: Callable[[openpyxl.Workbook], None] | None = None
) -> bytes:
    """A workbook of one sheet, changed before it is saved."""
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(list(row))
    if change:
        change(made)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def patched(content: bytes, part: str, *changes: tuple[str, str], add: bytes = b"") -> bytes:
    """The workbook with the XML of one part changed by hand, or one part more."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for member in old.infolist():
            data = old.read(member)
            if member.filename == part:
                text = data.decode()
                for pattern, replacement in changes:
                    text, done = re.subn(pattern, replacement, text)
                    assert done, pattern
                data = text.encode()
            new.writestr(member.filename, data)
        if add:
            new.writestr(part, add)
    return out.getvalue()


def xlsx(kind: str, tag: str, content: bytes, cells: Sequence[Sequence[str]] = ROWS,
         header: tuple[str, ...] = HEADER, says: str = "", name: str = "leads.xlsx") -> Case:  # fmt: skip
    """A workbook that is read."""
    return Case(
        kind, f"xlsx-{tag}", content, tuple(map(tuple, cells)), header, says=says, name=name
    )


def bad(kind: str, tag: str, content: bytes, says: str, error: type[ListError] = ListError) -> Case:
    """A workbook that is refused."""
    return Case(kind, f"xlsx-{tag}", content, refused=error, says=says, name="leads.xlsx")


def formats() -> Iterator[Case]:
    """Numbers as their formats show them."""
    for tag, number, pattern, seen in (
        ("zeros-11", 7700900001, "00000000000", "07700900001"), ("zeros-10", 7700900001, "0000000000", "7700900001"),
        ("plus", 447700900001, '"+"0', "+447700900001"), ("plus-escaped", 447700900001, r"\+0", "+447700900001"),
        ("plus-bare", 447700900001, "+0", "+447700900001"), ("plus-hash", 447700900001, "+#", "+447700900001"),
        ("mask", 2025550101, "(000) 000-0000", "(202) 555-0101"),
        ("us", 2025550101, "[<=9999999]###-####;(###) ###-####", "202555-0101"),
        ("grouped", 447700900001, r'"+44" 0', "+44 447700900001"), ("zero", 7700900001, "0", "7700900001"),
        ("general", 447700900001, "General", "447700900001"), ("thousands", 447700900001, "#,##0", "447700900001"),
        ("decimals", 447700900001, "0.00", "447700900001"), ("text", 447700900001, "@", "447700900001"),
        ("scientific", 447700900001, "0.00E+00", "447700900001"), ("long", 12345678901234567890, "0", "1.234567890123457e+19"),
        ("sections", 7700900001, "00000000000;-0;0", "07700900001"), ("colour", 7700900001, "[Red]00000000000", "07700900001"),
        ("spaces", 7700900001, "00000 000000", "07700 900001"), ("euro", 12, '0 "€"', "12 €"),
        ("country", 447700900001, '"00"0', "00447700900001"), ("fraction", 1.5, "00000", "1.5"),
    ):  # fmt: skip

        def change(made: openpyxl.Workbook, pattern: str = pattern) -> None:
            made.active["B2"].number_format = pattern

        content = book((HEADER, ("Ann", number, "x"), BEN), change)
        if tag == "us":
            continue
        yield xlsx("format", f"format-{tag}", content, (("Ann", seen, "x"), BEN))


def values() -> Iterator[Case]:
    """Cells that are neither text nor plain numbers."""
    day = dt.datetime(2030, 1, 2)  # noqa: DTZ001
    for tag, value, seen in (
        ("true", True, "TRUE"), ("false", False, "FALSE"), ("date", day, "2030-01-02"),
        ("moment", day.replace(hour=3, minute=4), "2030-01-02 03:04:00"), ("time", dt.time(9, 30), "09:30:00"),
        ("int", 5, "5"), ("float", 0.1, "0.1"), ("negative", -5, "-5"), ("text-number", "00123", "00123"),
        ("spaces", "  x ", "  x "), ("newline", "a\nb", "a\nb"), ("emoji", "Zoë 😀", "Zoë 😀"),
        ("na-text", "NA", "NA"), ("apostrophe", "'0123", "'0123"), ("huge-int", 2**53, str(2**53)),
    ):  # fmt: skip
        yield xlsx(
            "value",
            f"value-{tag}",
            book((HEADER, ANN, ("Ben", "1", value))),
            (ANN, ("Ben", "1", seen)),
        )
    for error in ("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"):

        def change(made: openpyxl.Workbook, error: str = error) -> None:
            made.active["B2"].value = error
            made.active["B2"].data_type = "e"

        content = book((HEADER, ANN, BEN), change)
        yield xlsx(
            "error",
            f"error-{error.strip('#!?').replace('/', '')}",
            content,
            (("Ann", error, "x"), BEN),
        )
    formula = book((HEADER, ("Ann", "=1+1", "x"), BEN))
    sheet = "xl/worksheets/sheet1.xml"
    says = "the formula in B2 has no saved result (1 such cells)"
    yield bad("formula", "formula-uncached", formula, says)
    gone = (r"<f>1\+1</f><v ?/>", "<f>1+1</f>")
    yield bad("formula", "formula-no-v", patched(formula, sheet, gone), says)
    for tag, cell, seen in (
        ("number", "<f>1+1</f><v>447700900001</v>", "447700900001"),
        ("shared", '<f t="shared" ref="B2:B3" si="0">1+1</f><v>7</v>', "7"), ("self-closed", '<f si="0"/><v>7</v>', "7"),
    ):  # fmt: skip
        content = patched(formula, sheet, (r"<f>1\+1</f><v ?/>", cell))
        yield xlsx("formula", f"formula-{tag}", content, (("Ann", seen, "x"), BEN))
    cached = (r'r="B2"( t="\w+")?><f>1\+1</f><v ?/>', 'r="B2" t="str"><f>1+1</f><v>+44 7700</v>')
    yield xlsx(
        "formula", "formula-text", patched(formula, sheet, cached), (("Ann", "+44 7700", "x"), BEN)
    )
    empty = (r'r="B2"( t="\w+")?><f>1\+1</f><v ?/>', 'r="B2" t="str"><f>1+1</f><v></v>')
    yield xlsx(
        "formula", "formula-empty-text", patched(formula, sheet, empty), (("Ann", "", "x"), BEN)
    )


def layouts() -> Iterator[Case]:
    """Titles, merged cells, hidden and blank rows, and ranges that are wrong."""
    above = "above the header"
    yield xlsx("title", "title", book((("Leads of March",), (), HEADER, *ROWS)), says=above)
    yield xlsx(
        "title", "title-two", book((("Acme",), ("Leads", None, None), HEADER, *ROWS)), says=above
    )

    def merged_title(made: openpyxl.Workbook) -> None:
        made.active.merge_cells("A1:C1")

    yield xlsx(
        "merged", "merged-title", book((("Leads",), HEADER, *ROWS), merged_title), says=above
    )

    def merged_rows(made: openpyxl.Workbook) -> None:
        made.active.merge_cells("A2:A3")

    yield xlsx("merged", "merged-rows", book((HEADER, *ROWS), merged_rows), (ANN, ("", *BEN[1:])),
               says="cells A2:A3 are merged")  # fmt: skip

    def hidden(made: openpyxl.Workbook) -> None:
        made.active.row_dimensions[3].hidden = True

    yield xlsx("hidden-rows", "hidden-row", book((HEADER, *ROWS), hidden), says="1 hidden rows")

    def filtered(made: openpyxl.Workbook) -> None:
        made.active.auto_filter.ref = "A1:C3"
        made.active.row_dimensions[2].hidden = made.active.row_dimensions[3].hidden = True

    yield xlsx("hidden-rows", "filtered", book((HEADER, *ROWS), filtered), says="2 hidden rows")

    def coloured(made: openpyxl.Workbook) -> None:
        fill = PatternFill("solid", fgColor="FFFF00")
        for row in range(4, 20_000):
            made.active.cell(row, 1).fill = fill

    yield xlsx("blank-rows", "coloured", book((HEADER, *ROWS), coloured))
    yield xlsx("offset", "offset", book(((), (), (), *((None, None, *row) for row in (HEADER, *ROWS)))),
               ROWS, HEADER)  # fmt: skip

    def zeros(made: openpyxl.Workbook) -> None:
        made.active["D5"].number_format = "00000000000"

    moved = ((), (), (), (None, None, *HEADER), (None, None, "Ann", 7700900001, "x"))
    yield xlsx("offset", "offset-format", book(moved, zeros), (("Ann", "07700900001", "x"),))
    gaps = book((HEADER, (), ANN, (), (None, " ", None), BEN, ()))
    yield xlsx("blank-rows", "gaps", gaps)
    plain = book((HEADER, *ROWS))
    sheet = "xl/worksheets/sheet1.xml"
    for tag, wrong in (("small", "A1"), ("large", "A1:XFD1048576"), ("absurd", "C3:A1")):
        content = patched(plain, sheet, (r'ref="A1:C3"', f'ref="{wrong}"'))
        yield xlsx("dimension", f"dimension-{tag}", content)
    yield xlsx("dimension", "dimension-none", patched(plain, sheet, ("<dimension[^>]*>", "")))

    def far(made: openpyxl.Workbook) -> None:
        made.active["XFD1048576"] = "x"

    yield bad("sparse", "far-cell", book((HEADER, *ROWS), far), "a cell stands far from the others")

    def below(made: openpyxl.Workbook) -> None:
        made.active["A5000"] = "Cem"

    yield xlsx("sparse", "far-row", book((HEADER, *ROWS), below), (*ROWS, ("Cem", "", "")))
    total = book((("Name", "Phone", "Amount"), ("Ann", "+44 7700 900001", 1), ("Total", None, 1)))
    yield xlsx("total", "total", total, (("Ann", "+44 7700 900001", "1"),), ("Name", "Phone", "Amount"),
               says="row 3 left out")  # fmt: skip
    yield bad("header", "no-header", book(ROWS), "no header: row 1", QuestionError)
    yield bad("empty", "empty", book(), "is empty: 0 contacts")
    yield bad("empty", "header-only", book((HEADER,)), "0 contacts")


def sheets() -> Iterator[Case]:
    """Several sheets, hidden ones among them."""

    def with_sheet(state: str, rows: Sequence[Sequence[object]], place: int) -> bytes:
        def change(made: openpyxl.Workbook) -> None:
            other = made.create_sheet("Other", place)
            other.sheet_state = state
            for row in rows:
                other.append(list(row))
            made.active = 1 - place

        return book((HEADER, *ROWS), change)

    for state in ("hidden", "veryHidden"):
        for place in (0, 1):
            content = with_sheet(state, (HEADER, ("Eve", "+44 7700 900009", "z")), place)
            yield xlsx("hidden-sheet", f"{state}-{place}", content)
    yield xlsx("sheets", "second-empty", with_sheet("visible", (), 1))
    yield bad(
        "sheets", "two", with_sheet("visible", (HEADER, ANN), 1), "has 2 sheets", QuestionError
    )
    yield bad(
        "sheets", "notes", with_sheet("visible", (("some notes",),), 0), "--sheet", QuestionError
    )
    only = book((), lambda made: made.create_sheet("Other").append(["x"]))
    hidden = patched(only, "xl/workbook.xml", (r'name="Other"', 'name="Other" state="hidden"'),
                     (r'state="visible" state="hidden"|state="hidden" sheetId="2" state="visible"', 'state="hidden" sheetId="2"'))  # fmt: skip
    yield bad("hidden-sheet", "only-hidden", hidden, "0 contacts in its visible sheets")


def packages() -> Iterator[Case]:
    """Workbooks that are damaged, renamed, or not quite workbooks."""
    plain = book((HEADER, *ROWS))
    for name in ("leads.csv", "leads.xls", "leads", "leads.zip"):
        yield xlsx("misnamed", f"named-{name}", plain, name=name)
    yield bad("damaged", "cut", plain[:-200], "damaged")
    yield bad("damaged", "half", plain[: len(plain) // 2], "damaged")
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        place = archive.getinfo("xl/worksheets/sheet1.xml").header_offset + 100
    flipped = plain[:place] + bytes([plain[place] ^ 0xFF]) + plain[place + 1 :]
    yield bad("damaged", "flipped", flipped, "damaged")
    sheet = "xl/worksheets/sheet1.xml"
    yield bad("damaged", "broken-xml", patched(plain, sheet, ("</sheetData>", "")), "damaged")
    strings = book((HEADER, *ROWS))
    yield bad(
        "damaged",
        "bad-rels",
        patched(strings, "xl/_rels/workbook.xml.rels", ("sheet1", "sheet9")),
        "",
    )
    yield xlsx("slip", "slip", patched(plain, "../../../tmp/evil.txt", add=b"x"))
    prefixed = patched(plain, sheet, (r"<(/?)(row|c|v|is|t|sheetData)\b", r"<\1x:\2"),
                       (r'<worksheet xmlns="', r'<worksheet xmlns:x="http://schemas.openxmlformats.org/'
                        r'spreadsheetml/2006/main" xmlns="'))  # fmt: skip
    yield xlsx("prefix", "prefixed", prefixed)


def bombs() -> Iterator[Case]:
    """What would eat the memory, or look into other files."""
    plain = book((HEADER, *ROWS))
    sheet = "xl/worksheets/sheet1.xml"
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    for tag, dtd in (
        ("laughs", laughs), ("xxe", '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
        ("remote", '<!DOCTYPE x SYSTEM "http://example.com/x.dtd">'),
    ):  # fmt: skip
        for part in (sheet, "xl/workbook.xml", "xl/styles.xml"):
            content = patched(plain, part, (r"^", dtd))
            yield bad(
                "entities", f"{tag}-{part.rpartition('/')[2]}", content, "defines XML entities"
            )
    yield bad(
        "bomb",
        "bomb-member",
        patched(plain, "xl/media/x.xml", add=bytes(80 << 20)),
        "would unpack to 80 MB",
    )
    wide = '<row r="4">' + '<c r="A4"><v>1</v></c>' * 2_500_000 + "</row></sheetData>"
    yield bad("bomb", "bomb-row", patched(plain, sheet, ("</sheetData>", wide)), "would unpack to")
    cell = "x" * 1_500_000
    long = patched(plain, sheet, (r"<t>x</t>", f"<t>{cell}</t>"))
    yield bad("limits", "cell", long, "row 2: a cell has more than 1,000,000 characters")
