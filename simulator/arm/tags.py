"""The tags of a subscription, group or resource through ARM's own tags operations (Microsoft.Resources/tags).

It writes the `tags` member of any resource; what a tag means is nobody's business here.
"""

from simulator.arm.resources import GATEWAY, require_scope
from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, empty_response, json_response
from simulator.world import Resource, World


def get_tags(world: World, call: Call) -> Response:
    """The tags of a subscription, group or resource."""
    return _tags_answer(_tagged(world, call), call)


def put_tags(world: World, call: Call) -> Response:
    """Set all tags. Assumed: tags written here can be read at once, at the resource too, whatever it is busy with."""
    return _write_tags(world, call, "replace")


def patch_tags(world: World, call: Call) -> Response:
    """Merge, replace or delete some tags; names are compared without case."""
    return _write_tags(world, call, str(call.body.get("operation", "")).lower())


def delete_tags(world: World, call: Call) -> Response:
    """Remove all tags: 200 without a body."""
    _tagged(world, call).body["tags"] = {}
    return empty_response(200)


def _write_tags(world: World, call: Call, operation: str) -> Response:
    resource = _tagged(world, call)
    given: Json = (call.body.get("properties") or {}).get("tags") or {}
    names = {name.lower() for name in given}
    kept = {name: value for name, value in (resource.body.get("tags") or {}).items() if name.lower() not in names}
    tags = {"merge": kept | given, "replace": given, "delete": kept}.get(operation)
    if tags is None:
        raise ArmError(400, "InvalidTagsPatchOperation", f"The tags operation '{operation}' is not valid.")
    resource.body["tags"] = tags
    return _tags_answer(resource, call)


def _tagged(world: World, call: Call) -> Resource:
    require_scope(world, call.at["scope"])
    resource = world.get(call.at["scope"])
    if resource is None:
        message = f"The scope '{call.at['scope']}' was not found."
        raise ArmError(404, "ResourceNotFound", message, headers=GATEWAY)
    return resource


def _tags_answer(resource: Resource, call: Call) -> Response:
    tags = resource.body.get("tags") or {}
    body = {"id": call.path, "name": "default", "type": "Microsoft.Resources/tags", "properties": {"tags": tags}}
    return json_response(200, body)


_TAGS, _ACTION = "{scope}/providers/Microsoft.Resources/tags/default", "Microsoft.Resources/tags"
ROUTES = (
    Route("GET", _TAGS, f"{_ACTION}/read", get_tags),
    Route("PUT", _TAGS, f"{_ACTION}/write", put_tags),
    Route("PATCH", _TAGS, f"{_ACTION}/write", patch_tags),
    Route("DELETE", _TAGS, f"{_ACTION}/delete", delete_tags),
)
