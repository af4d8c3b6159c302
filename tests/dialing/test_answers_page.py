"""docs/answers.md, row by row, is what the code does."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from batchdial.dialing import dispatcher, settle
from batchdial.dialing.client import BODY_LIMIT, TOTAL_TIMEOUT
from batchdial.dialing.pacing import BACK_OFF, GIVE_BACK, LEAST_PER_SECOND, LEAST_SHARE
from batchdial.dialing.settle import Reply
from batchdial.models import CallStatus

PAGE = Path(__file__).parents[2].joinpath("docs", "answers.md").read_text(encoding="utf-8")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ODD_BODIES = [b"", b"null", b"<html>", b'{"status": "queued", "callId": "c"}', b'{"callId": "c"}']


class Line(NamedTuple):
    """One line of the page's table."""

    service: str
    row: str
    reason: str
    again: str
    campaign: str


LINES = [
    Line(*(cell.strip().strip("`") if at else cell.strip() for at, cell in enumerate(cells)))
    for text in PAGE.splitlines()
    if text.startswith("|") and len(cells := text.strip("|").split("|")) == 5
][2:]
#: Statuses that a line names by themselves.
NAMED = {
    (int(code), "Retry-After" in line.service)
    for line in LINES
    for code in re.findall(r"`([0-9]{3})`", line.service)
}


def replies(line: Line) -> list[Reply]:
    """Everything that a line speaks of."""
    if line.service == "no connection":
        return [Reply(False, error="refused")]
    if line.service.startswith("a certificate"):
        return [Reply(False, error="expired", untrusted=True)]
    if line.service.startswith("an answer that is lost"):
        return [Reply(True, error="reset")]
    statuses = [int(code) for code in re.findall(r"`([0-9]{3})`", line.service)]
    kinds = [int(digit) for digit in re.findall(r"`([1-5])xx`", line.service)]
    after = "5" if "Retry-After" in line.service else None
    for digit in kinds:
        hundred = range(100 * digit, 100 * digit + 100)
        statuses += [code for code in hundred if (code, False) not in NAMED]
    said = re.search(r"`(\{.*\})`", line.service)
    bodies = [said[1].encode()] if said else ODD_BODIES
    return [Reply(True, code, body, after) for code in statuses for body in bodies]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.service)
def test_a_line_of_the_page(line: Line) -> None:
    """What it says of the row, of sending again and of the campaign is what is decided."""
    assert replies(line)
    for reply in replies(line):
        found = settle.settle(reply, NOW)
        assert (found.status, found.reason) == (line.row, line.reason), reply
        assert found.again == (line.again == "yes")
        assert line.again in {"yes", "no"}
        assert found.stop == (line.campaign == "stops")
        assert found.slow_down == ("slows down" in line.campaign)
        assert found.again == line.campaign.startswith("waits")


def test_the_page_has_every_answer() -> None:
    """Of all statuses, with and without Retry-After, each stands in one line."""
    told = [(r.status, r.retry_after) for line in LINES for r in replies(line) if r.body == b""]
    assert [code for code in range(100, 600) if told.count((code, None)) != 1] == []
    assert [code for code, after in told if after] == [503]
    for word in json.loads('["success", "failed"]'):
        assert f'{{"status": "{word}"' in PAGE


@pytest.mark.parametrize("code", [code for code in range(100, 600) if code not in (429, 503)])
def test_retry_after_means_nothing_elsewhere(code: int) -> None:
    """Whatever else comes with it is settled as without it."""
    assert settle.settle(Reply(True, code, b"", "5"), NOW) == settle.settle(
        Reply(True, code, b""), NOW
    )


@pytest.mark.parametrize(
    "words",
    [
        f"at most\n  {settle.LONGEST_ID:,} characters",
        f"At least {settle.SHORTEST_WAIT:.0f} s and at most a day are believed",
        f"A pause of more than {dispatcher.LONGEST_PAUSE:.0f} s is not waited for",
        f"complete within {TOTAL_TIMEOUT:.0f} s of the request, have at most "
        f"{BODY_LIMIT // 1024} KiB",
    ],
)
def test_the_pages_figures(words: str) -> None:
    """They are the code's."""
    assert words in PAGE


def test_the_pages_words_for_figures() -> None:
    """A change of these constants wants the page's sentence changed too."""
    assert (BACK_OFF, GIVE_BACK, LEAST_SHARE, LEAST_PER_SECOND) == (0.5, 0.01, 1 / 16, 1 / 60)
    assert settle.LONGEST_WAIT == 24 * 3600
    assert dispatcher.BACKOFF == 1.0
    assert all(any(line.row == one for line in LINES) for one in ("success", "failed", "unknown"))
    assert {line.row for line in LINES} <= {one.value for one in CallStatus}
