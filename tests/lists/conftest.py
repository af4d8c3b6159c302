"""Files and rows that the tests of the lists room share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import openpyxl  # type: ignore[import-untyped]
import pytest

from batchdial.models import SourceRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FIRST = "+12025550101"
SECOND = "+12025550102"


class Write(Protocol):
    """Writes a file of the given bytes or text and returns its path."""

    def __call__(self, content: str | bytes, name: str = "leads.csv") -> Path: ...  # noqa: D102


class WriteBook(Protocol):
    """Writes a workbook of the given sheets; one named hidden_... is hidden."""

    def __call__(self, **sheets: Sequence[Sequence[object]]) -> Path: ...  # noqa: D102


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(content: str | bytes, name: str = "leads.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


@pytest.fixture
def write_book(tmp_path: Path) -> WriteBook:
    def write_sheets(**sheets: Sequence[Sequence[object]]) -> Path:
        book = openpyxl.Workbook()
        book.remove(book.worksheets[0])
        for title, rows in sheets.items():
            sheet = book.create_sheet(title.removeprefix("hidden_"))
            for row in rows:
                sheet.append(list(row))
            if title.startswith("hidden_"):
                sheet.sheet_state = "hidden"
        path = tmp_path / "leads.xlsx"
        book.save(path)
        return path

    return write_sheets


def rows_of(*cells: Sequence[str]) -> list[SourceRow]:
    """Rows as the loader would give them below a header in row 1."""
    return [SourceRow(row, tuple(own)) for row, own in enumerate(cells, 2)]
