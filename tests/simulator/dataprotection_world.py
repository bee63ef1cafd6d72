"""A small estate for the tests of Azure Backup, built through ARM as the operator: a server, a vault, a policy."""

import copy
import json
from typing import Any

from azure.mgmt.dataprotection import DataProtectionMgmtClient

from simulator.arm.authorization import OPERATOR, grant
from simulator.azure import LocalAzure
from simulator.transport import InProcessTransport
from simulator.wire import Request, Response
from simulator.world import World

SUB_ID = "11111111-0000-4000-8000-000000000001"
SUB = f"/subscriptions/{SUB_ID}"
GROUP = f"{SUB}/resourceGroups/rg-app"
BACKUP_GROUP = f"{SUB}/resourceGroups/rg-backup"
SERVERS = f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers"
SERVER = f"{SERVERS}/pg-app-01"
VAULTS = f"{BACKUP_GROUP}/providers/Microsoft.DataProtection/backupVaults"
VAULT = f"{VAULTS}/bv-one"
POLICY = f"{VAULT}/backupPolicies/weekly"
NAME = "pg-app-01-7d3f"
INSTANCE = f"{VAULT}/backupInstances/{NAME}"
POINTS = f"{INSTANCE}/recoveryPoints"
ON_DEMAND = {"backupRuleOptions": {"ruleName": "BackupWeekly", "triggerOption": {}}}
DAY_S = 86_400
SKU = {"name": "Standard_D2s_v3", "tier": "GeneralPurpose"}
STORE = {"dataStoreType": "VaultStore", "objectType": "DataStoreInfoBase"}
LTR_ROLE = "c088a766-074b-43ba-90d4-1fb21feae531"
READER_ROLE = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
API = "2024-04-01"

VAULT_BODY: dict[str, Any] = {
    "location": "westeurope",
    "identity": {"type": "SystemAssigned"},
    "properties": {
        "storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}],
        "securitySettings": {"softDeleteSettings": {"state": "On", "retentionDurationInDays": 14.0}},
    },
}


def ask(
    azure: LocalAzure,
    method: str,
    path: str,
    body: Any = None,
    *,
    api: str = API,
    caller: str = OPERATOR,
    query: str = "",
) -> Response:
    """One ARM call; `path` may be a whole URL that the service gave."""
    url = path if path.startswith("https://") else f"https://management.azure.com{path}?api-version={api}{query}"
    data = json.dumps(body).encode() if body is not None else b""
    return azure.handle(Request(method, url, {"authorization": f"Bearer simulated.{caller}"}, data))


def code(response: Response) -> str:
    """The error code of a refusal."""
    return str(response.json()["error"]["code"])


def retention_rule(name: str = "Default", duration: str = "P3M", *, default: bool = True) -> dict[str, Any]:
    """A retention rule as the service writes it."""
    after = {"objectType": "AbsoluteDeleteOption", "duration": duration}
    lifecycle = {"deleteAfter": after, "targetDataStoreCopySettings": [], "sourceDataStore": STORE}
    return {"lifecycles": [lifecycle], "isDefault": default, "name": name, "objectType": "AzureRetentionRule"}


def tagging(name: str = "Default", priority: int = 99, *absolute: str) -> dict[str, Any]:
    """A tag; without criteria it is the default."""
    told = {"tagInfo": {"tagName": name, "id": f"{name}_"}, "taggingPriority": priority, "isDefault": not absolute}
    criteria = [{"absoluteCriteria": list(absolute), "objectType": "ScheduleBasedBackupCriteria"}]
    return told | ({"criteria": criteria} if absolute else {})


def policy_body(
    intervals: tuple[str, ...] = ("R/2021-08-15T06:30:00+00:00/P1W",),
    tags: tuple[dict[str, Any], ...] = (tagging(),),
    rules: tuple[dict[str, Any], ...] = (retention_rule(),),
    zone: str = "UTC",
) -> dict[str, Any]:
    """A policy of the CLI's shape, in the service's own order; 2021-08-15 is a Sunday."""
    backup = {
        "backupParameters": {"backupType": "Full", "objectType": "AzureBackupParams"},
        "trigger": {
            "schedule": {"repeatingTimeIntervals": list(intervals), "timeZone": zone},
            "taggingCriteria": list(tags),
            "objectType": "ScheduleBasedTriggerContext",
        },
        "dataStore": STORE,
        "name": "BackupWeekly",
        "objectType": "AzureBackupRule",
    }
    types = ["Microsoft.DBforPostgreSQL/flexibleServers"]
    whole = {"policyRules": [backup, *rules], "datasourceTypes": types, "objectType": "BackupPolicy"}
    return copy.deepcopy({"properties": whole})


def instance_body(server: str = SERVER, policy: str = POLICY, region: str = "westeurope") -> dict[str, Any]:
    """An instance as the CLI sends it."""
    name, kind = server.rpartition("/")[2], "Microsoft.DBforPostgreSQL/flexibleServers"
    source = {
        "resourceID": server,
        "resourceUri": server,
        "datasourceType": kind,
        "resourceName": name,
        "resourceType": kind,
        "resourceLocation": region,
        "objectType": "Datasource",
    }
    properties = {"friendlyName": name, "dataSourceInfo": source, "policyInfo": {"policyId": policy}}
    return {"properties": properties | {"objectType": "BackupInstance"}}


def add_server(azure: LocalAzure, name: str, **properties: Any) -> str:
    """Put a server; it needs some minutes until it is Ready."""
    body = {"location": "westeurope", "sku": SKU, "properties": properties}
    assert ask(azure, "PUT", f"{SERVERS}/{name}", body, api="2024-08-01").status < 300
    return f"{SERVERS}/{name}"


def add_vault(azure: LocalAzure, name: str, **changes: Any) -> str:
    """Put a vault and a policy in it, and let its identity do everything that backups need."""
    vault_id = f"{VAULTS}/{name}"
    created = ask(azure, "PUT", vault_id, VAULT_BODY | changes)
    assert created.status == 201
    assert ask(azure, "PUT", f"{vault_id}/backupPolicies/weekly", policy_body()).status == 200
    if principal := created.json().get("identity", {}).get("principalId"):
        grant(azure.world, principal, READER_ROLE, GROUP)
        grant(azure.world, principal, LTR_ROLE, GROUP)
    return vault_id


def estate(*, with_roles: bool = True) -> LocalAzure:
    """One Ready server, one vault with a weekly policy; the vault's identity has its roles unless told otherwise."""
    azure = LocalAzure(World(seed=7))
    ask(azure, "PUT", SUB, {"displayName": "Apps"})
    for group in (GROUP, BACKUP_GROUP):
        assert ask(azure, "PUT", group, {"location": "westeurope"}, api="2021-04-01").status < 300
    add_server(azure, "pg-app-01")
    azure.advance(900)
    if with_roles:
        add_vault(azure, "bv-one")
    else:
        assert ask(azure, "PUT", VAULT, VAULT_BODY).status == 201
        assert ask(azure, "PUT", POLICY, policy_body()).status == 200
    azure.advance(120)
    return azure


def give_roles(azure: LocalAzure, *role_ids: str) -> None:
    """Grant roles to the vault's identity on the server's group, effective at once."""
    principal = ask(azure, "GET", VAULT).json()["identity"]["principalId"]
    for role in role_ids or (READER_ROLE, LTR_ROLE):
        grant(azure.world, principal, role, GROUP)


def protect(azure: LocalAzure, path: str = INSTANCE, body: dict[str, Any] | None = None) -> None:
    """Bring a server under protection and wait until it is ProtectionConfigured."""
    assert ask(azure, "PUT", path, body or instance_body()).status == 201
    azure.advance(70)
    assert state(azure, path) == "ProtectionConfigured"


def state(azure: LocalAzure, path: str = INSTANCE) -> str:
    """The protection state that GET shows."""
    return str(ask(azure, "GET", path).json()["properties"]["currentProtectionState"])


def client(azure: LocalAzure, caller: str = OPERATOR, **options: Any) -> DataProtectionMgmtClient:
    """Microsoft's own client; its waits pass in virtual time."""
    credential: Any = azure.credential(caller)
    return DataProtectionMgmtClient(credential, SUB_ID, transport=InProcessTransport(azure), **options)


def start_backup(azure: LocalAzure) -> str:
    """Trigger an on-demand backup; the path of its job once the operation has ended."""
    answer = ask(azure, "POST", f"{INSTANCE}/backup", ON_DEMAND)
    assert answer.status == 202
    azure.advance(2)
    return str(ask(azure, "GET", answer.headers["azure-asyncoperation"]).json()["properties"]["jobId"])


def listed_jobs(azure: LocalAzure) -> list[dict[str, Any]]:
    """The properties of all listed jobs, oldest first."""
    found = [job["properties"] for job in ask(azure, "GET", f"{VAULT}/backupJobs").json()["value"]]
    return sorted(found, key=lambda job: str(job["startTime"]))


def listed_points(azure: LocalAzure) -> list[dict[str, Any]]:
    """The properties of all recovery points, oldest first."""
    return [point["properties"] for point in ask(azure, "GET", f"{INSTANCE}/recoveryPoints").json()["value"]]
