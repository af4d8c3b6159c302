"""Statements that are compiled once: for each call, building them costs more than asking."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa
    from sqlalchemy.sql.compiler import SQLCompiler

#: A value for each name.
Values: TypeAlias = dict[str, Any]


class Prepared:
    """
    A statement with a `bindparam` for each value that changes from call to call.

    What it gives back is as the driver gives it: numbers and text, nothing that is made of them.
    """

    def __init__(self, clause: sa.Executable) -> None:
        self.clause = clause
        self._ready: dict[str, _Ready] = {}

    def run(
        self, connection: sa.Connection, given: Values | Sequence[Values]
    ) -> sa.CursorResult[Any]:
        """Ask once, or once for each of several."""
        ready = self._ready.get(connection.dialect.name)
        if ready is None:
            ready = self._ready[connection.dialect.name] = _Ready(self.clause, connection.dialect)
        values: Any = (
            ready.bound(given) if isinstance(given, dict) else [ready.bound(one) for one in given]
        )
        return connection.exec_driver_sql(ready.text, values)


class _Ready:
    """The words that one kind of database takes, and its values in their order."""

    def __init__(self, clause: sa.Executable, dialect: sa.Dialect) -> None:
        compiled = cast("SQLCompiler", cast("sa.ClauseElement", clause).compile(dialect=dialect))
        self.text = str(compiled)
        names = compiled.positiontup or list(compiled.bind_names.values())
        self._fixed = {
            name: compiled.binds[name].value for name in names if not compiled.binds[name].required
        }
        self._is_positional = compiled.positiontup is not None
        self._values = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in names
        ]

    def bound(self, given: Values) -> tuple[Any, ...] | Values:
        """What the driver takes for these values."""
        every = {**self._fixed, **given} if self._fixed else given
        if self._is_positional:
            return tuple(
                [
                    every[name] if process is None else process(every[name])
                    for name, process in self._values
                ]
            )
        return {
            name: every[name] if process is None else process(every[name])
            for name, process in self._values
        }


def moment(stored: Any) -> datetime:
    """A time as a driver gives it, in UTC."""
    at = stored if isinstance(stored, datetime) else datetime.fromisoformat(stored)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
