"""What does a backup instance look like? Reads a request, writes the resource, and turns its states.

It decides nothing: which state comes next is told by those who know why.
"""

from typing import Any

from simulator.arm.dataprotection.datasources import LIVE
from simulator.arm.dataprotection.kinds import Kind, kind_of
from simulator.arm.dataprotection.members import ordered
from simulator.wire import Json
from simulator.world import Resource, World

CONFIGURING = "ConfiguringProtection"
CONFIGURED = "ProtectionConfigured"
UPDATING = "UpdatingProtection"
ERROR = "ProtectionError"
STOPPED = "ProtectionStopped"
SUSPENDED = "BackupsSuspended"
SOFT_DELETING = "SoftDeleting"
SOFT_DELETED = "SoftDeleted"

MEMBERS = (
    "deletionInfo",
    "friendlyName",
    "dataSourceInfo",
    "dataSourceSetInfo",
    "policyInfo",
    "protectionStatus",
    "currentProtectionState",
    "protectionErrorDetails",
    "provisioningState",
    "datasourceAuthCredentials",
    "identityDetails",
    "objectType",
)
_SENT = (
    *("friendlyName", "dataSourceInfo", "dataSourceSetInfo", "policyInfo"),
    *("datasourceAuthCredentials", "identityDetails", "objectType"),
)
# Source: dp-aks-delete200-lifecycle-2024-05-07, dp-pgsingle-lifecycle-2024-03-13.
_NULLS = (
    (
        ("objectType", "KubernetesClusterBackupDatasourceParameters"),
        (
            *("includedNamespaces", "excludedNamespaces", "includedResourceTypes", "excludedResourceTypes"),
            *("labelSelectors", "backupHookReferences"),
        ),
    ),
    (("secretStoreType", "AzureKeyVault"), ("value",)),
)
_DATASOURCE = (
    "resourceID",
    "resourceUri",
    "datasourceType",
    "resourceName",
    "resourceType",
    "resourceLocation",
    "objectType",
)


def read(properties: Json) -> Json:
    """The properties of a request as the service keeps them; names are read without case, nulls dropped.

    **Source**: dp-pgflex-job-failed-2025-03-12; aso-dp-protectionerror-sync-recover (an empty resourceName is filled
    in, but not in the set). Assumed: validationType and resourceGuardOperationRequests are not echoed.
    Raises ValueError when something needed is missing or the datasource type is unknown.
    """
    kept = ordered(properties, _SENT)
    source = ordered(kept.get("dataSourceInfo") or {}, _DATASOURCE)
    policy = ordered(kept.get("policyInfo") or {}, ("policyId", "policyVersion", "policyParameters"))
    if not source.get("resourceID") or not policy.get("policyId"):
        msg = "dataSourceInfo.resourceID and policyInfo.policyId are needed"
        raise ValueError(msg)
    kind_of(source.get("datasourceType"))
    name = str(source["resourceID"]).rpartition("/")[2]
    source["resourceName"] = source.get("resourceName") or name
    whole: Json = {"friendlyName": name, "objectType": "BackupInstance"} | kept
    whole |= {"dataSourceInfo": ordered(source, _DATASOURCE), "policyInfo": _with_nulls(policy)}
    if "datasourceAuthCredentials" in kept:
        whole["datasourceAuthCredentials"] = _with_nulls(kept["datasourceAuthCredentials"])
    if "dataSourceSetInfo" in kept:
        whole["dataSourceSetInfo"] = ordered(kept["dataSourceSetInfo"], _DATASOURCE)
    return ordered(whole, MEMBERS)


def _with_nulls(value: Any) -> Any:
    """A value with the members that the service writes even without a value, wherever such an object stands."""
    if isinstance(value, list):
        return [_with_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    names = [name for mark, names in _NULLS if value.get(mark[0]) == mark[1] for name in names]
    return {name: _with_nulls(item) for name, item in value.items()} | {n: value.get(n) for n in names}


def whole(instance_id: str, properties: Json, tags: Json | None) -> Json:
    """A new instance's body. **Source**: dp-pgflex-job-failed-2025-03-12; tags first, dp-softdelete-2025-11-06."""
    names = {"id": instance_id, "name": instance_id.rpartition("/")[2], "type": LIVE}
    return ({"tags": tags} if tags is not None else {}) | {"properties": properties} | names


def turn(instance: Resource, state: str, *, provisioning: str = "Succeeded", error: Json | None = None) -> None:
    """Give an instance a protection state; both state members are always equal.

    **Source**: 598 observations; aso-dp-protectionerror-sync-recover (the same error details stand in two places).
    """
    properties = instance.body["properties"]
    properties |= {
        "protectionStatus": {"status": state} | ({"errorDetails": error} if error else {}),
        "currentProtectionState": state,
        "protectionErrorDetails": error,
        "provisioningState": provisioning,
    }
    instance.body["properties"] = ordered(properties, MEMBERS)


def state(instance: Resource) -> str:
    """The protection state."""
    return str(instance.body["properties"]["currentProtectionState"])


def kind(properties: Json) -> Kind:
    """What kind of datasource is protected."""
    return kind_of(properties["dataSourceInfo"]["datasourceType"])


def datasource_id(properties: Json) -> str:
    """The id of the protected datasource."""
    return str(properties["dataSourceInfo"]["resourceID"])


def policy_id(properties: Json) -> str:
    """The id of the policy, in the casing of the request."""
    return str(properties["policyInfo"]["policyId"])


def vault_id(instance_id: str) -> str:
    """The id of the vault that something stands in."""
    return "/".join(instance_id.split("/")[:9])


# -- one change at a time ----------------------------------------------------------------------------------------


def begin(instance: Resource, change: str) -> int:
    """Mark an instance as busy with a change; the number returned makes every older change stale."""
    instance.hidden["busy"] = change
    instance.hidden["change"] += 1
    return int(instance.hidden["change"])


def under_change(world: World, instance_id: str, change: int) -> Resource | None:
    """The instance, if that change is still its newest; None when it was overtaken or the instance is gone."""
    instance = world.get(instance_id)
    return instance if instance and instance.hidden["change"] == change else None


def settle(instance: Resource) -> None:
    """No change runs any more."""
    instance.hidden["busy"] = ""
