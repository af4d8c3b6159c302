"""Seconds and memory over the length of a list, as an SVG picture."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .running import middle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .targets import Found

    Points = list[tuple[float, float]]

WIDTH, HEIGHT = 960, 400
#: Who is drawn, in which colour, under which name.
SERIES = (
    ("pandas", "#b45f06", "pandas + phonenumbers"),
    ("batchdial", "#1f5fbf", "batchdial"),
)
_INK, _FAINT, _GRID = "#1f2328", "#59636e", "#e4e7eb"


def points(figures: Sequence[Found], who: str, what: str) -> Points:
    """What was measured at each length: rows and the median."""
    found: dict[int, float] = {}
    for one in figures:
        for name, samples in one.samples.items():
            words = name.split()
            if words[:2] == [who, what]:
                found[int(words[2])] = middle(samples)
    return [(float(rows), value) for rows, value in sorted(found.items())]


def picture(figures: Sequence[Found], caption: str) -> str:
    """Two panels: how long preparing takes, and how much memory."""
    style = (
        "text{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;"
        f"font-size:12px;fill:{_FAINT}}}.title{{font-size:15px;font-weight:600;fill:{_INK}}}"
        ".name{font-weight:600}.value{paint-order:stroke;stroke:#ffffff;stroke-width:4px}"
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{_TITLE}">',
        f"<style>{style}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>',
    ]
    for at, (what, title) in enumerate((("seconds", _TITLE), ("MiB", "Memory for it"))):
        drawn = {who: points(figures, who, what) for who, _, _ in SERIES}
        parts += Panel(what, title, 70 + at * 480, drawn).draw()
    said = html.escape(caption)
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 14}" text-anchor="middle">{said}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


_TITLE = "Time to prepare a messy list"


@dataclass(frozen=True)
class Panel:
    """One system of coordinates, logarithmic both ways: what doubles goes up by the same step."""

    what: str  #: the unit
    title: str
    left: float
    drawn: Mapping[str, Points]
    top: float = 76
    width: float = 360
    height: float = 248

    def draw(self) -> Iterator[str]:
        """Its elements."""
        if not any(self.drawn.values()):
            return
        yield f'<text class="title" x="{self.left}" y="30">{self.title}</text>'
        yield from self._legend()
        yield from self._grid()
        for who, colour, _ in SERIES:
            yield from self._line(self.drawn[who], colour)
        for who, colour, _ in SERIES:
            for point in self.drawn[who]:
                yield self._value(point, colour)

    def _legend(self) -> Iterator[str]:
        x = self.left
        for who, colour, name in SERIES:
            if self.drawn[who]:
                yield f'<circle cx="{x + 5}" cy="48" r="4.5" fill="{colour}"/>'
                yield f'<text class="name" x="{x + 15}" y="52" style="fill:{colour}">{name}</text>'
                x += 190

    def _grid(self) -> Iterator[str]:
        right, bottom = self.left + self.width, self.top + self.height
        for value in self._decades(1):
            y = self._y(value)
            yield f'<path d="M{self.left} {y:.1f}H{right}" stroke="{_GRID}"/>'
            yield f'<text x="{self.left - 8}" y="{y + 4:.1f}" text-anchor="end">{value:,g}</text>'
        for value in self._decades(0):
            x = self._x(value)
            yield f'<path d="M{x:.1f} {self.top}V{bottom}" stroke="{_GRID}"/>'
            yield f'<text x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{_short(value)}</text>'
        middle = self.left + self.width / 2
        yield f'<text x="{middle}" y="{bottom + 38}" text-anchor="middle">rows</text>'

    def _line(self, points: Points, colour: str) -> Iterator[str]:
        if points:
            path = " L".join(f"{self._x(x):.1f} {self._y(y):.1f}" for x, y in points)
            yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
        for x, y in points:
            place = f'cx="{self._x(x):.1f}" cy="{self._y(y):.1f}"'
            yield f'<circle {place} r="4.5" fill="{colour}" stroke="#ffffff" stroke-width="1.5"/>'

    def _value(self, point: tuple[float, float], colour: str) -> str:
        """A point's figure, above the upper line and below the lower one."""
        rows, value = point
        others = [y for points in self.drawn.values() for x, y in points if x == rows]
        is_above = value == max(others) and len(others) > 1
        y = self._y(value) + (-11 if is_above else 20)
        place = f'x="{self._x(rows):.1f}" y="{y:.1f}" text-anchor="middle"'
        text = f"{_figures(value)} {_UNITS[self.what]}"
        return f'<text class="value" {place} style="fill:{colour}">{text}</text>'

    def _decades(self, axis: int) -> list[float]:
        low, high = self._range(axis)
        return [10.0**power for power in range(low, high + 1)]

    def _range(self, axis: int) -> tuple[int, int]:
        """Powers of ten that hold everything."""
        values = [math.log10(point[axis]) for points in self.drawn.values() for point in points]
        room = 0.3 * axis  # for the figures beside the points
        low = math.floor(min(values) - room)
        return low, max(low + 1, math.ceil(max(values) + room))

    def _x(self, rows: float) -> float:
        low, high = self._range(0)
        return self.left + self.width * (math.log10(rows) - low) / (high - low)

    def _y(self, value: float) -> float:
        low, high = self._range(1)
        share = (math.log10(value) - low) / (high - low)
        return self.top + self.height * (1 - share)


_UNITS = {"seconds": "s", "MiB": "MiB"}


def _figures(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def _short(rows: float) -> str:
    return f"{rows / 1e6:g}M" if rows >= 1e6 else f"{rows / 1e3:g}k" if rows >= 1e3 else f"{rows:g}"
