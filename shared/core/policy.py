"""What a tier means as a backup policy: renders it, and reads any policy back into the same meaning.

Two policies are the same when their meaning is, whoever made them and whatever they are called. The hash in our
names is of the meaning, never of JSON, so an upgrade of this program moves nothing.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
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
    """A policy of a vault. backup_rule and default_tag are what an on-demand backup must name."""

    id: str
    name: str
    meaning: Meaning | None
    backup_rule: str
    default_tag: str


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
    """Read a policy of any client. Its meaning is None when it says something that a tier cannot mean."""
    rules: Sequence[Mapping[str, Any]] = (body.get("properties") or {}).get("policyRules") or []
    backup = next((rule for rule in rules if rule.get("objectType") == "AzureBackupRule"), {})
    kept = {str(rule.get("name", "")).lower(): rule for rule in rules if rule.get("objectType") == "AzureRetentionRule"}
    default = next((rule for rule in kept.values() if rule.get("isDefault")), {})
    return Policy(
        id=str(body.get("id", "")),
        name=str(body.get("name", "")),
        meaning=_meaning(backup, kept),
        backup_rule=str(backup.get("name", "")),
        default_tag=str(default.get("name", "Default")),
    )


def _meaning(backup: Mapping[str, Any], kept: Mapping[str, Mapping[str, Any]]) -> Meaning | None:
    trigger = backup.get("trigger") or {}
    schedule = trigger.get("schedule") or {}
    zone = schedule.get("timeZone") or "UTC"
    slots = [_slot(text) for text in schedule.get("repeatingTimeIntervals") or []]
    tags = sorted(trigger.get("taggingCriteria") or [], key=lambda tag: tag.get("taggingPriority", 99))
    retention = [_kept(tag, kept) for tag in tags]
    if not slots or None in slots or not retention or None in retention or retention[-1][0]:  # type: ignore[index]
        return None
    zone = "UTC" if zone == "Coordinated Universal Time" else zone
    return Meaning(tuple(sorted(slots)), zone, tuple(retention))  # type: ignore[arg-type]  # None is ruled out above


def _slot(text: str) -> tuple[str, int, str] | None:
    match = _INTERVAL.fullmatch(text)
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
    rule = kept.get(str((tag.get("tagInfo") or {}).get("tagName", "")).lower())
    lifecycles = (rule or {}).get("lifecycles") or []
    if len(lifecycles) != 1 or lifecycles[0].get("targetDataStoreCopySettings"):
        return None
    duration = (lifecycles[0].get("deleteAfter") or {}).get("duration")
    if not isinstance(duration, str):
        return None
    if tag.get("isDefault"):
        return "", duration
    criteria = tag.get("criteria") or []
    absolute = criteria[0].get("absoluteCriteria") or [] if len(criteria) == 1 else []
    return (absolute[0], duration) if len(absolute) == 1 else None
