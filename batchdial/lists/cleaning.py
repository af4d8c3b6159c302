"""Rows become contacts: each with a verdict, and every number held by one row only."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from batchdial.lists.countries import country_code
from batchdial.lists.emails import email_note
from batchdial.lists.mapping import phone_texts, region_of
from batchdial.lists.phones import read_number, region_code
from batchdial.models import CallStatus, Contact, Verdict
from batchdial.rules.cells import is_reprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from batchdial.models import ColumnMap, SourceRow

#: Of these rows a phone has rung, or may have: their number is never free again.
_CALLED = frozenset({CallStatus.SUCCESS, CallStatus.UNKNOWN, CallStatus.DIALING})

#: The reason of a number in scientific notation, and that number as its sentence cites it.
LOST_DIGITS = "excel_scientific"
_SCIENTIFIC = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}")


def clean(
    blocks: Iterable[Sequence[SourceRow]],
    columns: ColumnMap,
    *,
    region: str | None = None,
    allow_types: frozenset[str] = frozenset(),
    held: Mapping[int, int] | None = None,
) -> Iterator[list[Contact]]:
    """
    Judge every row, block by block, in order.

    The first row with a number has it; every later one is a duplicate. Rows
    that cannot be dialled hold no number. In a results file fed back, the
    number of a row that was called stays taken even if the row was changed.

    Args:
        blocks: Rows as the loader gives them.
        columns: Where the number and its country stand.
        region: ISO code for numbers without a plus, where no column says.
        allow_types: Kinds of number that may be dialled; see `phones.NUMBER_TYPES`.
        held: Numbers that a row of this file holds from the start: `held_by_results`,
            or `last_holders`, with which the last row with a number has it.

    Yields:
        A list of contacts for each block; memory grows by one small entry a number.
    """
    holders = dict(held or {})
    for block in blocks:
        yield [_contact(row, columns, region, allow_types, holders) for row in block]


def held_by_results(blocks: Iterable[Sequence[SourceRow]]) -> dict[int, int]:
    """
    The numbers that rows of a results file have called, and the row of each.

    Handing them to `clean` keeps a corrected row further up from ringing a
    phone that a row further down has already rung.
    """
    held: dict[int, int] = {}
    for block in blocks:
        for row in block:
            _hold_called(row, held)
    return held


def last_holders(
    blocks: Iterable[Sequence[SourceRow]],
    columns: ColumnMap,
    *,
    region: str | None = None,
    allow_types: frozenset[str] = frozenset(),
) -> dict[int, int]:
    """
    For `--dedupe last`: each number that can be dialled, and the last row that has it.

    Handing them to `clean` with the same arguments makes the rows above it the
    duplicates. A row of a results file that has called its number keeps it,
    wherever it stands.
    """
    called: dict[int, int] = {}
    last: dict[int, int] = {}
    for block in blocks:
        for row in block:
            _hold_called(row, called)
            verdict = _read(row.cells, columns, region, allow_types)
            if verdict.status is CallStatus.PENDING and verdict.e164:
                last[int(verdict.e164)] = row.row
    return last | called


def _contact(
    row: SourceRow,
    columns: ColumnMap,
    region: str | None,
    allow_types: frozenset[str],
    holders: dict[int, int],
) -> Contact:
    _hold_called(row, holders)
    verdict = _still_damaged(row, columns) or _read(row.cells, columns, region, allow_types)
    if verdict.status is CallStatus.PENDING and verdict.e164:
        holder = holders.setdefault(int(verdict.e164), row.row)
        if holder != row.row:
            detail = f"Same number as row {holder}."
            verdict = Verdict(CallStatus.DUPLICATE, verdict.e164, "same_number", detail)
        elif note := _email_note(row.cells, columns):
            verdict = replace(verdict, detail=f"{verdict.detail} {note}".lstrip())
    return Contact(row.row, row.cells, verdict, row.prior)


def _still_damaged(row: SourceRow, columns: ColumnMap) -> Verdict | None:
    """The verdict of before on a number without its last digits that a spreadsheet wrote out."""
    prior = row.prior or {}
    found = _SCIENTIFIC.search(prior.get("detail", ""))
    if prior.get("reason") != LOST_DIGITS or found is None:
        return None
    if not any(is_reprint(text, found[0]) for text in phone_texts(columns, row.cells)):
        return None
    return Verdict(CallStatus.INVALID, None, LOST_DIGITS, prior["detail"])


def _read(
    cells: Sequence[str], columns: ColumnMap, region: str | None, allow_types: frozenset[str]
) -> Verdict:
    """The first phone column with a number that can be dialled; else what the first filled says."""
    place = _place(region_of(columns, cells, region))
    first: Verdict | None = None
    for text in phone_texts(columns, cells):
        verdict = read_number(text, place, allow_types)
        if verdict.status is CallStatus.PENDING:
            return verdict
        if first is None or first.reason == "empty":
            first = verdict
    return first or read_number("", place, allow_types)


def region_named(text: str) -> str | None:
    """The ISO code of the country that `--region` means, by code or name; None where none is."""
    return region_code(_place(text) or "")


def _place(text: str | None) -> str | None:
    """The country that a cell or a flag names; a text that names none is kept, to be cited."""
    return (_code(text) or text) if text else None


#: A list has few countries and many rows.
_code = lru_cache(maxsize=1024)(country_code)


def _email_note(cells: Sequence[str], columns: ColumnMap) -> str:
    source = columns.get("email")
    return email_note([cells[index] for index in source.columns]) if source else ""


def _hold_called(row: SourceRow, holders: dict[int, int]) -> None:
    if row.prior is None or row.prior.get("status", "").strip().lower() not in _CALLED:
        return
    digits = row.prior.get("e164", "").strip().lstrip("'+")
    if digits.isdecimal():
        holders.setdefault(int(digits), row.row)
