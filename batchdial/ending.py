"""Why dialling ended: in words for a person, as an exit code for a script."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from batchdial.dialing.terms import Stop
from batchdial.errors import BatchDialError, DoNotCallError, ExitCode, LedgerError
from batchdial.models import CallStatus
from batchdial.rules.cells import mask_number, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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


def in_words(
    ending: Ending,
    tally: Tally,
    key_origin: Callable[[], str],
    until: Mapping[float, int],
    start: datetime | None,
) -> str:
    """
    Why dialling ended before the rows did; empty if it did not.

    Args:
        ending: Of the dispatcher.
        tally: Of all rows.
        key_origin: Where the key came from.
        until: How many rows wait until which Unix time.
        start: When the campaign begins, if that was said.
    """
    said = ending.settlement.detail if ending.settlement else ending.said
    number = tally[CallStatus.PENDING]
    pending = "1 row is pending" if number == 1 else f"{number:,} rows are pending"
    if ending.stop is Stop.REFUSED:
        refused = exit_code(ending, tally) is ExitCode.KEY_REFUSED
        key = f" The key came from {key_origin()}." if refused else ""
        return f"Stopped. {said}{key} {pending}."
    if ending.stop is Stop.BROKEN:
        error = ending.error
        fault = f"a fault of batchdial, {type(error).__name__}"
        return f"Stopped: {error if isinstance(error, BatchDialError) else fault}"
    over = tally[CallStatus.EXPIRED]
    expired = "1 row expired" if over == 1 else f"{over:,} rows expired"
    return {
        Stop.ASKED: "Stopped. Nobody is called now.",
        Stop.STREAK: f"Paused: too many rows in a row ended the same way. {said} {pending}.",
        Stop.BUSY: f"Paused. {said} {pending}.",
        Stop.SPENT: f"Stopped. {said} {pending}.",
        Stop.WAITING: f"Stopped: {_waits(tally, until, start)}.",
        Stop.OVER: f"The campaign's end has come. {expired}.",
        Stop.PAUSED: f"Paused from another terminal. {pending}.",
        Stop.CANCELLED: f"Cancelled from another terminal. {expired}.",
    }.get(ending.stop, "")


def _waits(tally: Tally, until: Mapping[float, int], start: datetime | None) -> str:
    """`508 rows wait for 2026-11-23 08:00, 12 for 2026-11-23 09:00`, by this machine's clock."""
    if not until:
        return f"{_rows(tally[CallStatus.PENDING])} for {_local(start)}"
    first, *others = sorted(until.items())
    told = [f"{_rows(first[1])} for {_local(datetime.fromtimestamp(first[0], UTC))}"]
    told += [f"{n:,} for {_local(datetime.fromtimestamp(at, UTC))}" for at, n in others[:2]]
    more = sum(n for _, n in others[2:])
    return ", ".join(told) + (f", {more:,} for later" if more else "")


def _rows(number: int) -> str:
    return "1 row waits" if number == 1 else f"{number:,} rows wait"


def _local(at: datetime | None) -> str:
    return "the time of their next call" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M}"


def exit_code(ending: Ending, tally: Tally) -> ExitCode:
    """What a script is told; the README has the table."""
    if isinstance(ending.error, DoNotCallError):  # it was there when dialling began
        return ExitCode.STOPPED
    if ending.stop is Stop.BROKEN:
        return getattr(ending.error, "exit_code", ExitCode.BUG)
    if ending.stop is Stop.STREAK:
        return ExitCode.UNAVAILABLE
    if ending.stop is Stop.REFUSED and ending.settlement is not None:
        return _REFUSALS.get(ending.settlement.reason, ExitCode.UNAVAILABLE)
    if tally[CallStatus.PENDING] or ending.stop in (Stop.WAITING, Stop.PAUSED, Stop.SPENT):
        return ExitCode.STOPPED
    if any(tally[one] for one in (CallStatus.FAILED, CallStatus.UNKNOWN, CallStatus.EXPIRED)):
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
