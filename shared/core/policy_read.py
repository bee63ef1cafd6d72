"""Reads a backup policy of any client, as ARM answers it, into what it means; never raises, whatever the body is.

Members and words are read without case, as the service does; the order of rules and tags says nothing, their
priority does.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from shared.core.meaning import (
    DAY_S,
    EPOCH,
    FIRST_OF,
    LAST_DATE,
    WEEK_S,
    WEEKS,
    Criteria,
    Duration,
    Meaning,
    Rule,
    Slot,
)
from shared.core.rules import DAYS, MONTHS
from shared.core.time_zones import clock, windows_name

type Body = Mapping[str, Any]

_INTERVAL = re.compile(r"R/(?P<start>[^/]+)/P(?:(?P<count>[1-9]\d{0,2})(?P<unit>[DW])|T(?P<hours>[1-9]\d{0,2})H)")
_LOWEST, _LONGEST_MONTH = 2**31, 31


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of a vault. backup_rule and default_tag are what an on-demand backup must name.

    meaning: None when it says something that is not understood here, which `unclear` then tells.
    datasources: lower-case types of what it may protect; the service refuses it for anything else.
    """

    id: str
    name: str
    meaning: Meaning | None
    backup_rule: str
    default_tag: str
    datasources: frozenset[str] = frozenset()
    unclear: str = ""


class _Unclear(ValueError):
    """The policy says something that no Meaning can say."""


def read_policy(body: Body) -> Policy:
    """Read a policy of any client: the whole resource, or only its properties. Never raises."""
    given = _folded(body)
    properties = _object(given.get("properties")) or given
    rules = _objects(properties.get("policyrules"))
    backups = [rule for rule in rules if _is(rule, "AzureBackupRule")]
    kept = {_text(rule, "name").lower(): rule for rule in rules if _is(rule, "AzureRetentionRule")}
    default = next((rule for rule in kept.values() if rule.get("isdefault") is True), {})
    meaning, unclear = _meaning_or_why(backups, kept)
    return Policy(
        id=_text(given, "id"),
        name=_text(given, "name"),
        meaning=meaning,
        backup_rule=_text(backups[0], "name") if backups else "",
        default_tag=_text(default, "name") or "Default",
        datasources=frozenset(str(kind).lower() for kind in _list(properties.get("datasourcetypes"))),
        unclear=unclear,
    )


def _meaning_or_why(backups: list[Body], kept: dict[str, Body]) -> tuple[Meaning | None, str]:
    if len(backups) != 1:
        return None, "it has no schedule" if not backups else f"it has {len(backups)} schedules"
    try:
        return _meaning(backups[0], kept), ""
    except (ValueError, OverflowError) as error:
        return None, str(error)


def _meaning(backup: Body, kept: dict[str, Body]) -> Meaning:
    trigger = _object(backup.get("trigger"))
    slots, zone = _schedule(_object(trigger.get("schedule")))
    tags = sorted(_objects(trigger.get("taggingcriteria")), key=_priority)
    chosen = [_rule(tag, kept, zone) for tag in tags if tag.get("isdefault") is not True]
    defaults = [_rule(tag, kept, zone) for tag in tags if tag.get("isdefault") is True]
    if len(defaults) != 1:
        raise _Unclear(f"it has {len(defaults)} default tags")
    named = {rule.name.lower() for rule in (*chosen, *defaults)}
    spare = [_spare(rule) for name, rule in kept.items() if name not in named]
    return Meaning(slots, zone, tuple(chosen), defaults[0], tuple(rule for rule in spare if rule))


# -- when ---------------------------------------------------------------------------------------------------------


def _schedule(schedule: Body) -> tuple[tuple[Slot, ...], str]:
    zone = windows_name(_text(schedule, "timezone"))
    if zone is None:
        raise _Unclear(f"no time zone is called {_text(schedule, 'timezone')!r}")
    slots = {slot for text in _list(schedule.get("repeatingtimeintervals")) for slot in _slots(str(text), zone)}
    if not slots:
        raise _Unclear("it has no repeating time interval")
    return tuple(sorted(_weekly(slots))), zone


def _weekly(slots: set[Slot]) -> set[Slot]:
    """The same schedule with what comes every week said as that, also where intervals take turns to make it so."""
    merged = {
        slot: Slot(slot.phase_s % WEEK_S)
        for slot in slots
        if slot.local
        and all(replace(slot, phase_s=phase) in slots for phase in range(slot.phase_s % WEEK_S, slot.period_s, WEEK_S))
    }
    every_week = {merged.get(slot, slot) for slot in slots}
    return {slot for slot in every_week if slot.period_s == WEEK_S or Slot(slot.phase_s % WEEK_S) not in every_week}


def _slots(text: str, zone: str) -> Iterator[Slot]:
    """The series of one interval; daily ones as seven weekly ones, so that both ways to write them are one.

    Assumed: the wall clock of the start in the schedule's zone is kept over daylight saving; a start without an offset
    is that wall clock; hours count in UTC.
    """
    found = _INTERVAL.fullmatch(text.strip().upper())
    if not found:
        raise _Unclear(f"{text!r} is not understood; valid is R/2024-01-07T01:30:00+01:00/P1W")
    start = _moment(found["start"])
    local = start.astimezone(clock(zone)).replace(tzinfo=None) if start.tzinfo else start
    if found["hours"]:
        absolute = start if start.tzinfo else start.replace(tzinfo=clock(zone))
        period_s = int(found["hours"]) * 3600
        yield Slot(_seconds(absolute.astimezone(UTC).replace(tzinfo=None)) % period_s, period_s, local=False)
        return
    period_s = int(found["count"]) * (WEEK_S if found["unit"] == "W" else DAY_S)
    repeated = WEEK_S if WEEK_S % period_s == 0 else period_s  # every day is seven times a week
    yield from (Slot(phase, repeated) for phase in range(_seconds(local) % period_s, repeated, period_s))


def _seconds(time: datetime) -> int:
    return int((time - EPOCH).total_seconds())


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise _Unclear(f"{text!r} is no time: {error}") from None


def _time(text: str, zone: str) -> str:
    """The time of day on the schedule's clock. Assumed: one with an offset is converted, the date says nothing else."""
    time = _moment(text.strip().upper())
    return f"{time.astimezone(clock(zone)) if time.tzinfo else time:%H:%M}"


# -- how long -----------------------------------------------------------------------------------------------------


def _rule(tag: Body, kept: dict[str, Body], zone: str) -> Rule:
    """The rule of a tag. A default is for whatever is left, so criteria that it may have say nothing."""
    name = _text(_object(tag.get("taginfo")), "tagname")
    rule = kept.get(name.lower())
    if rule is None:
        raise _Unclear(f"the tag {name} has no retention rule")
    asked = [] if tag.get("isdefault") is True else _objects(tag.get("criteria"))
    return Rule(tuple(sorted(_criteria(one, zone) for one in asked)), _duration(rule), name)


def _spare(rule: Body) -> Rule | None:
    """A retention rule without a tag; None for one that is about another store and so never asked for."""
    try:
        return Rule((), _duration(rule), _text(rule, "name"))
    except ValueError:
        return None


def _duration(rule: Body) -> Duration:
    lifecycles = _objects(rule.get("lifecycles"))
    if len(lifecycles) != 1 or lifecycles[0].get("targetdatastorecopysettings"):
        raise _Unclear(f"the retention rule {_text(rule, 'name')} keeps points in more than one store")
    return Duration.parse(_text(_object(lifecycles[0].get("deleteafter")), "duration").upper())


def _priority(tag: Body) -> int:
    priority = tag.get("taggingpriority")
    return priority if isinstance(priority, int) else _LOWEST


def _criteria(given: Body, zone: str) -> Criteria:
    """One criterion. What is not known by name is left out, as the service leaves it out."""
    return Criteria(
        first_of=_words(given.get("absolutecriteria"), FIRST_OF),
        weekdays=tuple(sorted(DAYS.index(day) for day in _words(given.get("daysoftheweek"), DAYS))),
        weeks=_words(given.get("weeksofthemonth"), WEEKS),
        months=tuple(sorted(MONTHS.index(month) + 1 for month in _words(given.get("monthsofyear"), MONTHS))),
        dates=tuple(sorted({_date(day) for day in _objects(given.get("daysofmonth"))})),
        times=tuple(sorted({_time(str(time), zone) for time in _list(given.get("scheduletimes"))})),
    )


def _words(given: Any, valid: tuple[str, ...]) -> tuple[str, ...]:
    """Words in the spelling and order of those that are valid. Raises _Unclear for another one."""
    asked = {str(word).lower() for word in _list(given)}
    if unknown := asked - {word.lower() for word in valid}:
        raise _Unclear(f"{min(unknown)!r} is not understood; valid: {', '.join(valid)}")
    return tuple(word for word in valid if word.lower() in asked)


def _date(day: Body) -> int:
    date = day.get("date")
    if day.get("islast") is True:
        return LAST_DATE
    if not isinstance(date, int) or not 1 <= date <= _LONGEST_MONTH:
        raise _Unclear(f"{date!r} is no day of a month; valid: 1 to 28, or isLast")
    return date


# -- JSON of strangers --------------------------------------------------------------------------------------------


def _folded(value: Any) -> Any:
    """A JSON value with the names of all members in lower case; what is null is not there."""
    if isinstance(value, Mapping):
        return {str(name).lower(): _folded(inner) for name, inner in value.items() if inner is not None}
    return [_folded(inner) for inner in value if inner is not None] if isinstance(value, list) else value


def _object(value: Any) -> Body:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: Any) -> list[Body]:
    return [item for item in _list(value) if isinstance(item, Mapping)]


def _text(value: Body, name: str) -> str:
    text = value.get(name, "")
    return text if isinstance(text, str) else ""


def _is(rule: Body, kind: str) -> bool:
    return _text(rule, "objecttype").lower() == kind.lower()
