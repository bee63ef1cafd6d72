"""What a backup policy does, free of names, order and spelling: when it backs up, and how long it keeps what.

Two policies are the same when their meaning is, whoever made them and whatever they are called.
"""

import hashlib
import json
import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

MEANING_VERSION = 1
WEEK_S, DAY_S = 7 * 86_400, 86_400
EPOCH = datetime.fromisoformat("0001-01-01")  # a Monday, midnight, on whatever clock a slot counts
FIRST_OF = ("AllBackup", "FirstOfDay", "FirstOfWeek", "FirstOfMonth", "FirstOfYear")
WEEKS = ("First", "Second", "Third", "Fourth", "Last")
LAST_DATE = 0  # of a month
_DURATION = re.compile(r"P([1-9]\d{0,4})([DWMY])")
_MONTHS, _DAYS = {"M": 1, "Y": 12}, {"D": 1, "W": 7}


@dataclass(frozen=True, slots=True)
class Duration:
    """How long something is kept: calendar months, or days. "P12M" and "P1Y" are equal; `iso` is how it was written."""

    months: int
    days: int
    iso: str = field(compare=False)

    @classmethod
    def parse(cls, text: str) -> "Duration":
        """Read P{n}D, P{n}W, P{n}M or P{n}Y. Raises ValueError; Source: the service takes one unit."""
        found = _DURATION.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is no retention; valid is one number and one unit, such as P35D, P12W or P10Y")
        count, unit = int(found[1]), found[2]
        return cls(count * _MONTHS.get(unit, 0), count * _DAYS.get(unit, 0), text)

    def after(self, time: datetime) -> datetime:
        """When something that was made at `time` is this old, by the UTC calendar: P10Y is the same day ten years on.

        Source: dp-pgflex-lifecycle-roles-2024-04-29 (exactly ten years). Assumed: a day that a month lacks becomes its
        last day. Beyond the year 9999 it is the end of time.
        """
        time = time.astimezone(UTC)
        months = time.month - 1 + self.months
        year, month = time.year + months // 12, months % 12 + 1
        try:
            same_day = time.replace(year=year, month=month, day=min(time.day, monthrange(year, month)[1]))
            return same_day + timedelta(days=self.days)
        except (ValueError, OverflowError):
            return datetime.max.replace(tzinfo=UTC)

    def __str__(self) -> str:
        words = {"D": "day", "W": "week", "M": "month", "Y": "year"}
        count, unit = self.iso[1:-1], words[self.iso[-1]]
        return f"{count} {unit}{'' if count == '1' else 's'}"


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A series of backups: one every `period_s`, `phase_s` after the epoch (a Monday, midnight).

    local: counted on the wall clock of the policy's zone, as days and weeks are; hours count in UTC.
    """

    phase_s: int
    period_s: int = WEEK_S
    local: bool = True

    @classmethod
    def weekly(cls, weekday: int, hour: int, minute: int) -> "Slot":
        return cls(weekday * DAY_S + hour * 3600 + minute * 60)

    @property
    def time(self) -> str:
        """The time of day, such as 01:30, of a series that counts whole days."""
        minutes, seconds = divmod(self.phase_s % DAY_S, 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}" + (f":{seconds:02d}" if seconds else "")


@dataclass(frozen=True, slots=True, order=True)
class Criteria:
    """Which backups a rule is for: each member that is given must fit, and one value of it is enough.

    Source for members and values: Microsoft's OpenAPI, ScheduleBasedBackupCriteria. Assumed: members are joined by
    "and"; a criterion that gives none fits nothing. first_of: words of FIRST_OF. weekdays: 0 is Monday.
    dates: LAST_DATE is the last of a month. times: "HH:MM" on the policy's clock.
    """

    first_of: tuple[str, ...] = ()
    weekdays: tuple[int, ...] = ()
    weeks: tuple[str, ...] = ()
    months: tuple[int, ...] = ()
    dates: tuple[int, ...] = ()
    times: tuple[str, ...] = ()

    @property
    def is_of_calendar(self) -> bool:
        """Whether it asks for more than being the first of something."""
        return bool(self.weekdays or self.weeks or self.months or self.dates or self.times)

    @property
    def spelled(self) -> Any:
        """What goes into the digest: the one word of version 1, or every member."""
        if len(self.first_of) == 1 and not self.is_of_calendar:
            return self.first_of[0]
        return [self.first_of, self.weekdays, self.weeks, self.months, self.dates, self.times]


@dataclass(frozen=True, slots=True)
class Rule:
    """A retention rule: backups that fit one of the criteria are kept so long. name: what this policy calls it."""

    criteria: tuple[Criteria, ...]
    keep: Duration
    name: str = field(default="", compare=False)


@dataclass(frozen=True)
class Meaning:
    """What a policy does. slots: in order. zone: Windows name. rules: highest priority first.

    default: the rule for what no other rule is for. spare: rules that no scheduled backup gets, only an on-demand one
    that asks for them; a policy with them does the same on schedule as one without.
    """

    slots: tuple[Slot, ...]
    zone: str
    rules: tuple[Rule, ...]
    default: Rule
    spare: tuple[Rule, ...] = field(default=(), compare=False)

    @cached_property
    def digest(self) -> str:
        """Ten digits for this meaning. What version 1 could say has the digest that it had."""
        slots = [_spelled(slot) for slot in self.slots]
        kept = [[_joined(rule.criteria), rule.keep.iso] for rule in self.rules]
        text = json.dumps([MEANING_VERSION, slots, self.zone, [*kept, ["", self.default.keep.iso]]])
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @property
    def every_rule(self) -> tuple[Rule, ...]:
        """All that a recovery point may be kept by, the default last."""
        return (*self.rules, *self.spare, self.default)

    def rule_named(self, name: str) -> Rule | None:
        """The rule that a retention tag names, in any casing. Source: dp-pgflex-lifecycle-roles-2024-04-29."""
        return next((rule for rule in self.every_rule if rule.name.lower() == name.lower()), None)


def _spelled(slot: Slot) -> list[Any]:
    if (slot.period_s, slot.local) == (WEEK_S, True):
        return ["P1W", slot.phase_s // DAY_S, slot.time]
    return [slot.phase_s, slot.period_s, slot.local]


def _joined(criteria: tuple[Criteria, ...]) -> Any:
    return criteria[0].spelled if len(criteria) == 1 else [one.spelled for one in criteria]
