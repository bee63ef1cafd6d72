"""Deny assignments: what a principal may not do, whatever roles it has (Microsoft.Authorization/denyAssignments).

Deployment stacks and managed applications make them in Azure; here anybody with the right makes one.
**Source**: Microsoft, "Understand Azure deny assignments"; azure-cli pull request 33109 (PUT of 2024-07-01-preview).
"""

from simulator.arm.management_tree import at_and_above, normal
from simulator.arm.role import matches
from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, empty_response, json_response
from simulator.world import Resource, World

TYPE = "Microsoft.Authorization/denyAssignments"
EVERYBODY = "00000000-0000-0000-0000-000000000000"


def denying(world: World, principal_id: str, action: str, scope: str) -> Resource | None:
    """The deny assignment that forbids a principal an action at a scope, if there is one."""
    known = world.by_type.get(TYPE.lower())
    if not known:
        return None
    above = set(at_and_above(world, scope))
    return next(
        (each for each in known.values() if _forbids(world, each.body, principal_id, action, scope, above)), None
    )


def _forbids(world: World, body: Json, principal_id: str, action: str, scope: str, above: set[str]) -> bool:
    """Whether one deny assignment forbids it. above: the scope and all above it."""
    properties: Json = body["properties"]
    at = normal(world, properties["scope"])
    if at not in above or (properties["doNotApplyToChildScopes"] and at != normal(world, scope)):
        return False
    named = {str(each.get("id", "")).lower() for each in properties["principals"]}
    spared = {str(each.get("id", "")).lower() for each in properties["excludePrincipals"]}
    if not named & {principal_id.lower(), EVERYBODY} or principal_id.lower() in spared:
        return False
    return any(
        matches(tuple(each.get("actions") or ()), action) and not matches(tuple(each.get("notActions") or ()), action)
        for each in properties["permissions"]
    )


def refusal(assignment: Resource, principal_id: str, action: str, scope: str) -> ArmError:
    """403 for whoever has the right otherwise. **Source** of the code: reports of deployment stacks. Assumed: words."""
    properties = assignment.body["properties"]
    message = (
        f"The client '{principal_id}' with object id '{principal_id}' has permission to perform action '{action}' on "
        f"scope '{scope}'; however, the access is denied because of the deny assignment with name "
        f"'{properties['denyAssignmentName']}' and Id '{assignment.body['name']}' at scope '{properties['scope']}'."
    )
    headers = {"x-ms-failure-cause": "gateway"}
    return ArmError(403, "DenyAssignmentAuthorizationFailed", message, headers=headers)


def put(world: World, call: Call) -> Response:
    """Make or change one: 201. Assumed: it works at once."""
    given: Json = call.body.get("properties") or {}
    properties = {
        "denyAssignmentName": given.get("denyAssignmentName") or call.at["name"],
        "description": given.get("description"),
        "permissions": given.get("permissions") or [],
        "scope": call.at["scope"] or "/",
        "doNotApplyToChildScopes": bool(given.get("doNotApplyToChildScopes")),
        "principals": given.get("principals") or [{"id": EVERYBODY, "type": "SystemDefined"}],
        "excludePrincipals": given.get("excludePrincipals") or [],
        "isSystemProtected": False,
    }
    body = {"properties": properties, "id": call.path, "type": TYPE, "name": call.at["name"]}
    return json_response(201, world.put(call.path, TYPE, body).body)


def get(world: World, call: Call) -> Response:
    """One deny assignment."""
    found = world.get(call.path)
    if found is None:
        raise ArmError(404, "DenyAssignmentNotFound", f"The deny assignment '{call.at['name']}' is not found.")
    return json_response(200, found.body)


def list_all(world: World, call: Call) -> Response:
    """The deny assignments at a scope and above it."""
    above = set(at_and_above(world, call.at["scope"]))
    found = [each for each in world.of_type(TYPE) if normal(world, each.body["properties"]["scope"]) in above]
    return json_response(200, {"value": [each.body for each in found]})


def delete(world: World, call: Call) -> Response:
    """Take one away: 200, 204 when there was none."""
    return empty_response(200 if world.remove(call.path) else 204)


_ALL = f"{{scope}}/providers/{TYPE}"
ROUTES = (
    Route("PUT", f"{_ALL}/{{name}}", f"{TYPE}/write", put),
    Route("GET", f"{_ALL}/{{name}}", f"{TYPE}/read", get),
    Route("DELETE", f"{_ALL}/{{name}}", f"{TYPE}/delete", delete),
    Route("GET", _ALL, f"{TYPE}/read", list_all),
)
