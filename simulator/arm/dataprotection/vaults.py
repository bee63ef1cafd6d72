"""Which settings of a backup vault can change, and what can be done with it? Create, read, update, list, delete.

It knows nothing of policies or instances except that a vault that holds some cannot be deleted.
"""

import json

from simulator.arm import resources
from simulator.arm.dataprotection import errors, operations, problems
from simulator.arm.dataprotection.existence import require_vault
from simulator.arm.dataprotection.vault_body import ALWAYS_ON_SINCE, TYPE, introduce_users, shown, unintroduced, wanted
from simulator.arm.routing import Call, Route
from simulator.wire import Json, Response, empty_response, json_response, stamp
from simulator.world import Resource, World, effect

CHILD_TYPES = tuple(f"{TYPE}/{kind}" for kind in ("backupInstances", "deletedBackupInstances", "backupPolicies"))
PUT_RETRY_AFTER_S = 10


# -- for the neighbours ------------------------------------------------------------------------------------------


def soft_delete(vault: Resource) -> Json:
    """The vault's soft delete settings, {} when it has none."""
    settings: Json = vault.body["properties"].get("securitySettings", {}).get("softDeleteSettings", {})
    return settings


def immutability(vault: Resource) -> str:
    """The state of the vault's immutability: Disabled, Unlocked or Locked."""
    settings = vault.body["properties"].get("securitySettings", {})
    return str(settings.get("immutabilitySettings", {}).get("state", "Disabled"))


def principal_id(vault: Resource, identity_details: Json) -> str:
    """Who the service is when it works for an instance; "" when the vault has no such identity."""
    identity: Json = vault.body.get("identity", {})
    if identity_details.get("useSystemAssignedIdentity", True):
        return str(identity.get("principalId", ""))
    wanted = str(identity_details.get("userAssignedIdentityArmUrl", "")).lower()
    users = {key.lower(): value for key, value in identity.get("userAssignedIdentities", {}).items()}
    return str(users.get(wanted, {}).get("principalId", ""))


# -- operations --------------------------------------------------------------------------------------------------


def put(world: World, call: Call) -> Response:
    """Create or change a vault: 201 and an operation, 200 when nothing changes.

    **Source**: dp-vault-create-delete-2025-11-06, dp-policy-create-delete-2025-11-06 (200),
    aso-dp-backupvault-20231101.
    """
    resources.require_group(world, call.at["subscription"], call.at["group"])
    known = world.get(call.path)
    body = wanted(world, call, known)
    _refuse_forbidden(world, call, known, body)
    system_data = {"x-ms-arm-resource-system-data": _system_data(call, known)}
    if known and known.body == body:
        return json_response(200, shown(known, call), system_data)
    body["properties"]["provisioningState"] = "Updating" if known else "Provisioning"
    hidden = known.hidden if known else {"guid": world.new_guid("vault"), "jobs": []}
    vault = world.put(body["id"], TYPE, body, **hidden)
    operation = operations.start(world, vault, "put vault", settled, vault_id=vault.id, caller=call.caller)
    told = operations.headers(world, call, operation, retry_after_s=PUT_RETRY_AFTER_S)
    return json_response(201, unintroduced(shown(vault, call)), told | system_data)


@effect
def settled(world: World, operation: str, vault_id: str, caller: str) -> None:
    """A vault's write is done; only now do user-assigned identities show their ids.

    **Source**: dp-uami-create-update-2025-11-06.
    """
    operations.finish(world, operation)
    if vault := world.get(vault_id):
        vault.body["properties"]["provisioningState"] = "Succeeded"
        introduce_users(world, vault)
        resources.emit_completed(world, vault.id, f"{TYPE}/write", caller)


def patch(world: World, call: Call) -> Response:
    """Change tags, identity or settings at once: 200 with the vault, as since 2023 (wire table: 202 only in 2022)."""
    vault = require_vault(world, call)
    body = wanted(world, call, vault)
    _refuse_forbidden(world, call, vault, body)
    vault.body = body
    introduce_users(world, vault)
    return json_response(200, shown(vault, call))


def get(world: World, call: Call) -> Response:
    """One vault; a missing one has the service's 404, not ARM's. **Source**: aso-dp-backupvault-20231101."""
    resources.require_group(world, call.at["subscription"], call.at["group"])
    vault = world.get(call.path)
    if vault is None:
        raise errors.not_found()
    return json_response(200, shown(vault, call))


def get_operation_result(world: World, call: Call) -> Response:
    """Where Location of a changed vault leads: the vault. **Source**: the official example GetOperationResultPatch."""
    vault = require_vault(world, call)
    return operations.still_running(world, call, call.path) or json_response(200, shown(vault, call))


def list_vaults(world: World, call: Call) -> Response:
    """The vaults of a resource group or a subscription, in one page."""
    if "group" in call.at:
        resources.require_group(world, call.at["subscription"], call.at["group"])
    scope = call.path.split("/providers/")[0]
    return json_response(200, {"value": [shown(vault, call) for vault in world.of_type(TYPE, below=scope)]})


def delete(world: World, call: Call) -> Response:
    """Delete a vault: 202, 204 when there is none. Refused while it holds policies or instances, soft-deleted too.

    **Source**: dp-vault-create-delete-2025-11-06 (the operation's status stands below the resource group).
    """
    resources.require_group(world, call.at["subscription"], call.at["group"])
    vault = world.get(call.path)
    if vault is None:
        return empty_response(204)
    if any(child for kind in CHILD_TYPES for child in world.of_type(kind, below=vault.id)):
        raise errors.refusal(world, problems.VAULT_NOT_EMPTY)
    operation = operations.start(world, vault, "delete vault", deleted, vault_id=vault.id, caller=call.caller)
    response = operations.accepted(world, call, vault, operation)
    group = f"/subscriptions/{call.at['subscription']}/resourceGroups/{call.at['group']}"
    below = f"{group}/providers/Microsoft.DataProtection/locations/{vault.body['location']}"
    response.headers["azure-asyncoperation"] = operations.url(world, call, f"{below}/operationStatus/{operation}")
    return response


@effect
def deleted(world: World, operation: str, vault_id: str, caller: str) -> None:
    """A vault is gone."""
    world.remove(vault_id)
    operations.finish(world, operation)
    resources.emit_completed(world, vault_id, f"{TYPE}/delete", caller)


def _refuse_forbidden(world: World, call: Call, known: Resource | None, body: Json) -> None:
    def states(properties: Json) -> tuple[str, str, str]:
        security, features = properties.get("securitySettings", {}), properties.get("featureSettings", {})
        found = (
            security.get("softDeleteSettings"),
            security.get("immutabilitySettings"),
            features.get("crossRegionRestoreSettings"),
        )
        return tuple(str((settings or {}).get("state", "")) for settings in found)  # type: ignore[return-value]

    soft, immutable, cross = states(body["properties"])
    old_soft, old_immutable, old_cross = states(known.body["properties"]) if known else ("", "", "")
    refused = (
        (old_soft == "AlwaysOn" and soft != "AlwaysOn", problems.SOFT_DELETE_STAYS),
        (old_immutable == "Locked" and immutable != "Locked", problems.IMMUTABILITY_STAYS),
        (old_cross == "Enabled" and cross != "Enabled", problems.CROSS_REGION_STAYS),
        (call.api_version >= ALWAYS_ON_SINCE and _asks_weaker(call), problems.SOFT_DELETE_REQUIRED),
    )
    for wrong, problem in refused:
        if wrong:
            raise errors.refusal(world, problem)


def _asks_weaker(call: Call) -> bool:
    security = (call.body.get("properties") or {}).get("securitySettings") or {}
    state = (security.get("softDeleteSettings") or {}).get("state")
    return state is not None and state != "AlwaysOn"


def _system_data(call: Call, known: Resource | None) -> str:
    who = {"By": call.caller, "ByType": "Application", "At": stamp(call.now)}
    verbs = ("lastModified",) if known else ("created", "lastModified")
    return json.dumps({f"{verb}{part}": value for verb in verbs for part, value in who.items()})


_SUBSCRIPTION = "/subscriptions/{subscription}"
_VAULTS = "/providers/Microsoft.DataProtection/backupVaults"
_GROUP = _SUBSCRIPTION + "/resourceGroups/{group}"
_VAULT = _GROUP + _VAULTS + "/{vault}"

ROUTES = (
    Route("PUT", _VAULT, f"{TYPE}/write", put),
    Route("PATCH", _VAULT, f"{TYPE}/write", patch),
    Route("GET", _VAULT, f"{TYPE}/read", get),
    Route("DELETE", _VAULT, f"{TYPE}/delete", delete),
    Route("GET", _VAULT + "/operationResults/{operation}", f"{TYPE}/operationResults/read", get_operation_result),
    Route("GET", _GROUP + _VAULTS, f"{TYPE}/read", list_vaults),
    Route("GET", _SUBSCRIPTION + _VAULTS, f"{TYPE}/read", list_vaults),
)
