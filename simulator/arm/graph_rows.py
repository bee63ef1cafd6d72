"""What a resource looks like as a row of Resource Graph, and in which table it stands. It reads texts, not the world.

**Source**: `arg-backupinstances-2025-11-06`, `arg-backupvaults-2025-11-06`, `dp-jobs-list-2024-04-29`.
"""

import json
import re
from dataclasses import dataclass

from simulator.wire import Json

DATA_PROTECTION = "microsoft.dataprotection/backupvaults"
INSTANCE, JOB = f"{DATA_PROTECTION}/backupinstances", f"{DATA_PROTECTION}/backupjobs"
RECOVERY_POINT = f"{INSTANCE}/recoverypoints"
TABLES = {
    INSTANCE: "recoveryservicesresources",
    JOB: "recoveryservicesresources",
    f"{DATA_PROTECTION}/backuppolicies": "recoveryservicesresources",
    "microsoft.authorization/roleassignments": "authorizationresources",
    "microsoft.authorization/roledefinitions": "authorizationresources",
    "microsoft.resources/subscriptions": "resourcecontainers",
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


def row_of(text: str, tenant_id: str, recovery_points: list[str]) -> Row | None:
    """The row of a journal text, or None when Resource Graph does not know that type.

    recovery_points: the times of an instance's recovery points, sorted; nothing for other types.
    """
    resource_id, resource_type, body = json.loads(text)
    table = TABLES.get(resource_type)
    if table is None and resource_type.count("/") == 1 and "location" in body:
        table = "resources"
    if table is None:
        return None
    place = PLACE.match(resource_id)
    properties = body.get("properties") or {}
    if resource_type == INSTANCE:
        properties = _instance_properties(resource_id, properties, recovery_points)
    elif resource_type == JOB:
        properties = properties | {"duration": time_span(properties.get("duration"))}
    cells = {
        "id": body.get("id", resource_id),
        "name": body.get("name") or body.get("displayName") or resource_id.rpartition("/")[2],
        "type": resource_type,
        "tenantId": tenant_id,
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


def _instance_properties(resource_id: str, properties: Json, recovery_points: list[str]) -> Json:
    """The properties with what only Resource Graph adds. Assumed: policyExtendedInfo knows no retention here."""
    nulls = ("resourceGuardOperationRequests", "datasourceAuthCredentials", "protectionErrorDetails")
    known = dict.fromkeys((*nulls, "dataSourceProperties", "identityDetails", "validationType")) | properties
    source = {"resourceProperties": None, "baseUri": None} | (properties.get("dataSourceInfo") or {})
    known["dataSourceInfo"] = source | {"resourceUri": ""}
    if "dataSourceSetInfo" in properties:
        known["dataSourceSetInfo"] = {"resourceProperties": None, "baseUri": None} | properties["dataSourceSetInfo"]
    known["policyInfo"] = {"policyParameters": None, "policyVersion": None} | (properties.get("policyInfo") or {})
    known["protectionStatus"] = {"errorDetails": None} | (properties.get("protectionStatus") or {})
    known["backupInstanceExtendedProperties"] = {
        "allowedOperations": _allowed_operations(str(properties.get("currentProtectionState")), bool(recovery_points)),
        "protectionStateInSecondaryRegion": "NotProtected",
        "protectedPrimaryRegion": source.get("resourceLocation", ""),
        "vaultId": re.split("(?i)/backupInstances/", resource_id)[0],
        "protectedSecondaryRegion": "",
        "dataSourceExtendedInfo": {"dataSourceId": source.get("resourceName", "")},
        "policyExtendedInfo": dict.fromkeys(
            (
                "configuredRPGenerationFrequencyInSecondaryRegion",
                "configuredMaximumRetentionInSecondaryRegion",
                "rpoWarningThresholdInSecondaryRegion",
                "rpoWarningThresholdInPrimaryRegion",
                "configuredRPGenerationFrequency",
                "configuredMaximumRetention",
            ),
            NO_SPAN,
        ),
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
