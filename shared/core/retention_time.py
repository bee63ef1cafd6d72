"""When does a policy back up, what is such a moment the first of, and which rules are for it? Schedules and calendars.

Times are aware and in UTC; what a rule asks of a date is asked on the clock of the policy's zone.
"""

import heapq
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.core.meaning import DAY_S, EPOCH, FIRST_OF, LAST_DATE, WEEK_S, WEEKS, Criteria, Meaning, Rule, Slot
from shared.core.rules import DAYS
from shared.core.time_zones import clock

EVERY, DAYS_A_WEEK, NOTHING = FIRST_OF[0], 7, Criteria()


def slots(meaning: Meaning, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every scheduled backup from `start` on and before `end`, in UTC; two intervals that meet are one backup.

    Assumed: a wall-clock time that a day lacks is as long after midnight as on other days (an hour later on the
    clock), one that a day has twice is the first.
    """
    zone, previous = clock(meaning.zone), None
    for at in heapq.merge(*(_series(slot, zone, start, end) for slot in meaning.slots)):
        if at != previous:
            yield at
        previous = at


def schedule(meaning: Meaning) -> str:
    """When it backs up, for people: "Sunday 01:30 Europe/Berlin"."""
    times: dict[str, list[str]] = {}
    for slot in meaning.slots:
        weekly = slot.local and slot.period_s == WEEK_S
        day = DAYS[slot.phase_s // DAY_S].capitalize() if weekly else f"every {slot.period_s // 3600} hours"
        times.setdefault(slot.time if slot.local else "", []).append(day)
    said = (f"{'daily' if len(days) == len(DAYS) else ', '.join(days)} {time}" for time, days in times.items())
    return f"{'; '.join(' '.join(one.split()) for one in said)} {clock(meaning.zone)}"


def _series(slot: Slot, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    counted_in = zone if slot.local else UTC
    seconds = (start.astimezone(counted_in).replace(tzinfo=None) - EPOCH) // timedelta(seconds=1)
    passed = max(0, (seconds - slot.phase_s) // slot.period_s - 1)
    wall = EPOCH + timedelta(seconds=slot.phase_s + passed * slot.period_s)
    step = timedelta(seconds=slot.period_s)
    while (at := wall.replace(tzinfo=counted_in).astimezone(UTC)) < end:
        if at >= start:
            yield at
        wall += step


def local(meaning: Meaning, time: datetime) -> datetime:
    """A time on the clock of the policy."""
    return time.astimezone(clock(meaning.zone))


def period_starts(day: date) -> dict[str, date]:
    """When the day, week, month and year of a day began. Assumed: weeks are ISO weeks, from Monday."""
    began = (day, day - timedelta(days=day.weekday()), day.replace(day=1), day.replace(month=1, day=1))
    return dict(zip(FIRST_OF[1:], began, strict=True))


def first_of(day: date, previous: date | None) -> frozenset[str]:
    """What a backup of a day is the first of, by the day of the last one that counts; the first one ever of all."""
    starts = period_starts(day)
    return frozenset([EVERY, *(word for word, began in starts.items() if previous is None or previous < began)])


def fits(criteria: Criteria, at: datetime, first: frozenset[str]) -> bool:
    """Whether a backup due at a time on the policy's clock meets a criterion, being the first of what `first` says.

    Assumed: "Second" and the like count a weekday's occurrences in its month ("the second Sunday").
    """
    asked = criteria
    return (
        asked != NOTHING
        and (not asked.first_of or not first.isdisjoint(asked.first_of))
        and (not asked.weekdays or at.weekday() in asked.weekdays)
        and (not asked.months or at.month in asked.months)
        and (not asked.times or f"{at:%H:%M}" in asked.times)
        and (not asked.dates or at.day in asked.dates or (LAST_DATE in asked.dates and _days_left(at) == 0))
        and (not asked.weeks or not _weeks(at).isdisjoint(asked.weeks))
    )


def _weeks(at: datetime) -> set[str]:
    last = WEEKS[-1:] if _days_left(at) < DAYS_A_WEEK else ()
    return {*WEEKS[:-1][(at.day - 1) // DAYS_A_WEEK :][:1], *last}


def _days_left(at: datetime) -> int:
    """How many days of its month come after a day."""
    return monthrange(at.year, at.month)[1] - at.day


def deciding(meaning: Meaning, at: datetime, first: frozenset[str]) -> list[Rule]:
    """The rules that fit a scheduled backup, the one that decides first; `at` on the policy's clock."""
    fitting = [rule for rule in meaning.rules if any(fits(criteria, at, first) for criteria in rule.criteria)]
    return [*fitting, meaning.default]
