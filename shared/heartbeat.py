"""Knows when the timers of the app last ran to their end, so that silence is told and never taken for peace."""

from collections.abc import Iterator
from datetime import datetime

from shared.cloud.clients import Cloud
from shared.core.finding import Finding
from shared.core.findings import silent_findings
from shared.core.snapshot import Snapshot
from shared.ledger import Changed, Kept, Ledger, Watched

SWEEP, BACK_UP, EVIDENCE = "sweep_estate", "back_up_due", "keep_evidence"


def beat(name: str, cloud: Cloud, ledger: Ledger, last: Kept[Watched] | None = None) -> None:
    """Write down that a timer has just run to its end. last: what it wrote before, if known. Raises CloudError."""
    kept = last or ledger.watched(name)
    try:
        ledger.keep_watched(Watched(name=name, at=cloud.now), kept.version)
    except Changed:
        return  # it ran twice at once, and the other run says so


def silent(cloud: Cloud, ledger: Ledger, record: Snapshot | None) -> Iterator[Finding]:
    """Timers that should have run. One that never ran is not judged: it may not be deployed yet. Raises CloudError."""
    last_ran: dict[str, datetime] = {SWEEP: record.at} if record else {}
    rows = {name: ledger.watched(name).row for name in (BACK_UP, EVIDENCE)}
    last_ran |= {name: row.at for name, row in rows.items() if row}
    return silent_findings(last_ran, cloud.now)
