"""
A second process that reads pages of a SQLite ledger, since threads take turns at SQLite's memory.

Run as a program it is that process, and needs nothing but Python. Its standard input has a line
of JSON, which says what to open and what to ask, and then a line for each page: the first and the
last id. To each it answers with a line of three numbers (rows, plain rows, bytes) and the text.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import IO, TYPE_CHECKING, Self, cast

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


#: Bytes that Linux lets a pipe hold; a page is half as long.
_PIPE = 1 << 20


class ReaderError(Exception):
    """The process ended, or never was."""


class Reader:
    """
    That process, as another one holds it; close it, or use it as a context manager.

    What it needs is told through a pipe: its environment is empty, and its arguments show nothing.

    Args:
        file: The ledger.
        query: What to ask of each page; `:begin` and `:end` are its ids.
        given: The other parameters.

    Raises:
        ReaderError: There is none to be had.
    """

    def __init__(self, file: Path, query: str, given: Mapping[str, object]) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 (this file, by this interpreter)
                [sys.executable, "-I", __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                pipesize=_PIPE,
                start_new_session=True,  # Ctrl-C is its parent's affair
            )
        except OSError as error:
            raise ReaderError from error
        self._asked = cast("IO[bytes]", self._process.stdin)
        self._told = cast("IO[bytes]", self._process.stdout)
        try:
            self._say(json.dumps({"file": str(file.absolute()), "query": query, "given": given}))
        except ReaderError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def page(self, begin: int, end: int) -> tuple[int, int, bytes]:
        """
        How many rows have these ids, how many of them are plain, and those as they are written.

        The text is UTF-8, as SQLite keeps it.

        Raises:
            ReaderError: The process is gone, or the database refused it.
        """
        self._say(f"{begin} {end}")
        try:
            number, plain, size = map(int, self._told.readline().split())
            text = self._told.read(size)
        except (OSError, ValueError) as error:
            raise ReaderError from error
        if len(text) < size:
            raise ReaderError
        return number, plain, text

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.communicate()

    def _say(self, line: str) -> None:
        try:
            self._asked.write(line.encode() + b"\n")
            self._asked.flush()
        except OSError as error:
            raise ReaderError from error


def _serve() -> None:
    asked = json.loads(sys.stdin.readline())
    with closing(sqlite3.connect(asked["file"])) as connection:
        connection.text_factory = bytes
        for line in sys.stdin:
            begin, end = map(int, line.split())
            some = {**asked["given"], "begin": begin, "end": end}
            number, plain, text = connection.execute(asked["query"], some).fetchone()
            sys.stdout.buffer.write(b"%d %d %d\n" % (number, plain, len(text or b"")))
            sys.stdout.buffer.write(text or b"")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve()
