"""Rights: the app's role has what the app needs and nothing else, and the vault's roles have what the vault needs."""

import itertools
import json
from dataclasses import replace

import pytest
from conftest import GOLD, INSTANCES, happy

from cli.deployment import APP_ROLE, GRANTER_ROLE, VAULT_ROLES
from cli.rehearsal import APP
from cli.stage import SCOPE
from shared.cloud.rights import APP_ACTIONS, GRANTER_ACTIONS
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

BREAKS = {
    "Microsoft.DBforPostgreSQL/flexibleServers/read": {"verdict": "configuring", "instances": 0},
    f"{DP}backupInstances/read": {"verdict": "configuring", "instances": 0},
    f"{DP}backupVaults/backupInstances/read": {"verdict": "configuring", "instances": 0},
    f"{DP}backupVaults/read": {"verdict": "configuring", "instances": 0},
    f"{DP}backupVaults/backupPolicies/read": {"verdict": "configuring", "instances": 0},
    f"{DP}backupVaults/backupPolicies/write": {"policies": 0, "instances": 0},
    f"{DP}backupVaults/validateForBackup/action": {"policies": 1, "instances": 0},
    f"{DP}backupVaults/operationStatus/read": {"policies": 1, "instances": 0},
    f"{DP}backupVaults/backupInstances/write": {"policies": 1, "instances": 0},
    f"{DP}backupVaults/backupInstances/recoveryPoints/read": {"instances": 1, "backups": 0},
    f"{DP}backupVaults/backupInstances/backup/action": {"instances": 1, "backups": 0},
    f"{DP}backupVaults/backupJobs/read": {"backups": 1, "alerts": 0},
    f"{AUTHORIZATION}read": {"instances": 0, "roles": 0},
    f"{AUTHORIZATION}write": {"verdict": "blocked_cannot_assign_roles", "instances": 0},
}
"""What is wrong when an action is taken away, beside a verdict other than protected."""


def play(estate, without="", renamed=None):
    """Two servers without roles, tagged at birth; the backup of the second fails. What has become of them."""
    world = estate()
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
    return world, first


def told(world, server):
    """What can be seen of a server, in numbers."""
    state = world.state_of(server)
    counts = {name: len(state[name]) for name in ("instances", "policies", "backups")}
    return counts | {"roles": state["roles"], "verdict": state["verdict"], "alerts": len(world.alerts)}


def asked_for(world, renamed):
    """The actions that Azure asked the app for, as this Azure calls them."""
    names = {action.lower(): action for action in ACTIONS}
    operations = (names.get(call.operation.lower(), call.operation) for call in world.app_calls())
    return {renamed.get(operation, operation) for operation in operations}


def test_the_table_is_what_the_app_asks_for(estate):
    """Every call of the story has its action in the table, and every action there is asked for: none is idle."""
    used = set()
    for renamed in ({}, DOUBTFUL):
        world, first = play(estate, renamed=renamed)
        assert world.row(first).verdict == "protected"
        assert [alert["type"] for alert in world.alerts] == ["Flexguard.BackupFailed"]
        used |= asked_for(world, renamed)
    assert used == set(ACTIONS)
    assert set(BREAKS) == set(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_without_any_one_action_something_breaks(estate, action):
    """Each action taken away alone keeps the first server from its happy end, in the way that the table says."""
    world, first = play(estate, action, DOUBTFUL if action in DOUBTFUL.values() else None)
    seen = told(world, first)
    assert {name: seen[name] for name in BREAKS[action]} == BREAKS[action]
    assert seen["verdict"] != "protected"
    assert world.row(first).reason


def test_what_is_refused_for_ever_is_tried_ever_less_often(estate):
    """The instance may not be written: validation and PUT are repeated at growing distances, not each minute."""
    world, _ = play(estate, f"{DP}backupVaults/backupInstances/write")
    refused = [call.at for call in world.app_calls() if call.status == 403 and "/pg-one" in call.path]
    gaps = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(refused)]
    assert 3 <= len(refused) <= 14
    assert gaps[-1] > 600


@pytest.mark.parametrize("action", [*GROUP_ACTIONS, *SERVER_ACTIONS])
def test_a_vault_without_one_action_protects_nothing(estate, action, monkeypatch):
    """The vault's roles less one action: in the end validation names it, and there is no instance."""
    for guid in VAULT_ROLES:
        monkeypatch.setitem(roles.BUILT_IN, guid, replace(roles.BUILT_IN[guid], not_actions=(action,)))
    world = estate()
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=2 * 3600)
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
