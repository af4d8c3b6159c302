"""What faults are injected with: tools of the system, a small disk, a full one."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def missing(what: str) -> NoReturn:
    """Leave a test out for want of something; in CI, where it must be there, fail."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def tool(name: str) -> str:
    """Path of a program of the system."""
    found = shutil.which(name)
    return found or missing(f"no {name} here: make faulttools")


#: Lets a process write to its ledger in its one thread, since strace counts for each thread.
IN_ONE_THREAD = """
from concurrent.futures import Executor, Future
from batchdial.ledger import journal

class Inline(Executor):
    def __init__(self, *_): pass
    def submit(self, ask, *given):
        done = Future()
        try: done.set_result(ask(*given))
        except Exception as error: done.set_exception(error)
        return done

journal.ThreadPoolExecutor = Inline
"""


def injecting(call: str, fault: str, when: str) -> list[str]:
    """A command under which the nth system call of a kind meets a fault."""
    # -D: the traced process is the child, so that its end and its signals are its own.
    traced = [tool("strace"), "-D", "-qq", "-f", "-o", os.devnull]
    return [*traced, "-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={when}"]


@contextmanager
def disk(place: Path, size: str = "1m") -> Iterator[Path]:
    """A disk of its own."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"no disk can be made here, run as root with CAP_SYS_ADMIN: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> Path:
    """Leave no byte free on a disk; the file that takes them all."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    return ballast
