"""Which backup policies does a vault have? PUT, GET, list and DELETE, all at once, without operations.

What a policy means is read in policy_rules.py.
"""

import re

from simulator.arm.dataprotection import backups, errors, instance_body, policy_rules, problems
from simulator.arm.dataprotection.datasources import DELETED, LIVE
from simulator.arm.dataprotection.existence import require_vault
from simulator.arm.dataprotection.vault_body import TYPE as VAULT_TYPE
from simulator.arm.routing import Call, Route
from simulator.wire import Json, Response, empty_response, json_response
from simulator.world import Resource, World

TYPE = f"{VAULT_TYPE}/backupPolicies"
NAME = re.compile(r"[-a-zA-Z0-9]{3,150}")


def put(world: World, call: Call) -> Response:
    """Create a policy: 200 with what the service made of it. Raises ArmError 400.

    **Source**: dp-policy-create-delete-2025-11-06, dp-policy-manual-2025-11-06; azure-docs issue 78532 (the
    refusal of an update). Whether other content is refused today is a switch of the world. Assumed: the same content
    is 200.
    """
    require_vault(world, call)
    properties = _read(world, call)
    known = world.get(call.path)
    if known is None:
        names = {"id": call.path, "name": call.at["policy"], "type": TYPE}
        return json_response(200, world.put(call.path, TYPE, {"properties": properties} | names).body)
    if known.body["properties"] != properties:
        if world.behaviour.policy_update != "accepted":
            raise errors.refusal(world, problems.POLICY_STAYS)
        known.body["properties"] = properties
        for instance in _users(world, known, LIVE):
            backups.plan_next(world, instance)
    return json_response(200, known.body)


def get(world: World, call: Call) -> Response:
    """One policy. **Source**: aso-dp-backuppolicy-20231101, also for the 404."""
    require_vault(world, call)
    policy = world.get(call.path)
    if policy is None:
        raise errors.not_found()
    return json_response(200, policy.body)


def list_policies(world: World, call: Call) -> Response:
    """All policies of a vault in one page."""
    vault = require_vault(world, call)
    return json_response(200, {"value": [policy.body for policy in world.of_type(TYPE, below=vault.id)]})


def delete(world: World, call: Call) -> Response:
    """200 without a body, 204 when there is none, 400 while an instance uses it. Assumed: a soft-deleted one counts."""
    require_vault(world, call)
    policy = world.get(call.path)
    if policy is None:
        return empty_response(204)
    if _users(world, policy, LIVE) or _users(world, policy, DELETED):
        raise errors.refusal(world, problems.POLICY_IN_USE)
    world.remove(policy.id)
    return empty_response(200)


def _read(world: World, call: Call) -> Json:
    try:
        properties = policy_rules.written(call.body.get("properties") or {})
        wrong = policy_rules.mistake(properties)
    except (ValueError, TypeError, KeyError, AttributeError) as broken:
        wrong = repr(broken)
    if wrong or not NAME.fullmatch(call.at["policy"]):
        raise errors.refusal(world, problems.INVALID_INPUT)
    return properties


def _users(world: World, policy: Resource, kind: str) -> list[Resource]:
    below = instance_body.vault_id(policy.id)
    found = world.of_type(kind, below=below)
    return [one for one in found if instance_body.policy_id(one.body["properties"]).lower() == policy.id.lower()]


_VAULT = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DataProtection/backupVaults/{vault}"
_POLICY = _VAULT + "/backupPolicies/{policy}"

ROUTES = (
    Route("PUT", _POLICY, f"{TYPE}/write", put),
    Route("GET", _POLICY, f"{TYPE}/read", get),
    Route("DELETE", _POLICY, f"{TYPE}/delete", delete),
    Route("GET", _VAULT + "/backupPolicies", f"{TYPE}/read", list_policies),
)
