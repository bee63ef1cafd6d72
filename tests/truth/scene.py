"""Which world does a recording presuppose? Built through ordinary ARM calls from what its exchanges mention.

What is there before the first exchange is made first, and what a recorder left out in between (a group that was
deleted, an identity that was made) happens when the recording shows that it has happened.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from simulator.arm import roles
from simulator.azure import LocalAzure
from simulator.wire import Request, Response
from simulator.world import World
from tests.truth.estate import FLEXIBLE, GROUP, Estate
from tests.truth.names import GUID, MADE_UP, Names
from tests.truth.recording import Exchange, Json, error_code

BEFORE = timedelta(hours=3)  # for servers to become ready and roles to work
HISTORY = timedelta(days=16)  # for jobs and recovery points that were there before
API = "2024-04-01"
SENT = (
    *("friendlyName", "dataSourceInfo", "dataSourceSetInfo", "policyInfo", "datasourceAuthCredentials"),
    *("identityDetails", "objectType"),
)
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
ASSIGNMENT = "Microsoft.Authorization/roleAssignments"

ASSIGNED = ("roleDefinitionId", "principalId", "principalType", "condition", "conditionVersion", "description")

Try = Callable[[Exchange], Response]


def build(exchanges: list[Exchange]) -> tuple[LocalAzure, Names]:
    """The local Azure right before the first exchange, and the names that differ from the recorded ones."""
    estate = Estate(exchanges)
    begins = exchanges[0].at - BEFORE - (HISTORY if estate.needs_history() else timedelta())
    azure = LocalAzure(World(seed=1, now=begins))
    names = Names({token for each in exchanges for token in _chosen(each)})
    for subscription in estate.subscriptions():
        tell(azure, "PUT", f"/subscriptions/{subscription}", {"displayName": subscription})
    for group, region in estate.groups().items():
        tell(azure, "PUT", group, {"location": region})
    for server in estate.servers():
        tell(azure, "PUT", server, {"location": estate.region()})
    azure.advance(900)
    _vaults(azure, names, estate)
    _define_roles(azure, exchanges)
    _roles(azure, names, estate)
    _containers(azure, exchanges, estate)
    azure.advance(900)
    for instance, properties in estate.instances().items():
        told = {name: properties[name] for name in SENT if properties.get(name) is not None}
        tell(azure, "PUT", instance, {"properties": told | {"objectType": "BackupInstance"}})
        azure.advance(600)
        if properties.get("currentProtectionState") == "ProtectionStopped":
            tell(azure, "POST", f"{instance}/stopProtection")
    azure.advance_to(exchanges[0].at)
    return azure, names


def _chosen(exchange: Exchange) -> list[str]:
    """Names that the caller made up himself: what a PUT names in its path, and subscriptions everywhere."""
    told = GROUP.findall(exchange.path)
    own = MADE_UP.findall(exchange.path.rpartition("/")[2]) if exchange.method == "PUT" else []
    return [*(subscription for subscription, _ in told), *own]


def _vaults(azure: LocalAzure, names: Names, estate: Estate) -> None:
    for vault, request in estate.vaults().items():
        tell(azure, "PUT", vault, request)
        azure.advance(90)
        names.learn_body(estate.known(vault), tell(azure, "GET", vault).json())
    for policy, known in estate.policies().items():
        tell(azure, "PUT", policy, {"properties": known.get("properties") or _policy(estate)})


def _policy(estate: Estate) -> Json:
    """A policy of which nothing was recorded but its name."""
    store = {"dataStoreType": estate.store(), "objectType": "DataStoreInfoBase"}
    tag = {"tagInfo": {"tagName": "Default", "id": "Default_"}, "taggingPriority": 99, "isDefault": True}
    backup = {
        "name": estate.rule_name(),
        "objectType": "AzureBackupRule",
        "backupParameters": {"backupType": "Full", "objectType": "AzureBackupParams"},
        "dataStore": store,
        "trigger": {
            "schedule": {"repeatingTimeIntervals": ["R/2021-08-15T06:30:00+00:00/P1W"]},
            "taggingCriteria": [tag],
            "objectType": "ScheduleBasedTriggerContext",
        },
    }
    after = {"objectType": "AbsoluteDeleteOption", "duration": "P3M"}
    keep = {"name": "Default", "objectType": "AzureRetentionRule", "isDefault": True}
    keep |= {"lifecycles": [{"deleteAfter": after, "sourceDataStore": store, "targetDataStoreCopySettings": []}]}
    return {"policyRules": [backup, keep], "datasourceTypes": [FLEXIBLE], "objectType": "BackupPolicy"}


def _roles(azure: LocalAzure, names: Names, estate: Estate) -> None:
    """The role assignments that lists show, and what the vaults' identities need unless they were refused it."""
    for each in estate.assignments():
        told = names.body(each["properties"])
        kept = {name: told.get(name) for name in ASSIGNED}
        tell(azure, "PUT", each["id"], {"properties": kept}, may_fail=True)
    if estate.lacks_roles():
        return
    for vault in estate.vaults():
        for principal in _principals(tell(azure, "GET", vault).json()):
            for group in estate.groups():
                for role in (roles.OWNER,):
                    assign(azure, group, principal, role)


def _containers(azure: LocalAzure, exchanges: list[Exchange], estate: Estate) -> None:
    """The containers that files are restored to, and the vaults' right to write there."""
    text = "".join(json.dumps(each.request_body) for each in exchanges)
    for account, container in dict.fromkeys(re.findall(r"https://(\w+)\.blob\.core\.windows\.net/([\w-]+)", text)):
        for vault in estate.vaults():
            where = f"{vault.partition('/providers/')[0]}/providers/Microsoft.Storage/storageAccounts/{account}"
            tell(azure, "PUT", where, {"location": estate.region()})
            tell(azure, "PUT", f"{where}/blobServices/default/containers/{container}")
            for principal in _principals(tell(azure, "GET", vault).json()):
                assign(azure, where, principal, roles.BLOB_CONTRIBUTOR)


def _define_roles(azure: LocalAzure, exchanges: list[Exchange]) -> None:
    """Roles that are assigned and that nobody has here become custom roles without any right."""
    text = "".join(json.dumps([each.request_body, each.body]) for each in exchanges)
    for role in dict.fromkeys(re.findall(rf"roleDefinitions/({GUID})", text)):
        if role not in roles.BUILT_IN:
            unknown = {"roleName": f"role {role}", "permissions": [{"actions": []}], "assignableScopes": ["/"]}
            properties = Estate(exchanges).role(role) or unknown
            tell(azure, "PUT", f"/providers/Microsoft.Authorization/roleDefinitions/{role}", {"properties": properties})


def _principals(vault: Json) -> list[str]:
    identity = vault.get("identity") or {}
    users = [each["principalId"] for each in (identity.get("userAssignedIdentities") or {}).values()]
    return [*users, *([identity["principalId"]] if identity.get("principalId") else [])]


def assign(azure: LocalAzure, scope: str, principal: str, role: str) -> None:
    """Give a role through ARM, unless it is given already."""
    name = uuid5(NAMESPACE_URL, f"{scope}{principal}{role}")
    properties = {"roleDefinitionId": f"/roleDefinitions/{role}", "principalId": principal}
    body = {"properties": properties | {"principalType": "ServicePrincipal"}}
    tell(azure, "PUT", f"{scope}/providers/{ASSIGNMENT}/{name}", body, may_fail=True)


def tell(azure: LocalAzure, method: str, path: str, body: Any = None, *, may_fail: bool = False) -> Response:
    """One ARM call of whoever prepared the recording. Raises AssertionError when it is refused."""
    url = f"https://management.azure.com{path}?api-version={API}"
    data = b"" if body is None else json.dumps(body).encode()
    answer = azure.handle(Request(method, url, {"authorization": "Bearer simulated.operator"}, data))
    assert may_fail or answer.status < 300, f"{method} {path}: {answer.status} {answer.body[:500]!r}"
    return answer


# -- what a recorder left out ------------------------------------------------------------------------------------


def meanwhile(azure: LocalAzure, names: Names, exchange: Exchange, moment: datetime, attempt: Try) -> None:
    """Do what must have happened since the exchange before."""
    found = GROUP.match(exchange.path)
    if found:
        _group(azure, found[0], exchange)
    if exchange.code == "PrincipalNotFound" and attempt(exchange).status < 300:
        _identity(azure, names, exchange, moment)
    if exchange.code == "RoleAssignmentExists" and error_code(attempt(exchange).json()) != exchange.code:
        told = names.body(exchange.request_body)
        other = f"{exchange.path.rpartition('/')[0]}/{uuid5(NAMESPACE_URL, exchange.path)}"
        tell(azure, "PUT", other, told)


def _group(azure: LocalAzure, group: str, exchange: Exchange) -> None:
    is_there = azure.world.get(group) is not None
    if is_there and exchange.code == "ResourceGroupNotFound":
        tell(azure, "DELETE", group)
        azure.advance(100)
    if not is_there and exchange.code != "ResourceGroupNotFound":
        tell(azure, "PUT", group, {"location": "eastus"})


def _identity(azure: LocalAzure, names: Names, exchange: Exchange, moment: datetime) -> None:
    """A new identity, whose principal the directory has not copied everywhere yet."""
    azure.advance_to(max(moment, azure.now))
    principal = exchange.request_body["properties"]["principalId"]
    group = GROUP.match(exchange.path)
    assert group
    made = tell(azure, "PUT", f"{group[0]}/providers/{IDENTITY}/id-{principal}", {"location": "eastus"}).json()
    names.learn(principal, made["properties"]["principalId"])
