"""What a test from outside needs: the command at a pace that is worth waiting for."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

import pexpect
import pytest

from .leads import numbers, write_leads
from .process import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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


@pytest.fixture
def terminal() -> Iterator[Callable[..., pexpect.spawn[str]]]:
    """The command on a terminal of its own."""
    opened: list[pexpect.spawn[str]] = []

    def spawn(*arguments: object) -> pexpect.spawn[str]:
        child = pexpect.spawn(
            sys.executable,
            ["-m", "batchdial", *map(str, arguments)],
            env={**os.environ, "TERM": "xterm"},
            encoding="utf-8",
            timeout=DEADLINE,
            dimensions=(24, 140),
        )
        opened.append(child)
        return child

    yield spawn
    for child in opened:
        child.close(force=True)
