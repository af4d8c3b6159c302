"""What the service says of a call that was placed, read with care: a pure decision."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from batchdial.rules.cells import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a call can come to, by the service's own words.
RESULTS = ("pickedUp", "ivr", "voicemail", "unanswered", "disconnected", "failed")
#: The service's word for a call that goes on.
PENDING = "pending"
#: Outcome of a call of which the service did not say in time, or not in words, how it ended.
UNTOLD = "unknown"
#: Reasons that a row gets beside the outcome `unknown`.
NO_SUCH_CALL, NEVER_COMPLETED = "call_not_known", "call_never_completed"
_DETAILS = {
    NO_SUCH_CALL: "The service accepted the call and later knew no call of its callId.",
    NEVER_COMPLETED: "The service did not say within a day that the call had ended.",
}
#: Characters of a word, of an address and of a callId that are believed to be one.
_LONGEST_WORD, _LONGEST_URL, _LONGEST_ID = 40, 2_000, 1_000
#: Seconds; the longest call of an agent is an hour.
_LONGEST_CALL = 86_400
#: Where webhooks put what they are about, besides the top.
_WITHIN = ("call", "data")
_ID_KEYS = ("callId", "call_id")


class Turn(NamedTuple):
    """One thing that was said in a call."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class CallState:
    """One call as the service tells it."""

    call_id: str
    outcome: str | None = None  #: the service's word once the call is completed, else None
    call_length: int | None = None  #: seconds; None where it was not told
    recording_url: str | None = None
    completed_at: datetime | None = None  #: UTC, by the service's clock
    transcripts: tuple[Turn, ...] = ()
    reason: str = ""  #: why the outcome is `unknown`, as a machine word; empty where it was told

    @property
    def completed(self) -> bool:
        """Whether nothing more is to be expected."""
        return self.outcome is not None

    @property
    def detail(self) -> str:
        """The reason as a sentence."""
        return _DETAILS.get(self.reason, "")


def untold(call_id: str, reason: str) -> CallState:
    """A call of which nothing more is expected, although the service did not say how it ended."""
    return CallState(call_id, UNTOLD, reason=reason)


def read_call(call_id: str, body: bytes) -> CallState | None:
    """
    Read the answer to `GET /calls/{callId}`.

    Args:
        call_id: The call that was asked for.
        body: Of the answer, of a size that may be read.

    Returns:
        Not completed where the call goes on or its result is still `pending`. A word that is
        no known result is kept, short and printable; a value of a wrong type or size counts as
        not told. None where the answer is not that of this call.
    """
    answer = _parsed(body)
    if not isinstance(answer, dict) or _id(answer.get("callId")) != call_id:
        return None
    word = answer.get("result")
    if answer.get("completed") is not True or word == PENDING:
        return CallState(call_id)
    return CallState(
        call_id,
        _word(word),
        _seconds(answer.get("callLength")),
        _url(answer.get("recordingUrl")),
        _moment(answer.get("completedAt")),
        _turns(answer.get("transcripts")),
    )


def call_ids_of(body: bytes) -> tuple[str, ...] | None:
    """
    The callIds that a webhook's post names; its shape is not documented.

    Returns:
        Those at the top, in `call` or in `data`, of one event or of a list of them; None
        where the body is not JSON.
    """
    try:
        post = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    events = post if isinstance(post, list) else [post]
    return tuple(dict.fromkeys(name for one in events for name in _named(one, depth=2)))


def _named(event: object, depth: int) -> list[str]:
    if not isinstance(event, dict):
        return []
    own = [name for key in _ID_KEYS if (name := _id(event.get(key)))]
    inner = [name for key in _WITHIN if depth for name in _named(event.get(key), depth - 1)]
    return own + inner


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def _id(value: object) -> str:
    """A callId as `dialing.settle` keeps it."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    if isinstance(value, int) and abs(value) >= 10**100:  # too long to be written out
        return ""
    text = str(value)
    return printable(text, _LONGEST_ID) if len(text) <= _LONGEST_ID else ""


def _word(value: object) -> str:
    return (printable(value, _LONGEST_WORD) if isinstance(value, str) else "") or UNTOLD


def _seconds(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not (math.isfinite(value) if isinstance(value, float) else True):
        return None
    return round(value) if 0 <= value <= _LONGEST_CALL else None


def _url(value: object) -> str | None:
    """An address of the web that can be written into a cell and shown on a terminal."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_URL:
        return None
    try:
        parts = urlsplit(value)
        has_host = bool(parts.hostname)
    except ValueError:
        return None
    plain = value.isprintable() and " " not in value
    return value if plain and has_host and parts.scheme in {"https", "http"} else None


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _turns(value: object) -> tuple[Turn, ...]:
    if not isinstance(value, list):
        return ()
    pairs = ((one.get("role"), one.get("content")) for one in value if isinstance(one, dict))
    return tuple(
        Turn(role, content)
        for role, content in pairs
        if isinstance(role, str) and isinstance(content, str)
    )


def longest_call(agent: Mapping[str, Any] | None) -> float:
    """Seconds that a call of an agent can last: its `maxCallDuration`, 1 to 60 minutes."""
    minutes = (agent or {}).get("maxCallDuration")
    if not isinstance(minutes, (int, float)) or not 1 <= minutes <= 60:
        return 3_600.0
    return 60.0 * minutes
