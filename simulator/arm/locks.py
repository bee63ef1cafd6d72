"""Management locks: what nobody may change or delete, whatever rights (Microsoft.Authorization/locks).

**Source**: Microsoft, "Lock your resources to protect your infrastructure" (inheritance, both levels; a POST is a write
to a read-only lock; a read-only lock also keeps role assignments from being made). The words are those of many reports.
"""

from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, empty_response, json_response
from simulator.world import World

TYPE = "Microsoft.Authorization/locks"
READ_ONLY, CAN_NOT_DELETE = "ReadOnly", "CanNotDelete"


def require_unlocked(world: World, call: Call) -> None:
    """Raises ArmError 409 ScopeLocked when a lock at the scope or above it forbids the call.

    Assumed: locks themselves, tags operations at a lock that only forbids deletion, and reads by POST are free.
    """
    known = world.by_type.get(TYPE.lower())
    if not known or call.action.lower().startswith(TYPE.lower()) or call.action.lower().endswith("/read"):
        return
    verb = "delete" if call.request.method == "DELETE" else "write"
    path = f"{call.path}/".lower()
    found = [
        lock.body["properties"]["level"] for lock in known.values() if path.startswith(f"{_scope(lock.id)}/".lower())
    ]
    if not found or (verb == "write" and READ_ONLY not in found):
        return
    places = [_scope(lock.id) for lock in known.values() if path.startswith(f"{_scope(lock.id)}/".lower())]
    message = (
        f"The scope '{call.path}' cannot perform {verb} operation because following scope(s) are locked: "
        f"'{','.join(places)}'. Please remove the lock and try again."
    )
    raise ArmError(409, "ScopeLocked", message, headers={"x-ms-failure-cause": "gateway"})


def add(world: World, scope: str, name: str, level: str, notes: str = "") -> Json:
    """Lock a scope. Raises ArmError 400 for a level that is none."""
    if level not in (READ_ONLY, CAN_NOT_DELETE):
        raise ArmError(400, "InvalidLockLevel", f"The lock level '{level}' is not ReadOnly or CanNotDelete.")
    lock_id = f"{scope}/providers/{TYPE}/{name}"
    properties = {"level": level} | ({"notes": notes} if notes else {})
    body = {"properties": properties, "id": lock_id, "type": TYPE, "name": name}
    return world.put(lock_id, TYPE, body).body


def put(world: World, call: Call) -> Response:
    """Lock a scope: 201."""
    given: Json = call.body.get("properties") or {}
    body = add(world, call.at["scope"], call.at["name"], str(given.get("level")), str(given.get("notes") or ""))
    return json_response(201, body)


def get(world: World, call: Call) -> Response:
    """One lock."""
    found = world.get(call.path)
    if found is None:
        raise ArmError(404, "LockNotFound", f"The lock '{call.at['name']}' could not be found.")
    return json_response(200, found.body)


def list_all(world: World, call: Call) -> Response:
    """The locks at a scope, above and below it."""
    here = f"{call.at['scope']}/".lower()
    found = [each for each in world.of_type(TYPE) if _touches(here, f"{_scope(each.id)}/".lower())]
    return json_response(200, {"value": [each.body for each in found]})


def delete(world: World, call: Call) -> Response:
    """Unlock: 200, 204 when there was no lock."""
    return empty_response(200 if world.remove(call.path) else 204)


def _touches(here: str, other: str) -> bool:
    return here.startswith(other) or other.startswith(here)


def _scope(lock_id: str) -> str:
    return lock_id[: lock_id.lower().rindex(f"/providers/{TYPE}/".lower())]


_ALL = f"{{scope}}/providers/{TYPE}"
ROUTES = (
    Route("PUT", f"{_ALL}/{{name}}", f"{TYPE}/write", put),
    Route("GET", f"{_ALL}/{{name}}", f"{TYPE}/read", get),
    Route("DELETE", f"{_ALL}/{{name}}", f"{TYPE}/delete", delete),
    Route("GET", _ALL, f"{TYPE}/read", list_all),
)
