"""What calamine does not tell of an ODS sheet: hidden rows, and numbers as they are shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.parsers import expat

if TYPE_CHECKING:
    import zipfile

    from batchdial.lists.sheetxml import Seen

#: Repetitions beyond this are blank rows and columns up to the sheet's end.
_REPEATED = 1000


class OpenDocument:
    """Reads the XML of an ODS workbook, in which each cell holds its text as it is shown."""

    def __init__(self, sheet: str | None, seen: Seen) -> None:
        self.sheet = sheet
        self.seen = seen
        self.inside = False
        self.row = self.rows = self.column = self.columns = 0
        self.value: str | None = None
        self.text: list[str] | None = None
        self.in_text = False

    def read(self, archive: zipfile.ZipFile) -> None:
        """Look through `content.xml`; damage in it is calamine's to tell."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        try:
            with archive.open("content.xml") as file:
                parser.ParseFile(file)
        except expat.ExpatError:
            return

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "table:table":
            self.inside = self.sheet in (None, attributes.get("table:name"))
            self.row = self.rows = 0
        elif not self.inside:
            return
        elif tag == "table:table-row":
            self.row += self.rows or 1
            self.rows = _repeated(attributes, "table:number-rows-repeated")
            self.column = self.columns = 0
            if (
                attributes.get("table:visibility") in ("collapse", "filter")
                and self.rows < _REPEATED
            ):
                self.seen.hidden += range(self.row, self.row + self.rows)
        elif tag in ("table:table-cell", "table:covered-table-cell"):
            self.column += self.columns
            self.columns = _repeated(attributes, "table:number-columns-repeated")
            self.value = attributes.get("office:value")
            self.text = [] if self.value is not None else None
            if "office:value-type" in attributes:
                self.seen.filled += 1
                self.seen.rows = max(self.seen.rows, self.row + self.rows - 1)
                self.seen.columns = max(self.seen.columns, self.column + self.columns)
            if "table:formula" in attributes and "office:value-type" not in attributes:
                self.seen.uncached.append(f"row {self.row}")
        elif tag == "text:p":
            self.in_text = self.text is not None

    def _data(self, data: str) -> None:
        if self.in_text and self.text is not None:
            self.text.append(data)

    def _end(self, tag: str) -> None:
        if tag == "table:table":
            self.inside = False
        elif tag == "text:p":
            self.in_text = False
        elif tag == "table:table-cell" and self.text is not None:
            self._keep("".join(self.text), self.value or "")
            self.text = None

    def _keep(self, text: str, value: str) -> None:
        """Take the text of a number where it has the same digits, and zeros or a plus before."""
        digits = "".join(filter(str.isdigit, text))
        plain = value.removesuffix(".0")
        if plain in ("0", "1") and text.isalpha():
            self.seen.shown[self.row, self.column] = text
            return
        if not plain.isdigit() or text == plain or not re.fullmatch(r"[+0-9 ()/-]+", text):
            return
        if digits.lstrip("0") == plain.lstrip("0") and self.rows * self.columns < _REPEATED:
            for row in range(self.row, self.row + self.rows):
                for column in range(self.column, self.column + self.columns):
                    self.seen.shown[row, column] = text


def _repeated(attributes: dict[str, str], name: str) -> int:
    text = attributes.get(name, "1")
    return int(text) if text.isdigit() and len(text) < 8 else 1
