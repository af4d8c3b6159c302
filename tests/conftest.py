"""A Cald that is real but for the phones, a ledger, and the command, for every test."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from batchdial.cli import main
from batchdial.sandbox import SANDBOX_KEY, Sandbox, SandboxSettings

from .faults.table import FaultTable

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--fault-table` prints what each line of the matrix of faults came to."""
    parser.addoption("--fault-table", action="store_true", help="print the matrix of faults")


def pytest_configure(config: pytest.Config) -> None:
    """Let tests say which lines of the matrix they inject."""
    config.addinivalue_line("markers", "fault(*lines, injected): injects lines of faults.csv")
    config.pluginmanager.register(FaultTable())
    config.pluginmanager.import_plugin("tests.ledger.server")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine reaches a test, and no file of a test the machine."""
    for name in list(os.environ):
        if name.startswith(("BATCHDIAL_", "CALD_", "SSL")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("BATCHDIAL_HOURS", "any")  # tests may run at night; those of hours say so
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A running sandbox that accepts everything; `configure` makes it misbehave."""
    with Sandbox(SandboxSettings()) as running:
        yield running


@pytest.fixture
def to_sandbox(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sandbox:
    """The same, with key, address, ledger and a fast pace in the environment."""
    monkeypatch.setenv("CALD_API_KEY", SANDBOX_KEY)
    monkeypatch.setenv("BATCHDIAL_BASE_URL", sandbox.url)
    monkeypatch.setenv("BATCHDIAL_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("BATCHDIAL_RATE", "5000/s")
    monkeypatch.setenv("BATCHDIAL_AGENT", "ag_1")
    monkeypatch.setenv("BATCHDIAL_NOT_CALLED_WITHIN", "0h")  # tests share a few people
    return sandbox


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output, where that is JSON."""
        return json.loads(self.out)


@pytest.fixture
def batchdial(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """The command, run in this process: `batchdial("run", "leads.csv", "--yes")`."""

    def command(*arguments: object) -> Answer:
        monkeypatch.setattr("sys.argv", ["batchdial", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Answer(int(ended.value.code or 0), said.out, said.err)

    return command
