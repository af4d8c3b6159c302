"""What is read from text files, and what is refused in one line."""

from __future__ import annotations

import csv
import io
import sys
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchdial.errors import ConfigError, ListError, QuestionError
from batchdial.lists import delimited, regular
from batchdial.lists.loader import ContactFile, open_list

from .conftest import FIRST, SECOND

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Write

PEOPLE = "Name;Telefon\nBjörn Åkesson;+46701740605\nJosé Núñez;00123\n"


def cells(opened: ContactFile) -> list[tuple[str, ...]]:
    return [row.cells for block in opened.blocks() for row in block]


def rows(opened: ContactFile) -> list[int]:
    return [row.row for block in opened.blocks() for row in block]


def test_cells_survive_as_text(write: Write) -> None:
    """Leading zeros, NA, plus signs, long digits and spaces are handed on as they stand."""
    values = ("00123", "NA", "nan", "+447400123456", "12345678901234567890", " x ", "1e5", "None")
    path = write("a,b,c,d,e,f,g,h\n" + ",".join(values) + "\n")
    assert cells(open_list(path)) == [values]


def test_row_numbers_are_those_of_the_spreadsheet(write: Write) -> None:
    """Blank rows are no contacts but count, and a quoted newline is no new row."""
    path = write('a,b\n\n1,"x\ny"\n,\n2,z\n')
    opened = open_list(path)
    assert rows(opened) == [3, 5]
    assert cells(opened) == [("1", "x\ny"), ("2", "z")]


@pytest.mark.parametrize("end", ["", "\n\n"], ids=["regular", "divided"])
def test_blocks_can_be_read_again_and_are_bounded(
    write: Write, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """A long file comes in pieces, and each reading gives all of it."""
    monkeypatch.setattr(regular, "_CHUNK", 60)
    monkeypatch.setattr(delimited, "PAGE_ROWS", 10)
    opened = open_list(write("a,b\n" + "".join(f"x{i},{i}\n" for i in range(95)) + end))
    assert max(len(block) for block in opened.blocks()) in range(8, 13)
    assert rows(opened) == rows(opened) == list(range(2, 97))
    assert [row.row for row in opened.sample] == list(range(2, 97))


@pytest.mark.parametrize(
    ("codec", "said"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
        ("mac_roman", "mac_roman"),
    ],
)
def test_encoding_is_detected(write: Write, codec: str, said: str) -> None:
    """Names come out right, and the encoding is told."""
    opened = open_list(write(PEOPLE.encode(codec)))
    assert opened.reading.encoding == said
    assert cells(opened) == [("Björn Åkesson", "+46701740605"), ("José Núñez", "00123")]


def test_polish_is_not_read_as_western(write: Write) -> None:
    """A symbol inside a word speaks against a codec."""
    text = "Imię;Telefon\nŁukasz Żółć;+48\nAgnieszka Dąbrowska;+48\n"
    opened = open_list(write(text.encode("cp1250")))
    assert opened.reading.encoding == "cp1250"


def test_undecided_encoding_is_asked(write: Write) -> None:
    """Where two codecs read different names, a person decides by looking at them."""
    text = "Name;Telefon\nJan Gęba;+48\nEwa Kępa;+48\n".encode("cp1250")
    with pytest.raises(QuestionError, match=r"cp1252 \(Gêba.*cp1250 \(Gęba.*\n.*--encoding"):
        open_list(write(text))
    assert cells(open_list(write(text), encoding="cp1250"))[0][0] == "Jan Gęba"


def test_bad_byte_far_below_is_named(write: Write) -> None:
    """One damaged line in a UTF-8 file is an error with its line, never a replacement mark."""
    content = b"a,b\n" + "é,1\n".encode() * 50_000 + b"\xe9,1\n" + "é,1\n".encode()
    with pytest.raises(ListError, match=r"leads.csv line 50002: .*utf-8(.|\n)*--encoding"):
        open_list(write(content))


def test_asked_encoding_must_decode_everything(write: Write) -> None:
    """--encoding is no licence to replace characters, be they ever so far below."""
    content = b"a,b\n" + b"x,1\n" * 50_000 + PEOPLE.encode("cp1252")
    with pytest.raises(ListError, match="line 50003"):
        open_list(write(content), encoding="utf-8")


@pytest.mark.parametrize("name", ["utf8x", "rot13", "klingon"])
def test_unknown_encoding(write: Write, name: str) -> None:
    """What was typed is named, and what could have been meant."""
    with pytest.raises(ConfigError, match=rf"no encoding '{name}'.*utf-8"):
        open_list(write(PEOPLE), encoding=name)


@pytest.mark.parametrize("divider", [",", ";", "\t", "|"])
def test_delimiter_is_detected(write: Write, divider: str) -> None:
    """Other delimiters inside the cells do not confuse it."""
    text = f'Name{divider}Phone\n"Lee, A; B|C"{divider}1\n"X, Y"{divider}2\n'
    opened = open_list(write(text))
    assert opened.reading.delimiter == divider
    assert opened.reading.header == ("Name", "Phone")


def test_one_column(write: Write) -> None:
    """A list of nothing but numbers is a list."""
    opened = open_list(write(f"phone\n{FIRST}\n\n{SECOND}\n"))
    assert cells(opened) == [(FIRST,), (SECOND,)]
    assert rows(opened) == [2, 4]


def test_excel_sep_line(write: Write) -> None:
    """Excel's own sep= line decides, and is not a row, as in Excel."""
    opened = open_list(write("sep=|\r\na,b|c\r\n1|2\r\n"))
    assert opened.reading.header == ("a,b", "c")
    assert rows(opened) == [2]


@pytest.mark.parametrize(("typed", "divider"), [("tab", "\t"), (";", ";"), ("|", "|")])
def test_asked_delimiter(write: Write, typed: str, divider: str) -> None:
    """--delimiter wins over what the file looks like."""
    opened = open_list(write("a,b\n1,2\n"), delimiter=typed)
    assert opened.reading.delimiter == divider
    assert opened.reading.header == ("a,b",)


def test_impossible_delimiter(write: Write) -> None:
    """More than one character cannot divide cells."""
    with pytest.raises(ConfigError, match="'::'"):
        open_list(write("a,b\n1,2\n"), delimiter="::")


def test_longer_row_is_refused_with_its_number(write: Write) -> None:
    """A cell too many means that columns may be shifted; nothing is cut off."""
    with pytest.raises(ListError, match=r"leads.csv row 302 has 3 cells.* has 2"):
        list(open_list(write("a,b\n" + "1,2\n" * 300 + "1,2,3\n")).blocks())


def test_trailing_delimiters_and_short_rows(write: Write) -> None:
    """Empty cells at the end, too many or too few, lose nothing."""
    assert cells(open_list(write("a,b\n1,2,,\n3\n"))) == [("1", "2"), ("3", "")]


def test_equal_and_empty_names_keep_their_columns(write: Write) -> None:
    """Columns go by their place; the names stay as they were read."""
    opened = open_list(write("a,a,, b \n1,2,3,4\n"))
    assert opened.reading.header == ("a", "a", "", " b ")
    assert cells(opened) == [("1", "2", "3", "4")]


def test_missing_header_does_not_eat_a_contact(write: Write) -> None:
    """A first row with a number or an address in it is no header."""
    with pytest.raises(QuestionError, match=r"no header.*row 1"):
        open_list(write(f"Ada,{FIRST}\nBen,{SECOND}\n"))


def test_unclosed_quote(write: Write) -> None:
    """The row in which the quote opens is named."""
    with pytest.raises(ListError, match="row 3: a quotation mark"):
        list(open_list(write('a,b\n1,2\n"x,3\n1,2\n')).blocks())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "is empty: 0 contacts", id="empty"),
        pytest.param(b"\xef\xbb\xbf", "0 contacts", id="bom-only"),
        pytest.param(b"\xff\xfe", "0 contacts", id="utf-16-bom-only"),
        pytest.param(b"a,b\r\n", "no rows below it: 0 contacts", id="header-only"),
        pytest.param(b",,,\n,,\n", "0 contacts", id="commas-only"),
        pytest.param(b"a,b\n1\0,2\n", "NUL", id="nul"),
        pytest.param(b"%PDF-1.7\n...", "a PDF", id="pdf"),
        pytest.param(b"\n<!DOCTYPE html><p>", "an HTML page", id="html"),
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1", "old or damaged Office", id="xls"),
        pytest.param(b"\x1f\x8b\x08\x01\x02", "damaged archive", id="gzip"),
        pytest.param(b"PK\x03\x04 broken", "damaged zip", id="broken-zip"),
        pytest.param(bytes(range(1, 256)) * 8, "binary", id="binary"),
    ],
)
def test_refused_by_content(write: Write, content: bytes, says: str) -> None:
    """What is no contact list is refused in one line that names the file."""
    with pytest.raises(ListError, match=says) as refused:
        open_list(write(content))
    assert str(refused.value).startswith("leads.csv")


def test_no_such_file(write: Write) -> None:
    """A slip of the keyboard is answered with the file that was meant."""
    path = write("a\n1\n", "leads-march.csv")
    with pytest.raises(ListError, match=r"no file .*leads-marhc\.csv.*leads-march\.csv"):
        open_list(path.with_name("leads-marhc.csv"))


def test_folder(write: Write) -> None:
    """A folder is answered with the lists in it."""
    path = write("a\n1\n", "april.csv")
    with pytest.raises(ListError, match=r"is a folder.*april\.csv"):
        open_list(path.parent)


def test_reading_tells_digest_and_name(write: Write) -> None:
    """The content's identity does not depend on the file's name."""
    path = write(PEOPLE, "..%2f --help.csv")
    reading = open_list(path).reading
    assert reading.digest == sha256(PEOPLE.encode()).hexdigest()
    assert (reading.name, reading.kind, reading.header_row) == ("..%2f --help.csv", "csv", 1)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard input can be read twice, and leaves no file behind."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PEOPLE.encode())))
    opened = open_list("-")
    assert opened.reading.name == "-"
    assert cells(opened) == cells(opened)
    spooled: Path = opened._table.path  # type: ignore[attr-defined]
    assert spooled.stat().st_mode & 0o777 == 0o600
    del opened
    assert not spooled.exists()


CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\ufeff\x1a"), max_size=8
) | st.sampled_from(
    ["", " ", '"', '""', "a,b", "x\ny", "x\r\ny", "\r", "'", "=1+1", ";", "\t", "NA"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(table=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=12))
def test_rows_in_are_rows_out(write: Write, table: list[list[str]]) -> None:
    """Whatever csv.writer can write comes back cell by cell; only blank rows are no contacts."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([["key", "one", "two"], *[[f"k{n}", *row[1:]] for n, row in enumerate(table)]])
    opened = open_list(write(text.getvalue().encode()), delimiter=",", encoding="utf-8")
    assert cells(opened) == [(f"k{n}", *row[1:]) for n, row in enumerate(table)]
    assert rows(opened) == list(range(2, len(table) + 2))


#: Names and words as people write them; of random letters nobody could tell the encoding.
LETTERS = st.sampled_from(
    [
        "Jörg Müller",
        "Änne Weiß",
        "Hélène Lefèvre",
        "François Noël",
        "José Núñez",
        "María Peña",
        "Zoë",
        "Ann",
        "Ben Lee",
        "Günther Schäfer",
        "Søren Kjær",
        "Björn Åkesson",
        "João Conceição",
        "Niccolò",
        "x, y",
        "a;b",
        'x "y"',
    ]
)
#: A codec, and what each of its files is asked for: nothing, where a mark or UTF-8 tells.
CODECS = st.sampled_from(
    ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "mac_roman", "iso8859_15"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    table=st.lists(st.tuples(LETTERS, LETTERS), min_size=1, max_size=12),
    codec=CODECS,
    divider=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r", "\r\n"]),
)
def test_rows_in_are_rows_out_in_any_form(
    write: Write, table: list[tuple[str, str]], codec: str, divider: str, end: str
) -> None:
    """Whatever the encoding, delimiter and line end: the same cells, or a question; no third."""
    rows_ = [(f"+4477009{n:05}", *row) for n, row in enumerate(table)]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=divider, lineterminator=end).writerows(
        [("phone", "name", "note"), *rows_]
    )
    path = write(text.getvalue().encode(codec))
    assert cells(open_list(path, encoding=codec)) == rows_
    try:
        opened = open_list(path)
    except QuestionError as question:
        assert not codec.startswith("utf")
        assert "--encoding" in str(question)  # noqa: PT017
    else:
        assert cells(opened) == rows_


def test_a_mark_that_was_read_as_text_is_refused(write: Write) -> None:
    """All letters of such a file are broken; opened and saved again the right way, they are not."""
    path = write("\ufeffName,phone\nJosé,1\n".encode().decode("cp1252"))
    with pytest.raises(ListError, match="wrong encoding"):
        open_list(path)


@pytest.mark.parametrize(
    ("name", "is_told"), [("JosÃ©", True), ("José", False), ("Çelik", False), ("山田", False)]
)
def test_a_name_that_was_misread_is_told(write: Write, name: str, is_told: bool) -> None:
    """It would be spoken so; the file cannot tell what else is broken, so nothing is guessed."""
    opened = open_list(write(f"Name,phone\n{name},1\n"))
    assert ("misread" in "; ".join(opened.reading.notes)) == is_told
    assert cells(opened) == [(name, "1")]
