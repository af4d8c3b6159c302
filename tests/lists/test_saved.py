"""Mappings that are kept for the next list, and the empty list for an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdial.errors import ConfigError, OutputError
from batchdial.lists.mapping import map_columns
from batchdial.lists.saved import load_mapping, save_mapping
from batchdial.lists.template import template_header

from .conftest import FIRST, SECOND, rows_of

if TYPE_CHECKING:
    from pathlib import Path

HEADER = ['Tel, "mobil"', "Office", "First+", "Last", "plan", "Note"]
ROWS = rows_of([FIRST, SECOND, "Ada", "Demo", "gold", "x"])


def test_there_and_back(tmp_path: Path) -> None:
    """A saved mapping finds the same columns in the next list, wherever they stand."""
    asked = {"phoneNumber": '"Tel, ""mobil""",Office', "prospectName": '"First+"+Last'}
    columns = map_columns(HEADER, ROWS, overrides=asked)
    save_mapping(tmp_path / "m.toml", columns, HEADER)
    told = load_mapping(tmp_path / "m.toml")
    assert list(told) == ["phoneNumber", "prospectName", "plan", "Note"]
    again = map_columns(HEADER[::-1], rows_of(ROWS[0].cells[::-1]), overrides=told)
    assert [(f.field, tuple(5 - c for c in f.columns)) for f in again.fields] == [
        ("phoneNumber", (0, 1)), ("prospectName", (2, 3)), ("Note", (5,)), ("plan", (4,))
    ]  # fmt: skip


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8))
def test_any_column_name(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """Names with quotes, commas and control characters come back as they were."""
    path = tmp_path_factory.getbasetemp() / "any.toml"
    header = [name, "ZZ other"]
    columns = map_columns(["phone", "ZZ other"], rows_of([FIRST, SECOND]))
    try:
        save_mapping(path, columns, header)
    except ConfigError:
        assert not name.strip()
        return
    found = map_columns(header, rows_of([FIRST, ""]), overrides=load_mapping(path))
    assert found.fields[0].columns == (0,)


def test_names_that_are_not_unique_are_not_saved(tmp_path: Path) -> None:
    """The next list could not be read by such a name."""
    columns = map_columns(["phone", "Email", "email"], rows_of([FIRST, "a@b.example", ""]))
    with pytest.raises(ConfigError, match=r'"[Ee]mail".*Rename'):
        save_mapping(tmp_path / "m.toml", columns, ["phone", "Email", "email"])
    with pytest.raises(OutputError, match="cannot be written"):
        save_mapping(tmp_path, map_columns(["phone"], rows_of([FIRST])), ["phone"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"phoneNumber = Mobile", "is no TOML"),
        (b"\xff\xfe", "is no TOML"),
        (b"", "it has no line"),
        (b"phoneNumber = 7\nemail = 'Mail'", "phoneNumber names no column"),
        (b"phoneNumber = []", "names no column"),
        (b"phoneNumber = ['a', '']", "names no column"),
        (b"[map]\nphoneNumber = 'a'", "map names no column"),
    ],
)
def test_bad_files(tmp_path: Path, content: bytes, says: str) -> None:
    """What is wrong is told with the form that a line has."""
    (tmp_path / "m.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=rf"m\.toml .*{says}.*\n.*phoneNumber = "):
        load_mapping(tmp_path / "m.toml")
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_mapping(tmp_path / "none.toml")


def test_a_file_of_notepad(tmp_path: Path) -> None:
    """A byte order mark does no harm."""
    (tmp_path / "m.toml").write_bytes(b"\xef\xbb\xbfphoneNumber = 'Mobile,Office'\r\n")
    assert load_mapping(tmp_path / "m.toml") == {"phoneNumber": "Mobile,Office"}


def test_template() -> None:
    """Each variable once, in the order of the call; the API's own names come first."""
    agent = {
        "greeting": "Hello {prospectName}, your {plan} plan ends on {renewal}.",
        "instructions": "Mention {plan} and {discount}; write to {EMAIL}. {not one} { city }",
        "voicemailSettings": {"enable": False, "voicemail": "{renewal} {office_hours}"},
        "smsSettings": {"message": "{link}"},
    }
    assert template_header(agent) == [
        "phoneNumber", "prospectName", "email",
        "plan", "renewal", "discount", "city", "office_hours", "link",
    ]  # fmt: skip


@pytest.mark.parametrize("agent", [{}, {"greeting": None, "smsSettings": None}])
def test_template_of_a_bare_agent(agent: dict[str, object]) -> None:
    """What the API leaves out uses no variable."""
    assert template_header(agent) == ["phoneNumber", "prospectName", "email"]
