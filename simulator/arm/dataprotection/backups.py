"""When does a backup run, and how does it end? On-demand and scheduled backups, from trigger to recovery point.

The shapes of jobs and points stand beside; here is only what happens, and why it fails.
"""

from dataclasses import asdict, replace
from datetime import datetime

from simulator.arm import resources
from simulator.arm.dataprotection import (
    errors,
    instance_body,
    jobs,
    latencies,
    operations,
    policy_rules,
    problems,
    recovery_points,
    retention,
    schedule,
    validation,
)
from simulator.arm.dataprotection.datasources import LIVE
from simulator.arm.dataprotection.errors import Problem
from simulator.arm.dataprotection.existence import require_instance, require_vault
from simulator.arm.dataprotection.vaults import principal_id
from simulator.arm.routing import Call, Route
from simulator.wire import Json, Response, http_date
from simulator.world import Resource, World, effect

UNTAGGED = "default"  # lower case, although the rule is "Default". Source: dp-pgflex-lifecycle-roles-2024-04-29


# -- on demand ---------------------------------------------------------------------------------------------------


def post_backup(world: World, call: Call) -> Response:
    """Start an on-demand backup: 202; the operation ends when the job begins. Raises ArmError 400.

    **Source**: dp-pgflex-job-failed-2025-03-12. Assumed: HTTP 400 for a second backup at a time, and which refusal an
    instance that is not protected or an unknown retention tag gets.
    """
    vault, instance = require_vault(world, call), require_instance(world, call)
    policy = _policy(world, instance)
    options = call.body.get("backupRuleOptions") or {}
    tag = str((options.get("triggerOption") or {}).get("retentionTagOverride") or UNTAGGED)
    refused = (
        (instance.hidden["busy"], problems.CONFLICT),
        (instance_body.state(instance) != instance_body.CONFIGURED or policy is None, problems.INVALID_INPUT),
        (policy and not _is_backup_rule(policy, options.get("ruleName")), problems.WRONG_RULE),
        (policy and tag.lower() not in policy_rules.retention_names(policy.body["properties"]), problems.INVALID_INPUT),
        (instance.hidden["running"], problems.ONE_AT_A_TIME),
    )
    for wrong, problem in refused:
        if wrong:
            raise errors.refusal(world, problem)
    about = {"instance_id": instance.id, "tag": tag, "caller": call.caller}
    operation = operations.start(world, vault, "trigger backup", triggered, **about)
    instance.hidden["running"] = operation
    return operations.accepted(world, call, vault, operation)


@effect
def triggered(world: World, operation: str, instance_id: str, tag: str, caller: str) -> None:
    """The operation ends with a job, whose id is written as the vault's own id is.

    **Source**: dp-pgflex-lifecycle-roles-2024-04-29 (an old vault in odd casing),
    dp-disk-create-backup-delete-2025-11-06.
    """
    instance = world.get(instance_id)
    policy = _policy(world, instance) if instance else None
    if instance is None or policy is None:
        operations.finish(world, operation)  # Assumed: without a job, when the instance went meanwhile
        return
    job = _run(world, instance, policy, tag, user_triggered=True)
    vault = world.resources[instance_body.vault_id(job.id).lower()]
    operations.finish(world, operation, job_id=f"{vault.id}/backupJobs/{job.body['name']}")
    resources.emit_completed(world, instance_id, f"{LIVE}/backup/action", caller)


def _is_backup_rule(policy: Resource, name: object) -> bool:
    properties = policy.body["properties"]
    return not policy_rules.is_continuous(properties) and policy_rules.backup_rule(properties)["name"] == name


# -- scheduled ---------------------------------------------------------------------------------------------------


def plan_next(world: World, instance: Resource) -> None:
    """Put the next scheduled backup on the agenda, in place of any other; none unless ProtectionConfigured."""
    instance.hidden["plan"] = plan = instance.hidden.get("plan", 0) + 1
    policy = _policy(world, instance)
    if policy is None or instance_body.state(instance) != instance_body.CONFIGURED:
        return
    if policy_rules.is_continuous(policy.body["properties"]):
        return
    slot = schedule.next_slot(policy_rules.backup_rule(policy.body["properties"]), world.now)
    after_s = (slot - world.now).total_seconds() + latencies.draw(world, "start of schedule", instance.id, slot)
    world.schedule(after_s, due, instance_id=instance.id, plan=plan, slot=slot.isoformat())


@effect
def due(world: World, instance_id: str, plan: int, slot: str) -> None:
    """A scheduled backup begins. Assumed: while another one runs, its job fails at once for that reason."""
    instance = world.get(instance_id)
    if instance is None or instance.hidden.get("plan") != plan:
        return
    policy = _policy(world, instance)
    if policy is None or instance_body.state(instance) != instance_body.CONFIGURED:
        return
    properties, at = policy.body["properties"], datetime.fromisoformat(slot)
    last = instance.hidden.get("last_slot")
    previous = policy_rules.local(properties, datetime.fromisoformat(last)) if last else None
    tagging = policy_rules.backup_rule(properties)["trigger"]["taggingCriteria"]
    tag = retention.tag_of(tagging, policy_rules.local(properties, at), previous)
    if instance.hidden["running"]:
        job = jobs.begin(world, instance, policy, tag, user_triggered=False)
        jobs.end(world, job, "Failed", problem=problems.ONE_AT_A_TIME)
    else:
        _run(world, instance, policy, tag, user_triggered=False, slot=slot)
    plan_next(world, instance)


# -- both --------------------------------------------------------------------------------------------------------


def _run(
    world: World, instance: Resource, policy: Resource, tag: str, *, user_triggered: bool, slot: str = ""
) -> Resource:
    job = jobs.begin(world, instance, policy, tag, user_triggered=user_triggered)
    instance.hidden["running"] = job.id
    failure = _failure(world, instance, policy, user_triggered)
    after_s = latencies.draw(world, "failed backup" if failure else "backup", job.id)
    told = asdict(failure) if failure else None
    world.schedule(after_s, ended, job_id=job.id, instance_id=instance.id, slot=slot, failure=told)
    return job


@effect
def ended(world: World, job_id: str, instance_id: str, slot: str, failure: Json | None) -> None:
    """A job ends: with a recovery point, or Failed. Assumed: Cancelled when its instance was deleted meanwhile."""
    job, instance = world.get(job_id), world.get(instance_id)
    if job is None:
        return
    policy = _policy(world, instance) if instance else None
    if instance is None or policy is None:
        jobs.end(world, job, "Cancelled")
        return
    instance.hidden["running"] = ""
    problem = _read(failure) if failure else _obstacle(world, instance)
    if problem:
        jobs.end(world, job, "Failed", problem=problem)
        return
    tag = job.body["properties"]["extendedInfo"]["additionalDetails"]["RetentionTag"]
    point_name = recovery_points.make(world, instance, policy, tag)
    instance.hidden["last_good"] = world.now.isoformat()
    if slot:
        instance.hidden["last_slot"] = slot
    jobs.end(world, job, "Completed", point_id=point_name)
    fault = world.faults.take("job_turns", f"{job.id} {instance_body.datasource_id(instance.body['properties'])}")
    if fault:
        world.schedule(float(fault.detail.get("after_s", 3600)), turned, job_id=job.id)


@effect
def turned(world: World, job_id: str) -> None:
    """A job that was Completed is Failed after all. It happens by a fault alone."""
    if job := world.get(job_id):
        problem = problems.server_error(world.new_guid("request"), http_date(world.now))
        job.body["properties"] |= {"status": "Failed", "errorDetails": errors.job_details(problem)}


def _read(failure: Json) -> Problem:
    cause = failure["cause"]
    return Problem(**(failure | {"cause": tuple(cause) if cause else None}))


def _policy(world: World, instance: Resource) -> Resource | None:
    return world.get(instance_body.policy_id(instance.body["properties"]))


def _failure(world: World, instance: Resource, policy: Resource, user_triggered: bool) -> Problem | None:
    """Why a backup that begins now will fail, or None."""
    fault = world.faults.take("fail_backup", instance_body.datasource_id(instance.body["properties"]))
    if fault:
        usual = problems.server_error(world.new_guid("request"), http_date(world.now))
        told: Json = {name: str(value) for name, value in fault.detail.items() if name in ("code", "message")}
        return replace(usual, **told)
    limited = ("all",) if user_triggered else ("scheduled", "all")
    if world.behaviour.weekly_limit in limited and _week_is_used(world, instance, policy):
        return problems.WEEK_IS_USED
    return _obstacle(world, instance)


def _obstacle(world: World, instance: Resource) -> Problem | None:
    """What keeps the service from this server now: its state, or roles that are gone."""
    properties = instance.body["properties"]
    if not instance_body.kind(properties).is_played:
        return None
    server_id = instance_body.datasource_id(properties)
    if problem := validation.server_problem(world, server_id):
        return problem
    if world.faults.holding("server_too_large", server_id):
        return problems.TOO_LARGE
    vault = world.get(instance_body.vault_id(instance.id))
    principal = principal_id(vault, properties.get("identityDetails", {})) if vault else ""
    lacking = validation.missing_permission(world, principal, server_id)
    return problems.job_unauthorized(principal, *lacking) if lacking else None


def _week_is_used(world: World, instance: Resource, policy: Resource) -> bool:
    """Whether a vaulted backup of this week, on demand or scheduled, ended well already.

    **Source**: support matrix ("only the first backup runs"). Assumed: ISO weeks on the schedule's clock, and that an
    on-demand backup uses the week up.
    """
    last = instance.hidden.get("last_good")
    if not last or not instance_body.kind(instance.body["properties"]).is_played:
        return False
    week = retention.PERIODS["FirstOfWeek"]
    there = [policy_rules.local(policy.body["properties"], at) for at in (datetime.fromisoformat(last), world.now)]
    return week(there[0]) == week(there[1])


_INSTANCE = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DataProtection/backupVaults/{vault}"
    "/backupInstances/{instance}"
)

ROUTES = (Route("POST", f"{_INSTANCE}/backup", f"{LIVE}/backup/action", post_backup),)
