"""When a call that is no row's may leave, so that the pace holds over everything on a ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchdial.ledger import statements as sql
from batchdial.ledger.claims import FAR_AHEAD

if TYPE_CHECKING:
    from batchdial.ledger.ledger import Ledger


def book(ledger: Ledger, service: str, now: float, spacing: float) -> float:
    """
    Take the next departure of a service, as a claim does.

    Args:
        ledger: Of everything that shares the pace.
        service: Base URL.
        now: Unix time in seconds.
        spacing: Seconds between two calls.

    Returns:
        Seconds to wait.
    """
    given = {"of_service": service}
    with ledger.writing() as connection:
        sql.FIRST_BOOKING.run(connection, given)
        booked = sql.BOOKED.run(connection, given).scalar_one()
        slot = max(now, booked) if booked - now <= FAR_AHEAD * spacing else now
        sql.BOOK.run(connection, {**given, "at": slot + spacing})
    return float(slot - now)
