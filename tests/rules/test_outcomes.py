"""What the service says of a call, whatever it says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdial.rules.outcomes import (
    RESULTS,
    UNTOLD,
    CallState,
    Turn,
    call_ids_of,
    read_call,
)

ENDED = {
    "callId": "call_1",
    "completed": True,
    "result": "pickedUp",
    "completedAt": "2026-11-22T14:00:05.250Z",
    "callLength": 62,
    "recordingUrl": "https://recordings.example.com/1.mp3",
    "transcripts": [{"role": "user", "content": "yes"}],
}


def told(**changes: Any) -> CallState | None:
    """What is read of a completed call in which some fields are other."""
    return read_call("call_1", json.dumps({**ENDED, **changes}).encode())


def outcome(**changes: Any) -> CallState:
    """The same, where it can be read."""
    state = told(**changes)
    assert state is not None
    return state


def test_a_completed_call() -> None:
    """Everything that the service documents."""
    assert told() == CallState(
        "call_1",
        "pickedUp",
        62,
        "https://recordings.example.com/1.mp3",
        datetime(2026, 11, 22, 14, 0, 5, 250_000, UTC),
        (Turn("user", "yes"),),
    )


@pytest.mark.parametrize("word", RESULTS)
def test_every_known_result_is_kept(word: str) -> None:
    """The service's own words are the outcomes."""
    assert outcome(result=word).outcome == word


@pytest.mark.parametrize(
    "changes",
    [
        {"completed": False},
        {"completed": None},
        {"completed": 1},
        {"completed": "true"},
        {"result": "pending"},
    ],
    ids=str,
)
def test_a_call_that_goes_on(changes: dict[str, Any]) -> None:
    """Only `completed: true` with a result other than pending says that a call is over."""
    assert told(**changes) == CallState("call_1")
    assert not outcome(**changes).completed


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"call_1"',
        b"\xff\xfe",
        b"{",
        b"[" * 200_000,
        json.dumps({**ENDED, "callId": "call_2"}).encode(),
        json.dumps({**ENDED, "callId": None}).encode(),
        b'{"callId": ' + b"9" * 5_000 + b"}",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_an_answer_that_is_not_this_calls(body: bytes) -> None:
    """No JSON, no object, or the object of another call says nothing."""
    assert read_call("call_1", body) is None


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("hungUp", "hungUp"),
        ("a\x1b[2Jb\nc", "a [2Jb c"),
        ("x" * 1_000_000, "x" * 40),
        ("", UNTOLD),
        ("\x00", UNTOLD),
        (None, UNTOLD),
        (7, UNTOLD),
        (["pickedUp"], UNTOLD),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_other_results(word: object, kept: str) -> None:
    """A word that nobody documented is kept where it can be shown; what is no word is unknown."""
    assert outcome(result=word).outcome == kept


@pytest.mark.parametrize(
    ("length", "kept"),
    [
        (0, 0),
        (12.6, 13),
        (86_400, 86_400),
        (-1, None),
        (True, None),
        ("12", None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
        (1e300, None),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_lengths(length: object, kept: int | None) -> None:
    """Seconds of at most a day."""
    assert outcome(callLength=length).call_length == kept


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "ftp://example.com/1.mp3",
        "https://",
        "https://[",
        "https://example.com/a b",
        "https://example.com/\x1b[2J",
        "https://example.com/" + "x" * 2_000,
        "=HYPERLINK(1)",
        "",
        7,
        None,
    ],
    ids=lambda value: repr(value)[:30],
)
def test_addresses_that_are_none(url: object) -> None:
    """Only an address of the web is kept as a recording."""
    assert outcome(recordingUrl=url).recording_url is None


@pytest.mark.parametrize(
    "moment",
    ["2026-11-22T14:00:05", "0001-01-01T00:00:00+14:00", "yesterday", "9" * 500, 7, None],
    ids=lambda value: repr(value)[:30],
)
def test_moments_that_are_none(moment: object) -> None:
    """A time without a zone is no moment."""
    assert outcome(completedAt=moment).completed_at is None


def test_transcripts_that_are_none() -> None:
    """What is not a role and a text is left out."""
    odd: Any = [{"role": "user", "content": "yes"}, "x", {"role": 1, "content": "y"}, {}, None]
    assert outcome(transcripts=odd).transcripts == (Turn("user", "yes"),)
    assert outcome(transcripts={"role": "user"}).transcripts == ()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(ENDED)), _JSON), st.binary())
def test_nothing_breaks_it(fields: dict[str, Any], noise: bytes) -> None:
    """Whatever stands in an answer, what is kept of it can be written into a ledger and a cell."""
    read_call("call_1", noise)
    state = read_call("call_1", json.dumps({**fields, "callId": "call_1"}).encode())
    assert state is not None
    assert state.outcome is None or (state.outcome.isprintable() and 0 < len(state.outcome) <= 40)
    assert state.call_length is None or 0 <= state.call_length <= 86_400
    assert state.recording_url is None or state.recording_url.isprintable()


@pytest.mark.parametrize(
    ("post", "ids"),
    [
        ({"callId": "call_1"}, ("call_1",)),
        ({"call_id": "call_1", "transcript": []}, ("call_1",)),
        ({"event": "done", "call": {"callId": "call_1"}}, ("call_1",)),
        ({"event": "done", "data": {"callId": "call_1"}}, ("call_1",)),
        ({"data": {"call": {"callId": "call_1"}}}, ("call_1",)),
        ([{"callId": "call_1"}, {"callId": "call_2"}, {"callId": "call_1"}], ("call_1", "call_2")),
        ({"callId": 7}, ("7",)),
        ({"callId": True}, ()),
        ({"callId": {"x": 1}}, ()),
        ({"callId": "x" * 1_001}, ()),
        ({"ping": 1}, ()),
        (7, ()),
        (None, ()),
    ],
    ids=str,
)
def test_what_a_post_names(post: Any, ids: tuple[str, ...]) -> None:
    """The callId is found wherever a webhook may have put it."""
    assert call_ids_of(json.dumps(post).encode()) == ids


@pytest.mark.parametrize("body", [b"", b"callId=1", b"\xff", b"[" * 200_000], ids=repr)
def test_a_post_that_is_no_json(body: bytes) -> None:
    """Garbage is told from a post that names no call."""
    assert call_ids_of(body) is None
