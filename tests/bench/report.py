"""What was found, written down: JSON, picture, and the README's table."""

from __future__ import annotations

import json
import os
import platform
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from .picture import picture
from .running import ROOT
from .table import as_markdown, cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .targets import Found
    from .workshop import Size

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
_LIBRARIES = ("pandas", "phonenumbers", "httpx", "sqlalchemy")


@dataclass(frozen=True)
class Report:
    """One run of the bench."""

    figures: Sequence[Found]
    size: Size
    machine: str
    at: datetime

    @property
    def sizes(self) -> dict[str, str]:
        """How much was measured, in words."""
        size = self.size
        pairs = {"rows": size.rows, "many": size.many, "inputs": size.inputs}
        return {name: _short(number) for name, number in pairs.items()}

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The table's."""
        return cells(self.figures, self.sizes)

    @property
    def caption(self) -> str:
        """Where and when."""
        return f"{self.machine}; {self.at:%Y-%m-%d}"

    def write(self, folder: Path) -> None:
        """`bench.json` and, where lists were prepared, `bench.svg`."""
        folder.mkdir(parents=True, exist_ok=True)
        told = {
            "at": self.at.isoformat(timespec="seconds"),
            "machine": self.machine,
            "size": asdict(self.size),
            "figures": [{**asdict(one), "reached": one.is_reached} for one in self.figures],
        }
        text = json.dumps(told, indent=1, ensure_ascii=False)
        (folder / "bench.json").write_text(text + "\n", encoding="utf-8")
        if any(one.key == "prepare" for one in self.figures):
            drawn = picture(self.figures, self.caption)
            (folder / "bench.svg").write_text(drawn, encoding="utf-8")

    def section(self) -> str:
        """What stands in the README."""
        return (
            f"{as_markdown(self.rows)}\n"
            f"{self.caption}. Ratios of medians of {self.size.times}, measured by turns; what each "
            "line means: [docs/bench.md](docs/bench.md).\n\n"
            "![Time and memory over the length of a list](docs/bench.svg)\n"
        )


def into(text: str, section: str) -> str:
    """
    A text with a section between its markers, in place of what stood there.

    Raises:
        ValueError: The markers are not there, once each and in order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in rest or END in after:
        raise ValueError(f"{BEGIN} and {END} are not there, once each")
    return f"{before}{BEGIN}\n{section}{END}{after}"


def publish(report: Report) -> None:
    """Into the README and the docs."""
    readme = ROOT / "README.md"
    text = into(readme.read_text(encoding="utf-8"), report.section())
    report.write(ROOT / "docs")
    readme.write_text(text, encoding="utf-8")


def now() -> datetime:
    """In UTC."""
    return datetime.now(UTC)


def machine() -> str:
    """The machine and the versions, in one line."""
    found = re.search(r"^model name\s*: (.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal: +([0-9]+) kB", _read("/proc/meminfo"), re.MULTILINE)
    gib = f"{int(memory[1]) / 1024**2:.0f} GiB, " if memory else ""
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"{os.cpu_count()} cores ({found[1].strip() if found else platform.machine()}), {gib}"
        f"{platform.system()}, Python {platform.python_version()}, {libraries}"
    )


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def _short(number: int) -> str:
    return f"{number // 1_000_000}M" if number % 1_000_000 == 0 else f"{number:,}"
