"""Multi-user authorization: Resource Guards, the proxy that links a vault to one, and what they keep back.

**Source**: azure-cli-extensions recordings of resource guards (critical operations and their kinds of request), OpenAPI
2024-04-01, the multi-user authorization articles. Creating a first instance is not critical. The refusal itself stands
in no recording: its code and words are assumed.
"""

from datetime import datetime, timedelta

from simulator.arm import access, resources
from simulator.arm.dataprotection import errors, problems
from simulator.arm.dataprotection.existence import require_vault
from simulator.arm.dataprotection.vault_body import TYPE as VAULT
from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, empty_response, json_response, stamp
from simulator.world import Resource, World

GUARD, PROXY = "Microsoft.DataProtection/resourceGuards", f"{VAULT}/backupResourceGuardProxies"
NAME = "DppResourceGuardProxy"
DELETE, STOP, SUSPEND = (
    "deleteBackupInstanceRequests",
    "dppDisableStopProtectionRequests",
    "dppDisableSuspendBackupsRequests",
)
MODIFY, RESTORE, UNLINK = "dppModifyPolicy", "dppTriggerRestoreRequests", "deleteResourceGuardProxyRequests"
CRITICAL = {
    DELETE: f"{VAULT}/backupInstances/delete",
    STOP: f"{VAULT}/backupInstances/stopProtection/action",
    SUSPEND: f"{VAULT}/backupInstances/suspendBackups/action",
    MODIFY: f"{VAULT}/backupInstances/write",
    RESTORE: f"{VAULT}/backupInstances/restore/action",
    UNLINK: f"{PROXY}/delete",
    "dppReduceImmutabilityStateRequests": f"{VAULT}/write#reduceImmutabilityState",
    "dppReduceSoftDeleteSecurityRequests": f"{VAULT}/write#reduceSoftDeleteSecurity",
    "dppModifyEncryptionSettingsRequests": f"{VAULT}/write#modifyEncryptionSettings",
}
"""The kind of request that allows a critical operation of a vault."""

UNLOCKED_FOR = timedelta(minutes=60)  # Assumed: how long an unlocked deletion stays allowed.


def require_approval(world: World, call: Call, vault: Resource, kind: str) -> None:
    """Raises ArmError unless a critical operation is allowed: 400 without a request to the guard, 403 without a right.

    Assumed: the right that the linked access check asks for; the vault's writes are not checked.
    """
    guard = guard_of(world, vault)
    if guard is None or CRITICAL[kind] in guard.body["properties"]["vaultCriticalOperationExclusionList"]:
        return
    if kind in (DELETE, UNLINK) and _is_unlocked(world, vault, call.path):
        return
    wanted = f"{guard.id}/{kind}/default".lower()
    asked = [str(each).lower() for each in _requests(call.body)]
    if wanted not in asked:
        raise errors.refusal(world, problems.GUARDED)
    _require_right(world, call, guard, kind)


def guard_of(world: World, vault: Resource) -> Resource | None:
    """The guard that a vault is linked to. Assumed: a guard that is gone guards no more."""
    proxy = world.resources.get(f"{vault.id}/backupResourceGuardProxies/{NAME}".lower())
    return world.resources.get(proxy.body["properties"]["resourceGuardResourceId"].lower()) if proxy else None


def link(world: World, vault: Resource, guard_id: str) -> Json:
    """Link a vault to a guard; the body of the proxy."""
    details = [
        {"vaultCriticalOperation": operation, "defaultResourceRequest": f"{guard_id}/{kind}/default"}
        for kind, operation in CRITICAL.items()
    ]
    properties: Json = {"resourceGuardResourceId": guard_id, "resourceGuardOperationDetails": details}
    properties["description"] = f"Please provide valid resource guard operation requests for {vault.body['name']}"
    proxy_id = f"{vault.id}/backupResourceGuardProxies/{NAME}"
    vault.body["properties"]["isVaultProtectedByResourceGuard"] = True
    return world.put(proxy_id, PROXY, {"properties": properties, "id": proxy_id, "name": NAME, "type": PROXY}).body


def add(world: World, guard_id: str, location: str, excluded: list[str] | None = None) -> Json:
    """Make a guard; its body."""
    properties = {
        "provisioningState": "Succeeded",
        "allowAutoApprovals": True,
        "resourceGuardOperations": [
            {"vaultCriticalOperation": operation, "requestResourceType": f"{GUARD}/{kind}"}
            for kind, operation in CRITICAL.items()
        ],
        "vaultCriticalOperationExclusionList": excluded or [],
        "description": "Please raise PIM or your own workflow request to access the critical operations.",
    }
    body = {"location": location, "properties": properties, "id": guard_id, "type": GUARD}
    return world.put(guard_id, GUARD, body | {"name": guard_id.rpartition("/")[2]}).body


def _requests(body: Json) -> list[str]:
    """Where the requests stand: in the body of an action, in the properties of an instance, in a restore's request."""
    places = (body, body.get("properties") or {}, body.get("restoreRequestObject") or {})
    return [each for place in places for each in place.get("resourceGuardOperationRequests") or ()]


def _require_right(world: World, call: Call, guard: Resource, kind: str) -> None:
    action = f"{GUARD}/{kind}/write"
    if access.permitted(world, call.caller, action, guard.id):
        return
    message = (
        f"The client '{call.caller}' with object id '{call.caller}' has permission to perform action '{call.action}' "
        f"on scope '{call.path}'; however, it does not have permission to perform action(s) '{action}' on the linked "
        f"scope(s) '{guard.id}/{kind}/default' or the linked scope(s) are invalid."
    )
    raise ArmError(403, "LinkedAuthorizationFailed", message, headers={"x-ms-failure-cause": "gateway"})


def _is_unlocked(world: World, vault: Resource, path: str) -> bool:
    until = vault.hidden.get("unlocked", {}).get(path.lower())
    return bool(until) and world.now < datetime.fromisoformat(until)


# -- operations --------------------------------------------------------------------------------------------------


def put_guard(world: World, call: Call) -> Response:
    """Make or change a guard: 200."""
    resources.require_group(world, call.at["subscription"], call.at["group"])
    if not call.body.get("location"):
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    excluded = (call.body.get("properties") or {}).get("vaultCriticalOperationExclusionList")
    return json_response(200, add(world, call.path, call.body["location"], excluded))


def put_proxy(world: World, call: Call) -> Response:
    """Link a vault to a guard: 200. Raises ArmError 404 when there is no such guard."""
    vault = require_vault(world, call)
    guard = world.get(str((call.body.get("properties") or {}).get("resourceGuardResourceId")))
    if guard is None or guard.type != GUARD.lower() or call.at["proxy"].lower() != NAME.lower():
        raise errors.not_found()
    return json_response(200, link(world, vault, guard.id))


def get(world: World, call: Call) -> Response:
    """One guard or proxy."""
    found = world.get(call.path)
    if found is None:
        raise errors.not_found()
    return json_response(200, found.body)


def list_all(world: World, call: Call) -> Response:
    """The guards of a group, or the proxies of a vault."""
    scope, kind = call.path.rpartition("/")[0], GUARD if "vault" not in call.at else PROXY
    below = scope if kind == PROXY else scope.rpartition("/providers/")[0]
    return json_response(200, {"value": [each.body for each in world.of_type(kind, below=below)]})


def delete_guard(world: World, call: Call) -> Response:
    """Remove a guard: 200, 204 when there was none."""
    return empty_response(200 if world.remove(call.path) else 204)


def delete_proxy(world: World, call: Call) -> Response:
    """Unlink a vault: 200, 204 when it was not linked; critical itself, and allowed by unlockDelete."""
    vault = require_vault(world, call)
    if world.get(call.path) is None:
        return empty_response(204)
    require_approval(world, call, vault, UNLINK)
    world.remove(call.path)
    vault.body["properties"]["isVaultProtectedByResourceGuard"] = False
    return empty_response(200)


def unlock_delete(world: World, call: Call) -> Response:
    """Allow the deletion of an instance or of the proxy for a while: 200 with the end of it."""
    vault, target = require_vault(world, call), str(call.body.get("resourceToBeDeleted") or "")
    kind = DELETE if "/backupinstances/" in target.lower() else UNLINK
    require_approval(world, call, vault, kind)
    until = world.now + UNLOCKED_FOR
    vault.hidden.setdefault("unlocked", {})[target.lower()] = until.isoformat()
    return json_response(200, {"unlockDeleteExpiryTime": stamp(until)})


_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_GUARDS, _PROXIES = f"{_GROUP}/providers/{GUARD}", f"{_GROUP}/providers/{VAULT}/{{vault}}/backupResourceGuardProxies"
ROUTES = (
    Route("PUT", f"{_GUARDS}/{{guard}}", f"{GUARD}/write", put_guard),
    Route("GET", f"{_GUARDS}/{{guard}}", f"{GUARD}/read", get),
    Route("DELETE", f"{_GUARDS}/{{guard}}", f"{GUARD}/delete", delete_guard),
    Route("GET", _GUARDS, f"{GUARD}/read", list_all),
    Route("PUT", f"{_PROXIES}/{{proxy}}", f"{PROXY}/write", put_proxy),
    Route("GET", f"{_PROXIES}/{{proxy}}", f"{PROXY}/read", get),
    Route("DELETE", f"{_PROXIES}/{{proxy}}", f"{PROXY}/delete", delete_proxy),
    Route("GET", _PROXIES, f"{PROXY}/read", list_all),
    Route("POST", f"{_PROXIES}/{{proxy}}/unlockDelete", f"{PROXY}/unlockDelete/action", unlock_delete),
)
