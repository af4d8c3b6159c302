"""The bench measures every target, of the same lists each time; how fast is not for a test."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from .__main__ import MEASURES
from .dispatching import fullest, per_second
from .lists import HEADER, messy, write_messy
from .report import BEGIN, END, Report, into
from .running import ROOT
from .table import HEADER as COLUMNS
from .table import as_markdown, as_text
from .targets import LINES, Found, missing
from .workshop import QUICK

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING = [
    Found(line.key, part, part.target, "note", {"batchdial seconds 1000": [1.0]})
    for line in LINES
    for part in line.parts
]


def report(figures: list[Found]) -> Report:
    """As of a run that is long over."""
    return Report(figures, QUICK, "2 cores", datetime(2026, 11, 25, tzinfo=UTC))


def test_every_line_is_measured_once() -> None:
    """Twelve lines, each by one measurement, which `docs/bench.md` explains."""
    measured = [key for keys, _ in MEASURES.values() for key in keys]
    assert sorted(measured) == sorted(line.key for line in LINES)
    assert len(measured) == len(set(measured)) == 12
    page = (ROOT / "docs" / "bench.md").read_text(encoding="utf-8")
    assert [name for name in MEASURES if f"`{name}`" not in page] == []


def test_the_table_has_every_target() -> None:
    """One row a figure; what just reaches its target has reached it."""
    rows = report(EVERYTHING).rows
    assert len(rows) == sum(len(line.parts) for line in LINES)
    assert {row[COLUMNS.index("reached")] for row in rows} == {"yes"}
    assert all(f"{line.parts[0].target:g}" in as_text(rows) for line in LINES)
    assert as_markdown(rows).count("\n") == len(rows) + 2


def test_what_was_not_measured_is_named() -> None:
    """A line without its figure is no line that was reached."""
    assert missing(EVERYTHING[1:], [line.key for line in LINES]) == ["prepare"]
    assert missing(EVERYTHING, [line.key for line in LINES]) == []


def test_a_list_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    """Its rows, and the shares of duplicates and of rows without a number."""
    rows = [row for block in messy(4_000) for row in block]
    assert rows == [row for block in messy(4_000) for row in block]
    assert rows != [row for block in messy(4_000, seed=1) for row in block]
    with write_messy(tmp_path / "leads.csv", 4_000).open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [list(HEADER), *map(list, rows)]
    assert len({row[HEADER.index("Email")] for row in rows}) == pytest.approx(3_800, abs=40)


def test_arrivals() -> None:
    """A window is half open, and the last call's answer counts to the time."""
    assert fullest(1.0, [0.0, 0.5, 1.0, 1.2]) == 3
    assert per_second([(0.0, ""), (0.05, "")]) == pytest.approx(20)


def test_the_picture_is_drawn() -> None:
    """It is XML, and names who is in it."""
    both = {
        **{f"batchdial seconds {rows}": [rows / 9e5] for rows in (1_000, 20_000)},
        **{f"pandas MiB {rows}": [rows / 10] for rows in (1_000, 20_000)},
    }
    figures = [Found("prepare", LINES[0].parts[0], 1.0, "", both)]
    from .picture import picture

    drawn = picture(figures, "somewhere & sometime")
    said = "".join(ElementTree.fromstring(drawn).itertext())  # noqa: S314 (its own)
    assert "batchdial" in said
    assert "pandas" in said


def test_the_readme_has_a_place_for_the_table() -> None:
    """What stands between its markers is replaced, and nothing else."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    once = into(readme, report(EVERYTHING).section())
    assert into(once, "") == into(readme, "")
    assert "docs/bench.svg" in once
    for text in ("", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}"):
        with pytest.raises(ValueError, match="not there"):
            into(text, "")
