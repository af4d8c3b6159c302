"""An event loop whose clock jumps to the next moment at which something happens."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, TypeVar

    T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    """Waits for nobody: what it was asked to wait for has passed."""

    now = 5_000.0  # seconds; a machine that has been up for a while

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        assert ready or timeout is not None, "everybody waits and nothing can happen any more"
        self.now += 0 if ready else timeout or 0
        return ready


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Tests move the clock, nobody sleeps."""

    def __init__(self) -> None:
        self._moments = _Selector()
        super().__init__(self._moments)

    def time(self) -> float:
        """Seconds of a monotonic clock."""
        return self._moments.now

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Do it here and now: a thread takes no simulated time."""
        del executor
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 (whoever asked is told)
            future.set_exception(error)
        return future

    def stall(self, seconds: float) -> None:
        """Let time pass in which the process did not run, as when a lid is closed."""
        self._moments.now += seconds


def simulate(work: Coroutine[Any, Any, T]) -> T:
    """What the work comes to, in simulated time."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(work)
