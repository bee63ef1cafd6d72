"""An Azure that does at once what it is asked, without a single wire: what becomes of a world under a plan."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st

from shared.core import foresee
from shared.core.actions import Action
from shared.core.due import BECAUSE
from shared.core.intent import Intent
from shared.core.observed import LastBackup, Memory, Observed, Running, Wish
from shared.core.plan import Plan, make_plan, needs
from shared.core.policy import Policy
from shared.core.rules import Rules
from shared.core.vault_choice import choose_vault
from shared.datasources.postgresql_flexible import DATASOURCE
from tests.core.samples import (
    FOREIGN_VAULT,
    GOLD_ASKED,
    NOW,
    OTHER_VAULT,
    VAULT,
    deleted,
    instance,
    job,
    policy_of,
    server,
    tiers,
    vault,
)

World = Observed
"""Everything that is true, and what the program remembers of it: an observation in which nothing is left out."""

FIELDS = {"recovery_points": "has_recovery_point"}


def look(world: World, intent: Intent, rules: Rules) -> Observed:
    """Observe as the program does: what a plan needs is read, and nothing else."""
    unread = dict.fromkeys(("vaults", "policies", "roles", "has_recovery_point", "latest_point", "jobs", "deleted"))
    seen = replace(world, **unread)
    for _ in range(6):
        needed = needs(intent, seen, rules)
        if not needed:
            return seen
        names = [FIELDS.get(need.value, need.value) for need in needed]
        found = {name: getattr(world, name) for name in names}
        if "has_recovery_point" in found:
            found["latest_point"] = world.latest_point
        if "policies" in found:
            found["policies"] = tuple(one for one in world.policies if _is_in_its_vault(one, seen, intent, rules))
        seen = replace(seen, **found)
    msg = "the plan never knows enough"
    raise AssertionError(msg)


def _is_in_its_vault(policy: Policy, seen: Observed, intent: Intent, rules: Rules) -> bool:
    """A program lists the policies of one vault: the instance's, else the one that it has chosen."""
    chosen = choose_vault(seen.server, intent, seen, rules)
    home = seen.instances[0].vault_id if seen.instances else chosen.id if chosen else ""
    return policy.id.lower().startswith(f"{home.lower()}/")


def turn(world: World, intent: Intent, rules: Rules) -> tuple[World, Plan]:
    """One round: observe, plan, apply every action, remember."""
    plan = make_plan(intent, look(world, intent, rules), rules)
    return foresee.after(world, plan), plan


def applied(world: World, action: Action) -> World:
    """What becomes of a world under one action."""
    return foresee.applied(world, action)


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
    backup=st.builds(
        LastBackup, st.sampled_from(("none", "intended", "started", "done", "failed")), st.none() | moments,
    ).map(lambda backup: replace(backup, has_point=backup.step == "done")),
    wish=st.none() | st.builds(
        Wish, st.sampled_from(tuple(BECAUSE)), moments, st.sampled_from(("", "ops")), st.none() | moments
    ),
    granted_at=st.none() | moments,
    refused_since=st.none() | moments,
    refusals=st.integers(0, 9),
    unready_since=st.none() | moments,
    created_at=st.none() | moments,
)  # fmt: skip
worlds = st.builds(
    World,
    st.just(NOW),
    st.just(server().id),
    st.just(DATASOURCE),
    st.none() | servers,
    st.just(()) | instances.map(lambda one: (one,)),
    vaults,
    policies,
    st.frozensets(st.sampled_from((DATASOURCE.server_role, DATASOURCE.group_role))),
    st.booleans(),
    st.just(()) | st.sampled_from(("InProgress", "Completed", "Failed", "Cancelled")).map(lambda word: (job(word),)),
    memories,
    st.just(()) | st.builds(deleted, vault_id=st.sampled_from((VAULT, OTHER_VAULT))).map(lambda one: (one,)),
)
