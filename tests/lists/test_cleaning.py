"""Rows with verdicts: every row is accounted for, every number rings once."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchdial.lists.cleaning import clean, held_by_results, last_holders
from batchdial.lists.loader import open_list
from batchdial.lists.mapping import map_columns
from batchdial.lists.parsing import region_named
from batchdial.models import Block, CallStatus, ColumnMap, Contact, FieldMap, SourceRow

from .conftest import FIRST, SECOND, rows_of

SAMPLES = Path(__file__).parents[2] / "sample_data"
PHONE = ColumnMap((FieldMap("phoneNumber", (0,), "exact"),))


def cleaned(rows: list[SourceRow], columns: ColumnMap = PHONE, **flags: str) -> list[Contact]:
    return [contact for block in clean([Block.of(rows)], columns, **flags) for contact in block]  # type: ignore[arg-type]


def words(contacts: list[Contact]) -> list[str]:
    return [contact.verdict.status.value for contact in contacts]


def test_same_number_in_three_spellings() -> None:
    """The first row has the number; the others name it."""
    contacts = cleaned(rows_of([FIRST], ["+1 (202) 555-0101"], ["x"], [" +1.202.555.0101 "]))
    assert words(contacts) == ["pending", "duplicate", "invalid", "duplicate"]
    assert contacts[3].verdict.e164 == FIRST
    assert (contacts[3].verdict.reason, contacts[3].verdict.detail) == (
        "same_number",
        "Same number as row 2.",
    )


def test_duplicates_across_blocks() -> None:
    """A number is remembered for the whole file, not only for a block."""
    one, two = rows_of([FIRST], [FIRST])
    contacts = [
        c for block in clean(iter([Block.of([one]), Block.of([two])]), PHONE) for c in block
    ]
    assert words(contacts) == ["pending", "duplicate"]


@given(st.lists(st.sampled_from(("DE", "GB", "DEU", "GBR", "", "D", "D\n", "\nD", "ÄÖ", "x"))))
@example(["DEU", "", "GBR"])
@example(["DE\nG", ""])
def test_each_row_has_its_own_country(countries: list[str]) -> None:
    """Whatever stands in the country column of the rows beside it."""
    columns = ColumnMap((*PHONE.fields, FieldMap("region", (1,), "exact")))
    cells = [[f"0171 {2_000_000 + place}", country] for place, country in enumerate(countries)]
    alone = [cleaned(rows_of(one), columns)[0].verdict for one in cells]
    assert [one.verdict for one in cleaned(rows_of(*cells), columns)] == alone


def test_rows_that_cannot_be_dialled_hold_no_number() -> None:
    """A toll-free number is suppressed each time it stands there, and is nobody's duplicate."""
    assert words(cleaned(rows_of(["+18002345678"], ["+18002345678"]))) == ["suppressed"] * 2


def test_fallback_row_by_row() -> None:
    """The second phone column is used in the rows where the first has no number."""
    columns = ColumnMap((FieldMap("phoneNumber", (0, 1), "flag"),))
    contacts = cleaned(rows_of([FIRST, SECOND], ["", SECOND], ["4E+11", ""], ["", ""]), columns)
    assert [(c.verdict.e164, c.verdict.reason) for c in contacts] == [
        (FIRST, ""),
        (SECOND, ""),
        (None, "excel_scientific"),
        (None, "empty"),
    ]


def test_region_row_by_row() -> None:
    """The row's own country wins over the flag's."""
    columns = ColumnMap((FieldMap("phoneNumber", (0,), "exact"), FieldMap("region", (1,), "exact")))
    rows = rows_of(["07400 123456", "GB"], ["(202) 555-0101", ""], ["0740", "Narnia"])
    contacts = cleaned(rows, columns, region="US")
    assert [c.verdict.e164 or c.verdict.reason for c in contacts] == [
        "+447400123456",
        FIRST,
        "bad_region",
    ]


@pytest.mark.parametrize("country", ["GB", "gb", "UK", "United Kingdom"])
def test_country_in_any_form(country: str) -> None:
    """A row's country may be a code or a name; a number with a plus needs none."""
    columns = ColumnMap((FieldMap("phoneNumber", (0,), "exact"), FieldMap("region", (1,), "exact")))
    rows = rows_of(["07400 123456", country], [FIRST, "Narnia"], [SECOND[2:], "Narnia"], ["07", ""])
    assert [c.verdict.e164 or c.verdict.reason for c in cleaned(rows, columns)] == [
        "+447400123456",
        FIRST,
        "bad_region",
        "needs_region",
    ]


class TestKeepLast:
    """`--dedupe last`: the last row with a number is dialled."""

    def cleaned(self, rows: list[SourceRow]) -> list[Contact]:
        """The rows with the last one holding each number."""
        held = last_holders([Block.of(rows)], PHONE)
        return [contact for block in clean([Block.of(rows)], PHONE, held=held) for contact in block]

    def test_last_row_has_the_number(self) -> None:
        """Every earlier row names it, in whatever spelling it has the number."""
        contacts = self.cleaned(rows_of([FIRST], ["+1 202 555 0101"], ["x"], [FIRST], [SECOND]))
        assert words(contacts) == ["duplicate", "duplicate", "invalid", "pending", "pending"]
        assert contacts[0].verdict.detail == "Same number as row 5."

    def test_a_called_row_keeps_its_number(self) -> None:
        """In a results file fed back, the row that rang stays the one."""
        called = SourceRow(2, (FIRST,), {"status": "success", "e164": FIRST})
        contacts = self.cleaned([called, SourceRow(3, (FIRST,), {"status": "failed", "e164": ""})])
        assert words(contacts) == ["pending", "duplicate"]

    def test_a_changed_called_row_keeps_its_number(self) -> None:
        """What rang is not free again, even if the row now says something else."""
        called = SourceRow(2, ("edited",), {"status": "unknown", "e164": FIRST})
        contacts = self.cleaned([called, *rows_of(["x"], [FIRST])[1:]])
        assert words(contacts) == ["invalid", "duplicate"]

    def test_rows_that_cannot_be_dialled_take_nothing(self) -> None:
        """A damaged spelling further down does not take the number away."""
        assert words(self.cleaned(rows_of([FIRST], [f"{FIRST} (mum)"]))) == ["pending", "invalid"]


class TestEmail:
    """A bad address never stops a call."""

    COLUMNS = ColumnMap((FieldMap("phoneNumber", (0,), "exact"), FieldMap("email", (1,), "exact")))

    def test_bad_address_is_told(self) -> None:
        """The row is called, and says that the address is not sent."""
        rows = rows_of(
            [FIRST, "ann@example"], [SECOND, "ann@example.com"], [FIRST, "x"], ["x", "x@"]
        )
        contacts = cleaned(rows, self.COLUMNS)
        assert words(contacts) == ["pending", "pending", "duplicate", "invalid"]
        assert contacts[0].verdict.detail == (
            'The e-mail address "ann@example" is not sent: its domain is no host name.'
        )
        assert contacts[1].verdict.detail == ""
        assert contacts[2].verdict.detail == "Same number as row 2."

    def test_bad_address_in_the_second_column(self) -> None:
        """It is told where the first is blank, and not where the first is good."""
        columns = ColumnMap(
            (FieldMap("phoneNumber", (0,), "exact"), FieldMap("email", (1, 2), "flag"))
        )
        rows = rows_of([FIRST, "", "nobody"], [SECOND, "ann@example.com", "nobody"])
        details = [contact.verdict.detail for contact in cleaned(rows, columns)]
        assert details == [
            'The e-mail address "nobody" is not sent: '
            "it has no @ with a name before and a domain after it.",
            "",
        ]

    def test_said_after_what_was_undone(self) -> None:
        """Both sentences stand in the detail."""
        (contact,) = cleaned(rows_of([f"Tel: {FIRST}", "a b@example.com"]), self.COLUMNS)
        assert contact.verdict.detail == (
            f'"Tel: {FIRST}" was read as {FIRST}. '
            'The e-mail address "a b@example.com" is not sent: there is a blank within it.'
        )


class TestFedBack:
    """Rows of a results file, each with its past."""

    def row(self, row: int, cell: str, status: str, e164: str) -> SourceRow:
        """A row as the loader gives it for a results file."""
        return SourceRow(row, (cell,), {"status": status, "e164": e164})

    def test_past_is_passed_on(self) -> None:
        """Cleaning judges the number; what became of the row is the campaign's matter."""
        (contact,) = cleaned([self.row(2, FIRST, "success", FIRST)])
        assert contact.verdict.status is CallStatus.PENDING
        assert contact.prior == {"status": "success", "e164": FIRST}

    @pytest.mark.parametrize("status", ["success", "unknown", "dialing"])
    def test_called_number_stays_taken(self, status: str) -> None:
        """A called row whose cell was changed since does not set its number free."""
        rows = [self.row(2, "edited", status, FIRST), self.row(3, FIRST, "duplicate", FIRST)]
        assert words(cleaned(rows)) == ["invalid", "duplicate"]

    def test_corrected_row_does_not_ring_a_called_phone_again(self) -> None:
        """Corrected to a number that a row further down has called, it is a duplicate."""
        rows = [self.row(2, FIRST, "invalid", ""), self.row(3, FIRST, "success", FIRST)]
        held = held_by_results([Block.of(rows)])
        contacts = [c for block in clean([Block.of(rows)], PHONE, held=held) for c in block]
        assert words(contacts) == ["duplicate", "pending"]

    def test_failed_row_frees_its_number(self) -> None:
        """Nobody was called there, so an earlier row may have the number."""
        rows = [self.row(2, FIRST, "invalid", ""), self.row(3, FIRST, "failed", FIRST)]
        assert held_by_results([Block.of(rows)]) == {}
        assert words(cleaned(rows)) == ["pending", "duplicate"]


@given(st.lists(st.sampled_from([FIRST, SECOND, "+1 202 555 0101", "x", "", "4E+11"]), max_size=20))
def test_every_row_is_accounted_for(cells: list[str]) -> None:
    """As many contacts as rows, in order, and no number pending twice."""
    rows = rows_of(*[[cell] for cell in cells])
    contacts = cleaned(rows)
    assert [(c.row, c.cells) for c in contacts] == [(r.row, r.cells) for r in rows]
    pending = [c.verdict.e164 for c in contacts if c.verdict.status is CallStatus.PENDING]
    assert len(pending) == len(set(pending))


def test_messy_sample_has_the_expected_verdicts() -> None:
    """`sample_data/messy.csv` is judged row by row as `messy.expected.csv` says."""
    opened = open_list(SAMPLES / "messy.csv")
    columns = map_columns(opened.reading.header, opened.sample)
    found = [
        (str(c.row), c.verdict.status.value, c.verdict.reason, c.verdict.e164 or "")
        for block in clean(opened.blocks(), columns)
        for c in block
    ]
    with (SAMPLES / "messy.expected.csv").open(encoding="utf-8", newline="") as file:
        _, *expected = map(tuple, csv.reader(file))
    assert found == expected


@pytest.mark.parametrize(
    ("name", "region", "rows"), [("clean.csv", None, 25), ("leads.xlsx", "US", 12)]
)
def test_clean_samples_can_be_dialled(name: str, region: str | None, rows: int) -> None:
    """The lists of the demo hold nothing but numbers that can be called."""
    opened = open_list(SAMPLES / name)
    columns = map_columns(opened.reading.header, opened.sample)
    contacts = [c for block in clean(opened.blocks(), columns, region=region) for c in block]
    assert words(contacts) == ["pending"] * rows


@pytest.mark.parametrize(
    ("text", "code"),
    [("GB", "GB"), ("uk", "GB"), ("Germany", "DE"), ("Großbritannien", "GB"), ("日本", "JP")]
    + [(text, None) for text in ("", "XX", "Atlantis", "Georgia or so")],
)
def test_region_by_name(text: str, code: str | None) -> None:
    """`--region` is understood as the cells of a country column are."""
    assert region_named(text) == code
