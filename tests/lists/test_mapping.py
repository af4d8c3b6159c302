"""Which column becomes which field, and what of a row is sent."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdial.errors import BatchDialError, ConfigError, ListError, QuestionError
from batchdial.lists.mapping import (
    column_map_from_dict,
    column_map_to_dict,
    column_named,
    map_columns,
    payload,
)
from batchdial.lists.phone_column import Kind, fallback, kind_of
from batchdial.models import API_FIELDS, ColumnMap, FieldMap

from .conftest import FIRST, SECOND, rows_of

PHONE_HEADERS = (
    "phone", "Phone Number", "phone_number", "PhoneNumber", "mobile", "Mobile Phone", "to",
    "contact_number", "Contact No.", "to_number", "cell", "Cell Phone", "tel", "Tel.",
    "telephone", "MSISDN", "WhatsApp", "Téléphone", "Handynummer", "电话",
)  # fmt: skip


def how(columns: ColumnMap) -> dict[str, tuple[tuple[int, ...], str]]:
    return {f.field: (f.columns, f.how) for f in columns.fields}


@pytest.mark.parametrize("name", PHONE_HEADERS)
def test_phone_names(name: str) -> None:
    """The names that other dialers ask for are understood in any spelling."""
    columns = map_columns(["plan", name], rows_of(["gold", FIRST]))
    found = columns.get("phoneNumber")
    assert found is not None
    assert found.columns == (1,)


def test_usual_export() -> None:
    """First and last name become one, spaced headers stay here, plain ones are variables."""
    header = ["First Name", "Last Name", "Mobile", "E-Mail", "plan", "Internal note", "Country"]
    columns = map_columns(header, rows_of(["Ada", "Demo", FIRST, "a@b.example", "x", "y", "GB"]))
    assert how(columns) == {
        "phoneNumber": ((2,), "exact"),
        "prospectName": ((0, 1), "exact"),
        "email": ((3,), "exact"),
        "region": ((6,), "exact"),
        "plan": ((4,), "variable"),
    }
    assert columns.unused == (5,)


def test_the_apis_own_names_need_no_proof() -> None:
    """Whoever wrote the API's names meant them, whatever the cells look like."""
    columns = map_columns(
        ["phoneNumber", "prospectName", "email"], rows_of(["4.47E+11", "N1", "none yet"])
    )
    assert how(columns) == {
        "phoneNumber": ((0,), "exact"),
        "prospectName": ((1,), "exact"),
        "email": ((2,), "exact"),
    }


def test_two_phone_columns_are_asked() -> None:
    """Both candidates are named with their shares, and both ways out can be typed."""
    rows = rows_of([FIRST, SECOND], ["none", SECOND], [FIRST, ""])
    with pytest.raises(QuestionError) as asked:
        map_columns(["Mobile", "Work mobile"], rows)
    assert str(asked.value) == (
        'Two columns look like the phone number: "Work mobile" (100% numbers) and '
        '"Mobile" (67% numbers).\n'
        "Say which: --map phoneNumber=Mobile, or both in order: "
        '--map phoneNumber="Mobile,Work mobile"'
    )


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("Mobile", Kind.MOBILE),
        ("Company mobile", Kind.MOBILE),
        ("WhatsApp", Kind.MESSAGES),
        ("Phone", Kind.PLAIN),
        ("Contact No.", Kind.PLAIN),
        ("Work Phone", Kind.FIXED),
        ("HOMEPHONE", Kind.FIXED),
        ("Bürotelefon", Kind.FIXED),
        ("Number", Kind.FIXED),
        ("Company Main Phone", Kind.LESSER),
        ("Firmentelefon", Kind.LESSER),
        ("Alternate phone", Kind.LESSER),
        ("Business Fax", None),
        ("Telefax", None),
        ("Pager", None),
        ("Assistant's Phone", None),
        ("Emergency contact phone", None),
        ("from_number", None),
        ("Phone ID", None),
        ("Customer number", None),
        ("Cancelled", None),
        ("Automobile", None),
    ],
)
def test_kinds(header: str, kind: Kind | None) -> None:
    """A name says which of a person's numbers it is, or that it is nobody's to call."""
    assert kind_of(header) is kind


def test_the_better_kind_is_taken_alone() -> None:
    """What else could be dialled is told, with the flag that falls back to it row by row."""
    header = ["Switchboard", "Office", "Mobile", "Fax"]
    columns = map_columns(header, rows_of([FIRST, SECOND, "+12025550103", "+12025550104"]))
    assert columns.fields[0] == FieldMap("phoneNumber", (2,), "exact", 1.0, (1, 0))
    assert fallback(columns.fields[0], header) == "--map phoneNumber=Mobile,Office,Switchboard"
    assert fallback(FieldMap("phoneNumber", (2,), "exact"), header) is None


def test_a_mobile_column_that_is_mostly_blank_is_asked() -> None:
    """Taking it alone would lose most rows, and silently dialling the office is no better."""
    rows = rows_of([FIRST, SECOND], ["", SECOND], ["", SECOND])
    with pytest.raises(QuestionError, match=r'"Mobile".*blank in 2 of 3 rows.*\n.*=Mobile,Office$'):
        map_columns(["Mobile", "Office"], rows)


def test_how_sure_a_guess_is() -> None:
    """Exact names are certain; a likeness or the content alone says how much of it fits."""
    assert map_columns(["Phone"], rows_of([FIRST])).fields[0].sure == 1
    assert 0.88 <= map_columns(["Moblie Number"], rows_of([FIRST])).fields[0].sure < 1
    assert map_columns(["Phone at the site"], rows_of([FIRST])).fields[0].sure < 1
    rows = rows_of(*[[FIRST]] * 9, ["none"])
    assert map_columns(["Kontakt"], rows).fields[0].sure == pytest.approx(0.9)


def test_a_fax_column_is_never_dialled() -> None:
    """Numbers with plus signs make no phone column of one that says it is none."""
    with pytest.raises(ListError, match="No column"):
        map_columns(["Fax"], rows_of([FIRST]))


def test_name_beats_numbers_of_another_kind() -> None:
    """Customer numbers may look like phone numbers; a column's name decides."""
    columns = map_columns(["customer_id", "Phone"], rows_of(["4474001234", FIRST]))
    assert how(columns)["phoneNumber"] == ((1,), "exact")


def test_empty_phone_column_is_no_rival() -> None:
    """An export's second, unused phone column raises no question."""
    columns = map_columns(["Home Phone", "Mobile"], rows_of(["", FIRST]))
    assert how(columns)["phoneNumber"] == ((1,), "exact")


def test_damaged_numbers_still_make_a_phone_column() -> None:
    """A sheet that Excel destroyed is told row by row, not as a missing column."""
    columns = map_columns(["phone", "x y"], rows_of(["4.47E+11", "a"], ["n/a", "b"]))
    assert how(columns)["phoneNumber"] == ((0,), "exact")


def test_likeness_needs_content() -> None:
    """A slip in the name is forgiven where the cells are numbers, and only there."""
    header = ["Phone Numbr", "Phone consent"]
    assert how(map_columns(header, rows_of([FIRST, "yes"])))["phoneNumber"] == ((0,), "similar")
    with pytest.raises(ListError, match="No column"):
        map_columns(["Phone Numbr"], rows_of(["yes"]))


def test_content_alone() -> None:
    """A column of numbers with plus signs is found under any name, if it is the only one."""
    assert how(map_columns(["Kontakt"], rows_of([FIRST])))["phoneNumber"] == ((0,), "content")
    with pytest.raises(QuestionError, match="customer"):
        map_columns(["Kontakt", "customer"], rows_of([FIRST, "1234567890"]))


def test_ids_alone_are_never_a_phone_column() -> None:
    """Ten digits under any other name are nobody's number."""
    with pytest.raises(ListError, match=r'"id", "plan".*\n.*--map phoneNumber=COLUMN'):
        map_columns(["id", "plan"], rows_of(["2025550101", "gold"]))


def test_contact_no_is_no_name() -> None:
    """Likeness alone would read a number's column as a name."""
    columns = map_columns(["contact_no", "phone2"], rows_of([FIRST, "x"]))
    assert how(columns)["phoneNumber"] == ((0,), "exact")
    assert columns.get("prospectName") is None


@pytest.mark.parametrize(
    ("header", "cell", "is_region"),
    [
        ("country", "GB", True),
        ("Country Code", "uk", True),
        ("region", "GB", True),
        ("region", "CA", False),  # California as likely as Canada
        ("region", "North", False),
        ("country code", "+44", True),
        ("country code", "+1", False),  # the US, Canada, or one of twenty islands
        ("Country", "Deutschland", True),
        ("Land", "DE", True),  # Delaware is no Land
        ("Country", "TX", False),
        ("Region", "Georgia", False),
        ("Country", "Georgia", True),
        ("Nationality", "GB", False),
    ],
)
def test_region_column(header: str, cell: str, *, is_region: bool) -> None:
    """A column decides the country only where its cells are country codes for certain."""
    columns = map_columns(["phone", header], rows_of([FIRST, cell]))
    assert (columns.get("region") is not None) is is_region


def test_countries_that_disagree_decide_nothing() -> None:
    """Which of two addresses a phone belongs to is not known; --map region= says it."""
    header = ["phone", "Home Country", "Business Country"]
    assert map_columns(header, rows_of([FIRST, "AT", "DE"])).get("region") is None
    assert how(map_columns(header, rows_of([FIRST, "AT", "at"])))["region"] == ((1,), "exact")
    header = ["phone", "Country", "Business Country"]
    assert how(map_columns(header, rows_of([FIRST, "AT", "DE"])))["region"] == ((1,), "exact")


@pytest.mark.parametrize(
    ("header", "cells", "names"),
    [
        (["Vorname", "Name"], ["Ada", "Muster"], (0, 1)),
        (["Vorname", "Name"], ["Ada", "Ada Muster"], (1,)),
        (["Nom", "Prénom"], ["Exemple", "Ada"], (1, 0)),
        (["Nombre", "Apellidos"], ["Ada", "Ejemplo"], (0, 1)),
        (["Name", "Last name"], ["Ada Demo", "Demo"], (0,)),
        (["Nom"], ["Ada Exemple"], (0,)),
        (["名", "姓"], ["太郎", "山田"], (1, 0)),
        (["First Name", "Last Name"], ["太郎", "山田"], (1, 0)),
        (["Full name", "First name"], ["", "Ada"], (1,)),
        (["Company name", "Contact owner"], ["Demo", "Ada Demo"], None),
        (["Agent First Name"], ["Ada"], None),
    ],
)
def test_names(header: list[str], cells: list[str], names: tuple[int, ...] | None) -> None:
    """A "name" is what the other columns leave of it; Eastern names begin with the family's."""
    found = map_columns([*header, "phone"], rows_of([*cells, FIRST])).get("prospectName")
    assert (found and found.columns) == names


class TestOverrides:
    """What `--map` says wins over everything that could be found."""

    HEADER = ("phone", "Office", "Ann, first", "Last", "Note", "Note")
    ROWS = rows_of([FIRST, SECOND, "Ada", "Demo", "x", "y"])

    def map(self, **overrides: str) -> dict[str, tuple[tuple[int, ...], str]]:
        """The columns and how they were found, under some overrides."""
        return how(
            map_columns(self.HEADER, self.ROWS, overrides={"phoneNumber": "phone", **overrides})
        )

    def test_order_of_fallback(self) -> None:
        """A comma list is the order in which a row's numbers are tried."""
        assert self.map(phoneNumber="office,phone")["phoneNumber"] == ((1, 0), "flag")

    def test_names_are_joined(self) -> None:
        """A column whose own name holds a comma is found first as a whole."""
        assert self.map(prospectName="Ann, first")["prospectName"] == ((2,), "flag")
        assert self.map(prospectName="Last+phone")["prospectName"] == ((3, 0), "flag")

    def test_variable_from_a_spaced_column(self) -> None:
        """--map sends what would otherwise stay here, beside the phone number's own column."""
        found = self.map(mobile="phone", first="Ann, first")
        assert found["mobile"] == ((0,), "flag")
        assert found["first"] == ((2,), "flag")

    @pytest.mark.parametrize(
        ("field", "value", "says"),
        [
            ("phoneNumber", "phnoe", 'no column "phnoe".*Did you mean "phone".*"Office"'),
            ("phoneNumber", "", "no column"),
            ("plan", "Note", "2 columns are called"),
            ("__proto__", "Last", "letters, digits and _"),
            ("a b", "Last", "letters, digits and _"),
        ],
    )
    def test_impossible(self, field: str, value: str, says: str) -> None:
        """An override that cannot be is told with what there is."""
        with pytest.raises(ConfigError, match=says):
            self.map(**{field: value})

    def test_all_missing_columns_are_told_at_once(self) -> None:
        """A saved mapping that does not fit is mended in one go."""
        with pytest.raises(ConfigError) as told:
            self.map(plan="Tier", email="Mail", phoneNumber="Mobile,Office")
        assert [line[:30] for line in str(told.value).splitlines()] == [
            "--map phoneNumber=Mobile: ther",
            "--map plan=Tier: there is no c",
            "--map email=Mail: there is no ",
            'The file has: "phone", "Office',
        ]

    def test_names_with_commas_are_quoted(self) -> None:
        """Two columns can be named even where one has a comma of its own."""
        found = self.map(phoneNumber='"Ann, first",Office')
        assert found["phoneNumber"] == ((2, 1), "flag")

    @pytest.mark.parametrize("field", ["Phone_Number", "PHONENUMBER", "phone number"])
    def test_fields_in_any_spelling(self, field: str) -> None:
        """Whoever writes phone_number means the phone number and no variable beside it."""
        columns = map_columns(self.HEADER, self.ROWS, overrides={field: "Office"})
        assert [f.columns for f in columns.fields if f.field == "phoneNumber"] == [(1,)]

    def test_only_mapped(self) -> None:
        """With --only-mapped no column is sent that nobody asked for."""
        columns = map_columns(
            ["phone", "plan", "tier"],
            rows_of([FIRST, "x", "y"]),
            overrides={"level": "tier"},
            only_mapped=True,
        )
        assert [f.field for f in columns.fields] == ["phoneNumber", "level"]
        assert columns.unused == (1,)


def test_api_names_in_any_capitals_are_no_variables() -> None:
    """A second column called like the API's own field cannot replace it."""
    header = ["phone", "PHONENUMBER", "prospectname", "EMAIL", "Email"]
    rows = rows_of([FIRST, SECOND, "Ada", "a@b.example", "c@d.example"])
    columns = map_columns(header, rows, overrides={"phoneNumber": "phone"})
    assert payload(columns, rows[0].cells, FIRST)["phoneNumber"] == FIRST
    assert {f.field for f in columns.fields} <= set(API_FIELDS)
    header = ["phone", "Phone_Number", "E_mail", "prospect_name"]
    columns = map_columns(header, rows_of([FIRST, "", "x", "7"]))
    assert [f.field for f in columns.fields] == ["phoneNumber"]


def test_two_columns_of_one_name_are_sent_under_neither() -> None:
    """Which of them is meant cannot be known."""
    columns = map_columns(["phone", "plan", "plan"], rows_of([FIRST, "a", "b"]))
    assert columns.unused == (1, 2)


def test_blank_cells_and_bad_addresses_are_not_sent() -> None:
    """Only what says something reaches the service; text keeps its inner form."""
    columns = map_columns(
        ["phone", "name", "email", "plan", "note"], rows_of([FIRST, "", "", "", ""])
    )
    cells = (FIRST, " \u00a0\ufeff", "no address", "\t", " a\n =b ")
    assert payload(columns, cells, FIRST) == {"phoneNumber": FIRST, "note": "a\n =b"}


def test_half_a_name() -> None:
    """A missing last name leaves no space behind."""
    columns = map_columns(["phone", "first name", "last name"], rows_of([FIRST, "Ada", "Demo"]))
    assert payload(columns, (FIRST, "Ada", " "), FIRST)["prospectName"] == "Ada"
    assert payload(columns, (FIRST, "Ada", "Demo"), FIRST)["prospectName"] == "Ada Demo"


NAMES = st.text(max_size=6) | st.sampled_from(
    ["phoneNumber", "PHONENUMBER", "email", "__proto__", "", "plan", "phone", "mobile", "to", "x y"]
)


@given(st.lists(NAMES, min_size=1, max_size=6), st.data())
def test_payload_never_overwrites_the_dialled_number(
    header: list[str], data: st.DataObject
) -> None:
    """Whatever the columns are called, the number that was cleaned is the one that is sent."""
    row = [data.draw(st.sampled_from([FIRST, SECOND, "x", "", "999"])) for _ in header]
    try:
        columns = map_columns(header, rows_of(row))
    except ListError:
        return
    body = payload(columns, row, FIRST)
    assert next(iter(body.items())) == ("phoneNumber", FIRST)
    assert [key for key in body if key.lower() == "phonenumber"] == ["phoneNumber"]
    assert all(key.isidentifier() and not key.startswith("_") for key in body)
    assert column_map_from_dict(column_map_to_dict(columns)) == columns


def test_stored_mappings_of_older_versions_are_read() -> None:
    """A ledger written before there was `sure` gives the same columns, and writes them the same."""
    stored = {"fields": [{"field": "phoneNumber", "columns": [1], "how": "exact"}], "unused": [0]}
    columns = column_map_from_dict(stored)
    assert columns == ColumnMap((FieldMap("phoneNumber", (1,), "exact", 1.0, ()),), (0,))
    assert column_map_to_dict(columns) == stored


WORDS = st.sampled_from(
    [
        "Phone",
        "Mobile",
        "Fax",
        "Work",
        "E-Mail",
        "Name",
        "First",
        "Last",
        "Country",
        "Region",
        "Kunde",
        "Téléphone",
        "電話",
        "姓",
        "名",
        "国",
        "phoneNumber",
        "prospectName",
        "email",
        "region",
        "2",
        "-",
        "(",
        "/",
        "\u200b",
        "\x00",
        "\ud800",
        "İ",
        "ß",
        "\U0001f4de",
    ]
)
ANY_NAME = st.text(max_size=8) | st.lists(WORDS, max_size=4).map(" ".join)
ANY_CELL = st.sampled_from([FIRST, "Ada", "a@b.example", "GB", "", "7"]) | st.text(max_size=4)


@given(st.lists(ANY_NAME, max_size=8), st.data())
def test_any_header(header: list[str], data: st.DataObject) -> None:
    """Whatever the columns are called, no two known fields share one; else a sentence says why."""
    rows = rows_of(*([data.draw(ANY_CELL) for _ in header] for _ in range(2)))
    try:
        columns = map_columns(header, rows)
    except BatchDialError:
        return
    known = [c for f in columns.fields if f.field in (*API_FIELDS, "region") for c in f.columns]
    assert len(known) == len(set(known))
    assert all(0 <= f.sure <= 1 for f in columns.fields)
    names = [re.sub(r"[\s_-]", "", f.field).lower() for f in columns.fields]
    assert all(names.count(name.lower()) <= 1 for name in API_FIELDS)
    assert column_map_from_dict(json.loads(json.dumps(column_map_to_dict(columns)))) == columns


def test_a_column_that_a_flag_names() -> None:
    """It is found in any capitals; one that is not there, or twice, is said with what there is."""
    assert column_named(["Phone", "GDPR Consent"], "--require-consent", " gdpr consent ") == 1
    with pytest.raises(ConfigError, match='Did you mean "Consent"'):
        column_named(["Phone", "Consent"], "--require-consent", "Konsent")
    with pytest.raises(ConfigError, match='The file has: "Phone", "Name"'):
        column_named(["Phone", "Name"], "--require-consent", "opt in")
    with pytest.raises(ConfigError, match='2 columns are called "ok"'):
        column_named(["ok", "ok"], "--require-consent", "ok")
