"""How much may change at once before a person has to look? Pure; it says yes or no, and changes no plan.

Events have a budget: so many servers in a window of 24 hours. The sweep has a brake: all its changes at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.actions import Action, GrantRole, StartBackup, Sync, Wait
from shared.core.rules import Brake

WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Counted:
    """What events have changed in one subscription since the window began: servers, and their price a month."""

    since: datetime | None = None
    servers: int = 0
    price: float = 0.0


def is_change(actions: Iterable[Action], has_instance: bool) -> bool:
    """Whether these actions change a server's protection, or are on the way to it.

    A backup does not, nor a repair: Sync, and roles for a server that has its instance.
    """
    harmless = (Wait, StartBackup, Sync, GrantRole) if has_instance else (Wait, StartBackup, Sync)
    return any(not isinstance(action, harmless) for action in actions)


def allowed(brake: Brake, known: int) -> int:
    """How many servers may change without being asked about, of so many that are known."""
    return max(brake.servers, known * brake.share_percent // 100)


def count(so_far: Counted, now: datetime, brake: Brake, known: int, price: float) -> Counted | None:
    """Count one more server that an event changes; None when that is more than the window allows."""
    is_over = so_far.since is None or now - so_far.since >= WINDOW
    begun = Counted(since=now) if is_over else so_far
    after = Counted(begun.since, begun.servers + 1, begun.price + price)
    too_many = after.servers > allowed(brake, known)
    return None if too_many or _too_dear(brake, after.price) else after


def stops(brake: Brake, changes: int, known: int, price: float) -> str:
    """Why so many changes at once are too many, in words; "" when they are not."""
    if changes > allowed(brake, known):
        share = 100 * changes / known if known else 100
        return f"{changes} of {known} servers would change ({share:.0f} %), more than {allowed(brake, known)}"
    if changes and _too_dear(brake, price):
        return f"the change would cost {price:.0f} a month, more than {brake.monthly_price}"
    return ""


def _too_dear(brake: Brake, price: float) -> bool:
    return bool(brake.monthly_price) and price > brake.monthly_price
