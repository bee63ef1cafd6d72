"""How is a recovery point brought back? validateRestore and restore "as files", from trigger to job.

It plays the management side and leaves the files of a flexible server in the target container (restore_target.py);
nothing is brought back of other datasources.
"""

from simulator.arm import resources
from simulator.arm.dataprotection import (
    errors,
    guards,
    instance_body,
    jobs,
    latencies,
    operations,
    problems,
    recovery_points,
    restore_target,
)
from simulator.arm.dataprotection.datasources import LIVE
from simulator.arm.dataprotection.errors import Problem
from simulator.arm.dataprotection.existence import require_instance, require_vault
from simulator.arm.dataprotection.members import ordered
from simulator.arm.dataprotection.vaults import principal_id
from simulator.arm.routing import Call, Route
from simulator.wire import Json, Response
from simulator.world import Resource, World, effect

FILES = "RestoreFilesTargetInfo"
TARGET = ("objectType", "datasourceInfo", "targetDetails")
DETAILS = ("filePrefix", "restoreTargetLocationType", "url", "targetResourceArmId")


def post_validate(world: World, call: Call) -> Response:
    """Start to validate a restore: 202. Assumed: a request that names no point or target is refused at once."""
    vault = require_vault(world, call)
    instance, told = _read(world, call, call.body.get("restoreRequestObject") or {})
    about = {"instance_id": instance.id, "told": told}
    operation = operations.start(world, vault, "validate restore", validated, **about)
    return operations.accepted(world, call, vault, operation)


@effect
def validated(world: World, operation: str, instance_id: str, told: Json) -> None:
    """A validation ends with what is wrong with the target at this moment."""
    problem = _problem(world, instance_id, told)
    operations.finish(world, operation, error=errors.protection_details(world, problem) if problem else None)


def post_restore(world: World, call: Call) -> Response:
    """Start a restore: 202; the operation ends when the job begins. **Source**: dp-pgflex-lifecycle-2024-05-10."""
    vault = require_vault(world, call)
    instance, told = _read(world, call, call.body)
    guards.require_approval(world, call, vault, guards.RESTORE)
    about = {"instance_id": instance.id, "told": told, "caller": call.caller}
    operation = operations.start(world, vault, "trigger restore", triggered, **about)
    return operations.accepted(world, call, vault, operation)


@effect
def triggered(world: World, operation: str, instance_id: str, told: Json, caller: str) -> None:
    """The operation ends with a job."""
    instance = world.get(instance_id)
    policy = world.get(instance_body.policy_id(instance.body["properties"])) if instance else None
    if instance is None or policy is None:
        operations.finish(world, operation)  # Assumed: without a job, when the instance went meanwhile
        return
    job = jobs.begin(world, instance, policy, "", user_triggered=True)
    job.body["properties"] |= {
        "sourceDataStoreType": told["store"],
        "operationCategory": "Restore",
        "operation": "Restore",
        "supportedActions": [""],  # also for PostgreSQL in 2024 and everything in 2025
        "extendedInfo": _extended(told, "InProgress", None),
    }
    about = {"job_id": job.id, "instance_id": instance_id, "told": told}
    world.schedule(latencies.draw(world, "restore", job.id), ended, **about)
    vault = world.resources[instance_body.vault_id(job.id).lower()]
    operations.finish(world, operation, job_id=f"{vault.id}/backupJobs/{job.body['name']}")
    resources.emit_completed(world, instance_id, f"{LIVE}/restore/action", caller)


@effect
def ended(world: World, job_id: str, instance_id: str, told: Json) -> None:
    """A restore job is Completed, its files written; or Failed by what is wrong with the target now."""
    if not (job := world.get(job_id)):
        return
    problem, moved = _problem(world, instance_id, told), 0
    if not problem and told["files"]:
        moved = restore_target.write_files(world, restore_target.read(world, told["files"]), told["prefix"] or "")
    properties, status = job.body["properties"], "Failed" if problem else "Completed"
    task = {"DataTransferredInBytes": str(moved), "TaskId": properties["activityID"]}
    task |= {"DatasourceType": properties["dataSourceType"]}
    properties |= jobs.closing(world, job, status, problem)
    properties["extendedInfo"] = _extended(told, status, task)


def _problem(world: World, instance_id: str, told: Json) -> Problem | None:
    """What is wrong with the target of a restore as files. Assumed: nothing else is looked at."""
    instance = world.get(instance_id)
    vault = world.get(instance_body.vault_id(instance_id))
    if not told["files"] or instance is None or vault is None:
        return None
    identity = told["identity"] or instance.body["properties"].get("identityDetails", {})
    target = restore_target.read(world, told["files"])
    return restore_target.problem_of(world, target, principal_id(vault, identity))


def _read(world: World, call: Call, request: Json) -> tuple[Resource, Json]:
    """The instance, and what a job tells of a restore. Raises ArmError 400 and 404."""
    instance = require_instance(world, call)
    target = ordered(request.get("restoreTargetInfo") or {}, TARGET)
    details = ordered(target.get("targetDetails") or {}, DETAILS)
    source = ordered(target.get("datasourceInfo") or {}, ("resourceID",))
    points = {point.body["name"]: point for point in recovery_points.existing(world, instance)}
    point = points.get(str(request.get("recoveryPointId")))
    is_played = instance_body.kind(instance.body["properties"]).is_played
    if point is None or not target or (is_played and target.get("objectType") != FILES):
        raise errors.refusal(world, problems.INVALID_INPUT)
    to = source.get("resourceID") or details.get("url")
    at = point.body["properties"]["recoveryPointTime"]
    told = {"point": {"recoveryPointID": point.body["name"], "recoveryPointTime": at}, "to": to}
    told |= {"store": request.get("sourceDataStoreType"), "prefix": details.get("filePrefix")}
    told |= {"files": details if is_played else None, "identity": request.get("identityDetails")}
    return instance, told


def _extended(told: Json, status: str, details: Json | None) -> Json:
    task = {"taskId": 1, "taskName": "Trigger Restore", "taskStatus": status, "taskProgress": None}
    return {
        "backupInstanceState": None,
        "dataTransferredInBytes": None,
        "targetRecoverPoint": None,
        "sourceRecoverPoint": told["point"],
        "recoveryDestination": told["to"],
        "subTasks": [task | {"additionalDetails": details}],
        "additionalDetails": {"Restore File Prefix": told["prefix"]} if told["prefix"] else None,
        "warningDetails": None,
    }


_INSTANCE = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DataProtection/backupVaults/{vault}"
    "/backupInstances/{instance}"
)

ROUTES = (
    Route("POST", f"{_INSTANCE}/validateRestore", f"{LIVE}/validateRestore/action", post_validate),
    Route("POST", f"{_INSTANCE}/restore", f"{LIVE}/restore/action", post_restore),
)
