"""Storage accounts and their containers as ARM sees them (Microsoft.Storage): what a restore and a role need.

What lies in them is the storage service's. The local Azure has one account there, so every account here shows its
containers, and a container that is made here is made there.

**Source**: Microsoft's REST reference of Microsoft.Storage 2025-01-01; `dp-blob-create-delete-2025-11-06` (containers).
Assumed: an account is made at once, where Azure answers 202 first.
"""

import re

from simulator.arm.resources import require_group, require_subscription, resource_not_found
from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, empty_response, json_response, stamp
from simulator.world import Resource, World

ACCOUNT = "Microsoft.Storage/storageAccounts"
CONTAINER = f"{ACCOUNT}/blobServices/containers"
ACCOUNT_NAME = re.compile(r"[a-z0-9]{3,24}")
KINDS = ("blob", "dfs", "file", "queue", "table", "web")
USUAL: Json = {
    "allowBlobPublicAccess": False,
    "allowSharedKeyAccess": True,
    "minimumTlsVersion": "TLS1_2",
    "publicNetworkAccess": "Enabled",
    "networkAcls": {"bypass": "AzureServices", "virtualNetworkRules": [], "ipRules": [], "defaultAction": "Allow"},
    "supportsHttpsTrafficOnly": True,
    "accessTier": "Hot",
}


# -- accounts ----------------------------------------------------------------------------------------------------


def put_account(world: World, call: Call) -> Response:
    """Make an account, or change it: 200."""
    require_group(world, call.at["sub"], call.at["group"])
    name, known = call.at["account"], world.get(call.path)
    if not ACCOUNT_NAME.fullmatch(name):
        message = (
            f"{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in "
            "length and use numbers and lower-case letters only."
        )
        raise ArmError(400, "AccountNameInvalid", message)
    location = call.body.get("location") or (known.body["location"] if known else "")
    if not location:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    if known:
        return _change(call, known)
    region = location.replace(" ", "").lower()
    sku = str((call.body.get("sku") or {}).get("name") or "Standard_LRS")
    body = {
        "sku": {"name": sku, "tier": sku.partition("_")[0]},
        "kind": call.body.get("kind") or "StorageV2",
        "id": call.path,
        "name": name,
        "type": ACCOUNT,
        "location": region,
        "tags": call.body.get("tags") or {},
        "properties": USUAL | (call.body.get("properties") or {}) | _added(world, name, region),
    }
    return json_response(200, world.put(call.path, ACCOUNT, body).body)


def patch_account(world: World, call: Call) -> Response:
    """Change tags or properties of an account."""
    return _change(call, require_account(world, call))


def _change(call: Call, known: Resource) -> Response:
    known.body["properties"] |= call.body.get("properties") or {}
    if "tags" in call.body:
        known.body["tags"] = call.body["tags"] or {}
    return json_response(200, known.body)


def _added(world: World, name: str, region: str) -> Json:
    endpoints = {kind: f"https://{name}.{kind}.core.windows.net/" for kind in KINDS}
    return {
        "primaryEndpoints": endpoints,
        "primaryLocation": region,
        "statusOfPrimary": "available",
        "creationTime": stamp(world.now),
        "provisioningState": "Succeeded",
    }


def get_account(world: World, call: Call) -> Response:
    """One account."""
    return json_response(200, require_account(world, call).body)


def list_accounts(world: World, call: Call) -> Response:
    """The accounts of a subscription, or of one of its groups."""
    require_subscription(world, call.at["sub"])
    if "group" in call.at:
        require_group(world, call.at["sub"], call.at["group"])
    scope = call.path.lower().partition("/providers/")[0]
    return json_response(200, {"value": [account.body for account in world.of_type(ACCOUNT, scope)]})


def delete_account(world: World, call: Call) -> Response:
    """Delete an account: 200, or 204 when it is not there. Its containers stay, because they belong to all."""
    return empty_response(200 if world.remove(call.path) else 204)


def check_name(world: World, call: Call) -> Response:
    """Whether a name of an account is free and well formed."""
    name = str(call.body.get("name") or "")
    if any(name == account.body["name"] for account in world.of_type(ACCOUNT)):
        message = f"The storage account named {name} is already taken."
        return json_response(200, {"nameAvailable": False, "reason": "AlreadyExists", "message": message})
    if not ACCOUNT_NAME.fullmatch(name):
        message = f"{name} is not a valid storage account name."
        return json_response(200, {"nameAvailable": False, "reason": "AccountNameInvalid", "message": message})
    return json_response(200, {"nameAvailable": True})


def require_account(world: World, call: Call) -> Resource:
    """The account that a call is about, or about a child of it. Raises ArmError 404."""
    require_group(world, call.at["sub"], call.at["group"])
    account = world.get("/".join(call.path.split("/")[:9]))
    if account is None:
        raise resource_not_found(f"{ACCOUNT}/{call.at['account']}", call.at["group"])
    return account


# -- containers --------------------------------------------------------------------------------------------------


def put_container(world: World, call: Call) -> Response:
    """Make a container: 201, or 200 when it is there."""
    account, name = require_account(world, call), call.at["container"]
    status = 200 if name in world.blobs.versions() else 201
    world.blobs.make(name)
    return json_response(status, _container(world, account, name))


def get_container(world: World, call: Call) -> Response:
    """One container. **Source** for the refusal: "Azure Storage resource provider error codes"."""
    account, name = require_account(world, call), call.at["container"]
    if name not in world.blobs.versions():
        raise ArmError(404, "ContainerNotFound", "The specified container does not exist.")
    return json_response(200, _container(world, account, name))


def list_containers(world: World, call: Call) -> Response:
    """The containers of an account, in one page."""
    account = require_account(world, call)
    return json_response(200, {"value": [_container(world, account, name) for name in sorted(world.blobs.versions())]})


def _container(world: World, account: Resource, name: str) -> Json:
    etag, written_at = world.blobs.versions().get(name, ("", world.now))
    return {
        "id": f"{account.id}/blobServices/default/containers/{name}",
        "name": name,
        "type": CONTAINER,
        "etag": etag,
        "properties": {
            "immutableStorageWithVersioning": {"enabled": False},
            "deleted": False,
            "remainingRetentionDays": 0,
            "defaultEncryptionScope": "$account-encryption-key",
            "denyEncryptionScopeOverride": False,
            "publicAccess": "None",
            "leaseStatus": "Unlocked",
            "leaseState": "Available",
            "lastModifiedTime": stamp(written_at),
            "hasImmutabilityPolicy": False,
            "hasLegalHold": False,
        },
    }


_SUB, _GROUP = "/subscriptions/{sub}", "/subscriptions/{sub}/resourceGroups/{group}"
_ONE, _ALL = f"{_GROUP}/providers/{ACCOUNT}/{{account}}", f"providers/{ACCOUNT}"
_CONTAINERS = f"{_ONE}/blobServices/default/containers"
ROUTES = (
    Route("PUT", _ONE, f"{ACCOUNT}/write", put_account),
    Route("PATCH", _ONE, f"{ACCOUNT}/write", patch_account),
    Route("GET", _ONE, f"{ACCOUNT}/read", get_account),
    Route("DELETE", _ONE, f"{ACCOUNT}/delete", delete_account),
    Route("GET", f"{_GROUP}/{_ALL}", f"{ACCOUNT}/read", list_accounts),
    Route("GET", f"{_SUB}/{_ALL}", f"{ACCOUNT}/read", list_accounts),
    Route(
        "POST",
        f"{_SUB}/providers/Microsoft.Storage/checkNameAvailability",
        "Microsoft.Storage/checknameavailability/read",
        check_name,
    ),
    Route("PUT", f"{_CONTAINERS}/{{container}}", f"{CONTAINER}/write", put_container),
    Route("GET", f"{_CONTAINERS}/{{container}}", f"{CONTAINER}/read", get_container),
    Route("GET", _CONTAINERS, f"{CONTAINER}/read", list_containers),
)
