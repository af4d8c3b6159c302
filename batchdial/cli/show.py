"""Plans and reports in words."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from batchdial.cli.text import duration, moment, plural, typed
from batchdial.models import API_FIELDS, CallStatus
from batchdial.rules.cells import mask_email, mask_number, printable
from batchdial.rules.masking import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchdial.forecast import Forecast
    from batchdial.intake import Checked
    from batchdial.models import ColumnMap, FieldMap, Reading
    from batchdial.planning import Plan
    from batchdial.results.summary import Report, Tally
    from batchdial.rules.budget import Estimate

_ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 with BOM"}
#: Reasons that read badly with their underscores left out.
_REASONS = {
    "needs_region": "no country code (--region)",
    "bad_region": "unknown country",
    "excel_scientific": "digits lost in a spreadsheet",
    "empty": "no number",
    "not_valid": "not in use",
    "number_type": "kind of number (--allow-types)",
    "same_number": "same number as an earlier row",
    "other_list": "in another list",
    "already_called": "called before",
    "refused_by_service": "refused by the service",
    "no_call_id": "no callId",
    "dnc_list": "on a do-not-call list",
    "dnc_prefix": "begins as a do-not-call list says",
    "dnc_ledger": "on the ledger's own list",
    "no_zone": "time zone not known",
    "campaign_over": "the end came first",
}
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}


def show_checked(
    checked: Checked, say: Callable[[str], object], *, is_compared: bool = False
) -> None:
    """
    What was understood of a file, and what its rows are worth.

    Args:
        checked: The file.
        say: Says a line.
        is_compared: Whether the agent is asked next, which blank cells matter to it.
    """
    reading = checked.reading
    say(f"{printable(reading.name)}  {plural(checked.tally.total, 'row')} · {_form(reading)}")
    for note in reading.notes:
        say(f"  {printable(note)}")
    _show_columns(checked.columns, reading.header, checked.examples, say)
    say("")
    _show_verdicts(checked.tally, say)
    for contact in checked.problems:
        say(f"  Row {contact.row}: {masked(printable(contact.verdict.detail))}")
    hidden = checked.tally[CallStatus.INVALID] - len(checked.problems)
    if hidden > 0:
        say(f"  … and {hidden:,} more; after a run, the results file names each.")
    for name, number in checked.blanks.items():
        if not is_compared and name != "phoneNumber":
            lacks = "blank or no address" if name == "email" else "blank"
            rows = f"{plural(number, 'row')} that can be called"
            say(f"  {{{printable(name)}}} is {lacks} in {rows}.")
    if checked.examples:
        say("")
        _show_examples(checked.examples, say)


def checked_as_json(checked: Checked) -> dict[str, Any]:
    """The same for programs."""
    reading = checked.reading
    return {
        "file": reading.name,
        "kind": reading.kind,
        "encoding": reading.encoding,
        "delimiter": reading.delimiter,
        "sheet": reading.sheet,
        "headerRow": reading.header_row,
        "isResults": reading.is_results,
        "notes": list(reading.notes),
        "mapping": [
            {
                "field": one.field,
                "columns": [reading.header[index] for index in one.columns],
                "how": one.how,
                "sure": round(one.sure, 2),
                "alsoPossible": [reading.header[index] for index in one.also],
            }
            for one in checked.columns.fields
        ],
        "notSent": [reading.header[index] for index in checked.columns.unused],
        **checked.tally.as_json(),
        "blank": checked.blanks,
        "examples": checked.examples,
        "problems": [
            {"row": one.row, "reason": one.verdict.reason, "detail": one.verdict.detail}
            for one in checked.problems
        ],
    }


def show_plan(plan: Plan, say: Callable[[str], object], *, is_compared: bool) -> None:
    """What would be dialled; whether the agent is asked next, see `show_checked`."""
    name, tally = plan.campaign.name, plan.tally
    if plan.checked:
        for checked in plan.checked:
            show_checked(checked, say, is_compared=is_compared)
        known = tally.called_before
        if known:
            new = tally.total - known
            say(f"\n{name}: {plural(new, 'other row')}, {known:,} called before.")
    else:
        if plan.number:
            say(f"{name}: {tally.equation()}")
            _show_examples(plan.examples, say)
    if not plan.number:
        say(f"{name}: nothing to do. {_done(name, tally)}")
        return
    if plan.elsewhere:
        say(
            f"\nThis very list was run before, as {', '.join(map(printable, plan.elsewhere))}. "
            f"In {printable(name)} everybody in it is called again.\n"
            f"To go on with it instead: --campaign {typed(plan.elsewhere[0])}"
        )


def plan_as_json(plan: Plan, forecast: Forecast | None, *, is_compared: bool) -> dict[str, Any]:
    """The plan and what lies ahead, for programs; whether the agent was asked for it."""
    return {
        "campaign": plan.campaign.name,
        "agent": plan.campaign.agent,
        "ledger": plan.ledger,
        "calls": plan.number,
        "mayHaveRung": plan.doubtful,
        "ranAs": list(plan.elsewhere),
        "rate": plan.rate,
        **plan.tally.as_json(),
        "examples": plan.examples,
        **({} if forecast is None else _forecast_as_json(forecast, is_compared)),
    }


def _forecast_as_json(forecast: Forecast, is_compared: bool) -> dict[str, Any]:
    ahead, each = forecast.estimate, forecast.estimate.each
    return {
        "estimate": {
            "calls": ahead.calls,
            "left": ahead.left,
            "begin": ahead.begin and ahead.begin.isoformat(),
            "finish": ahead.finish and ahead.finish.isoformat(),
            "minutes": ahead.minutes._asdict(),
            "money": ahead.money and {k: str(v) for k, v in ahead.money._asdict().items()},
            "basedOn": each.known,
        },
        "preflight": [
            {"topic": one.topic, "variable": one.variable, "rows": one.rows, "text": one.text}
            for one in forecast.findings
        ]
        if is_compared
        else None,
    }


def show_agent(plan: Plan, forecast: Forecast, say: Callable[[str], object]) -> None:
    """Who will call, at which service, and what the list lacks for it."""
    agent, agent_id = forecast.agent, plan.campaign.agent
    name = f"“{printable(str(agent.get('name', '')))}” ({agent_id})" if agent else agent_id
    say(f"\nAgent {name} calls through {plan.campaign.service}.")
    for one in forecast.findings:
        say(f"  {one.text}")


def show_estimate(plan: Plan, forecast: Forecast, say: Callable[[str], object]) -> None:
    """What it takes, and what it is based on."""
    ahead = forecast.estimate
    done = "" if ahead.finish is None else f", done about {_when(ahead)}"
    say(f"\n{plural(ahead.calls, 'call')} at {plan.rate}{done}. Ledger {plan.ledger}")
    for line in _hours(forecast, plan.number):
        say(f"  {line}")
    for line in _cost(forecast):
        say(f"  {line}")
    if plan.doubtful:
        say(f"{plan.doubtful:,} of them may have rung already, and would ring again.")


def _hours(forecast: Forecast, number: int) -> Iterator[str]:
    """`640 can be called now, 508 from 08:00 (America/New_York and 3 more)`."""
    waits, start = forecast.waits, forecast.estimate.start
    is_ahead = start > datetime.now(UTC)
    if is_ahead:
        yield f"Nobody is called before {moment(start)}, when the campaign begins"
    if not waits:
        return
    number -= sum(wait.rows for wait in waits)
    now = "then" if is_ahead else "now"
    yield f"{number:,} can be called {now}" if number else f"Nobody can be called {now}"
    for wait in waits:
        more = f" and {len(wait.zones) - 1:,} more" if len(wait.zones) > 1 else ""
        where = f" ({wait.zones[0]}{more})" if wait.zones else ""
        if wait.until is None:
            yield f"{wait.rows:,} never: nobody can say which time it is for them"
        else:
            yield f"{wait.rows:,} from {moment(wait.until)}{where}"


def _when(ahead: Estimate) -> str:
    """`14:52 (19 min)`, with the day where that is not today."""
    now = datetime.now().astimezone()
    end = (ahead.finish or now).astimezone()
    day = "" if end.date() == now.date() else f"{end:%Y-%m-%d} "
    taken = end - ahead.start
    return f"{day}{end:%H:%M} ({duration(taken.total_seconds())})"


def _cost(forecast: Forecast) -> Iterator[str]:
    """Money, minutes, and what the caps leave."""
    ahead, each = forecast.estimate, forecast.estimate.each
    if ahead.calls:
        low, likely, worst = ahead.minutes
        minutes = f"likely {likely:,} minutes ({low:,} to {worst:,})"
        money = ""
        if ahead.money is not None:
            cheap, usual, dear = ahead.money
            money = f"likely {usual:,.2f} to pay ({cheap:,.2f} to {dear:,.2f}), "
        basis = (
            f"as its last {plural(each.known, 'call')}"
            if each.known
            else "an assumption until calls of this agent are known"
        )
        yield f"{money}{minutes}: {float(each.likely):.3g} a call, {basis}"
    refusal = forecast.budget.refuse(forecast.used)
    if refusal is not None:
        yield f"{refusal.text} Raise it to call."
    elif left := ahead.left - forecast.never:
        yield _left(forecast, left)


def _left(forecast: Forecast, left: int) -> str:
    """What becomes of rows whose turn does not come."""
    rows, each = plural(left, "row"), forecast.estimate.each.likely
    if forecast.fits is not None:
        fits = f"{forecast.fits.astimezone():%Y-%m-%d %H:%M}"
        return f"{rows} would expire: the end comes before their turn. --end-at '{fits}' would do."
    if forecast.budget.room(forecast.used, each) == forecast.estimate.calls:
        return f"{rows} would stay pending: the budget has no room for more."
    return f"{rows} would stay pending: their turn does not come in time."


def show_report(report: Report, say: Callable[[str], object], *, brief: bool) -> None:
    """What came of it, and what to do with each kind of row; briefly, only where it stands."""
    if not brief:
        say("")
        if report.stopped:
            say(report.stopped)
        say(f"{report.campaign}  {report.tally.equation()}")
        for warning in report.warnings:
            say(f"  {warning}")
        for line in _advice(report):
            say(f"  {line}")
    for path in report.outputs:
        say(f"  results    {path}")


def _advice(report: Report) -> list[str]:
    """One line for each kind of row that wants something done."""
    name, tally = report.campaign, report.tally
    lines = []
    if tally[CallStatus.PENDING]:
        lines.append(
            _line(tally, CallStatus.PENDING, "not sent yet.", f"batchdial resume {typed(name)}")
        )
    if tally[CallStatus.FAILED]:
        lines.append(
            _line(tally, CallStatus.FAILED, "nobody was called.", f"batchdial retry {typed(name)}")
        )
    if tally[CallStatus.UNKNOWN]:
        text = "may have rung; not called again unless you say so."
        command = f"batchdial retry --include-unknown {typed(name)}"
        lines.append(_line(tally, CallStatus.UNKNOWN, text, command))
        for contact in report.unknown:
            number = mask_number(contact.verdict.e164 or "")
            said = masked(printable(contact.verdict.detail, 400))
            lines.append(f"             row {contact.row}, {number}: {said}")
        log = f"batchdial reconcile {typed(name)} FILE"
        lines.append(f"             A call log or a webhook's payload can settle them:   {log}")
    if tally[CallStatus.EXPIRED]:
        text, command = "not called.", f"batchdial retry {typed(name)}"
        lines.append(_line(tally, CallStatus.EXPIRED, text, command))
    if tally[CallStatus.SUPPRESSED]:
        text = "must not be called; “detail” in the results file says why."
        lines.append(_line(tally, CallStatus.SUPPRESSED, text))
    if tally[CallStatus.INVALID]:
        text = "see “detail” in the results file; correct the numbers there and feed it back."
        lines.append(_line(tally, CallStatus.INVALID, text))
    if tally[CallStatus.DIALING]:
        lines.append(_line(tally, CallStatus.DIALING, "in flight, in another process."))
    return lines


def _line(tally: Tally, status: CallStatus, text: str, command: str = "") -> str:
    # Why rows are invalid was said with the plan, and stands in the results file for each.
    reasons = "" if status is CallStatus.INVALID else _reasons(tally, status)
    told = f"{status:8} {tally[status]:>5,}  {text}"
    return told + (f" ({reasons})" if reasons else "") + (f"   {command}" if command else "")


def _reasons(tally: Tally, status: CallStatus) -> str:
    """`17 no country code (--region), 8 digits lost in a spreadsheet`."""
    return ", ".join(
        f"{n:,} {_REASONS.get(why, why.replace('_', ' '))}"
        for why, n in tally.reasons(status).items()
    )


def _done(name: str, tally: Tally) -> str:
    called = tally[CallStatus.SUCCESS] + tally.called_before
    parts = [f"{called:,} called"]
    if tally[CallStatus.FAILED]:
        parts.append(f"{tally[CallStatus.FAILED]:,} failed (batchdial retry {typed(name)})")
    if tally[CallStatus.PENDING]:
        parts.append(f"{tally[CallStatus.PENDING]:,} pending (batchdial resume {typed(name)})")
    if tally[CallStatus.EXPIRED]:
        parts.append(f"{tally[CallStatus.EXPIRED]:,} expired (batchdial retry {typed(name)})")
    if tally[CallStatus.UNKNOWN]:
        parts.append(f"{tally[CallStatus.UNKNOWN]:,} unknown")
    again = "\nTo call everybody again: --again, or another --campaign name." if called else ""
    return ", ".join(parts) + "." + again


def _form(reading: Reading) -> str:
    if reading.kind == "xlsx":
        form = f"sheet “{printable(reading.sheet or '')}”"
    else:
        divider = _DELIMITERS.get(reading.delimiter or "", repr(reading.delimiter))
        codec = reading.encoding or ""
        form = f"{_ENCODINGS.get(codec, codec)} · {divider}"
    ours = " · a results file" if reading.is_results else ""
    return f"{form} · header in row {reading.header_row}{ours}"


def _show_columns(
    columns: ColumnMap,
    header: tuple[str, ...],
    examples: list[dict[str, str]],
    say: Callable[[str], object],
) -> None:
    for one in columns.fields:
        if one.how == "variable":
            continue
        source = " + ".join(f"“{printable(header[index])}”" for index in one.columns)
        say(f"  {one.field:13} ← {source}{_guess(one)}  {_samples(one, examples)}".rstrip())
        if one.also:
            others = ", ".join(f"“{printable(header[index])}”" for index in one.also)
            names = ",".join(printable(header[index]) for index in (*one.columns, *one.also))
            say(f"{'':17} not used: {others} (--map {one.field}={shlex.quote(names)})")
    variables = [one.field for one in columns.fields if one.how == "variable"]
    if variables:
        say(f"  {', '.join(map(printable, variables))} ← sent as variables")
    if columns.unused:
        names = ", ".join(f"“{printable(header[index])}”" for index in columns.unused)
        say(f"  not sent: {names} (--map variableName=COLUMN sends one)")


def _guess(one: FieldMap) -> str:
    """How a column was found, where that was not by its exact name; and the flag that decides."""
    if one.how in {"exact", "flag"}:
        return ""
    by = {"similar": "by a similar name", "content": "by its content"}.get(one.how, one.how)
    return f" ({by}, {one.sure:.0%} sure; --map {one.field}=COLUMN)"


def _samples(one: FieldMap, examples: list[dict[str, str]]) -> str:
    return ", ".join(
        _masked(one.field, body[one.field]) for body in examples[:2] if one.field in body
    )


def _masked(field: str, value: str) -> str:
    if field == "phoneNumber":
        return mask_number(value)
    return mask_email(printable(value)) if field == "email" else masked(printable(value, 40))


def _show_verdicts(tally: Tally, say: Callable[[str], object]) -> None:
    for status, number in tally.statuses().items():
        words = "can be called" if status is CallStatus.PENDING else str(status)
        say(f"  {number:>9,}  {words:14}{_reasons(tally, status)}".rstrip())


def _show_examples(examples: list[dict[str, str]], say: Callable[[str], object]) -> None:
    say("The first request:" if len(examples) == 1 else f"The first {len(examples)} requests:")
    for body in examples:
        shown = {
            name: _masked(name if name in API_FIELDS else "", value) for name, value in body.items()
        }
        say(f"  {json.dumps(shown, ensure_ascii=False)}")
