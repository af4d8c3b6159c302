"""What a reply means for its row, and above all when it may be sent again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchdial.dialing.settle import LONGEST_WAIT, SHORTEST_WAIT, Reply, settle, wait_of
from batchdial.models import CallStatus, Settlement

NOW = datetime(2026, 3, 29, 0, 59, 30, tzinfo=UTC)
PENDING, SUCCESS = CallStatus.PENDING, CallStatus.SUCCESS
FAILED, UNKNOWN = CallStatus.FAILED, CallStatus.UNKNOWN


def reply(status: int | None, body: bytes | str | object = b"", header: str | None = None) -> Reply:
    """A whole answer; a body that is neither bytes nor text is sent as JSON."""
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
    elif not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return Reply(True, status, body, header)


@pytest.mark.parametrize(
    ("given_reply", "status", "reason"),
    [
        pytest.param(Reply(False, error="refused"), FAILED, "not_connected", id="never-sent"),
        pytest.param(Reply(True, error="reset"), UNKNOWN, "answer_lost", id="answer-lost"),
        pytest.param(reply(400), FAILED, "refused", id="400"),
        pytest.param(reply(401), PENDING, "key_refused", id="401"),
        pytest.param(reply(402), PENDING, "payment_required", id="402"),
        pytest.param(reply(403), PENDING, "forbidden", id="403"),
        pytest.param(reply(404), PENDING, "not_found", id="404"),
        pytest.param(reply(405), PENDING, "not_found", id="405"),
        pytest.param(reply(408), FAILED, "request_timeout", id="408"),
        pytest.param(reply(409), FAILED, "refused", id="409"),
        pytest.param(reply(413), FAILED, "refused", id="413"),
        pytest.param(reply(421), FAILED, "misdirected", id="421"),
        pytest.param(reply(422, "bad number"), FAILED, "refused", id="422"),
        pytest.param(reply(425), FAILED, "too_early", id="425"),
        pytest.param(reply(429), FAILED, "rate_limited", id="429"),
        pytest.param(reply(500), UNKNOWN, "server_error", id="500"),
        pytest.param(reply(502), UNKNOWN, "server_error", id="502"),
        pytest.param(reply(503), UNKNOWN, "server_error", id="503-without-retry-after"),
        pytest.param(reply(503, header=" "), UNKNOWN, "server_error", id="503-with-a-blank-one"),
        pytest.param(reply(503, header="5"), FAILED, "unavailable", id="503-with-retry-after"),
        pytest.param(reply(504, header="5"), UNKNOWN, "server_error", id="504"),
        pytest.param(reply(301), UNKNOWN, "redirected", id="redirect"),
        pytest.param(reply(307), UNKNOWN, "redirected", id="redirect-that-repeats"),
        pytest.param(reply(101), UNKNOWN, "unreadable_answer", id="101"),
        pytest.param(reply(204), UNKNOWN, "unreadable_answer", id="204"),
        pytest.param(
            reply(299, {"status": "success", "callId": "c"}), UNKNOWN, "unreadable_answer", id="299"
        ),
    ],
)
def test_settle(given_reply: Reply, status: CallStatus, reason: str) -> None:
    """Only where nobody can have been called is a row failed."""
    found = settle(given_reply, NOW)
    assert (found.status, found.reason) == (status, reason)
    assert found.detail
    assert found.http_status == given_reply.status


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize(
    ("body", "call_id"),
    [
        pytest.param({"status": "success", "callId": "call_1"}, "call_1", id="as-documented"),
        pytest.param({"status": "SUCCESS", "callId": "call_1"}, "call_1", id="upper-case"),
        pytest.param({"status": " success\n", "callId": "c"}, "c", id="spaces"),
        pytest.param({"status": "success", "callId": 17}, "17", id="integer"),
        pytest.param(
            {"status": "success", "callId": "a\r\nb\x1b[31m\0c"}, "a b [31m c", id="controls"
        ),
        pytest.param('{"status": "success", "callId": "a\\ud800b"}', "a b", id="surrogate"),
        pytest.param({"status": "success", "callId": "x" * 1_000}, "x" * 1_000, id="long"),
        pytest.param({"status": "success", "callId": "c", "more": [1]}, "c", id="more-fields"),
    ],
)
def test_accepted(status: int, body: object, call_id: str) -> None:
    """A success names its call, in text that is safe to show."""
    expected = Settlement(SUCCESS, call_id=call_id, http_status=status)
    assert settle(reply(status, body), NOW) == expected


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"status": "failed"}, id="documented"),
        pytest.param({"status": "Failed", "callId": "call_1"}, id="with-call-id"),
    ],
)
def test_failed_by_the_service(status: int, body: dict[str, str]) -> None:
    """The service says so itself; the call's name is kept, and only `retry` dials again."""
    found = settle(reply(status, body), NOW)
    assert (found.status, found.reason, found.again) == (FAILED, "refused_by_service", False)
    assert found.call_id == body.get("callId", "")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"status": "success"}, id="no-call-id"),
        pytest.param({"status": "success", "callId": None}, id="null-call-id"),
        pytest.param({"status": "success", "callId": ""}, id="empty-call-id"),
        pytest.param({"status": "success", "callId": " \x00"}, id="blank-call-id"),
        pytest.param({"status": "success", "callId": True}, id="boolean-call-id"),
        pytest.param({"status": "success", "callId": 1.5}, id="float-call-id"),
        pytest.param({"status": "success", "callId": ["c"]}, id="list-call-id"),
        pytest.param({"status": "success", "callId": "x" * 1_001}, id="endless-call-id"),
        pytest.param({"callId": "call_1"}, id="no-status"),
        pytest.param({"status": "queued", "callId": "call_1"}, id="another-status"),
        pytest.param({"status": True, "callId": "call_1"}, id="boolean-status"),
        pytest.param({"status": ["success"], "callId": "call_1"}, id="list-status"),
        pytest.param(b"", id="empty"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'"success"', id="text"),
        pytest.param(b"NaN", id="nan"),
        pytest.param(b"<html>Sign in to the hotel's wifi</html>", id="html"),
        pytest.param(b'{"status": "success", "callId": "c"', id="cut"),
        pytest.param(b"[" * 60_000, id="deep"),
        pytest.param(b'{"a":' * 10_000, id="deep-objects"),
        pytest.param(b'{"status": "success", "callId": ' + b"9" * 5_000 + b"}", id="5000-digits"),
        pytest.param('{"status": "success", "callId": "é"}'.encode("latin-1"), id="latin-1"),
        pytest.param('{"status": "success", "callId": "c"}'.encode("utf-16"), id="utf-16"),
        pytest.param(b'\xef\xbb\xbf{"status": "success", "callId": "c"}', id="bom"),
    ],
)
def test_an_answer_in_doubt_is_unknown(body: object) -> None:
    """An accepted request whose answer cannot be read may have rung."""
    found = settle(reply(200, body), NOW)
    assert found.status is UNKNOWN
    assert not found.again
    assert found.http_status == 200
    named = isinstance(body, dict) and body.get("callId") == "call_1"
    assert found.call_id == ("call_1" if named else "")
    assert found.detail.startswith("May have rung")
    assert len(found.detail) < 300
    assert found.detail.isprintable()


@given(
    status=st.integers(100, 599),
    body=st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b'{"status":"success","callId":"c"}', b'{"status":"failed"}']),
    ),
    header=st.none() | st.text(max_size=12),
)
def test_every_answer_has_one_meaning(status: int, body: bytes, header: str | None) -> None:
    """Only what certainly was not processed is sent again; only a named success is one."""
    found = settle(Reply(True, status, body, header), NOW)
    not_processed = status in {408, 421, 425, 429} or (
        status == 503 and bool((header or "").strip())
    )
    assert found.again == not_processed
    assert found.stop == (status in {401, 402, 403, 404, 405} or 300 <= status < 400)
    assert found.http_status == status
    assert found.status in {PENDING, SUCCESS, FAILED, UNKNOWN}
    if found.status is SUCCESS:
        assert status in {200, 201, 202}
        assert found.call_id
    if found.status is PENDING:
        assert found.stop
    if status >= 500 and not not_processed:
        assert found.status is UNKNOWN
    if found.again:
        assert found.status is FAILED
    if found.retry_after is not None:
        assert SHORTEST_WAIT <= found.retry_after <= LONGEST_WAIT
    assert found.detail.isprintable()


@given(text=st.text())
@example(text="")
@example(text="\ud800")
def test_only_a_success_with_a_call_id_is_a_success(text: str) -> None:
    """Whatever word the service may come to use."""
    body = json.dumps({"status": text, "callId": "call_1"}).encode()
    found = settle(Reply(True, 200, body), NOW)
    assert (found.status is SUCCESS) == (text.strip().lower() == "success")
    assert (found.status is FAILED) == (text.strip().lower() == "failed")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param(None, None, id="missing"),
        pytest.param("", None, id="empty"),
        pytest.param(" 7 ", 7.0, id="seconds"),
        pytest.param("0", SHORTEST_WAIT, id="zero"),
        pytest.param("-5", None, id="negative"),
        pytest.param("1.5", 1.5, id="float"),
        pytest.param("0.2", SHORTEST_WAIT, id="short-float"),
        pytest.param(".5", None, id="bare-float"),
        pytest.param("1e3", None, id="exponent"),
        pytest.param("١٢", None, id="arabic-digits"),
        pytest.param("9" * 400, LONGEST_WAIT, id="400-digits"),
        pytest.param("000000000000", SHORTEST_WAIT, id="many-zeros"),
        pytest.param("000000000120", 120.0, id="leading-zeros"),
        pytest.param("3153600000", LONGEST_WAIT, id="100-years"),
        pytest.param("soon", None, id="junk"),
        pytest.param("5, 10", None, id="two-headers"),
        pytest.param(format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0, id="date"),
        pytest.param(format_datetime(NOW - timedelta(days=1), usegmt=True), None, id="past-date"),
        pytest.param(format_datetime(NOW), None, id="this-very-moment"),
        pytest.param(format_datetime(NOW + timedelta(seconds=1)), 1.0, id="the-next-second"),
        pytest.param("x" * 90_000, None, id="90-kB"),
        pytest.param("Sun, 29 Mar 2026 01:00:00 GMT (" + "x" * 90 + ")", None, id="long-date"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT, id="far-date"),
        pytest.param("Sun, 29 Mar 2026 01:00:00", 30.0, id="date-without-zone"),
        pytest.param("Sun, 29 Mar 2026 02:00:00 +0100", 30.0, id="date-in-another-zone"),
        pytest.param("Sun, 99 Mar 2026 99:99:99 GMT", None, id="impossible-date"),
        pytest.param("Sun, 29 Mar 2026 01:00:00 +9999999999", None, id="impossible-zone"),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    """RFC 9110, and what is sent in its name."""
    assert wait_of(header, NOW) == seconds


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        pytest.param(None, 90.0, id="none"),
        pytest.param("today", 90.0, id="unreadable"),
        pytest.param(format_datetime(NOW + timedelta(seconds=80)), 10.0, id="ahead"),
        pytest.param(format_datetime(NOW - timedelta(seconds=80)), 170.0, id="behind"),
        pytest.param(format_datetime(NOW + timedelta(seconds=90)), None, id="passed"),
    ],
)
def test_a_date_is_by_the_services_clock(date: str | None, seconds: float | None) -> None:
    """Where it says what that is; seconds are seconds by any clock."""
    header = format_datetime(NOW + timedelta(seconds=90), usegmt=True)
    assert wait_of(header, NOW, date) == seconds
    assert wait_of("7", NOW, date) == 7.0
    asked = settle(Reply(True, 429, b"", header, date), NOW)
    assert asked.retry_after == seconds
    assert wait_of(header, NOW.astimezone(timezone(timedelta(hours=5))), date) == seconds


@pytest.mark.parametrize(
    ("given_reply", "detail"),
    [
        (reply(429), "Not processed: HTTP 429 empty."),
        (reply(408, "late", "9"), "Not processed: HTTP 408 “late”."),
        (
            reply(503, header="5000"),
            "Not processed: HTTP 503 empty. The service asks for a pause of 5,000 s, "
            "until 2026-03-29 02:22:50 UTC.",
        ),
        (Reply(False, error="its certificate", untrusted=True), "Never sent: its certificate."),
        (Reply(False, error="refused"), "Never sent: refused."),
        (reply(500, " \x1b[31m\n"), "May have rung: HTTP 500 “[31m”."),
        (reply(200, {"status": "failed"}), "The service answered failed: nobody was called."),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_details(given_reply: Reply, detail: str) -> None:
    """A sentence for the person who reads the row."""
    assert settle(given_reply, NOW).detail == detail


_WORDS = [
    "Sun,",
    "29",
    "Mar",
    "2026",
    "01:00:00",
    "GMT",
    "+0100",
    "-",
    ":",
    ".",
    "0",
    "1e3",
    "99999",
]


@given(header=st.one_of(st.text(), st.lists(st.sampled_from(_WORDS)).map(" ".join)))
def test_no_retry_after_breaks_anything(header: str) -> None:
    """A wait is believable, or there is none."""
    seconds = wait_of(header, NOW)
    assert seconds is None or SHORTEST_WAIT <= seconds <= LONGEST_WAIT
