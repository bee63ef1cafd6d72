"""Which tag does a recovery point get, and when does it expire? The rules of tiered retention, stated once more.

This is the local Azure's own statement, written from the documentation alone, so that a test can compare it with what
the product believes. Pure: it sees rules and times, no world. All times come in the time zone of the schedule.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from simulator.wire import Json

DEFAULT = "Default"
_DURATION = re.compile(r"P(\d+)([DWMY])")
_WEEKS = ("First", "Second", "Third", "Fourth", "Fifth")

PERIODS: dict[str, Callable[[datetime], object]] = {
    "FirstOfDay": lambda at: at.date(),
    "FirstOfWeek": lambda at: at.isocalendar()[:2],
    "FirstOfMonth": lambda at: (at.year, at.month),
    "FirstOfYear": lambda at: at.year,
}


def tag_of(tagging: Sequence[Json], slot: datetime, previous: datetime | None) -> str:
    """The one tag of a scheduled backup: the lowest priority number that fits, else the default.

    previous: when the last successful scheduled backup of this instance was due.
    **Source**: backup-policy documentation and the CLI's manifest (yearly 10, monthly 15, weekly 20, default 99).
    """
    chosen = [entry for entry in tagging if not entry.get("isDefault")]
    for entry in sorted(chosen, key=lambda entry: int(entry["taggingPriority"])):
        if any(fits(criteria, slot, previous) for criteria in entry.get("criteria", ())):
            return str(entry["tagInfo"]["tagName"])
    return next((str(entry["tagInfo"]["tagName"]) for entry in tagging if entry.get("isDefault")), DEFAULT)


def fits(criteria: Json, slot: datetime, previous: datetime | None) -> bool:
    """Whether a backup due at `slot` meets a criterion: every member that is set must hold.

    Assumed: members of one criterion are joined by "and"; weeks are ISO weeks; "first" is the first successful
    scheduled backup of the period that this instance has, not the first slot of the calendar.
    """
    tests: dict[str, Callable[[list[object]], bool]] = {
        "absoluteCriteria": lambda kinds: any(_is_of_kind(str(kind), slot, previous) for kind in kinds),
        "daysOfTheWeek": lambda days: f"{slot:%A}" in days,
        "weeksOfTheMonth": lambda weeks: bool(_weeks(slot) & set(weeks)),
        "monthsOfYear": lambda months: f"{slot:%B}" in months,
        "daysOfMonth": lambda days: any(_is_day(day, slot) for day in days if isinstance(day, dict)),
        "scheduleTimes": lambda times: any(_same_clock(str(time), slot) for time in times),
    }
    given = [name for name in tests if criteria.get(name)]
    return bool(given) and all(tests[name](criteria[name]) for name in given)


def expiry(created: datetime, duration: str) -> datetime:
    """When a recovery point expires, by the calendar: P10Y is the same day ten years on.

    **Source**: dp-pgflex-lifecycle-roles-2024-04-29. Assumed: a day that a month lacks becomes its last day.
    Raises ValueError for anything but one number and one of D, W, M, Y.
    """
    found = _DURATION.fullmatch(duration)
    if not found:
        msg = f"no retention: {duration!r}"
        raise ValueError(msg)
    number, unit = int(found[1]), found[2]
    if unit in "DW":
        return created + timedelta(days=number * (7 if unit == "W" else 1))
    months = created.month - 1 + number * (12 if unit == "Y" else 1)
    year, month = created.year + months // 12, months % 12 + 1
    return created.replace(year=year, month=month, day=min(created.day, monthrange(year, month)[1]))


def _is_of_kind(kind: str, slot: datetime, previous: datetime | None) -> bool:
    if kind == "AllBackup":
        return True
    period = PERIODS.get(kind)
    return period is not None and (previous is None or period(previous) != period(slot))


def _weeks(slot: datetime) -> set[object]:
    """Which weeks of its month a day lies in, counted by its own weekday."""
    last = slot.day + 7 > monthrange(slot.year, slot.month)[1]
    return {_WEEKS[(slot.day - 1) // 7]} | ({"Last"} if last else set())


def _is_day(day: Json, slot: datetime) -> bool:
    last = slot.day == monthrange(slot.year, slot.month)[1]
    return day.get("date") == slot.day or (bool(day.get("isLast")) and last)


def _same_clock(time: str, slot: datetime) -> bool:
    at = datetime.fromisoformat(time)
    at = at.astimezone(slot.tzinfo) if at.tzinfo else at
    return (at.hour, at.minute) == (slot.hour, slot.minute)
