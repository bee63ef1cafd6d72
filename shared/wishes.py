"""A wish for a backup on its way: in a message of the queue, then in the server's row until it is answered.

A wish is no order. Whoever looks at the server next decides with what Azure says then (`core/on_demand.py`); what is
lost on the way is wished for again by the next scan.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from shared import starts
from shared.claim import Claimed, Message, Skipped
from shared.core.observed import Answer, Wish
from shared.core.rules import Starts
from shared.ledger import Changed, Ledger, ServerRow

AGAIN_S = 30.0
LASTS = timedelta(hours=24)


class Wished(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A message of the queue that brings a wish. Who does not know of wishes has a look, and no harm is done."""

    wish: Wish | None = None


class _Body(msgspec.Struct):
    wish: Wish | None = None


def of(body: bytes) -> Wish | None:
    """The wish in a message, None when it brings none. Raises ValueError for one that cannot be read."""
    try:
        return msgspec.json.decode(body, type=_Body).wish
    except msgspec.DecodeError as error:
        raise ValueError(f"not a wish of ours: {error}") from None


def taken(claimed: Claimed, wish: Wish | None, ledger: Ledger, limits: Starts, now: datetime) -> Claimed:
    """The row with the wish that a message brought, unless it was answered before. Raises CloudError.

    A person's wish takes the place of the app's own. It is counted, and answered at once when it is one too many.
    """
    row = claimed.row
    if wish is None or (row.answer and row.answer.at >= wish.at) or wish == row.wish:
        return claimed
    if row.wish and row.wish.by and not wish.by:
        return claimed
    refused = starts.one_more(ledger, row.vault_id, limits, now) if wish.by and row.vault_id else ""
    if refused:
        return replace(claimed, row=msgspec.structs.replace(row, answer=Answer(wish.at, refused)))
    return replace(claimed, row=msgspec.structs.replace(row, wish=wish))


def comes_again_s(
    wish: Wish | None, skipped: Skipped, server_id: str, ledger: Ledger, limits: Starts, now: datetime
) -> float | None:
    """After how many seconds a message is to come again whose wish nobody took; None when it need not.

    While a row waits for Azure, the wish is left in it for the look that comes anyway. While somebody looks, the
    message of a person comes again; the app's own wishes come with the next scan. Raises CloudError.
    """
    if wish is None or skipped.reason not in ("under_way", "noted"):
        return None
    if skipped.reason == "under_way" and _is_left(wish, server_id, ledger, limits, now):
        return None
    return AGAIN_S if wish.by and now - wish.at < LASTS else None


def _is_left(wish: Wish, server_id: str, ledger: Ledger, limits: Starts, now: datetime) -> bool:
    kept = ledger.server(server_id)
    if kept.row is None:
        return False
    with_wish = taken(Claimed(kept.row, kept.version), wish, ledger, limits, now)
    if with_wish.row is kept.row:
        return True
    try:
        ledger.keep_server(with_wish.row, kept.version)
    except Changed:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a wish has come. state: asked, waiting, running, done, failed or refused; reason: in words."""

    state: str
    reason: str
    job_id: str = ""

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "failed", "refused")


def progress(row: ServerRow | None, wish: Wish) -> Progress:
    """How far a wish has come, by the server's row."""
    if row and row.answer and row.answer.at >= wish.at:
        backup = row.backup
        if not row.answer.is_met:
            return Progress("refused", row.answer.reason)
        if backup.step in ("done", "failed"):
            said = "a recovery point was made" if backup.step == "done" else row.reason
            return Progress(backup.step, said, backup.job_id)
        return Progress("running", row.answer.reason, backup.job_id)
    if row and row.wish == wish:
        return Progress("waiting", row.reason)
    return Progress("asked", "the app has not taken it yet")
