"""May this principal do this action at this scope now? From role assignments, their age, conditions, and who is denied.

It answers; it serves no operation (authorization.py does) and changes nothing but role assignments.
"""

import re

from simulator.arm import roles
from simulator.arm.assignment_index import AssignmentIndex
from simulator.arm.conditions import Asked, concerns_delegation, fulfilled
from simulator.arm.deny_assignments import denying, refusal
from simulator.arm.management_tree import at_and_above, normal
from simulator.arm.role import Role, allows, allows_data
from simulator.wire import ArmError, Json, stamp
from simulator.world import Resource, World

OPERATOR = "operator"
OPERATORS = (OPERATOR,)
ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
DEFINITION = "Microsoft.Authorization/roleDefinitions"
DELEGATING = {f"{ASSIGNMENT}/{verb}".lower() for verb in ("write", "delete")}
NO_RIGHT_NEEDED = {"microsoft.resourcegraph/resources/read", "microsoft.resources/tenants/read"}
"""Resource Graph answers everybody with the rows they may read; whoever has a token is in the tenant."""

PROPAGATION_S = ((0.80, 20.0, 120.0), (0.95, 120.0, 300.0), (1.0, 300.0, 600.0))
"""Assumed: up to this share of assignments takes between so many seconds to work. Documented: up to 10 minutes; a
validation succeeded 121 s after the last assignment in `dp-pgflex-lifecycle-roles-2024-04-29`."""


def permitted(world: World, principal_id: str, action: str, scope: str, asked: Asked | None = None) -> bool:
    """Whether the principal may do the action at the scope.

    asked: the role assignment that is written or deleted; without it a condition on delegation counts as fulfilled.
    """
    if principal_id in OPERATORS:
        return True
    if denying(world, principal_id, action, scope):
        return False
    return granting(world, principal_id, action, scope, asked) is not None


def require(world: World, principal_id: str, action: str, scope: str, asked: Asked | None = None) -> None:
    """Raises ArmError 403 `AuthorizationFailed` unless permitted. **Source**: `role-403-authorizationfailed`.

    Assumed: listing subscriptions needs no right, as with Resource Graph.
    """
    if action.lower() in NO_RIGHT_NEEDED or scope.lower() == "/subscriptions":
        return
    action = world.behaviour.renamed_actions.get(action, action)
    if permitted(world, principal_id, action, scope, asked):
        return
    denied = denying(world, principal_id, action, scope)
    if denied and granting(world, principal_id, action, scope, asked):
        raise refusal(denied, principal_id, action, scope)
    who = f"The client '{principal_id}' with object id '{principal_id}'"
    message = (
        f"{who} does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid."
        " If access was recently granted, please refresh your credentials."
    )
    if asked and granting(world, principal_id, action, scope):
        raise condition_unfulfilled(principal_id, action, scope)
    raise ArmError(403, "AuthorizationFailed", message, headers={"x-ms-failure-cause": "gateway"})


def condition_unfulfilled(principal_id: str, action: str, scope: str) -> ArmError:
    """403 for whoever has the right, but not for this principal and role."""
    message = (
        f"The client '{principal_id}' with object id '{principal_id}' has an authorization with ABAC condition that is "
        f"not fulfilled to perform action '{action}' over scope '{scope}'."
    )
    return ArmError(403, "AuthorizationFailed", message, headers={"x-ms-failure-cause": "gateway"})


def granting(world: World, principal_id: str, action: str, scope: str, asked: Asked | None = None) -> Resource | None:
    """The role assignment that permits the action, or None. It stands at the scope or above and works already."""
    now = world.now.timestamp()
    for key in index_of(world).at(principal_id, at_and_above(world, scope)):
        assignment = world.resources.get(key)
        if assignment and assignment.hidden["effective_at"] <= now and _allows(world, assignment, action, asked):
            return assignment
    return None


def permitted_data(world: World, principal_id: str, data_action: str, scope: str) -> bool:
    """Whether a role that works already lets the principal do this with the data at the scope."""
    above = {normal(world, each) for each in at_and_above(world, scope)}
    return any(each in above for each in data_scopes(world, principal_id, data_action))


def data_scopes(world: World, principal_id: str, data_action: str) -> list[str]:
    """Where roles that work already let the principal do this with data: scopes in lower case."""
    now, found = world.now.timestamp(), []
    index = index_of(world)
    for key in (*index.at(principal_id, [""]), *index.below(principal_id, "")) if principal_id else ():
        assignment = world.resources[key]
        role = role_of(world, assignment)
        if role and assignment.hidden["effective_at"] <= now and allows_data(role, data_action):
            found.append(normal(world, assignment.body["properties"]["scope"]))
    return found


def role_of(world: World, assignment: Resource) -> Role | None:
    """The role that an assignment gives."""
    return find_role(world, assignment.body["properties"]["roleDefinitionId"].rpartition("/")[2])


def find_role(world: World, guid: str) -> Role | None:
    """The role definition with this GUID: built in, or made in this world."""
    if guid.lower() in roles.BUILT_IN:
        return roles.BUILT_IN[guid.lower()]
    custom = world.resources.get(f"/providers/{DEFINITION}/{guid}".lower())
    return custom_role(custom) if custom else None


def custom_role(resource: Resource) -> Role:
    """A role definition of this world as a Role."""
    properties = resource.body["properties"]
    first: Json = (properties.get("permissions") or [{}])[0]
    return Role(
        resource.body["name"],
        properties["roleName"],
        properties.get("description", ""),
        tuple(first.get("actions") or ()),
        tuple(first.get("notActions") or ()),
        tuple(first.get("dataActions") or ()),
        "CustomRole",
        tuple(properties.get("assignableScopes") or ()),
        properties["createdOn"],
        properties["updatedOn"],
    )


def _allows(world: World, assignment: Resource, action: str, asked: Asked | None) -> bool:
    role = role_of(world, assignment)
    if role is None or not allows(role, action):
        return False
    condition = assignment.body["properties"]["condition"]
    limits = asked and action.lower() in DELEGATING and condition and concerns_delegation(condition)
    return not limits or asked is None or fulfilled(condition, asked)


# -- assignments -------------------------------------------------------------------------------------------------


def grant(world: World, principal_id: str, role_definition_guid: str, scope: str, *, at_once: bool = True) -> Resource:
    """Give a role directly, without a caller. at_once: it works now instead of after the usual delay."""
    name = world.new_guid("assignment", principal_id, role_definition_guid, scope)
    properties: Json = {
        "roleDefinitionId": f"{definition_prefix(scope)}/{role_definition_guid}",
        "principalId": principal_id,
        "principalType": "ServicePrincipal",
    }
    assignment = assign(world, f"{scope.rstrip('/')}/providers/{ASSIGNMENT}/{name}", properties, OPERATOR)
    if at_once:
        assignment.hidden["effective_at"] = world.now.timestamp()
    return assignment


def definition_prefix(scope: str) -> str:
    """Where role definitions stand when they are asked for at a scope: below its subscription, if it has one."""
    subscription = re.match(r"/subscriptions/[^/]+", scope, re.IGNORECASE)
    return f"{subscription[0] if subscription else ''}/providers/{DEFINITION}"


def assign(world: World, assignment_id: str, properties: Json, caller: str) -> Resource:
    """Store a new role assignment; it works after its propagation."""
    scope, _, name = assignment_id.rpartition(f"/providers/{ASSIGNMENT}/")
    at = stamp(world.now)
    full = {
        "roleDefinitionId": properties["roleDefinitionId"],
        "principalId": properties["principalId"],
        "principalType": properties.get("principalType") or "ServicePrincipal",
        "scope": scope or "/",
        "condition": properties.get("condition"),
        "conditionVersion": properties.get("conditionVersion"),
        "createdOn": at,
        "updatedOn": at,
        "createdBy": caller,
        "updatedBy": caller,
        "delegatedManagedIdentityResourceId": properties.get("delegatedManagedIdentityResourceId"),
        "description": properties.get("description"),
    }
    body = {"properties": full, "id": assignment_id, "type": ASSIGNMENT, "name": name}
    effective_at = world.now.timestamp() + _propagation_s(world, assignment_id)
    index = index_of(world)
    assignment = world.put(assignment_id, ASSIGNMENT, body, effective_at=effective_at)
    _enter(world, index, assignment)
    return assignment


def revoke(world: World, assignment: Resource) -> None:
    """Take a role assignment away; it stops working at once. Assumed: revoking has no delay."""
    properties = assignment.body["properties"]
    index_of(world).drop(properties["principalId"], normal(world, properties["scope"]), assignment.id)
    world.remove(assignment.id)


def _propagation_s(world: World, assignment_id: str) -> float:
    chance = world.random("propagation", assignment_id.lower(), world.now)
    share = chance.random()
    shortest, longest = next((low, high) for upto, low, high in PROPAGATION_S if share <= upto)
    return chance.uniform(shortest, longest)


def index_of(world: World) -> AssignmentIndex:
    """All role assignments of the world by principal and scope; built again when the world was read from a file."""
    index: AssignmentIndex | None = world.derived.get("assignments")
    if index is None:
        index = world.derived["assignments"] = AssignmentIndex()
        for assignment in world.by_type.get(ASSIGNMENT.lower(), {}).values():
            _enter(world, index, assignment)
    return index


def _enter(world: World, index: AssignmentIndex, assignment: Resource) -> None:
    properties = assignment.body["properties"]
    index.enter(properties["principalId"], normal(world, properties["scope"]), assignment.id)
