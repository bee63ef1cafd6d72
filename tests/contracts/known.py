"""The world that generated calls meet, and what they have to say to meet something there: names and bodies.

It is built once by ordinary calls; every call gets a copy of its own, so that no call depends on another.
"""

from copy import deepcopy
from functools import cache
from typing import Any

from simulator.azure import LocalAzure
from simulator.world import World
from tests.contracts.documents import Json, Operation
from tests.simulator import dataprotection_world as estate

STATES = ("protected", "busy", "stopped", "deleted")
ASSIGNMENT = "b0f43c54-e787-4862-89b1-a653fa9cf747"
SOMEBODY = "ce2ce14e-85d7-4629-bdbc-454d0519d987"
ASSIGNMENTS = f"{estate.GROUP}/providers/Microsoft.Authorization/roleAssignments"
ASSIGNED: Json = {
    "properties": {
        "roleDefinitionId": f"{estate.SUB}/providers/Microsoft.Authorization/roleDefinitions/{estate.READER_ROLE}",
        "principalId": SOMEBODY,
        "principalType": "ServicePrincipal",
    }
}
ROLE: Json = {
    "properties": {
        "roleName": "Backup watcher",
        "description": "Looks at backups.",
        "type": "CustomRole",
        "assignableScopes": [estate.SUB],
        "permissions": [{"actions": ["Microsoft.DataProtection/*/read"], "notActions": []}],
    }
}
SERVER: Json = {"location": "westeurope", "sku": estate.SKU}
GRID_EVENT: Json = {
    "id": "1",
    "subject": "server",
    "data": {"a": 1},
    "eventType": "Flexguard.Incident",
    "dataVersion": "1.0",
    "eventTime": "2026-11-23T08:00:00Z",
}
CLOUD_EVENT: Json = {"id": "1", "source": "flexguard", "type": "Flexguard.Incident", "specversion": "1.0"}
GUARD = f"{estate.SUB}/resourceGroups/rg-backup/providers/Microsoft.DataProtection/resourceGuards/guard"
BODIES: dict[str, Any] = {
    "ResourceGuards_Put": {"location": "westeurope", "properties": {}},
    "DppResourceGuardProxy_CreateOrUpdate": {"properties": {"resourceGuardResourceId": GUARD}},
    "DppResourceGuardProxy_UnlockDelete": {"resourceGuardOperationRequests": []},
    "BackupVaults_CreateOrUpdate": estate.VAULT_BODY,
    "BackupVaults_Update": {"tags": {"owner": "platform"}},
    "BackupPolicies_CreateOrUpdate": estate.policy_body(),
    "BackupInstances_CreateOrUpdate": estate.instance_body(),
    "BackupInstances_ValidateForBackup": {"backupInstance": estate.instance_body()["properties"]},
    "BackupInstances_AdhocBackup": estate.ON_DEMAND,
    "BackupInstances_SyncBackupInstance": {"syncType": "Default"},
    "RoleAssignments_Create": ASSIGNED,
    "RoleAssignments_CreateById": ASSIGNED,
    "RoleDefinitions_CreateOrUpdate": ROLE,
    "Servers_Create": SERVER,
    "Servers_Update": {"tags": {"backup-tier": "gold"}},
    "Resources": {"query": "Resources | project id, name | limit 5"},
    "BackupVaults_CheckNameAvailability": {"name": "bv-two", "type": "Microsoft.DataProtection/backupVaults"},
    "DataProtection_CheckFeatureSupport": {"objectType": "FeatureValidationRequest", "featureType": "DataSourceType"},
    "PublishEventGridEvents": [GRID_EVENT],
    "PublishCloudEventEvents": [CLOUD_EVENT],
}


@cache
def _prepared(state: str) -> tuple[World, dict[str, str]]:
    """The world in which the one server is protected, being deleted, stopped or deleted; and the ids made in it."""
    azure = estate.estate()
    estate.protect(azure)
    job = estate.start_backup(azure)
    azure.advance(1000)
    point = estate.ask(azure, "GET", estate.POINTS).json()["value"][0]["name"]
    if state == "stopped":
        assert estate.ask(azure, "POST", f"{estate.INSTANCE}/stopProtection").status == 202
        azure.advance(100)
    put = estate.ask(azure, "PUT", ASSIGNMENTS + "/" + ASSIGNMENT, ASSIGNED)
    assert put.status == 201
    checked = estate.ask(
        azure, "POST", f"{estate.VAULT}/validateForBackup", BODIES["BackupInstances_ValidateForBackup"]
    )
    if state in ("busy", "deleted"):
        checked = estate.ask(azure, "DELETE", estate.INSTANCE)
    operation = checked.headers["azure-asyncoperation"].partition("?")[0].rpartition("/")[2]
    azure.advance(1 if state == "busy" else 200)
    azure.world.derived.clear()
    return azure.world, {"jobId": job.rpartition("/")[2], "recoveryPointId": point, "operationId": operation}


def azure_in(state: str) -> LocalAzure:
    """A local Azure of one's own in that state."""
    return LocalAzure(deepcopy(_prepared(state)[0]))


def body(operation: Operation, state: str) -> Any:
    """The body that makes sense, None where the operation takes none."""
    if operation.id == "BackupInstances_TriggerRestore":
        return _restore(state)
    if operation.id == "BackupInstances_ValidateForRestore":
        return {"restoreRequestObject": _restore(state)}
    return BODIES.get(operation.id)


def _restore(state: str) -> Json:
    """A restore as files from the one recovery point."""
    place = {"restoreTargetLocationType": "AzureBlobs", "url": "https://flexrestore.blob.core.windows.net/dumps"}
    target = {"objectType": "RestoreFilesTargetInfo", "recoveryOption": "FailIfExists", "restoreLocation": "westeurope"}
    return {
        "objectType": "AzureBackupRecoveryPointBasedRestoreRequest",
        "recoveryPointId": _prepared(state)[1]["recoveryPointId"],
        "restoreTargetInfo": target | {"targetDetails": place | {"filePrefix": "drill"}},
        "sourceDataStoreType": "VaultStore",
    }


def names(operation: Operation, state: str) -> dict[str, str]:
    """A value that means something for every parameter in the path."""
    is_backup = "DataProtection" in operation.path
    return {
        "subscriptionId": estate.SUB_ID,
        "resourceGroupName": "rg-backup" if is_backup else "rg-app",
        "vaultName": "bv-one",
        "backupInstanceName": estate.NAME,
        "backupPolicyName": "weekly",
        "resourceGuardsName": "guard",
        "resourceGuardProxyName": "DppResourceGuardProxy",
        "location": "westeurope",
        "serverName": "pg-app-01",
        "resourceId": estate.SERVER[1:],
        "resourceProviderNamespace": "Microsoft.DBforPostgreSQL",
        "resourceType": "flexibleServers",
        "resourceName": "pg-app-01",
        "scope": estate.GROUP[1:],
        "roleAssignmentName": ASSIGNMENT,
        "roleAssignmentId": f"{ASSIGNMENTS}/{ASSIGNMENT}"[1:],
        "roleDefinitionId": estate.READER_ROLE,
        "roleId": f"{estate.SUB}/providers/Microsoft.Authorization/roleDefinitions/{estate.READER_ROLE}"[1:],
        **_prepared(state)[1],
    }
