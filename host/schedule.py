"""When a timer fires, and whether it missed a time while nobody was listening: the schedule monitor's rules. Pure.

**Source**: azure-webjobs-sdk-extensions `Scheduling/ScheduleMonitor.cs`, `Listener/TimerListener.cs`,
`Bindings/TimerTriggerAttributeBindingProvider.cs` (no monitor for schedules more frequent than a minute).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from host.ncrontab import Schedule

NEVER = "0001-01-01T00:00:00"
SHORTEST_MONITORED = timedelta(minutes=1)


@dataclass(frozen=True)
class ScheduleStatus:
    """What is kept of a timer: when it last fired (None: never), when it fires next, when this was written."""

    last: datetime | None
    next: datetime
    last_updated: datetime

    def as_json(self) -> dict[str, str]:
        """The status as Azure stores it and hands it to the function."""
        last = self.last.isoformat() if self.last else NEVER
        return {"Last": last, "Next": self.next.isoformat(), "LastUpdated": self.last_updated.isoformat()}

    @classmethod
    def read(cls, stored: dict[str, Any]) -> "ScheduleStatus":
        """The status from what was stored. Raises ValueError or KeyError for anything else."""
        last = None if stored["Last"].startswith("0001") else datetime.fromisoformat(stored["Last"])
        return cls(last, datetime.fromisoformat(stored["Next"]), datetime.fromisoformat(stored["LastUpdated"]))


def next_after(schedule: Schedule, moment: datetime) -> datetime:
    """The next time; for a schedule that never comes again (30 February) the end of time."""
    return schedule.next_after(moment) or datetime.max.replace(tzinfo=moment.tzinfo)


def is_monitored(schedule: Schedule, now: datetime, wanted: bool) -> bool:
    """Whether the status of a timer is kept."""
    first = next_after(schedule, now)
    return wanted and next_after(schedule, first) - first >= SHORTEST_MONITORED


def at_start(schedule: Schedule, now: datetime, stored: ScheduleStatus | None) -> tuple[ScheduleStatus, bool]:
    """What holds when a listener starts, and whether a time was missed.

    A schedule that was changed meanwhile has missed nothing.
    """
    if stored is None:
        return ScheduleStatus(None, next_after(schedule, now), now), False
    since = stored.last or stored.last_updated
    expected = next_after(schedule, since)
    if stored.next != expected:
        stored = ScheduleStatus(None, next_after(schedule, now) if now > expected else expected, since)
    return stored, now > stored.next


def after_firing(schedule: Schedule, fired: datetime, before: ScheduleStatus, *, scheduled: bool) -> ScheduleStatus:
    """What holds after a firing. One that came a little early counts as on time, so that it does not come twice."""
    moment = max(fired, before.next) if scheduled else fired
    return ScheduleStatus(moment, next_after(schedule, moment), moment)
