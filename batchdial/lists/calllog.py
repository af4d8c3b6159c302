"""A call log or a webhook's payload becomes records of calls, each with its place in the file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchdial.errors import ConfigError, ListError
from batchdial.lists.countries import country_code
from batchdial.lists.headers import Finder
from batchdial.lists.loader import open_list
from batchdial.lists.mapping import trimmed
from batchdial.lists.moments import NoZoneError, read_moment
from batchdial.lists.phone_column import PhoneFinder
from batchdial.lists.phones import read_number
from batchdial.lists.sources import existing, spool
from batchdial.lists.words import key
from batchdial.models import SourceRow
from batchdial.rules.cells import printable
from batchdial.rules.evidence import CallRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

#: Columns as they are called, the surest first; `--map` names others.
_CALL_IDS = ("callid", "calluuid", "callsid")
_TIMES = (
    "createdat", "startedat", "starttime", "callstart", "calltime", "calledat", "startdate",
    "initiatedat", "placedat", "datetime", "dateandtime", "timestamp", "start", "created",
)  # fmt: skip
_DIRECTIONS = ("direction", "calldirection")
_FIELDS = {
    "callid": "callId",
    "number": "phoneNumber",
    "phonenumber": "phoneNumber",
    "time": "time",
    "direction": "direction",
    "region": "region",
}
#: Bytes of a JSON file; more is no payload of a webhook.
_JSON_LIMIT = 256 * 1024 * 1024
#: How deep a call may lie in what a webhook sends.
_DEEPEST = 20


class ZoneMissingError(ConfigError):
    """A time in a log says neither its zone nor does a person."""


@dataclass(slots=True)
class CallLog:
    """What one file tells of calls."""

    name: str
    records: list[CallRecord] = field(default_factory=list)
    columns: str = ""  #: which column was taken for which field
    inbound: int = 0  #: calls that others made
    unclear: list[str] = field(default_factory=list)  #: what is missing in which row, in words


@dataclass(frozen=True, slots=True)
class Reader:
    """How logs are read, whatever their form."""

    columns: Mapping[str, str]  #: what `--map` says: field to column
    region: str | None = None  #: country of numbers without a plus
    zone: ZoneInfo | None = None  #: of times that name none
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None

    def read(self, path: str | Path) -> CallLog:
        """
        Read a file: JSON, JSON lines, CSV or XLSX.

        Raises:
            ListError: It is none of these, or lacks a column that it must have.
            QuestionError: Two columns are equally good; a person has to say which.
            ConfigError: `--map` names no column, or a time has no zone and none is given.
        """
        if str(path) == "-":
            place, name = spool(), "-"
        else:
            place = existing(Path(path))
            name = place.name
        try:
            if _is_json(place):
                return self._from_json(name, _parsed(place, name))
            file = open_list(
                place, encoding=self.encoding, delimiter=self.delimiter, sheet=self.sheet
            )
            rows = (row for block in file.blocks() for row in block)
            return self._log(name, file.reading.header, file.sample, rows)
        finally:
            if str(path) == "-":
                place.unlink()

    def _from_json(self, name: str, value: object) -> CallLog:
        """JSON objects as a table: what they call their fields are its columns."""
        calls = list(_calls(value))
        header = tuple(dict.fromkeys(name for call in calls for name in call))
        rows = [
            SourceRow(place, tuple(call.get(name, "") for name in header))
            for place, call in enumerate(calls, 1)
        ]
        if not rows:
            raise ListError(f"{name} holds no call: no object in it has a callId.")
        return self._log(name, header, rows[:200], rows)

    def _log(
        self,
        name: str,
        header: Sequence[str],
        sample: Sequence[SourceRow],
        rows: Iterable[SourceRow],
    ) -> CallLog:
        columns = _Columns.of(name, header, sample, self.columns)
        log = CallLog(name)
        for row in rows:
            if columns.text("direction", row).lower().startswith("in"):
                log.inbound += 1
                continue
            record, missing = self._record(name, columns, row)
            log.records.append(record)
            if missing:
                log.unclear.append(f"{record.where}: {missing}")
        log.columns = columns.in_words(header)
        return log

    def _record(self, name: str, columns: _Columns, row: SourceRow) -> tuple[CallRecord, str]:
        """One row, and what of it cannot be read."""
        missing = []
        call_id = printable(columns.text("callId", row))  # as the ledger has it
        if not call_id:
            missing.append("no callId")
        text = columns.text("phoneNumber", row)
        place = columns.text("region", row)
        e164 = read_number(text, (country_code(place) or place) or self.region).e164
        if e164 is None:
            missing.append("no number that can be read" if text else "no number")
        at, text = None, columns.text("time", row)
        try:
            at = read_moment(text, self.zone)
        except NoZoneError:
            raise ZoneMissingError(
                f"{name} row {row.row}: the time {text!r} names no zone. "
                "Say which it is: --timezone Europe/London, or --timezone UTC"
            ) from None
        except ValueError as error:
            missing.append(f"the time cannot be used: {error}" if text else "no time")
        return CallRecord(f"{name} row {row.row}", call_id, e164, at), ", ".join(missing)


def completed(record: CallRecord, call: Mapping[str, Any]) -> CallRecord:
    """The record with the number and time that the service's own answer names (GET /calls)."""
    if call.get("callId") != record.call_id or call.get("direction") != "outbound":
        return record
    number = read_number(_text(call.get("to")), None).e164
    try:
        at = read_moment(_text(call.get("createdAt")), UTC)
    except ValueError:
        at = None
    return replace(record, e164=record.e164 or number, at=record.at or at)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the fields of a call stand."""

    places: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(
        cls,
        name: str,
        header: Sequence[str],
        sample: Sequence[SourceRow],
        asked: Mapping[str, str],
    ) -> _Columns:
        """
        Find them by what was asked for, then by name, the number's also by content.

        Raises:
            ListError: There is no callId.
            QuestionError: Two columns could be the number.
            ConfigError: What was asked for is no field, or no column.
        """
        keys = [key(one) for one in header]
        places = {
            "callId": _first(keys, _CALL_IDS),
            "time": _first(keys, _TIMES) or _date_and_time(keys),
            "direction": _first(keys, _DIRECTIONS),
            **{_field(one): (_column(header, one, wanted),) for one, wanted in asked.items()},
        }
        if not places["callId"]:
            raise ListError(
                f"{name} has no column with the callId; it has: {_listed(header)}.\n"
                "Say which one it is: --map callId=COLUMN"
            )
        finder = Finder(header, sample)
        if "phoneNumber" not in places:
            number = PhoneFinder(finder, _taken(places)).find()
            places["phoneNumber"] = number.columns if number else ()
        if "region" not in places:
            region = finder.region(_taken(places))
            places["region"] = region.columns if region else ()
        return cls(places)

    def text(self, name: str, row: SourceRow) -> str:
        """The row's text for a field, of several columns with a space between."""
        texts = (trimmed(row.cells[index]) for index in self.places.get(name, ()))
        return " ".join(text for text in texts if text)

    def in_words(self, header: Sequence[str]) -> str:
        """`callId ← "Call ID", time ← "Date" + "Time"`."""
        return ", ".join(
            f"{name} ← " + " + ".join(f"“{header[index]}”" for index in columns)
            for name, columns in self.places.items()
            if columns
        )


def _taken(places: Mapping[str, tuple[int, ...]]) -> set[int]:
    return {column for columns in places.values() for column in columns}


def _first(keys: Sequence[str], names: Sequence[str]) -> tuple[int, ...]:
    return next(((keys.index(name),) for name in names if name in keys), ())


def _date_and_time(keys: Sequence[str]) -> tuple[int, ...]:
    """Columns of a day and a time of day, or the one that holds both."""
    return tuple(keys.index(name) for name in ("date", "time") if name in keys)


def _field(asked: str) -> str:
    found = _FIELDS.get(key(asked))
    if found is None:
        known = ", ".join(dict.fromkeys(_FIELDS.values()))
        raise ConfigError(f"--map {asked}=…: a call has no {asked!r}. It has: {known}.")
    return found


def _column(header: Sequence[str], asked: str, wanted: str) -> int:
    found = [i for i, one in enumerate(header) if one.strip().casefold() == wanted.casefold()]
    if len(found) == 1:
        return found[0]
    what = "there are several such columns" if found else f"the file has: {_listed(header)}"
    raise ConfigError(f"--map {asked}={wanted}: {what}.")


def _listed(header: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in header[:20])


def _is_json(place: Path) -> bool:
    with place.open("rb") as file:
        head = file.read(64)
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def _parsed(place: Path, name: str) -> object:
    """The value of a JSON file, or a list of those of its lines."""
    if place.stat().st_size > _JSON_LIMIT:
        raise ListError(f"{name} is too large for JSON. Split it, or export the log as CSV.")
    try:
        text = place.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ListError(f"{name} is no UTF-8 text, as JSON must be.") from None
    try:
        return json.loads(text)
    except RecursionError:
        raise ListError(f"{name} is nested beyond reason.") from None
    except ValueError as whole:
        values: list[object] = []
        for number, line in enumerate(text.splitlines(), 1):
            try:
                values += [json.loads(line)] if line.strip() else []
            except (ValueError, RecursionError) as error:
                told = error if isinstance(error, json.JSONDecodeError) and values else whole
                at = number if values else getattr(whole, "lineno", number)
                why = getattr(told, "msg", "it cannot be read")
                raise ListError(f"{name} is not JSON, line {at}: {why}.") from None
        return values


def _calls(value: object, depth: int = 0) -> Iterator[dict[str, str]]:
    """The objects that carry a callId, wherever in a payload; and all of an outermost list."""
    if isinstance(value, dict):
        if any(key(str(name)) in _CALL_IDS for name in value):
            yield _flat(value)
        elif depth < _DEEPEST:
            for cell in value.values():
                yield from _calls(cell, depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST:
        for item in value:
            found = list(_calls(item, depth + 1))
            # Without a callId it is no evidence that a call was made, nor that none was.
            bare = [_flat(item)] if isinstance(item, dict) and depth <= 1 else []
            yield from found or bare


def _flat(call: Mapping[str, Any], depth: int = 0) -> dict[str, str]:
    """The fields of an object and of those within it; the outer ones come first."""
    flat = {str(name): _text(cell) for name, cell in call.items() if not isinstance(cell, dict)}
    for cell in call.values():
        if isinstance(cell, dict) and depth < _DEEPEST:
            for name, text in _flat(cell, depth + 1).items():
                flat.setdefault(name, text)
    return flat


def _text(cell: Any) -> str:
    """A JSON value as a log's cell."""
    if isinstance(cell, str):
        return cell
    return "" if cell is None or isinstance(cell, (bool, dict, list)) else str(cell)
