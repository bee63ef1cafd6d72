"""What ought to be, said a second time: by looking at the world alone, with no word of the product's own judgement."""

import json
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from simulator.azure import LocalAzure
from simulator.world import Resource, World

SERVERS = "microsoft.dbforpostgresql/flexibleservers"
VAULTS = "microsoft.dataprotection/backupvaults"
INSTANCES = "microsoft.dataprotection/backupvaults/backupinstances"
POLICIES = "microsoft.dataprotection/backupvaults/backuppolicies"
JOBS = "microsoft.dataprotection/backupvaults/backupjobs"
POINTS = f"{INSTANCES}/recoverypoints"
DELETED = "microsoft.dataprotection/backupvaults/deletedbackupinstances"
BY_HAND = "-by-hand"

RULES = """\
mode: {mode}
vaults: [{vaults}]
tiers:
  gold:
    backup: {{days: [sunday], at: "01:30", time_zone: Europe/Berlin}}
    keep: {{default: 35 days, weekly: 12 weeks, monthly: 12 months, yearly: 10 years}}
  silver:
    backup: {{days: [sunday], at: "03:30", time_zone: Europe/Berlin}}
    keep: {{default: 28 days, monthly: 12 months}}
  bronze:
    backup: {{days: [saturday], at: "22:00"}}
    keep: {{default: 28 days}}
    first_backup: schedule
adopt: {adopt}
downgrade: {downgrade}
resume: {resume}
roles: {{grant: {grant}}}
"""
KEEPS = {
    "gold": {"Default": "P35D", "Weekly": "P12W", "Monthly": "P12M", "Yearly": "P10Y"},
    "silver": {"Default": "P28D", "Monthly": "P12M"},
    "bronze": {"Default": "P28D"},
}
AT_ONCE = ("gold", "silver")
RANK = ("bronze", "silver", "gold")
LONGEST_EXEMPTION = timedelta(days=180)


@dataclass(frozen=True)
class Wish:
    """What the tags of a server ask for. tier: "" for none. is_mistake: somebody must hear of the tag."""

    tier: str
    is_exempt: bool = False
    is_mistake: bool = False


def wish_of(tags: dict[str, str], default: str, today: str) -> Wish:
    """What the tags ask for under the rules above."""
    found = {name.strip().lower(): value for name, value in (tags or {}).items()}
    if "backup-tier" not in found:
        return Wish(default)
    value = found["backup-tier"].strip().lower()
    if value in KEEPS:
        return Wish(value)
    until = found.get("backup-exempt-until", "")
    if value == "none" and found.get("backup-exempt-reason") and until >= today:
        return Wish("", is_exempt=True)
    return Wish(default, is_mistake=True)


def is_eligible(server: Resource) -> bool:
    """Whether Azure Backup takes such a server at all."""
    properties = server.body["properties"]
    return properties.get("replicationRole") not in ("AsyncReplica", "GeoAsyncReplica") and not properties.get(
        "cluster"
    )


def is_ready(server: Resource) -> bool:
    return bool(server.body["properties"].get("state") == "Ready")


def can_be_backed_up(server: Resource) -> bool:
    return is_ready(server) and is_eligible(server)


def instances_of(world: World, server_id: str) -> list[Resource]:
    """The live backup instances of a server, in any vault."""
    return [each for each in world.seen(INSTANCES) if source_of(each) == server_id.lower()]


def source_of(instance: Resource) -> str:
    return str(instance.body["properties"]["dataSourceInfo"]["resourceID"]).lower()


def state_of(instance: Resource) -> str:
    return str(instance.body["properties"].get("currentProtectionState"))


def is_protected(world: World, server_id: str) -> bool:
    """Whether exactly one instance protects the server, by a policy that exists."""
    found = instances_of(world, server_id)
    return len(found) == 1 and state_of(found[0]) == "ProtectionConfigured"


def is_right(world: World, server_id: str, tier: str) -> bool:
    """Whether the server is protected by a policy that means the tier."""
    return is_protected(world, server_id) and tier_of(world, instances_of(world, server_id)[0]) == tier


def rules_of(properties: Any) -> Any:
    """What makes two policies the same: everything that they say, in whatever order."""
    return sorted(json.dumps(rule, sort_keys=True) for rule in (properties or {}).get("policyRules") or ())


def keeps(policy: Resource | None) -> dict[str, str]:
    """What a policy keeps, by the name of the rule; empty when there is no such policy."""
    rules: list[Any] = policy.body["properties"]["policyRules"] if policy else []
    kept = (rule for rule in rules if rule["objectType"] == "AzureRetentionRule")
    return {rule["name"]: rule["lifecycles"][0]["deleteAfter"]["duration"] for rule in kept}


def tier_that_is(policy: Resource | None) -> str:
    """The tier that a policy means, "" if it means none."""
    return next((tier for tier, wanted in KEEPS.items() if wanted == keeps(policy)), "")


def tier_of(world: World, instance: Resource) -> str:
    """The tier that an instance's policy means, "" if it means none."""
    return tier_that_is(world.get(instance.body["properties"]["policyInfo"]["policyId"]))


# -- backups ---------------------------------------------------------------------------------------------------------


def is_failed_backup(job: Resource) -> bool:
    properties = job.body["properties"]
    return bool(properties["status"] == "Failed" and properties["operationCategory"] == "Backup")


def ended_before(job: Resource, moment: datetime) -> bool:
    return datetime.fromisoformat(job.body["properties"]["endTime"]) < moment


def is_occupied(world: World, server_id: str) -> bool:
    """Whether Azure refuses another backup, because the operation of one that was asked for never ends."""
    return any(instance.hidden["running"] for instance in instances_of(world, server_id))


def was_backed_up(azure: LocalAzure, server_id: str) -> bool:
    """Whether a backup of the server was ever made, or was asked for and accepted."""
    world = azure.world
    if any(job.body["properties"]["dataSourceId"].lower() == server_id.lower() for job in world.seen(JOBS)):
        return True
    ids = tuple(instance.id.lower() for instance in instances_of(world, server_id))
    made = (point.id.lower() for point in world.seen(POINTS))
    asked = (call.path.lower() for call in azure.log if call.operation.endswith("/backup/action") and call.status < 300)
    return any(place.startswith(ids) for place in (*made, *asked))


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta:
    """How long an answer asks to wait; nothing when it does not, or cannot be read."""
    text = headers.get("retry-after") or ""
    if text.isdigit():
        return timedelta(seconds=int(text))
    try:
        return max(parsedate_to_datetime(text) - now, timedelta())
    except ValueError:
        return timedelta()


# -- findings --------------------------------------------------------------------------------------------------------

STOPPED = ("ProtectionStopped", "BackupsSuspended", "BackupSchedulesSuspended", "RetentionSchedulesSuspended")
BUSY = ("ConfiguringProtection", "UpdatingProtection")
FAILED = ("ProtectionError", "ConfiguringProtectionFailed")


@dataclass(frozen=True)
class Facts:
    """What a finding is held against. state: of the server's one instance, "" without. deeds: what people did.

    is_busy: an operation changes that instance, and Azure refuses another. has_deleted: a soft-deleted instance.
    has_hung: some long operation was made to run for ever.
    """

    server: Resource
    state: str
    is_busy: bool
    vault: Resource | None
    deeds: AbstractSet[str]
    rules: Mapping[str, str]
    has_deleted: bool
    has_hung: bool

    @property
    def is_vault_well(self) -> bool:
        return bool(self.vault) and self.vault.body["properties"].get("provisioningState") == "Succeeded"


# What must be so when a server is called this. A verdict that is not here excuses nothing.
FINDINGS: dict[str, Callable[[Facts], bool]] = {
    **dict.fromkeys(("protected", "first_backup_pending", "overdue"), lambda f: f.state == "ProtectionConfigured"),
    "configuring": lambda f: (
        (f.is_busy or f.state in BUSY) and f.has_hung
    ),  # Azure never finishes, and that is what is said
    "drifted": lambda f: bool(f.state),
    "blocked_observe_only": lambda f: f.rules["mode"] == "observe",
    "blocked_not_ready": lambda f: not is_ready(f.server),
    "blocked_stopped": lambda f: f.server.body["properties"].get("state") == "Stopped",
    "blocked_protection_error": lambda f: f.state in FAILED,
    "blocked_protection_stopped": lambda f: f.state in STOPPED,
    "blocked_unknown_state": lambda f: bool(f.state) and f.state not in (*FAILED, *STOPPED, "ProtectionConfigured"),
    "blocked_soft_deleted": lambda f: f.has_deleted,
    "blocked_resource_guard": lambda f: "vault_guarded" in f.deeds,
    "blocked_no_vault_in_region": lambda f: f.vault is None,
    "blocked_vault_not_ready": lambda f: not f.is_vault_well,
    "blocked_vault_without_identity": lambda f: "vault_without_identity" in f.deeds,
    "blocked_scope_locked": lambda f: "lock_added" in f.deeds,
    "blocked_provider_not_registered": lambda f: "provider_gone" in f.deeds,
    "blocked_cannot_assign_roles": lambda f: "vault_new_identity" in f.deeds,
    "blocked_contested": lambda f: "server_tagged" in f.deeds,
}


def is_so(verdict: str, facts: Facts) -> bool:
    """Whether what is said of a server can be true of it."""
    return verdict in FINDINGS and FINDINGS[verdict](facts)
