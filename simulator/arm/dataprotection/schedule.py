"""When is the next scheduled backup? Repeating intervals and time zones of a backup rule, and nothing else.

Pure: it sees the rule and a moment, no world.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal.windows_tz import win_tz

from simulator.wire import Json

_INTERVAL = re.compile(r"R\d*/(?P<start>\d{4}-\d\d-\d\dT\d\d:\d\d[^/]*)/P(?:(?P<n>\d+)(?P<unit>[DW])|T(?P<hours>\d+)H)")
_EXTRA_NAMES = {"coordinated universal time": "Etc/UTC"}  # Source: dp-policy-manual-2025-11-06, as the portal writes it
_WINDOWS = {name.lower(): zone for name, zone in win_tz.items()} | _EXTRA_NAMES


@dataclass(frozen=True)
class Interval:
    """`R/start/period`: start is the wall clock in `zone`."""

    start: datetime
    period: timedelta
    zone: ZoneInfo

    def next_after(self, moment: datetime) -> datetime:
        """The first time of this series after a moment, in UTC. Never before the start."""
        wall_clock = moment.astimezone(self.zone).replace(tzinfo=None)
        passed = max(0, (wall_clock - self.start) // self.period)
        series = (self.start + n * self.period for n in count(max(0, passed - 1)))
        instants = (wall.replace(tzinfo=self.zone).astimezone(UTC) for wall in series)
        return next(instant for instant in instants if instant > moment)


def time_zone(name: str | None) -> ZoneInfo:
    """The zone of a Windows name; "" and None are UTC. Assumed: an IANA name is taken too. Raises ValueError."""
    try:
        return ZoneInfo(_WINDOWS.get((name or "UTC").lower(), name or "UTC"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        msg = f"no time zone is called {name!r}"
        raise ValueError(msg) from None


def intervals(rule: Json) -> list[Interval]:
    """The series of a backup rule. Raises ValueError for a broken one.

    **Source**: policies of dp-policy-create-delete-2025-11-06. Assumed: the wall clock of the start in the
    schedule's zone is kept over daylight saving; a start without an offset is that wall clock; hours count in UTC.
    """
    schedule = rule["trigger"]["schedule"]
    zone = time_zone(schedule.get("timeZone"))
    return [_interval(text, zone) for text in schedule["repeatingTimeIntervals"]]


def next_slot(rule: Json, moment: datetime) -> datetime:
    """When the rule's next backup is due after a moment, in UTC."""
    return min(interval.next_after(moment) for interval in intervals(rule))


def _interval(text: str, zone: ZoneInfo) -> Interval:
    found = _INTERVAL.fullmatch(text)
    if not found:
        msg = f"no repeating interval: {text!r}"
        raise ValueError(msg)
    if found["hours"]:
        period, zone = timedelta(hours=int(found["hours"])), ZoneInfo("Etc/UTC")
    else:
        period = int(found["n"]) * timedelta(days=7 if found["unit"] == "W" else 1)
    if not period:
        msg = f"a period of nothing: {text!r}"
        raise ValueError(msg)
    start = datetime.fromisoformat(found["start"])
    if start.tzinfo:
        start = start.astimezone(zone).replace(tzinfo=None)
    return Interval(start, period, zone)
