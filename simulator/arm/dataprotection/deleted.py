"""What does a deletion leave behind? Soft-deleted backup instances: list, get, undelete, and their end.

It never deletes by itself: instances.py starts a deletion, time ends it here.
"""

from datetime import datetime, timedelta

from simulator.arm import resources
from simulator.arm.dataprotection import datasources, errors, instance_body, operations, recovery_points
from simulator.arm.dataprotection.datasources import DELETED, LIVE
from simulator.arm.dataprotection.existence import require_vault
from simulator.arm.dataprotection.members import ordered
from simulator.arm.dataprotection.vaults import soft_delete
from simulator.arm.routing import Call, Route
from simulator.wire import Json, Response, empty_response, json_response, stamp
from simulator.world import Resource, World, effect

USUAL_DAYS = 14.0


def deletion_info(world: World, vault: Resource) -> Json:
    """When something deleted now will be gone for good. **Source**: dp-softdelete-2025-11-06 (14 days after)."""
    days = float(soft_delete(vault).get("retentionDurationInDays") or USUAL_DAYS)
    return {
        "deletionTime": stamp(world.now),
        "billingEndDate": stamp(world.now),
        "scheduledPurgeTime": stamp(world.now + timedelta(days=days)),
        "deleteActivityID": world.new_guid("activity"),
    }


@effect
def instance_deleted(
    world: World, operation: str, instance_id: str, change: int, caller: str, deletion: Json | None
) -> None:
    """A deletion ends: the instance is soft-deleted, or gone with its recovery points."""
    operations.finish(world, operation)
    instance = instance_body.under_change(world, instance_id, change)
    if instance is None:
        return
    instance_body.settle(instance)
    if deletion is None:
        _forget(world, instance)
    else:
        lay_aside(world, instance, deletion)
    resources.emit_completed(world, instance_id, f"{LIVE}/delete", caller)


@effect
def purged(world: World, instance_id: str, deletion: Json) -> None:
    """The retention of a soft-deleted instance is over."""
    instance = world.get(instance_id)
    if instance and instance.body["properties"].get("deletionInfo") == deletion:
        _forget(world, instance)


def get(world: World, call: Call) -> Response:
    """One soft-deleted instance."""
    return json_response(200, _require(world, call).body)


def list_deleted(world: World, call: Call) -> Response:
    """The soft-deleted instances of a vault. **Source**: dp-softdelete-2025-11-06."""
    vault = require_vault(world, call)
    return json_response(200, {"value": [instance.body for instance in world.of_type(DELETED, below=vault.id)]})


def undelete(world: World, call: Call) -> Response:
    """Bring an instance back at once: 200 without a body, ProtectionStopped. **Source**: dp-softdelete-2025-11-06."""
    instance = _require(world, call)
    properties = {"objectType": "BackupInstance"} | _without(instance.body["properties"], "deletionInfo", "objectType")
    back = _move(world, instance, LIVE, properties)
    instance_body.turn(back, instance_body.STOPPED)
    return empty_response(200)


def lay_aside(world: World, instance: Resource, deletion: Json) -> None:
    """Make an instance a soft-deleted one until its purge."""
    properties = {"deletionInfo": deletion} | instance.body["properties"] | {"objectType": "DeletedBackupInstance"}
    gone = _move(world, instance, DELETED, properties)
    instance_body.turn(gone, instance_body.SOFT_DELETED)
    left_s = (datetime.fromisoformat(deletion["scheduledPurgeTime"]) - world.now).total_seconds()
    world.schedule(left_s, purged, instance_id=gone.id, deletion=deletion)


def _move(world: World, instance: Resource, kind: str, properties: Json) -> Resource:
    """Give an instance the id of another type; its recovery points stay where they are.

    Assumed: an operation that was changing it does not go on.
    """
    source = instance_body.datasource_id(properties)
    to = f"{instance_body.vault_id(instance.id)}/{kind.rpartition('/')[2]}/{instance.body['name']}"
    datasources.remove(world, source, instance.id)
    world.remove(instance.id)
    body = instance.body | {"properties": ordered(properties, instance_body.MEMBERS), "id": to, "type": kind}
    datasources.add(world, source, to)
    return world.put(to, kind, body, **instance.hidden | {"busy": "", "running": ""})


def _forget(world: World, instance: Resource) -> None:
    recovery_points.forget(world, instance)
    datasources.remove(world, instance_body.datasource_id(instance.body["properties"]), instance.id)
    world.remove(instance.id)


def _without(value: Json, *names: str) -> Json:
    return {name: item for name, item in value.items() if name not in names}


def _require(world: World, call: Call) -> Resource:
    require_vault(world, call)
    instance = world.get("/".join(call.path.split("/")[:11]))
    if instance is None:
        raise errors.not_found()
    return instance


_VAULT = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DataProtection/backupVaults/{vault}"
_DELETED = _VAULT + "/deletedBackupInstances"

ROUTES = (
    Route("GET", _DELETED, f"{DELETED}/read", list_deleted),
    Route("GET", _DELETED + "/{instance}", f"{DELETED}/read", get),
    Route("POST", _DELETED + "/{instance}/undelete", f"{DELETED}/undelete/action", undelete),
)
