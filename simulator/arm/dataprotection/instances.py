"""How does a server come under protection, and how does it leave? PUT, GET, list and DELETE of backup instances.

What stops and resumes protection stands in protection.py, what deletion leaves behind in deleted.py.
"""

from simulator.arm import resources
from simulator.arm.dataprotection import (
    backups,
    datasources,
    deleted,
    errors,
    guards,
    instance_body,
    latencies,
    operations,
    problems,
    recovery_points,
    validation,
)
from simulator.arm.dataprotection.datasources import LIVE
from simulator.arm.dataprotection.existence import require_instance, require_vault
from simulator.arm.dataprotection.vault_body import ALWAYS_ON_SINCE
from simulator.arm.dataprotection.vaults import immutability, soft_delete
from simulator.arm.routing import Call, Route
from simulator.wire import Json, Response, empty_response, json_response
from simulator.world import Resource, World, effect

PUT_RETRY_AFTER_S = 15


# -- reading -----------------------------------------------------------------------------------------------------


def get(world: World, call: Call) -> Response:
    """One live instance; 404 as recorded when there is none."""
    return json_response(200, require_instance(world, call).body)


def list_instances(world: World, call: Call) -> Response:
    """The live instances of a vault, in one page without nextLink. **Source**: dp-pgflex-job-failed-2025-03-12."""
    vault = require_vault(world, call)
    return json_response(200, {"value": [instance.body for instance in world.of_type(LIVE, below=vault.id)]})


def list_of_server(world: World, call: Call) -> Response:
    """The instances of a server in any vault. Assumed: soft-deleted ones are left out, a server without any has []."""
    found = datasources.instances(world, call.at["scope"])
    return json_response(200, {"value": [instance.body for instance in found]})


def get_operation_result(world: World, call: Call) -> Response:
    """Where Location of a changed instance leads: the instance. **Source**: dp-update-policy-2025-11-06."""
    instance = require_instance(world, call)
    return operations.still_running(world, call, call.path) or json_response(200, instance.body)


# -- writing -----------------------------------------------------------------------------------------------------


def put(world: World, call: Call) -> Response:
    """Protect a server, or change how it is protected. Raises ArmError 400 and 404."""
    vault = require_vault(world, call)
    wanted = validation.read_request(world, call.body.get("properties"))
    policy = world.get(instance_body.policy_id(wanted))
    if policy is None or instance_body.vault_id(policy.id).lower() != vault.id.lower():
        # Assumed: a policy that is not there, or of another vault, is an invalid input.
        raise errors.refusal(world, problems.INVALID_INPUT)
    if problem := validation.identity_problem(world, vault, wanted):
        raise errors.refusal(world, problem)
    known = world.get(call.path)
    return _change(world, call, vault, known, wanted) if known else _create(world, call, vault, wanted)


def _create(world: World, call: Call, vault: Resource, wanted: Json) -> Response:
    """201 with Provisioning and ConfiguringProtection, no Location. **Source**: dp-pgflex-job-failed-2025-03-12.

    Missing roles do not refuse this call (aso-dp-protectionerror-sync-recover). Assumed: a wrong region does.
    """
    for check in (validation.registration_problem, validation.region_problem, validation.protected_problem):
        if problem := check(world, vault, wanted):
            raise errors.refusal(world, problem)
    most = world.behaviour.most_instances
    if most and sum(1 for _ in world.of_type(LIVE, below=vault.id)) >= most:
        raise errors.refusal(world, problems.VAULT_FULL)
    body = instance_body.whole(call.path, wanted, call.body.get("tags"))
    hidden: Json = {"change": 0, "busy": "", "running": "", "points": [], "tag_version": operations.ticks(world.now)}
    instance = world.put(call.path, LIVE, body, **hidden)
    datasources.add(world, instance_body.datasource_id(wanted), instance.id)
    instance_body.turn(instance, instance_body.CONFIGURING, provisioning="Provisioning")
    change = instance_body.begin(instance, "configure")
    about = {"instance_id": instance.id, "change": change}
    operation = operations.start(world, vault, "put instance", provisioned, **about, caller=call.caller)
    slow = world.faults.take("slow_protection", instance_body.datasource_id(wanted))
    late_s = float(slow.detail.get("after_s", 600)) if slow else 0.0
    after_s = latencies.draw(world, "configure", operation) + late_s
    world.schedule(after_s, configured, **about, to=instance_body.CONFIGURED)
    return _written(world, call, instance, operation)


def _change(world: World, call: Call, vault: Resource, instance: Resource, wanted: Json) -> Response:
    """201 with UpdatingProtection and Location. **Source**: policy changes of 2024; dp-update-policy-2025-11-06.

    Assumed: a PUT that changes nothing of a protected instance answers 200; the datasource cannot change; a stopped or
    suspended instance takes the new policy and stays as it is.
    """
    if instance.hidden["busy"]:
        raise errors.refusal(world, problems.CONFLICT)
    old, before = instance.body["properties"], instance_body.state(instance)
    if instance_body.datasource_id(old).lower() != instance_body.datasource_id(wanted).lower():
        raise errors.refusal(world, problems.INVALID_INPUT)
    if instance_body.policy_id(old).lower() != instance_body.policy_id(wanted).lower():
        guards.require_approval(world, call, vault, guards.MODIFY)
    tags = call.body.get("tags", instance.body.get("tags"))
    same = tags == instance.body.get("tags") and all(old.get(name) == value for name, value in wanted.items())
    if same and before == instance_body.CONFIGURED:
        return json_response(200, instance.body)
    changed = {name: old[name] for name in old if name not in wanted and name != "identityDetails"} | wanted
    instance.body = instance_body.whole(instance.id, changed, tags)
    instance_body.turn(instance, instance_body.UPDATING, error=old.get("protectionErrorDetails"))
    about = {"instance_id": instance.id, "change": instance_body.begin(instance, "update")}
    row = "change instance" if instance_body.kind(wanted).accepted_since else "put instance"
    operation = operations.start(world, vault, row, provisioned, **about, caller=call.caller)
    unprotected = before in (instance_body.STOPPED, instance_body.SUSPENDED)
    to = before if unprotected else instance_body.CONFIGURED
    after_s = sum(latencies.draw(world, each, operation) for each in (row, "update"))
    world.schedule(after_s, configured, **about, to=to)
    return _written(world, call, instance, operation, location=instance.id)


def _written(world: World, call: Call, instance: Resource, operation: str, *, location: str = "") -> Response:
    """201 with the instance; newer api-versions answer 202 without a body and with Location for some datasources."""
    since = instance_body.kind(instance.body["properties"]).accepted_since
    is_bare = since is not None and call.api_version >= since
    location = instance.id if is_bare else location
    told = operations.headers(world, call, operation, retry_after_s=PUT_RETRY_AFTER_S, location=location)
    return empty_response(202, told) if is_bare else json_response(201, instance.body, told)


@effect
def provisioned(world: World, operation: str, instance_id: str, change: int, caller: str) -> None:
    """The operation of a PUT ends well, long before the instance is protected."""
    operations.finish(world, operation)
    if instance := instance_body.under_change(world, instance_id, change):
        instance.body["properties"]["provisioningState"] = "Succeeded"
    resources.emit_completed(world, instance_id, f"{LIVE}/write", caller)


@effect
def configured(world: World, instance_id: str, change: int, to: str) -> None:
    """Configuring ends: protected, or ProtectionError with the reason (aso-dp-protectionerror-sync-recover)."""
    instance = instance_body.under_change(world, instance_id, change)
    if instance is None:
        return
    instance_body.settle(instance)
    problem = validation.problem_of_instance(world, instance) if to == instance_body.CONFIGURED else None
    if problem:
        instance_body.turn(instance, instance_body.ERROR, error=errors.protection_details(world, problem))
        return
    odd = world.faults.take("odd_state", instance_body.datasource_id(instance.body["properties"]))
    instance_body.turn(instance, str(odd.detail.get("state", "RetentionSchedulesSuspended")) if odd else to)
    backups.plan_next(world, instance)


def delete(world: World, call: Call) -> Response:
    """Delete an instance: 202, 204 when there is none, 400 while another change runs.

    **Source**: dp-softdelete-2025-11-06; immutable vaults keep unexpired points (immutable vault documentation).
    """
    vault = require_vault(world, call)
    instance = world.get(call.path)
    if instance is None:
        return empty_response(204)
    if instance.hidden["busy"]:
        raise errors.refusal(world, problems.CONFLICT)
    if immutability(vault) != "Disabled" and recovery_points.existing(world, instance):
        raise errors.refusal(world, problems.IMMUTABLE_ITEM)
    guards.require_approval(world, call, vault, guards.DELETE)
    softly = str(soft_delete(vault).get("state", "Off")).lower() != "off" or call.api_version >= ALWAYS_ON_SINCE
    change = instance_body.begin(instance, "delete")
    if softly:  # Assumed: this state is named in the enumeration, no recording looks while a deletion runs.
        instance_body.turn(instance, instance_body.SOFT_DELETING)
    args: Json = {"instance_id": instance.id, "change": change, "caller": call.caller}
    args["deletion"] = deleted.deletion_info(world, vault) if softly else None
    operation = operations.start(world, vault, "delete instance", deleted.instance_deleted, **args)
    return operations.accepted(world, call, vault, operation)


_VAULT = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DataProtection/backupVaults/{vault}"
_INSTANCE = _VAULT + "/backupInstances/{instance}"
_OF_SERVER = "{scope}/providers/Microsoft.DataProtection/backupInstances"

ROUTES = (
    Route("PUT", _INSTANCE, f"{LIVE}/write", put),
    Route("GET", _INSTANCE, f"{LIVE}/read", get),
    Route("DELETE", _INSTANCE, f"{LIVE}/delete", delete),
    Route("GET", _VAULT + "/backupInstances", f"{LIVE}/read", list_instances),
    Route("GET", _INSTANCE + "/operationResults/{operation}", f"{LIVE}/operationResults/read", get_operation_result),
    # Assumed: the action, by ARM's rule that a GET of a type needs that type's read.
    Route("GET", _OF_SERVER, "Microsoft.DataProtection/backupInstances/read", list_of_server),
)
