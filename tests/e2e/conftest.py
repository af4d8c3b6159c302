"""What a test from outside needs: the command at a pace that is worth waiting for."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from .leads import numbers, write_leads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchdial.sandbox import Sandbox


@pytest.fixture
def leads(to_sandbox: Sandbox, tmp_path: Path) -> list[str]:  # noqa: ARG001 (sets the environment)
    """The numbers of a list `leads.csv` of 30 people; the sandbox is up."""
    phones = numbers(30)
    write_leads(tmp_path / "leads.csv", phones)
    return phones


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the next command find this text on its standard input."""

    def pipe(text: str) -> None:
        stdin = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
        monkeypatch.setattr("sys.stdin", stdin)

    return pipe
