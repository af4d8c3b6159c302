"""The results file: every row that came in, with what became of it."""

from __future__ import annotations

import csv
import os
import shlex
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from batchdial.errors import OutputError
from batchdial.models import FIRST_COLUMNS, RESULT_COLUMNS
from batchdial.rules.cells import neutralise
from batchdial.rules.written import line_written, result_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from io import TextIOWrapper

    from batchdial.models import Contact

#: So that Excel reads the file as UTF-8.
ENCODING = "utf-8-sig"


def list_stem(name: str) -> str:
    """`leads` of `leads.csv`, and of `leads.csv.gz`."""
    unpacked = Path(name).stem if Path(name).suffix.lower() in (".gz", ".zip") else name
    return Path(unpacked).stem


def default_output(source: Path, *, is_results: bool) -> Path:
    """`leads.results.csv` beside `leads.csv`; a results file that is fed back is its own."""
    if not is_results:
        return source.with_name(f"{list_stem(source.name)}.results.csv")
    is_csv = source.suffix.lower() not in _OTHER_FORMS
    return source if is_csv else source.with_name(f"{list_stem(source.name)}.csv")


#: Names of files that a results file may have been saved as, and that CSV must not be put under.
_OTHER_FORMS = (".gz", ".zip", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")


def check_output(path: Path, source: Path | None) -> None:
    """
    See before the first call that the results can be written.

    Args:
        path: Where to.
        source: The list itself, where it is an ordinary file that must not be overwritten.

    Raises:
        OutputError: The folder cannot be written, or a file stands there that is not ours.
    """
    if source is not None and path.resolve() == source.resolve():
        raise OutputError(f"{path} is the list itself. Name another file with --output FILE.")
    try:
        is_folder = path.is_dir()
        if not is_folder:
            _try_folder(path)
    except OSError as error:
        raise OutputError(
            f"The results cannot be written in {path.parent}: {error.strerror}. Nobody was "
            "called.\nName another place with --output FILE."
        ) from None
    if is_folder:
        raise OutputError(f"{path} is a folder. Name a file with --output FILE.")
    if path.exists() and not is_results_file(path):
        raise OutputError(
            f"{path} exists and is not a results file; it is left alone. Nobody was called.\n"
            "Move it, or name another with --output FILE."
        )


def _try_folder(path: Path) -> None:
    """Put a file where the results will be written, and take it away; permissions do not say."""
    temporary = _temporary(path.resolve())
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT, 0o600))
    temporary.unlink()


def is_results_file(path: Path) -> bool:
    """Whether a file begins with the header of a results file."""
    if not path.is_file():  # a device or a pipe might never end
        return False
    try:
        with path.open(encoding=ENCODING, newline="") as file:
            header = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return set(FIRST_COLUMNS) <= set(header)


def write_results(
    path: Path, header: Sequence[str], contacts: Iterable[Contact], campaign: str
) -> int:
    """
    Write a results file whole or not at all.

    Returns:
        How many rows it has.

    Raises:
        OutputError: It cannot be written; what stood there before still does.
    """
    with _written(path, campaign) as file:
        return print_results(file, header, contacts, campaign)


def write_pages(
    path: Path, header: Sequence[str], pages: Iterable[tuple[int, bytes]], campaign: str
) -> int:
    """The same from pages, as the ledger gives them; many times faster."""
    total = 0
    with _written(path, campaign) as file:
        _print_header(file, header)
        file.flush()
        for number, page in pages:
            file.buffer.write(page)
            total += number
    return total


@contextmanager
def _written(path: Path, campaign: str) -> Iterator[TextIOWrapper]:
    try:
        with _replacing(path) as file:
            yield file
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror}. What the ledger has is not lost.\n"
            f"Write results again: batchdial results -o FILE -- {shlex.quote(campaign)}"
        ) from error


def write_template(path: Path, header: Sequence[str]) -> None:
    """
    Write an empty list.

    Raises:
        OutputError: It cannot be written, or there is a file already.
    """
    if path.exists():
        raise OutputError(f"{path} exists; it is left alone. Name another with --output FILE.")
    try:
        with _replacing(path) as file:
            csv.writer(file).writerow(header)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error


def write_lines(path: Path, lines: Iterable[str]) -> int:
    """
    Write lines of text, such as JSON, in place of what the file held; how many there were.

    Raises:
        OutputError: It cannot be written.
    """
    number = 0
    try:
        with _replacing(path, "utf-8") as file:
            for number, line in enumerate(lines, 1):  # noqa: B007 (counted)
                file.write(line + "\n")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error
    return number


def print_results(
    file: IO[str], header: Sequence[str], contacts: Iterable[Contact], campaign: str
) -> int:
    """Write the header and the rows to an open text file; the number of rows."""
    _print_header(file, header)
    number = 0
    for contact in contacts:
        file.write(line_written([*contact.cells, *result_cells(contact, campaign)]))
        number += 1
    return number


def print_pages(file: IO[str], header: Sequence[str], pages: Iterable[tuple[int, bytes]]) -> int:
    """The same from pages, each with its number of rows and these in UTF-8."""
    _print_header(file, header)
    total = 0
    for number, page in pages:
        file.write(page.decode())
        total += number
    return total


def _print_header(file: IO[str], header: Sequence[str]) -> None:
    csv.writer(file).writerow([*map(neutralise, results_header(header)), *RESULT_COLUMNS])


def results_header(header: Iterable[str]) -> tuple[str, ...]:
    """The input's column names as a results file gives them back."""
    return tuple(f"{name} (input)" if name in RESULT_COLUMNS else name for name in header)


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}.tmp")


@contextmanager
def _replacing(path: Path, encoding: str = ENCODING) -> Iterator[TextIOWrapper]:
    """A file that takes the place of `path` once it is complete and on the disk."""
    target = path.resolve()  # a link stays a link
    temporary = _temporary(target)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding=encoding, newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    with suppress(OSError):  # not every system lets a folder be synced
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
