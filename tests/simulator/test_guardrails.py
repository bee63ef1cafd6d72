"""What keeps a caller from writing although it has the role: locks, Azure Policy, denials, Resource Guards."""

import pytest
from dataprotection_world import (
    BACKUP_GROUP,
    GROUP,
    INSTANCE,
    POLICY,
    SERVER,
    SUB,
    SUB_ID,
    VAULT,
    ask,
    client,
    code,
    estate,
    instance_body,
    policy_body,
    protect,
    state,
)

from simulator import sudden, world_file
from simulator.arm.authorization import grant
from simulator.azure import LocalAzure
from simulator.wire import Response

OWNER, CONTRIBUTOR = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "b24988ac-6180-42a0-ab88-20f7382dd24c"
APP, LOCKS = "app", "providers/Microsoft.Authorization/locks"
ROLE = f"{SERVER}/providers/Microsoft.Authorization/roleAssignments/a"
TO_ASSIGN = {"roleDefinitionId": "/x/acdd72a7-3385-48ef-bd42-f606fba81ae7", "principalId": "vault"}
GUARD = f"{BACKUP_GROUP}/providers/Microsoft.DataProtection/resourceGuards/guard"
PROXY = f"{VAULT}/backupResourceGuardProxies/DppResourceGuardProxy"
OTHER_POLICY = f"{VAULT}/backupPolicies/other"


@pytest.fixture(scope="module")
def made() -> dict:
    return world_file.dump(estate())


@pytest.fixture
def azure(made: dict) -> LocalAzure:
    found = LocalAzure()
    world_file.load(found, made)
    grant(found.world, APP, OWNER, SUB)
    return found


def put(azure: LocalAzure, path: str, properties: dict, api: str = "2022-04-01") -> Response:
    return ask(azure, "PUT", path, {"properties": properties}, api=api)


# -- locks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "scope", "statuses"),
    [
        ("ReadOnly", SERVER, (409, 409, 201)),
        ("ReadOnly", GROUP, (409, 409, 201)),
        ("ReadOnly", BACKUP_GROUP, (201, 202, 409)),
        ("CanNotDelete", SUB, (201, 409, 201)),
    ],
)
def test_locks_hold_below_them(azure: LocalAzure, level: str, scope: str, statuses: tuple[int, ...]) -> None:
    """ReadOnly keeps every write back, CanNotDelete deletions alone; both for all below, with ARM's own words."""
    assert put(azure, f"{scope}/{LOCKS}/l", {"level": level}).status == 201
    answers = (
        put(azure, ROLE, TO_ASSIGN),
        ask(azure, "DELETE", SERVER, api="2024-08-01"),
        ask(azure, "PUT", INSTANCE, instance_body()),
    )
    assert tuple(answer.status for answer in answers) == statuses
    refused = next(answer for answer in answers if answer.status == 409)
    assert code(refused) == "ScopeLocked"
    assert f"because following scope(s) are locked: '{scope}'. Please remove" in refused.json()["error"]["message"]
    assert ask(azure, "GET", SERVER, api="2024-08-01").status == 200
    assert ask(azure, "DELETE", f"{scope}/{LOCKS}/l", api="2020-05-01").status == 200
    assert ask(azure, "PUT", INSTANCE, instance_body(), api="2024-04-01").status in (200, 201, 400)


# -- Azure Policy ------------------------------------------------------------------------------------------------

RULE = {
    "if": {
        "allOf": [
            {"field": "type", "equals": "Microsoft.DataProtection/backupVaults/backupInstances"},
            {"field": "[concat('tags[', parameters('tagName'), ']')]", "exists": "false"},
        ]
    },
    "then": {"effect": "[parameters('effect')]"},
}


def test_azure_policy_denies_with_the_documented_error(azure: LocalAzure) -> None:
    """A write without a mandatory tag is refused with the assignment and the definition; with the tag it is taken."""
    definition = f"{SUB}/providers/Microsoft.Authorization/policyDefinitions/tags"
    parameters = {"tagName": {"type": "String"}, "effect": {"type": "String", "defaultValue": "Deny"}}
    about = {"displayName": "Instances need a cost centre", "policyRule": RULE, "parameters": parameters}
    assert put(azure, definition, about, api="2021-06-01").status == 201
    assignment = f"{BACKUP_GROUP}/providers/Microsoft.Authorization/policyAssignments/tags"
    chosen = {"policyDefinitionId": definition, "parameters": {"tagName": {"value": "cost-centre"}}}
    assert put(azure, assignment, chosen, api="2021-06-01").status == 201
    answer = ask(azure, "PUT", INSTANCE, instance_body(), caller=APP)
    error = answer.json()["error"]
    assert (answer.status, error["code"], error["target"]) == (403, "RequestDisallowedByPolicy", "pg-app-01-7d3f")
    assert "was disallowed by policy. Policy identifiers: '[{" in error["message"]
    (violation,) = error["additionalInfo"]
    assert violation["type"] == "PolicyViolation"
    assert violation["info"]["policyAssignmentId"] == assignment
    assert violation["info"]["policyDefinitionEffect"] == "deny"
    tagged = instance_body() | {"tags": {"Cost-Centre": "7"}}
    assert ask(azure, "PUT", INSTANCE, tagged, caller=APP).status == 201


def test_a_policy_that_cannot_be_judged_is_said_loudly(azure: LocalAzure) -> None:
    """An unknown field or function is a 501 when the definition is made, never a policy that lets everything pass."""
    definition = f"{SUB}/providers/Microsoft.Authorization/policyDefinitions/odd"
    for condition in ({"field": "properties.x", "equals": "y"}, {"count": {}}, {"field": "name", "match": "##"}):
        rule = {"if": condition, "then": {"effect": "deny"}}
        assert put(azure, definition, {"policyRule": rule}, api="2021-06-01").status == 501


# -- denials, providers ------------------------------------------------------------------------------------------


def test_a_deny_assignment_outweighs_every_role(azure: LocalAzure) -> None:
    """An owner whom a deployment stack forbids a write gets its code; others and reads are as before."""
    deny = {"principals": [{"id": APP}], "permissions": [{"actions": ["Microsoft.DataProtection/*/write"]}]}
    path = f"{BACKUP_GROUP}/providers/Microsoft.Authorization/denyAssignments/d"
    assert put(azure, path, deny, api="2024-07-01-preview").status == 201
    refused = ask(azure, "PUT", INSTANCE, instance_body(), caller=APP)
    assert (refused.status, code(refused)) == (403, "DenyAssignmentAuthorizationFailed")
    assert ask(azure, "GET", VAULT, caller=APP).status == 200
    assert ask(azure, "PUT", INSTANCE, instance_body()).status == 201


def test_a_provider_that_is_not_registered(azure: LocalAzure) -> None:
    """ARM refuses calls to it with 409; once registered they work, and the provider says what it is."""
    place = f"{SUB}/providers/Microsoft.DataProtection"
    assert ask(azure, "POST", f"{place}/unregister", api="2021-04-01").json()["registrationState"] == "NotRegistered"
    refused = ask(azure, "PUT", INSTANCE, instance_body())
    assert (refused.status, code(refused)) == (409, "MissingSubscriptionRegistration")
    assert refused.json()["error"]["details"][0]["target"] == "Microsoft.DataProtection"
    assert ask(azure, "GET", SERVER, api="2024-08-01").status == 200
    assert ask(azure, "POST", f"{place}/register", api="2021-04-01").json()["registrationState"] == "Registered"
    assert ask(azure, "PUT", INSTANCE, instance_body()).status == 201


def test_a_servers_subscription_without_the_provider(azure: LocalAzure) -> None:
    """Azure Backup itself refuses a server whose subscription lacks the provider that it needs there."""
    sudden.happen(azure.world, "provider_gone", SUB, namespace="Microsoft.DBforPostgreSQL")
    refused = ask(azure, "PUT", INSTANCE, instance_body())
    assert (refused.status, code(refused)) == (400, "UserErrorMissingSubscriptionRegistration")


# -- Resource Guard ----------------------------------------------------------------------------------------------


@pytest.fixture
def guarded(azure: LocalAzure) -> LocalAzure:
    """A protected server in a vault that is linked to a guard, and a second policy."""
    protect(azure)
    assert ask(azure, "PUT", GUARD, {"location": "westeurope"}).status == 200
    assert put(azure, PROXY, {"resourceGuardResourceId": GUARD}, api="2024-04-01").status == 200
    assert ask(azure, "PUT", OTHER_POLICY, policy_body()).status == 200
    return azure


def with_policy(*requests: str) -> dict:
    body = instance_body(policy=OTHER_POLICY)
    return {"properties": body["properties"] | {"resourceGuardOperationRequests": list(requests)}}


def test_a_guarded_vault_says_so(guarded: LocalAzure) -> None:
    """The vault's flag, and the proxy's table of critical operations with their requests."""
    assert ask(guarded, "GET", VAULT).json()["properties"]["isVaultProtectedByResourceGuard"] is True
    details = ask(guarded, "GET", PROXY).json()["properties"]["resourceGuardOperationDetails"]
    by_operation = {each["vaultCriticalOperation"]: each["defaultResourceRequest"] for each in details}
    write = "Microsoft.DataProtection/backupVaults/backupInstances/write"
    assert by_operation[write] == f"{GUARD}/dppModifyPolicy/default"
    assert len(by_operation) == 9
    assert client(guarded).dpp_resource_guard_proxy.get("rg-backup", "bv-one", "DppResourceGuardProxy").name


def test_a_first_instance_is_not_critical_but_its_policy_is(guarded: LocalAzure) -> None:
    """Another server can be protected; a policy change needs a request to the guard, and a right on it."""
    refused = ask(guarded, "PUT", INSTANCE, with_policy())
    assert (refused.status, code(refused)) == (400, "UserErrorResourceGuardOperationRequestMissing")
    request = f"{GUARD}/dppModifyPolicy/default"
    grant(guarded.world, "backup-admin", CONTRIBUTOR, VAULT)
    unlinked = ask(guarded, "PUT", INSTANCE, with_policy(request), caller="backup-admin")
    assert (unlinked.status, code(unlinked)) == (403, "LinkedAuthorizationFailed")
    assert ask(guarded, "PUT", INSTANCE, with_policy(request), caller=APP).status == 201
    guarded.advance(300)
    assert state(guarded) == "ProtectionConfigured"
    server = f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-two"
    ask(guarded, "PUT", server, {"location": "westeurope"}, api="2024-08-01")
    guarded.advance(900)
    body = instance_body(server, POLICY)
    assert ask(guarded, "PUT", f"{VAULT}/backupInstances/pg-two-x", body).status == 201


@pytest.mark.parametrize(
    ("verb", "kind"),
    [("stopProtection", "dppDisableStopProtectionRequests"), ("suspendBackups", "dppDisableSuspendBackupsRequests")],
)
def test_stopping_is_critical_and_resuming_is_not(guarded: LocalAzure, verb: str, kind: str) -> None:
    """Without a request 400, with it 202; what was stopped is resumed without any."""
    assert ask(guarded, "POST", f"{INSTANCE}/{verb}").status == 400
    asked = {"resourceGuardOperationRequests": [f"{GUARD}/{kind}/default"]}
    assert ask(guarded, "POST", f"{INSTANCE}/{verb}", asked).status == 202
    guarded.advance(300)
    assert ask(guarded, "POST", f"{INSTANCE}/resumeProtection").status == 202


def test_deletion_is_unlocked_for_a_while(guarded: LocalAzure) -> None:
    """DELETE has no body: it is allowed by unlockDelete, for this one and for an hour."""
    assert ask(guarded, "DELETE", INSTANCE).status == 400
    asked = {"resourceGuardOperationRequests": [f"{GUARD}/deleteBackupInstanceRequests/default"]}
    unlocked = ask(guarded, "POST", f"{PROXY}/unlockDelete", asked | {"resourceToBeDeleted": INSTANCE})
    assert unlocked.json() == {"unlockDeleteExpiryTime": "2026-11-23T09:18:10.0000000Z"}
    assert ask(guarded, "DELETE", INSTANCE).status == 202


def test_an_excluded_operation_is_free(guarded: LocalAzure) -> None:
    """What the guard's list leaves out needs no request."""
    free = "Microsoft.DataProtection/backupVaults/backupInstances/write"
    about = {"vaultCriticalOperationExclusionList": [free]}
    assert ask(guarded, "PUT", GUARD, {"location": "westeurope", "properties": about}).status == 200
    assert ask(guarded, "PUT", INSTANCE, with_policy()).status == 201


def test_rights_from_above_are_enough(azure: LocalAzure) -> None:
    """A role at the group or the subscription lets a principal work on a server, as one on the server does."""
    for number, scope in enumerate((SERVER, GROUP, SUB, f"/subscriptions/{SUB_ID}")):
        grant(azure.world, f"p{number}", CONTRIBUTOR, scope)
        assert ask(azure, "GET", SERVER, caller=f"p{number}", api="2024-08-01").status == 200
