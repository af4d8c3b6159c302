"""The package as it is installed: what it loads, what it carries, what its papers say."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import click
import pytest

import batchdial
from batchdial.cli.main import cli
from batchdial.errors import ExitCode
from batchdial.ledger.ledger import Ledger

ROOT = Path(__file__).parent.parent
PAPERS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

#: What takes long to load, and has nothing to do with answering a question about flags.
HEAVY = {
    "alembic",
    "asyncio",
    "calamine",
    "fastapi",
    "holidays",
    "httpx",
    "numpy",
    "pandas",
    "phonenumbers",
    "pydantic",
    "rapidfuzz",
    "rich",
    "sqlalchemy",
    "tqdm",
    "uvicorn",
}


def loaded_by(*arguments: str) -> set[str]:
    """The packages that are loaded when a command has ended."""
    program = (
        "import sys, json\n"
        "from batchdial.cli import main\n"
        f"sys.argv = ['batchdial', *{list(arguments)!r}]\n"
        "try: main()\n"
        "except SystemExit as ended: code = ended.code\n"
        "loaded = [name for name, module in sys.modules.items() if module]\n"
        "print(json.dumps([code, sorted({name.split('.')[0] for name in loaded})]),"
        " file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    code, names = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    return set(names)


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("run", "--help")])
def test_help_is_light(arguments: tuple[str, ...]) -> None:
    """Asking how to use it loads nothing of what dialling needs."""
    assert loaded_by(*arguments) & HEAVY == set()


@pytest.mark.parametrize("command", ["status", "campaigns", "results"])
def test_a_look_at_the_ledger_is_light(command: str, tmp_path: Path) -> None:
    """It loads nothing that reads lists or sends requests."""
    where = str(tmp_path / "ledger.db")
    with Ledger(where) as ledger:
        ledger.campaign("leads", "ag_1", "https://cald.test", datetime.now(UTC))
    needed = {"asyncio", "pydantic", "rich", "sqlalchemy"}  # SQLAlchemy loads asyncio
    assert loaded_by(command, "--ledger", where) & HEAVY - needed == set()


def test_python_m() -> None:
    """`python -m batchdial` is the command."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "batchdial", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"batchdial, version {batchdial.__version__}\n"
    assert done.stderr == ""


def test_the_command_is_installed() -> None:
    """The console script leads to the same place."""
    (script,) = entry_points(group="console_scripts", name="batchdial")
    from batchdial.cli import main

    assert script.load() is main


@pytest.mark.parametrize(
    "name",
    [
        "py.typed",
        "sandbox/cald.openapi.yaml",
        "lists/presets.toml",
        "lists/zone_names.tsv",
        "ledger/migrations/env.py",
        "ledger/migrations/script.py.mako",
        "ledger/migrations/versions/first_0001.py",
        "ledger/migrations/versions/indexes_0002.py",
    ],
)
def test_package_data(name: str) -> None:
    """What is read at run time lies inside the package, so that a wheel carries it."""
    assert files("batchdial").joinpath(*name.split("/")).is_file()


@pytest.mark.parametrize("command", list(cli.commands))
def test_every_command_is_documented(command: str) -> None:
    """Its help says what it does, and the papers name it."""
    assert cli.commands[command].help
    text = "".join(paper.read_text(encoding="utf-8") for paper in PAPERS)
    assert f"batchdial {command}" in text


def flags_of(command: click.Command) -> list[str]:
    """The long names of its flags."""
    return [name for one in command.params for name in one.opts if name.startswith("--")]


def test_every_flag_is_documented() -> None:
    """No flag is known only to those who ask for --help."""
    text = "".join(paper.read_text(encoding="utf-8") for paper in PAPERS)
    missing = {
        f"{name} {flag}"
        for name, command in cli.commands.items()
        for flag in flags_of(command)
        if flag not in text
    }
    assert missing == set()


def test_every_flag_has_help() -> None:
    """Each says what it does."""
    silent = {
        f"{name} {option.name}"
        for name, command in cli.commands.items()
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    }
    assert silent == set()


def test_every_exit_code_is_documented() -> None:
    """The README's table has them all."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = "".join(line for line in text.splitlines() if line.startswith("| "))
    assert [code for code in ExitCode if str(int(code)) not in rows] == []


def test_the_key_is_never_a_flag() -> None:
    """A flag can be read by everybody who lists processes."""
    flags = {flag for command in cli.commands.values() for flag in flags_of(command)}
    assert {flag for flag in flags if "key" in flag} == {"--api-key-file"}
