"""What calamine does not tell of a sheet: hidden rows, number formats, errors, missing results."""

from __future__ import annotations

import html
import posixpath
import re
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from batchdial.errors import ListError
from batchdial.lists.numberformats import shown
from batchdial.lists.opendocument import OpenDocument
from batchdial.rules.cells import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK = 4 << 20
_MAX_ROW = 64 << 20
#: Cells that calamine lays out, filled or not, before a sheet counts as mostly empty.
_MANY_CELLS = 4_000_000

#: Records of an XLSB sheet: the start of a row, and cells that are not blank.
_BINARY_ROW = 0
_BINARY_CELLS = range(2, 12)
_LENGTH_BITS = 21

_N = rb"(?:\w+:)?"
_F = rb"<" + _N + rb"f\b(?:[^>]*/>|[^>]*>[^<]*</" + _N + rb"f>)\s*"
_V = rb"<" + _N + rb"v\b[^>]*>([^<]*)<"
_EMPTY_V = rb"(<" + _N + rb"v\s*/>|<" + _N + rb"v>\s*</" + _N + rb"v>)?\s*"
_HIDDEN = re.compile(rb"<" + _N + rb"row\b([^>]*\bhidden=\"(?:1|true)\"[^>]*)>")
_ERROR = re.compile(rb"<" + _N + rb"c\b([^>]*\bt=\"e\"[^>]*)>\s*(?:" + _F + rb")?" + _V)
_UNCACHED = re.compile(rb"<" + _N + rb"c\b([^>]*)>\s*" + _F + _EMPTY_V + rb"</" + _N + rb"c>")
_WIDE = re.compile(rb"<" + _N + rb"c\b[^>]*\br=\"([A-Z]{2,3})[0-9]+\"[^>/]*>")
_REF = re.compile(rb"\br=\"([A-Z]{1,3})([0-9]{1,7})\"")
_MERGED = re.compile(rb"<" + _N + rb"mergeCell\b[^>]*\bref=\"([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)\"")
_DTD = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(slots=True)
class Seen:
    """What stands in a sheet beside its values."""

    hidden: list[int] = field(default_factory=list)  #: rows that a person does not see
    shown: dict[tuple[int, int], str] = field(default_factory=dict)  #: text by (row, column from 0)
    uncached: list[str] = field(default_factory=list)  #: formulas without a result, as in "B3"
    merged: list[str] = field(default_factory=list)  #: ranges that span rows, as in "A2:A5"
    filled: int = 0
    rows: int = 0
    columns: int = 26


def refuse_dtd(name: str, archive: zipfile.ZipFile) -> None:
    """Refuse a workbook whose XML defines entities: the billion laughs, or a look at our files."""
    for member in archive.infolist():
        if member.filename.endswith((".xml", ".rels")):
            with archive.open(member) as part:
                start = part.read(1 << 14)
                wide = start.replace(b"\0", b"")
                if _DTD.search(start) or _DTD.search(wide):
                    raise ListError(
                        f"{name} is no honest workbook: {printable(member.filename, 60)} defines "
                        "XML entities. Save the one sheet as CSV UTF-8."
                    )


def inspect(path: Path, name: str, sheet: str | None) -> Seen:
    """
    Look through the XML of one sheet of an XLSX or ODS workbook; of all where `sheet` is None.

    Raises:
        ListError: A row is longer than any list's, or a cell stands so far from
            the others that the sheet would not fit into memory.
    """
    with zipfile.ZipFile(path) as archive:
        seen = Seen()
        if "content.xml" in archive.namelist():
            OpenDocument(sheet, seen).read(archive)
        elif part := _part_of(archive, sheet or ""):
            formats = _formats(archive)
            for chunk in _chunks(archive, part, name):
                _look(chunk, formats, seen)
        else:
            for member in archive.namelist():
                if member.startswith("xl/worksheets/") and member.endswith(".bin"):
                    _measure(archive.read(member), seen)
    if seen.rows * seen.columns > max(_MANY_CELLS, 50 * seen.filled):
        raise ListError(
            f'{name}, sheet "{printable(sheet or "", 40)}": a cell stands far from the others (row '
            f"{seen.rows:,}, {seen.columns:,} columns), so that the sheet is nearly empty. Delete "
            "it, or save the list as CSV UTF-8."
        )
    return seen


def column_index(letters: bytes) -> int:
    """The place of a column from 0: A is 0, AA is 26."""
    place = 0
    for letter in letters:
        place = place * 26 + letter - 64
    return place - 1


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """The file in the archive that holds a sheet; None for a binary workbook."""
    if "xl/workbook.xml" not in archive.namelist():
        return None
    try:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314
        relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    except (ElementTree.ParseError, KeyError):
        return None
    targets = {one.get("Id"): one.get("Target", "") for one in relations}
    for element in book.iter():
        if element.tag.rpartition("}")[2] == "sheet" and element.get("name") == sheet:
            identity = next((v for k, v in element.items() if k.endswith("}id")), None)
            target = targets.get(identity, "")
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            part = posixpath.normpath(part)
            return part if part in archive.namelist() else None
    return None


def _formats(archive: zipfile.ZipFile) -> dict[bytes, str]:
    """The formats by style number that show a whole number otherwise than by its digits."""
    try:
        styles = ElementTree.fromstring(archive.read("xl/styles.xml"))  # noqa: S314
    except (ElementTree.ParseError, KeyError):
        return {}
    named: dict[str, str] = {}
    found: dict[bytes, str] = {}
    for element in styles.iter():
        if element.tag.rpartition("}")[2] == "numFmt":
            named[element.get("numFmtId", "")] = element.get("formatCode", "")
    for element in styles:
        if element.tag.rpartition("}")[2] == "cellXfs":
            for number, style in enumerate(element):
                pattern = named.get(style.get("numFmtId", ""), "")
                if pattern and shown(12, pattern) is not None:
                    found[str(number).encode()] = pattern
    return found


def _chunks(archive: zipfile.ZipFile, part: str, name: str) -> Iterator[bytes]:
    """The sheet in pieces that end where a row ends."""
    rest = b""
    with archive.open(part) as file:
        while piece := file.read(_CHUNK):
            rest += piece
            end = rest.rfind(b"row>") + 4
            if end > 4:
                yield rest[:end]
                rest = rest[end:]
            elif len(rest) > _MAX_ROW:
                raise ListError(f"{name} has a row of more than 64 MB; that is no contact list.")
    yield rest


def _measure(content: bytes, seen: Seen) -> None:
    """How far the cells of an XLSB sheet reach; its records are [MS-XLSB] 2.1.4."""
    place = row = 0
    while place + 2 <= len(content):
        kind = content[place]
        place += 1
        if kind & 0x80:
            kind = (kind & 0x7F) | (content[place] << 7)
            place += 1
        size = shift = 0
        while place < len(content):
            size |= (content[place] & 0x7F) << shift
            shift += 7
            place += 1
            if not content[place - 1] & 0x80 or shift > _LENGTH_BITS:
                break
        first = int.from_bytes(content[place : place + 4], "little")
        if kind == _BINARY_ROW:
            row = first + 1
        elif kind in _BINARY_CELLS:
            seen.filled += 1
            seen.rows = max(seen.rows, row)
            seen.columns = max(seen.columns, first + 1)
        place += size


def _look(chunk: bytes, formats: dict[bytes, str], seen: Seen) -> None:
    _look_for_rows(chunk, seen)
    if b't="e"' in chunk:
        for found in _ERROR.finditer(chunk):
            _note(seen, found[1], html.unescape(found[2].decode("utf-8", "replace")))
    for found in _UNCACHED.finditer(chunk):
        if not (found[2] and b't="str"' in found[1]):
            reference = _REF.search(found[1])
            seen.uncached.append((reference[1] + reference[2]).decode() if reference else "?")
    if formats:
        _look_for_formats(chunk, formats, seen)


def _look_for_rows(chunk: bytes, seen: Seen) -> None:
    """Hidden rows, merged cells, and how far the filled cells reach."""
    for found in _HIDDEN.finditer(chunk):
        number = re.search(rb"\br=\"([0-9]+)\"", found[1])
        if number:
            seen.hidden.append(int(number[1]))
    for found in _MERGED.finditer(chunk):
        if found[2] != found[4]:
            seen.merged.append("{}{}:{}{}".format(*(part.decode() for part in found.groups())))
    seen.filled += chunk.count(b"v>") // 2 + chunk.count(b"is>") // 2
    for found in _WIDE.finditer(chunk):
        seen.columns = max(seen.columns, column_index(found[1]) + 1)
    last = max(chunk.rfind(b"v>"), chunk.rfind(b"is>"))
    for found in _REF.finditer(chunk, max(0, last - 100_000), max(0, last)):
        seen.rows = max(seen.rows, int(found[2]))


def _look_for_formats(chunk: bytes, formats: dict[bytes, str], seen: Seen) -> None:
    styles = b"|".join(formats)
    cells = re.compile(
        rb"<" + _N + rb"c\b([^>]*\bs=\"(" + styles + rb")\"[^>]*)>\s*(?:" + _F + rb")?" + _V
    )
    for found in cells.finditer(chunk):
        kind = re.search(rb"\bt=\"(\w+)\"", found[1])
        if kind and kind[1] != b"n":
            continue
        text = _shown(found[3], formats[found[2]])
        if text is not None:
            _note(seen, found[1], text)


def _shown(value: bytes, pattern: str) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return None
    whole = number.is_integer() and 0 <= number <= 2**53
    return shown(int(number), pattern) if whole else None


def _note(seen: Seen, attributes: bytes, text: str) -> None:
    reference = _REF.search(attributes)
    if reference:
        seen.shown[int(reference[2]), column_index(reference[1])] = text
