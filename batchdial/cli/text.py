"""What is said on the terminal; stdout is left to data."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def say(text: str = "") -> None:
    """A message for a person, on stderr."""
    click.echo(text, err=True)


def put(value: Any) -> None:
    """Data for a program, on stdout, as JSON."""
    import json

    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def table(
    columns: Sequence[str], lines: Iterable[Sequence[str]], *, right: Sequence[int] = ()
) -> None:
    """A table on stdout; columns named in `right` are numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, column in enumerate(columns):
        shown.add_column(column, justify="right" if index in right else "left")
    for line in lines:
        shown.add_row(*line)
    width = None if sys.stdout.isatty() else 200
    Console(width=width, markup=False, highlight=False, emoji=False).print(shown)


def typed(name: str) -> str:
    """A campaign's or a file's name as it can be typed in a shell after a command."""
    return f"-- {shlex.quote(name)}" if name.startswith("-") else shlex.quote(name)


def is_terminal() -> bool:
    """Whether there is a person to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def wants_colour() -> bool:
    """https://no-color.org, which click does not know."""
    return not os.environ.get("NO_COLOR")


def plural(number: int, noun: str) -> str:
    """`1 row`, `1,204 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """`40 s`, `19 min`, `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"
