"""Puts into a world what was there before anybody looked: backup instances with a policy, a state and a last point.

It does what no ARM call can: a state that is old, a recovery point of last week. Whoever calls it lets time pass.
"""

from datetime import datetime

from simulator import sudden
from simulator.arm.dataprotection import backups, instance_body, policy_rules, recovery_points, retention
from simulator.wire import Json
from simulator.world import World


def protect(world: World, instance_id: str, server_id: str, policy_id: str, tags: dict[str, str] | None = None) -> bool:
    """Protect a server by an instance of this id; whether that was possible: server, vault and policy must be there."""
    vault_id = instance_body.vault_id(instance_id)
    if not all(world.get(each) for each in (vault_id, server_id, policy_id)):
        return False
    name = instance_id.rpartition("/")[2]
    sudden.happen(world, "foreign_instance", on=server_id, vault=vault_id, policy=policy_id, name=name)
    if tags and (instance := world.get(instance_id)):
        instance.body = {"tags": dict(tags)} | instance.body
    return True


def add_point(world: World, instance_id: str, until: datetime) -> None:
    """A backup of an instance has ended well just now. Its point is kept by a rule that keeps it until then, if any."""
    instance = world.get(instance_id)
    policy = world.get(instance_body.policy_id(instance.body["properties"])) if instance else None
    if instance is None or policy is None:
        return
    rules: Json = policy.body["properties"]
    tags = [backups.UNTAGGED, *sorted(policy_rules.retention_names(rules))]
    lasting = (tag for tag in tags if retention.expiry(world.now, policy_rules.keep_for(rules, tag)) > until)
    recovery_points.make(world, instance, policy, next(lasting, backups.UNTAGGED))
    instance.hidden["last_good"] = world.now.isoformat()


def leave(world: World, instance_id: str, state: str, error: str = "") -> None:
    """Leave an instance in a state, with an error code if there is one; protected, its next backup is planned."""
    if instance := world.get(instance_id):
        told = {"code": error, "message": error} if error else None
        instance_body.turn(instance, state, error=told)
        backups.plan_next(world, instance)
