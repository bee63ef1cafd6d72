"""An instance that exists: every combination of what it can be has one answer, and no answer weakens or oversteps."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from shared.core.actions import (
    ChangePolicy,
    EnsurePolicy,
    GrantRole,
    Protect,
    ResumeProtection,
    StartBackup,
    Sync,
    Undelete,
    Wait,
)
from shared.core.intent import Intent, LeaveAlone, Mistake, NotAsked
from shared.core.names import STAMP, instance_name
from shared.core.observed import Contest, Memory, Observed, Running, Wish
from shared.core.plan import Plan, make_plan, needs
from shared.core.policy import tier_meaning
from shared.core.policy_read import Policy
from shared.core.retention_compare import is_lower
from shared.core.rules import Keep, Rules, Span, VaultRule
from shared.core.verdict import Kind
from shared.core.waits import REFUSED_AGAIN_S
from tests.core.ideal_cloud import look, turn
from tests.core.samples import (
    BRONZE,
    FOREIGN_VAULT,
    GOLD,
    GOLD_ASKED,
    NOW,
    OTHER_VAULT,
    RULES,
    VAULT,
    instance,
    observed,
    policy_of,
    server,
    vault,
)

STATES = (
    *("ConfiguringProtection", "ProtectionConfigured", "UpdatingProtection", "ConfiguringProtectionFailed"),
    *("ProtectionError", "BackupsSuspended", "BackupSchedulesSuspended", "RetentionSchedulesSuspended"),
    *("ProtectionStopped", "SoftDeleting", "SoftDeleted", "NotProtected", "Invalid", "AStateOfTomorrow", ""),
)
LOWER, HIGHER = replace(GOLD, keep=Keep(Span(7, "day"))), replace(GOLD, keep=Keep(Span(20, "year")))
INTENTS: tuple[Intent, ...] = (
    GOLD_ASKED,
    replace(GOLD_ASKED, tier_name="bronze", tier=BRONZE),
    LeaveAlone("exempt"),
    NotAsked("no tag"),
    Mistake("glod", "use gold", "gold"),
)
OURS, THEIRS = instance_name(server().id), "by-hand"
TWO = replace(RULES, vaults=(VaultRule(VAULT), VaultRule(OTHER_VAULT, ("bronze",))))
RULE_SETS = tuple(
    replace(TWO, adopt=adopt, resume=resume, downgrade=downgrade)
    for adopt in ("report", "take")
    for resume in ("finding", "allow")
    for downgrade in ("finding", "allow")
)
DENIED = ("UserErrorMissingRequiredPermissions", "no role")


def policies(vault_id: str, kind: str) -> tuple[Policy, ...]:
    """The policies of a vault in which "theirs" is the one that the instance follows."""
    if kind == "missing":
        return ()
    if kind == "tampered":
        return (replace(policy_of(LOWER, policy_of().name, vault_id)),)
    tier = {"same": GOLD, "lower": LOWER, "higher": HIGHER, "unreadable": LOWER}[kind]
    followed = policy_of(tier, "theirs", vault_id)
    return (replace(followed, meaning=None) if kind == "unreadable" else followed, policy_of(vault_id=vault_id))


def worlds() -> Iterator[Observed]:
    """Every state, made by us or by others, in every kind of vault, by every kind of policy, with and without roles."""
    kinds = ("same", "lower", "higher", "missing", "unreadable", "tampered")
    roles = (frozenset[str](), observed().roles)
    for state, name, home, kind, held in product(
        STATES, (OURS, THEIRS), (VAULT, OTHER_VAULT, FOREIGN_VAULT), kinds, roles
    ):
        called = policy_of().name if kind == "tampered" else "theirs"
        errors = (DENIED,) if state in ("ProtectionError", "ConfiguringProtectionFailed") else ()
        one = instance(state, id=f"{home}/backupInstances/{name}", name=name, vault_id=home, errors=errors,
                       policy_id=f"{home}/backupPolicies/{called}")  # fmt: skip
        yield observed(
            instances=(one,),
            vaults=(vault(), vault(id=OTHER_VAULT)),
            policies=policies(home, kind),
            roles=held,
            has_recovery_point=False,
            jobs=(),
        )


WORLDS = tuple(worlds())


def overstepped(plan: Plan, world: Observed, intent: Intent, rules: Rules) -> list[str]:
    """What a plan does that it may not do."""
    one = world.instances[0]
    writes = [action for action in plan.actions if not isinstance(action, Wait)]
    on_instance = [action for action in writes if isinstance(action, ChangePolicy | Sync | ResumeProtection | Protect)]
    known = {policy.id: policy.meaning for policy in world.policies or ()}
    lowered = [
        action
        for action in writes
        if isinstance(action, ChangePolicy) and action.policy_id != one.policy_id
        and (not (old := known.get(one.policy_id)) or is_lower(tier_meaning(getattr(intent, "tier", GOLD)), old))
    ]  # fmt: skip
    wrong = {
        "writes without a wish": writes and not hasattr(intent, "tier"),
        "writes into a vault that is not of the rules": writes and one.vault_id == FOREIGN_VAULT,
        "touches what others made": on_instance and one.name == THEIRS and rules.adopt == "report",
        "resumes what a person stopped": rules.resume != "allow"
        and any(isinstance(action, ResumeProtection | Undelete) for action in writes),
        "weakens": lowered and rules.downgrade != "allow",
        "writes a policy that exists": any(isinstance(a, EnsurePolicy) and a.policy_id in known for a in writes),
        "makes a second instance": any(isinstance(action, Protect) for action in writes),
        "has no end": bool(writes) and plan.wait is None,
        "says nothing": not plan.verdict.reason,
    }
    return [name for name, is_so in wrong.items() if is_so]


@pytest.mark.parametrize("intent", INTENTS, ids=lambda intent: type(intent).__name__)
def test_every_combination_has_one_answer_that_oversteps_nothing(intent: Intent):
    """States, makers, vaults, policies, roles and rules, all of them: one verdict each, and only permitted writes."""
    found = {
        (name, world.instances[0].state)
        for world in WORLDS
        for rules in RULE_SETS
        for name in overstepped(make_plan(intent, look(world, intent, rules), rules), world, intent, rules)
    }
    assert found == set()


def test_every_combination_comes_to_rest():
    """Applied to an Azure that does what it is asked, every plan leads to one without actions."""
    restless = []
    for world in WORLDS[::7]:
        for rules in (RULE_SETS[0], RULE_SETS[-1]):
            now, plan = world, make_plan(GOLD_ASKED, world, rules)
            for _ in range(10):
                now, plan = turn(now, GOLD_ASKED, rules)
            restless += [world.instances[0].state] if plan.actions else []
    assert restless == []


def plan_of(rules: Rules = RULES, **changes: Any) -> Plan:
    return make_plan(GOLD_ASKED, observed(has_recovery_point=True, jobs=(), **changes), rules)


def test_the_stamp_makes_an_instance_ours_whatever_its_name():
    """An instance under a strange name that carries our stamp is treated as ours."""
    lower = policy_of(LOWER, "theirs")
    world = {"policies": (lower, policy_of()), "instances": (instance(policy_id=lower.id),)}
    assert plan_of(**world).verdict.kind is Kind.DRIFTED
    stamped = instance(policy_id=lower.id, tags={STAMP.upper(): "managed"})
    assert isinstance(plan_of(**world | {"instances": (stamped,)}).actions[0], ChangePolicy)


BROKEN = instance("ProtectionError", name=OURS, errors=(DENIED,))
SYNCED = Running("sync", "", NOW, "failed", DENIED)


@pytest.mark.parametrize(("refusals", "after_s"), list(enumerate(REFUSED_AGAIN_S)))
def test_a_sync_that_fails_is_repeated_ever_later(refusals: int, after_s: float):
    """1, 2, 4, 8, 15 minutes; between two of them the plan is the next Sync, and the count goes on."""
    waiting = plan_of(instances=(BROKEN,), memory=Memory(running=SYNCED, refused_since=NOW, refusals=refusals))
    assert waiting.wait
    assert (waiting.wait.after_s, waiting.refusals) == (after_s, refusals + 1)
    again = plan_of(instances=(BROKEN,), memory=Memory(refused_since=NOW, refusals=refusals + 1))
    assert (type(again.actions[0]), again.refusals) == (Sync, refusals + 1)
    assert plan_of(instances=(replace(BROKEN, state="ProtectionConfigured"),)).refusals == 0


def test_a_sync_that_ended_well_and_healed_nothing_counts_as_refused():
    """The operation says Succeeded, the instance is in error as before: it is not repeated at once."""
    ended = replace(SYNCED, status="succeeded", error=("", ""))
    plan = plan_of(instances=(BROKEN,), memory=Memory(running=ended))
    assert [type(action) for action in plan.actions] == [Wait]
    assert plan.refusals == 1


def test_roles_are_granted_to_the_identity_of_the_vault_that_holds_the_instance():
    """The instance lives in another vault than the one that would be chosen now: its own vault's identity counts."""
    home = vault(id=OTHER_VAULT, principal_id="77777777-0000-4000-8000-000000000007")
    broken = replace(BROKEN, vault_id=OTHER_VAULT, id=f"{OTHER_VAULT}/backupInstances/{OURS}")
    both = replace(RULES, vaults=(VaultRule(VAULT), VaultRule(OTHER_VAULT)))
    plan = plan_of(both, instances=(broken,), vaults=(vault(), home), roles=frozenset())
    grants = [action for action in plan.actions if isinstance(action, GrantRole)]
    assert {grant.principal_id for grant in grants} == {home.principal_id}


def test_a_contest_is_counted_once_for_each_change_that_others_make():
    """Seen right, changed, set back, seen right, changed: the count is two only then, and a new tier starts anew."""
    lower = policy_of(LOWER, "theirs")
    right = instance(name=OURS)
    moved = replace(right, policy_id=lower.id)
    known = (lower, policy_of())
    seen = plan_of(instances=(right,), policies=known)
    assert seen.contest == Contest(tier_meaning(GOLD).digest, 0, was_right=True)
    first = plan_of(instances=(moved,), policies=known, memory=Memory(contest=seen.contest))
    assert first.contest == Contest(tier_meaning(GOLD).digest, 1)
    late = plan_of(instances=(moved,), policies=known, memory=Memory(contest=first.contest))
    assert late.contest == first.contest
    back = plan_of(instances=(right,), policies=known, memory=Memory(contest=first.contest))
    again = plan_of(instances=(moved,), policies=known, memory=Memory(contest=back.contest))
    assert (again.verdict.kind, again.actions) == (Kind.CONTESTED, ())
    other_tier = Memory(contest=replace(again.contest, digest="another"))  # type: ignore[type-var]
    assert plan_of(instances=(moved,), policies=known, memory=other_tier).verdict.kind is Kind.CONFIGURING


def test_a_policy_that_was_deleted_is_no_contest():
    """Nobody has set another policy: the tier's own is made again, however often it goes."""
    rules, ours = replace(RULES, downgrade="allow"), instance(name=OURS)
    seen = plan_of(rules, instances=(ours,), policies=(policy_of(),))
    gone = plan_of(rules, instances=(ours,), policies=(), memory=Memory(contest=seen.contest))
    assert gone.contest == Contest(tier_meaning(GOLD).digest, 0)
    assert [type(one) for one in gone.actions] == [EnsurePolicy, ChangePolicy, Wait]


def test_nothing_is_read_for_an_instance_that_is_known_to_be_right():
    """The budget of two reads holds: policy and first backup are remembered, so there is no third question."""
    memory = Memory(policy_id=policy_of().id, policy_digest=tier_meaning(GOLD).digest)
    memory = replace(memory, backup=replace(memory.backup, step="done", has_point=True))
    unread = {"vaults": None, "policies": None, "roles": None, "deleted": None}
    seen = observed(**unread, instances=(instance(name=OURS),), memory=memory)
    assert needs(GOLD_ASKED, seen, RULES) == frozenset()


def test_a_first_backup_is_started_for_others_instances_too():
    """It takes nothing away from whoever made the instance, and the team asked for it."""
    plan = make_plan(GOLD_ASKED, observed(instances=(instance(),), has_recovery_point=False, jobs=()), RULES)
    assert isinstance(plan.actions[0], StartBackup)
    assert plan.wait
    assert timedelta(seconds=plan.wait.after_s) < timedelta(minutes=20)


@pytest.mark.parametrize(("why", "starts"), [("late", True), ("failed", True), ("person", True), ("first", False)])
def test_a_wrong_policy_keeps_nobody_from_a_backup(why: str, *, starts: bool):
    """Drift is only reported, a wished backup is made by the policy that is there, a first one by its schedule."""
    by_hand = policy_of(BRONZE, "by-hand")
    memory = Memory(wish=Wish(why, NOW - timedelta(minutes=1)))
    seen = observed(
        instances=(instance(policy_id=by_hand.id),),
        policies=(by_hand,),
        jobs=(),
        has_recovery_point=False,
        memory=memory,
    )
    plan = make_plan(GOLD_ASKED, seen, RULES)
    assert plan.verdict.kind is Kind.DRIFTED
    assert any(isinstance(action, StartBackup) for action in plan.actions) == starts
