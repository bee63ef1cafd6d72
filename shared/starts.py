"""How many backups on demand may still be started in a vault? One row per vault and day counts what was promised.

Whoever starts counts first, so that a death in between promises too much and never starts too many.
"""

from datetime import datetime, timedelta

import msgspec

from shared.cloud.errors import CloudError
from shared.core.rules import Starts
from shared.ledger import Changed, Ledger, Started

MOST_TRIES = 4


def promise(
    ledger: Ledger, vault_id: str, wanted: int, running: int, limits: Starts, now: datetime, lasts: timedelta
) -> int:
    """How many of the wanted backups a scan may ask for now; nobody else's scan gets any until `lasts` is over.

    running: backups that run in the vault now. Raises CloudError.
    """
    for _ in range(MOST_TRIES):
        kept = ledger.started(vault_id)
        row = _today(kept.row, vault_id, now)
        if row.until and row.until > now:
            return 0
        room = max(min(wanted, limits.most_at_once - running, limits.most_a_day - row.counted), 0)
        if not room:
            return 0
        promised = msgspec.structs.replace(row, counted=row.counted + room, until=now + lasts)
        try:
            ledger.keep_started(promised, kept.version)
        except Changed:
            continue
        return room
    raise _busy(vault_id)


def one_more(ledger: Ledger, vault_id: str, limits: Starts, now: datetime) -> str:
    """Count a backup that a person asks for; why it is one too many, "" when it is not. Raises CloudError."""
    for _ in range(MOST_TRIES):
        kept = ledger.started(vault_id)
        row = _today(kept.row, vault_id, now)
        if row.counted >= limits.most_a_day:
            return f"{row.counted} backups on demand were started in its vault today, which is the most by the rules"
        try:
            ledger.keep_started(msgspec.structs.replace(row, counted=row.counted + 1), kept.version)
        except Changed:
            continue
        return ""
    raise _busy(vault_id)


def _today(row: Started | None, vault_id: str, now: datetime) -> Started:
    if row and row.day == now.date():
        return row
    return Started(vault_id=vault_id, day=now.date(), until=row.until if row else None)


def _busy(vault_id: str) -> CloudError:
    return CloudError("LedgerBusy", f"the count of {vault_id} changed {MOST_TRIES} times in a row")
