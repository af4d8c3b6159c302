"""The command `batchdial`: its subcommands, and the one place where errors become text."""

from __future__ import annotations

import os
import sys
import traceback
from typing import NoReturn

import click

from batchdial import __version__
from batchdial.cli import dial, look, service
from batchdial.cli.text import say
from batchdial.errors import BatchDialError, ExitCode

EPILOG = """
Begin with `batchdial check leads.csv`, which dials nothing, or rehearse against
`batchdial sandbox`. Every flag is also a BATCHDIAL_<NAME> variable and a key of --config.
"""


class Commands(click.Group):
    """Lists the commands in the order in which they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """As they were added."""
        return list(self.commands)


@click.group(
    cls=Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="batchdial")
def cli() -> None:
    """
    Dial a contact list through the Cald AI phone-call API.

    Every number is called at most once in a campaign, and every row comes back with
    what became of it.
    """


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """
    Print the shell completion script.

    bash: eval "$(batchdial completion bash)", in ~/.bashrc
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is not None:
        click.echo(found(cli, {}, "batchdial", "_BATCHDIAL_COMPLETE").source())


for command in (
    dial.check,
    dial.run,
    dial.resume,
    dial.retry,
    look.status,
    look.results,
    look.campaigns,
    service.agents,
    service.template,
    service.doctor,
    service.sandbox,
    completion,
):
    cli.add_command(command)


def main() -> NoReturn:
    """Run a command; nobody ever sees a traceback."""
    try:
        code = cli.main(standalone_mode=False, prog_name="batchdial")
    except click.exceptions.Abort:
        say("\nStopped. Nobody is called now.")
        code = ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        say("\nStopped. Nobody is called now.")
        code = ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except BatchDialError as error:
        say(str(error))
        code = error.exit_code
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.CANNOT_WRITE
    except Exception as error:  # noqa: BLE001 (the last resort)
        say(_bug(error))
        code = ExitCode.BUG
    sys.exit(int(code or 0))


def _bug(error: Exception) -> str:
    """Where it happened, without the values that an error's own text may quote."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "batchdial" in frame.filename] or frames
    place = f"{os.path.basename(ours[-1].filename)}, line {ours[-1].lineno}"
    return (
        f"This is a fault of batchdial {__version__}: {type(error).__name__} in {place}.\n"
        "Nothing that was called is forgotten; `batchdial status` says where it stands. "
        "Please report this line."
    )
