"""Where the bytes of a list come from, and which files are no list at all."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import zipfile
import zlib
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from batchdial.errors import ListError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from batchdial.lists.encodings import Survey
    from batchdial.lists.outline import Outline
    from batchdial.models import Cells

#: One row of a table before the header is known: its number and its cells.
Record: TypeAlias = tuple[int, tuple[str, ...]]
#: Some rows of a table: their numbers, and their cells.
Page: TypeAlias = "tuple[Sequence[int], Cells]"

#: How a file that is no list begins, what it is, and the way out.
_REFUSED = (
    (b"%pdf", "a PDF", "Export the list as CSV UTF-8 or XLSX."),
    (b"\x1f\x8b", "packed twice", "Unpack it and name the list itself."),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it and name the list itself."),
    (b"rar!", "a RAR archive", "Unpack it and name the list itself."),
    (b"bzh", "a bzip2 archive", "Unpack it first: bunzip2 FILE"),
    (b"\xfd7zxz", "an xz archive", "Unpack it first: unxz FILE"),
    (b"{\\rtf", "an RTF document", "Export the list as CSV UTF-8 or XLSX."),
    (b"<!doctype", "an HTML page", "Download the export itself; it is often a login page."),
    (b"<html", "an HTML page", "Download the export itself; it is often a login page."),
    (b"<?xml", "an XML document", "Export the list as CSV UTF-8 or XLSX."),
    (b"<table", "an HTML page", "Open it in a spreadsheet program and save it as XLSX."),
)


_OLE = b"\xd0\xcf\x11\xe0"
#: XLS cannot hold more than 65,536 rows a sheet; calamine takes several times the file's size.
_MAX_OLE = 64 << 20


class Table(Protocol):
    """What the readers of text and of workbooks have in common."""

    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def encoding(self) -> str | None: ...  # noqa: D102
    @property
    def delimiter(self) -> str | None: ...  # noqa: D102
    @property
    def sheet(self) -> str | None: ...  # noqa: D102
    @property
    def outline(self) -> Outline:
        """What stands at the table's two ends."""

    def pages(self) -> Generator[Page, None, None]:
        """Yield rows and their cells, page by page; blank rows may be among them."""


#: What is no text; DOS programs end a file with Ctrl-Z.
BLANKS = " \t\r\n\v\f\x1a\u00a0\ufeff\u200b"


def is_blank(cells: Iterable[str]) -> bool:
    """Whether no cell holds text."""
    return not "".join(cells).strip(BLANKS)


def is_workbook(place: Path, name: str, head: bytes) -> bool:
    """Whether a file is a workbook, told by its content and never by its name."""
    if head.startswith(_OLE):
        return _is_old_workbook(place, name)
    if not head.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(place) as archive:
            members = set(archive.namelist())
            kind = archive.read("mimetype")[:80].decode("latin-1") if "mimetype" in members else ""
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error):
        raise ListError(f"{name} is a damaged zip archive or workbook. Export it again.") from None
    if any(member.startswith("xl/workbook") for member in members) or "spreadsheet" in kind:
        return True
    if "[Content_Types].xml" not in members and not kind:
        raise ListError(f"{name} is packed twice. Unpack it and name the list itself.")
    what = "a Word document" if "word/document.xml" in members else "a document"
    raise ListError(f"{name} is {what} and not a workbook. Save the list as XLSX or CSV UTF-8.")


def _is_old_workbook(place: Path, name: str) -> bool:
    """Whether an old Office file is a workbook; one with a password is refused here."""
    if place.stat().st_size > _MAX_OLE:
        raise ListError(f"{name} is too large for an old workbook. Save it as XLSX or CSV UTF-8.")
    content = place.read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise ListError(
            f"{name} is protected by a password. Open it, save it without one, and try again."
        )
    if any(entry.encode("utf-16-le") in content for entry in ("Workbook", "Book")):
        return True
    raise ListError(
        f"{name} is an old or damaged Office file, not a workbook. Save the list as XLSX or CSV."
    )


def refuse_by_content(name: str, found: Survey, *, asked: str | None) -> None:
    """Raise a ListError for a document of another kind; `asked` is a named encoding."""
    start = found.head.removeprefix(b"\xef\xbb\xbf").lstrip()[:16].lower()
    for magic, kind, way_out in _REFUSED:
        if start.startswith(magic):
            raise ListError(f"{name} is {kind}, not a contact list. {way_out}")
    if found.looks_binary and not found.has_nul and asked is None:
        raise ListError(f"{name} is a binary file, not a contact list. Export it as CSV or XLSX.")


def existing(place: Path) -> Path:
    """The path of a readable file; otherwise a ListError that names what lies near."""
    if place.is_dir():
        raise ListError(f"{place} is a folder. Name the file in it: {_lists_in(place)}")
    if not place.exists():
        near = get_close_matches(place.name, _files_in(place.parent), 3, 0.7)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        elsewhere = f" That folder has: {_lists_in(place.parent)}"
        raise ListError(f"There is no file {place}.{hint or elsewhere}")
    if not os.access(place, os.R_OK):
        raise ListError(f"{place} may not be read by this user. Mend it with: chmod u+r {place}")
    return place


def _files_in(folder: Path) -> list[str]:
    return sorted(f.name for f in folder.iterdir() if f.is_file()) if folder.is_dir() else []


def _lists_in(folder: Path) -> str:
    lists = [
        f
        for f in _files_in(folder)
        if f.lower().endswith((".csv", ".tsv", ".txt", ".xlsx", ".xls", ".ods"))
    ]
    return ", ".join(lists[:5]) or "no CSV or XLSX file."


def spool() -> Path:
    """Standard input as a file that can be read more than once; its mode is 0600."""
    with tempfile.NamedTemporaryFile(prefix="batchdial-", suffix=".list", delete=False) as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return Path(file.name)
