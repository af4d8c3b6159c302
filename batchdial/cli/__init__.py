"""A command line comes in; text on the terminal, data on stdout and an exit code go out."""

from batchdial.cli.main import main

__all__ = ["main"]
