"""What stands on the wire is read as h11 reads it, however it is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdial.dialing import answer
from batchdial.dialing.answer import LONGEST_HEAD, Answer, plain_head

if TYPE_CHECKING:
    from collections.abc import Sequence

BODY = b'{"status": "success", "callId": "call_1"}'
USUAL = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: %d\r\nServer: x\r\n\r\n" % len(BODY)

_STATUS = st.sampled_from(
    b"200 OK,201 ,202,204 No,304 Same,429 Slow Down,500 Oops \xe9,100 Go On,103 Hints,"
    b"99 What,600 What,2000 Many,200\tOK,200  OK".split(b",")
)
_VERSION = st.sampled_from([b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/1.2", b"http/1.1", b"HTTP/2"])
_NAMES = [b"Content-Length", b"content-length", b"Transfer-Encoding", b"Connection", b"X-Other"]
_VALUES = [b"3", b"5", b"03", b"+3", b"-1", b"3, 3", b"", b"chunked", b"close", b"Keep-Alive"]
_HEADER = st.tuples(
    st.sampled_from([*_NAMES, b"Bad Name", b"", b"Content-Length "]),
    st.sampled_from([b": ", b":", b" : ", b":\t", b""]),
    st.sampled_from([*_VALUES, b"a\x00b", b"\xff", b" x ", b"9" * 6, b"gzip, chunked"]),
    st.sampled_from([b"\r\n"] * 6 + [b"\n", b"\r\n folded\r\n", b"\r"]),
).map(b"".join)
_USUAL_HEADER = st.sampled_from(
    [b"Content-Length: 3\r\n", b"Content-Length: 5\r\n", b"Connection: close\r\n", b"X: y \r\n"]
)
_CONTENT = st.sampled_from(
    [b"", b"abc", b"abcde", b"abcdefgh", b"3\r\nabc\r\n0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]
)


#: Most of what can be answered is nearly right.
_NEARLY = st.tuples(
    st.sampled_from([b"200 OK", b"201 ", b"204 No", b"429 Slow Down"]),
    st.lists(_USUAL_HEADER, max_size=3),
    st.sampled_from([b"abc", b"abcd", b"abcde"]),
).map(lambda parts: b"HTTP/1.1 %b\r\n%b\r\n%b" % (parts[0], b"".join(parts[1]), parts[2]))


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Bytes that a service could answer, most of them with something odd."""
    headers = draw(st.lists(st.one_of(_USUAL_HEADER, _HEADER), max_size=5))
    first = draw(_VERSION) + draw(st.sampled_from([b" ", b"  "])) + draw(_STATUS)
    return b"%b\r\n%b\r\n%b" % (first, b"".join(headers), draw(_CONTENT))


def read(pieces: Sequence[bytes], *, ends: bool) -> dict[str, object]:
    """What becomes of an answer that comes in so."""
    found = Answer()
    for piece in pieces:
        found.feed(piece)
    if ends:
        found.feed(b"")
    body = b""
    while found.pieces:
        body += found.fetch()
    return {
        "head": (found.status, [(name.lower(), value) for name, value in found.headers]),
        "body": body,
        "complete": found.is_complete,
        "keeps": found.is_complete and found.keeps,
        "broken": bool(found.broken),
    }


@given(whole=st.one_of(_NEARLY, answers()), cut=st.integers(0, 120), ends=st.booleans())
@settings(max_examples=600)
def test_the_quick_way_decides_as_h11_does(whole: bytes, cut: int, ends: bool) -> None:
    """Status, headers, body, whether it is whole and whether the connection goes on."""
    pieces = [piece for piece in (whole[:cut], whole[cut:]) if piece]
    quick = read(pieces, ends=ends)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answer, "plain_head", lambda _: None)
        assert quick == read(pieces, ends=ends)


@pytest.mark.parametrize("cut", range(1, len(USUAL + BODY)))
def test_the_usual_answer_may_come_in_pieces(cut: int) -> None:
    """Wherever it is cut."""
    whole = USUAL + BODY
    found = read([whole[:cut], whole[cut:]], ends=False)
    assert (found["body"], found["complete"], found["keeps"]) == (BODY, True, True)


def test_the_usual_answer_is_read_the_quick_way() -> None:
    """Otherwise nothing here would be tested."""
    head = plain_head(USUAL + BODY)
    assert head is not None
    assert (head.status, head.length, head.keeps, head.end) == (200, len(BODY), True, len(USUAL))


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close, x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: a\n b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n",
        b"HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 100 Go\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_what_has_two_meanings_is_left_to_h11(head: bytes) -> None:
    """Two lengths, a length and chunks, a folded line, another version."""
    assert plain_head(head + b"abc") is None


@pytest.mark.parametrize(
    ("said", "keeps"), [(b"close", False), (b"Close", False), (b"keep-alive", True)]
)
def test_what_the_service_says_of_the_connection_is_heeded(said: bytes, keeps: bool) -> None:
    """Whatever it meant before."""
    found = read([USUAL[:-2] + b"Connection: %b\r\n\r\n" % said + BODY], ends=False)
    assert (found["complete"], found["keeps"]) == (True, keeps)


@pytest.mark.parametrize("more", [b"x", USUAL + BODY])
def test_more_than_was_asked_for_ends_the_connection(more: bytes) -> None:
    """With the answer, or after it; the answer counts all the same."""
    for pieces in ([USUAL + BODY + more], [USUAL + BODY, more]):
        found = read(pieces, ends=False)
        assert (found["body"], found["complete"], found["keeps"]) == (BODY, True, False)


def test_a_head_without_end_is_no_answer() -> None:
    """It is not kept either."""
    found = Answer()
    found.feed(b"HTTP/1.1 200 OK\r\nX: " + b"x" * LONGEST_HEAD)
    assert found.broken
