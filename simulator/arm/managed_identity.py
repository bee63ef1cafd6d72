"""User-assigned identities (Microsoft.ManagedIdentity). An identity is a principal and a client id; it does nothing.

**Source**: Microsoft's REST reference of Microsoft.ManagedIdentity 2023-01-31 and its examples.
"""

from uuid import UUID

from simulator.arm.resources import require_group, require_subscription, resource_not_found
from simulator.arm.routing import Call, Route
from simulator.identity import USER_IDENTITY
from simulator.wire import ArmError, Response, empty_response, json_response
from simulator.world import Resource, World

TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"


def put(world: World, call: Call) -> Response:
    """Make an identity (201), or change the tags of one that is there (200)."""
    require_group(world, call.at["sub"], call.at["group"])
    known = world.get(call.path)
    if known:
        known.body["tags"] = call.body.get("tags") or {}
        return json_response(200, known.body)
    if not call.body.get("location"):
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    body = {
        "id": call.path,
        "name": call.at["name"],
        "type": TYPE,
        "location": call.body["location"].replace(" ", "").lower(),
        "tags": call.body.get("tags") or {},
        "properties": {
            "tenantId": world.tenant_id,
            "principalId": user_guid(world, call.path, "principalId"),
            "clientId": user_guid(world, call.path, "clientId"),
        },
    }
    return json_response(201, world.put(call.path, TYPE, body).body)


def user_guid(world: World, identity_id: str, name: str) -> str:
    """An id of an identity. One identity has the same ids wherever it is assigned, so they follow from its own id."""
    number = world.random("user identity", identity_id.lower(), name).getrandbits(128)
    return str(UUID(int=number, version=4))


def get(world: World, call: Call) -> Response:
    """One identity."""
    return json_response(200, _require(world, call).body)


def patch(world: World, call: Call) -> Response:
    """Replace the tags of an identity."""
    identity = _require(world, call)
    if "tags" in call.body:
        identity.body["tags"] = call.body["tags"] or {}
    return json_response(200, identity.body)


def list_all(world: World, call: Call) -> Response:
    """The identities of a subscription, or of one of its groups."""
    scope = call.path.lower().partition("/providers/")[0]
    require_subscription(world, call.at["sub"])
    if "group" in call.at:
        require_group(world, call.at["sub"], call.at["group"])
    return json_response(200, {"value": [identity.body for identity in world.of_type(USER_IDENTITY, scope)]})


def delete(world: World, call: Call) -> Response:
    """Delete an identity: 200, or 204 when it is not there. Role assignments to it stay, as in Azure."""
    return empty_response(200 if world.remove(call.path) else 204)


def _require(world: World, call: Call) -> Resource:
    require_group(world, call.at["sub"], call.at["group"])
    found = world.get(call.path)
    if found is None:
        raise resource_not_found(f"{TYPE}/{call.at['name']}", call.at["group"])
    return found


_SUB, _GROUP = "/subscriptions/{sub}", "/subscriptions/{sub}/resourceGroups/{group}"
_ONE, _ALL = f"{_GROUP}/providers/{TYPE}/{{name}}", f"providers/{TYPE}"
ROUTES = (
    Route("PUT", _ONE, f"{TYPE}/write", put),
    Route("GET", _ONE, f"{TYPE}/read", get),
    Route("PATCH", _ONE, f"{TYPE}/write", patch),
    Route("DELETE", _ONE, f"{TYPE}/delete", delete),
    Route("GET", f"{_GROUP}/{_ALL}", f"{TYPE}/read", list_all),
    Route("GET", f"{_SUB}/{_ALL}", f"{TYPE}/read", list_all),
)
