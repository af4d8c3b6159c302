"""A file on its way into a campaign: loaded, mapped, cleaned, and staged in the ledger."""

from __future__ import annotations

import gc
import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchdial.errors import ConfigError
from batchdial.ledger.lists import Amendments, Lists, StoredList
from batchdial.lists.cleaning import clean, held_by_results, last_holders
from batchdial.lists.loader import open_list
from batchdial.lists.mapping import (
    blank_fields,
    column_map_from_dict,
    column_map_to_dict,
    map_columns,
    payload,
)
from batchdial.lists.parsing import region_named
from batchdial.lists.phones import NUMBER_TYPES
from batchdial.lists.saved import load_mapping, save_mapping
from batchdial.models import EXAMPLES, Batch, Block, CallStatus, Contact, Verdict
from batchdial.results.file import check_output, list_stem, results_header, write_results
from batchdial.results.summary import Tally
from batchdial.rules.cells import is_reprint
from batchdial.rules.redial import RANG, SAFE_TO_REDIAL, Known, amend, place

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from batchdial.ledger.ledger import Lease
    from batchdial.lists.loader import ContactFile
    from batchdial.models import ColumnMap, Reading, SourceRow
    from batchdial.settings import Settings

#: Rows that cannot be called of which a plan shows the reason.
PROBLEMS = 5


@dataclass(slots=True)
class Checked:
    """What a file was understood as, and what each of its rows is worth."""

    reading: Reading
    columns: ColumnMap
    tally: Tally = field(default_factory=Tally)
    examples: list[dict[str, str]] = field(default_factory=list)  #: the first request bodies
    problems: list[Contact] = field(default_factory=list)  #: the first rows that cannot be called
    blanks: dict[str, int] = field(default_factory=dict)  #: callable rows that lack a field

    def add(self, batch: Batch) -> None:
        """Count some more rows."""
        self.tally.add(batch)
        told = batch.told
        problems = (one for one in told.values() if one.verdict.status is CallStatus.INVALID)
        self.problems += islice(problems, PROBLEMS - len(self.problems))
        for at in range(len(batch)) if len(self.examples) < EXAMPLES else ():
            verdict = told[at].verdict if at in told else None
            if verdict is None or verdict.status is CallStatus.PENDING:
                number = (verdict.e164 if verdict else None) or batch.number(at)
                self.examples.append(payload(self.columns, batch.cells[at], number))
                if len(self.examples) == EXAMPLES:
                    break
        for blank, number_of in blank_fields(self.columns, batch):
            self.blanks[blank] = self.blanks.get(blank, 0) + number_of


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was opened and mapped, with all that decides how its rows are read."""

    file: ContactFile
    columns: ColumnMap
    region: str | None
    allow_types: frozenset[str]
    path: Path | None = None  #: None for standard input
    dedupe: str = "first"  #: which of several rows with one number is dialled

    @classmethod
    def open(cls, path: str | Path, settings: Settings) -> Source:
        """
        Load a file and map its columns.

        Raises:
            ListError: Nothing in it can be used.
            QuestionError: A person has to say how it is meant.
            ConfigError: A setting names a country or a kind of number that there is not.
        """
        _check_words(settings)
        file = open_list(
            path,
            encoding=settings.encoding,
            delimiter=settings.delimiter,
            sheet=settings.sheet,
        )
        saved = load_mapping(settings.mapping) if settings.mapping is not None else {}
        columns = map_columns(
            file.reading.header,
            file.sample,
            overrides={**saved, **settings.map},
            only_mapped=settings.only_mapped,
        )
        return cls(
            file,
            columns,
            settings.region,
            settings.allow_types,
            None if str(path) == "-" else Path(path),
            settings.dedupe,
        )

    def campaign(self, asked: str | None) -> str:
        """
        The name of the file's campaign: as asked, as a results file says, or as the file's.

        Raises:
            ConfigError: Standard input has no name.
        """
        told = ((row.prior or {}).get("campaign") for row in self.file.sample)
        name = asked or next((name for name in told if name), None)
        if name is None and self.path is None:
            raise ConfigError("A list from standard input needs a name: --campaign NAME")
        return name or (list_stem(self.path.name) if self.path is not None else "")

    def save_mapping(self, path: Path) -> None:
        """Write which column is which field, for other files of the same form."""
        save_mapping(path, self.columns, self.file.reading.header)

    def contacts(self, mend: Callable[[Block], Block] = lambda block: block) -> Iterator[Batch]:
        """Clean the rows, block by block, each mended before."""
        return clean(
            map(mend, self.file.blocks()),
            self.columns,
            region=self.region,
            allow_types=self.allow_types,
            held=self._held(),
        )

    def _held(self) -> dict[int, int] | None:
        """Numbers that a row has whatever stands above it; None where the first row has it."""
        if self.dedupe == "last":
            return last_holders(
                self.file.blocks(),
                self.columns,
                region=self.region,
                allow_types=self.allow_types,
            )
        # In a results file that was corrected by hand, a row that rang keeps its number.
        return held_by_results(self.file.blocks()) if self.file.reading.is_results else None

    def as_dict(self) -> dict[str, Any]:
        """What the ledger keeps of how the rows were read."""
        return {
            "columns": column_map_to_dict(self.columns),
            "region": self.region,
            "allowTypes": sorted(self.allow_types),
            "dedupe": self.dedupe,
        }

    def fingerprint(self) -> str:
        """The same for the same content read in the same way."""
        told = json.dumps([self.file.reading.digest, self.as_dict()], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    def read_like(self, stored: StoredList, settings: Settings) -> Source:
        """The same file, read as the list was from which it came, but for what is set anew."""
        if settings.map or settings.mapping or settings.only_mapped:
            columns = self.columns
        else:
            columns = column_map_from_dict(stored.reading["columns"])
        return replace(
            self,
            columns=columns,
            region=settings.region or stored.reading["region"],
            allow_types=settings.allow_types or frozenset(stored.reading["allowTypes"]),
        )


def check(source: Source) -> Checked:
    """Judge every row; nothing is recorded."""
    checked = Checked(source.file.reading, source.columns)
    with _without_collector():
        for block in _judged(source):
            checked.add(block)
    return checked


@contextmanager
def _without_collector() -> Iterator[None]:
    """Rows make no reference cycles, and looking for some would take a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def write_checked(source: Source, output: Path, campaign: str | None) -> Checked:
    """
    Judge every row, and write the list with its verdicts in the columns of a results file.

    Raises:
        OutputError: The file cannot be written, or is one that must not be overwritten.
    """
    name = source.campaign(campaign)
    check_output(output, source.path)
    checked = Checked(source.file.reading, source.columns)

    def contacts() -> Iterator[Contact]:
        for block in _judged(source):
            checked.add(block)
            yield from block

    write_results(output, source.file.reading.header, contacts(), name)
    return checked


def _judged(source: Source) -> Iterator[Batch]:
    """The rows as they stand by themselves, and by what a results file says of them."""
    for batch in source.contacts():
        yield batch.with_told(
            {at: place(one, None, replaces=None) for at, one in batch.told.items()}
        )


def stage(
    source: Source,
    lists: Lists,
    lease: Lease,
    *,
    output: str,
    known: dict[str, Known],
    remember: bool,
    replaces: str | None,
    again: bool,
    now: datetime,
    alive: Callable[[], object],
) -> tuple[int, Checked]:
    """
    Record a file as a draft of a list that counts for nothing until it is activated.

    Args:
        source: The file.
        lists: Where to.
        lease: Of the campaign whose list it will be.
        output: Path of its results file.
        known: What the campaign remembers.
        remember: Whether to add the numbers of this file to that.
        replaces: Name of the list that it is an edition of, or None.
        again: Whether everybody may be called again, whatever the campaign remembers.
        now: UTC.
        alive: Called after each block, since a long list outlasts a lease.

    Returns:
        The list's id, and what its rows are worth.
    """
    campaign = lease.campaign
    checked = Checked(source.file.reading, source.columns)
    draft = StoredList(
        id=0,
        name=source.file.reading.name,
        output=output,
        fingerprint=source.fingerprint(),
        header=source.file.reading.header,
        reading=source.as_dict(),
        created_at=now,
    )
    list_id = lists.stage(campaign, draft)
    with _without_collector(), lists.writing(list_id, lease.fence, alive) as writing:
        for batch in source.contacts():
            placed = _placed(batch, campaign.name, known, replaces=replaces, again=again)
            if remember:
                known.update(_remembered(placed, draft.name))
            checked.add(placed)
            writing.add(placed)
    return list_id, checked


def _placed(
    batch: Batch, campaign: str, known: Mapping[str, Known], *, replaces: str | None, again: bool
) -> Batch:
    """The rows with the places that their numbers have in the campaign."""
    told = {}
    for at, one in batch.told.items():
        is_ours = not again and (one.prior or {}).get("campaign") == campaign
        contact = one if is_ours or one.prior is None else replace(one, prior=None)
        told[at] = place(contact, known.get(contact.verdict.e164 or ""), replaces=replaces)
    for at in range(len(batch)) if known else ():
        if at not in told and (number := batch.number(at)) in known:
            verdict = Verdict(CallStatus.PENDING, number)
            contact = Contact(batch.rows[at], batch.cells[at], verdict)
            told[at] = place(contact, known[number], replaces=replaces)
    return batch.with_told(told)


def _remembered(contacts: Iterable[Contact], list_name: str) -> dict[str, Known]:
    return {
        one.verdict.e164: Known(
            one.verdict.status,
            one.verdict.reason,
            one.verdict.detail,
            one.call_id,
            one.attempts,
            one.last_attempt_at,
            list_name,
            one.row,
        )
        for one in contacts
        if one.verdict.e164 and one.verdict.status in {CallStatus.PENDING, *RANG, *SAFE_TO_REDIAL}
    }


def compare(
    source: Source,
    lists: Lists,
    stored: StoredList,
    known: Mapping[str, Known],
    wanted: Collection[CallStatus],
) -> tuple[Amendments, Checked]:
    """
    Find what a results file that was fed back changes in the list it came from.

    Args:
        source: The file.
        lists: Where the list stands.
        stored: The list.
        known: What the campaign remembers.
        wanted: Statuses of the unchanged rows that are to be dialled.
    """
    changes = Amendments()
    checked = Checked(source.file.reading, source.columns)

    def recorded(rows: Iterable[SourceRow | Contact]) -> tuple[list[int], dict[int, Any]]:
        numbers = [_row_number(row.prior or {}) for row in rows]
        return numbers, lists.rows_at(stored.id, [number for number in numbers if number])

    def undo_reprints(block: Block) -> Block:
        numbers, found = recorded(block)
        return Block.of(
            [
                _as_it_was(row, found[number][1]) if number in found else row
                for row, number in zip(block, numbers, strict=True)
            ]
        )

    for batch in source.contacts(undo_reprints):
        numbers, found = recorded(batch)
        standing = {}
        for at, (contact, number) in enumerate(zip(batch, numbers, strict=True)):
            row_id, there = found.get(number, (0, None))
            amendment = amend(contact, there, known.get(contact.verdict.e164 or ""))
            standing[at] = amendment.contact or there or contact
            if amendment.is_new and amendment.contact is not None:
                changes.added.append(amendment.contact)
            elif amendment.contact is not None and there is not None:
                changes.changed.append((row_id, replace(amendment.contact, row=there.row)))
            if there is not None and there.verdict.status in wanted:
                changes.chosen.append(row_id)
        checked.add(batch.with_told(standing))
    return changes, checked


def _as_it_was(row: SourceRow, stored: Contact) -> SourceRow:
    """The row with the ledger's cells in place of what a spreadsheet made of them."""
    pairs = zip_longest(row.cells, stored.cells[: len(row.cells)], fillvalue="")
    return replace(row, cells=tuple(was if is_reprint(cell, was) else cell for cell, was in pairs))


def origin(source: Source, active: Sequence[StoredList]) -> StoredList | None:
    """The list that a results file came from: the same columns, and the name where that decides."""
    reading = source.file.reading
    if not reading.is_results:
        return None
    alike = [one for one in active if results_header(one.header) == reading.header]
    stem = list_stem(reading.name).removesuffix(".results")
    named = [one for one in alike if list_stem(one.name) == stem]
    return named[0] if named else alike[0] if len(alike) == 1 else None


def _check_words(settings: Settings) -> None:
    problems = []
    if settings.region is not None and region_named(settings.region) is None:
        problems.append(
            f"--region: there is no country {settings.region!r}. Give its code or name, such as GB."
        )
    wrong = sorted(settings.allow_types - set(NUMBER_TYPES))
    if wrong:
        known = ", ".join(NUMBER_TYPES)
        problems.append(f"--allow-types: there is no {', '.join(wrong)}. There are: {known}.")
    if problems:
        raise ConfigError("\n".join(problems))


def _row_number(prior: Mapping[str, str]) -> int:
    text = prior.get("row", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
