"""What the app may do where it is deployed: the product's own table, and for roles the condition, case by case."""

import itertools
import json

import pytest

from cli.deployment import APP_ROLE, GRANTER_ROLE
from cli.rehearsal import Rehearsal
from cli.stage import SCOPE
from functions import wiring
from shared.cloud.rights import APP_ACTIONS, ASSIGNS_ROLES, GRANTER_ACTIONS
from simulator.arm.conditions import Asked, fulfilled
from simulator.arm.role import matches
from tests import write_roles
from tests.infra.test_queries import RULES

ROLES = json.loads(write_roles.ROLES.read_text(encoding="utf-8"))
VAULTS = ("99999999-0000-4000-8000-000000000001", "99999999-0000-4000-8000-000000000002")
OTHERS = ("99999999-0000-4000-8000-000000000003", "2f6d1f1c-8a0e-4a4e-9a64-6f1c5b1f0a01")  # another vault, the app
OWNER, CONTRIBUTOR = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "b24988ac-6180-42a0-ab88-20f7382dd24c"
CONDITION = ROLES["granter"]["condition"].replace(write_roles.PRINCIPALS, ", ".join(VAULTS))
# Source: the list of operations of Microsoft.DataProtection. What takes protection away, or weakens it.
NEVER = (
    *("write", "delete", "backupPolicies/delete", "backupInstances/delete", "backupInstances/stopProtection/action"),
    *("backupInstances/suspendBackups/action", "backupInstances/restore/action", "backupResourceGuardProxies/write"),
    *("backupResourceGuardProxies/delete", "backupResourceGuardProxies/unlockDelete/action"),
)


def test_the_file_is_the_table():
    """infra/roles.json is what `make roles` writes."""
    assert write_roles.ROLES.read_text(encoding="utf-8") == write_roles.text()


@pytest.mark.parametrize("action", APP_ACTIONS)
def test_the_role_permits_what_the_app_does(action: str):
    """Every action of the product's table is one of the role's."""
    assert matches(tuple(ROLES["app"]["actions"]), action)


def test_the_role_permits_nothing_else():
    """Beside reading backups, each action of the roles is one of the table; none of the forbidden ones is permitted."""
    granted = {*ROLES["app"]["actions"], *ROLES["granter"]["actions"]}
    assert granted - {"Microsoft.DataProtection/*/read"} <= {*APP_ACTIONS, *GRANTER_ACTIONS}
    assert [each for each in granted if "*" in each] == ["Microsoft.DataProtection/*/read"]
    forbidden = [f"Microsoft.DataProtection/backupVaults/{each}" for each in NEVER]
    forbidden += ["Microsoft.Authorization/roleAssignments/delete", "Microsoft.Authorization/roleDefinitions/write"]
    assert [each for each in forbidden if matches(tuple(granted), each)] == []


def test_only_the_granter_assigns_roles():
    """The right to assign roles is in the role that comes under a condition, and nowhere else."""
    assert ROLES["granter"]["actions"] == [ASSIGNS_ROLES]
    assert not matches(tuple(ROLES["app"]["actions"]), ASSIGNS_ROLES)


@pytest.mark.parametrize("kind", ["ServicePrincipal", "User", "Group", "ForeignGroup", ""])
@pytest.mark.parametrize("principal", [*VAULTS, *OTHERS, ""])
@pytest.mark.parametrize("role", [*ROLES["vault"]["roles"], OWNER, CONTRIBUTOR, ""])
def test_the_condition(role: str, principal: str, kind: str):
    """A role may be assigned if it is one of the two, to an admitted vault, and to a service principal: else not."""
    given = {"roledefinitionid": role, "principalid": principal, "principaltype": kind}
    right = role in ROLES["vault"]["roles"] and principal in VAULTS and kind == "ServicePrincipal"
    assert fulfilled(CONDITION, Asked(ASSIGNS_ROLES, given)) is right
    assert fulfilled(CONDITION, Asked(ASSIGNS_ROLES.upper(), {name: v.upper() for name, v in given.items()})) is right


def test_without_a_vault_nothing_is_assigned():
    """A condition that admits nobody lets nothing through, whatever is asked."""
    empty = ROLES["granter"]["condition"].replace(write_roles.PRINCIPALS, "")
    for role, principal in itertools.product((*ROLES["vault"]["roles"], OWNER), (*VAULTS, *OTHERS)):
        given = {"roledefinitionid": role, "principalid": principal, "principaltype": "ServicePrincipal"}
        assert not fulfilled(empty, Asked(ASSIGNS_ROLES, given))


def test_the_app_works_with_these_roles():
    """With the roles as the file has them a server is protected, with roles and a first backup; nothing is refused."""
    world = Rehearsal(RULES)
    for guid, role in ((APP_ROLE, ROLES["app"]), (GRANTER_ROLE, ROLES["granter"])):
        permissions = [{"actions": role["actions"]}]
        body = {"roleName": guid, "assignableScopes": [SCOPE], "permissions": permissions}
        path = f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
        world.arm("PUT", path, {"properties": body})
    server = world.create_server("pg-one", {"backup-tier": "gold"})
    world.run(seconds=5400)
    verdict, refused = world.row(server).verdict, [call for call in world.app_calls() if call.status == 403]
    wiring.use(None)
    assert (verdict, refused) == ("protected", [])
