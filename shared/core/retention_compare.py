"""Would one policy keep some future recovery point shorter than another? Decided exactly, with the point that shows it.

What is compared, and why that is enough:

- An on-demand backup without a tag gets the default's retention, so the defaults are compared for every day.
- A scheduled backup of one policy is held against the one that the other makes in its place: the first of its week
  against the first, the second against the second. When both have one schedule, that is the same backup. A backup
  that the other policy does not make at all is not kept shorter.
- Any backup may fail, so the last one that succeeded may be any earlier slot, or there is none. What a backup is the
  first of depends on that alone, and changes only where a day, week, month or year begins: the cases are few, and all
  are tried. Both backups of a pair are taken to be the first of the same: each policy has its own first of a month.
- Which rule decides then depends on the date alone. A year's calendar is one of fourteen (the weekday of its first
  day, leap or not), and 28 years without a century in between have all of them: one year of each kind shows all cases.
- Months and days cannot be compared without a date, so such a pair is tried in each of the 400 years after which the
  Gregorian calendar repeats (146,097 days are whole weeks).

Assumed: the rules of time zones stay as they are known.
"""

from bisect import bisect_left
from calendar import isleap, monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from itertools import groupby

from shared.core.meaning import FIRST_OF, Duration, Meaning
from shared.core.retention_time import EVERY, deciding, first_of, local, period_starts, slots

FIRST_YEAR, YEARS, CYCLE = 2040, 28, 400
_WORDS = dict(zip(FIRST_OF, ("", "day", "week", "month", "year"), strict=True))
_MONTH_DAYS, _OFF_DAYS = 146_097 / CYCLE / 12, 4  # so many months are never further off from their average length


@dataclass(frozen=True, slots=True)
class Shorter:
    """A future point that is kept shorter: `keep` instead of `kept`.

    time: of the point under the old policy. previous: the last successful scheduled backup before it. first: what it
    is the first of; None for an on-demand backup.
    """

    time: datetime
    previous: datetime | None
    first: frozenset[str] | None
    keep: Duration
    kept: Duration

    def __str__(self) -> str:
        return f"{self.what} would be kept {self.keep} instead of {self.kept}"

    @property
    def what(self) -> str:
        if self.first is None:
            return "an on-demand backup"
        longest = max(self.first, key=FIRST_OF.index)
        return f"the first backup of a {_WORDS[longest]}" if longest != EVERY else "a scheduled backup"


def is_lower(new: Meaning, old: Meaning) -> bool:
    """Whether some future point would be kept shorter under the new policy than under the old one."""
    return shorter(new, old) is not None


@lru_cache(maxsize=512)
def shorter(new: Meaning, old: Meaning) -> Shorter | None:
    """A future point that the new policy keeps shorter than the old one, or None when there is none."""
    return _on_demand(new, old) or _scheduled(new, old)


def _on_demand(new: Meaning, old: Meaning) -> Shorter | None:
    keep, kept = new.default.keep, old.default.keep
    found = _ever_less(keep, kept)
    return Shorter(found, None, None, keep, kept) if found else None


def _scheduled(new: Meaning, old: Meaning) -> Shorter | None:
    theirs, ours = _local_slots(old), _local_slots(new) if new.slots != old.slots or new.zone != old.zone else None
    days = [at.date() for at in theirs]
    pairs = _pairs(theirs, ours) if ours else ((place, at) for place, at in enumerate(theirs))
    years = one_of_each_calendar()
    would_keep, kept_so_far = _chooser(new), _chooser(old)
    tried: set[tuple[Duration, Duration, date]] = set()
    for place, instead in pairs:
        at = theirs[place]
        if at.year not in years:
            continue
        for first, previous in _histories(days, theirs, place):
            keep, kept = would_keep(instead, first), kept_so_far(at, first)
            if (keep, kept, at.date()) in tried or not _ever_less(keep, kept):
                continue
            tried.add((keep, kept, at.date()))
            if found := _shown(keep, kept, at):
                before = _wall(found, _naive(previous) - _naive(at)) if previous else None
                return Shorter(found.astimezone(UTC), before, first, keep, kept)
    return None


def _chooser(meaning: Meaning) -> Callable[[datetime, frozenset[str]], Duration]:
    """How long a policy keeps a backup, asked once for all dates that its rules cannot tell apart."""
    of_calendar = any(criteria.is_of_calendar for rule in meaning.rules for criteria in rule.criteria)
    known: dict[tuple[object, frozenset[str]], Duration] = {}

    def keep(at: datetime, first: frozenset[str]) -> Duration:
        like = (isleap(at.year), at.month, at.day, at.weekday(), at.hour, at.minute) if of_calendar else None
        if (like, first) not in known:
            known[like, first] = deciding(meaning, at, first)[0].keep
        return known[like, first]

    return keep


def _local_slots(meaning: Meaning) -> list[datetime]:
    """The slots of the years that are looked at, and of the year before them, on the policy's clock."""
    start, end = (datetime(year, 1, 1, tzinfo=UTC) for year in (FIRST_YEAR - 1, FIRST_YEAR + YEARS))
    return [local(meaning, at) for at in slots(meaning, start, end)]


def _pairs(theirs: list[datetime], ours: list[datetime]) -> Iterator[tuple[int, datetime]]:
    """Each of their slots, by its place, with ours of the same rank in the same week."""
    by_week = {week: list(group) for week, group in groupby(ours, _week)}
    for week, group in groupby(range(len(theirs)), lambda place: _week(theirs[place])):
        yield from zip(group, by_week.get(week, ()), strict=False)


def _week(at: datetime) -> int:
    return (at.toordinal() - 1) // 7


def _histories(
    days: list[date], slots_: list[datetime], place: int
) -> Iterator[tuple[frozenset[str], datetime | None]]:
    """Every set of periods that a slot can be the first of, with a last success before it that makes it so."""
    day = days[place]
    yield first_of(day, None), None
    if place and days[place - 1] == day:
        yield first_of(day, day), slots_[place - 1]
    cuts = sorted(set(period_starts(day).values()))
    for began, since in zip(cuts[1:], cuts, strict=False):
        before = bisect_left(days, began) - 1
        if before >= 0 and days[before] >= since:
            yield first_of(day, days[before]), slots_[before]


@lru_cache(maxsize=512)
def _ever_less(keep: Duration, kept: Duration) -> datetime | None:
    """A day on which one duration is shorter than the other, None when it never is."""
    months, days = keep.months - kept.months, keep.days - kept.days
    if months * _MONTH_DAYS + days > _OFF_DAYS or (not months and days >= 0) or (months > 0 and not days):
        return None
    return next((day for day in _every_kind_of_day() if keep.after(day) < kept.after(day)), None)


@cache
def _every_kind_of_day() -> tuple[datetime, ...]:
    """One day of each kind in a whole cycle: so many months from any of the first 28 days of a month are as long."""
    months = [(year, month) for year in range(FIRST_YEAR, FIRST_YEAR + CYCLE) for month in range(1, 13)]
    days = [(year, month, day) for year, month in months for day in (1, *range(29, monthrange(year, month)[1] + 1))]
    return tuple(datetime(*day, tzinfo=UTC) for day in days)


def _shown(keep: Duration, kept: Duration, at: datetime) -> datetime | None:
    """The moment at which one is shorter: this slot, or one like it in a year with the same calendar."""
    alike = (year for year in range(FIRST_YEAR, FIRST_YEAR + CYCLE) if _calendar(year) == _calendar(at.year))
    moments = (at.replace(year=year) for year in (at.year, *alike))
    return next((moment for moment in moments if keep.after(moment) < kept.after(moment)), None)


@cache
def one_of_each_calendar() -> frozenset[int]:
    """Fourteen years, each with another calendar."""
    return frozenset({_calendar(year): year for year in range(FIRST_YEAR, FIRST_YEAR + YEARS)}.values())


def _calendar(year: int) -> tuple[int, bool]:
    return date(year, 1, 1).weekday(), isleap(year)


def _naive(at: datetime) -> datetime:
    return at.replace(tzinfo=None)


def _wall(at: datetime, later: timedelta) -> datetime:
    """The moment that is so much later on the clock on the wall, in UTC."""
    return (_naive(at) + later).replace(tzinfo=at.tzinfo).astimezone(UTC)
