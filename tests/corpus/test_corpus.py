"""Every file of the corpus is read to the cell, or refused in the words that are due."""

from __future__ import annotations

import io
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from batchdial.errors import QuestionError
from batchdial.lists.loader import ContactFile, open_list

from .generate import Case, cases
from .workbooks import workbook_cases

if TYPE_CHECKING:
    from pathlib import Path

CASES = [*cases(), *workbook_cases()]


def cells(opened: ContactFile) -> tuple[tuple[str, ...], ...]:
    return tuple(row.cells for block in opened.blocks() for row in block)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_corpus(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right, or a question, or a refusal that names the place; never something else."""
    path = tmp_path / case.name
    path.write_bytes(case.content)
    if case.refused is not None:
        with pytest.raises(case.refused) as refused:
            cells(open_list(path))
        said = str(refused.value)
        assert case.says in said
        assert said.startswith(case.name)
        assert len(said) < 700
        return
    if case.or_asks:
        with suppress(QuestionError):
            _compare(case, open_list(path))
        return
    _compare(case, open_list(path))
    if case.stdin:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(case.content)))
        assert cells(open_list("-")) == case.cells


def _compare(case: Case, opened: ContactFile) -> None:
    assert cells(opened) == case.cells
    assert opened.reading.header == case.header
    assert case.says in "; ".join(opened.reading.notes)
    if case.encodings:
        assert opened.reading.encoding in case.encodings


def test_there_are_enough() -> None:
    """The corpus is as large as promised, and each file has a name of its own."""
    assert len(CASES) >= 300
    assert len({case.id for case in CASES}) == len(CASES)
