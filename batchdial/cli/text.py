"""What is said on the terminal; stdout is left to data."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from batchdial.ledger.evidence import OpenRow


#: Signs that move a cursor, colour or turn what follows; and bytes of names that are no text.
_UNSEEN = {
    code: "?"
    for codes in (range(32), range(127, 160), range(0x202A, 0x202F), range(0x2066, 0x206A),
                  range(0xD800, 0xE000))
    for code in codes
    if chr(code) not in "\n\t"
}  # fmt: skip


def quiet(text: str) -> str:
    """Text that does nothing to a terminal but appear, whoever has chosen the names in it."""
    return text.translate(_UNSEEN)


def say(text: str = "") -> None:
    """A message for a person, on stderr; work goes on where nobody can be told."""
    with suppress(OSError):
        click.echo(quiet(text), err=True)


def tell(text: str) -> None:
    """An answer for a person, on stdout."""
    click.echo(quiet(text))


def put(value: Any) -> None:
    """Data for a program, on stdout, as JSON."""
    import json

    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    # JSON may hold raw what a terminal would run, and surrogates that no stream can take.
    click.echo("".join(s if s.isprintable() or s == "\n" else json.dumps(s)[1:-1] for s in text))


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
        shown.add_row(*map(quiet, line))
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


def unknown_in_words(one: OpenRow) -> str:
    """`row 640 of leads.csv, +44791••••12, sent 2026-11-22 14:41:05 UTC: May have rung …`."""
    from batchdial.rules.cells import mask_number, printable
    from batchdial.rules.masking import masked

    contact = one.contact
    number, at = mask_number(contact.verdict.e164 or ""), one.sent_at
    when = f", sent {at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
    said = masked(printable(contact.verdict.detail, 400))
    return f"row {contact.row} of {printable(one.list_name)}, {number}{when}: {said}"


def plural(number: int, noun: str) -> str:
    """`1 row`, `1,204 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """`40 s`, `19 min`, `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"


def moment(at: datetime) -> str:
    """`14:52`, `14:52 tomorrow` or `2026-12-01 14:52`, by this machine's clock."""
    now, local = datetime.now().astimezone(), at.astimezone()
    days = (local.date() - now.date()).days
    if days not in (0, 1):
        return f"{local:%Y-%m-%d %H:%M}"
    return f"{local:%H:%M}" + (" tomorrow" if days else "")
