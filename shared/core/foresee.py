"""Says how things end for one server: everything that would be written for it, and what would be said afterwards.

It rolls the plan forward on an Azure that does at once whatever it is asked, so it decides nothing by itself. Pure.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from shared.core.actions import (
    Action,
    ChangePolicy,
    EnsurePolicy,
    GrantRole,
    Protect,
    ResumeProtection,
    StartBackup,
    Sync,
    Undelete,
    Validate,
    Wait,
    Write,
)
from shared.core.intent import Intent
from shared.core.observed import Instance, Job, Observed, Running
from shared.core.plan import make_plan
from shared.core.planned import Plan
from shared.core.policy import read_policy
from shared.core.rules import Rules
from shared.core.verdict import Verdict

MOST_ROUNDS = 12  # a server that nobody has heard of takes six
_BUSY = frozenset({"configuringprotection", "updatingprotection"})


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What becomes of one server. plan: for today; final: what would be said when all is done.

    writes: what would be written, in order. A Validate is none: it asks the service and changes nothing. vault_id,
    policy_id: where and how it ends. are_roles_known: they were read; else every role that is needed counts as missing,
    and is checked on apply.
    """

    plan: Plan
    final: Verdict
    writes: tuple[Write, ...] = ()
    vault_id: str = ""
    policy_id: str = ""
    are_roles_known: bool = True


def foresee(intent: Intent, observed: Observed, rules: Rules) -> Foreseen:
    """Say how a server ends under the rules, whatever their mode. Everything but roles must have been read."""
    world = replace(observed, memory=replace(observed.memory, running=None)) if observed.memory.running else observed
    first = plan = make_plan(intent, world, rules)
    if not first.actions:
        return Foreseen(first, first.verdict, (), first.vault_id, first.policy_id)
    are_roles_known = observed.roles is not None
    if not are_roles_known:
        world = replace(world, roles=frozenset())
        plan = make_plan(intent, world, rules)
    writes: list[Write] = []
    for _ in range(MOST_ROUNDS):
        if not plan.actions:
            break
        writes += [action for action in plan.actions if not isinstance(action, Validate | Wait)]
        world = after(world, plan)
        plan = make_plan(intent, world, rules)
    return Foreseen(first, plan.verdict, tuple(writes), plan.vault_id, plan.policy_id, are_roles_known=are_roles_known)


def after(world: Observed, plan: Plan) -> Observed:
    """The world after a plan: every action carried out, every wait over, and what the plan found out remembered."""
    backup = plan.backup or world.memory.backup
    wish = world.memory.wish if plan.wait and not plan.answer else None
    world = replace(world, memory=replace(world.memory, running=None, backup=backup, wish=wish))
    for action in plan.actions:
        world = applied(world, action)
    return world


def applied(world: Observed, action: Action) -> Observed:
    """What an Azure without delay, doubt or error would make of one action. Doing it again changes nothing."""
    memory = world.memory
    match action:
        case EnsurePolicy(_, policy_id, body):
            made = read_policy({"id": policy_id, "name": policy_id.rsplit("/", 1)[-1], **body})
            return replace(world, policies=(*(old for old in world.policies or () if old.id != policy_id), made))
        case GrantRole():
            held = (world.roles or frozenset()) | {action.role}
            return replace(world, roles=held, memory=replace(memory, granted_at=world.now))
        case Validate():
            return replace(world, memory=replace(memory, running=Running("validate", "", world.now, "succeeded")))
        case Protect(_, vault_id, policy_id, name):
            instance = Instance(
                f"{vault_id}/backupInstances/{name}", name, vault_id, policy_id, "ConfiguringProtection"
            )
            return replace(world, instances=(instance,), memory=replace(memory, created_at=world.now))
        case ChangePolicy() | Sync() | ResumeProtection():
            return replace(world, instances=tuple(_mended(one, action) for one in world.instances))
        case Undelete(_, deleted_id):
            back = [one for one in world.deleted or () if one.id == deleted_id]
            stopped = (
                Instance(f"{one.vault_id}/backupInstances/{one.name}", one.name, one.vault_id, "", "ProtectionStopped")
                for one in back
            )
            return replace(
                world,
                deleted=tuple(one for one in world.deleted or () if one not in back),
                instances=(*world.instances, *stopped),
            )
        case StartBackup():
            job = _begun(world, action.instance_id)
            started = replace(memory.backup, step="started", at=job.started_at, job_id=job.id)
            return replace(world, jobs=(job,), memory=replace(memory, backup=started))
        case Wait():
            return _later(world, action.after_s)


def _mended(instance: Instance, action: ChangePolicy | Sync | ResumeProtection) -> Instance:
    """The instance after an action on it, if it is the one: busy for a while, then configured."""
    if instance.id.lower() != action.instance_id.lower():
        return instance
    policy_id = action.policy_id if isinstance(action, ChangePolicy) else instance.policy_id
    return replace(instance, state="UpdatingProtection", policy_id=policy_id, errors=())


def _begun(world: Observed, instance_id: str) -> Job:
    vault_id = instance_id.rsplit("/", 2)[0]
    return Job(
        id=f"{vault_id}/backupJobs/foreseen",
        name="foreseen",
        instance_id=instance_id,
        server_id=world.server_id.text,
        vault_id=vault_id,
        status="InProgress",
        category="Backup",
        user_triggered=True,
        started_at=world.now,
    )


def _later(world: Observed, after_s: float) -> Observed:
    """Time passes: what passes by itself has passed, and backups that run have ended well."""
    facts, server = world.datasource, world.server
    passes = server is not None and server.state not in facts.stopped_states
    return replace(
        world,
        now=world.now + timedelta(seconds=after_s),
        server=replace(server, state=facts.ready_state) if server and passes else server,
        instances=tuple(
            replace(one, state="ProtectionConfigured") if one.state.lower() in _BUSY else one for one in world.instances
        ),
        jobs=tuple(replace(job, status="Completed") for job in world.jobs or ()),
        has_recovery_point=world.has_recovery_point or any(job.category == "Backup" for job in world.jobs or ()),
    )
