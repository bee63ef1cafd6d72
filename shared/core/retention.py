"""Which recovery point is kept until when, and by which rule? Retention as a function of a policy's meaning. Pure.

A point has exactly one tag: that of the first rule, by priority, that is for it, else the default's. It is given when
the backup is due and never changes: another policy, or another tier, decides about new points alone.
Source: documentation of retention rules of Backup vaults; articles on managing flexible servers.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from shared.core.meaning import Meaning, Rule
from shared.core.retention_compare import Shorter, is_lower, shorter
from shared.core.retention_time import deciding, first_of, local, slots

__all__ = [
    "Count", "Kept", "Run", "Shorter", "Steady", "is_lower", "judge", "judge_changing", "kept_at", "planned", "shorter",
    "slots", "steady_state", "timeline",
]  # fmt: skip

UNTAGGED = "default"  # lower case, although the rule is "Default". Source: dp-pgflex-lifecycle-roles-2024-04-29
_OBSERVED = timedelta(days=4 * 365 + 1)  # of a steady state: one turn of the leap years
_LONGEST = timedelta(days=100 * 366)  # a rule that keeps longer has no steady state that matters


@dataclass(frozen=True, slots=True)
class Run:
    """A backup that ended. time: of its recovery point. due: the slot that it was for, when that is another time.

    tag: the retention tag that an on-demand backup asked for. A run that did not succeed makes no point, and does not
    use up being the first of anything.
    """

    time: datetime
    on_demand: bool = False
    tag: str = ""
    succeeded: bool = True
    due: datetime | None = None

    @property
    def slot(self) -> datetime:
        return self.due or self.time


@dataclass(frozen=True, slots=True)
class Kept:
    """A recovery point: its one tag, until when it is kept and by which rule; lost: rules that fit it and had to yield.

    The default fits every scheduled backup, so it is among the lost ones whenever another rule decides.
    """

    time: datetime
    tag: str
    expiry: datetime
    rule: Rule
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Count:
    """How many points there are at any time, once as many expire as are made."""

    least: int
    most: int
    mean: float

    def __str__(self) -> str:
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class Steady:
    """How many points a policy keeps for good: of each rule, in order of priority, and of all together."""

    rules: tuple[tuple[Rule, Count], ...]
    total: Count


def judge(meaning: Meaning, runs: Iterable[Run], previous: datetime | None = None) -> tuple[Kept, ...]:
    """What becomes of backups under a policy: a point each for those that succeeded, in order of time.

    previous: when the last successful scheduled backup before them was due. Assumed: on-demand backups are the first
    of nothing. Raises ValueError when one asks for a tag that the policy does not have.
    """
    return judge_changing(meaning, (), runs, previous)


def judge_changing(
    meaning: Meaning,
    changes: Sequence[tuple[datetime, Meaning]],
    runs: Iterable[Run],
    previous: datetime | None = None,
) -> tuple[Kept, ...]:
    """The same for an instance whose policy changes: (since when, what it means from then on), in order.

    A change does nothing to the points that there are; new ones follow the policy of the moment at which they are due,
    and what is the first of its period goes on from policy to policy.
    """
    kept: list[Kept] = []
    for run in sorted(runs, key=lambda run: run.slot):
        followed = next((then for since, then in reversed(changes) if since <= run.slot), meaning)
        if run.succeeded and run.on_demand:
            kept.append(_asked_for(followed, run))
        elif run.succeeded:
            kept.append(_scheduled(followed, run, previous))
            previous = run.slot
    return tuple(sorted(kept, key=lambda point: point.time))


def _scheduled(meaning: Meaning, run: Run, previous: datetime | None) -> Kept:
    at = local(meaning, run.slot)
    rule, *lost = deciding(meaning, at, first_of(at.date(), local(meaning, previous).date() if previous else None))
    return Kept(run.time, rule.name, rule.keep.after(run.time), rule, tuple(other.name for other in lost))


def _asked_for(meaning: Meaning, run: Run) -> Kept:
    """Source: dp-pgflex-lifecycle-roles-2024-04-29: a tag by its rule's name, else "default", as written."""
    rule = meaning.rule_named(run.tag) if run.tag else meaning.default
    if rule is None:
        valid = ", ".join(rule.name for rule in meaning.every_rule)
        raise ValueError(f"no retention rule is called {run.tag!r}; valid: {valid}")
    return Kept(run.time, run.tag or UNTAGGED, rule.keep.after(run.time), rule)


# -- how many -----------------------------------------------------------------------------------------------------


def planned(meaning: Meaning, start: datetime, end: datetime) -> tuple[Kept, ...]:
    """Every recovery point of a time to come, when each backup succeeds and none is asked for."""
    return judge(meaning, map(Run, slots(meaning, start, end)))


def kept_at(points: Iterable[Kept], moment: datetime) -> tuple[Kept, ...]:
    """The points that there are at a moment."""
    return tuple(point for point in points if point.time <= moment < point.expiry)


def timeline(points: Sequence[Kept]) -> Iterator[tuple[datetime, int]]:
    """How many points there are from each moment at which that changes, in order."""
    changes = sorted([(point.time, 1) for point in points] + [(point.expiry, -1) for point in points])
    count = 0
    for place, (moment, change) in enumerate(changes):
        count += change
        if place + 1 == len(changes) or changes[place + 1][0] != moment:
            yield moment, count


@lru_cache(maxsize=256)
def steady_state(meaning: Meaning, start: datetime) -> Steady:
    """How many points there are once the policy has run as long as its longest rule: over four years from then on.

    `start` says when the first backup is; on it the counts depend a little, as calendars differ.
    """
    rules = (*meaning.rules, meaning.default)
    longest = min(_LONGEST, max(rule.keep.after(start) - start for rule in rules) + timedelta(days=1))
    full, end = start + longest, start + longest + _OBSERVED
    points = planned(meaning, start, end)
    counts = [(rule, _count([point for point in points if point.rule is rule], full, end)) for rule in rules]
    return Steady(tuple(counts), _count(points, full, end))


def _count(points: Sequence[Kept], full: datetime, end: datetime) -> Count:
    """The least, the most and the mean number of points between two moments."""
    before, since, area = 0, full, 0.0
    seen = []
    for moment, count in timeline(points):
        if full < moment < end:
            seen.append(before)
            area += before * (moment - since).total_seconds()
            since = moment
        if moment < end:
            before = count
    seen.append(before)
    area += before * (end - since).total_seconds()
    return Count(min(seen), max(seen), area / (end - full).total_seconds())
