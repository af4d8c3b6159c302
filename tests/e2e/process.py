"""The command as a process of its own: to be killed, interrupted and read."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping, Sequence

    from batchdial.sandbox import Sandbox

#: Seconds after which a process that should have done something counts as stuck.
DEADLINE = 30.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Poll for something that another process or thread will do."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {DEADLINE:.0f} s"
        time.sleep(0.002)


@dataclass(frozen=True)
class Said:
    """How a process ended; a signal that killed it is a negative code."""

    code: int
    out: str
    err: str


class Command:
    """
    `batchdial` in a process of its own, with this process's environment.

    Args:
        arguments: Of the command.
        prelude: Python that the process executes before the command, to break something in it.
        under: A command that runs it, such as strace.
        environment: Variables that it has besides.
    """

    def __init__(
        self,
        *arguments: object,
        prelude: str = "",
        under: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        start = f"{prelude}\nfrom batchdial.cli import main\nmain()" if prelude else ""
        program = ["-c", start] if prelude else ["-m", "batchdial"]
        # A file, because it can be read while the process still writes to it.
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed at the end of the block)
        self._process = subprocess.Popen(
            [*under, sys.executable, *program, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "error", **(environment or {})},
        )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._stderr.close()

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self._process.poll() is not None

    def after(self, sandbox: Sandbox, posts: int) -> Self:
        """Wait until the sandbox has received so many calls in all."""
        wait_until(lambda: len(sandbox.posts) >= posts or self.has_ended, f"call {posts}")
        if len(sandbox.posts) < posts:
            raise AssertionError(f"It ended after {len(sandbox.posts)} calls: {self.end()}")
        return self

    def said(self, text: str) -> bool:
        """Whether it has said this on stderr so far."""
        return text in self.so_far()

    def so_far(self) -> str:
        """What it has said on stderr."""
        # By its own offset: the process shares the file's position.
        return os.pread(self._stderr.fileno(), 1 << 20, 0).decode()

    def send(self, number: signal.Signals) -> Self:
        """Send a signal."""
        self._process.send_signal(number)
        return self

    def end(self) -> Said:
        """Wait for its end."""
        out, _ = self._process.communicate(timeout=DEADLINE)
        return Said(self._process.returncode, out, self.so_far())
