"""A mapping in a file of its own: which column of a list was which field, for the next list."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from typing import TYPE_CHECKING, Any

from batchdial.errors import ConfigError, OutputError
from batchdial.lists.words import listed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from batchdial.models import ColumnMap

_HEAD = """\
# Which column is which field. Give it to the next list of this kind: --mapping FILE
# Several columns: phone numbers are tried in this order, names are joined.
"""


def save_mapping(path: Path, columns: ColumnMap, header: Sequence[str]) -> None:
    """
    Write every field and the names of its columns as TOML.

    Raises:
        ConfigError: Two columns have the name of one that is used; it would not be found again.
        OutputError: The file cannot be written.
    """
    times = Counter(name.strip().casefold() for name in header)
    lines = []
    for source in columns.fields:
        names = [header[column].strip() for column in source.columns]
        for name in names:
            if times[name.casefold()] > 1 or not name:
                raise ConfigError(
                    f'The mapping cannot be saved: {source.field} comes from a column "{name}", '
                    "whose name is not its own. Rename it in the file."
                )
        lines.append(f"{source.field} = {_toml(names[0] if len(names) == 1 else names)}\n")
    try:
        path.write_text(_HEAD + "".join(lines), "utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error


def load_mapping(path: Path) -> dict[str, str]:
    """
    Read what `save_mapping` wrote, or a person did, as overrides for `map_columns`.

    Raises:
        ConfigError: There is no such file, or it is no mapping.
    """
    try:
        told = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"The mapping {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The mapping {path} is no TOML: {error}.\n"
            'Write one line for each field, such as: phoneNumber = "Mobile"'
        ) from error
    wrong = [field for field, value in told.items() if not _is_columns(value)]
    if wrong or not told:
        what = f"{', '.join(wrong)} names no column" if wrong else "it has no line"
        raise ConfigError(
            f"The mapping {path} cannot be used: {what}.\n"
            'Write: phoneNumber = "Mobile", or phoneNumber = ["Mobile", "Office"]'
        )
    return {
        field: value if isinstance(value, str) else listed(value) for field, value in told.items()
    }


def _is_columns(value: Any) -> bool:
    """Whether a value is a column's name, or several."""
    names = [value] if isinstance(value, str) else value
    return (
        isinstance(names, list)
        and bool(names)
        and all(isinstance(name, str) and name.strip() for name in names)
    )


def _toml(value: str | list[str]) -> str:
    """A string or a list of strings; what JSON writes is TOML, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
