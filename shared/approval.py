"""Writes down what a person allows, and finds what was allowed. The app reads it; nothing here changes Azure."""

from collections.abc import Iterable
from datetime import datetime

from shared.core.approval import LASTS, Entry, plan_hash
from shared.ledger import Approval, Ledger


def approve(ledger: Ledger, entries: Iterable[Entry], by: str, now: datetime) -> Approval:
    """Record that these writes are allowed from now on; approving the same again renews it. Raises CloudError."""
    listed = tuple(sorted(set(entries)))
    approval = Approval(plan_hash=plan_hash(listed), by=by, at=now, entries=listed)
    ledger.keep_approval(approval)
    return approval


def in_force(ledger: Ledger, now: datetime) -> tuple[Approval, ...]:
    """The approvals that still allow something, newest first. Raises CloudError."""
    return ledger.approvals(now - LASTS)
