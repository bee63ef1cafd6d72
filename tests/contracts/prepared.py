"""What does an official example presuppose? A world made by ordinary calls, and our names for what Azure makes up."""

import json
import re
from typing import Any

from simulator.arm.roles import READER
from simulator.azure import LocalAzure
from simulator.world import World
from tests.contracts.documents import Json
from tests.contracts.examples import Example
from tests.simulator import dataprotection_world as estate

SUBSCRIPTION = re.compile(r"(?i)/?subscriptions/([^/\"]+)")
GROUP = re.compile(r"(?i)/?subscriptions/[^/\"]+/resourceGroups/[^/\"]+")
POLICY = re.compile(r"(?i)/subscriptions/[^\"]+/backupPolicies/[^/\"]+")
SINGLE = "Microsoft.DBforPostgreSQL/servers/databases"
FLEXIBLE = "Microsoft.DBforPostgreSQL/flexibleServers"
VALUES = {"OssDB": SINGLE, "westus3": "westus"}
"""Values of examples that are none on the wire, and what stands there in recordings."""


def prepared(example: Example) -> tuple[LocalAzure, Json]:
    """The local Azure in which the example's request makes sense, and the parameters with our names."""
    azure = LocalAzure(World(seed=1))
    parameters = _with_real_values(example.parameters)
    subscription, group = parameters.get("subscriptionId", "s"), parameters.get("resourceGroupName", "g")
    base = f"/subscriptions/{subscription}/resourceGroups/{group}"
    text = json.dumps([parameters, base])
    for subscription in dict.fromkeys(SUBSCRIPTION.findall(text)):
        tell(azure, "PUT", f"/subscriptions/{subscription}", {})
    for group in dict.fromkeys(GROUP.findall(text)):
        tell(azure, "PUT", f"/{group.strip('/')}", {"location": "westus"})
    kind = re.search(r"Microsoft\.(\w+)", example.operation.path)
    made = {"DataProtection": _backup, "DBforPostgreSQL": _servers, "Authorization": _roles, "ResourceGraph": _graph}
    prepare = made.get(kind[1]) if kind else _roles if "roleAssignmentId" in parameters else None
    return azure, parameters | (prepare(azure, example, base, parameters) if prepare else {})


def tell(azure: LocalAzure, method: str, path: str, body: Any = None) -> Any:
    """One call that must go well; what it answers."""
    answer = estate.ask(azure, method, path, body)
    assert answer.status < 300, f"{method} {path}: {answer.status} {answer.body[:500]!r}"
    return answer


def _with_real_values(value: Any) -> Any:
    text = json.dumps(value)
    for theirs, ours in VALUES.items():
        text = text.replace(f'"{theirs}"', f'"{ours}"')
    return json.loads(re.sub(r"roleDefinitions/[-\w]+", f"roleDefinitions/{READER}", text))


# -- backup ------------------------------------------------------------------------------------------------------


def _backup(azure: LocalAzure, example: Example, base: str, parameters: Json) -> Json:
    if "vaultName" not in parameters or example.operation.id == "BackupVaults_CreateOrUpdate":
        return _operation_of_region(azure, parameters) if "operationId" in parameters else {}
    vault = f"{base}/providers/Microsoft.DataProtection/backupVaults/{parameters['vaultName']}"
    tell(azure, "PUT", vault, estate.VAULT_BODY | {"location": "westus", "identity": _identity(parameters)})
    azure.advance(90)
    if example.operation.id in ("BackupVaults_Delete", "BackupPolicies_CreateOrUpdate"):
        return {}
    usual = f"{vault}/backupPolicies/{parameters.get('backupPolicyName', 'weekly')}"
    policies = [*POLICY.findall(json.dumps(parameters)), usual]
    rules = (estate.retention_rule(), estate.retention_rule("Yearly", "P10Y", default=False))
    for policy in dict.fromkeys(policies):
        tell(azure, "PUT", policy, estate.policy_body(rules=rules))
    if example.operation.id in ("BackupInstances_CreateOrUpdate", "BackupInstances_ValidateForBackup"):
        return {}
    return _protected(azure, example.operation.id, vault, usual, parameters)


def _identity(parameters: Json) -> Json:
    """The vault's identity, with the user-assigned ones that the example names."""
    users = re.findall(r"(?i)/subscriptions/[^\"]+/userAssignedIdentities/[^\"]+", json.dumps(parameters))
    if not users:
        return {"type": "SystemAssigned"}
    return {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {user: {} for user in users}}


def _operation_of_region(azure: LocalAzure, parameters: Json) -> Json:
    """An operation that can be asked for at its region: a validation in some vault."""
    group = f"/subscriptions/{parameters['subscriptionId']}/resourceGroups/g"
    tell(azure, "PUT", group, {"location": "westus"})
    vault = f"{group}/providers/Microsoft.DataProtection/backupVaults/v"
    tell(azure, "PUT", vault, estate.VAULT_BODY | {"location": "westus"})
    tell(azure, "PUT", f"{vault}/backupPolicies/weekly", estate.policy_body())
    return {"operationId": _validation(azure, vault, f"{vault}/backupPolicies/weekly")}


def _validation(azure: LocalAzure, vault: str, policy: str) -> str:
    """The id of an operation of this vault that ended well."""
    body = {"backupInstance": _instance(f"{vault.partition('/providers/')[0]}/other", policy)["properties"]}
    answer = tell(azure, "POST", f"{vault}/validateForBackup", body)
    azure.advance(100)
    return _operation_id(answer)


def _operation_id(answer: Any) -> str:
    return str(answer.headers["azure-asyncoperation"].partition("?")[0].rpartition("/")[2])


def _protected(azure: LocalAzure, operation: str, vault: str, policy: str, parameters: Json) -> Json:
    """A protected database with one backup, in the state that the operation presupposes; the ids made on the way."""
    source = f"{vault.partition('/providers/')[0]}/providers/Microsoft.DBforPostgreSQL/servers/s/databases/d"
    instance = f"{vault}/backupInstances/{parameters.get('backupInstanceName', 'i')}"
    put = tell(azure, "PUT", instance, _instance(source, policy))
    azure.advance(100)
    backup = tell(azure, "POST", f"{instance}/backup", estate.ON_DEMAND)
    azure.advance(1000)
    status = tell(azure, "GET", backup.headers["azure-asyncoperation"]).json()
    point = tell(azure, "GET", f"{instance}/recoveryPoints").json()["value"][0]["name"]
    for verb in _before(operation):
        tell(azure, "DELETE" if verb == "delete" else "POST", instance + ("" if verb == "delete" else f"/{verb}"))
        azure.advance(200)
    if operation == "BackupPolicies_Delete":
        tell(azure, "PUT", f"{vault}/backupPolicies/{parameters['backupPolicyName']}-2", estate.policy_body())
        tell(azure, "PUT", instance, _instance(source, f"{vault}/backupPolicies/{parameters['backupPolicyName']}-2"))
        azure.advance(200)
    of_instance = operation == "BackupInstances_GetBackupInstanceOperationResult"
    made = {"jobId": status["properties"]["jobId"].rpartition("/")[2], "recoveryPointId": point}
    made |= {"operationId": _operation_id(put) if of_instance else _validation(azure, vault, policy)}
    body = parameters.get("parameters")
    if isinstance(body, dict) and "recoveryPointId" in body:
        made["parameters"] = body | {"recoveryPointId": point}
    return made


def _before(operation: str) -> tuple[str, ...]:
    """What happens to an instance before the example."""
    if operation.startswith("DeletedBackupInstances"):
        return ("delete",)
    return ("suspendBackups",) if "Resume" in operation else ()


def _instance(source: str, policy: str) -> Json:
    body = estate.instance_body(source, policy, region="")
    body["properties"]["dataSourceInfo"] |= {"datasourceType": SINGLE, "resourceType": SINGLE}
    return body


# -- the others --------------------------------------------------------------------------------------------------


def _servers(azure: LocalAzure, example: Example, base: str, parameters: Json) -> Json:
    names = [parameters["serverName"]] if "serverName" in parameters else ["one", "two"]
    ids = [f"{base}/providers/{FLEXIBLE}/{name}" for name in names] if example.operation.id != "Servers_Create" else []
    told = parameters.get("parameters") or {}
    source = (told.get("properties") or {}).get("sourceServerResourceId") if isinstance(told, dict) else None
    for server in [*ids, *([source] if source else [])]:
        body = {"location": "westus", "sku": estate.SKU}
        assert estate.ask(azure, "PUT", server, body, api="2024-08-01").status == 202
    azure.advance(900)
    return {}


def _roles(azure: LocalAzure, example: Example, base: str, parameters: Json) -> Json:
    """The assignment that is asked for, unless the example makes it; in lists, one."""
    if example.operation.method == "PUT":
        return {}
    scope = parameters.get("scope", base.partition("/resourceGroups/g")[0])
    name = parameters.get("roleAssignmentName", "b0f43c54-e787-4862-89b1-a653fa9cf747")
    path = f"/{scope.strip('/')}/providers/Microsoft.Authorization/roleAssignments/{name}"
    told = {"roleDefinitionId": f"/roleDefinitions/{READER}", "principalId": "ce2ce14e-85d7-4629-bdbc-454d0519d987"}
    tell(azure, "PUT", path, {"properties": told | {"principalType": "User"}})
    return {}


def _graph(azure: LocalAzure, example: Example, _: str, parameters: Json) -> Json:
    """Two servers to be found, and for a next page the token that the page before it gives."""
    for subscription in parameters["query"].get("subscriptions", []):
        group = f"/subscriptions/{subscription}/resourceGroups/g"
        tell(azure, "PUT", f"/subscriptions/{subscription}", {})
        tell(azure, "PUT", group, {"location": "westus"})
        for name in ("test-1", "test-2"):
            tell(azure, "PUT", f"{group}/providers/{FLEXIBLE}/{name}", {"location": "westus", "sku": estate.SKU})
    azure.advance(900)
    options = parameters["query"].get("options") or {}
    if "$skipToken" not in options:
        return {}
    first = example.request({"query": parameters["query"] | {"options": {"$top": 1}}})
    return {"query": parameters["query"] | {"options": {"$skipToken": azure.handle(first).json()["$skipToken"]}}}
