"""What becomes of a replica that is promoted? A server of its own, or the primary in place of the old one.

**Source**: Microsoft, "Promote read replicas in Azure Database for PostgreSQL flexible server" (planned or forced;
stand-alone or switchover), OpenAPI 2023-12-01-preview (`replica.promoteMode`). Assumed: the members as a new server has
them.
"""

from simulator.wire import Json
from simulator.world import Resource, World

ALONE: Json = {"role": "Primary", "capacity": 5}


def wants_promotion(change: Json) -> str:
    """How an update promotes a replica: "standalone", "switchover", or "" when it does not."""
    properties: Json = change.get("properties") or {}
    mode = str((properties.get("replica") or {}).get("promoteMode") or "").lower()
    return mode or ("standalone" if properties.get("replicationRole") in ("None", "Primary") else "")


def without_promotion(change: Json) -> Json:
    """The rest of such an update."""
    properties: Json = change.get("properties") or {}
    kept = {name: value for name, value in properties.items() if name not in ("replica", "replicationRole")}
    return change | {"properties": kept}


def promote(world: World, replica: Resource, mode: str = "standalone") -> None:
    """Let a replica be a primary; with a switchover its old primary is a replica of it."""
    properties = replica.body["properties"]
    if "Async" not in str(properties.get("replicationRole")):
        return
    primary = world.get(str(properties.pop("sourceServerResourceId", "")))
    role = properties["replicationRole"]
    properties |= {"replicationRole": "Primary", "replicaCapacity": 5, "replica": dict(ALONE)}
    if mode == "switchover" and primary:
        as_replica = {"role": role, "capacity": 0, "replicationState": "Active"}
        about = {"replicationRole": role, "replicaCapacity": 0, "sourceServerResourceId": replica.id}
        primary.body["properties"] |= about | {"replica": as_replica}
