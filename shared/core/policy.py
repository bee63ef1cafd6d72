"""What a tier means as a backup policy: renders it, and reads any policy back into the same meaning.

Two policies are the same when their meaning is, whoever made them and whatever they are called. The hash in our
names is of the meaning, never of JSON, so an upgrade of this program moves nothing.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.core.rules import DAYS, Backup, Tier

Json = dict[str, Any]

MEANING_VERSION = 1
ANCHOR = date(2024, 1, 7)  # a Sunday long past: the service takes weekday and time from it and never looks back
BACKUP_RULE = "BackupWeekly"  # Source: the name that Microsoft's command line gives (OssFlexiblePolicy1)
# Source: priorities of Microsoft's command line; the lower number wins, Default must be 99.
_RETENTION = (
    ("yearly", "Yearly", 10, "FirstOfYear"),
    ("monthly", "Monthly", 15, "FirstOfMonth"),
    ("weekly", "Weekly", 20, "FirstOfWeek"),
)
_INTERVAL = re.compile(r"R/(?P<start>[^/]+)/P(?P<count>\d+)(?P<unit>[DW])")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a policy does, free of names, order and spelling.

    slots: ("P1W", weekday 0-6, "HH:MM" local time) in order. zone: Windows name; "UTC" when the policy names none.
    retention: (criterion, ISO duration), highest priority first; the default is last, with criterion "".
    """

    slots: tuple[tuple[str, int, str], ...]
    zone: str
    retention: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        text = json.dumps([MEANING_VERSION, self.slots, self.zone, self.retention])
        return hashlib.sha256(text.encode()).hexdigest()[:10]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of a vault. backup_rule and default_tag are what an on-demand backup must name.

    datasources: lower-case types of what it may protect; the service refuses it for anything else.
    """

    id: str
    name: str
    meaning: Meaning | None
    backup_rule: str
    default_tag: str
    datasources: frozenset[str] = frozenset()


def tier_meaning(tier: Tier) -> Meaning:
    """What a tier of the rules file means."""
    keep = tier.keep
    special = [(criterion, span.iso) for field, _, _, criterion in _RETENTION if (span := getattr(keep, field))]
    return Meaning(
        slots=tuple(sorted(("P1W", DAYS.index(day), str(tier.backup.at)) for day in tier.backup.days)),
        zone=tier.backup.time_zone.windows,
        retention=(*special, ("", keep.default.iso)),
    )


def policy_name(tier_name: str, tier: Tier) -> str:
    """The name of a policy that we make. Source: names match ^[-a-zA-Z0-9]{3,150}$."""
    plain = re.sub(r"[^a-zA-Z0-9]+", "-", tier_name).strip("-")[:100].lower() or "tier"
    return f"fg-{plain}-{tier_meaning(tier).digest}"


def render(tier: Tier, datasource_type: str) -> Json:
    """The policy as the service wants it: the body of PUT …/backupPolicies/{name}.

    A plain dict, not SDK models: these drop the id of a tag, which every Microsoft client sends.
    """
    kept = [("Default", 99, "", tier.keep.default)]
    kept += [(name, priority, what, s) for f, name, priority, what in _RETENTION if (s := getattr(tier.keep, f))]
    ordered = sorted(kept, key=lambda rule: rule[1])
    backup = {
        "objectType": "AzureBackupRule",
        "name": BACKUP_RULE,
        "backupParameters": {"objectType": "AzureBackupParams", "backupType": "Full"},
        "dataStore": {"objectType": "DataStoreInfoBase", "dataStoreType": "VaultStore"},
        "trigger": {
            "objectType": "ScheduleBasedTriggerContext",
            "schedule": {"timeZone": tier.backup.time_zone.windows, "repeatingTimeIntervals": intervals(tier.backup)},
            "taggingCriteria": [_criterion(name, priority, what) for name, priority, what, _ in ordered],
        },
    }
    lifecycles = [
        {
            "objectType": "AzureRetentionRule",
            "name": name,
            "isDefault": not what,
            "lifecycles": [
                {
                    "deleteAfter": {"objectType": "AbsoluteDeleteOption", "duration": span.iso},
                    "sourceDataStore": {"objectType": "DataStoreInfoBase", "dataStoreType": "VaultStore"},
                    "targetDataStoreCopySettings": [],
                }
            ],
        }
        for name, _, what, span in ordered
    ]
    rules = [backup, *lifecycles]
    return {"properties": {"objectType": "BackupPolicy", "datasourceTypes": [datasource_type], "policyRules": rules}}


def intervals(backup: Backup) -> list[str]:
    """The weekly slots as R/<start>/P1W, the start in local time with its offset on a fixed day long past."""
    zone = ZoneInfo(backup.time_zone.iana)
    starts = []
    for day in sorted(backup.days, key=DAYS.index):
        on = ANCHOR + timedelta(days=(DAYS.index(day) - ANCHOR.weekday()) % 7)
        at = datetime(on.year, on.month, on.day, backup.at.hour, backup.at.minute, tzinfo=zone)
        starts.append(f"R/{at.isoformat()}/P1W")
    return starts


def _criterion(name: str, priority: int, what: str) -> Json:
    tag: Json = {"isDefault": not what, "taggingPriority": priority, "tagInfo": {"id": f"{name}_", "tagName": name}}
    if what:
        tag["criteria"] = [{"objectType": "ScheduleBasedBackupCriteria", "absoluteCriteria": [what]}]
    return tag


def read_policy(body: Mapping[str, Any]) -> Policy:
    """Read a policy of any client. Its meaning is None when it says something that a tier cannot mean. Never raises."""
    properties = _object(body.get("properties"))
    rules = _objects(properties.get("policyRules"))
    backups = [rule for rule in rules if rule.get("objectType") == "AzureBackupRule"]
    backup = backups[0] if backups else {}
    kept = {str(rule.get("name", "")).lower(): rule for rule in rules if rule.get("objectType") == "AzureRetentionRule"}
    default = next((rule for rule in kept.values() if rule.get("isDefault")), {})
    return Policy(
        id=str(body.get("id", "")),
        name=str(body.get("name", "")),
        meaning=_meaning(backup, kept) if len(backups) == 1 else None,
        backup_rule=str(backup.get("name", "")),
        default_tag=str(default.get("name", "Default")),
        datasources=frozenset(str(kind).lower() for kind in _list(properties.get("datasourceTypes"))),
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in _list(value) if isinstance(item, Mapping)]


def _meaning(backup: Mapping[str, Any], kept: Mapping[str, Mapping[str, Any]]) -> Meaning | None:
    trigger = _object(backup.get("trigger"))
    schedule = _object(trigger.get("schedule"))
    starts, tags = _list(schedule.get("repeatingTimeIntervals")), _objects(trigger.get("taggingCriteria"))
    slots = [slot for text in starts if (slot := _slot(text))]
    retention = [rule for tag in sorted(tags, key=_priority) if (rule := _kept(tag, kept))]
    if not slots or len(slots) < len(starts) or not retention or len(retention) < len(tags) or retention[-1][0]:
        return None
    zone = str(schedule.get("timeZone") or "UTC")
    zone = "UTC" if zone == "Coordinated Universal Time" else zone
    return Meaning(tuple(sorted(slots)), zone, tuple(retention))


def _priority(tag: Mapping[str, Any]) -> int:
    priority = tag.get("taggingPriority")
    return priority if isinstance(priority, int) else 99


def _slot(text: object) -> tuple[str, int, str] | None:
    match = _INTERVAL.fullmatch(text) if isinstance(text, str) else None
    if not match:
        return None
    try:
        start = datetime.fromisoformat(match["start"])
    except ValueError:
        return None
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    return (f"P{match['count']}{match['unit']}", start.weekday(), start.strftime("%H:%M"))


def _kept(tag: Mapping[str, Any], kept: Mapping[str, Mapping[str, Any]]) -> tuple[str, str] | None:
    """One retention rule as (criterion, duration), or None when it is more than a tier can say."""
    rule = kept.get(str(_object(tag.get("tagInfo")).get("tagName", "")).lower(), {})
    lifecycles = _objects(rule.get("lifecycles"))
    if len(lifecycles) != 1 or lifecycles[0].get("targetDataStoreCopySettings"):
        return None
    duration = _object(lifecycles[0].get("deleteAfter")).get("duration")
    if not isinstance(duration, str):
        return None
    if tag.get("isDefault"):
        return "", duration
    criteria = _objects(tag.get("criteria"))
    said = {name: value for name, value in criteria[0].items() if value} if len(criteria) == 1 else {}
    absolute = _list(said.get("absoluteCriteria"))
    only = said.keys() <= {"objectType", "absoluteCriteria"} and len(absolute) == 1 and isinstance(absolute[0], str)
    return (absolute[0], duration) if only else None
