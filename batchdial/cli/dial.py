"""The commands that read lists and dial: check, run, resume, retry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchdial.cli import options
from batchdial.cli.text import is_terminal, plural, put, say, typed
from batchdial.errors import ExitCode, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batchdial.campaign import Session
    from batchdial.planning import Plan
    from batchdial.settings import Settings

PATH = click.Path(path_type=Path, dir_okay=False)
SAVE_MAPPING = click.option(
    "--save-mapping", type=PATH, help="Write the mapping to a file for --mapping."
)
INCLUDE_UNKNOWN = click.option(
    "--include-unknown", is_flag=True, help="Also rows that may have rung already."
)


@click.command()
@click.argument("file", type=click.Path(path_type=str), required=False)
@click.option("--output", "-o", type=PATH, help="Write the list with its verdicts to this file.")
@options.flags([options.CONFIG[0]], options.NAME, options.READING, [SAVE_MAPPING], options.TALK)
def check(
    file: str | None,
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
    files = _files(settings, [file] if file else [])
    if len(files) > 1 and (output or save_mapping):
        raise click.UsageError("Several lists: name the one that -o or --save-mapping is for.")
    found = []
    for one in files:
        source = Source.open(one, settings)
        if save_mapping is not None:
            source.save_mapping(save_mapping)
        name = settings.campaign
        checked = judge(source) if output is None else write_checked(source, output, name)
        found.append(checked)
        if not as_json and not quiet:
            show_checked(checked, click.echo)
        if output is not None and not quiet:
            say(f"{output}  {plural(checked.tally.total, 'row')}; correct it and feed it to run.")
    if as_json:
        told = [checked_as_json(checked) for checked in found]
        put(told if len(told) > 1 else told[0])
    return ExitCode.OK if all(checked.examples for checked in found) else ExitCode.NO_INPUT


def _files(settings: Settings, given: Sequence[str]) -> Sequence[str]:
    """The lists that are meant: those of the command line, else those of the settings."""
    files = given or settings.list
    if not files:
        raise click.UsageError('Which list? Name a FILE, or put list = "FILE" into --config.')
    return files


@click.command()
@click.argument("files", metavar="[FILE]...", type=click.Path(path_type=str), nargs=-1)
@click.option("--again", is_flag=True, help="Call everybody again, also who was called.")
@options.flags(*options.FOR_A_FILE)
def run(files: tuple[str, ...], again: bool, **given: Any) -> int:
    """
    Check a list, show the plan, ask, dial, write the results. Safe to repeat.

    Several files are lists of one campaign; a number in two of them is called once. Without a
    file, the lists that `list` in the campaign file names.
    """
    from batchdial.opening import open_run

    talk = _Talk(given)
    settings = options.settings_of(given)
    lists = _files(settings, files)

    def opener(settings: Settings) -> Session:
        return open_run(settings, *lists, again=again)

    return _dial(settings, opener, talk, may_ask_region="-" not in lists, is_run=True)


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
    is_run: bool = False,
) -> int:
    """
    Plan, ask, dial, report: the same for all commands that dial.

    After the rows of `--canary`, a `run` that asks nobody dials no others: `resume` is a
    person's word.
    """
    from batchdial.cli.progress import dial

    if not talk.dry_run:
        settings.key()  # better known before a long list is read
    ask = is_terminal() and not talk.yes
    with _opened(settings, opener, ask=ask and may_ask_region) as session:
        plan = session.plan()
        _look_ahead(session, plan, talk)
        if talk.dry_run:
            return ExitCode.OK if plan.number else ExitCode.NO_INPUT
        if settings.test_to is not None:
            return _test_call(session, settings.test_to, talk, ask=ask)
        signalled = 0
        if plan.number:
            _ask_about_ledger(session, ask=ask)
            _ask(plan.number, plan.doubtful, ask=ask, yes=talk.yes)
        session.agree(by_hand=ask)
        if plan.number or session.follows:
            stopped = _canary(session, talk, ask=ask, is_word=ask or not is_run)
            signalled = dial(session, plan.number, quiet=talk.quiet) if stopped is None else stopped
        code = _finish(session, talk, brief=not plan.checked and not plan.number)
    return signalled or code


def _canary(session: Session, talk: _Talk, *, ask: bool, is_word: bool) -> int | None:
    """
    Dial the first rows of `--canary`, show what they came to, and ask.

    Returns:
        None where the others are dialled, too; else the exit code, 0 where the report has one.
    """
    from batchdial.cli.progress import dial

    number, name = session.canary, typed(session.campaign.name)
    if not number and session.is_on_trial and not is_word:
        say(f"Only rows of --canary were called so far. Go on: batchdial resume {name}")
        return ExitCode.STOPPED
    if not number:
        return None
    signalled = dial(session, number, quiet=talk.quiet, is_canary=True)
    if signalled or session.has_ended:
        return signalled
    counts = ", ".join(f"{n:,} {outcome}" for outcome, n in session.came_to().items())
    say(f"\nThe first {plural(number, 'row')} came to: {counts or 'nothing yet'}.")
    if not ask:
        say(f"Stopped after --canary {number}. Go on: batchdial resume {name}")
        return ExitCode.STOPPED
    return None if click.confirm("Go on with the others?", err=True) else ExitCode.STOPPED


def _look_ahead(session: Session, plan: Plan, talk: _Talk) -> None:
    """Show what would be dialled, by whom, and what it takes; a plan without a call asks nobody."""
    from batchdial.cli import show

    tell = _unheard if talk.quiet else say
    asks_agent = bool(plan.number) and (session.settings.strict or not talk.dry_run)
    show.show_plan(plan, tell, is_compared=asks_agent)
    forecast = None
    for warning in session.warnings():
        tell(warning)
    if plan.number:
        forecast = session.forecast(session.agent() if asks_agent else None)
        if asks_agent:
            show.show_agent(plan, forecast, tell)
        show.show_estimate(plan, forecast, tell)
        session.require(forecast)
    if talk.dry_run and talk.as_json:
        put(show.plan_as_json(plan, forecast, is_compared=asks_agent))


def _unheard(_: str) -> None:
    """What --quiet does with what is not wrong."""


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
    from batchdial.lists.parsing import region_named

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
    people = "1 person" if number == 1 else f"{number:,} people"
    doubt = f" ({doubtful:,} may have rung already)" if doubtful else ""
    _confirm(f"Call {people}{doubt}?", ask=ask, yes=yes)


def _confirm(question: str, *, ask: bool, yes: bool) -> None:
    if yes:
        return
    if not ask:
        raise click.UsageError(
            "Nobody was called: there is no terminal to ask. Add --yes to dial without a question."
        )
    if not click.confirm(question, err=True):
        raise click.exceptions.Exit(ExitCode.OK)


def _test_call(session: Session, text: str, talk: _Talk, *, ask: bool) -> int:
    """Call one's own number as the first row would be called, and nobody else."""
    from batchdial.models import CallStatus
    from batchdial.rules.cells import mask_number, printable
    from batchdial.testcall import body_for, place

    body = body_for(session, text)
    number = mask_number(body["phoneNumber"])
    _confirm(f"Call your own number {number} now, as the first row?", ask=ask, yes=talk.yes)
    came = place(session, body)
    if talk.as_json:
        put({"testTo": number, "status": came.status, "callId": came.call_id,
             "reason": came.reason, "detail": came.detail})  # fmt: skip
    if not talk.quiet:
        accepted = f"accepted, callId {printable(came.call_id)}."
        said = accepted if came.status is CallStatus.SUCCESS else printable(came.detail, 400)
        say(f"\nTest call to {number}: {said}")
        say("No row was called. To call them: the same command without --test-to.")
    return ExitCode.OK if came.status is CallStatus.SUCCESS else ExitCode.UNFINISHED


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
