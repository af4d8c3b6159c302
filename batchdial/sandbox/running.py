"""A sandbox that runs: in the background for tests, in the foreground for people."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections import Counter
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self

from batchdial.errors import ConfigError
from batchdial.listening.server import listen, server, url_of
from batchdial.sandbox.app import PREFIX, build_app
from batchdial.sandbox.calls import peak_live
from batchdial.sandbox.protocol import Protocol
from batchdial.sandbox.service import Service
from batchdial.sandbox.settings import SandboxSettings
from batchdial.sandbox.webhooks import Webhooks

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from batchdial.sandbox.calls import Call, Course
    from batchdial.sandbox.journal import Record
    from batchdial.sandbox.webhooks import Delivery


class Sandbox:
    """
    A local Cald that listens while the `with` block runs.

    Everything that it received stays readable afterwards.

    Args:
        settings: How it answers, and where.
        clock: Gives the seconds since 1970 by which calls ring and end. The journal's times are
            the machine's own.

    Raises:
        ConfigError: The port is taken.
        OutputError: The journal cannot be written.
    """

    def __init__(
        self,
        settings: SandboxSettings | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._service = Service(settings or SandboxSettings(), clock, self._expect)
        self._webhooks = Webhooks(self._service)
        self._stopping = asyncio.Event()
        self._address = ""
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread

    def __enter__(self) -> Self:
        listener = listen(self.settings.host, self.settings.port)
        self._address = url_of(listener)
        ready: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(listener, ready), name="sandbox", daemon=True
        )
        self._thread.start()
        self._loop = ready.result()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL, with the path that the real service has."""
        return self._address + PREFIX

    @property
    def settings(self) -> SandboxSettings:
        """The settings as they stand."""
        return self._service.settings

    @property
    def journal(self) -> tuple[Record, ...]:
        """Every request so far, in the order of decision."""
        return self._service.journal.records

    @property
    def posts(self) -> tuple[Record, ...]:
        """The requests to place a call so far, whatever was answered."""
        return tuple(
            record
            for record in self.journal
            if record.method == "POST" and record.path.endswith("/call")
        )

    @property
    def rung(self) -> Counter[str]:
        """The numbers whose phone rang, and how often."""
        return Counter(record.number for record in self.journal if record.rang and record.number)

    @property
    def calls(self) -> tuple[Course, ...]:
        """The calls that rang so far, each with its end, also where that is still to come."""
        return self._service.courses()

    @property
    def peak_live(self) -> int:
        """The most calls that were in progress at one time, as far as they are placed."""
        return peak_live(self.calls)

    @property
    def hooks(self) -> tuple[Delivery, ...]:
        """The posts to webhooks so far, and what was answered."""
        return tuple(self._webhooks.deliveries)

    def configure(self, **changes: Any) -> None:
        """
        Change fields of the settings while it runs; a script given here begins with the next POST.

        Raises:
            ConfigError: The values cannot be, or the field decides where it listens or writes.
        """
        for name in ("host", "port", "journal"):
            if name in changes:
                raise ConfigError(f"A running sandbox keeps its {name}. Start another one.")
        self._service.configure(**changes)

    def stop(self) -> None:
        """
        Stop listening before the block ends; doing it twice does no harm.

        Delayed answers leave at once, and connections that wait for none are ended.
        """
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._service.journal.close()

    def _expect(self, call: Call) -> None:
        self._webhooks.expect(call)

    def _run(self, listener: socket.socket, ready: Future[asyncio.AbstractEventLoop]) -> None:
        try:
            asyncio.run(self._serve(listener, ready))
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def _serve(
        self, listener: socket.socket, ready: Future[asyncio.AbstractEventLoop]
    ) -> None:
        app = build_app(self._service, self._stopping)
        serving = server(app, self._stopping, http=Protocol)
        ready.set_result(asyncio.get_running_loop())
        await serving.serve(sockets=[listener])


def run_sandbox(settings: SandboxSettings, announce: Callable[[str], None]) -> None:
    """
    Listen until Ctrl-C or SIGTERM, then end cleanly and return.

    Args:
        settings: How it answers, and where.
        announce: Told the base URL once it listens.

    Raises:
        ConfigError: The port is taken.
        OutputError: The journal cannot be written.
    """
    with contextlib.suppress(KeyboardInterrupt), _terminable(), Sandbox(settings) as sandbox:
        announce(sandbox.url)
        threading.Event().wait()


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does; only the main thread can ask for that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
