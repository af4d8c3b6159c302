"""`batchdial init`: a campaign file that lacks no setting, and a schema that says the same."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from batchdial.cli import campaign_file
from batchdial.cli.campaign_file import campaign_schema
from batchdial.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Answer

#: All that can stand in a campaign file.
NAMES = sorted(set(Settings.model_fields) - {"api_key"})
_SETTING = re.compile(r"^#(?=[a-z_]+ = )", re.MULTILINE)


@pytest.fixture
def begun(batchdial: Callable[..., Answer], tmp_path: Path) -> Path:
    """The file as it is begun."""
    answer = batchdial("init")
    assert (answer.code, answer.out) == (0, "")
    assert "batchdial run --config campaign.toml --dry-run" in answer.err
    return tmp_path / "campaign.toml"


@pytest.fixture
def whole(begun: Path) -> Path:
    """The same with every setting uncommented."""
    begun.write_text(_SETTING.sub("", begun.read_text(encoding="utf-8")), encoding="utf-8")
    return begun


def test_it_changes_nothing(begun: Path) -> None:
    """As it is begun, it says nothing that does not hold without it."""
    assert tomllib.loads(begun.read_text(encoding="utf-8")) == {}
    assert load_settings({}, begun).model_dump() == load_settings({}).model_dump()


def test_no_setting_is_lacking(whole: Path) -> None:
    """Each stands in it once, under what it means, and all of it can be loaded."""
    text = whole.read_text(encoding="utf-8")
    told = tomllib.loads(text)
    assert sorted(told) == NAMES
    lines = text.splitlines()
    for name in NAMES:
        (at,) = [at for at, line in enumerate(lines) if line.startswith(f"{name} = ")]
        assert re.fullmatch(r"# \S.{9,}", lines[at - 1]), name
    loaded = load_settings({}, whole)
    defaults = load_settings({})
    for name in NAMES:
        line = next(line for line in lines if line.startswith(f"{name} = "))
        is_same = getattr(loaded, name) == getattr(defaults, name)
        assert is_same is not line.endswith("# an example"), line


def test_each_setting_by_itself(whole: Path, tmp_path: Path) -> None:
    """Any line of it can be the only one, but a cap on money, which needs a price."""
    one = tmp_path / "one.toml"
    for line in whole.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "max_spend")):
            one.write_text(line, encoding="utf-8")
            load_settings({}, one)


def test_values_are_what_a_person_expects(whole: Path) -> None:
    """Numbers are numbers, lists are arrays, a switch is true or false."""
    told = tomllib.loads(whole.read_text(encoding="utf-8"))
    for name in ("list", "map", "allow_types"):
        assert isinstance(told[name], list), name
    for name in ("concurrency", "max_attempts", "max_calls", "canary"):
        assert isinstance(told[name], int), name
    for name in ("price_per_minute", "max_spend", "jitter"):
        assert isinstance(told[name], float), name
    assert told["strict"] is False
    assert told["rate"] == "1/s"


def test_nothing_is_overwritten(
    begun: Path, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """A file that is there is left as it is; the schema is ours, and is renewed."""
    begun.write_text("agent = 'mine'")
    schema = tmp_path / "campaign.schema.json"
    schema.write_text(json.dumps({"title": campaign_file.TITLE}))
    answer = batchdial("init")
    assert answer.code == 73
    assert "campaign.toml is there already" in answer.err
    assert begun.read_text() == "agent = 'mine'"
    assert batchdial("init", "other.toml").code == 0
    assert json.loads(schema.read_text()) == campaign_schema()
    for theirs in ("{}", "[]", "no JSON", '{"title": "of somebody"}'):
        schema.write_text(theirs)
        answer = batchdial("init", "third.toml")
        assert answer.code == 73
        assert schema.read_text() == theirs
        assert not (tmp_path / "third.toml").exists()


def test_where_it_cannot_be_written(batchdial: Callable[..., Answer]) -> None:
    """A folder that there is not."""
    answer = batchdial("init", "nowhere/campaign.toml")
    assert answer.code == 73
    assert "No such file" in answer.err


# The schema.


def test_the_schema_is_named_and_printed(begun: Path, batchdial: Callable[..., Answer]) -> None:
    """Editors find it beside the file; --schema prints it and writes nothing."""
    first, *_ = begun.read_text(encoding="utf-8").splitlines()
    beside = begun.parent / first.removeprefix("#:schema ./")
    assert json.loads(beside.read_text(encoding="utf-8")) == campaign_schema()
    answer = batchdial("init", "other.toml", "--schema")
    assert answer.json == campaign_schema()
    assert not (begun.parent / "other.toml").exists()


def test_the_schema_lacks_no_setting() -> None:
    """Each key has a meaning, and a default or an example; the key to the service is none."""
    schema = campaign_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    assert sorted(schema["properties"]) == NAMES
    for name, told in schema["properties"].items():
        assert told["description"], name
        assert ("default" in told) != ("examples" in told), name


def test_the_schema_takes_what_is_taken(whole: Path) -> None:
    """Every line of the file, and the other forms in which a list may be written."""
    schema = campaign_schema()
    told = tomllib.loads(whole.read_text(encoding="utf-8"))
    jsonschema.validate(told, schema)
    other: dict[str, Any] = {
        "list": "leads.csv",
        "map": {"phoneNumber": "Mobile"},
        "allow_types": "toll_free,premium",
        "max_spend": "240.00",
    }
    jsonschema.validate(other, schema)


@pytest.mark.parametrize(
    "wrong",
    [
        {"agnet": "ag_1"},
        {"api_key": "x"},
        {"concurrency": 0},
        {"concurrency": "5"},
        {"dedupe": "middle"},
        {"strict": "yes"},
        {"list": 5},
        {"map": [5]},
        {"rate": 5},
        {"max_calls": 0},
    ],
    ids=str,
)
def test_the_schema_refuses_what_is_wrong(wrong: dict[str, Any]) -> None:
    """An editor underlines it before a run does."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, campaign_schema())
