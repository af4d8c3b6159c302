"""Files and campaigns whose names would be flags, paths, commands or colours elsewhere."""

from __future__ import annotations

import os
import shlex
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.leads import dialled, numbers, read_results, tally, write_leads

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer

    Seen = Callable[[str], None]

NAMES = {
    "flag": "--help",
    "short-flag": "-y",
    "yes": "--yes=1",
    "spaces": "  my  leads ",
    "unicode": "Kundenliste Köln 名簿 ☎ 👩‍👧",
    "decomposed": "Cafe\u0301",
    "right-to-left": "\u202egpj.sdael",
    "encoded-path": "..%2f..%2fetc%2fpasswd",
    "dots": "...",
    "home": "~root",
    "command": "$(touch pwned); `touch pwned`",
    "quotes": 'it\'s "quoted"',
    "glob": "*[a-z]?",
    "variable": "$HOME",
    "newline": "two\nlines",
    "escape": "\x1b[31mred\x07",
    "percent": "100%s%d{0}",
    "url": "postgresql:leads",
    "sql": "x'); DROP TABLE rows; --",
    "bytes": os.fsdecode(b"latin-\xe9"),
    "long": "x" * 230,
    "too-long": "ü" * 122,
    "device": "nul",
    "ours": "leads.results",
}
#: What cannot be: a name that is no text, and one that leaves no room for `.results.csv`.
REFUSED = {"bytes": "no valid text", "too-long": "File name too long"}


def quiet_name(text: str) -> bool:
    """Whether a terminal can be shown this: no line of it moves the cursor or has a colour."""
    categories = {unicodedata.category(sign) for sign in text if sign not in "\n\u200d"}
    return not categories & {"Cc", "Cf", "Cs"}


@pytest.mark.fault(111, injected="24 names of lists: flags, paths, shell, SQL, bytes, 249 bytes")
@pytest.mark.parametrize("kind", NAMES)
def test_a_list_may_have_any_name(
    kind: str,
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
    seen: Seen,
) -> None:
    """It is read, dialled and reported like any other, and every other command finds it."""
    name = NAMES[kind]
    folder = tmp_path / "folder"
    folder.mkdir()
    os.chdir(folder)
    write_leads(f"./{name}.csv", numbers(4))
    to_sandbox.configure(script=("ok", "failed", "drop-rang", "ok"))
    said = [batchdial("run", "--yes", "--concurrency", 1, "--", f"{name}.csv")]
    if kind in REFUSED:
        assert REFUSED[kind] in said[0].err, said[0].err
        assert not to_sandbox.posts
        seen(f"refused in one line: {REFUSED[kind]}")
        return
    assert said[0].code == 1, said[0].err
    results = Path(f"{name}.results.csv")
    assert tally(read_results(results)) == {"success": 2, "failed": 1, "unknown": 1}
    for command in ("status", "results", "reconcile"):
        said.append(batchdial(command, "--", name))
        assert said[-1].code == (1 if command == "reconcile" else 0), said[-1].err
    said.append(batchdial("campaigns"))
    said.append(batchdial("retry", "--yes", "--", name))
    assert tally(read_results(results)) == {"success": 3, "unknown": 1}
    said.append(batchdial("run", "--yes", "--", f"./{name}.csv"))
    assert sorted(dialled(to_sandbox.posts).values()) == [1, 1, 1, 2]
    said.append(batchdial("purge", "--yes", "--results", "--", name))
    assert said[-1].code == 0, said[-1].err
    assert [path.name for path in folder.iterdir()] == [f"{name}.csv"]
    made = {path.name for path in tmp_path.iterdir()} - {"ledger.db-seen"}
    assert {one for one in made if not one.startswith("ledger.db")} == {"folder"}
    assert all(quiet_name(one.out + one.err) for one in said)
    seen("dialled, reported, retried, purged like any name")


@pytest.mark.fault(111, injected="names of campaigns, agents, ledgers and results files")
@pytest.mark.parametrize("kind", [kind for kind in NAMES if kind not in {"too-long"}])
def test_other_names(
    kind: str,
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
    seen: Seen,
) -> None:
    """A campaign, a results file and a ledger may be called so, too."""
    name = NAMES[kind]
    write_leads("leads.csv", numbers(2))
    output, ledger = f"./{name}.out", f"./{name}.db"
    flags = (f"--campaign={name}", f"--output={output}", f"--ledger={ledger}")
    answer = batchdial("run", "leads.csv", "--yes", *flags)
    if kind == "bytes":
        assert (answer.code, to_sandbox.posts) == (2, ())
        return
    assert answer.code == 0, answer.err
    assert len(read_results(output)) == 2
    again = batchdial("status", f"--ledger={ledger}", "--json", "--", name)
    assert again.json["counts"] == {"success": 2}
    made = {path.name.split(".db")[0] for path in tmp_path.iterdir()}
    assert made == {"leads.csv", f"{name}.out", name}
    assert len(to_sandbox.posts) == 2
    assert quiet_name(answer.err)
    seen("taken as a name")


@pytest.mark.fault(111, injected="an agent called ../../admin?x=1#y")
def test_an_agent_with_a_path(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], seen: Seen
) -> None:
    """An agent's id leads to no other address of the service."""
    write_leads("leads.csv", numbers(1))
    for agent in ("../calls/x", "..", ".", "a/../ag_1", "ag_1?x=1", "ag_1#y", "..%2f", "a\r\nX: y"):
        answer = batchdial("run", "leads.csv", "--yes", f"--agent={agent}")
        assert answer.code == 78, (agent, answer.err)
        assert quiet_name(answer.err)
    assert not to_sandbox.posts
    paths = {record.path for record in to_sandbox.journal}
    assert all(path.startswith("/client/api/v1/agents") for path in paths)
    seen("no such agent; no other path asked")


@pytest.mark.fault(111, injected="hints with such names, typed into a shell")
@pytest.mark.parametrize("kind", ["flag", "spaces", "command", "quotes", "variable", "glob", "sql"])
def test_hints_survive_a_shell(
    kind: str, to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """What a message proposes names the campaign and nothing else, however it is called."""
    name = NAMES[kind]
    write_leads(f"./{name}.csv", numbers(2))
    to_sandbox.configure(script=("failed", "drop-rang"))
    answer = batchdial("run", "--yes", "--concurrency", 1, "--", f"{name}.csv")
    hints = [line.partition("batchdial ")[2] for line in answer.err.splitlines()
             if line.rpartition("   batchdial ")[1]]  # fmt: skip
    assert len(hints) == 3
    for hint in hints:
        words = shlex.split(hint.removeprefix("batchdial "))
        assert name in words
    assert not (tmp_path / "pwned").exists()
