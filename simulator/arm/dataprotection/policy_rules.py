"""What does a backup policy say? Its rules as the service writes them, what is wrong with them, and how to read them.

Pure: it sees a policy's properties, no world.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from simulator.arm.dataprotection import retention, schedule
from simulator.arm.dataprotection.kinds import KINDS
from simulator.arm.dataprotection.members import ordered
from simulator.wire import Json

BACKUP, RETENTION = "AzureBackupRule", "AzureRetentionRule"
_STORE = ("dataStoreType", "objectType")
_CRITERIA = (
    "absoluteCriteria",
    "daysOfTheWeek",
    "weeksOfTheMonth",
    "monthsOfYear",
    "daysOfMonth",
    "scheduleTimes",
    "objectType",
)


def written(properties: Json) -> Json:
    """The properties as the service stores them: its order, no properties.name, no nulls, a tag's id filled in.

    **Source**: dp-policy-create-delete-2025-11-06, dp-policy-manual-2025-11-06 (tagInfo without id comes
    back with one).
    Raises ValueError, TypeError, KeyError or AttributeError when the shape is broken.
    """
    kept = ordered(properties, ("policyRules", "datasourceTypes", "objectType"))
    return kept | {"policyRules": [_rule(rule) for rule in kept["policyRules"]]}


def mistake(properties: Json) -> str | None:
    """What is wrong with written properties, or None. Assumed: which of these the service itself would refuse."""
    return next(_mistakes(properties), None)


def backup_rule(properties: Json) -> Json:
    """The rule that says when to back up; a policy has one, unless it `is_continuous`."""
    found: Json = next(rule for rule in properties["policyRules"] if rule["objectType"] == BACKUP)
    return found


def is_continuous(properties: Json) -> bool:
    """Whether a policy only says how long to keep. **Source**: dp-validate-failed-then-ok-disk-blob-2022-07-01."""
    return not any(rule["objectType"] == BACKUP for rule in properties["policyRules"])


def local(properties: Json, at: datetime) -> datetime:
    """A time on the clock of the policy's schedule."""
    return at.astimezone(schedule.time_zone(backup_rule(properties)["trigger"]["schedule"].get("timeZone")))


def keep_for(properties: Json, tag: str) -> str:
    """How long points of a tag are kept, e.g. "P3M"; an unknown tag is kept as the default says."""
    rules = {rule["name"].lower(): rule for rule in properties["policyRules"] if rule["objectType"] == RETENTION}
    rule = rules.get(tag.lower()) or rules[retention.DEFAULT.lower()]
    return str(rule["lifecycles"][0]["deleteAfter"]["duration"])


def retention_names(properties: Json) -> set[str]:
    """The names of the retention rules, lower case."""
    return {rule["name"].lower() for rule in properties["policyRules"] if rule["objectType"] == RETENTION}


def _mistakes(properties: Json) -> Iterator[str]:
    rules = properties["policyRules"]
    kinds = [KINDS.get(str(name).lower()) for name in properties.get("datasourceTypes", ())]
    may_lack_schedule = any(kind and not kind.needs_schedule for kind in kinds)
    if len([rule for rule in rules if rule["objectType"] == BACKUP]) != 1 and not (
        may_lack_schedule and is_continuous(properties)
    ):
        yield "a policy needs one AzureBackupRule"
        return
    defaults = [rule for rule in rules if rule["objectType"] == RETENTION and rule.get("isDefault")]
    if retention.DEFAULT.lower() not in {rule["name"].lower() for rule in defaults}:
        yield "a policy needs a default AzureRetentionRule named Default"
    for rule in rules:
        if rule["objectType"] == RETENTION:
            yield from _complaint(_durations, rule)
    if is_continuous(properties):
        return
    tagging = backup_rule(properties)["trigger"]["taggingCriteria"]
    if len({entry["taggingPriority"] for entry in tagging}) < len(tagging):
        yield "tagging priorities must be unique"
    if not any(entry.get("isDefault") for entry in tagging):
        yield "a default tag is missing"
    for entry in tagging:
        if entry["tagInfo"]["tagName"].lower() not in retention_names(properties):
            yield f"no retention rule for the tag {entry['tagInfo']['tagName']}"
    yield from _complaint(schedule.next_slot, backup_rule(properties), datetime(2000, 1, 1, tzinfo=UTC))


def _complaint(check: Callable[..., object], *args: object) -> Iterator[str]:
    try:
        check(*args)
    except ValueError as error:
        yield str(error)


def _durations(rule: Json) -> None:
    if not rule["lifecycles"]:
        msg = f"the retention rule {rule['name']} has no lifecycle"
        raise ValueError(msg)
    for lifecycle in rule["lifecycles"]:
        retention.expiry(datetime(2000, 1, 1, tzinfo=UTC), lifecycle["deleteAfter"]["duration"])


def _rule(rule: Json) -> Json:
    if rule.get("objectType") == BACKUP:
        kept = ordered(rule, ("backupParameters", "trigger", "dataStore", "name", "objectType"))
        parameters = ordered(kept.get("backupParameters", {}), ("backupType", "objectType"))
        store = ordered(kept["dataStore"], _STORE)
        return kept | {"backupParameters": parameters, "trigger": _trigger(kept["trigger"]), "dataStore": store}
    kept = ordered(rule, ("lifecycles", "isDefault", "name", "objectType"))
    if kept["objectType"] != RETENTION:
        msg = f"no rule is a {kept['objectType']}"
        raise ValueError(msg)
    return {"lifecycles": [_lifecycle(item) for item in kept["lifecycles"]], "isDefault": False} | {
        name: value for name, value in kept.items() if name != "lifecycles"
    }


def _trigger(trigger: Json) -> Json:
    kept = ordered(trigger, ("schedule", "taggingCriteria", "objectType"))
    times = ordered(kept["schedule"], ("repeatingTimeIntervals", "timeZone"))
    return kept | {"schedule": times, "taggingCriteria": [_tagging(entry) for entry in kept["taggingCriteria"]]}


def _tagging(entry: Json) -> Json:
    kept = ordered(entry, ("tagInfo", "taggingPriority", "isDefault", "criteria"))
    tag = ordered(kept["tagInfo"], ("tagName", "id"))
    criteria = {"criteria": [ordered(item, _CRITERIA) for item in kept["criteria"]]} if "criteria" in kept else {}
    return kept | {"tagInfo": tag | {"id": tag.get("id", f"{tag['tagName']}_")}} | criteria


def _lifecycle(item: Json) -> Json:
    kept = ordered(item, ("deleteAfter", "targetDataStoreCopySettings", "sourceDataStore"))
    delete_after = ordered(kept["deleteAfter"], ("objectType", "duration"))
    return kept | {"deleteAfter": delete_after, "sourceDataStore": ordered(kept["sourceDataStore"], _STORE)}
