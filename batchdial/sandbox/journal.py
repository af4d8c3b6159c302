"""The record of every request that a sandbox received."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from batchdial.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

#: What a request carried in its Authorization header; the key itself is never kept.
Authorization = Literal["present", "absent", "wrong"]


@dataclass(frozen=True, slots=True)
class Record:
    """One request and what was answered, noted before the answer leaves."""

    at: float  #: arrival, seconds since 1970
    monotonic: float  #: arrival on the clock of `time.monotonic`, seconds
    method: str
    path: str  #: with the prefix /client/api/v1, without a query
    body: object  #: parsed JSON, the raw text where it is none, None where there is no body
    number: str | None  #: phoneNumber of the body, as it was sent
    status: int | Literal["dropped"]  #: "dropped" where the connection ended without an answer
    call_id: str | None  #: the call that was placed, also where the answer did not name it
    rang: bool  #: whether somebody's phone rang because of this request
    authorization: Authorization

    def as_line(self) -> str:
        """One line of JSON, with its line end."""
        fields = {
            "at": self.at,
            "monotonic": self.monotonic,
            "method": self.method,
            "path": self.path,
            "body": self.body,
            "number": self.number,
            "status": self.status,
            "callId": self.call_id,
            "rang": self.rang,
            "authorization": self.authorization,
        }
        return json.dumps(fields) + "\n"


class Journal:
    """
    Records in the order in which they were noted, in memory and in a file where one is asked for.

    The file is only ever added to, is mode 0600, and holds a record as soon as `note` returns.

    Raises:
        OutputError: The file cannot be written.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._records: list[Record] = []
        self._file = _open(path) if path else None

    @property
    def records(self) -> tuple[Record, ...]:
        """All of them so far."""
        return tuple(self._records)

    def note(self, record: Record) -> None:
        """Keep one record."""
        self._records.append(record)
        if self._file is not None:
            os.write(self._file, record.as_line().encode())

    def close(self) -> None:
        """Close the file; the records stay."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _open(path: Path) -> int:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise OutputError(
            f"Cannot write the journal {path}: {error.strerror}. Give another file with --journal."
        ) from error
    if stat.S_ISREG(os.fstat(file).st_mode):
        os.fchmod(file, 0o600)
    return file
