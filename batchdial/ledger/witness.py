"""What a ledger's file was when calls were last made from it, to tell a copy or an old one."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from batchdial.errors import LedgerDoubtError, LedgerError
from batchdial.ledger.database import damaged
from batchdial.ledger.soundness import unsound

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from batchdial.ledger.ledger import Ledger
    from batchdial.models import Campaign

#: Where Linux keeps what tells one machine from another.
_MACHINE_ID = Path("/etc/machine-id")
#: Bytes that a note takes, so that a later one needs no more room on the disk.
_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Seen:
    """A ledger's file at one moment."""

    epoch: int  #: how often somebody began to dial from it
    inode: int  #: which file it is; a copy is another one, a file that was moved is the same
    machine: str  #: a digest, or empty where nothing tells
    has_log: bool  #: whether its write-ahead log may hold what the file does not


def doubt(before: Seen | None, now: Seen) -> str:
    """
    Why a ledger may not know of every call that was made; empty where nothing says so.

    Args:
        before: As it was when calls were last made from it, or None where nobody noted it.
        now: As it is.
    """
    if before is None:
        return "it was copied here, or its -seen file was removed" if now.epoch else ""
    if now.epoch < before.epoch:
        return "it is older than what was dialled from here last"
    if before.machine and now.machine and before.machine != now.machine:
        return "it comes from another machine"
    if before.inode != now.inode:
        return "it is a copy of what was dialled from here last"
    if before.has_log and not now.has_log:
        return "its -wal file, with the last calls, is gone"
    return ""


class Witness:
    """
    What watches over a ledger in a file: a small file beside it remembers how it was seen last.

    Args:
        ledger: Path of the ledger, which is not open yet.
    """

    def __init__(self, ledger: str) -> None:
        self._ledger = Path(ledger)
        self._log = Path(f"{ledger}-wal")
        self._file = Path(f"{ledger}-seen")
        self._held: int | None = None  # the file, once it was written to
        self._had_log = self._log.exists()
        self.doubt = ""

    def examine(self, ledger: Ledger) -> None:
        """Find out whether the ledger, which has just been opened, is what was seen last."""
        with ledger.reading() as connection:
            now = self._look(_epoch(connection), has_log=self._had_log)
        why = doubt(self._recall(), now)
        self.doubt = why and (
            f"The ledger {ledger.where} may not know every call that was made: {why}. "
            "Whoever it does not know of would be called again."
        )

    def vouch(self, ledger: Ledger, campaign: Campaign, *, trusted: bool) -> None:
        """See that calls of a campaign can be made from the ledger, and note that they will be."""
        if self.doubt and not trusted:
            raise LedgerDoubtError(
                f"{self.doubt}\nIf nobody was called since from elsewhere, go on with it: "
                "--trust-ledger"
            )
        with ledger.reading() as connection:
            found = unsound(connection, campaign.id)
        if found:
            raise damaged(ledger.where, found)
        before = self._recall()
        try:
            if before is None:  # a process that is killed now leaves nothing to wonder at
                self._note(self._look(0, has_log=True))
            with ledger.writing() as connection:
                epoch = 1 + max(_epoch(connection), before.epoch if before else 0)
                connection.exec_driver_sql(f"PRAGMA user_version = {epoch}")
            self._note(self._look(epoch, has_log=True))
        except OSError as error:
            raise LedgerError(
                f"The ledger {ledger.where} cannot be written: {error.strerror}. Nobody was called."
            ) from None
        self.doubt = ""

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Note whether a log is to be there when the ledger, which is closed in here, is opened."""
        if self._held is not None:
            self._expect(has_log=False)  # a process that is killed now has closed it in order
        try:
            yield
            if not self.doubt:  # whoever closes last takes the log away; others keep theirs
                self._expect(has_log=self._log.exists())
        finally:
            if self._held is not None:
                os.close(self._held)
                self._held = None

    def _expect(self, *, has_log: bool) -> None:
        seen = self._recall()
        if seen is not None and seen.has_log != has_log:
            with suppress(OSError):  # at worst a person is asked without need
                self._note(replace(seen, has_log=has_log))

    def _recall(self) -> Seen | None:
        try:
            if self._held is not None:  # where no other file can be opened any more
                return Seen(**json.loads(os.pread(self._held, _LENGTH, 0)))
            return Seen(**json.loads(self._file.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def _look(self, epoch: int, *, has_log: bool) -> Seen:
        return Seen(epoch, self._ledger.stat().st_ino, _machine(), has_log)

    def _note(self, seen: Seen) -> None:
        """Remember this; once that was possible it remains so, on a full disk too."""
        if self._held is None:
            self._held = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(self._held, json.dumps(asdict(seen)).ljust(_LENGTH).encode(), 0)
        os.fsync(self._held)


def _epoch(connection: sa.Connection) -> int:
    """How often somebody began to dial from a ledger in a file."""
    found: int = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    return found


def _machine() -> str:
    """A digest, since the machine's id itself is nobody's business."""
    try:
        told = _MACHINE_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
    return hashlib.sha256(f"batchdial {told}".encode()).hexdigest()[:16] if told else ""
