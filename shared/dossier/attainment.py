"""How many of the backups that a policy promised were made? Counts scheduled times and what followed them. Pure."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from shared.core.meaning import Meaning
from shared.core.retention_time import slots

SETTLED = timedelta(days=1)  # a scheduled time that is younger is not judged: its backup may still run
_LATE = timedelta(hours=1)  # what begins so long after its scheduled time is still for it
_GOOD = frozenset({"completed", "completedwithwarnings"})


@dataclass(slots=True)
class Ran:
    """The backups of one server, the good ones as (when it began, whether its policy asked for it)."""

    good: list[tuple[datetime, bool]] = field(default_factory=list)
    failed: list[datetime] = field(default_factory=list)
    first: datetime | None = None

    @property
    def known_since(self) -> datetime | None:
        """Since when these tell that there is a backup: the first was due a moment before it began."""
        return self.first - _LATE if self.first else None

    def add(self, began: datetime, status: str, *, is_scheduled: bool) -> None:
        """Take note of one backup; one that still runs, or was cancelled, is neither good nor failed."""
        self.first = min(self.first or began, began)
        if status.lower() in _GOOD:
            self.good.append((began, is_scheduled))
        elif status.lower() == "failed":
            self.failed.append(began)


@dataclass(frozen=True, slots=True)
class Counted:
    """Scheduled times, those that a good backup followed, and those of them that only an on-demand one did.

    used_up: not followed by one, in a week that had its good backup already. Source: support matrix: Azure runs only
    the first backup of a week. Assumed: it means ISO weeks, in UTC.
    """

    expected: int = 0
    made: int = 0
    on_demand: int = 0
    used_up: int = 0


def counted(meaning: Meaning, since: datetime, until: datetime, ran: Ran) -> Counted:
    """Points expected and made. A scheduled time is met by a good backup that began from then on, before the next one.

    Source: dp-jobs-list-2025-11-06: a scheduled backup begins seconds after its time, and not before.
    """
    due = _due(meaning, since, until - SETTLED)
    made, on_demand, used_up, good = 0, 0, 0, sorted(ran.good)
    for begins, ends in _pairs(due, until):
        within = good[bisect_left(good, (begins, False)) : bisect_left(good, (ends, False))]
        made += bool(within)
        on_demand += bool(within) and not any(is_scheduled for _, is_scheduled in within)
        used_up += not within and any(began < begins and _week(began) == _week(begins) for began, _ in good)
    return Counted(len(due), made, on_demand, used_up)


@lru_cache(maxsize=4096)  # the servers of a tier share policies, and most of them the time since when they are known
def _due(meaning: Meaning, since: datetime, until: datetime) -> tuple[datetime, ...]:
    return tuple(slots(meaning, since, until))


def _pairs(due: Sequence[datetime], end: datetime) -> Iterator[tuple[datetime, datetime]]:
    return zip(due, [*due[1:], end], strict=True) if due else iter(())


def _week(at: datetime) -> tuple[int, int]:
    return at.isocalendar()[:2]
