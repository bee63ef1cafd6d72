"""Is the newest recovery point of a protected server young enough? Pure; a configured backup alone proves nothing."""

from datetime import datetime

from shared.core.rules import Tier
from shared.core.verdict import Kind, Verdict


def overdue(tier: Tier, latest_point: datetime | None, now: datetime) -> Verdict | None:
    """What to say when the newest recovery point is older than the tier allows; None when it is young enough.

    A server without any point is not judged here: its first backup is.
    """
    if latest_point is None or now - latest_point <= tier.max_age.longest:
        return None
    days = (now - latest_point).days
    reason = f"its newest recovery point is {days} days old ({latest_point:%Y-%m-%d}), its tier allows {tier.max_age}"
    return Verdict.of(Kind.OVERDUE, reason)
