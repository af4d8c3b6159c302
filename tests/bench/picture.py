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
        ".name{font-weight:600}"
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{_TITLE}">',
        f"<style>{style}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>',
    ]
    for at, (what, title) in enumerate((("seconds", _TITLE), ("MiB", "Memory in all"))):
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
    top: float = 62
    width: float = 320
    height: float = 258

    def draw(self) -> Iterator[str]:
        """Its elements."""
        every = [point for points in self.drawn.values() for point in points]
        if not every:
            return
        yield f'<text class="title" x="{self.left}" y="30">{self.title}</text>'
        yield f'<text x="{self.left}" y="48">{self.what}, over rows; both logarithmic</text>'
        yield from self._grid()
        labels = self._labels()
        for who, colour, name in SERIES:
            points = self.drawn[who]
            if points:
                yield from self._line(points, colour)
                yield from self._label(points[-1], labels[who], colour, name)

    def _labels(self) -> dict[str, float]:
        """Where the names stand, apart from each other."""
        ends = {who: self._y(points[-1][1]) for who, points in self.drawn.items() if points}
        if len(ends) == 2:
            upper, lower = sorted(ends, key=lambda who: ends[who])
            ends[lower] = max(ends[lower], ends[upper] + 34)
        return ends

    def _grid(self) -> Iterator[str]:
        right, bottom = self.left + self.width, self.top + self.height
        for value in self._decades(1):
            y = self._y(value)
            yield f'<path d="M{self.left} {y:.1f}H{right}" stroke="{_GRID}"/>'
            yield f'<text x="{self.left - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
        for value in self._decades(0):
            x = self._x(value)
            yield f'<path d="M{x:.1f} {self.top}V{bottom}" stroke="{_GRID}"/>'
            yield f'<text x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{_short(value)}</text>'

    def _line(self, points: Points, colour: str) -> Iterator[str]:
        path = " L".join(f"{self._x(x):.1f} {self._y(y):.1f}" for x, y in points)
        yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
        for x, y in points:
            place = f'cx="{self._x(x):.1f}" cy="{self._y(y):.1f}"'
            yield f'<circle {place} r="4" fill="{colour}" stroke="#ffffff" stroke-width="1.5"/>'

    def _label(self, end: tuple[float, float], y: float, colour: str, name: str) -> Iterator[str]:
        x, value = self._x(end[0]), f"{_figures(end[1])} {_UNITS[self.what]}"
        is_left = x + 150 > self.left + self.width + 90
        place = f'x="{x - 10:.1f}" text-anchor="end"' if is_left else f'x="{x + 10:.1f}"'
        colours = f'style="fill:{colour}"'
        yield f'<text class="name" {place} y="{y - 8:.1f}" {colours}>{name}, {value}</text>'

    def _decades(self, axis: int) -> list[float]:
        low, high = self._range(axis)
        return [10.0**power for power in range(low, high + 1)]

    def _range(self, axis: int) -> tuple[int, int]:
        """Powers of ten that hold everything."""
        values = [math.log10(point[axis]) for points in self.drawn.values() for point in points]
        low = math.floor(min(values))
        return low, max(low + 1, math.ceil(max(values)))

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
