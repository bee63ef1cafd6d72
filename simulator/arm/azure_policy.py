"""Azure Policy as far as it denies: assignments and definitions (Microsoft.Authorization), and the refusal of a write.

**Source**: Microsoft, "Azure Policy definition structure", "Resolve errors: RequestDisallowedByPolicy". The condition
itself is read in policy_condition.py. Assumed: an assignment works at once (documented: within 30 minutes), and
policies
look at PUT and PATCH of whole resources, not at role assignments.
"""

import json

from simulator.arm.management_tree import at_and_above, normal
from simulator.arm.policy_condition import UnplayedConditionError, filled, holds
from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, empty_response, json_response
from simulator.world import Resource, World

ASSIGNMENT, DEFINITION = "Microsoft.Authorization/policyAssignments", "Microsoft.Authorization/policyDefinitions"
LOOKED_AT = ("microsoft.dataprotection/", "microsoft.dbforpostgresql/", "microsoft.eventgrid/", "microsoft.storage/")
EFFECTS = ("deny", "audit", "disabled")


def require_allowed(world: World, call: Call) -> None:
    """Raises ArmError 403 RequestDisallowedByPolicy when a policy at the scope or above denies the write."""
    known = world.by_type.get(ASSIGNMENT.lower())
    if not known or call.request.method not in ("PUT", "PATCH") or not call.action.lower().startswith(LOOKED_AT):
        return
    above, resource = set(at_and_above(world, call.path)), _wanted(world, call)
    for assignment in known.values():
        properties = assignment.body["properties"]
        excluded = [str(each).lower() for each in properties["notScopes"]]
        if normal(world, properties["scope"]) in above and not above & set(excluded):
            definition = world.resources.get(str(properties["policyDefinitionId"]).lower())
            if definition and _denies(definition, properties, resource):
                raise _refusal(assignment, definition, call)


def _wanted(world: World, call: Call) -> Json:
    """The resource as it would be: what is there, under what the request says."""
    found = world.get(call.path)
    before: Json = found.body if found else {}
    kind = call.action.rpartition("/")[0]
    return before | call.body | {"type": kind, "name": call.path.rpartition("/")[2], "id": call.path}


def _denies(definition: Resource, assignment: Json, resource: Json) -> bool:
    given = {name: each.get("value") for name, each in (assignment.get("parameters") or {}).items()}
    usual = (definition.body["properties"].get("parameters") or {}).items()
    values = {name: each.get("defaultValue") for name, each in usual} | given
    rule = definition.body["properties"]["policyRule"]
    effect = str(filled(rule["then"]["effect"], values)).lower()
    return effect == "deny" and assignment["enforcementMode"] == "Default" and holds(rule["if"], resource, values)


def _refusal(assignment: Resource, definition: Resource, call: Call) -> ArmError:
    """**Source**: the documented error and reports of it. Assumed: no evaluated expressions are told."""
    given, made = assignment.body["properties"], definition.body["properties"]
    of_assignment = {"name": given["displayName"], "id": assignment.id}
    of_definition = {"name": made["displayName"], "id": definition.id}
    identifiers = json.dumps([{"policyAssignment": of_assignment, "policyDefinition": of_definition}])
    name = call.path.rpartition("/")[2]
    message = f"Resource '{name}' was disallowed by policy. Policy identifiers: '{identifiers}'."
    info = {
        "policyDefinitionDisplayName": made["displayName"],
        "policyDefinitionId": definition.id,
        "policyDefinitionName": definition.body["name"],
        "policyDefinitionEffect": "deny",
        "policyAssignmentId": assignment.id,
        "policyAssignmentName": assignment.body["name"],
        "policyAssignmentDisplayName": given["displayName"],
        "policyAssignmentScope": given["scope"],
        "policyAssignmentParameters": given["parameters"],
        "policyExemptionIds": [],
    }
    code = "RequestDisallowedByPolicy"
    error = {"code": code, "target": name, "message": message}
    body = {"error": error | {"additionalInfo": [{"type": "PolicyViolation", "info": info}]}}
    return ArmError(403, code, message, headers={"x-ms-failure-cause": "gateway"}, body=body)


# -- operations --------------------------------------------------------------------------------------------------


def put_definition(world: World, call: Call) -> Response:
    """Make a definition: 201. A rule that the local Azure cannot judge is refused (501), never passed over."""
    given: Json = call.body.get("properties") or {}
    rule: Json = given.get("policyRule") or {}
    usual = {name: each.get("defaultValue") for name, each in (given.get("parameters") or {}).items()}
    effect = str(filled((rule.get("then") or {}).get("effect"), usual)).lower()
    if not rule.get("if") or effect not in EFFECTS:
        raise ArmError(400, "InvalidPolicyRule", f"The policy rule needs if, and then with an effect of {EFFECTS}.")
    try:
        holds(rule["if"], {}, usual)
    except UnplayedConditionError as wrong:
        raise ArmError(501, "OperationNotSimulated", f"The local Azure cannot judge this policy: {wrong}") from None
    named = {"displayName": given.get("displayName") or call.at["name"], "policyType": "Custom", "mode": "All"}
    body = {"properties": named | given, "id": call.path, "type": DEFINITION, "name": call.at["name"]}
    return json_response(201, world.put(call.path, DEFINITION, body).body)


def put_assignment(world: World, call: Call) -> Response:
    """Assign a definition at a scope: 201. Raises ArmError 404 when there is no such definition."""
    given: Json = call.body.get("properties") or {}
    if world.get(str(given.get("policyDefinitionId"))) is None:
        message = f"The policy definition '{given.get('policyDefinitionId')}' could not be found."
        raise ArmError(404, "PolicyDefinitionNotFound", message)
    usual = {"displayName": call.at["name"], "scope": call.at["scope"], "notScopes": [], "parameters": {}}
    properties = usual | {"enforcementMode": "Default"} | given
    body = {"properties": properties, "id": call.path, "type": ASSIGNMENT, "name": call.at["name"]}
    return json_response(201, world.put(call.path, ASSIGNMENT, body).body)


def get(world: World, call: Call) -> Response:
    """One definition or assignment."""
    found = world.get(call.path)
    if found is None:
        raise ArmError(404, "PolicyNotFound", f"The policy '{call.at['name']}' could not be found.")
    return json_response(200, found.body)


def delete(world: World, call: Call) -> Response:
    """Remove one: 200, 204 when there was none."""
    return empty_response(200 if world.remove(call.path) else 204)


ROUTES = tuple(
    route
    for kind, put in ((DEFINITION, put_definition), (ASSIGNMENT, put_assignment))
    for route in (
        Route("PUT", f"{{scope}}/providers/{kind}/{{name}}", f"{kind}/write", put),
        Route("GET", f"{{scope}}/providers/{kind}/{{name}}", f"{kind}/read", get),
        Route("DELETE", f"{{scope}}/providers/{kind}/{{name}}", f"{kind}/delete", delete),
    )
)
