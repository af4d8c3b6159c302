"""What was said in calls, as JSON lines; each call stands in a file once."""

from __future__ import annotations

import json
import os
import sys
from typing import IO, TYPE_CHECKING, Any, Self

from batchdial.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from batchdial.rules.outcomes import CallState


class Transcripts:
    """
    A file of transcripts that is added to, mode 0600.

    A call whose callId stands in the file is not written again. A last line that was cut
    off, as by a crash, is taken away.

    Args:
        path: Of the file, or None for standard output.

    Raises:
        OutputError: It cannot be written, or holds something else.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.known: set[str] = set()
        self._file: IO[bytes] | None = None if path is None else self._open(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, told: Iterable[tuple[CallState, str, int]]) -> None:
        """
        Write completed calls, each with its campaign and spreadsheet row, and wait for the disk.

        Raises:
            OutputError: They cannot be written.
        """
        new = {one[0].call_id: one for one in told if one[0].call_id not in self.known}
        lines = [_line(*one) for one in new.values()]
        if self._file is None:
            sys.stdout.write("".join(lines))
            sys.stdout.flush()
        elif lines:
            try:
                self._file.write("".join(lines).encode())
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as error:
                raise self._failed(error) from error
        self.known |= new.keys()

    def _open(self, path: Path) -> IO[bytes]:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            file = os.fdopen(descriptor, "r+b")
        except OSError as error:
            raise self._failed(error) from error
        try:
            end = self._read(file)
            file.truncate(end)
            file.seek(end)
        except OSError as error:
            file.close()
            raise self._failed(error) from error
        except ValueError:
            file.close()
            raise OutputError(
                f"{path} exists and holds no transcripts; it is left alone. "
                "Name another with --transcripts FILE."
            ) from None
        os.chmod(path, 0o600)
        return file

    def _read(self, file: IO[bytes]) -> int:
        """Take in the callIds of whole lines; where the last of these ends."""
        end = 0
        for line in file:
            if not line.endswith(b"\n"):
                if not b'{"campaign": '.startswith(line[:13]):
                    raise ValueError("not a line of ours")
                break
            self.known.add(_call_id(json.loads(line)))
            end += len(line)
        return end

    def _failed(self, error: OSError) -> OutputError:
        return OutputError(
            f"The transcripts cannot be written to {self._path}: {error.strerror}. "
            "Name another file with --transcripts FILE."
        )


def _call_id(entry: Any) -> str:
    if not isinstance(entry, dict) or not isinstance(entry.get("callId"), str):
        raise ValueError("not a line of ours")
    return str(entry["callId"])


def _line(state: CallState, campaign: str, row: int) -> str:
    """ASCII only: nothing in it can act on a terminal, and surrogates can be written."""
    entry = {
        "campaign": campaign,
        "row": row,
        "callId": state.call_id,
        "outcome": state.outcome,
        "transcripts": [turn._asdict() for turn in state.transcripts],
    }
    return json.dumps(entry) + "\n"
