"""What was said, in a file that is added to."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from batchdial.errors import OutputError
from batchdial.results.transcripts import Transcripts
from batchdial.rules.outcomes import CallState, Turn

if TYPE_CHECKING:
    from pathlib import Path

SAID = CallState("call_1", "pickedUp", transcripts=(Turn("user", "sí \x1b[2J\ud800"),))
OTHER = CallState("call_2", "voicemail")


def test_a_line_for_each_call(tmp_path: Path) -> None:
    """Only its owner may read it; each call stands in it once, also after a restart."""
    path = tmp_path / "said.jsonl"
    for _ in range(2):
        with Transcripts(path) as file:
            file.add([(SAID, "leads", 2), (SAID, "leads", 2)])
            file.add([(SAID, "leads", 2), (OTHER, "leads", 3)])
            assert file.known == {"call_1", "call_2"}
    first, second = map(json.loads, path.read_text("ascii").splitlines())
    assert first == {
        "campaign": "leads",
        "row": 2,
        "callId": "call_1",
        "outcome": "pickedUp",
        "transcripts": [{"role": "user", "content": "sí \x1b[2J\ud800"}],
    }
    assert (second["row"], second["transcripts"]) == (3, [])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_line_that_was_cut_off(tmp_path: Path) -> None:
    """A crash may leave half a line: it is written again, whole."""
    path = tmp_path / "said.jsonl"
    with Transcripts(path) as file:
        file.add([(SAID, "leads", 2), (OTHER, "leads", 3)])
    whole = path.read_bytes()
    for cut in range(whole.index(b"\n") + 1, len(whole)):
        path.write_bytes(whole[:cut])
        with Transcripts(path) as file:
            assert whole.startswith(path.read_bytes())
            assert path.read_bytes().endswith(b"\n")
            assert file.known == {"call_1"}
            file.add([(OTHER, "leads", 3)])
        assert path.read_bytes() == whole


@pytest.mark.parametrize("content", ["name,phone\n", "{}\n", '{"callId": 7}\n', "x", "[]\n", "7\n"])
def test_a_file_of_something_else(content: str, tmp_path: Path) -> None:
    """It is left alone."""
    path = tmp_path / "leads.csv"
    path.write_text(content)
    with pytest.raises(OutputError, match="left alone"):
        Transcripts(path)
    assert path.read_text() == content


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """Said with the flag that names another."""
    with pytest.raises(OutputError, match="--transcripts"):
        Transcripts(tmp_path / "none" / "said.jsonl")


def test_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing in it acts on a terminal."""
    with Transcripts(None) as file:
        file.add([(SAID, "leads", 2)])
    out = capsys.readouterr().out
    assert json.loads(out)["callId"] == "call_1"
    assert out.rstrip("\n").isprintable()
