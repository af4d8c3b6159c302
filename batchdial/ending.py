"""Why dialling ended: in words for a person, as an exit code for a script."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from batchdial.dialing.terms import Stop
from batchdial.errors import BatchDialError, ExitCode, LedgerError
from batchdial.models import CallStatus
from batchdial.rules.cells import mask_number, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from batchdial.dialing.terms import Ending
    from batchdial.models import Claimed, Settlement
    from batchdial.results.summary import Tally

#: Exit codes of the refusals that stop a campaign; any other is `UNAVAILABLE`.
_REFUSALS = {
    "key_refused": ExitCode.KEY_REFUSED,
    "forbidden": ExitCode.KEY_REFUSED,
    "payment_required": ExitCode.STOPPED,
    "not_found": ExitCode.CONFIG,
}


def in_words(ending: Ending, tally: Tally, key_origin: Callable[[], str]) -> str:
    """Why dialling ended before the rows did; empty if it did not."""
    said = ending.settlement.detail if ending.settlement else ending.said
    number = tally[CallStatus.PENDING]
    waiting = "1 row is pending" if number == 1 else f"{number:,} rows are pending"
    if ending.stop is Stop.REFUSED:
        refused = exit_code(ending, tally) is ExitCode.KEY_REFUSED
        key = f" The key came from {key_origin()}." if refused else ""
        return f"Stopped. {said}{key} {waiting}."
    if ending.stop is Stop.BROKEN:
        error = ending.error
        fault = f"a fault of batchdial, {type(error).__name__}"
        return f"Stopped: {error if isinstance(error, BatchDialError) else fault}"
    over = tally[CallStatus.EXPIRED]
    expired = "1 row expired" if over == 1 else f"{over:,} rows expired"
    return {
        Stop.ASKED: "Stopped. Nobody is called now.",
        Stop.STREAK: f"Paused: too many rows in a row ended the same way. {said} {waiting}.",
        Stop.BUSY: f"Paused. {said} {waiting}.",
        Stop.SPENT: f"Stopped. {said} {waiting}.",
        Stop.WAITING: f"Stopped: {waiting}{_next(ending.until)}.",
        Stop.OVER: f"The campaign's end has come. {expired}.",
        Stop.PAUSED: f"Paused from another terminal. {waiting}.",
        Stop.CANCELLED: f"Cancelled from another terminal. {expired}.",
    }.get(ending.stop, "")


def _next(until: float | None) -> str:
    """When the first row that waits may be called, by this machine's clock."""
    if until is None or until == float("inf"):
        return "; what calls in progress come to decides who is called again"
    return (
        f"; the next may be called at {datetime.fromtimestamp(until).astimezone():%Y-%m-%d %H:%M}"
    )


def exit_code(ending: Ending, tally: Tally) -> ExitCode:
    """What a script is told; the README has the table."""
    if ending.stop is Stop.BROKEN:
        return getattr(ending.error, "exit_code", ExitCode.BUG)
    if ending.stop is Stop.STREAK:
        return ExitCode.UNAVAILABLE
    if ending.stop is Stop.REFUSED and ending.settlement is not None:
        return _REFUSALS.get(ending.settlement.reason, ExitCode.UNAVAILABLE)
    if tally[CallStatus.PENDING] or ending.stop in (Stop.WAITING, Stop.PAUSED, Stop.SPENT):
        return ExitCode.STOPPED
    if tally[CallStatus.FAILED] or tally[CallStatus.UNKNOWN]:
        return ExitCode.UNFINISHED
    return ExitCode.OK if tally.is_of_use else ExitCode.NO_INPUT


def unrecorded(
    error: BaseException | None, results: Iterable[tuple[Claimed, Settlement]]
) -> LedgerError:
    """What calls came to that the ledger could not take, for a person to keep."""
    said = str(error) if isinstance(error, BatchDialError) else "The ledger failed."
    lines = [
        f"  row {claimed.row}, {mask_number(claimed.e164)}: {settlement.status}, "
        f"{f'callId {printable(settlement.call_id)}' if settlement.call_id else settlement.reason}"
        for claimed, settlement in results
    ]
    lost = (
        "The ledger does not know what these calls came to; keep this. Their rows are unknown "
        "until `batchdial reconcile` settles them from a call log:"
    )
    return LedgerError("\n".join([said, lost, *lines]))
