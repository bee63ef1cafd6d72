"""When a timer fires next: NCRONTAB, the schedule language of Azure Functions. Pure; times are UTC.

**Source**: atifaziz/NCrontab `CrontabSchedule.cs` and `CrontabFieldImpl.cs`: six fields (seconds first), day of month
AND day of week must both match, Sunday is 0 and there is no 7, names by any beginning, `a/n` runs to the field's end.
Schedules of five fields and time spans, which Functions also takes, are refused here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
FIELDS: tuple[tuple[str, int, int, list[str]], ...] = (
    ("second", 0, 59, []),
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day", 1, 31, []),
    ("month", 1, 12, MONTHS),
    ("day of week", 0, 6, DAYS),
)
HORIZON = timedelta(days=28 * 366)  # a 29 February on a given day of the week comes at least once in 28 years


@dataclass(frozen=True)
class Schedule:
    """The values that each field allows, in order."""

    seconds: list[int]
    minutes: list[int]
    hours: list[int]
    days: list[int]
    months: list[int]
    days_of_week: list[int]

    def next_after(self, moment: datetime) -> datetime | None:
        """The first occurrence strictly after a moment; None if there is none in 28 years (30 February)."""
        start = moment.replace(microsecond=0) + timedelta(seconds=1)
        day = start
        while day - start < HORIZON:
            if self._has(day):
                for occurrence in self._within(day):
                    if occurrence >= start:
                        return occurrence
            day = day.replace(hour=0, minute=0, second=0) + timedelta(days=1)
        return None

    def _has(self, day: datetime) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.days_of_week

    def _within(self, day: datetime) -> Iterator[datetime]:
        hours = [hour for hour in self.hours if hour >= day.hour]
        for hour, minute, second in product(hours, self.minutes, self.seconds):
            yield day.replace(hour=hour, minute=minute, second=second)


def read_schedule(text: str) -> Schedule:
    """The schedule that an expression of six fields stands for. Raises ValueError that names the wrong field."""
    parts = text.split()
    if len(parts) != len(FIELDS):
        msg = f"{text!r} has {len(parts)} fields; a schedule has six, seconds first"
        raise ValueError(msg)
    return Schedule(*(_values(part, *field) for part, field in zip(parts, FIELDS, strict=True)))


def _values(text: str, kind: str, lowest: int, highest: int, names: list[str]) -> list[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            low, high = lowest, highest
        else:
            low = _number(first, kind, lowest, highest, names)
            high = _number(last, kind, lowest, highest, names) if dash else highest if slash else low
        if low > high or (slash and not (step.isdecimal() and int(step))):
            msg = f"{part!r} is no {kind}"
            raise ValueError(msg)
        values.update(range(low, high + 1, int(step) if slash else 1))
    return sorted(values)


def _number(text: str, kind: str, lowest: int, highest: int, names: list[str]) -> int:
    named = [index for index, name in enumerate(names) if text and name.lower().startswith(text.lower())]
    value = int(text) if text.isdecimal() else named[0] + lowest if named else -1
    if not lowest <= value <= highest:
        msg = f"{text!r} is no {kind}; it is between {lowest} and {highest}"
        raise ValueError(msg)
    return value
