"""A bench for each kind of ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ledger.bench import Bench, MemoryBench, SqlBench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ledger.server import NewDatabase


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address under which there is no ledger yet, of each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    create: NewDatabase = request.getfixturevalue("new_database")
    return create()


@pytest.fixture
def sql_bench(where: str) -> Iterator[SqlBench]:
    """A ledger in each kind of database."""
    bench = SqlBench(where)
    with bench.ledger:
        yield bench


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Every kind of ledger."""
    if request.param == "memory":
        yield MemoryBench()
        return
    if request.param == "sqlite":
        where = str(tmp_path / "ledger.db")
    else:
        create: NewDatabase = request.getfixturevalue("new_database")
        where = create()
    sql_bench = SqlBench(where)
    with sql_bench.ledger:
        yield sql_bench
