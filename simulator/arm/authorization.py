"""Role assignments as ARM serves them (Microsoft.Authorization).

What they permit is decided in access.py; this file keeps them and answers in the service's words.
"""

import re

from simulator.arm.access import (
    ASSIGNMENT,
    OPERATOR,
    OPERATORS,
    assign,
    condition_unfulfilled,
    definition_prefix,
    find_role,
    grant,
    index_of,
    permitted,
    require,
    revoke,
)
from simulator.arm.assignment_index import ANYBODY
from simulator.arm.conditions import Asked, concerns_delegation, fulfilled
from simulator.arm.management_tree import at_and_above, normal
from simulator.arm.resources import require_scope
from simulator.arm.role_definitions import DEFINITION_ROUTES
from simulator.arm.routing import Call, Route
from simulator.identity import user_identity
from simulator.wire import ArmError, Json, Response, empty_response, json_response, stamp
from simulator.world import Resource, World

__all__ = ["OPERATOR", "OPERATORS", "ROUTES", "grant", "permitted", "require"]

REPLICATION_S = (10.0, 31.0)
"""How long a new identity is unknown to role assignments without principalType.
**Source**: `role-principalnotfound-then-ok`, `role-principalnotfound-then-ok-2`, `aso-role-resourcegroup`."""

CONDITIONS_SINCE = "2020-03-01-preview"  # Assumed: which of the api-versions between the recorded ones.
YOUNG_MEMBERS = ("condition", "conditionVersion", "delegatedManagedIdentityResourceId", "description")

ROLE_FAULTS = ("role_denied", "role_exists", "principal_not_found")
FILTER = re.compile(
    r"\s*(?:(?P<at>atScope\(\))|(?:assignedTo\('(?P<assigned>[^']+)'\))|(?:principalId eq '(?P<principal>[^']+)'))\s*",
    re.IGNORECASE,
)


def put_assignment(world: World, call: Call) -> Response:
    """Assign a role: 201, also when the same name is written again (`role-create-update-delete`)."""
    scope = call.at["scope"]
    require_scope(world, scope)
    properties = _asked_properties(call)
    asked = _asked(call.action, properties)
    require(world, call.caller, call.action, call.path, asked)
    role = find_role(world, _guid(properties["roleDefinitionId"]))
    if role is None:
        message = f"The specified role definition with ID '{_guid(properties['roleDefinitionId'])}' does not exist."
        raise ArmError(404, "RoleDefinitionDoesNotExist", message)
    properties["roleDefinitionId"] = f"{definition_prefix(scope)}/{role.guid}"
    assignment_id = f"{scope}/providers/{ASSIGNMENT}/{call.at['name']}"
    _refuse_by_fault(world, assignment_id, properties, call.caller)
    existing = world.get(assignment_id)
    if existing:
        _update(world, existing, properties, call.caller)
        return json_response(201, _shown(existing.body, call))
    _refuse_young_principal(world, properties)
    _refuse_same_triple(world, scope, properties)
    assignment = assign(world, assignment_id, properties, call.caller)
    slow = world.faults.take("slow_role", f"{assignment_id} {properties['principalId']}")
    if slow:
        assignment.hidden["effective_at"] = world.now.timestamp() + float(slow.detail.get("after_s", 1800))
    body = assignment.body
    return json_response(201, _shown(body | {"properties": body["properties"] | {"createdBy": None}}, call))


def _asked_properties(call: Call) -> Json:
    properties: Json = dict(call.body.get("properties") or {})
    if not properties.get("roleDefinitionId") or not properties.get("principalId"):
        message = "The request to create role assignment is not valid. Role definition and principal are required."
        raise ArmError(400, "BadRequestFormat", message)
    condition = properties.get("condition")
    try:
        if condition and concerns_delegation(condition):
            fulfilled(condition, _asked(call.action, properties))
    except ValueError as wrong:
        # Assumed: a condition on delegation that cannot be read is refused with this code.
        raise ArmError(400, "InvalidCondition", f"The condition is invalid: {wrong}.") from None
    return properties


def _asked(action: str, properties: Json) -> Asked:
    return Asked(
        action,
        {
            "roledefinitionid": _guid(properties["roleDefinitionId"]),
            "principalid": properties["principalId"],
            "principaltype": properties.get("principalType") or "ServicePrincipal",
        },
    )


def _guid(role_definition_id: str) -> str:
    return role_definition_id.rpartition("/")[2].lower()


def _update(world: World, existing: Resource, properties: Json, caller: str) -> None:
    known = existing.body["properties"]
    for name in ("roleDefinitionId", "principalId"):
        if known[name].lower() != properties[name].lower():
            message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
            raise ArmError(400, "RoleAssignmentUpdateNotPermitted", message)
    changed = {name: properties.get(name) for name in ("condition", "conditionVersion", "description")}
    existing.body["properties"] = known | changed | {"updatedOn": stamp(world.now), "updatedBy": caller}


def _refuse_by_fault(world: World, assignment_id: str, properties: Json, caller: str) -> None:
    fault = world.faults.take(ROLE_FAULTS, f"{assignment_id} {properties['principalId']}")
    if fault and fault.kind == "role_denied":
        raise condition_unfulfilled(caller, f"{ASSIGNMENT}/write", assignment_id)
    if fault and fault.kind == "role_exists":
        raise ArmError(409, "RoleAssignmentExists", "The role assignment already exists.")
    if fault:
        raise _principal_not_found(world, properties)


def _refuse_young_principal(world: World, properties: Json) -> None:
    """400 PrincipalNotFound for an identity that the directory has not copied everywhere yet."""
    born = _born(world, properties["principalId"])
    if properties.get("principalType") or born is None:
        return
    shortest, longest = REPLICATION_S
    known_after_s = world.random("replication", properties["principalId"]).uniform(shortest, longest)
    if world.now.timestamp() - born < known_after_s:
        raise _principal_not_found(world, properties)


def _principal_not_found(world: World, properties: Json) -> ArmError:
    message = (
        f"Principal {properties['principalId'].replace('-', '')} does not exist in the directory "
        f"{world.tenant_id}. Check that you have the correct principal ID. If you are creating this principal "
        "and then immediately assigning a role, this error might be related to a replication delay. In this case, "
        "set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group.  "
        "See https://aka.ms/docs-principaltype"
    )
    return ArmError(400, "PrincipalNotFound", message)


def _born(world: World, principal_id: str) -> float | None:
    """When the resource with this identity came to be. Assumed: any other principal has existed for long."""
    world.settle()
    found = user_identity(world, principal=principal_id)
    if found:
        return world.journal.born[found.id.lower()].timestamp()
    for key, vault in world.by_type.get("microsoft.dataprotection/backupvaults", {}).items():
        if principal_id == (vault.body.get("identity") or {}).get("principalId"):
            return world.journal.born[key].timestamp()
    return None


def _refuse_same_triple(world: World, scope: str, properties: Json) -> None:
    """409 for a second assignment of the same role to the same principal at the same scope (`role-409-exists`)."""
    for key in index_of(world).at(properties["principalId"], [normal(world, scope)]):
        other = world.resources[key].body["properties"]
        is_same_scope = other["scope"].lower().rstrip("/") == scope.lower()
        if is_same_scope and _guid(other["roleDefinitionId"]) == _guid(properties["roleDefinitionId"]):
            raise ArmError(409, "RoleAssignmentExists", "The role assignment already exists.")


def get_assignment(world: World, call: Call) -> Response:
    """One role assignment; 404 RoleAssignmentNotFound (`aso-role-resourcegroup`)."""
    assignment = _assignment(world, call)
    if assignment is None:
        message = f"The role assignment '{call.at['name']}' is not found."
        raise ArmError(404, "RoleAssignmentNotFound", message)
    return json_response(200, _shown(assignment.body, call))


def _shown(body: Json, call: Call) -> Json:
    """An assignment as it is shown at a scope: its role below the subscription that is asked.

    **Source**: `dp-msi-permissions-aks-2024-04-29`, for assignments at the root; `role-sdk-create-get-delete` for
    what an old api-version leaves out.
    """
    properties: Json = body["properties"]
    if call.api_version < CONDITIONS_SINCE:
        properties = {name: value for name, value in properties.items() if name not in YOUNG_MEMBERS}
    role = f"{definition_prefix(call.at['scope'])}/{_guid(properties['roleDefinitionId'])}"
    return body | {"properties": properties | {"roleDefinitionId": role}}


def delete_assignment(world: World, call: Call) -> Response:
    """Take a role away: 200 with what is gone, 204 when there was nothing."""
    require_scope(world, call.at["scope"])
    assignment = _assignment(world, call)
    if assignment is None:
        return empty_response(204)
    require(world, call.caller, call.action, call.path, _asked(call.action, assignment.body["properties"]))
    revoke(world, assignment)
    return json_response(200, _shown(assignment.body, call))


def _assignment(world: World, call: Call) -> Resource | None:
    return world.get(f"{call.at['scope']}/providers/{ASSIGNMENT}/{call.at['name']}")


def list_assignments(world: World, call: Call) -> Response:
    """The assignments at a scope, above it, and without atScope() also below it, in one page.

    **Source**: `role-create-update-delete` for atScope(); Assumed: the others follow the REST reference, and
    assignedTo('id') means the same as principalId eq 'id' because nobody here is in a group.
    """
    require_scope(world, call.at["scope"])
    text = call.request.query.get("$filter", "")
    terms = [FILTER.fullmatch(term) for term in re.split(r"\band\b", text)] if text else []
    wanted = [term for term in terms if term]
    if len(wanted) != len(terms):
        raise ArmError(400, "InvalidFilter", f"The filter '{text}' is not supported.")
    principals = [term["assigned"] or term["principal"] for term in wanted if not term["at"]]
    principal = principals[0] if principals else ANYBODY
    keys = list(index_of(world).at(principal, at_and_above(world, call.at["scope"])))
    if not any(term["at"] for term in wanted):
        keys += index_of(world).below(principal, normal(world, call.at["scope"]))
    return json_response(200, {"value": [_shown(world.resources[key].body, call) for key in keys]})


_ONE, _ALL = f"{{scope}}/providers/{ASSIGNMENT}/{{name}}", f"{{scope}}/providers/{ASSIGNMENT}"
ROUTES = (
    Route("PUT", _ONE, f"{ASSIGNMENT}/write", put_assignment),
    Route("GET", _ONE, f"{ASSIGNMENT}/read", get_assignment),
    Route("DELETE", _ONE, f"{ASSIGNMENT}/delete", delete_assignment),
    Route("GET", _ALL, f"{ASSIGNMENT}/read", list_assignments),
    *DEFINITION_ROUTES,
)
