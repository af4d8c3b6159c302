"""How a call goes on: a pure function of who was called, when, and what time it is now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from batchdial.sandbox.chance import chance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from batchdial.sandbox.agents import Agent

#: From the range that the North American plan keeps for fiction.
_CALLER = "+12025550100"

#: What calls come to, with the part of all calls.
_RESULTS = (
    ("pickedUp", 0.50),
    ("unanswered", 0.22),
    ("voicemail", 0.15),
    ("disconnected", 0.06),
    ("ivr", 0.04),
    ("failed", 0.03),
)
#: Seconds that a call of each result lasts once it is answered, shortest and longest.
_LENGTHS = {
    "pickedUp": (12, 180),
    "voicemail": (8, 30),
    "ivr": (10, 60),
    "disconnected": (2, 20),
}
_MACHINES = ("voicemail", "ivr")
_VARIABLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was placed."""

    call_id: str
    agent: Agent
    fields: Mapping[str, str]  #: the request's body
    placed_at: float  #: seconds since 1970


class Script(NamedTuple):
    """What calls come to, where that is not left as it is in life."""

    seconds: tuple[float, float] | None = None  #: from the request to the end, least and most
    results: tuple[tuple[str, float], ...] = ()  #: with the part of all calls; the rest is pickedUp


#: Calls as in life.
UNSCRIPTED = Script()


@dataclass(frozen=True, slots=True)
class Course:
    """How a call goes, all of which is settled when it is placed."""

    call_id: str
    number: str
    placed_at: float  #: seconds since 1970
    ends_at: float  #: seconds since 1970
    result: str
    length: int  #: seconds of life; 0 where nobody answered


def course(call: Call, seed: int, time_scale: float, script: Script = UNSCRIPTED) -> Course:
    """
    How a call goes.

    Args:
        call: The call as it was placed.
        seed: Together with the callId it decides the course of the call.
        time_scale: How many times faster than life the call goes on. Its length stays in seconds
            of life, so it can be longer than from its beginning to its end.
        script: Other lengths and results than in life.
    """
    result = _result(call, seed, script.results or _RESULTS)
    if script.seconds is None:
        length = _length(call, seed, result)
        seconds = 3 + 22 * chance(seed, call.call_id, "ringing") + length
    else:
        least, most = script.seconds
        most = min(most, call.agent.max_call_duration * 60)
        seconds = least + max(0, most - least) * chance(seed, call.call_id, "length")
        length = round(seconds) if result in _LENGTHS else 0
    ends_at = call.placed_at + seconds / time_scale
    number = call.fields["phoneNumber"]
    return Course(call.call_id, number, call.placed_at, ends_at, result, length)


def peak_live(courses: Iterable[Course]) -> int:
    """The most calls that were in progress at one time; at its end a call is over."""
    changes = sorted(
        change for one in courses for change in ((one.placed_at, 1), (one.ends_at, -1))
    )
    most = live = 0
    for _, change in changes:
        live += change
        most = max(most, live)
    return most


def progress(
    call: Call, seed: int, now: float, time_scale: float, script: Script = UNSCRIPTED
) -> dict[str, object]:
    """
    What GET /calls/{callId} answers at one moment, in seconds since 1970; see `course`.

    Returns:
        `completedAt`, `transcripts`, `callLength` and `recordingUrl` only once it is completed,
        the last also only when the agent records and somebody answered.
    """
    to_be = course(call, seed, time_scale, script)
    is_over = now >= to_be.ends_at
    answer: dict[str, object] = {
        "callId": call.call_id,
        "direction": "outbound",
        "from": _CALLER,
        "to": to_be.number,
        "completed": is_over,
        "result": "pending",
        "createdAt": _timestamp(call.placed_at),
    }
    if is_over:
        answer["result"] = to_be.result
        answer["completedAt"] = _timestamp(to_be.ends_at)
        answer["transcripts"] = _transcripts(call, to_be.result)
        answer["callLength"] = to_be.length
        if call.agent.recording and to_be.length:
            answer["recordingUrl"] = f"https://recordings.example.com/{call.call_id}.mp3"
    return answer


def _result(call: Call, seed: int, results: Iterable[tuple[str, float]]) -> str:
    point = chance(seed, call.call_id, "result")
    for result, part in results:
        point -= part
        if point < 0:
            undetected = result in _MACHINES and not call.agent.detects_machines
            return "pickedUp" if undetected else result
    return "pickedUp"


def _length(call: Call, seed: int, result: str) -> int:
    if result not in _LENGTHS:
        return 0
    shortest, longest = _LENGTHS[result]
    longest = min(longest, call.agent.max_call_duration * 60)
    return shortest + int((longest - shortest) * chance(seed, call.call_id, "length"))


def _transcripts(call: Call, result: str) -> list[dict[str, str]]:
    greeting = {"role": "assistant", "content": _filled(call.agent.greeting, call.fields)}
    match result:
        case "pickedUp":
            return [
                greeting,
                {"role": "user", "content": "Yes, go on."},
                {"role": "assistant", "content": "Thank you for your time. Goodbye."},
            ]
        case "voicemail" if call.agent.voicemail:
            message = _filled(call.agent.voicemail, call.fields)
            return [{"role": "assistant", "content": message}]
        case "ivr":
            return [{"role": "user", "content": "For opening hours, press one."}]
        case "disconnected":
            return [greeting]
    return []


def _filled(text: str, fields: Mapping[str, str]) -> str:
    """The text with its variables; one that the request did not give stays as it is."""
    return _VARIABLE.sub(lambda match: fields.get(match[1], match[0]), text)


def _timestamp(moment: float) -> str:
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
