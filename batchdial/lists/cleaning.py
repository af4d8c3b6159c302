"""Rows become contacts: each with a verdict, and every number held by one row only."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from batchdial.lists.countries import country_code
from batchdial.lists.emails import doubtful_addresses, email_note
from batchdial.lists.glance import Regions, certain_numbers
from batchdial.lists.holders import Holders
from batchdial.lists.mapping import trimmed
from batchdial.lists.phones import read_number
from batchdial.models import Batch, CallStatus, Contact, Verdict
from batchdial.rules.cells import is_reprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from batchdial.models import Block, Cells, ColumnMap

#: Of these rows a phone has rung, or may have: their number is never free again.
_CALLED = frozenset({CallStatus.SUCCESS, CallStatus.UNKNOWN, CallStatus.DIALING})

#: Digits of a number in E.164, at most.
_LONGEST = 15
#: Characters of a country's code, and of what stands behind it in a column.
_CODE = 3
_NEWLINE = ord("\n")
#: Characters of cells that are remembered.
_SHORT = 40
#: The reason of a number in scientific notation, and that number as its sentence cites it.
LOST_DIGITS = "excel_scientific"
_SCIENTIFIC = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}")


def clean(
    blocks: Iterable[Block],
    columns: ColumnMap,
    *,
    region: str | None = None,
    allow_types: frozenset[str] = frozenset(),
    held: Mapping[int, int] | None = None,
) -> Iterator[Batch]:
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
        A batch for each block; memory grows by some bytes a number.
    """
    judge = _Judge(columns, region, allow_types)
    holders = Holders(held)
    for block in blocks:
        if called := held_by_results([block]):
            holders.hold(*_arrays(called))
        yield judge.batch(block, holders)


def held_by_results(blocks: Iterable[Block]) -> dict[int, int]:
    """
    The numbers that rows of a results file have called, and the row of each.

    Handing them to `clean` keeps a corrected row further up from ringing a
    phone that a row further down has already rung.
    """
    held: dict[int, int] = {}
    for block in blocks:
        for row, prior in zip(block.rows, block.priors or (), strict=False):
            if prior.get("status", "").strip().lower() in _CALLED:
                digits = prior.get("e164", "").strip().lstrip("'+")
                if digits.isdecimal() and len(digits) <= _LONGEST:
                    held.setdefault(int(digits), row)
    return held


def last_holders(
    blocks: Iterable[Block],
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
    judge = _Judge(columns, region, allow_types)
    called: dict[int, int] = {}
    last: dict[int, int] = {}
    for block in blocks:
        called = held_by_results([block]) | called
        numbers, _ = judge.verdicts(block)
        last.update(zip(numbers.tolist(), block.rows, strict=True))
    last.pop(0, None)
    return last | called


class _Judge:
    """
    Gives rows their verdicts.

    Most numbers are decided at once, a column at a time; every other cell is read by itself.

    Args:
        columns: Where the number, its country and the address stand.
        region: ISO code for numbers without a plus, where no column says.
        allow_types: Kinds of number that may be dialled.
    """

    def __init__(self, columns: ColumnMap, region: str | None, allow_types: frozenset[str]) -> None:
        self._columns = columns
        self._region = region
        self._allow_types = allow_types

    def batch(self, block: Block, holders: Holders) -> Batch:
        """The rows of a block with their verdicts; each number is held by one row only."""
        numbers, said = self.verdicts(block)
        dialled = np.flatnonzero(numbers)
        rows = _as_array(block.rows)[dialled]
        holder = holders.hold(numbers[dialled], rows)
        is_later = holder != rows
        duplicates = dict(zip(dialled[is_later].tolist(), holder[is_later].tolist(), strict=True))
        odd = self._odd_addresses(block)
        for place in odd:
            note = self._email_note(block.cells[place]) if numbers[place] else ""
            if note and place not in duplicates:
                verdict = said.get(place) or Verdict(CallStatus.PENDING, f"+{numbers[place]}")
                said[place] = replace(verdict, detail=f"{verdict.detail} {note}".lstrip())
        for place, row in duplicates.items():
            detail = f"Same number as row {row}."
            said[place] = Verdict(CallStatus.DUPLICATE, f"+{numbers[place]}", "same_number", detail)
        if block.priors is not None:
            said = {
                place: said.get(place) or Verdict(CallStatus.PENDING, f"+{number}")
                for place, number in enumerate(numbers.tolist())
            }
        places = sorted(said)
        contacts = map(
            Contact,
            map(block.rows.__getitem__, places),
            block.cells.some(places),
            map(said.__getitem__, places),
            map(block.priors.__getitem__, places) if block.priors is not None else repeat(None),
        )
        told = dict(zip(places, contacts, strict=True))
        return Batch(block.rows, block.cells, numbers, told, frozenset(odd))

    def verdicts(self, block: Block) -> tuple[NDArray[np.int64], dict[int, Verdict]]:
        """The number of each row that can be dialled, else 0, and what there is to say of rows."""
        regions = self._regions(block)
        source = self._columns.get("phoneNumber")
        named = source.columns if source else ()
        if named:
            numbers = certain_numbers(block.cells.lines(named[0]), regions)
        else:
            numbers = np.zeros(len(block), np.int64)
        undecided = np.flatnonzero(numbers == 0).tolist()
        said: dict[int, Verdict] = {}
        for place, prior in enumerate(block.priors or ()):
            damaged = _still_damaged(prior, map(block.cells[place].__getitem__, named))
            if damaged is not None:
                numbers[place], said[place] = 0, damaged
        columns = [block.cells.picked(index, undecided) for index in named]
        texts = zip(*columns, strict=True) if columns else repeat(("",), len(undecided))
        for place, home, cells in zip(
            undecided, regions.of[undecided].tolist(), texts, strict=True
        ):
            if place not in said:
                verdict = self._first(cells, regions.names[home])
                if verdict.status is CallStatus.PENDING:
                    numbers[place] = int(verdict.e164 or 0)
                    if verdict.detail:
                        said[place] = verdict
                else:
                    said[place] = verdict
        return numbers, said

    def _first(self, texts: Sequence[str], region: str | None) -> Verdict:
        """The first cell with a number that can be dialled; else what the first filled says."""
        first: Verdict | None = None
        for text in texts:
            verdict = _read(text, region, self._allow_types)
            if verdict.status is CallStatus.PENDING:
                return verdict
            if first is None or first.reason == "empty":
                first = verdict
        return first or _read("", region, self._allow_types)

    def _odd_addresses(self, block: Block) -> set[int]:
        """Places of rows with an e-mail cell, of whichever column, that is no ordinary address."""
        source = self._columns.get("email")
        columns = map(block.cells.lines, source.columns if source else ())
        return {place for lines in columns for place in doubtful_addresses(lines)}

    def _regions(self, block: Block) -> Regions:
        """The country of each row: its own cell, or the default where that is blank."""
        source = self._columns.get("region")
        if source is None:
            return Regions([_place(self._region)], np.zeros(len(block), np.intp))
        names, of = _distinct(block.cells, source.columns[0])
        return Regions([_place(trimmed(name) or self._region) for name in names], of)

    def _email_note(self, cells: Sequence[str]) -> str:
        """Why a row's e-mail address is not sent; empty where it is, or all are blank."""
        source = self._columns.get("email")
        return email_note([cells[index] for index in source.columns]) if source else ""


def _read(text: str, region: str | None, allow_types: frozenset[str]) -> Verdict:
    read = _remembered if len(text) <= _SHORT else read_number
    return read(text, region, allow_types)


#: Exports write the same damage, and the same nothing, into many cells.
_remembered = lru_cache(maxsize=16_384)(read_number)


def _still_damaged(prior: Mapping[str, str], phones: Iterable[str]) -> Verdict | None:
    """The verdict of before on a number without its last digits that a spreadsheet wrote out."""
    found = _SCIENTIFIC.search(prior.get("detail", ""))
    if prior.get("reason") != LOST_DIGITS or found is None:
        return None
    if not any(is_reprint(text, found[0]) for text in phones):
        return None
    return Verdict(CallStatus.INVALID, None, LOST_DIGITS, prior["detail"])


def _arrays(held: Mapping[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    return np.fromiter(held, np.int64), np.fromiter(held.values(), np.int32)


def _as_array(rows: Sequence[int]) -> NDArray[np.int32]:
    if isinstance(rows, range):
        return np.arange(rows.start, rows.stop, rows.step, dtype=np.int32)
    return np.asarray(rows, np.int32)


def _distinct(cells: Cells, index: int) -> tuple[list[str], NDArray[np.intp]]:
    """The different texts in a column, and which of them each cell is."""
    lines = cells.lines(index)
    if len(lines) == _CODE * len(cells) and lines.isascii():
        signs = np.frombuffer(lines, np.uint8).reshape(-1, _CODE)
        is_end = signs == _NEWLINE
        if is_end[:, -1].all() and not is_end[:, :-1].any():
            codes = signs[:, 0].astype(np.intp) << 8 | signs[:, 1]
            seen = np.zeros(1 << 16, np.intp)
            seen[codes] = 1
            found = np.flatnonzero(seen)
            seen[found] = np.arange(len(found))
            return [chr(code >> 8) + chr(code & 255) for code in found.tolist()], seen[codes]
    column = cells.column(index)
    texts = list(set(column))
    places = {text: place for place, text in enumerate(texts)}
    return texts, np.fromiter(map(places.__getitem__, column), np.intp, len(column))


def _place(text: str | None) -> str | None:
    """The country that a cell or a flag names; a text that names none is kept, to be cited."""
    return (_code(text) or text) if text else None


#: A list has few countries and many rows.
_code = lru_cache(maxsize=1024)(country_code)
