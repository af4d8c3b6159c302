"""
Do-not-call files while calls are made: read again when they change, and never doubted silently.

From the moment a change is seen until the new file has been read whole nobody is called; what
was on the old list stays on it until then. A file that is gone, or cannot be understood, for
longer than a moment ends the dialling.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from batchdial.errors import DoNotCallError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from batchdial.lists.donotcall import DoNotCallList
    from batchdial.rules.suppression import Listing

#: How often files are looked at. One that is being written is read when two looks agree.
LOOK: Final = timedelta(seconds=0.2)
#: How long a file may be gone or unreadable: editors and exports do that while they save.
GRACE: Final = timedelta(seconds=5)


class _Stamp(NamedTuple):
    """What tells a file from another at the same path."""

    written: int
    changed: int
    size: int
    inode: int
    device: int


def _stamp(path: Path) -> _Stamp | None:
    """The file's stamp; None where there is none, or it cannot be asked for."""
    try:
        at = path.stat()
    except OSError:
        return None
    return _Stamp(at.st_mtime_ns, at.st_ctime_ns, at.st_size, at.st_ino, at.st_dev)


def _in_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="do-not-call", daemon=True).start()


class DoNotCall:
    """
    All do-not-call files of a run.

    Before each call: `ready(now)`, then `listing(number)`.

    Args:
        paths: The files; they are read at once.
        region: ISO code of the country of numbers without a plus.
        start: Runs a reading that is due beside the calls.

    Raises:
        DoNotCallError: All that is wrong with all files.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        region: str | None = None,
        start: Callable[[Callable[[], None]], None] = _in_a_thread,
    ) -> None:
        self._files: list[_File] = []
        problems = []
        for path in dict.fromkeys(paths):
            try:
                self._files.append(_File(path, region, start))
            except DoNotCallError as error:
                problems.append(str(error))
        if problems:
            raise DoNotCallError("\n".join(problems))
        self._looked: datetime | None = None
        self._is_ready = True

    @property
    def edition(self) -> int:
        """Grows by one with every file that is read again and taken."""
        return sum(file.edition for file in self._files)

    def ready(self, now: datetime) -> bool:
        """
        Whether the lists in force are the files of now; while they are not, call nobody.

        Cheap: the files are looked at a few times a second, whoever asks.

        Raises:
            DoNotCallError: A file has been gone, or not to be understood, for a while.
        """
        if self._looked is None or abs(now - self._looked) >= LOOK:
            self._looked = now
            waiting = [file for file in self._files if not file.look(now)]
            self._is_ready = not waiting
        return self._is_ready

    def listing(self, e164: str) -> Listing | None:
        """Where a number stands; None for one that may be called by all files."""
        for file in self._files:
            found = file.list.find(e164)
            if found is not None:
                return found
        return None

    @property
    def waiting_for(self) -> str:
        """What keeps calls waiting, in words; empty where nothing does."""
        return "; ".join(filter(None, (file.waiting_for for file in self._files)))

    def ages(self) -> list[tuple[str, datetime]]:
        """Name of each file, and when it was last changed, UTC."""
        return [(file.list.path.name, file.list.changed_at) for file in self._files]

    def evidence(self) -> list[dict[str, Any]]:
        """The lists in force as JSON can hold them."""
        return [
            {
                "file": str(file.list.path),
                "sha256": file.list.digest,
                "entries": file.list.entries,
                "changedAt": file.list.changed_at.isoformat(),
            }
            for file in self._files
        ]


@dataclass(slots=True)
class _Reading:
    """A reading that is under way, or what it came to."""

    stamp: _Stamp
    problem: str
    found: DoNotCallList | None = None
    is_over: bool = False


class _File:
    """One file, and the list that is in force of it."""

    def __init__(
        self, path: Path, region: str | None, start: Callable[[Callable[[], None]], None]
    ) -> None:
        self._path = path
        self._region = region
        self._start = start
        self._stamp = _stamp(path)
        self.list = _read(path, region)
        self.edition = 0
        self._seen: _Stamp | None = None
        self._since: datetime | None = None
        self._reading: _Reading | None = None

    def look(self, now: datetime) -> bool:
        """Whether the list in force is the file's of now."""
        stamp = _stamp(self._path)
        self._take(stamp)
        if stamp is not None and stamp == self._stamp:
            self._since = self._reading = None
            return True
        self._since = self._since or now
        reading = self._reading
        if stamp is not None and (reading is None or (reading.is_over and reading.stamp != stamp)):
            if stamp == self._seen:
                self._begin(stamp)
            self._seen = stamp
        problem = self._problem(stamp)
        if problem and abs(now - self._since) >= GRACE:
            raise DoNotCallError(problem)
        return False

    def _take(self, stamp: _Stamp | None) -> None:
        """Put a list that was read whole into force, if the file is still the one it was."""
        reading = self._reading
        if reading is not None and reading.found is not None and reading.stamp == stamp:
            self.list, self._stamp = reading.found, stamp
            self.edition += 1

    def _begin(self, stamp: _Stamp) -> None:
        problem = f"The do-not-call file {self._path} could not be read again."
        reading = self._reading = _Reading(stamp, problem)

        def read() -> None:
            try:
                reading.found = _read(self._path, self._region)
            except DoNotCallError as error:
                reading.problem = str(error)
            finally:
                reading.is_over = True

        self._start(read)

    def _problem(self, stamp: _Stamp | None) -> str:
        if stamp is None:
            return f"The do-not-call file {self._path} is gone. Nobody is called without it."
        reading = self._reading
        is_told = reading is not None and reading.is_over and reading.stamp == stamp
        return reading.problem if reading is not None and is_told else ""

    @property
    def waiting_for(self) -> str:
        """What keeps calls waiting, in words."""
        return f"{self._path.name} has changed and is read again" if self._since else ""


def _read(path: Path, region: str | None) -> DoNotCallList:
    from batchdial.lists.donotcall import read_donotcall  # most runs have no such file

    return read_donotcall(path, region)
