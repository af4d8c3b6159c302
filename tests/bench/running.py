"""Programs as processes of their own: how long they took, how much memory, and by turns."""

from __future__ import annotations

import os
import pty
import re
import select
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).parents[2]
#: Seconds after which a program counts as stuck.
DEADLINE = 3 * 3600.0
#: Seconds between two looks at a program's memory.
_LOOK = 0.05
_PSS = re.compile(r"^Pss: +([0-9]+) kB", re.MULTILINE)
_HIGHEST = re.compile(r"^VmHWM:\s+([0-9]+) kB", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    code: int
    out: str
    err: str
    began: float  #: Unix time
    seconds: float  #: from before it was started until it was gone
    peak: float  #: MiB that it and its children had at once, at most


class ProgramError(Exception):
    """A program that is measured did not do what it is measured for."""


def run(
    *arguments: object,
    environment: Mapping[str, str],
    codes: Sequence[int] = (0,),
    terminal: bool = False,
    weigh: bool = False,
) -> Ended:
    """
    Run a Python program to its end.

    Args:
        arguments: Of the interpreter, such as `-m batchdial check leads.csv`.
        environment: Variables that it has besides.
        codes: Exit codes that are good.
        terminal: Whether its stderr is a terminal, so that it shows its progress.
        weigh: Whether to measure its memory.

    Raises:
        ProgramError: It ended with another code.
    """
    near, far = pty.openpty() if terminal else os.pipe()
    said: list[bytes] = []
    reading = threading.Thread(target=_drain, args=(near, said))
    reading.start()
    began, start = time.time(), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=far,
        text=True,
        cwd=ROOT / "docs",  # where nobody keeps settings in a .env
        env={**_clean(), "PYTHONPATH": str(ROOT), **environment},
    )
    os.close(far)
    scale = _Scale(process.pid) if weigh else None
    try:
        out, _ = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()
    seconds = time.perf_counter() - start
    reading.join(10)
    os.close(near)
    err = b"".join(said).decode(errors="replace")
    if process.returncode not in codes:
        raise ProgramError(f"{' '.join(map(str, arguments))}: {process.returncode}\n{err}\n{out}")
    return Ended(process.returncode, out, err, began, seconds, scale.end() if scale else 0.0)


def _drain(fd: int, said: list[bytes]) -> None:
    """Read to the end, which a terminal shows as an error."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if select.select([fd], [], [], 1)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                return
            if not data:
                return
            said.append(data)


def _clean() -> dict[str, str]:
    """
    The environment without settings of batchdial, and without leave to compile it each time.

    Whoever has installed a program has it compiled, or keeps what the first start compiled.
    """
    left_out = ("BATCHDIAL_", "CALD_", "PYTHONDONTWRITEBYTECODE")
    return {k: v for k, v in os.environ.items() if not k.startswith(left_out)}


class _Scale:
    """
    Watches the memory of a process and its children.

    Alone, a process has the most that it ever had (VmHWM), which misses nothing; several
    together have the sum of their shares (Pss), which counts shared pages once.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def end(self) -> float:
        """MiB at most."""
        self._over.set()
        self._thread.join(10)
        return self._peak / 1024

    def _watch(self) -> None:
        while not self._over.wait(_LOOK):
            family = _family(self._pid)
            kib = [_kib(pid, "smaps_rollup", _PSS) for pid in family] if len(family) > 1 else []
            self._peak = max(self._peak, _kib(self._pid, "status", _HIGHEST), sum(kib))


def _family(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for one in found:
        for path in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, path.read_text().split())
            except OSError:
                continue
    return found


def _kib(pid: int, name: str, pattern: re.Pattern[str]) -> int:
    try:
        match = pattern.search(Path(f"/proc/{pid}/{name}").read_text())
    except OSError:
        return 0
    return int(match[1]) if match else 0


def by_turns(times: int, **ways: Callable[[], float]) -> dict[str, list[float]]:
    """Measure each way so often, one after the other, so that a busy moment meets them alike."""
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(times):
        for name, measure in ways.items():
            samples[name].append(measure())
    return samples


def middle(samples: Sequence[float]) -> float:
    """The median."""
    return statistics.median(samples)
