"""The world changes while somebody works: a server goes, a vault is locked, a person protects a server by hand.

Each change is a fault by name; its detail `on` is the id of what changes. The same changes can be made at once by
`happen`, which is how a world is built that ARM alone cannot make. What ARM can make is made as ARM makes it.
"""

import copy
from collections.abc import Callable
from typing import Any

from simulator.arm import access, locks, moves, providers, resources
from simulator.arm.dataprotection import datasources, deleted, guards, instance_body, operations
from simulator.arm.dataprotection.datasources import LIVE
from simulator.arm.dataprotection.vault_body import TYPE as VAULT
from simulator.arm.events import emit_completed
from simulator.arm.postgresql_operations import SERVER
from simulator.arm.postgresql_replicas import promote
from simulator.fault_names import of_place
from simulator.wire import Json, stamp
from simulator.world import Resource, World

KINDS = of_place("world")
FOREIGN_NAME = "by-hand"


def take(world: World, subject: str, *, spared: bool = False) -> None:
    """Let every change happen that waits for this call."""
    if world.faults.has(*KINDS):
        for fault in world.faults.take_all(KINDS, subject, spared=spared):
            happen(world, fault.kind, **fault.detail)


def happen(world: World, kind: str, on: str = "", **detail: Any) -> None:
    """Let one change happen now. Nothing happens to what is not there. Raises KeyError for a kind that is none."""
    CHANGES[kind](world, on, detail)


# -- servers -----------------------------------------------------------------------------------------------------


def _delete_server(world: World, on: str, _: Json) -> None:
    if world.get(on):
        resources.forget(world, on)
        emit_completed(world, on, f"{SERVER}/delete", access.OPERATOR)


def _recreate_server(world: World, on: str, detail: Json) -> None:
    """Another server under the same id: no children, no role assignments, made now."""
    server = world.get(on)
    if server is None:
        return
    body = copy.deepcopy(server.body)
    resources.forget(world, on)
    body["systemData"] = {"createdAt": stamp(world.now)}
    body["properties"]["state"] = "Ready"
    body |= {"tags": detail["tags"]} if "tags" in detail else {}
    world.put(server.id, server.type, body)
    emit_completed(world, server.id, f"{SERVER}/write", access.OPERATOR)


def _stop_server(world: World, on: str, _: Json) -> None:
    if server := world.get(on):
        server.body["properties"]["state"] = "Stopped"
        emit_completed(world, server.id, f"{SERVER}/stop/action", access.OPERATOR)


def _move_server(world: World, on: str, detail: Json) -> None:
    """To the group `to`, which is made when it is not there."""
    server = world.get(on)
    if server is None:
        return
    parts = server.id.split("/")
    to = str(detail.get("to") or f"/subscriptions/{parts[2]}/resourceGroups/{parts[4]}-moved")
    if world.get(to) is None:
        group = {"id": to, "name": to.rpartition("/")[2], "type": "Microsoft.Resources/resourceGroups", "tags": {}}
        about = {"location": "westeurope", "properties": {"provisioningState": "Succeeded"}}
        world.put(to, resources.GROUP, group | about)
    new = moves.move(world, server.id, to)
    emit_completed(world, new, f"{SERVER}/write", access.OPERATOR)


def _tag_server(world: World, on: str, detail: Json) -> None:
    if server := world.get(on):
        server.body["tags"] = detail.get("tags") or {}
        emit_completed(world, server.id, f"{SERVER}/write", access.OPERATOR)


def _promote_server(world: World, on: str, _: Json) -> None:
    if server := world.get(on):
        promote(world, server)
        emit_completed(world, server.id, f"{SERVER}/write", access.OPERATOR)


# -- rights ------------------------------------------------------------------------------------------------------


def _revoke_roles(world: World, on: str, _: Json) -> None:
    """The assignments at a scope and below it, or the one that is named."""
    for assignment in list(world.of_type(access.ASSIGNMENT)):
        scope = str(assignment.body["properties"]["scope"]).lower()
        if assignment.id.lower() == on.lower() or f"{scope}/".startswith(f"{on.lower()}/"):
            access.revoke(world, assignment)


def _lock(world: World, on: str, detail: Json) -> None:
    locks.add(world, on, "sudden", str(detail.get("level", locks.READ_ONLY)))


def _unregister(world: World, on: str, detail: Json) -> None:
    namespace = str(detail.get("namespace", "Microsoft.DataProtection"))
    providers.unregister(world, on.removeprefix("/subscriptions/"), namespace)


# -- vaults ------------------------------------------------------------------------------------------------------


def _delete_vault(world: World, on: str, _: Json) -> None:
    """Gone with all that is in it, as if it never was: no ARM call can do that."""
    resources.forget(world, on)


def _take_identity(world: World, on: str, _: Json) -> None:
    if vault := world.get(on):
        vault.body["identity"] = {"type": "None"}


def _renew_identity(world: World, on: str, _: Json) -> None:
    if vault := world.get(on):
        principal = world.new_guid("principal")
        vault.body["identity"] = (vault.body.get("identity") or {}) | {"principalId": principal}


def _guard_vault(world: World, on: str, detail: Json) -> None:
    if vault := world.get(on):
        place = f"{on.partition('/providers/')[0]}/providers/{guards.GUARD}/guard"
        guard_id = str(detail.get("guard") or place)
        if world.get(guard_id) is None:
            guards.add(world, guard_id, vault.body["location"])
        guards.link(world, vault, guard_id)


def _lock_vault(world: World, on: str, _: Json) -> None:
    if vault := world.get(on):
        security = vault.body["properties"].setdefault("securitySettings", {})
        security["immutabilitySettings"] = {"state": "Locked"}


def _set_vault_state(world: World, on: str, detail: Json) -> None:
    if vault := world.get(on):
        vault.body["properties"]["provisioningState"] = str(detail.get("state", "Failed"))


def _remove(world: World, on: str, _: Json) -> None:
    world.remove(on)


# -- instances ---------------------------------------------------------------------------------------------------


def _protect_by_hand(world: World, on: str, detail: Json) -> Resource | None:
    """An instance of somebody else, in `vault` with `policy` or the first one there."""
    vault, server = world.get(str(detail.get("vault"))), world.get(on)
    if vault is None or server is None:
        return None
    policies = (each.id for each in world.of_type(f"{VAULT}/backupPolicies", below=vault.id))
    source: Json = {"resourceID": server.id, "resourceUri": server.id, "resourceName": server.body["name"]}
    source |= {"datasourceType": SERVER, "resourceType": SERVER, "objectType": "Datasource"}
    source["resourceLocation"] = vault.body["location"]
    policy = detail.get("policy") or next(policies, f"{vault.id}/backupPolicies/none")
    wanted = instance_body.read({"dataSourceInfo": source, "policyInfo": {"policyId": policy}})
    name = str(detail.get("name") or f"{server.body['name']}-{FOREIGN_NAME}")
    place = f"{vault.id}/backupInstances/{name}"
    hidden: Json = {"change": 0, "busy": "", "running": "", "points": [], "tag_version": operations.ticks(world.now)}
    instance = world.put(place, LIVE, instance_body.whole(place, wanted, None), **hidden)
    datasources.add(world, server.id, instance.id)
    instance_body.turn(instance, instance_body.CONFIGURED)
    return instance


def _protect_and_delete(world: World, on: str, detail: Json) -> None:
    if instance := _protect_by_hand(world, on, detail):
        _delete_instance(world, instance.id, {})


def _delete_instance(world: World, on: str, _: Json) -> None:
    instance, vault = world.get(on), world.get(instance_body.vault_id(on))
    if instance and vault:
        deleted.lay_aside(world, instance, deleted.deletion_info(world, vault))


def _set_instance_state(world: World, on: str, detail: Json) -> None:
    if instance := world.get(on):
        instance_body.turn(instance, str(detail.get("state", "Invalid")), error=detail.get("error"))


CHANGES: dict[str, Callable[[World, str, Json], object]] = {
    "role_revoked": _revoke_roles,
    "server_deleted": _delete_server,
    "server_recreated": _recreate_server,
    "server_stopped": _stop_server,
    "server_moved": _move_server,
    "server_promoted": _promote_server,
    "server_tagged": _tag_server,
    "lock_added": _lock,
    "provider_gone": _unregister,
    "vault_deleted": _delete_vault,
    "vault_without_identity": _take_identity,
    "vault_new_identity": _renew_identity,
    "vault_guarded": _guard_vault,
    "vault_immutable": _lock_vault,
    "vault_state": _set_vault_state,
    "policy_deleted": _remove,
    "foreign_instance": _protect_by_hand,
    "soft_deleted_instance": _protect_and_delete,
    "instance_deleted": _delete_instance,
    "instance_state": _set_instance_state,
}
