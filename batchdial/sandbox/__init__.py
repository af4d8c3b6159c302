"""Requests to a make-believe Cald come in; answers, calls that end, and a journal go out."""

from batchdial.sandbox.agents import Agent
from batchdial.sandbox.journal import Record
from batchdial.sandbox.running import Sandbox, run_sandbox
from batchdial.sandbox.settings import SANDBOX_KEY, SandboxSettings

__all__ = ["SANDBOX_KEY", "Agent", "Record", "Sandbox", "SandboxSettings", "run_sandbox"]
