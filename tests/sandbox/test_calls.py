"""Calls ring and end plausibly, as the clock says."""

from __future__ import annotations

from collections import Counter

import httpx
import pytest

from batchdial.sandbox import SANDBOX_KEY, Agent, Sandbox
from batchdial.sandbox.agents import DEFAULT_AGENTS
from batchdial.sandbox.calls import Call, progress
from tests.sandbox.conftest import CALL, NUMBER

_PLACED = 1_800_000_000.0
_LATE = _PLACED + 3600
_ONLY_COMPLETED = {"completedAt", "transcripts", "callLength", "recordingUrl"}


def _call(ordinal: int, agent: Agent = DEFAULT_AGENTS[0], **fields: str) -> Call:
    return Call(f"call_{ordinal}", agent, {"phoneNumber": NUMBER, **fields}, _PLACED)


def _results(agent: Agent) -> Counter[object]:
    calls = (_call(ordinal, agent) for ordinal in range(2000))
    return Counter(progress(call, 0, _LATE, 1)["result"] for call in calls)


def test_a_call_rings_first() -> None:
    """Right after it was placed it is pending, and what is known only later is absent."""
    answer = progress(_call(1), 0, _PLACED, 1)
    assert answer["result"] == "pending"
    assert answer["completed"] is False
    assert answer["to"] == NUMBER
    assert answer["createdAt"] == "2027-01-15T08:00:00.000Z"
    assert not _ONLY_COMPLETED & set(answer)


def test_a_call_ends_once() -> None:
    """At some second it is completed, and never changes again."""
    seen = [progress(_call(1), 0, _PLACED + second, 1) for second in range(400)]
    completed = [bool(answer["completed"]) for answer in seen]
    assert completed == sorted(completed)
    assert completed[-1] is True
    final = [answer for answer in seen if answer["completed"]]
    assert all(answer == final[0] for answer in final)


def test_time_runs_faster() -> None:
    """With a time scale the same course is run through in less time."""
    moments = [progress(_call(1), 0, _PLACED + second, 1)["result"] for second in range(400)]
    faster = [progress(_call(1), 0, _PLACED + s / 100, 100)["result"] for s in range(400)]
    assert moments == faster


def test_every_result_occurs() -> None:
    """An agent that detects machines sees all results; most calls are picked up."""
    results = _results(DEFAULT_AGENTS[0])
    assert set(results) == {
        "pickedUp", "ivr", "voicemail", "unanswered", "disconnected", "failed",
    }  # fmt: skip
    assert results.most_common(1)[0][0] == "pickedUp"


def test_no_machines_without_the_setting() -> None:
    """No ivr and no voicemail for an agent that does not detect machines."""
    assert not {"ivr", "voicemail"} & set(_results(Agent("ag_9", "Deaf", detects_machines=False)))


@pytest.mark.parametrize("agent", DEFAULT_AGENTS, ids=lambda agent: agent.agent_id)
def test_length_and_recording_fit_the_result(agent: Agent) -> None:
    """Unanswered calls last no second; recordings exist only where the agent records."""
    for ordinal in range(300):
        answer = progress(_call(ordinal, agent), 0, _LATE, 1)
        length = answer["callLength"]
        assert isinstance(length, int)
        assert (length == 0) == (answer["result"] in ("unanswered", "failed"))
        assert length <= agent.max_call_duration * 60
        assert ("recordingUrl" in answer) == (agent.recording and length > 0)


def test_the_greeting_is_filled() -> None:
    """Variables of the request are said; one that was not given stays as it is written."""
    calls = (_call(ordinal, prospectName="Ann") for ordinal in range(100))
    answers = (progress(call, 0, _LATE, 1) for call in calls)
    said = next(answer["transcripts"] for answer in answers if answer["result"] == "pickedUp")
    assert isinstance(said, list)
    assert said[0] == {
        "role": "assistant",
        "content": "Hello Ann, I am calling about your {plan} plan.",
    }


def test_over_the_socket() -> None:
    """A call that was placed can be followed until it is completed, by the clock given."""
    now = _PLACED
    with (
        Sandbox(clock=lambda: now) as sandbox,
        httpx.Client(base_url=sandbox.url, headers={"Authorization": SANDBOX_KEY}) as client,
    ):
        path = "/calls/" + client.post(CALL, json={"phoneNumber": NUMBER}).json()["callId"]
        assert client.get(path).json()["completed"] is False
        now = _LATE
        assert client.get(path).json()["completed"] is True


def test_a_dropped_call_goes_on_too() -> None:
    """A call whose answer was lost is a call like any other; only nobody was told its callId."""
    with Sandbox() as sandbox:
        sandbox.configure(script=["drop-rang"])
        headers = {"Authorization": SANDBOX_KEY}
        with httpx.Client(base_url=sandbox.url, headers=headers) as client:
            with pytest.raises(httpx.TransportError):
                client.post(CALL, json={"phoneNumber": NUMBER})
            answer = client.get(f"/calls/{sandbox.posts[0].call_id}")
        assert answer.json()["to"] == NUMBER
