"""An Azure that does at once what it is asked, without a single wire: what becomes of a world under a plan."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from shared.core.actions import Action, EnsurePolicy, GrantRole, Protect, StartBackup, Validate, Wait
from shared.core.intent import Intent
from shared.core.observed import FirstBackup, Instance, Job, Memory, Observed, Running, Server, Vault
from shared.core.plan import Plan, choose_vault, make_plan, needs
from shared.core.policy import Policy, read_policy
from shared.core.rules import Rules
from shared.datasources.postgresql_flexible import DATASOURCE
from tests.core.samples import (
    FOREIGN_VAULT,
    GOLD_ASKED,
    NOW,
    OTHER_VAULT,
    VAULT,
    instance,
    job,
    policy_of,
    server,
    tiers,
    vault,
)

PASSING = {"Starting": "Ready", "Updating": "Ready", "Provisioning": "Ready", "": "Ready"}
BUSY = {"configuringprotection", "updatingprotection"}


@dataclass(frozen=True)
class World:
    """Everything that is true, and what the program remembers of it."""

    server: Server | None
    vaults: tuple[Vault, ...]
    policies: tuple[Policy, ...] = ()
    roles: frozenset[str] = frozenset()
    instances: tuple[Instance, ...] = ()
    jobs: tuple[Job, ...] = ()
    points: bool = False
    now: datetime = NOW
    memory: Memory = field(default_factory=Memory)


def look(world: World, intent: Intent, rules: Rules) -> Observed:
    """Observe as the program does: what a plan needs is read, and nothing else."""
    seen = Observed(world.now, server().id, DATASOURCE, world.server, world.instances, memory=world.memory)
    for _ in range(6):
        needed = needs(intent, seen, rules)
        if not needed:
            return seen
        everything = {
            "vaults": world.vaults,
            "policies": tuple(policy for policy in world.policies if _is_in_its_vault(policy, seen, intent, rules)),
            "roles": world.roles,
            "recovery_points": world.points,
            "jobs": world.jobs,
        }
        names = {"recovery_points": "has_recovery_point"}
        seen = replace(seen, **{names.get(need.value, need.value): everything[need.value] for need in needed})
    msg = "the plan never knows enough"
    raise AssertionError(msg)


def _is_in_its_vault(policy: Policy, seen: Observed, intent: Intent, rules: Rules) -> bool:
    """A program lists the policies of one vault: the instance's, else the one that it has chosen."""
    chosen = choose_vault(seen.server, intent, seen, rules)  # type: ignore[arg-type]
    home = seen.instances[0].vault_id if seen.instances else chosen.id if chosen else ""
    return policy.id.lower().startswith(f"{home.lower()}/")


def turn(world: World, intent: Intent, rules: Rules) -> tuple[World, Plan]:
    """One round: observe, plan, apply every action, remember."""
    plan = make_plan(intent, look(world, intent, rules), rules)
    memory = replace(world.memory, running=None, first_backup=plan.first_backup or world.memory.first_backup)
    world = replace(world, memory=memory)
    for action in plan.actions:
        world = applied(world, action)
    return world, plan


def applied(world: World, action: Action) -> World:
    """What an Azure without delay, doubt or error would make of one action. Doing it again changes nothing."""
    memory = world.memory
    match action:
        case EnsurePolicy(_, policy_id, body):
            made = read_policy({"id": policy_id, "name": policy_id.rsplit("/", 1)[-1], **body})
            return replace(world, policies=(*(old for old in world.policies if old.id != policy_id), made))
        case GrantRole():
            return replace(
                world, roles=world.roles | {action.role}, memory=replace(memory, granted_at=world.now)
            )  # fmt: skip
        case Validate():
            return replace(world, memory=replace(memory, running=Running("validate", "", world.now, "succeeded")))
        case Protect(_, vault_id, policy_id, name):
            made = Instance(f"{vault_id}/backupInstances/{name}", name, vault_id, policy_id, "ConfiguringProtection")
            return replace(world, instances=(made,), memory=replace(memory, created_here=True))
        case StartBackup():
            begun = job(instance_id=action.instance_id, started_at=world.now)
            return replace(world, jobs=(begun,), memory=replace(memory, first_backup=_started(begun)))
        case Wait():
            return _later(world, action.after_s)


def _started(begun: Job) -> FirstBackup:
    return FirstBackup("started", begun.started_at, begun.id)


def _later(world: World, after_s: float) -> World:
    """Time passes: what passes by itself has passed, and backups that run have ended well."""
    state = world.server and PASSING.get(world.server.state, world.server.state)
    return replace(
        world,
        now=world.now + timedelta(seconds=after_s),
        server=world.server and replace(world.server, state=state or ""),
        instances=tuple(
            replace(one, state="ProtectionConfigured") if one.state.lower() in BUSY else one for one in world.instances
        ),
        jobs=tuple(replace(one, status="Completed") for one in world.jobs),
        points=world.points or any(one.category == "Backup" for one in world.jobs),
    )


# -- worlds as they may be found ---------------------------------------------------------------------------------------

servers = st.builds(
    server,
    location=st.sampled_from(("westeurope", "northeurope", "eastus")),
    state=st.sampled_from(("Ready", "Ready", "Ready", "Updating", "Starting", "Stopped", "Disabled", "")),
    replication_role=st.sampled_from(("Primary", "None", "", "AsyncReplica")),
    is_cluster=st.sampled_from((False, False, False, True)),
)
vaults = st.tuples(
    st.builds(vault),
    st.builds(vault, id=st.just(OTHER_VAULT), location=st.sampled_from(("westeurope", "northeurope"))),
).map(lambda pair: pair) | st.just(()) | st.just((vault(principal_id=""),))  # fmt: skip
policies = st.lists(
    st.builds(policy_of, st.just(GOLD_ASKED.tier) | tiers, st.sampled_from(("", "by-hand", "weekly"))), max_size=3
).map(tuple)
states = st.sampled_from((
    "ProtectionConfigured", "ConfiguringProtection", "UpdatingProtection", "ProtectionError", "ProtectionStopped",
    "BackupsSuspended", "SoftDeleted", "SomethingNew", "",
))  # fmt: skip
instances = st.builds(
    instance,
    states,
    vault_id=st.sampled_from((VAULT, OTHER_VAULT, FOREIGN_VAULT)),
    policy_id=st.sampled_from((policy_of().id, f"{VAULT}/backupPolicies/by-hand")),
)
moments = st.integers(0, 7200).map(lambda seconds: NOW - timedelta(seconds=seconds))
memories = st.builds(
    Memory,
    running=st.none() | st.builds(
        Running, st.just("validate"), st.just(""), moments, st.sampled_from(("succeeded", "failed")),
        st.sampled_from((("", ""), ("UserErrorMissingRequiredPermissions", "no"), ("BMSUserErrorX", "no"))),
    ),
    first_backup=st.builds(
        FirstBackup, st.sampled_from(("none", "intended", "started", "done", "failed")), st.none() | moments,
    ),
    granted_at=st.none() | moments,
    refused_since=st.none() | moments,
    refusals=st.integers(0, 9),
    unready_since=st.none() | moments,
    created_here=st.booleans(),
)  # fmt: skip
worlds = st.builds(
    World,
    st.none() | servers,
    vaults,
    policies,
    st.frozensets(st.sampled_from((DATASOURCE.server_role, DATASOURCE.group_role))),
    st.just(()) | instances.map(lambda one: (one,)),
    st.just(()) | st.sampled_from(("InProgress", "Completed", "Failed", "Cancelled")).map(lambda word: (job(word),)),
    st.booleans(),
    memory=memories,
)
