"""Every line of the matrix has a test, or says which capability it waits for."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

from .table import faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

TESTS = Path(__file__).parents[1]


def injected() -> Iterator[int]:
    """The lines that marks of tests and of their parameters name, wherever they stand."""
    for file in sorted(TESTS.rglob("test_*.py")):
        parts = file.relative_to(TESTS.parent).with_suffix("").parts
        module = importlib.import_module(".".join(parts))
        for _, function in inspect.getmembers(module, inspect.isfunction):
            for mark in getattr(function, "pytestmark", ()):
                yield from _lines(mark)


def _lines(mark: pytest.Mark) -> Iterator[int]:
    if mark.name == "fault":
        yield from mark.args
    elif mark.name == "parametrize":
        for value in mark.args[1]:
            for inner in getattr(value, "marks", ()):
                yield from _lines(getattr(inner, "mark", inner))


def test_every_fault_is_injected() -> None:
    """No line is forgotten, and none waits for something that has its test already."""
    found = set(injected())
    waiting = {fault.line for fault in faults().values() if fault.needs}
    assert found | waiting == set(faults())
    assert not found & waiting
