"""What several parts of the matrix need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batchdial.sandbox import SANDBOX_KEY

from .trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Answer


@pytest.fixture
def trial(
    batchdial: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Trial:
    """The command with a key, an agent, a ledger of its own and a quick pace."""
    monkeypatch.setenv("CALD_API_KEY", SANDBOX_KEY)
    monkeypatch.setenv("BATCHDIAL_AGENT", "ag_1")
    monkeypatch.setenv("BATCHDIAL_RATE", "5000/s")
    monkeypatch.setenv("BATCHDIAL_LEDGER", str(tmp_path / "ledger.db"))
    return Trial(batchdial, monkeypatch, tmp_path)
