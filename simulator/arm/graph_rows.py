"""What a resource looks like as a row of Resource Graph, and in which table it stands. It reads texts, not the world.

**Source**: `arg-backupinstances-2025-11-06`, `arg-backupvaults-2025-11-06`, `dp-jobs-list-2024-04-29`.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from simulator.wire import Json

DATA_PROTECTION = "microsoft.dataprotection/backupvaults"
INSTANCE, JOB = f"{DATA_PROTECTION}/backupinstances", f"{DATA_PROTECTION}/backupjobs"
RECOVERY_POINT = f"{INSTANCE}/recoverypoints"
SUBSCRIPTION = "microsoft.resources/subscriptions"
TABLES = {
    INSTANCE: "recoveryservicesresources",
    JOB: "recoveryservicesresources",
    f"{DATA_PROTECTION}/backuppolicies": "recoveryservicesresources",
    "microsoft.authorization/roleassignments": "authorizationresources",
    "microsoft.authorization/roledefinitions": "authorizationresources",
    "microsoft.management/managementgroups": "resourcecontainers",
    SUBSCRIPTION: "resourcecontainers",
    "microsoft.resources/subscriptions/resourcegroups": "resourcecontainers",
}
TABLE_NAMES = ("resources", *sorted(set(TABLES.values())))
COLUMNS = {
    **dict.fromkeys(("id", "name", "type", "tenantId", "kind", "location"), "VARCHAR"),
    **dict.fromkeys(("resourceGroup", "subscriptionId", "managedBy"), "VARCHAR"),
    **dict.fromkeys(("sku", "plan", "properties", "tags", "identity", "zones", "extendedLocation"), "JSON"),
}
NEVER, NO_SPAN = "0001-01-01T00:00:00Z", "-10675199.02:48:05.4775808"
PLACE = re.compile(r"/subscriptions/(?P<subscription>[^/]+)(?:/resourceGroups/(?P<group>[^/]+))?", re.IGNORECASE)
DAYS = {"D": 1, "W": 7, "M": 31, "Y": 366}  # Source: 36600 days, where a retention of 100 years was recorded.
PERIOD = re.compile(r"P(\d+)([DWMY])")
ISO_SPAN = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?")


@dataclass(frozen=True)
class Row:
    """One row: `table` it stands in, `cells` by column."""

    table: str
    cells: Json

    @property
    def read_action(self) -> str:
        """The ARM action that a caller needs at the row's id to see it."""
        return f"{self.cells['type']}/read"


@dataclass(frozen=True)
class Surroundings:
    """What a row tells of other resources.

    recovery_points: the times of an instance's recovery points, sorted. policy_of: the properties of the policy with an
    id in lower case. ancestors_of: the management groups above a subscription.
    """

    tenant_id: str
    recovery_points: list[str]
    policy_of: Callable[[str], Json]
    ancestors_of: Callable[[str], list[Json]]


def row_of(text: str, around: Surroundings) -> Row | None:
    """The row of a journal text, or None when Resource Graph does not know that type."""
    resource_id, resource_type, body = json.loads(text)
    table = TABLES.get(resource_type)
    if table is None and resource_type.count("/") == 1 and "location" in body:
        table = "resources"
    if table is None:
        return None
    place = PLACE.match(resource_id)
    properties = body.get("properties") or {}
    if resource_type == INSTANCE:
        properties = _instance_properties(resource_id, properties, around)
    elif resource_type == JOB:
        properties = properties | {"duration": time_span(properties.get("duration"))}
    elif resource_type == SUBSCRIPTION:
        properties = _subscription_properties(body, around)
    cells = {
        "id": body.get("id", resource_id),
        "name": body.get("name") or body.get("displayName") or resource_id.rpartition("/")[2],
        "type": resource_type,
        "tenantId": around.tenant_id,
        "kind": body.get("kind", ""),
        "location": _location(resource_type, body),
        # Assumed: lower case; no recording shows a group with capitals.
        "resourceGroup": (place["group"] or "").lower() if place else "",
        "subscriptionId": place["subscription"] if place else "",
        "managedBy": body.get("managedBy", ""),
        "properties": properties,
    }
    others = ("sku", "plan", "tags", "identity", "zones", "extendedLocation")
    return Row(table, cells | {name: body.get(name) for name in others})


def time_span(duration: str | None) -> str | None:
    """A duration as .NET writes it ("00:03:10.6688074"), from that or from ISO 8601; None stays None."""
    match = ISO_SPAN.fullmatch(duration or "")
    if not duration or not match:
        return duration
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[:4])
    fraction = f".{match[5]:<07}" if match[5] else ""
    return (f"{days}." if days else "") + f"{hours:02}:{minutes:02}:{seconds:02}{fraction}"


def _location(resource_type: str, body: Json) -> str:
    """Region ids in lower case; a job has none, an instance that of its datasource."""
    if resource_type == INSTANCE:
        return str(((body.get("properties") or {}).get("dataSourceInfo") or {}).get("resourceLocation", ""))
    return "" if resource_type == JOB else str(body.get("location", "")).replace(" ", "").lower()


def _subscription_properties(body: Json, around: Surroundings) -> Json:
    """**Source**: Microsoft's starter queries for resourcecontainers. Assumed: which of the members are there."""
    given = {name: body[name] for name in ("managedByTenants", "subscriptionPolicies", "state") if name in body}
    return given | {"managementGroupAncestorsChain": around.ancestors_of(str(body.get("subscriptionId", "")))}


def _policy_information(policy: Json) -> Json:
    """The longest retention of an instance's policy as a time span; everything else is "none", as recorded."""
    names = (
        "configuredRPGenerationFrequencyInSecondaryRegion",
        "configuredMaximumRetentionInSecondaryRegion",
        "rpoWarningThresholdInSecondaryRegion",
        "rpoWarningThresholdInPrimaryRegion",
        "configuredRPGenerationFrequency",
        "configuredMaximumRetention",
    )
    cycles = [each for rule in policy.get("policyRules", ()) for each in rule.get("lifecycles", ())]
    periods = [PERIOD.fullmatch(str(each["deleteAfter"]["duration"])) for each in cycles]
    days = max((int(period[1]) * DAYS[period[2]] for period in periods if period), default=0)
    return dict.fromkeys(names, NO_SPAN) | ({"configuredMaximumRetention": f"{days}.00:00:00"} if days else {})


def _instance_properties(resource_id: str, properties: Json, around: Surroundings) -> Json:
    """The properties with what only Resource Graph adds. Assumed: a month has 31 days in the longest retention."""
    recovery_points = around.recovery_points
    nulls = ("resourceGuardOperationRequests", "datasourceAuthCredentials", "protectionErrorDetails")
    known = dict.fromkeys((*nulls, "dataSourceProperties", "identityDetails", "validationType")) | properties
    source = {"resourceProperties": None, "baseUri": None} | (properties.get("dataSourceInfo") or {})
    known["dataSourceInfo"] = source | {"resourceUri": ""}
    if "dataSourceSetInfo" in properties:
        known["dataSourceSetInfo"] = {"resourceProperties": None, "baseUri": None} | properties["dataSourceSetInfo"]
    policy_id = str((properties.get("policyInfo") or {}).get("policyId")).lower()
    known["policyInfo"] = {"policyParameters": None, "policyVersion": None} | (properties.get("policyInfo") or {})
    known["protectionStatus"] = {"errorDetails": None} | (properties.get("protectionStatus") or {})
    known["backupInstanceExtendedProperties"] = {
        "allowedOperations": _allowed_operations(str(properties.get("currentProtectionState")), bool(recovery_points)),
        "protectionStateInSecondaryRegion": "NotProtected",
        "protectedPrimaryRegion": source.get("resourceLocation", ""),
        "vaultId": re.split("(?i)/backupInstances/", resource_id)[0],
        "protectedSecondaryRegion": "",
        "dataSourceExtendedInfo": {"dataSourceId": source.get("resourceName", "")},
        "policyExtendedInfo": _policy_information(around.policy_of(policy_id)),
        "recoveryPointInfo": {
            "oldestRecoveryPointInSecondaryRegion": NEVER,
            "latestRecoveryPointInSecondaryRegion": NEVER,
            "latestRecoveryPointInPrimaryRegion": recovery_points[-1] if recovery_points else NEVER,
            "oldestRecoveryPointInPrimaryRegion": recovery_points[0] if recovery_points else NEVER,
        },
    }
    return known


def _allowed_operations(state: str, can_restore: bool) -> list[str]:
    """Assumed, except for ProtectionStopped with recovery points: Restore, ResumeBackup, Delete."""
    by_state = {"ProtectionConfigured": ["Backup", "StopProtection"], "ProtectionStopped": ["ResumeBackup"]}
    return (["Restore"] if can_restore else []) + by_state.get(state, []) + ["Delete"]
