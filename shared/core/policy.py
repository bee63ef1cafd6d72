"""What a tier means as a backup policy: its meaning, its variants for a spread, its name, and its body.

An existing policy is never written: a tier that changes has another meaning, and so another policy. The hash in our
names is of the meaning, never of JSON, so an upgrade of this program moves nothing.
"""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from shared.core.meaning import (
    FIRST_OF,
    LAST_DATE,
    MEANING_VERSION,
    WEEKS,
    Criteria,
    Duration,
    Meaning,
    Rule,
    Slot,
)
from shared.core.policy_read import Policy, read_policy
from shared.core.resource_id import ResourceId
from shared.core.rules import DAYS, MONTHS, Backup, Custom, Day, Tier, TimeOfDay
from shared.core.time_zones import clock

__all__ = [
    "MEANING_VERSION", "Meaning", "Policy", "intervals", "means", "policy_name", "read_policy", "render",
    "tier_meaning", "tier_meanings", "variant_of",
]  # fmt: skip

Json = dict[str, Any]

ANCHOR = date(2024, 1, 7)  # a Sunday long past: the service takes weekday and time from it and never looks back
BACKUP_RULE = "BackupWeekly"  # Source: the name that Microsoft's command line gives (OssFlexiblePolicy1)
STEP_MIN = 30  # between the starts of two variants of a tier
_DAY_MIN, _STORE = 24 * 60, {"objectType": "DataStoreInfoBase", "dataStoreType": "VaultStore"}
# Source: names and priorities of Microsoft's command line; the lower number wins, Default must be 99.
_BUILT_IN = (
    ("yearly", "Yearly", 10, "FirstOfYear"),
    ("monthly", "Monthly", 15, "FirstOfMonth"),
    ("weekly", "Weekly", 20, "FirstOfWeek"),
)
DEFAULT, DEFAULT_PRIORITY = "Default", 99
_FIRST_OF = dict(zip(("every", "day", "week", "month", "year"), FIRST_OF, strict=True))


@dataclass(frozen=True, slots=True)
class _Prioritised:
    """A rule of a tier, and its place among the others."""

    priority: int
    rule: Rule


# -- what it means ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def tier_meanings(tier: Tier) -> tuple[Meaning, ...]:
    """What a tier means: as it is written, and shifted by every step of its spread. Any of them is the tier."""
    return tuple(_meaning(_shifted(tier, variant)) for variant in range(_variants(tier)))


def tier_meaning(tier: Tier, variant: int = 0) -> Meaning:
    """What one variant of a tier means; variant 0 is the tier without its spread."""
    return tier_meanings(tier)[variant]


def means(meaning: Meaning | None, tier: Tier) -> bool:
    """Whether a policy means a tier, in any variant: so nobody is moved for a spread."""
    return meaning in tier_meanings(tier)


def variant_of(server_id: ResourceId, tier: Tier) -> int:
    """The variant for a server: by a stable hash of its id, so that it is always the same one."""
    number = int.from_bytes(hashlib.sha256(server_id.key.encode()).digest()[:8])
    return number % _variants(tier)


def policy_name(tier_name: str, tier: Tier, variant: int = 0) -> str:
    """The name of a policy that we make. Source: names match ^[-a-zA-Z0-9]{3,150}$."""
    plain = re.sub(r"[^a-zA-Z0-9]+", "-", tier_name).strip("-")[:100].lower() or "tier"
    return f"fg-{plain}-{tier_meaning(tier, variant).digest}"


def _meaning(tier: Tier) -> Meaning:
    at = tier.backup.at
    slots = tuple(sorted(Slot.weekly(DAYS.index(day), at.hour, at.minute) for day in set(tier.backup.days)))
    rules = tuple(one.rule for one in _rules(tier))
    return Meaning(slots, tier.backup.time_zone.windows, rules, _default(tier))


def _rules(tier: Tier) -> list[_Prioritised]:
    """The rules of a tier but for its default, in the order in which they decide."""
    found = [_Prioritised(custom.priority, _custom(custom)) for custom in tier.keep.custom]
    for field, name, priority, first in _BUILT_IN:
        if span := getattr(tier.keep, field):
            found.append(_Prioritised(priority, Rule((Criteria((first,)),), Duration.parse(span.iso), name)))
    return sorted(found, key=lambda one: one.priority)


def _default(tier: Tier) -> Rule:
    return Rule((), Duration.parse(tier.keep.default.iso), DEFAULT)


def _custom(custom: Custom) -> Rule:
    criteria = Criteria(
        first_of=(_FIRST_OF[custom.first_of],) if custom.first_of else (),
        weekdays=tuple(sorted({DAYS.index(day) for day in custom.days})),
        weeks=tuple(week for week in WEEKS if week.lower() in custom.weeks),
        months=tuple(sorted({MONTHS.index(month) + 1 for month in custom.months})),
        dates=tuple(sorted({LAST_DATE if date == "last" else int(date) for date in custom.dates})),
        times=tuple(sorted({str(at) for at in custom.at})),
    )
    return Rule((criteria,), Duration.parse(custom.keep.iso), custom.name)


# -- spread -------------------------------------------------------------------------------------------------------


def _variants(tier: Tier) -> int:
    """How many starts there are within the spread: every half hour, the first at the written time."""
    spread = tier.backup.spread
    return max(1, int(spread.longest.total_seconds()) // (STEP_MIN * 60)) if spread else 1


def _shifted(tier: Tier, variant: int) -> Tier:
    """The tier with every start so many steps later; past midnight its weekdays are the next ones.

    Weekdays and times that a rule of one's own names move along, for they mean the backups of the schedule. Dates,
    weeks and months stay: they are of the day on which the backup runs.
    """
    if not variant:
        return tier
    at, days = _later(tier.backup.at, variant)
    backup = Backup(_moved(tier.backup.days, days), at, tier.backup.time_zone)
    custom = tuple(_custom_shifted(rule, variant, days) for rule in tier.keep.custom)
    return replace(tier, backup=backup, keep=replace(tier.keep, custom=custom))


def _custom_shifted(rule: Custom, variant: int, days: int) -> Custom:
    return replace(rule, days=_moved(rule.days, days), at=tuple(_later(at, variant)[0] for at in rule.at))


def _later(at: TimeOfDay, variant: int) -> tuple[TimeOfDay, int]:
    days, minutes = divmod(at.hour * 60 + at.minute + variant * STEP_MIN, _DAY_MIN)
    return TimeOfDay(minutes // 60, minutes % 60), days


def _moved(weekdays: tuple[Day, ...], by: int) -> tuple[Day, ...]:
    return tuple(DAYS[(DAYS.index(day) + by) % len(DAYS)] for day in weekdays)


# -- what is sent -------------------------------------------------------------------------------------------------


def render(tier: Tier, datasource_type: str, variant: int = 0) -> Json:
    """The policy as the service wants it: the body of PUT …/backupPolicies/{name}.

    A plain dict, not SDK models: these drop the id of a tag, which every Microsoft client sends.
    """
    tier = _shifted(tier, variant)
    rules = [*_rules(tier), _Prioritised(DEFAULT_PRIORITY, _default(tier))]
    backup = {
        "objectType": "AzureBackupRule",
        "name": BACKUP_RULE,
        "backupParameters": {"objectType": "AzureBackupParams", "backupType": "Full"},
        "dataStore": dict(_STORE),
        "trigger": {
            "objectType": "ScheduleBasedTriggerContext",
            "schedule": {"timeZone": tier.backup.time_zone.windows, "repeatingTimeIntervals": intervals(tier.backup)},
            "taggingCriteria": [_tag(one, tier.backup) for one in rules],
        },
    }
    lifecycles = [_lifecycle(one.rule) for one in rules]
    whole = [backup, *lifecycles]
    return {"properties": {"objectType": "BackupPolicy", "datasourceTypes": [datasource_type], "policyRules": whole}}


def intervals(backup: Backup) -> list[str]:
    """The weekly slots as R/<start>/P1W, the start in local time with its offset on a fixed day long past.

    The offset is that of the Windows zone, which the service reckons with, where the IANA zone has changed since.
    """
    days = sorted(set(backup.days), key=DAYS.index)
    return [f"R/{_anchored(backup, backup.at, DAYS.index(day)).isoformat()}/P1W" for day in days]


def _anchored(backup: Backup, at: TimeOfDay, weekday: int) -> datetime:
    on = ANCHOR + timedelta(days=(weekday - ANCHOR.weekday()) % 7)
    return datetime(on.year, on.month, on.day, at.hour, at.minute, tzinfo=clock(backup.time_zone.windows))


def _lifecycle(rule: Rule) -> Json:
    after = {"objectType": "AbsoluteDeleteOption", "duration": rule.keep.iso}
    lifecycle = {"deleteAfter": after, "sourceDataStore": dict(_STORE), "targetDataStoreCopySettings": []}
    is_default = rule.name == DEFAULT
    return {"objectType": "AzureRetentionRule", "name": rule.name, "isDefault": is_default, "lifecycles": [lifecycle]}


def _tag(one: _Prioritised, backup: Backup) -> Json:
    name, is_default = one.rule.name, one.rule.name == DEFAULT
    info = {"id": f"{name}_", "tagName": name}
    tag: Json = {"isDefault": is_default, "taggingPriority": one.priority, "tagInfo": info}
    if not is_default:
        tag["criteria"] = [_criteria(criteria, backup) for criteria in one.rule.criteria]
    return tag


def _criteria(criteria: Criteria, backup: Backup) -> Json:
    """A criterion with the members that it gives, in the service's spelling. Source: Microsoft's OpenAPI."""
    given = {
        "absoluteCriteria": list(criteria.first_of),
        "daysOfTheWeek": [DAYS[day].capitalize() for day in criteria.weekdays],
        "weeksOfTheMonth": list(criteria.weeks),
        "monthsOfYear": [MONTHS[month - 1].capitalize() for month in criteria.months],
        "daysOfMonth": [_date(date) for date in criteria.dates],
        "scheduleTimes": [_anchored(backup, TimeOfDay.parse(at), 6).isoformat() for at in criteria.times],
    }
    return {"objectType": "ScheduleBasedBackupCriteria"} | {name: value for name, value in given.items() if value}


def _date(date: int) -> Json:
    """A date of a month. Source: Az.DataProtection: 1 to 28 with isLast false, or isLast alone."""
    return {"isLast": True} if date == LAST_DATE else {"date": date, "isLast": False}
