"""Which column becomes which field of the request, and what is sent of a row."""

from __future__ import annotations

import re
from collections import Counter
from difflib import get_close_matches
from itertools import chain
from typing import TYPE_CHECKING, Any

from batchdial.errors import ConfigError, ListError
from batchdial.lists.emails import first_email
from batchdial.lists.words import parted
from batchdial.models import API_FIELDS, CallStatus, ColumnMap, FieldMap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from batchdial.models import Batch, SourceRow

_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
#: Fields that decide how a row is called, and are no part of the request.
_UNSENT = ("region", "timezone")
_KNOWN = (*API_FIELDS, *_UNSENT)
_API_NAMES = {name.lower(): name for name in API_FIELDS}
_FIELD_NAMES = {name.lower(): name for name in _KNOWN}
_BLANK = r"[\s\x00-\x1f\x7f\u200b-\u200f\u2060\ufeff]+"
_EDGES = re.compile(f"^{_BLANK}|{_BLANK}$")


def map_columns(
    header: Sequence[str],
    sample: Sequence[SourceRow],
    *,
    overrides: Mapping[str, str] | None = None,
    only_mapped: bool = False,
) -> ColumnMap:
    """
    Find the column of every field.

    Overrides come first, then exact synonyms, then likeness that the content
    confirms, then content alone. Columns named like a variable are sent under
    exactly that name; the columns of the country and of the time zone decide how a
    row is called and are not sent.

    Args:
        header: The column names as they were read.
        sample: A few rows, for a look at the content.
        overrides: What `--map` says: field to column, or to several columns.
        only_mapped: Send no column that is neither named in `overrides` nor one
            of the API's own fields.

    Raises:
        QuestionError: Two columns are equally good for a field.
        ListError: No column is the phone number.
        ConfigError: An override names no column, or a field that cannot be.
    """
    from batchdial.lists.headers import Finder  # which who has a mapping already needs not load
    from batchdial.lists.phone_column import PhoneFinder

    finder = Finder(header, sample)
    fields = {f.field: f for f in _overridden(header, overrides or {})}
    taken = {c for f in fields.values() if f.field in _KNOWN for c in f.columns}
    for field, find in (
        ("phoneNumber", lambda taken: PhoneFinder(finder, taken).find()),
        ("prospectName", finder.name),
        ("email", finder.email),
        ("region", finder.region),
        ("timezone", finder.timezone),
    ):
        found = None if field in fields else find(taken)
        if found is not None:
            fields[field] = found
            taken |= set(found.columns)
    if "phoneNumber" not in fields:
        raise _no_phone(header)
    if not only_mapped:
        taken |= {column for f in fields.values() for column in f.columns}
        for variable in _variables(header, taken):
            fields.setdefault(variable.field, variable)
    return _ordered(header, fields)


def _overridden(header: Sequence[str], overrides: Mapping[str, str]) -> list[FieldMap]:
    fields, missing = [], []
    for asked, value in overrides.items():
        field = _FIELD_NAMES.get(_squeezed(asked), asked.strip())
        if not _VARIABLE.fullmatch(field):
            raise ConfigError(
                f"--map {asked}={value}: a field's name is made of letters, digits and _, "
                "and begins with a letter."
            )
        names = _names(header, field, value)
        absent = [name for name in names if not _matches(header, name)]
        missing += [_absent(header, field, name) for name in absent]
        if not absent:
            columns = tuple(dict.fromkeys(_only(header, field, name) for name in names))
            fields.append(FieldMap(field, columns, "flag"))
    if missing:
        between = "\n" if len(missing) > 1 else " "
        raise ConfigError("\n".join(missing) + f"{between}The file has: {_listed(header)}.")
    return fields


def column_named(header: Sequence[str], flag: str, name: str) -> int:
    """
    The column that a flag names, in any capitals.

    Raises:
        ConfigError: There is none, or there are several; the message says what the file has.
    """
    found = _matches(header, name)
    if not found:
        near = get_close_matches(name.strip(), header, 1, 0.5) if len(name) < 100 else []
        hint = f' Did you mean "{near[0]}"?' if near else f" The file has: {_listed(header)}."
        raise ConfigError(f'{flag} {name}: there is no column "{name}".{hint}')
    if len(found) > 1:
        raise ConfigError(
            f'{flag} {name}: {len(found)} columns are called "{header[found[0]]}". '
            "Rename one of them in the file."
        )
    return found[0]


def _names(header: Sequence[str], field: str, value: str) -> list[str]:
    """The columns that a `--map` value names; a comma may also be part of one name."""
    if _matches(header, value):
        return [value]
    separators = {"phoneNumber": ",", "prospectName": ",+"}.get(field)
    several = parted(value, separators) if separators else []
    return several or [value]


def _squeezed(name: str) -> str:
    """A field's name in any capitals and spacing: Phone_Number is phonenumber."""
    return re.sub(r"[\s_-]", "", name).lower()


def _matches(header: Sequence[str], name: str) -> list[int]:
    """Columns of exactly that name, else of that name in other capitals."""
    wanted = name.strip()
    if not wanted:
        return []
    exact = [index for index, column in enumerate(header) if column.strip() == wanted]
    folded = wanted.casefold()
    return exact or [i for i, column in enumerate(header) if column.strip().casefold() == folded]


def _only(header: Sequence[str], field: str, name: str) -> int:
    found = _matches(header, name)
    if len(found) > 1:
        raise ConfigError(
            f'--map {field}={name}: {len(found)} columns are called "{header[found[0]]}". '
            "Rename one of them in the file."
        )
    return found[0]


def _absent(header: Sequence[str], field: str, name: str) -> str:
    near = get_close_matches(name.strip(), header, 1, 0.5) if len(name) < 100 else []
    hint = f' Did you mean "{near[0]}"?' if near else ""
    return f'--map {field}={name}: there is no column "{name}".{hint}'


def _variables(header: Sequence[str], taken: set[int]) -> list[FieldMap]:
    """Columns that are sent under their own name; two of one name are sent under neither."""
    names = [column.strip() for column in header]
    times = Counter(names)
    return [
        FieldMap(name, (index,), "variable")
        for index, name in enumerate(names)
        if index not in taken
        and times[name] == 1
        and _VARIABLE.fullmatch(name)
        and _squeezed(name) not in _API_NAMES
        and name not in _UNSENT
    ]


def _ordered(header: Sequence[str], fields: Mapping[str, FieldMap]) -> ColumnMap:
    """The phone number first, then the other known fields, then variables as in the header."""
    known = [fields[name] for name in _KNOWN if name in fields]
    others = sorted((f for f in fields.values() if f.field not in _KNOWN), key=lambda f: f.columns)
    used = {column for f in fields.values() for column in f.columns}
    unused = tuple(index for index in range(len(header)) if index not in used)
    return ColumnMap((*known, *others), unused)


def _no_phone(header: Sequence[str]) -> ListError:
    return ListError(
        f"No column is the phone number. The file has: {_listed(header)}.\n"
        "Say which one it is: --map phoneNumber=COLUMN"
    )


def _listed(header: Sequence[str]) -> str:
    shown = ", ".join(f'"{name}"' for name in header[:20])
    return f"{shown} and {len(header) - 20} more" if len(header) > 20 else shown


def payload(columns: ColumnMap, cells: Sequence[str], e164: str) -> dict[str, str]:
    """
    The body of one call's request.

    Blank cells are not sent, nor is text in the e-mail's column that is no
    good address. A variable never takes the place of one of the API's own fields.
    """
    body = {"phoneNumber": e164}
    for source in columns.fields:
        if source.field in _UNSENT:
            continue
        text = _value(source, cells)
        if text:
            body.setdefault(source.field, text)  # the cleaned number is there already
    return body


def blank_fields(columns: ColumnMap, batch: Batch) -> Iterator[tuple[str, int]]:
    """The fields that the requests of rows that can be called lack, and in how many of them."""
    told = batch.told
    called = {at for at, one in told.items() if one.verdict.status is CallStatus.PENDING}
    for source in columns.fields:
        if source.field in (*_UNSENT, "phoneNumber"):
            continue
        empty, other = map(set, batch.cells.empty(source.columns[0]))
        if source.field == "email":
            other |= set(batch.odd)
        for index in source.columns[1:]:
            more_empty, more_other = map(set, batch.cells.empty(index))
            if source.field == "email":
                empty, other = set(), empty | other
            else:
                empty, other = (
                    empty & more_empty,
                    (empty | other) & (more_empty | more_other) - (empty & more_empty),
                )
        places = sorted(other)
        rows = zip(places, batch.cells.some(places), strict=True)
        silent = [at for at, cells in rows if not _value(source, cells)]
        absent = sum(at not in told or at in called for at in chain(empty, silent))
        if absent:
            yield source.field, absent


def _value(source: FieldMap, cells: Sequence[str]) -> str:
    """What a field's cells come to in a request; blank where nothing of them is sent."""
    texts = [trimmed(cells[index]) for index in source.columns]
    return first_email(texts) if source.field == "email" else " ".join(filter(None, texts))


def trimmed(cell: str) -> str:
    """A cell without blanks, control and invisible characters around its text."""
    if cell.isascii() and cell.isprintable() and cell.strip() == cell:
        return cell
    return _EDGES.sub("", cell)


def column_map_to_dict(columns: ColumnMap) -> dict[str, Any]:
    """A column map as JSON can hold it."""
    return {"fields": [_as_dict(one) for one in columns.fields], "unused": list(columns.unused)}


def _as_dict(source: FieldMap) -> dict[str, Any]:
    """A field as the first version wrote it, and what has come since only where it says more."""
    told: dict[str, Any] = {
        "field": source.field,
        "columns": list(source.columns),
        "how": source.how,
    }
    if source.sure != 1:
        told["sure"] = source.sure
    if source.also:
        told["also"] = list(source.also)
    return told


def column_map_from_dict(stored: Mapping[str, Any]) -> ColumnMap:
    """The column map that `column_map_to_dict` wrote."""
    fields = (
        FieldMap(
            f["field"], tuple(f["columns"]), f["how"], f.get("sure", 1.0), tuple(f.get("also", ()))
        )
        for f in stored["fields"]
    )
    return ColumnMap(tuple(fields), tuple(stored["unused"]))
