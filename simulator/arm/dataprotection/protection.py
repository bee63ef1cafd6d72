"""How is protection stopped, suspended, resumed and repaired? The POST actions that move an instance between states.

Each is a row of one table; creating, changing and deleting instances stand in instances.py.
"""

from dataclasses import dataclass
from functools import partial

from simulator.arm import resources
from simulator.arm.dataprotection import backups, errors, guards, instance_body, operations, problems, validation
from simulator.arm.dataprotection.datasources import LIVE
from simulator.arm.dataprotection.existence import require_instance, require_vault
from simulator.arm.dataprotection.instance_body import CONFIGURED, ERROR, STOPPED, SUSPENDED, UPDATING
from simulator.arm.routing import Call, Route
from simulator.wire import Response, empty_response
from simulator.world import World, effect


@dataclass(frozen=True)
class Action:
    """POST {instance}/name: from which states it leads where, and which running changes it may overtake.

    critical: the kind of request that a guarded vault wants for it.
    """

    name: str
    begins_in: tuple[str, ...]
    to: str
    overtakes: tuple[str, ...] = ()
    critical: str = ""


# Source: dp-stop-suspend-resume-2025-03-12, dp-softdelete-2025-11-06; stop was accepted 24 times while another change
# ran. Assumed: every other refusal in this table, and what is accepted in ProtectionError.
ACTIONS = (
    Action(
        "stopProtection",
        (CONFIGURED, SUSPENDED, ERROR),
        STOPPED,
        overtakes=("configure", "update", "sync"),
        critical=guards.STOP,
    ),
    Action("suspendBackups", (CONFIGURED, ERROR), SUSPENDED, critical=guards.SUSPEND),
    Action("resumeBackups", (SUSPENDED,), CONFIGURED),
    Action("resumeProtection", (STOPPED, SUSPENDED), CONFIGURED),
)


def act(action: Action, world: World, call: Call) -> Response:
    """202, or 200 without a body when the instance is there already. Raises ArmError 400."""
    vault, instance = require_vault(world, call), require_instance(world, call)
    busy, state = instance.hidden["busy"], instance_body.state(instance)
    if busy and busy not in action.overtakes:
        raise errors.refusal(world, problems.CONFLICT)
    if not busy and state == action.to:
        return empty_response(200)
    if not busy and state not in action.begins_in:
        raise errors.refusal(world, problems.INVALID_INPUT)
    if action.to == CONFIGURED:
        problem = validation.protected_problem(world, vault, instance.body["properties"], instance.id)
        if problem:
            raise errors.refusal(world, problem)
    if action.critical:
        guards.require_approval(world, call, vault, action.critical)
    change = instance_body.begin(instance, action.name)
    about = {"instance_id": instance.id, "change": change, "caller": call.caller}
    operation = operations.start(world, vault, action.name, acted, **about, name=action.name, to=action.to)
    return operations.accepted(world, call, vault, operation)


@effect
def acted(world: World, operation: str, instance_id: str, change: int, caller: str, name: str, to: str) -> None:
    """An action ends in its state. Assumed: resuming without the needed roles fails and leaves the instance stopped."""
    instance = instance_body.under_change(world, instance_id, change)
    if instance is None:
        operations.finish(world, operation)
        return
    instance_body.settle(instance)
    problem = validation.problem_of_instance(world, instance) if to == CONFIGURED else None
    if problem:
        operations.finish(world, operation, error=errors.protection_details(world, problem))
        return
    instance_body.turn(instance, to)
    operations.finish(world, operation)
    backups.plan_next(world, instance)
    resources.emit_completed(world, instance_id, f"{LIVE}/{name}/action", caller)


def post_sync(world: World, call: Call) -> Response:
    """Look at an instance again: 202, and UpdatingProtection with the old error meanwhile.

    **Source**: aso-dp-protectionerror-sync-recover. Assumed: an instance that is stopped or suspended is refused.
    """
    vault, instance = require_vault(world, call), require_instance(world, call)
    if instance.hidden["busy"]:
        raise errors.refusal(world, problems.CONFLICT)
    if instance_body.state(instance) not in (CONFIGURED, ERROR):
        raise errors.refusal(world, problems.INVALID_INPUT)
    change = instance_body.begin(instance, "sync")
    instance_body.turn(instance, UPDATING, error=instance.body["properties"].get("protectionErrorDetails"))
    about = {"instance_id": instance.id, "change": change, "caller": call.caller}
    operation = operations.start(world, vault, "sync", synced, **about)
    return operations.accepted(world, call, vault, operation)


@effect
def synced(world: World, operation: str, instance_id: str, change: int, caller: str) -> None:
    """A sync ends: protected, or failed with the same details in the operation and in the instance."""
    instance = instance_body.under_change(world, instance_id, change)
    if instance is None:
        operations.finish(world, operation)
        return
    instance_body.settle(instance)
    problem = validation.problem_of_instance(world, instance)
    details = errors.protection_details(world, problem) if problem else None
    instance_body.turn(instance, ERROR if details else CONFIGURED, error=details)
    operations.finish(world, operation, error=details)
    if details is None:
        backups.plan_next(world, instance)
        resources.emit_completed(world, instance_id, f"{LIVE}/sync/action", caller)


_INSTANCE = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DataProtection/backupVaults/{vault}"
    "/backupInstances/{instance}"
)

ROUTES = (
    *(Route("POST", f"{_INSTANCE}/{a.name}", f"{LIVE}/{a.name}/action", partial(act, a)) for a in ACTIONS),
    Route("POST", f"{_INSTANCE}/sync", f"{LIVE}/sync/action", post_sync),
)
