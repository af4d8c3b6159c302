"""A list inside a gzip or zip archive: unpacked to a file of its own, never more than is sane."""

from __future__ import annotations

import gzip
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from batchdial.errors import ListError, QuestionError
from batchdial.rules.cells import printable

if TYPE_CHECKING:
    from typing import IO

#: What a list may unpack to, in bytes.
MAX_UNPACKED = 1 << 30
#: Lists shrink to a tenth; beyond this it is a bomb, unless it is small anyway.
MAX_RATIO = 200
_SMALL = 32 << 20
_CHUNK = 1 << 20
#: What packers add without being asked.
_JUNK = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    gzip.BadGzipFile,
    NotImplementedError,
    RuntimeError,
)


def unpack(place: Path, name: str, head: bytes) -> tuple[Path, str] | None:
    """
    Unpack an archive that holds one list.

    Args:
        place: The file.
        name: How messages call it.
        head: Its first bytes.

    Returns:
        A temporary file (mode 0600, the caller's to delete) and the name of
        what it holds; None where the file is no such archive.

    Raises:
        QuestionError: There are several files in it.
        ListError: It is empty, damaged, encrypted, or unpacks to too much.
    """
    if head.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(place) as source:
                return _copied(source, name, place.stat().st_size), ""
        except _BROKEN as error:
            raise _damaged(name, error) from None
    if not head.startswith(b"PK") or not zipfile.is_zipfile(place):
        return None
    try:
        with zipfile.ZipFile(place) as archive:
            member = _only(archive, name)
            if member is None:
                return None
            if member.flag_bits & 1:
                raise ListError(
                    f"{name} is protected by a password. Unpack it and name the file in it."
                )
            with archive.open(member) as source:
                return _copied(source, name, member.compress_size), printable(member.filename, 80)
    except _BROKEN as error:
        raise _damaged(name, error) from None


def _only(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo | None:
    """The one file of an archive; None for a workbook, which is an archive, too."""
    names = set(archive.namelist())
    if "[Content_Types].xml" in names or "mimetype" in names:
        return None
    files = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not any(junk in member.filename for junk in _JUNK)
    ]
    if not files:
        raise ListError(f"{name} is an archive with no file in it: 0 contacts.")
    if len(files) > 1:
        raise QuestionError(
            f"{name} is an archive of {len(files)} files: "
            + ", ".join(printable(member.filename, 60) for member in files[:5])
            + (" ..." if len(files) > 5 else "")
            + f".\nUnpack it and name the one you mean: unzip {name}"
        )
    return files[0]


def _copied(source: IO[bytes] | gzip.GzipFile, name: str, packed: int) -> Path:
    """The content as a temporary file; a ListError once it is more than a list can be."""
    with tempfile.NamedTemporaryFile(prefix="batchdial-", suffix=".list", delete=False) as file:
        place = Path(file.name)
        try:
            size = 0
            while chunk := source.read(_CHUNK):
                size += len(chunk)
                if size > MAX_UNPACKED or (size > _SMALL and size > MAX_RATIO * packed):
                    raise ListError(
                        f"{name} unpacks to more than {size >> 20:,} MB; that is no contact list. "
                        "Unpack it yourself and name the file in it."
                    )
                file.write(chunk)
        except BaseException:
            place.unlink(missing_ok=True)
            raise
    return place


def _damaged(name: str, error: BaseException) -> ListError:
    return ListError(
        f"{name} is a damaged archive or workbook ({printable(str(error), 80)}). Export it again."
    )
