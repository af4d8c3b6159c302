"""The commands that read lists and dial: check, run, resume, retry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchdial.cli import options
from batchdial.cli.text import is_terminal, plural, put, say
from batchdial.errors import ExitCode, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchdial.campaign import Session
    from batchdial.settings import Settings

FILE = click.argument("file", type=click.Path(path_type=str))
PATH = click.Path(path_type=Path, dir_okay=False)
SAVE_MAPPING = click.option(
    "--save-mapping", type=PATH, help="Write the mapping to a file for --mapping."
)
INCLUDE_UNKNOWN = click.option(
    "--include-unknown", is_flag=True, help="Also rows that may have rung already."
)


@click.command()
@FILE
@click.option("--output", "-o", type=PATH, help="Write the list with its verdicts to this file.")
@options.flags([options.CONFIG[0]], options.NAME, options.READING, [SAVE_MAPPING], options.TALK)
def check(
    file: str,
    output: Path | None,
    save_mapping: Path | None,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Read, map and clean a list. Dials nothing, needs no network."""
    from batchdial.cli.show import checked_as_json, show_checked
    from batchdial.intake import Source, write_checked
    from batchdial.intake import check as judge

    settings = options.settings_of(given)
    source = Source.open(file, settings)
    if save_mapping is not None:
        source.save_mapping(save_mapping)
    checked = judge(source) if output is None else write_checked(source, output, settings.campaign)
    if as_json:
        put(checked_as_json(checked))
    elif not quiet:
        show_checked(checked, click.echo)
    if output is not None and not quiet:
        say(f"{output}  {plural(checked.tally.total, 'row')}; correct it and feed it to run.")
    return ExitCode.OK if checked.examples else ExitCode.NO_INPUT


@click.command()
@click.argument("files", metavar="FILE...", type=click.Path(path_type=str), nargs=-1, required=True)
@click.option("--again", is_flag=True, help="Call everybody again, also who was called.")
@options.flags(*options.FOR_A_FILE)
def run(files: tuple[str, ...], again: bool, **given: Any) -> int:
    """
    Check a list, show the plan, ask, dial, write the results. Safe to repeat.

    Several files are lists of one campaign; a number in two of them is called once.
    """
    from batchdial.opening import open_run

    talk = _Talk(given)
    settings = options.settings_of(given)

    def opener(settings: Settings) -> Session:
        return open_run(settings, *files, again=again)

    return _dial(settings, opener, talk, may_ask_region="-" not in files)


@click.command()
@click.argument("campaign", required=False)
@options.flags(*options.FOR_A_CAMPAIGN)
def resume(campaign: str | None, **given: Any) -> int:
    """Go on with the pending rows of a campaign, by default the latest."""
    from batchdial.opening import open_resume

    talk = _Talk(given)
    return _dial(options.settings_of(given), lambda one: open_resume(one, campaign), talk)


@click.command()
@click.argument("target", metavar="[CAMPAIGN|FILE]", required=False)
@INCLUDE_UNKNOWN
@options.flags(*options.FOR_A_FILE)
def retry(target: str | None, include_unknown: bool, **given: Any) -> int:
    """
    Dial again what is safe to dial again.

    Of a campaign, or of a results file, in which numbers may have been corrected by hand.
    """
    from batchdial.opening import open_retry, open_retry_file

    talk = _Talk(given)
    settings = options.settings_of(given)

    def opener(settings: Settings) -> Session:
        if target is not None and _is_file(target):
            return open_retry_file(settings, target, include_unknown=include_unknown)
        name = target or settings.campaign
        return open_retry(settings, name, include_unknown=include_unknown)

    return _dial(settings, opener, talk)


def _is_file(target: str) -> bool:
    """Whether a file is meant rather than a campaign, also where there is no such file."""
    path = Path(target)
    return target == "-" or path.is_file() or path.suffix in {".csv", ".tsv", ".txt", ".xlsx"}


class _Talk:
    """How the command speaks, taken out of its flags."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.as_json: bool = given.pop("as_json")
        self.quiet: bool = given.pop("quiet")
        self.dry_run: bool = given.pop("dry_run")
        self.yes: bool = given.pop("yes")


def _dial(
    settings: Settings,
    opener: Callable[[Settings], Session],
    talk: _Talk,
    *,
    may_ask_region: bool = False,
) -> int:
    """Plan, ask, dial, report: the same for all commands that dial."""
    from batchdial.cli import show
    from batchdial.cli.progress import dial

    if not talk.dry_run:
        settings.key()  # better known before a long list is read
    ask = is_terminal() and not talk.yes
    with _opened(settings, opener, ask=ask and may_ask_region) as session:
        plan = session.plan()
        if not talk.quiet:
            show.show_plan(plan, say)
        if talk.dry_run:
            if talk.as_json:
                put(show.plan_as_json(plan))
            return ExitCode.OK if plan.number else ExitCode.NO_INPUT
        signalled = 0
        if plan.number:
            agent = session.agent()
            if not talk.quiet:
                show.show_agent(session.campaign.agent, agent, plan, say)
            _ask_about_ledger(session, ask=ask)
            _ask(plan.number, plan.doubtful, ask=ask, yes=talk.yes)
        session.agree()
        if plan.number:
            signalled = dial(session, plan.number, quiet=talk.quiet)
        code = _finish(session, talk, brief=not plan.checked and not plan.number)
    return signalled or code


def _opened(settings: Settings, opener: Callable[[Settings], Session], *, ask: bool) -> Session:
    """Open a session, with the country that its numbers are from."""
    from batchdial.cli.show import show_checked
    from batchdial.models import CallStatus

    session = opener(settings)
    files = session.plan().checked
    lost = sum(one.tally.by_reason[CallStatus.INVALID, "needs_region"] for one in files)
    if not (ask and lost) or settings.region:
        return session
    try:
        for one in files:
            show_checked(one, say)
        answer = click.prompt(
            f"\n{plural(lost, 'number')} without a country code. Which country are they from? "
            "(GB, US, FR …, or none)",
            default="none",
            value_proc=_region,
            err=True,
        )
    except BaseException:
        session.close()
        raise
    if not answer:
        return session
    session.close()
    return opener(settings.model_copy(update={"region": answer}))


def _region(text: str) -> str:
    """Two letters of a country, or nothing for none."""
    from batchdial.lists.cleaning import region_named

    if text.strip().lower() in {"none", ""}:
        return ""
    code = region_named(text)
    if code is None:
        raise click.UsageError(f"there is no country {text.strip()!r}; give its code or name")
    return code


def _ask_about_ledger(session: Session, *, ask: bool) -> None:
    """Where nobody can be asked, a ledger in doubt is refused by the session."""
    if ask and session.doubt:
        say(session.doubt)
        if not click.confirm("Was nobody called since from elsewhere? Go on with it?", err=True):
            raise click.exceptions.Exit(ExitCode.OK)
        session.trust()


def _ask(number: int, doubtful: int, *, ask: bool, yes: bool) -> None:
    if yes:
        return
    if not ask:
        raise click.UsageError(
            "Nobody was called: there is no terminal to ask. Add --yes to dial without a question."
        )
    people = "1 person" if number == 1 else f"{number:,} people"
    doubt = f" ({doubtful:,} may have rung already)" if doubtful else ""
    if not click.confirm(f"Call {people}{doubt}?", err=True):
        raise click.exceptions.Exit(ExitCode.OK)


def _finish(session: Session, talk: _Talk, *, brief: bool) -> int:
    """Write the results and say what came of it; the summary is said even if writing fails."""
    from batchdial.cli import show

    failure: OutputError | None = None
    try:
        session.record()
    except OutputError as error:
        failure = error
    report = session.report()
    if talk.as_json:
        put(report.as_json())
    if not talk.quiet:
        show.show_report(report, say, brief=brief)
    if failure is not None:
        raise failure
    return report.exit_code
