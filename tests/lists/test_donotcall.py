"""Do-not-call files as people have them: every entry is understood, or none of the file is used."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]
import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchdial.errors import ConfigError, DoNotCallError, ExitCode
from batchdial.lists.donotcall import SHOWN, read_donotcall
from batchdial.lists.entries import read_entries, read_entry
from batchdial.lists.phones import read_number
from batchdial.rules.suppression import Listing

BRITON, GERMAN = "+447911123456", "+4915112345678"
AMERICAN, OTHER = "+12025550101", "+12025550102"


def written(text: str | bytes, encoding: str = "utf-8", name: str = "dnc.txt") -> Path:
    """A file in the folder of the test."""
    path = Path(name)
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def refused(path: Path, region: str | None = None) -> str:
    """What is said of a file that cannot be used."""
    with pytest.raises(DoNotCallError) as error:
        read_donotcall(path, region)
    assert isinstance(error.value, ConfigError)
    assert error.value.exit_code is ExitCode.CONFIG
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        (f"{BRITON}\n{AMERICAN}\n", None),
        (f"{BRITON}\r\n{AMERICAN}", None),
        (f"{BRITON}\r{AMERICAN}\r", None),
        (f"\ufeff{BRITON}\n{AMERICAN}\n\x1a", None),
        (f"{BRITON[1:]}\n{AMERICAN[1:]}\n", None),
        (f"{BRITON[1:]}\n{AMERICAN[1:]}\n", "GB"),
        (f"07911 123456\n{AMERICAN}\n", "GB"),
        (f"{BRITON}\n(202) 555-0101\n", "US"),
        (f"{BRITON}\n2025550101\n", None),
        (f"00447911123456\n  tel:{AMERICAN} \n", None),
        (f"# ours; \"all\", since May\n\n{BRITON}  # asked, 3 May\n\t\n{AMERICAN}\n", None),
        (f"phone\n{BRITON}\n{AMERICAN}\n", None),
        (f"Telefonnummer\n{BRITON}\n{AMERICAN}\n", None),
        (f"電話番号\n{BRITON}\n{AMERICAN}\n", None),
        (f"phone1\n{BRITON}\n{AMERICAN}\n", None),
        (f"name,phone\nAnn,{BRITON}\nBob,{AMERICAN}\n", None),
        (f'"Name";"Handy"\n"Ann, die";"{BRITON}"\n"Bob";"{AMERICAN}"\n', None),
        (f"nom\ttéléphone\nAnn\t{BRITON}\nBob\t{AMERICAN}\n", None),
        (f"{BRITON},Ann,2024-05-01\n{AMERICAN},Bob,2024-05-02\n", None),
        (f"7,{BRITON}\n8,{AMERICAN}\n", None),
        (f"name,mobile,landline\nAnn,{BRITON},\nBob,,{AMERICAN}\nEve,,\n", None),
        (f"# exported\nname,phone\n# Ann\nAnn,{BRITON}\nBob,{AMERICAN}\n", None),
        (f"Opted out\n\nname,phone\nAnn,{BRITON}\nBob,{AMERICAN}\n", None),
        (f"name,contact\nAnn,{BRITON}\nBob,{AMERICAN}\n", None),
        (f"phone\n{BRITON}.0\n12025550101.0\n", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
def test_files_of_many_shapes(text: str, region: str | None, encoding: str) -> None:
    """Whatever the shape, these two people must not be called, and two others may."""
    if encoding == "utf-16-le" and "\ufeff" in text:
        text = text.removeprefix("\ufeff")
    found = read_donotcall(written(text, encoding), region)
    assert found.find(BRITON) == Listing("dnc.txt")
    assert found.find(AMERICAN) == Listing("dnc.txt")
    assert found.find(GERMAN) is None
    assert found.find(OTHER) is None
    assert found.entries == 2


def test_names_of_any_encoding_do_no_harm() -> None:
    """Digits are the same in all of them, so a list is not refused for the names beside them."""
    found = read_donotcall(written(f"name;tel\nJosé;{BRITON}\n\x81\x8d;{AMERICAN}\n", "latin-1"))
    assert found.find(BRITON)
    assert found.find(AMERICAN)


def test_the_registry_of_the_united_states() -> None:
    """It writes the area code and seven digits as two cells."""
    found = read_donotcall(written("202,5550101\n202,5550102\n415,5550199\n"))
    assert found.find(AMERICAN)
    assert found.find(OTHER)
    assert len(found) == 3


@pytest.mark.parametrize(
    "line", ["415,5550198 # new", "415, 5550198", '"415","5550198"', "", "# new\n415,5550198"]
)
def test_a_line_of_the_registry_that_is_written_otherwise(line: str) -> None:
    """It means the same, and changes nothing of the others."""
    found = read_donotcall(written(f"202,5550101\n{line}\n202,5550102\n"))
    assert set(found) == {AMERICAN, OTHER} | ({"+14155550198"} if line else set())


def test_a_line_of_the_registry_that_is_cut_off() -> None:
    """It may have been somebody's number."""
    with pytest.raises(DoNotCallError, match=r"(?s)an entry that cannot be understood.*row 2"):
        read_donotcall(written("202,5550101\n415,555\n202,5550102\n"))


def test_a_workbook(tmp_path: Path) -> None:
    """The list as somebody keeps it in a spreadsheet."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (["Name", "Phone"], ["Ann", BRITON], ["Bob", int(AMERICAN)], ["Eve", None]):
        sheet.append(row)
    book.save(tmp_path / "dnc.xlsx")
    found = read_donotcall(tmp_path / "dnc.xlsx")
    assert found.find(BRITON) == Listing("dnc.xlsx")
    assert found.find(AMERICAN)


def test_prefixes() -> None:
    """A beginning covers every number that begins so, and the entry that covers it is told."""
    found = read_donotcall(written(f"+4479*\n+49 151…\n+1 (202)...\n{OTHER}\n0033*\n"))
    assert found.find(BRITON) == Listing("dnc.txt", "+4479")
    assert found.find(GERMAN) == Listing("dnc.txt", "+49151")
    assert found.find(AMERICAN) == Listing("dnc.txt", "+1202")
    assert found.find(OTHER) == Listing("dnc.txt")
    assert found.find("+33612345678")
    assert found.find("+447811123456") is None


def test_every_reading_of_a_line_is_blocked() -> None:
    """Where digits without a plus may be two people's number, neither is called."""
    assert read_entry("447911123456", "DE").numbers == {BRITON, "+49447911123456"}
    assert read_entry("2125551234").numbers >= {"+12125551234"}


def test_numbers_that_are_not_lent_out() -> None:
    """A national list holds numbers in ranges that are not in use, too."""
    assert read_entry("+15005550006").numbers == {"+15005550006"}
    assert read_entry("500 555 0006", "US").numbers == {"+15005550006"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no number"),
        ("\n\n", "holds no number"),
        ("# nobody yet\n", "holds no number"),
        ("phone\n", "holds no number"),
        ("phone,name\n", "no column holds phone numbers"),
        ("name,mail\nAnn,ann@example.com\n", "no column holds phone numbers"),
        (b"\x00\x01\x02\x03", "NUL byte"),
        (b"%PDF-1.7\n", "a PDF"),
        ("+447911123456,\"Ann\n+12025550101,Bob\n", "never closed"),
    ],
)  # fmt: skip
def test_a_file_without_numbers(text: str | bytes, says: str) -> None:
    """A file that holds nobody is a file that was lost: nothing is called without it."""
    told = refused(written(text))
    assert "do-not-call file dnc.txt" in told
    assert says in told


@pytest.mark.parametrize(
    "line",
    ["07911123456", "4.47E+11", "+44791112", "+44791112345678", "Ann", "+447911123456 ext 5",
     "+447911123456 +12025550101", "*", "+*", "0*", "079*", "+0123456789", "2024-05-01"],
)  # fmt: skip
@pytest.mark.parametrize("place", ["first", "below"])
def test_a_line_that_cannot_be_understood(line: str, place: str) -> None:
    """It may be somebody who must not be called: the file is not used, and the line is named."""
    text = f"{line}\n{BRITON}\n" if place == "first" else f"{BRITON}\n\n{line}\n"
    if (line, place) == ("Ann", "first"):  # it names the column
        assert len(read_donotcall(written(text))) == 1
        return
    told = refused(written(text))
    assert f"line {1 if place == 'first' else 3}:" in told
    assert "put # in front of what is no number" in told


@pytest.mark.parametrize("line", ["4.47E+11,Ann", ",4.47E+11", "+44791112,Ann"])
def test_a_damaged_first_row_is_no_header(line: str) -> None:
    """Only a row that cannot be an entry is taken for column names."""
    text = f"{line}\n{BRITON},Bob\n{AMERICAN},Eve\n"
    if line.startswith(","):
        text = f"{line}\nBob,{BRITON}\nEve,{AMERICAN}\n"
    assert "row 1:" in refused(written(text))


def test_all_problems_at_once_and_masked() -> None:
    """Some lines are named, with masked numbers, and the others counted."""
    lines = [BRITON, *(f"0791112{n:04}" for n in range(SHOWN + 4)), "Ann"]
    told = refused(written("\n".join(lines)))
    assert "has 15 entries that cannot be understood" in told
    assert "line 2: " in told
    assert "and 5 more" in told
    assert "07911120000" not in told
    assert BRITON not in told


def test_missing_folder_unreadable(tmp_path: Path) -> None:
    """A file that is not there, or none, or may not be read."""
    assert "There is no file" in refused(tmp_path / "gone.txt")
    assert "is a folder" in refused(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "is no file" in refused(tmp_path / "pipe")


def test_evidence() -> None:
    """What the list was, for whoever asks later: hash, entries, age."""
    path = written(f"{BRITON}\n{BRITON}\n+4479*\n")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    found = read_donotcall(path)
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.entries == 3
    assert found.changed_at.timestamp() == 1_700_000_000


def example_of(region: str, form: int = phonenumbers.PhoneNumberFormat.E164) -> str:
    """A number of a country as it is written there, or everywhere."""
    number = phonenumbers.example_number(region)
    assert number is not None
    return phonenumbers.format_number(number, form)


def test_a_million_lines(tmp_path: Path) -> None:
    """All of them are on the list, and reading them takes less than 200 MB."""
    path = tmp_path / "national.txt"
    path.write_text("".join(f"+44{7_400_000_000 + 7 * n}\n" for n in range(1_000_000)))
    program = (
        "import sys; from pathlib import Path\n"
        "from batchdial.lists.donotcall import read_donotcall\n"
        "found = read_donotcall(Path(sys.argv[1]))\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(len(found), found.find('+447400000007') is not None,"
        " status.split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=True
    )
    count, is_found, kilobytes = done.stdout.split()
    assert (count, is_found) == ("1000000", "True")
    assert int(kilobytes) < 200_000


NUMBERS = st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)).map(example_of)
FORMS = (
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.NATIONAL,
)


@given(
    st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)),
    st.sampled_from(FORMS),
    st.booleans(),
)
def test_what_a_contact_is_dialled_at_is_blocked(region: str, form: int, stripped: bool) -> None:
    """The same text in a list and in a do-not-call file is the same person's number."""
    text = example_of(region, form)
    text = "".join(sign for sign in text if sign.isdigit() or sign == "+") if stripped else text
    dialled = read_number(text, region).e164
    assert dialled is None or dialled in read_entry(text, region).numbers


@given(
    st.lists(
        st.one_of(
            NUMBERS,
            NUMBERS.map(lambda number: number[1:]),
            st.from_regex(r"\+?[0-9]{5,16}", fullmatch=True),
            st.from_regex(r"[2-9][0-9]{9}", fullmatch=True),
            st.from_regex(r"0[0-9 ()-]{8,14}", fullmatch=True),
            st.sampled_from(["", " ", "+4479*", "Ann", "4.47E+11"]),
        ),
        max_size=8,
    ),
    st.sampled_from([None, "GB", "US", "DE", "IT", "FR"]),
)
@example(["+4407911123456", "+490301234567", "+390612345678"], None)
def test_many_lines_mean_what_each_means(texts: list[str], region: str | None) -> None:
    """The short way for many lines and the long way for one come to the same."""
    numbers, told = read_entries(texts, region)
    each = [(place, read_entry(text, region)) for place, text in enumerate(texts) if text.strip()]
    assert {f"+{n}" for n in numbers.tolist()} == {n for _, one in each for n in one.numbers}
    assert told == [(place, one) for place, one in each if one.prefix or one.problem]


@given(st.text(max_size=40), st.sampled_from([None, "GB", "US"]))
def test_no_line_breaks_it(text: str, region: str | None) -> None:
    """Whatever the line, it means something or has a problem that cites none of it."""
    entry = read_entry(text, region)
    assert bool(entry.numbers) + bool(entry.prefix) + bool(entry.problem) == 1
