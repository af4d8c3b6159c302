"""Figures as a table: for the terminal, and for the README."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .targets import line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .targets import Found, Part

HEADER = ("what", "against", "target", "measured", "reached", "figures")


def cells(figures: Iterable[Found], sizes: Mapping[str, str]) -> list[tuple[str, ...]]:
    """
    One row a figure.

    Args:
        figures: What was found.
        sizes: How much was measured, by the names in the lines: `rows`, `many`, `inputs`.
    """
    rows: list[tuple[str, ...]] = []
    for one in figures:
        its = line(one.key)
        what = its.what.format_map(sizes) + (f": {one.part.name}" if one.part.name else "")
        value = _number(one.value, one.part.unit)
        reached = "yes" if one.is_reached else "NO"
        rows.append(
            (what, its.against.format_map(sizes), _asked(one.part), value, reached, one.note)
        )
    return rows


def _asked(part: Part) -> str:
    aim = f", aim {part.aim:g}" if part.aim else ""
    return f"{part.ask} {part.target:g}{_unit(part.unit)}{aim}"


def _number(value: float, unit: str) -> str:
    digits = 0 if unit in ("", "MiB") else 1 if value >= 10 else 2 if value >= 2 else 3
    return f"{value:,.{digits}f}{_unit(unit)}"


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""


def as_text(rows: Sequence[Sequence[str]]) -> str:
    """Columns that stand below each other."""
    whole = [HEADER, *rows]
    widths = [max(len(row[at]) for row in whole) for at in range(len(HEADER))]
    whole.insert(1, tuple("-" * width for width in widths))
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in whole)
    return "\n".join(lines) + "\n"


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    whole = [HEADER, tuple("---" for _ in HEADER), *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in whole)
