"""Which backup instances does a server have, in any vault? The one index of this package, itself kept in the world.

An entry is a hidden resource per datasource, so that it is written down with the world and found without a search.
"""

from simulator.world import Resource, World

TYPE = "simulator/dataprotectiondatasources"
LIVE = "Microsoft.DataProtection/backupVaults/backupInstances"
DELETED = "Microsoft.DataProtection/backupVaults/deletedBackupInstances"


def add(world: World, datasource_id: str, instance_id: str) -> None:
    """Remember that this instance, live or soft-deleted, protects that datasource."""
    entry = world.get(_key(datasource_id)) or world.put(_key(datasource_id), TYPE, {"instances": []})
    others = [known for known in entry.body["instances"] if known.lower() != instance_id.lower() and world.get(known)]
    entry.body["instances"] = [*others, instance_id]


def remove(world: World, datasource_id: str, instance_id: str) -> None:
    """Forget that this instance protects that datasource."""
    if entry := world.get(_key(datasource_id)):
        entry.body["instances"] = [known for known in entry.body["instances"] if known.lower() != instance_id.lower()]


def instances(world: World, datasource_id: str) -> list[Resource]:
    """The live instances of a datasource in all vaults, oldest first."""
    return _of_type(world, datasource_id, LIVE)


def deleted_instances(world: World, datasource_id: str) -> list[Resource]:
    """The soft-deleted instances of a datasource in all vaults."""
    return _of_type(world, datasource_id, DELETED)


def _of_type(world: World, datasource_id: str, kind: str) -> list[Resource]:
    entry = world.get(_key(datasource_id))
    found = [world.get(known) for known in entry.body["instances"]] if entry else []
    return [resource for resource in found if resource and resource.type == kind.lower()]


def _key(datasource_id: str) -> str:
    return f"/dataProtectionDatasources/{datasource_id.strip('/').lower()}"
