"""What a tier of the rules file says: when backups are made, and how long their points are kept. Pure values.

The lines "name: meaning" of the docstrings are the descriptions in the published JSON Schema.
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated, Literal, get_args

from shared.core import limits
from shared.core.limits import SOME

_UNIT_HOURS = {"hour": 1, "day": 24, "week": 7 * 24, "month": 31 * 24, "year": 366 * 24}
_SPAN = re.compile(r"([0-9]{1,4}) ?(?:(hour|day|week|month|year)s?|h)")

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Month = Literal[
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
]  # fmt: skip
Date = Literal[
    "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15",
    "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "last",
]  # fmt: skip
DAYS: tuple[Day, ...] = get_args(Day)
MONTHS: tuple[Month, ...] = get_args(Month)


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time in one unit, as the service wants it: "35 days" is P35D, "10 years" is P10Y, "4h" is PT4H."""

    count: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> "Span":
        """Read "12 weeks". Raises ValueError with what is valid."""
        match = _SPAN.fullmatch(" ".join(text.lower().split()))
        if not match or int(match[1]) == 0:
            raise ValueError("valid is a number and one unit, such as 35 days, 12 weeks, 12 months or 10 years")
        return cls(int(match[1]), match[2] or "hour")

    @property
    def iso(self) -> str:
        """ISO 8601 with one unit, the only form that the service accepts (P{n}D|W|M|Y)."""
        return f"P{'T' if self.unit == 'hour' else ''}{self.count}{self.unit[0].upper()}"

    @property
    def longest(self) -> timedelta:
        """The longest time that it can mean (a month of 31 days, a year of 366)."""
        return timedelta(hours=self.count * _UNIT_HOURS[self.unit])

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'s' if self.count > 1 else ''}"


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A wall-clock time such as 01:30, in the time zone beside it."""

    hour: int
    minute: int

    @classmethod
    def parse(cls, text: str) -> "TimeOfDay":
        """Read "01:30". Raises ValueError with what is valid."""
        match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", text.strip())
        if not match:
            raise ValueError('valid is a time in quotes, such as "01:30"')
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.hour:02d}:{self.minute:02d}"


@dataclass(frozen=True, slots=True)
class TimeZone:
    """An IANA time zone and the Windows name that the service stores for it."""

    iana: str
    windows: str

    def __str__(self) -> str:
        return self.iana


@dataclass(frozen=True, slots=True)
class Window:
    """A part of every day, such as 22:00-05:00, in the time zone beside it. It may go past midnight."""

    start: TimeOfDay
    end: TimeOfDay

    @classmethod
    def parse(cls, text: str) -> "Window":
        """Read "22:00-05:00". Raises ValueError with what is valid."""
        start, dash, end = text.partition("-")
        try:
            found = cls(TimeOfDay.parse(start), TimeOfDay.parse(end)) if dash else None
        except ValueError:
            found = None
        if found is None or found.start == found.end:
            raise ValueError('valid are two different times in quotes, such as "22:00-05:00"')
        return found

    def has(self, local: datetime) -> bool:
        """Whether a time on the window's own clock is in it. Its end is not."""
        now, start, end = ((each.hour, each.minute) for each in (local, self.start, self.end))
        return start <= now < end if start < end else now >= start or now < end

    def __str__(self) -> str:
        return f"{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Dates:
    """A day, or all days from a first to a last one, such as 2026-12-24..2027-01-02."""

    first: date
    last: date

    @classmethod
    def parse(cls, text: str) -> "Dates":
        """Read "2026-12-24..2027-01-02" or one date. Raises ValueError with what is valid."""
        first, dots, last = (part.strip() for part in text.partition(".."))
        try:
            found = cls(date.fromisoformat(first), date.fromisoformat(last if dots else first))
        except ValueError:
            found = None
        if found is None or found.last < found.first:
            raise ValueError("valid is a date, or a first and a last one, such as 2026-12-24..2027-01-02")
        return found

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}..{self.last}"


Retention = Annotated[Span, limits.KEPT]


@dataclass(frozen=True, slots=True)
class Backup:
    """When the vault makes a backup.

    days: days of every week; only the first backup of a week succeeds, so name one.
    at: the time of day, in quotes.
    time_zone: an IANA time zone, such as Europe/Berlin; the service keeps its Windows name.
    spread: servers start at different times within so long after `at`, so that they do not start all at once.
    """

    days: Annotated[tuple[Day, ...], SOME]
    at: TimeOfDay
    time_zone: TimeZone = TimeZone("UTC", "UTC")
    spread: Annotated[Span, limits.SPREAD] | None = None


@dataclass(frozen=True, slots=True)
class Custom:
    """A retention rule of one's own: backups that meet every criterion that is given are kept so long.

    name: what the rule is called in the policy.
    keep: how long backups are kept.
    priority: the lower number decides when several rules fit (yearly 10, monthly 15, weekly 20, default 99).
    first_of: every backup, or the first one of a day, week, month or year.
    days: days of the week.
    weeks: which of its weekday in the month it is.
    months: months of the year.
    dates: days of the month, 1 to 28, and last.
    at: times of day of the schedule.
    """

    name: Annotated[str, limits.RULE_NAME]
    keep: Retention
    priority: Annotated[int, limits.PRIORITY]
    first_of: Literal["every", "day", "week", "month", "year"] | None = None
    days: Annotated[tuple[Day, ...], SOME] = ()
    weeks: Annotated[tuple[Literal["first", "second", "third", "fourth", "last"], ...], SOME] = ()
    months: Annotated[tuple[Month, ...], SOME] = ()
    dates: Annotated[tuple[Date, ...], SOME] = ()
    at: Annotated[tuple[TimeOfDay, ...], SOME] = ()


@dataclass(frozen=True, slots=True)
class Keep:
    """How long a recovery point is kept, by what it is the first of.

    default: a point that is nothing special.
    weekly: the first point of a week.
    monthly: the first point of a month.
    yearly: the first point of a year.
    custom: retention rules of one's own.
    """

    default: Retention
    weekly: Retention | None = None
    monthly: Retention | None = None
    yearly: Retention | None = None
    custom: tuple[Custom, ...] = ()


@dataclass(frozen=True, slots=True)
class OnDemand:
    """When the app makes backups on demand beyond those that heal: of failed ones, late ones and a first one.

    every: a backup when the newest good recovery point is as old as this, beside the schedule.
    window: the part of the day in which the app starts them, in the time zone of `backup`.
    blackout: dates on which it starts none, nor for a person who asks, in the time zone of `backup`.
    """

    every: Annotated[Span, limits.CADENCE] | None = None
    window: Window | None = None
    blackout: Annotated[tuple[Dates, ...], SOME] = ()


@dataclass(frozen=True, slots=True)
class Tier:
    """What a tag value means.

    backup: when the vault makes a backup.
    keep: how long a recovery point is kept.
    first_backup: at_once starts one as soon as a server is protected; schedule waits for the next one.
    max_age: a server whose newest good recovery point is older is overdue, and gets a backup on demand.
    on_demand: when the app makes backups on demand.
    """

    backup: Backup
    keep: Keep
    first_backup: Literal["at_once", "schedule"] = "at_once"
    max_age: Annotated[Span, limits.UP_TO_TEN_YEARS] = Span(8, "day")
    on_demand: OnDemand = field(default_factory=OnDemand)
