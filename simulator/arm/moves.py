"""What becomes of a resource that moves to another resource group or subscription? Its id changes, and nothing follows.

**Source**: Microsoft, "Move Azure resources to a new resource group or subscription" (role assignments do not move; the
groups are locked meanwhile, which is not played). Backup instances keep the old id of their datasource.
"""

import re
from typing import Any

from simulator.arm import access
from simulator.arm.events import emit_completed
from simulator.arm.resources import GATEWAY, require_group
from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, empty_response
from simulator.world import World, effect

ACTION = "Microsoft.Resources/subscriptions/resourceGroups/moveResources/action"
OPERATION = "microsoft.resources/operationresults"
MOVE_S = (60.0, 240.0)  # Assumed: no recording shows one; the documents say up to four hours.
MOVABLE = "microsoft.dbforpostgresql/flexibleservers"
GROUP = re.compile(r"/subscriptions/([^/]+)/resourceGroups/([^/]+)", re.IGNORECASE)


def move_resources(world: World, call: Call) -> Response:
    """Start to move resources: 202 with Location. Assumed: only flexible servers can move here."""
    require_group(world, call.at["sub"], call.at["group"])
    target = GROUP.fullmatch(str(call.body.get("targetResourceGroup")))
    ids = [str(each) for each in call.body.get("resources") or ()]
    here = call.path.rpartition("/")[0].lower()
    wrong = [one for one in ids if not one.lower().startswith(f"{here}/") or not _is_movable(world, one)]
    if target is None or not ids or wrong:
        about = f"cannot be moved: {', '.join(wrong)}" if wrong else "lacks resources or targetResourceGroup"
        raise ArmError(400, "MoveResourcesNotSupported", f"The request {about}.", headers=GATEWAY)
    require_group(world, target[1], target[2])
    operation = f"/subscriptions/{call.at['sub']}/operationresults/{world.new_guid('move')}"
    world.put(operation, OPERATION, {"status": "Running"})
    after_s = world.random("move", call.path.lower(), world.now).uniform(*MOVE_S)
    about_it: Json = {"ids": ids, "to": target[0], "operation": operation, "caller": call.caller}
    world.schedule(after_s, moved, **about_it)
    location = f"https://management.azure.com{operation}?api-version={call.api_version}"
    return empty_response(202, {"location": location, "retry-after": "15"})


@effect
def moved(world: World, ids: list[str], to: str, operation: str, caller: str) -> None:
    """The move ends. Assumed: the events are a write at the new place and a deletion at the old one."""
    for old in ids:
        if world.get(old):
            new = move(world, old, to)
            emit_completed(world, old, f"{MOVABLE}/delete", caller)
            emit_completed(world, new, f"{MOVABLE}/write", caller)
    world.put(operation, OPERATION, {"status": "Succeeded"})


def move(world: World, resource_id: str, to: str) -> str:
    """Give a resource and its children the ids of another group; its role assignments are gone. Returns the new id."""
    new = to + re.sub(GROUP, "", resource_id, count=1)
    old = resource_id.lower()
    for key in [key for key in world.resources if key == old or key.startswith(f"{old}/")]:
        child = world.resources.get(key)
        if child is None:
            continue
        if child.type == access.ASSIGNMENT.lower():
            access.revoke(world, child)
            continue
        world.remove(child.id)
        place = new + child.id[len(resource_id) :]
        world.put(place, child.type, child.body | {"id": place}, **child.hidden)
    return new


def _is_movable(world: World, resource_id: str) -> bool:
    found: Any = world.get(resource_id)
    return bool(found and found.type == MOVABLE and not found.hidden.get("operation"))


ROUTES = (Route("POST", "/subscriptions/{sub}/resourceGroups/{group}/moveResources", ACTION, move_resources),)
