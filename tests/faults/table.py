"""The matrix of faults: which tests inject each line of `faults.csv`, and what was seen."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from _pytest.terminal import TerminalReporter


class Fault(NamedTuple):
    """One line of `faults.csv`; `needs` names a capability that is not built yet."""

    line: int
    area: str
    fault: str
    expected: str
    needs: str


def faults() -> dict[int, Fault]:
    """All lines by number."""
    with Path(__file__).with_name("faults.csv").open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    return {int(row[0]): Fault(int(row[0]), *row[1:]) for row in rows}


@dataclass
class Injected:
    """What the tests of one line did."""

    how: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)


class FaultTable:
    """Collects marks, what tests say through `seen`, and outcomes; prints them as a table."""

    def __init__(self) -> None:
        self._lines: dict[int, Injected] = {}

    @pytest.fixture
    def seen(self, record_property: Callable[[str, object], None]) -> Callable[[str], None]:
        """Say in a few words what was seen: `seen("1 POST, row unknown")`."""
        return lambda words: record_property("seen", words)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note each outcome under the lines that the test is marked with."""
        report = yield
        if report.when == "call" or not report.passed:
            for mark in item.iter_markers("fault"):
                for line in mark.args:
                    self._note(line, mark.kwargs["injected"], report)
        return report

    def _note(self, line: int, how: str, report: pytest.TestReport) -> None:
        injected = self._lines.setdefault(line, Injected())
        injected.outcomes.append(report.outcome)
        words = [str(value) for name, value in report.user_properties if name == "seen"]
        for known, new in ((injected.how, [how]), (injected.seen, words)):
            known.extend(one for one in new if one not in known)

    def pytest_terminal_summary(
        self, terminalreporter: TerminalReporter, config: pytest.Config
    ) -> None:
        """Print the table where `--fault-table` asks for it."""
        if not config.getoption("fault_table"):
            return
        write = terminalreporter.write_line
        terminalreporter.section("faults")
        for fault in faults().values():
            write(f"{fault.line:>3}  {self._state(fault)}  {fault.fault}")
            injected = self._lines.get(fault.line, Injected())
            write(f"       injected  {'; '.join(injected.how) or '—'}")
            write(f"       expected  {fault.expected}")
            write(f"       seen      {'; '.join(injected.seen) or '—'}")
        states = [self._state(fault) for fault in faults().values()]
        write(", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)))

    def _state(self, fault: Fault) -> str:
        outcomes = self._lines.get(fault.line, Injected()).outcomes
        if not outcomes:
            return f"needs {fault.needs}" if fault.needs else "NOT RUN"
        return "ok" if set(outcomes) == {"passed"} else "FAILED"
