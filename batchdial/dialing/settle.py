"""What one POST did to the other person's phone: a pure decision."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from batchdial.models import CallStatus, Settlement
from batchdial.rules.cells import printable
from batchdial.rules.masking import masked

#: Waits in seconds that are believed when the service asks for one.
SHORTEST_WAIT, LONGEST_WAIT = 1.0, 86_400.0
#: Characters of a callId that is believed to be one.
LONGEST_ID = 1_000

#: Refusals that every other row would meet too; the row itself was not judged.
_STOPS = {
    401: "key_refused",
    402: "payment_required",
    403: "forbidden",
    404: "not_found",
    405: "not_found",
}
#: Answers that say the request was not processed (RFC 9110, RFC 8470).
_NOT_PROCESSED = {408: "request_timeout", 421: "misdirected", 425: "too_early", 429: "rate_limited"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back of one POST."""

    left: bool  #: whether the first byte of the request may have left this machine
    status: int | None = None  #: HTTP status; None where no whole answer was read
    body: bytes = b""
    retry_after: str | None = None  #: the header as it came
    date: str | None = None  #: the header as it came: what the service takes for now
    error: str = ""  #: what went wrong instead of an answer, in words
    held: bool = False  #: whether nothing was sent because it was not allowed to leave
    untrusted: bool = False  #: whether nothing was sent because the certificate is not accepted


def settle(reply: Reply, now: datetime) -> Settlement:
    """
    Decide what a reply means for its row.

    A call cannot be taken back, so a reply that leaves doubt is `unknown`. `failed` is
    said only where nobody can have been called: nothing was sent, or the service refused.

    Args:
        reply: The answer, or what came instead of one.
        now: UTC, for a Retry-After that names a date.
    """
    if reply.status is None:
        return _unanswered(reply, now)
    status = reply.status
    if status in (200, 201, 202):
        return _accepted(reply)
    text = f"HTTP {status}{_quoted(reply.body)}"
    if status in _STOPS:
        return Settlement(
            CallStatus.PENDING, _STOPS[status], f"Refused: {text}.", http_status=status, stop=True
        )
    if status in _NOT_PROCESSED or (status == 503 and (reply.retry_after or "").strip()):
        return _not_processed(reply, status, text, now)
    if 400 <= status < 500:
        return Settlement(CallStatus.FAILED, "refused", f"Refused: {text}.", http_status=status)
    redirect = 300 <= status < 400
    return Settlement(
        CallStatus.UNKNOWN,
        "redirected" if redirect else "server_error" if status >= 500 else "unreadable_answer",
        f"May have rung: {text}.",
        http_status=status,
        stop=redirect,
    )


def wait_of(header: str | None, now: datetime, date: str | None = None) -> float | None:
    """
    The seconds that a Retry-After asks for (RFC 9110, section 10.2.3).

    Args:
        header: As it came.
        now: UTC by this machine's clock.
        date: The answer's Date; a Retry-After that is a date is by the service's clock.

    Returns:
        Seconds or a date turned into seconds, within what is believable; None for
        a header that is missing or says nothing, and for a date that has passed.
    """
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        seconds = float(text)
    else:
        moment = _moment(text)
        if moment is None:
            return None
        seconds = (moment - (_moment(date or "") or now)).total_seconds()
        if seconds <= 0:
            return None
    return min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT)


def _moment(text: str) -> datetime | None:
    """A date of HTTP, UTC where it names no zone."""
    if len(text) > 100:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _not_processed(reply: Reply, status: int, text: str, now: datetime) -> Settlement:
    asks = status in (429, 503)
    wait = wait_of(reply.retry_after, now, reply.date) if asks else None
    until = f"{now + timedelta(seconds=wait):%Y-%m-%d %H:%M:%S} UTC" if wait else ""
    pause = f" The service asks for a pause of {wait:,.0f} s, until {until}." if wait else ""
    return Settlement(
        CallStatus.FAILED,
        _NOT_PROCESSED.get(status, "unavailable"),
        f"Not processed: {text}.{pause}",
        http_status=status,
        again=True,
        retry_after=wait,
        slow_down=asks,
    )


def _unanswered(reply: Reply, now: datetime) -> Settlement:
    if reply.untrusted:
        return Settlement(CallStatus.PENDING, "untrusted", f"Never sent: {reply.error}.", stop=True)
    if not reply.left:
        return Settlement(
            CallStatus.FAILED, "not_connected", f"Never sent: {reply.error}.", again=True
        )
    return Settlement(
        CallStatus.UNKNOWN,
        "answer_lost",
        f"May have rung: the answer was lost at {now:%Y-%m-%d %H:%M:%S} UTC ({reply.error}).",
    )


def _accepted(reply: Reply) -> Settlement:
    answer = _json_object(reply.body)
    said = answer.get("status")
    call_id = _call_id(answer.get("callId"))
    word = said.strip().lower() if isinstance(said, str) else None
    if word == "success" and call_id:
        return Settlement(CallStatus.SUCCESS, call_id=call_id, http_status=reply.status)
    if word == "success":
        reason, detail = "no_call_id", "May have rung: success without a callId."
    elif word == "failed":
        return Settlement(
            CallStatus.FAILED,
            "refused_by_service",
            "The service answered failed: nobody was called.",
            call_id,
            http_status=reply.status,
        )
    else:
        reason, detail = "unreadable_answer", f"May have rung: the answer was{_quoted(reply.body)}."
    return Settlement(CallStatus.UNKNOWN, reason, detail, call_id, http_status=reply.status)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _call_id(value: object) -> str:
    """An identifier as text, whole or not at all; nothing that a terminal could run."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    text = str(value)
    return printable(text, LONGEST_ID) if len(text) <= LONGEST_ID else ""


def _quoted(body: bytes) -> str:
    text = masked(printable(body[:1_000].decode("utf-8", "replace")))
    return f" “{text}”" if text else " empty"
