"""What one POST did to the other person's phone: a pure decision."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from batchdial.models import CallStatus, Settlement
from batchdial.rules.cells import printable

#: Waits in seconds that are believed when the service asks for one.
SHORTEST_WAIT, LONGEST_WAIT = 1.0, 86_400.0

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
    error: str = ""  #: what went wrong instead of an answer, in words
    held: bool = False  #: whether nothing was sent because it was not allowed to leave


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
    if status in _NOT_PROCESSED or (status == 503 and reply.retry_after is not None):
        return Settlement(
            CallStatus.FAILED,
            _NOT_PROCESSED.get(status, "unavailable"),
            f"Not processed: {text}.",
            http_status=status,
            again=True,
            retry_after=wait_of(reply.retry_after, now) if status in (429, 503) else None,
        )
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


def wait_of(header: str | None, now: datetime) -> float | None:
    """
    The seconds that a Retry-After asks for (RFC 9110, section 10.2.3).

    Returns:
        Seconds or a date turned into seconds, within what is believable; None for
        a header that is missing or says nothing, and for a date that has passed.
    """
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]+", text):
        digits = text.lstrip("0") or "0"
        seconds = float(digits) if len(digits) <= 9 else LONGEST_WAIT
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
        if seconds <= 0:
            return None
    return min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT)


def _unanswered(reply: Reply, now: datetime) -> Settlement:
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
    """An identifier as text; nothing that a terminal or a spreadsheet could run."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    return printable(str(value)) if isinstance(value, int) or len(value) <= 1_000 else ""


def _quoted(body: bytes) -> str:
    text = printable(body[:1_000].decode("utf-8", "replace"))
    return f" “{text}”" if text else " empty"
