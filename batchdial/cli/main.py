"""The command `batchdial`: its subcommands, and the one place where errors become text."""

from __future__ import annotations

import errno
import gc
import io
import os
import sys
from contextlib import suppress
from typing import NoReturn

import click

from batchdial import __version__
from batchdial.cli import calls, campaign_file, control, dial, look, service, upkeep
from batchdial.cli.suppress import suppress as suppress_command
from batchdial.cli.text import say
from batchdial.errors import BatchDialError, ExitCode

EPILOG = """
Begin with `batchdial check leads.csv`, which dials nothing, or rehearse against
`batchdial sandbox`. Every flag is also a BATCHDIAL_<NAME> variable and a key of --config.
"""


#: Why a disk, a quota or a terminal that was closed takes nothing more.
_FULL = {errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}


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
    control.pause,
    control.cancel,
    control.audit,
    calls.outcomes,
    suppress_command,
    upkeep.reconcile,
    upkeep.purge,
    service.agents,
    service.template,
    campaign_file.init,
    service.doctor,
    service.sandbox,
    completion,
):
    cli.add_command(command)


def main() -> NoReturn:
    """Run a command; nobody ever sees a traceback, and no file has the memory of a crash."""
    _leave_no_core()
    _start_light()
    try:
        _refuse_bytes()
        code = cli.main(standalone_mode=False, prog_name="batchdial")
    except click.exceptions.Abort:
        say("\nStopped. Nobody is called now.")
        code = ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        say("\nStopped. Nobody is called now.")
        code = ExitCode.INTERRUPTED
    except click.ClickException as error:
        told = io.StringIO()
        error.show(file=told)
        _refuse(told.getvalue().rstrip("\n"))
        code = error.exit_code
    except BatchDialError as error:
        _refuse(str(error))
        code = error.exit_code
    except BrokenPipeError:
        _let_output_go()
        code = ExitCode.CANNOT_WRITE
    except Exception as error:  # noqa: BLE001 (the last resort)
        if isinstance(error, OSError) and error.errno in _FULL:
            _let_output_go()
            say(f"The output cannot be written: {error.strerror}. Nothing in the ledger is lost.")
            code = ExitCode.CANNOT_WRITE
        else:
            say(_bug(error))
            code = ExitCode.BUG
    gc.freeze()  # what is left goes with the process; to look through it would take 0.2 s
    sys.exit(int(code or 0))


def _start_light() -> None:
    """
    Save what would be done for nothing: each command starts in a tenth less.

    Most of what is made at first is loaded and stays, so that nothing is found among it. httpx
    has a command of its own, and does without where what that needs (rich, pygments) is missing.
    """
    gc.set_threshold(200_000, 20, 100)
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # not to be loaded


def _refuse(text: str) -> None:
    """Say what is wrong, without a key that somebody may have typed."""
    from batchdial.rules.masking import without_keys

    say(without_keys(text))


def _let_output_go() -> None:
    """Whoever read our output has gone; Python must not complain about it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave_no_core() -> None:
    """A core file would hold the key and everybody's number; whoever debugs may raise the limit."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def _refuse_bytes() -> None:
    """Names that are no text cannot be recorded, nor said."""
    for text in sys.argv[1:]:
        if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
            shown = text.encode(errors="surrogateescape").decode(errors="replace")
            raise click.UsageError(f"{shown} is no valid text. Give the file a name that is.")


def _bug(error: Exception) -> str:
    """Where it happened, without the values that an error's own text may quote."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "batchdial" in frame.filename] or frames
    place = f"{os.path.basename(ours[-1].filename)}, line {ours[-1].lineno}"
    return (
        f"This is a fault of batchdial {__version__}: {type(error).__name__} in {place}.\n"
        "Nothing that was called is forgotten; `batchdial status` says where it stands. "
        "Please report this line."
    )
