"""An event loop whose clock jumps to the next moment at which something happens."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, TypeVar

    T = TypeVar("T")

#: Seconds that a machine has been up for a while.
UPTIME = 5_000.0


class _Selector(selectors.SelectSelector):
    """Waits for nobody: what it was asked to wait for has passed."""

    def __init__(self, now: float) -> None:
        super().__init__()
        self.now = now

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        assert ready or timeout is not None, "everybody waits and nothing can happen any more"
        self.now += 0 if ready else timeout or 0
        return ready


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Tests move the clock, nobody sleeps."""

    def __init__(self, now: float) -> None:
        self.busy = 0.0
        self._moments = _Selector(now)
        super().__init__(self._moments)

    def time(self) -> float:
        """Seconds of a monotonic clock."""
        return self._moments.now

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Do it at once, by nobody else: what a thread does takes `busy` simulated seconds."""
        del executor
        future: asyncio.Future[T] = self.create_future()

        def do() -> None:
            try:
                result = func(*args)
            except Exception as error:  # noqa: BLE001 (whoever asked is told)
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)

        if self.busy:
            self.call_later(self.busy, do)
        else:
            do()
        return future

    def stall(self, seconds: float) -> None:
        """Let time pass in which the process did not run, as when a lid is closed."""
        self._moments.now += seconds


def simulate(work: Coroutine[Any, Any, T], now: float = UPTIME) -> T:
    """What the work comes to, in simulated time from this moment on."""
    with asyncio.Runner(loop_factory=lambda: SimulatedLoop(now)) as runner:
        return runner.run(work)
