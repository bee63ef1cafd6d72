"""Role definitions as ARM serves them: the built-in ones and those that somebody makes.

What a role permits is decided in access.py and roles.py.
"""

import re

from simulator.arm import roles
from simulator.arm.access import DEFINITION, custom_role, definition_prefix, find_role
from simulator.arm.role import Role
from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, json_response, stamp
from simulator.world import World


def get_definition(world: World, call: Call) -> Response:
    """One role definition by its GUID."""
    role = find_role(world, call.at["name"])
    if role is None:
        message = f"The specified role definition with ID '{call.at['name']}' does not exist."
        raise ArmError(404, "RoleDefinitionDoesNotExist", message)
    return json_response(200, _definition(role, call.at["scope"]))


def list_definitions(world: World, call: Call) -> Response:
    """All role definitions, or those called $filter=roleName eq '…' (compared without case, as recorded)."""
    custom = [custom_role(each) for each in world.of_type(DEFINITION)]
    wanted = re.fullmatch(r"\s*roleName eq '([^']*)'\s*", call.request.query.get("$filter", ""), re.IGNORECASE)
    value = [
        _definition(role, call.at["scope"])
        for role in (*roles.BUILT_IN.values(), *custom)
        if not wanted or role.name.lower() == wanted[1].lower()
    ]
    return json_response(200, {"value": value})


def put_definition(world: World, call: Call) -> Response:
    """Make or change a custom role: 201."""
    properties = call.body.get("properties") or {}
    if not properties.get("roleName") or not properties.get("permissions"):
        raise ArmError(400, "InvalidRoleDefinition", "A role definition needs a roleName and permissions.")
    name = call.at["name"].lower()
    body = {"name": name, "properties": properties | {"createdOn": stamp(world.now), "updatedOn": stamp(world.now)}}
    role = custom_role(world.put(f"/providers/{DEFINITION}/{name}", DEFINITION, body))
    return json_response(201, _definition(role, call.at["scope"]))


def _definition(role: Role, scope: str) -> Json:
    permissions = {
        "actions": list(role.actions),
        "notActions": list(role.not_actions),
        "dataActions": list(role.data_actions),
        "notDataActions": [],
    }
    return {
        "properties": {
            "roleName": role.name,
            "type": role.type,
            "description": role.description,
            "assignableScopes": list(role.scopes),
            "permissions": [permissions],
            "createdOn": role.created,
            "updatedOn": role.updated,
            "createdBy": None,
            "updatedBy": None,
        },
        "id": f"{definition_prefix(scope)}/{role.guid}",
        "type": DEFINITION,
        "name": role.guid,
    }


_ROLE, _ROLES = f"{{scope}}/providers/{DEFINITION}/{{name}}", f"{{scope}}/providers/{DEFINITION}"
DEFINITION_ROUTES = (
    Route("PUT", _ROLE, f"{DEFINITION}/write", put_definition),
    Route("GET", _ROLE, f"{DEFINITION}/read", get_definition),
    Route("GET", _ROLES, f"{DEFINITION}/read", list_definitions),
)
