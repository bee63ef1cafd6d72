"""Which recovery points does an instance have? Made by backups, gone when their retention ends.

A point is kept until its expiry; one that is past it is filtered out on reading and forgotten when the next is made.
"""

import re
from datetime import datetime, timedelta
from uuid import UUID

from simulator.arm.dataprotection import errors, instance_body, policy_rules, retention
from simulator.arm.dataprotection.datasources import LIVE
from simulator.arm.dataprotection.existence import require_instance
from simulator.arm.routing import Call, Route
from simulator.wire import Json, Response, json_response, stamp
from simulator.world import Resource, World

TYPE = f"{LIVE}/recoveryPoints"
BEFORE_END = timedelta(seconds=58)  # Source: dp-pgflex-lifecycle-roles-2024-04-29, the job ends 58 s after its point
FILTER = re.compile(r"startDate eq '(?P<start>[^']+)' and endDate eq '(?P<end>[^']+)'", re.IGNORECASE)
# Stopped with "retain forever", retention stands still. Source: manage article of PostgreSQL flexible servers.
NEVER_EXPIRES = (instance_body.STOPPED, instance_body.SOFT_DELETED, instance_body.SOFT_DELETING)


def make(world: World, instance: Resource, policy: Resource, tag: str) -> str:
    """A new recovery point of a backup that ends now; returns its name, 32 hexadecimal digits.

    **Source**: dp-pgflex-lifecycle-roles-2024-04-29, member by member (expiryTime counts from creationTime).
    """
    _forget_expired(world, instance)
    name = UUID(world.new_guid("recovery point")).hex
    created = world.now - BEFORE_END
    expires = retention.expiry(created, policy_rules.keep_for(policy.body["properties"], tag))
    store = {
        "id": world.new_guid("store"),
        "type": policy_rules.backup_rule(policy.body["properties"])["dataStore"]["dataStoreType"],
        "creationTime": stamp(created),
        "expiryTime": stamp(expires),
        "metaData": None,
        "visible": True,
        "state": "COMMITTED",
        "rehydrationExpiryTime": None,
        "rehydrationStatus": None,
    }
    properties: Json = {
        "objectType": "AzureBackupDiscreteRecoveryPoint",
        "recoveryPointId": name,
        "recoveryPointTime": stamp(created),
        "recoveryPointType": "Full" if instance_body.kind(instance.body["properties"]).is_database else "Incremental",
        "friendlyName": name,
        "recoveryPointDataStoresDetails": [store],
        "retentionTagName": tag,
        "retentionTagVersion": str(instance.hidden["tag_version"]),
        "policyName": policy.body["name"],
        "policyVersion": None,
        "expiryTime": stamp(expires),
        "recoveryPointState": "Completed",
    }
    point_id = f"{instance.id}/recoveryPoints/{name}"
    world.put(point_id, TYPE, {"properties": properties, "id": point_id, "name": name, "type": TYPE})
    instance.hidden["points"].append(point_id)
    return name


def existing(world: World, instance: Resource) -> list[Resource]:
    """The points that are kept at this moment, oldest first.

    **Source**: manage article of PostgreSQL flexible servers (suspended: by policy, but the latest stays).
    """
    points = [world.resources[point_id.lower()] for point_id in instance.hidden["points"]]
    state = instance_body.state(instance)
    if state in NEVER_EXPIRES:
        return points
    last = points[-1:] if state == instance_body.SUSPENDED else []
    return [point for point in points if point in last or _time(point, "expiryTime") > world.now]


def forget(world: World, instance: Resource) -> None:
    """Remove all points of an instance that is gone for good."""
    for point_id in instance.hidden["points"]:
        world.remove(point_id)


def list_points(world: World, call: Call) -> Response:
    """The points of an instance; $filter takes a start and an end. **Source**: dp-recovery-points-2025-11-06."""
    found = existing(world, require_instance(world, call))
    span = FILTER.fullmatch(call.request.query.get("$filter", ""))
    if span:
        start, end = (datetime.fromisoformat(span[name]) for name in ("start", "end"))
        found = [point for point in found if start <= _time(point, "recoveryPointTime") <= end]
    return json_response(200, {"value": [point.body for point in found]})


def get(world: World, call: Call) -> Response:
    """One recovery point that has not expired."""
    points = existing(world, require_instance(world, call))
    for point in points:
        if point.body["name"] == call.at["point"]:
            return json_response(200, point.body)
    raise errors.not_found()


def _forget_expired(world: World, instance: Resource) -> None:
    kept = existing(world, instance)
    for point_id in instance.hidden["points"]:
        if not any(point.id == point_id for point in kept):
            world.remove(point_id)
    instance.hidden["points"] = [point.id for point in kept]


def _time(point: Resource, member: str) -> datetime:
    return datetime.fromisoformat(point.body["properties"][member])


_INSTANCE = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DataProtection/backupVaults/{vault}"
    "/backupInstances/{instance}"
)

ROUTES = (
    Route("GET", _INSTANCE + "/recoveryPoints", f"{TYPE}/read", list_points),
    Route("GET", _INSTANCE + "/recoveryPoints/{point}", f"{TYPE}/read", get),
)
