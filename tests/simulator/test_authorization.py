"""Role assignments and what they permit, through the real authorization client."""

import json
import sys
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.authorization import AuthorizationManagementClient

from simulator.arm import roles
from simulator.arm.authorization import OPERATOR, grant, permitted, require
from simulator.azure import LocalAzure
from simulator.transport import InProcessTransport
from simulator.wire import ArmError, Request, Response

SUB = "11111111-0000-4000-8000-000000000001"
ROOT = f"/subscriptions/{SUB}"
GROUP = f"{ROOT}/resourceGroups/rg-app"
SERVER = f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-app-01"
READ = "Microsoft.DBforPostgreSQL/flexibleServers/read"
LTR = "Microsoft.DBforPostgreSQL/flexibleServers/ltrPreBackup/action"
VAULT_IDENTITY = "79f354fa-0cb4-4d35-9742-f6c631c5094d"
NAME = "88888888-0000-4000-8000-000000000001"
DELEGATION = (
    "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'}))\n"
    " OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {%s}\n"
    " AND @Request[Microsoft.Authorization/roleAssignments:PrincipalType]"
    " ForAnyOfAnyValues:StringEqualsIgnoreCase {'ServicePrincipal'}))\nAND\n"
    "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'}))\n"
    " OR (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {%s}))"
)


@pytest.fixture
def azure() -> LocalAzure:
    made = LocalAzure()
    for path, body in ((ROOT, {}), (GROUP, {"location": "eastus"}), (SERVER, {"location": "eastus"})):
        call(made, "PUT", path, body)
    made.advance(600)
    return made


@pytest.fixture
def client(azure: LocalAzure) -> AuthorizationManagementClient:
    return client_of(azure, OPERATOR)


def client_of(azure: LocalAzure, principal: str) -> AuthorizationManagementClient:
    credential = azure.credential(principal)
    return AuthorizationManagementClient(credential, SUB, transport=InProcessTransport(azure), retry_total=0)


def call(azure: LocalAzure, method: str, path: str, body: Any = None, caller: str = OPERATOR) -> Response:
    url = f"https://management.azure.com{path}?api-version=2022-04-01"
    data = json.dumps(body).encode() if body is not None else b""
    return azure.handle(Request(method, url, {"authorization": f"Bearer simulated.{caller}"}, data))


def wanted(role: str, principal: str = VAULT_IDENTITY, **more: Any) -> Any:
    """The body of a role assignment; None takes a member out."""
    role_id = f"{ROOT}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {"roleDefinitionId": role_id, "principalId": principal, "principalType": "ServicePrincipal"} | more
    return {"properties": {name: value for name, value in properties.items() if value is not None}}


def code(error: pytest.ExceptionInfo[HttpResponseError]) -> tuple[int | None, str | None]:
    assert error.value.error is not None
    return error.value.status_code, error.value.error.code


def assign(client: AuthorizationManagementClient, scope: str, name: str, body: Any) -> Any:
    return client.role_assignments.create(scope, name, BytesIO(json.dumps(body).encode()))


def test_an_assignment_is_answered_as_recorded(azure: LocalAzure) -> None:
    """201 with every member written, nulls too, createdBy only in later reads; the role id is the subscription's."""
    answer = call(
        azure, "PUT", f"{SERVER}/providers/Microsoft.Authorization/roleAssignments/{NAME}", wanted(roles.LTR_BACKUP)
    )
    properties = answer.json()["properties"]
    assert (answer.status, properties["createdBy"], properties["updatedBy"]) == (201, None, OPERATOR)
    assert (
        properties["roleDefinitionId"] == f"{ROOT}/providers/Microsoft.Authorization/roleDefinitions/{roles.LTR_BACKUP}"
    )
    assert (properties["scope"], properties["condition"], properties["description"]) == (SERVER, None, None)
    read = call(azure, "GET", answer.json()["id"]).json()
    assert read["properties"]["createdBy"] == OPERATOR
    assert list(read) == ["properties", "id", "type", "name"]


def test_writing_again_and_deleting(client: AuthorizationManagementClient) -> None:
    """The same name updates (201), other values are refused, another name conflicts; DELETE is 200, then 204."""
    assign(client, GROUP, NAME, wanted(roles.READER))
    changed = assign(client, GROUP, NAME, wanted(roles.READER, description="why"))
    assert changed.description == "why"
    with pytest.raises(HttpResponseError) as other_values:
        assign(client, GROUP, NAME, wanted(roles.LTR_BACKUP))
    assert code(other_values) == (400, "RoleAssignmentUpdateNotPermitted")
    with pytest.raises(HttpResponseError) as other_name:
        assign(client, GROUP, NAME.replace("1", "2"), wanted(roles.READER))
    assert code(other_name) == (409, "RoleAssignmentExists")
    deleted = client.role_assignments.delete(GROUP, NAME)
    assert deleted is not None
    assert deleted.principal_id == VAULT_IDENTITY
    assert client.role_assignments.delete(GROUP, NAME) is None
    with pytest.raises(HttpResponseError) as gone:
        client.role_assignments.get(GROUP, NAME)
    assert code(gone) == (404, "RoleAssignmentNotFound")


def test_a_new_assignment_works_after_minutes_and_not_after_it_is_gone(
    azure: LocalAzure, client: AuthorizationManagementClient
) -> None:
    """Nothing is permitted at once, everything after 10 minutes, nothing any more from the moment of revocation."""
    assign(client, SERVER, NAME, wanted(roles.LTR_BACKUP))
    assert not permitted(azure.world, VAULT_IDENTITY, LTR, SERVER)
    azure.advance(600)
    assert permitted(azure.world, VAULT_IDENTITY, LTR, SERVER)
    client.role_assignments.delete(SERVER, NAME)
    assert not permitted(azure.world, VAULT_IDENTITY, LTR, SERVER)


def test_most_assignments_work_within_two_minutes(azure: LocalAzure) -> None:
    """The delays have the documented bounds: some seconds to 10 minutes, most of them below two minutes."""
    delays = []
    for number in range(300):
        made = grant(azure.world, f"principal-{number}", roles.READER, GROUP, at_once=False)
        delays.append(made.hidden["effective_at"] - azure.now.timestamp())
    assert min(delays) >= 20
    assert 300 < max(delays) <= 600
    assert 0.7 < sum(delay <= 120 for delay in delays) / len(delays) < 0.9


@pytest.mark.parametrize(
    ("scope", "target", "expected"),
    [
        (SERVER, SERVER, True),
        (GROUP.upper(), SERVER, True),
        (ROOT, SERVER, True),
        ("/", SERVER, True),
        ("/providers/Microsoft.Management/managementGroups/root", SERVER, True),
        (SERVER, GROUP, False),
        (f"{GROUP}-other", SERVER, False),
        (SERVER[:-1], SERVER, False),
    ],
)
def test_a_role_reaches_down_and_not_sideways(azure: LocalAzure, scope: str, target: str, expected: bool) -> None:
    """An assignment works at its scope and below, compared without case and by whole segments."""
    grant(azure.world, "someone", roles.READER, scope)
    assert permitted(azure.world, "someone", READ, target) is expected


@pytest.mark.parametrize(
    ("role", "action", "expected"),
    [
        (roles.READER, "Microsoft.Authorization/roleAssignments/read", True),
        (roles.READER, "microsoft.dbforpostgresql/flexibleservers/READ", True),
        (roles.READER, LTR, False),
        (roles.LTR_BACKUP, LTR, True),
        (roles.LTR_BACKUP, READ, False),
        (roles.CONTRIBUTOR, "Microsoft.DataProtection/backupVaults/write", True),
        (roles.CONTRIBUTOR, "Microsoft.Authorization/roleAssignments/write", False),
        (roles.OWNER, "Microsoft.Authorization/roleAssignments/write", True),
        (roles.BACKUP_CONTRIBUTOR, "Microsoft.DataProtection/backupVaults/backupInstances/write", True),
        (roles.BACKUP_READER, "Microsoft.DataProtection/backupVaults/backupInstances/write", False),
        (roles.RBAC_ADMIN, "Microsoft.Authorization/roleAssignments/delete", True),
        (roles.RBAC_ADMIN, "Microsoft.DataProtection/backupVaults/write", False),
    ],
)
def test_roles_permit_what_their_definitions_say(azure: LocalAzure, role: str, action: str, expected: bool) -> None:
    """Wildcards and notActions of the built-in roles are applied without case."""
    grant(azure.world, "someone", role, GROUP)
    assert permitted(azure.world, "someone", action, SERVER) is expected


def test_a_caller_without_rights_is_refused_in_arms_words(azure: LocalAzure) -> None:
    """403 AuthorizationFailed names the client, the action and the scope."""
    path = f"{SERVER}/providers/Microsoft.Authorization/roleAssignments/{NAME}"
    answer = call(azure, "PUT", path, wanted(roles.READER), caller="someone")
    action = "Microsoft.Authorization/roleAssignments/write"
    assert (answer.status, answer.headers["x-ms-failure-cause"]) == (403, "gateway")
    assert answer.json()["error"] == {
        "code": "AuthorizationFailed",
        "message": f"The client 'someone' with object id 'someone' does not have authorization to perform action "
        f"'{action}' over scope '{path}' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials.",
    }


def test_a_young_identity_needs_its_principal_type(azure: LocalAzure) -> None:
    """Without principalType a new vault's identity is not found for 10 to 31 seconds; with it, it is."""
    vault = f"{GROUP}/providers/Microsoft.DataProtection/backupVaults/v"
    body = {"id": vault, "identity": {"type": "SystemAssigned", "principalId": VAULT_IDENTITY}}
    azure.world.put(vault, "Microsoft.DataProtection/backupVaults", body)
    azure.advance(9)
    path = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/"
    without = wanted(roles.READER, principalType=None)
    refused = call(azure, "PUT", path + NAME, without)
    assert (refused.status, refused.json()["error"]["code"]) == (400, "PrincipalNotFound")
    assert VAULT_IDENTITY.replace("-", "") in refused.json()["error"]["message"]
    assert call(azure, "PUT", path + NAME.replace("1", "2"), wanted(roles.LTR_BACKUP)).status == 201
    azure.advance(22)
    assert call(azure, "PUT", path + NAME, without).status == 201


def test_lists_hold_what_the_filter_asks_for(azure: LocalAzure, client: AuthorizationManagementClient) -> None:
    """No filter: at, above and below; atScope(): at and above; a principal: that principal's, below too."""
    for scope, principal in (("/", "root"), (ROOT, "sub"), (GROUP, "group"), (SERVER, "server"), (SERVER, "sub")):
        grant(azure.world, principal, roles.READER, scope)
    grant(azure.world, "elsewhere", roles.READER, f"{ROOT}/resourceGroups/rg-other")

    def listed(text: str | None) -> list[tuple[str, str]]:
        found = client.role_assignments.list_for_scope(GROUP, filter=text)
        return sorted((str(each.principal_id), str(each.scope)) for each in found)

    above = [("group", GROUP), ("root", "/"), ("sub", ROOT)]
    assert listed("atScope()") == above
    assert listed(None) == sorted([*above, ("server", SERVER), ("sub", SERVER)])
    assert listed("principalId eq 'sub'") == [("sub", ROOT), ("sub", SERVER)]
    assert listed("assignedTo('sub')") == [("sub", ROOT), ("sub", SERVER)]
    assert listed("atScope() and assignedTo('sub')") == [("sub", ROOT)]
    with pytest.raises(HttpResponseError):
        listed("principalType eq 'User'")


def test_scopes_must_exist(client: AuthorizationManagementClient) -> None:
    """A role cannot be given on a group or server that is not there."""
    for scope, expected in ((f"{GROUP}-none", "ResourceGroupNotFound"), (f"{SERVER}-none", "ResourceNotFound")):
        with pytest.raises(HttpResponseError) as missing:
            assign(client, scope, NAME, wanted(roles.READER))
        assert code(missing) == (404, expected)


def test_role_definitions_are_found_by_name_and_made(azure: LocalAzure, client: AuthorizationManagementClient) -> None:
    """Built-in roles are found by name without case; a custom role permits what it says."""
    found = list(client.role_definitions.list(GROUP, filter="roleName eq 'reader'"))
    assert [(each.name, each.role_type) for each in found] == [(roles.READER, "BuiltInRole")]
    guid = "99999999-0000-4000-8000-000000000001"
    body = {
        "properties": {
            "roleName": "Flexguard",
            "type": "CustomRole",
            "permissions": [{"actions": ["Microsoft.DBforPostgreSQL/*"], "notActions": ["*/write"]}],
            "assignableScopes": [ROOT],
        }
    }
    assert call(azure, "PUT", f"{ROOT}/providers/Microsoft.Authorization/roleDefinitions/{guid}", body).status == 201
    assert client.role_definitions.get(ROOT, guid).role_name == "Flexguard"
    grant(azure.world, "someone", guid, ROOT)
    assert permitted(azure.world, "someone", READ, SERVER)
    assert not permitted(azure.world, "someone", READ.replace("read", "write"), SERVER)


def test_a_condition_limits_which_roles_may_be_given(azure: LocalAzure, client: AuthorizationManagementClient) -> None:
    """A delegate with the documented condition gives and takes the named roles to service principals, nothing else."""
    allowed = f"{roles.LTR_BACKUP}, {roles.READER}"
    more = {"condition": DELEGATION % (allowed, allowed), "conditionVersion": "2.0"}
    assign(client, GROUP, NAME, wanted(roles.RBAC_ADMIN, "delegate", **more))
    azure.advance(600)
    delegate = client_of(azure, "delegate")
    assign(delegate, SERVER, NAME.replace("1", "2"), wanted(roles.LTR_BACKUP))
    for body in (wanted(roles.OWNER), wanted(roles.READER, principalType="User")):
        with pytest.raises(HttpResponseError, match="ABAC condition that is not fulfilled") as refused:
            assign(delegate, SERVER, NAME.replace("1", "3"), body)
        assert code(refused) == (403, "AuthorizationFailed")
    with pytest.raises(HttpResponseError, match="ABAC"):
        delegate.role_assignments.delete(GROUP, NAME)
    assert delegate.role_assignments.delete(SERVER, NAME.replace("1", "2")) is not None


@pytest.mark.parametrize(
    "condition", ["@Request[Microsoft.Authorization/roleAssignments:X] Like {'a'}", "(" + DELEGATION]
)
def test_a_condition_outside_the_grammar_is_refused(azure: LocalAzure, condition: str) -> None:
    """A condition on role assignments that cannot be read is a 400, never silently ignored."""
    path = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/{NAME}"
    assert call(azure, "PUT", path, wanted(roles.RBAC_ADMIN, condition=condition)).status == 400


def test_a_check_costs_the_same_among_20_000_assignments(azure: LocalAzure) -> None:
    """A check looks at the scopes above its target, so it takes no more steps with ten thousand servers."""

    def steps() -> int:
        count = 0

        def step(*_: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(step)
        assert permitted(azure.world, VAULT_IDENTITY, LTR, f"{SERVER}-5")
        sys.setprofile(None)
        return count

    def grant_on(numbers: range) -> None:
        for number in numbers:
            for role in (roles.READER, roles.LTR_BACKUP):
                grant(azure.world, VAULT_IDENTITY, role, f"{SERVER}-{number}")

    grant_on(range(10))
    steps()  # The first check compares the role's patterns; later ones remember.
    few = steps()
    grant_on(range(10, 10_000))
    assert steps() == few


def test_require_raises_and_operators_may_everything(azure: LocalAzure) -> None:
    """`require` is `permitted` as an error; the operator stands for the human who builds the world."""
    require(azure.world, OPERATOR, "Anything/at/all/write", "/")
    with pytest.raises(ArmError) as refused:
        require(azure.world, "someone", READ, SERVER)
    assert (refused.value.status, refused.value.code) == (403, "AuthorizationFailed")
    assert azure.now > datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
