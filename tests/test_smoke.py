"""The main job, once, from the command to the results file."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer


def test_a_list_is_dialled(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """One call a number, and every row comes back."""
    (tmp_path / "leads.csv").write_text(
        "phoneNumber,prospectName\n+12015550123,Ann\n+12015550124,Bob\n+12015550123,Ann\n"
    )
    answer = batchdial("run", "leads.csv", "--yes", "--json")
    assert answer.code == 0
    assert answer.json["counts"] == {"success": 2, "duplicate": 1}
    assert dict(to_sandbox.rung) == {"+12015550123": 1, "+12015550124": 1}
    with (tmp_path / "leads.results.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["success", "success", "duplicate"]
