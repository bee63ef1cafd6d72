"""Rights: the app's role has what the app needs and nothing else, and the vault's roles have what the vault needs."""

import gzip
import json
from dataclasses import replace

import pytest
from conftest import ASSIGNMENTS, GOLD, INSTANCES, RULES, happy

from cli.deployment import APP_ROLE, GRANTER_ROLE, VAULT_ROLES
from cli.rehearsal import APP
from cli.stage import SCOPE
from shared.cloud.rights import APP_ACTIONS, GRANTER_ACTIONS, READS_SUBSCRIPTION
from simulator.arm import roles
from simulator.arm.authorization import OPERATOR, grant
from simulator.arm.dataprotection.operations import TYPE as OPERATIONS
from simulator.arm.dataprotection.validation import GROUP_ACTIONS, SERVER_ACTIONS
from simulator.arm.dataprotection.validation import SERVER as SERVER_TYPE
from simulator.wire import Request

ACTIONS = {**APP_ACTIONS, **GRANTER_ACTIONS}
DP, AUTHORIZATION = "Microsoft.DataProtection/", "Microsoft.Authorization/roleAssignments/"
DOUBTFUL = {f"{DP}backupInstances/read": f"{DP}backupVaults/backupInstances/read"}  # what Azure may ask for instead
DEFINITIONS = f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions"

GRAPH = "Microsoft.ResourceGraph/resources/read"
LACKING = {"verdict": "blocked_app_lacks_rights"}
BREAKS = {
    "Microsoft.DBforPostgreSQL/flexibleServers/read": LACKING | {"instances": 0},
    f"{DP}backupInstances/read": LACKING | {"instances": 0},
    f"{DP}backupVaults/backupInstances/read": LACKING | {"instances": 0},
    f"{DP}backupVaults/read": LACKING | {"instances": 0},
    f"{DP}backupVaults/backupPolicies/read": LACKING | {"instances": 0},
    f"{DP}backupVaults/deletedBackupInstances/read": LACKING | {"instances": 0},
    f"{DP}backupVaults/backupPolicies/write": LACKING | {"policies": 0, "instances": 0},
    f"{DP}backupVaults/validateForBackup/action": LACKING | {"policies": 1, "instances": 0},
    f"{DP}backupVaults/operationStatus/read": LACKING | {"policies": 1, "instances": 0},
    f"{DP}backupVaults/backupInstances/write": LACKING | {"policies": 1, "instances": 0},
    f"{DP}backupVaults/backupInstances/recoveryPoints/read": LACKING | {"instances": 1, "backups": 0},
    f"{DP}backupVaults/backupInstances/backup/action": LACKING | {"instances": 1, "backups": 0},
    f"{DP}backupVaults/backupJobs/read": {"backups": 1, "alerts": 0},
    f"{DP}backupVaults/deletedBackupInstances/undelete/action": LACKING | {"instances": 0, "backups": 1},
    f"{DP}backupVaults/backupInstances/resumeProtection/action": LACKING | {"instances": 1, "backups": 1},
    f"{DP}backupVaults/backupInstances/sync/action": LACKING | {"instances": 1, "backups": 1},
    READS_SUBSCRIPTION: {"unread": 1},
    f"{AUTHORIZATION}read": LACKING | {"instances": 0, "roles": 0},
    f"{AUTHORIZATION}write": {"verdict": "blocked_cannot_assign_roles", "instances": 0},
}
"""What is wrong when an action is taken away, beside a verdict other than protected, or something that is not read."""


def play(estate, without="", renamed=None):
    """Two servers without roles, tagged at birth; the backup of the second fails, the first has every trouble.

    Answers what has become of them.
    """
    world = estate(f"resume: allow\n{RULES}")
    world.azure.world.behaviour.renamed_actions = renamed or {}
    for guid, actions in ((APP_ROLE, APP_ACTIONS), (GRANTER_ROLE, GRANTER_ACTIONS)):
        if without in actions:
            permissions = [{"actions": sorted({*actions} - {without})}]
            role = {"roleName": "less one", "assignableScopes": [SCOPE], "permissions": permissions}
            world.arm("PUT", f"{DEFINITIONS}/{guid}", {"properties": role})
    world.azure.world.faults.add("fail_backup", "/pg-two")
    first = world.create_server("pg-one", GOLD)
    world.create_server("pg-two", GOLD, group="rg-other")
    world.run(seconds=5400)
    trouble(world, first)
    return world, first


def trouble(world, server):
    """The instance is deleted and comes back; then it loses its roles. The app has an hour for each."""
    world.run(seconds=600)
    for act in (delete, break_roles):
        if [state for _, state in world.state_of(server)["instances"]] == ["ProtectionConfigured"]:
            act(world, next(one for one in world.of_type(INSTANCES) if "/pg-one-" in one.id))
            world.run(seconds=900)
            world.tag(server, team=act.__name__)
            world.run(seconds=3600)


def delete(world, instance):
    world.arm("DELETE", instance.id)


def break_roles(world, instance):
    for role in list(world.of_type(ASSIGNMENTS)):
        if role.body["properties"]["principalId"] == world.vault_principal:
            world.arm("DELETE", role.id)
    world.arm("POST", f"{instance.id}/sync", {"syncType": "Default"})


def told(world, server):
    """What can be seen of a server, in numbers."""
    state = world.state_of(server)
    counts = {name: len(state[name]) for name in ("instances", "policies", "backups")}
    last = json.loads(gzip.decompress(world.azure.blobs.containers["flexguard"].blobs["latest.json.gz"].data))
    seen = {"roles": state["roles"], "verdict": state["verdict"], "alerts": failures(world)}
    return counts | seen | {"unread": len(last["incomplete"])}


def failures(world):
    """How many people were told of a failed backup."""
    return sum(alert["type"] == "Flexguard.BackupFailed" for alert in world.alerts)


def asked_for(world, renamed):
    """The actions that Azure asked the app for, as this Azure calls them. Resource Graph asks for each row."""
    names = {action.lower(): action for action in ACTIONS}
    operations = {names.get(call.operation.lower(), call.operation) for call in world.app_calls()}
    of_rows = {READS_SUBSCRIPTION} if GRAPH in operations else set()
    return {renamed.get(operation, operation) for operation in operations - {GRAPH}} | of_rows


def test_the_table_is_what_the_app_asks_for(estate):
    """Every call of the story has its action in the table, and every action there is asked for: none is idle."""
    used = set()
    for renamed in ({}, DOUBTFUL):
        world, first = play(estate, renamed=renamed)
        assert world.row(first).verdict == "protected"
        assert failures(world) == 1
        assert {alert["type"].split(".")[1] for alert in world.alerts} == {"BackupFailed"}
        used |= asked_for(world, renamed)
    assert used == set(ACTIONS)
    assert set(BREAKS) == set(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_without_any_one_action_something_breaks(estate, action):
    """Each action taken away alone keeps the first server from its happy end, in the way that the table says."""
    world, first = play(estate, action, DOUBTFUL if action in DOUBTFUL.values() else None)
    seen = told(world, first)
    assert {name: seen[name] for name in BREAKS[action]} == BREAKS[action]
    assert seen["verdict"] != "protected" or seen["unread"]
    assert world.row(first).reason


def test_what_the_app_may_not_do_is_said_and_not_repeated(estate):
    """The instance may not be written: one try for each thing that happens, one message, and the right is named."""
    right = f"{DP}backupVaults/backupInstances/write"
    world, first = play(estate, right)
    refused = [call.at for call in world.app_calls() if call.status == 403 and "/pg-one" in call.path]
    assert 1 <= len(refused) <= 3
    assert right in world.row(first).reason
    assert right in world.row(first).fix
    assert [alert["type"] for alert in world.alerts] == ["Flexguard.Refused"]


@pytest.mark.parametrize("action", [*GROUP_ACTIONS, *SERVER_ACTIONS])
def test_a_vault_without_one_action_protects_nothing(estate, action, monkeypatch):
    """The vault's roles less one action: in the end validation names it, and there is no instance."""
    for guid in VAULT_ROLES:
        monkeypatch.setitem(roles.BUILT_IN, guid, replace(roles.BUILT_IN[guid], not_actions=(action,)))
    world = estate()
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=2 * 3600 + 900)  # the sweep of the second hour has tried once more
    refusals = [json.dumps(item.body["error"]) for item in world.of_type(OPERATIONS) if "error" in item.body]
    assert len(refusals) > 1
    assert f"'{action}'" in refusals[-1]
    assert world.of_type(INSTANCES) == []
    assert world.row(server).verdict == "blocked_roles_ineffective"


def test_with_all_actions_of_its_roles_the_vault_protects(estate):
    """The same story with the roles as Azure has them ends well."""
    world = estate()
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=2 * 3600)
    assert happy(world.state_of(server))


@pytest.fixture
def grant_as_app(estate):
    """A way to assign a role as the app, to the vault unless told otherwise."""
    world = estate()
    group = f"{SCOPE}/resourceGroups/rg-data"
    world.arm("PUT", group, {"location": "westeurope"})

    def ask(number, role, principal="", kind="ServicePrincipal", method="PUT"):
        path = f"{group}/providers/Microsoft.Authorization/roleAssignments/00000000-0000-4000-8000-{number:012}"
        properties = {"roleDefinitionId": f"{DEFINITIONS}/{role}", "principalId": principal or world.vault_principal}
        body = {"properties": properties | {"principalType": kind}}
        if method == "DELETE":
            world.arm("PUT", path, body)
        return _ask(world, APP, method, path, body)

    return ask


def _ask(world, principal, method, path, body=None):
    url = path if path.startswith("https:") else f"https://management.azure.com{path}?api-version=2022-04-01"
    data = json.dumps(body).encode() if body else b""
    return world.azure.handle(Request(method, url, {"authorization": f"Bearer simulated.{principal}"}, data))


def test_the_app_grants_the_two_roles_to_the_vault(grant_as_app):
    """Under its condition the app may assign what it has to assign."""
    assert [grant_as_app(number, role).status for number, role in enumerate(VAULT_ROLES)] == [201, 201]


@pytest.mark.parametrize(
    "more",
    [
        {"role": roles.OWNER},
        {"role": roles.BLOB_CONTRIBUTOR},
        {"role": VAULT_ROLES[0], "kind": "User"},
        {"role": VAULT_ROLES[0], "kind": "Group"},
        {"role": VAULT_ROLES[1], "principal": APP},
        {"role": VAULT_ROLES[1], "principal": OPERATOR},
        {"role": VAULT_ROLES[0], "method": "DELETE"},
    ],
    ids=["owner", "third role", "user", "group", "itself", "stranger", "taking away"],
)
def test_the_app_grants_nothing_else(grant_as_app, more):
    """A third role, another kind of principal, another principal, or taking a role away: 403 AuthorizationFailed."""
    answer = grant_as_app(1, **more)
    assert (answer.status, answer.json()["error"]["code"]) == (403, "AuthorizationFailed")


def test_results_of_operations_are_read_at_the_subscription(estate):
    """Who may read the vault alone sees the status of its operations, and not their results, which are of the region.

    With the same role at the subscription it sees both.
    """
    world = estate()
    server = world.create_server("pg-one")
    source = {"resourceID": server, "objectType": "Datasource", "datasourceType": SERVER_TYPE}
    policy = {"policyId": f"{world.vault_id()}/backupPolicies/none"}
    wanted = {"backupInstance": {"dataSourceInfo": source, "policyInfo": policy, "objectType": "BackupInstance"}}
    started = _ask(world, OPERATOR, "POST", f"{world.vault_id()}/validateForBackup", wanted).headers
    world.run(seconds=120)
    group = world.vault_id().split("/providers")[0]
    for scope, expected in ((group, [200, 403]), (SCOPE, [200, 400])):
        principal = f"reader-of-{scope}"
        grant(world.azure.world, principal, roles.BACKUP_READER, scope)
        urls = (started["azure-asyncoperation"], started["location"])
        assert [_ask(world, principal, "GET", url).status for url in urls] == expected
