"""A campaign's personal data are deleted, from the ledger and, where asked, from its results."""

from __future__ import annotations

import csv
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from batchdial.errors import LedgerError, OutputError
from batchdial.ledger.ledger import Owner
from batchdial.ledger.lists import Lists
from batchdial.ledger.purge import Purged, purge, purged, wipe
from batchdial.results.file import ENCODING, is_results_file
from batchdial.results.summary import Tally
from batchdial.rules.cells import restore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchdial.ledger.ledger import Lease, Ledger
    from batchdial.models import Campaign


@dataclass(frozen=True, slots=True)
class Purge:
    """What would be deleted, held until it is."""

    ledger: Ledger
    lease: Lease
    tally: Tally
    before: Purged | None  #: an earlier purge of the same campaign
    results: tuple[Path, ...]  #: results files of the campaign that are on this disk
    others: tuple[Path, ...]  #: files in their place that are not, and are left alone

    @property
    def campaign(self) -> Campaign:
        """Whose data."""
        return self.lease.campaign

    def carry_out(self, *, results: bool) -> None:
        """
        Delete; the results files first, since the ledger is what names them.

        Args:
            results: Whether also the results files.

        Raises:
            OutputError: A results file cannot be deleted; the ledger is untouched.
            LedgerError: The data are deleted, but traces are left in the ledger's file.
        """
        for path in self.results if results else ():
            try:
                path.resolve().unlink()
                path.unlink(missing_ok=True)  # where it was a link
            except OSError as error:
                raise OutputError(
                    f"{path} cannot be deleted: {error.strerror}. The ledger is as it was."
                ) from None
        if self.before is None:
            purge(self.ledger, self.lease, datetime.now(UTC))
        else:
            wipe(self.ledger)


@contextmanager
def prepared(ledger: Ledger, campaign: Campaign) -> Iterator[Purge]:
    """
    Hold a campaign, and see what there is of it.

    Raises:
        CampaignBusyError: Another process is dialling it.
    """
    lease = ledger.acquire(campaign, Owner.here(), datetime.now(UTC))
    try:
        before = purged(ledger, campaign)
        lists = Lists(ledger)
        active = lists.active(campaign)
        tally = Tally.of(before.counts if before else lists.counts([one.id for one in active]))
        found = [Path(one.output) for one in active if Path(one.output).is_file()]
        results = tuple(path for path in found if _is_of(path, campaign.name))
        others = tuple(path for path in found if path not in results)
        yield Purge(ledger, lease, tally, before, results, others)
    finally:
        with suppress(LedgerError):  # whoever broke it has been told
            ledger.release(lease)


def _is_of(path: Path, campaign: str) -> bool:
    """Whether a file is a results file of the campaign."""
    if not is_results_file(path):
        return False
    with path.open(encoding=ENCODING, newline="") as file:
        return any(restore(row["campaign"] or "") == campaign for row in csv.DictReader(file))
