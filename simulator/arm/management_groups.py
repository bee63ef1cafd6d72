"""Management groups and the subscriptions in them (Microsoft.Management): make, move, read, remove.

What stands above what is read in management_tree.py. Assumed: changes work at once, where Azure answers with a long
operation.
"""

from simulator.arm.management_tree import MEMBER, PREFIX, TYPE, changed, group_of, memberships, normal, parent_of
from simulator.arm.resources import GATEWAY, require_subscription
from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, empty_response, json_response
from simulator.world import Resource, World


def put_group(world: World, call: Call) -> Response:
    """Make a group, or move it below another; below the root unless `details.parent.id` names one."""
    given: Json = call.body.get("properties") or {}
    asked = ((given.get("details") or {}).get("parent") or {}).get("id")
    parent = str(asked or f"{PREFIX}{world.tenant_id}")
    if asked and normal(world, parent) == "" and not parent.lower().endswith(world.tenant_id):
        raise _missing(parent)
    name = call.at["group"]
    properties = {"tenantId": world.tenant_id, "displayName": given.get("displayName") or name}
    body: Json = {"id": f"{PREFIX}{name}", "type": TYPE, "name": name}
    body |= {"properties": properties | {"details": {"parent": {"id": parent}}}}
    changed(world)
    return json_response(200, world.put(body["id"], TYPE, body).body)


def get_group(world: World, call: Call) -> Response:
    """One group."""
    return json_response(200, _require(world, call).body)


def list_groups(world: World, _: Call) -> Response:
    """All groups that were made."""
    return json_response(200, {"value": [group.body for group in world.of_type(TYPE)]})


def delete_group(world: World, call: Call) -> Response:
    """Remove a group that holds nothing."""
    group = _require(world, call)
    held = [each for each in memberships(world) if group_of(world, str(each.body["name"]).lower()) is group]
    held += [each for each in world.of_type(TYPE) if parent_of(world, each) is group]
    if held:
        raise ArmError(400, "BadRequest", f"The group '{group.body['name']}' still holds {held[0].body['name']}.")
    world.remove(group.id)
    changed(world)
    return empty_response(200)


def put_member(world: World, call: Call) -> Response:
    """Put a subscription into a group, out of the one it was in."""
    group, subscription = _require(world, call), require_subscription(world, call.at["sub"])
    for other in memberships(world):
        if other.body["name"].lower() == call.at["sub"].lower():
            world.remove(other.id)
    name = subscription.body["subscriptionId"]
    body: Json = {"id": f"{group.id}/subscriptions/{name}", "type": MEMBER, "name": name}
    body["properties"] = {
        "tenant": world.tenant_id,
        "displayName": subscription.body["displayName"],
        "parent": {"id": group.id},
        "state": "Active",
    }
    changed(world)
    return json_response(200, world.put(body["id"], MEMBER, body).body)


def delete_member(world: World, call: Call) -> Response:
    """Take a subscription out of a group: it belongs to the root again."""
    group = _require(world, call)
    changed(world)
    return empty_response(200 if world.remove(f"{group.id}/subscriptions/{call.at['sub']}") else 204)


def _require(world: World, call: Call) -> Resource:
    group = world.get(f"{PREFIX}{call.at['group']}")
    if group is None:
        raise _missing(call.at["group"])
    return group


def _missing(name: str) -> ArmError:
    """Assumed: the words."""
    return ArmError(404, "NotFound", f"The management group '{name}' was not found.", headers=GATEWAY)


_ONE, _READ = f"/providers/{TYPE}/{{group}}", f"{TYPE}/read"
ROUTES = (
    Route("GET", f"/providers/{TYPE}", _READ, list_groups),
    Route("PUT", _ONE, f"{TYPE}/write", put_group),
    Route("GET", _ONE, _READ, get_group),
    Route("DELETE", _ONE, f"{TYPE}/delete", delete_group),
    Route("PUT", f"{_ONE}/subscriptions/{{sub}}", f"{MEMBER}/write", put_member),
    Route("DELETE", f"{_ONE}/subscriptions/{{sub}}", f"{MEMBER}/delete", delete_member),
)
