"""The agents of the make-believe account."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent as it is set up in the vendor's dashboard; `{name}` in a text is a variable."""

    agent_id: str
    name: str
    greeting: str = "Hello {prospectName}, is this a good moment?"
    instructions: str = "Be brief and polite."
    voice: str = "amy"
    max_call_duration: int = 10  #: minutes, 1 to 60
    recording: bool = False  #: whether a completed call has a recordingUrl
    detects_machines: bool = False  #: without it no call ever ends as ivr or voicemail
    voicemail: str = ""  #: what is said to an answering machine; empty turns it off
    webhook: str = ""  #: address that completed calls are posted to; empty turns it off

    def as_json(self) -> dict[str, object]:
        """The object that the agents endpoints answer with."""
        return {
            "agentId": self.agent_id,
            "name": self.name,
            "greeting": self.greeting,
            "instructions": self.instructions,
            "voice": self.voice,
            "maxCallDuration": self.max_call_duration,
            "recordingSettings": {"enable": self.recording},
            "machineSettings": {"enable": self.detects_machines},
            "voicemailSettings": {"enable": bool(self.voicemail), "voicemail": self.voicemail},
            "smsSettings": {"enable": False, "rule": "", "message": ""},
            "transferSettings": {"enable": False, "rule": "", "phoneNumber": ""},
            "webhookSettings": {"enable": bool(self.webhook), "url": self.webhook},
        }


DEFAULT_AGENTS = (
    Agent(
        "ag_1",
        "Renewals",
        greeting="Hello {prospectName}, I am calling about your {plan} plan.",
        instructions="Ask {prospectName} whether the {plan} plan should be renewed.",
        recording=True,
        detects_machines=True,
        voicemail="Hello {prospectName}, we will call again about your {plan} plan.",
    ),
    Agent(
        "ag_2",
        "Welcome call",
        greeting="Hello {prospectName}, welcome! You chose the {plan} plan.",
        instructions="Explain the first steps with the {plan} plan and answer questions.",
        voice="oliver",
        detects_machines=True,
    ),
    Agent(
        "ag_3",
        "Satisfaction survey",
        greeting="Hello {prospectName}, may I ask you three short questions?",
        instructions="Ask how content {prospectName} is with the {plan} plan, from 1 to 5.",
        voice="sofia",
        max_call_duration=5,
    ),
)
