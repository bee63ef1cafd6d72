"""The plan: what it promises about any world, and what it says in each case."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import actions
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
)
from shared.core.intent import LeaveAlone, Mistake, NotAsked
from shared.core.observed import LastBackup, Memory, Need, Observed, Running
from shared.core.plan import Plan, make_plan, needs
from shared.core.rules import Roles, Rules, VaultRule
from shared.core.verdict import FIXES, Kind
from shared.datasources.postgresql_flexible import DATASOURCE
from tests.core.ideal_cloud import World, applied, look, turn, worlds
from tests.core.samples import (
    BRONZE,
    FOREIGN_VAULT,
    GOLD,
    GOLD_ASKED,
    INSTANCE,
    NOW,
    OTHER_VAULT,
    PRINCIPAL,
    RULES,
    SERVER,
    VAULT,
    instance,
    job,
    observed,
    policy_of,
    server,
    vault,
)

ROUNDS = 10
GENEROUS = replace(RULES, adopt="take", resume="allow", downgrade="allow")
TWO_VAULTS = replace(RULES, vaults=(VaultRule(VAULT, ("bronze",)), VaultRule(OTHER_VAULT)))
PREDEPLOYED = replace(RULES, roles=Roles("predeployed"))
rule_files = st.sampled_from((RULES, TWO_VAULTS, PREDEPLOYED, GENEROUS))
others = st.sampled_from((NotAsked("no tag"), LeaveAlone("exempt"), Mistake("glod", "fix", "gold")))


def plan_of(rules: Rules = RULES, **changes: Any) -> Plan:
    return make_plan(GOLD_ASKED, observed(**changes), rules)


def kinds(plan: Plan) -> list[str]:
    return [type(action).__name__ for action in plan.actions]


# -- what holds in every world -----------------------------------------------------------------------------------------


@given(worlds, rule_files)
def test_planning_converges(world: World, rules: Rules):
    """Whatever the world looks like, a few rounds of plan and apply leave nothing to do."""
    for _ in range(ROUNDS):
        world, _ = turn(world, GOLD_ASKED, rules)
    assert turn(world, GOLD_ASKED, rules)[1].actions == ()


@given(worlds)
def test_a_server_that_can_be_protected_ends_protected(world: World):
    """With a server that is ready, a vault in its region and nothing in the way, the end is protection."""
    free = replace(
        world,
        server=server(),
        vaults=(vault(),),
        policies=(),
        instances=(),
        jobs=(),
        has_recovery_point=False,
        memory=Memory(),
        deleted=(),
    )
    for _ in range(ROUNDS):
        free, plan = turn(free, GOLD_ASKED, RULES)
    assert plan.verdict.kind is Kind.PROTECTED
    assert free.has_recovery_point


@given(worlds, rule_files)
def test_plans_are_gentle(world: World, rules: Rules):
    """No plan holds anything but the known writes and a wait at its end; none names another server's things."""
    for _ in range(ROUNDS):
        world, plan = turn(world, GOLD_ASKED, rules)
        assert all(isinstance(action, get_args(actions.Write)) for action in plan.actions[:-1])
        assert all(isinstance(action, get_args(Action)) for action in plan.actions)


def test_no_action_takes_anything_away():
    """There is no kind of action that could delete, stop or suspend."""
    known = {EnsurePolicy, GrantRole, Validate, Protect, ChangePolicy, Sync, ResumeProtection, Undelete, StartBackup}
    known |= {Wait}
    assert set(get_args(actions.Write)) | {Wait} == known
    assert {thing for thing in vars(actions).values() if isinstance(thing, type) and hasattr(thing, "reason")} == known


@given(worlds, rule_files)
def test_plans_are_repeatable(world: World, rules: Rules):
    """The same world gives the same plan, and applying it twice makes what applying it once makes."""
    seen = look(world, GOLD_ASKED, rules)
    plan = make_plan(GOLD_ASKED, seen, rules)
    assert make_plan(GOLD_ASKED, seen, rules) == plan
    for action in plan.actions:
        if not isinstance(action, Wait):
            once = applied(world, action)
            assert applied(once, action) == once


@given(worlds, others, rule_files)
def test_who_did_not_ask_is_left_alone(world: World, intent: Any, rules: Rules):
    """Without a tier nothing is read and nothing is done, whatever else is true."""
    seen = look(world, intent, rules)
    assert needs(intent, seen, rules) == frozenset()
    assert make_plan(intent, seen, rules).actions == ()


@given(worlds)
def test_predeployed_roles_are_never_granted(world: World):
    """Where the deployment sees to the roles, the app neither reads nor grants any."""
    for _ in range(ROUNDS):
        seen = look(world, GOLD_ASKED, PREDEPLOYED)
        assert seen.roles is None
        world, plan = turn(world, GOLD_ASKED, PREDEPLOYED)
        assert not any(isinstance(action, GrantRole) for action in plan.actions)


@given(worlds, rule_files)
def test_whatever_is_said_is_said_in_full(world: World, rules: Rules):
    """Every verdict has a reason; every action too; and what is unfinished ends in a wait of some seconds."""
    plan = make_plan(GOLD_ASKED, look(world, GOLD_ASKED, rules), rules)
    assert plan.verdict.reason
    assert all(action.reason for action in plan.actions)
    assert not plan.actions or (plan.wait and plan.wait.after_s > 0)


@given(worlds, rule_files)
def test_only_what_hangs_on_it_is_read(world: World, rules: Rules):
    """Nothing that was not asked for has a part in the plan: reading everything gives the same one."""
    seen = look(world, GOLD_ASKED, rules)
    unread = {item.name: None for item in fields(Observed) if getattr(seen, item.name) is None}
    unread.pop("server", None)
    for name, value in {"vaults": world.vaults, "has_recovery_point": False, "jobs": ()}.items():
        if name in unread:
            assert make_plan(GOLD_ASKED, replace(seen, **{name: value}), rules) == make_plan(GOLD_ASKED, seen, rules)


# -- what is said in each case -----------------------------------------------------------------------------------------

REPLICA, CLUSTER = server(replication_role="AsyncReplica"), server(is_cluster=True)
DENIED = Running("validate", "", NOW, "failed", ("UserErrorMissingRequiredPermissions", "no access"))
REFUSED = Running("validate", "", NOW, "failed", ("BMSUserErrorServerTooLarge", "too large"))
LONG_DENIED = Memory(running=DENIED, refused_since=NOW - timedelta(minutes=40), refusals=9)
TAMPERED = policy_of(replace(GOLD, keep=BRONZE.keep), policy_of().name)
ERROR = (("UserErrorMissingRequiredPermissions", "no role"),)
SINCE_AN_HOUR = Memory(unready_since=NOW - timedelta(hours=1))
POINT: dict[str, Any] = {"has_recovery_point": True}

CASES: list[tuple[dict[str, Any], Kind, str]] = [
    ({"server": None}, Kind.GONE, "no backup of it"),
    ({"server": None, "instances": (instance(),)}, Kind.ORPHANED, "pg-orders-1 still holds its backups"),
    ({"server": REPLICA}, Kind.REPLICA, "read replica (AsyncReplica)"),
    ({"server": CLUSTER}, Kind.ELASTIC_CLUSTER, "elastic cluster"),
    ({"server": server(state="Stopped")}, Kind.STOPPED, "is Stopped"),
    ({"server": server(state="Disabled")}, Kind.STOPPED, "is Disabled"),
    ({"server": server(state="Updating")}, Kind.NOT_READY, "is Updating"),
    ({"server": server(state="")}, Kind.NOT_READY, "no known state"),
    ({"server": server(location="eastus")}, Kind.NO_VAULT, "in eastus and serves tier gold"),
    ({"vaults": ()}, Kind.NO_VAULT, "in westeurope"),
    ({"vaults": (vault(principal_id=""),)}, Kind.VAULT_IDENTITY, "bv-one has no identity"),
    ({"policies": (TAMPERED,)}, Kind.POLICY_TAMPERED, "does not mean tier gold"),
    ({"roles": frozenset()}, Kind.WAITING_FOR_ROLES, "Reader and PostgreSQL Flexible Server Long Term"),
    ({"memory": Memory(granted_at=NOW)}, Kind.WAITING_FOR_ROLES, "not effective at once"),
    ({"memory": Memory(running=DENIED)}, Kind.WAITING_FOR_ROLES, "UserErrorMissingRequiredPermissions"),
    ({"memory": LONG_DENIED}, Kind.ROLES_INEFFECTIVE, "refused for 40 minutes"),
    ({"memory": Memory(running=REFUSED)}, Kind.VALIDATION_FAILED, "BMSUserErrorServerTooLarge: too large"),
    ({}, Kind.CONFIGURING, "checks its permissions"),
    ({"memory": Memory(running=Running("validate", "", NOW, "succeeded"))}, Kind.CONFIGURING, "being configured"),
    ({"instances": (instance("ConfiguringProtection"),)}, Kind.CONFIGURING, "busy with it (ConfiguringProtection)"),
    ({"instances": (instance("UpdatingProtection"),)}, Kind.CONFIGURING, "busy"),
    ({"instances": (instance("ProtectionError", errors=ERROR),)}, Kind.PROTECTION_ERROR, "no role"),
    ({"instances": (instance("ConfiguringProtectionFailed"),)}, Kind.PROTECTION_ERROR, "gives no reason"),
    ({"instances": (instance("ProtectionStopped"),)}, Kind.STOPPED_BY_SOMEONE, "is ProtectionStopped"),
    ({"instances": (instance("BackupsSuspended"),)}, Kind.STOPPED_BY_SOMEONE, "is BackupsSuspended"),
    ({"instances": (instance("SoftDeleted"),)}, Kind.STOPPED_BY_SOMEONE, "is SoftDeleted"),
    ({"instances": (instance("Brand_New"),)}, Kind.UNKNOWN_STATE, "is Brand_New"),
    ({"instances": (instance(""),)}, Kind.UNKNOWN_STATE, "in no state"),
    (
        {"instances": (instance(vault_id=FOREIGN_VAULT),)},
        Kind.PROTECTED_ELSEWHERE,
        "bv-foreign, which the rules do not",
    ),
    ({"instances": (instance(policy_id=f"{VAULT}/backupPolicies/x"),)}, Kind.DRIFTED, "policy x does not mean"),
    ({"instances": (instance(),), "jobs": (), **POINT}, Kind.PROTECTED, "as gold and has a recovery point"),
    ({"instances": (instance(),), "jobs": (), "has_recovery_point": False}, Kind.FIRST_BACKUP_PENDING, "being started"),
    ({"instances": (instance(),), "jobs": (job(),), "has_recovery_point": False}, Kind.FIRST_BACKUP_PENDING, "running"),
]


@pytest.mark.parametrize(("changes", "kind", "reason"), CASES)
def test_verdicts(changes: dict[str, Any], kind: Kind, reason: str):
    """Every situation has one verdict, with its reason and its kind's next step."""
    verdict = plan_of(**changes).verdict
    assert (verdict.kind, verdict.fix) == (kind, FIXES[kind])
    assert reason in verdict.reason


def test_the_verdicts_that_hang_on_rules():
    """A vault that does not serve the tier, and roles that the deployment was to assign, have verdicts of their own."""
    wrong = plan_of(TWO_VAULTS, instances=(instance(),))
    assert (wrong.verdict.kind, wrong.actions) == (Kind.WRONG_VAULT, ())
    assert plan_of(PREDEPLOYED, memory=LONG_DENIED).verdict.kind is Kind.ROLES_MISSING


@pytest.mark.parametrize(
    ("intent", "kind"),
    [
        (NotAsked("it has no tag"), Kind.NOT_OPTED_IN),
        (LeaveAlone("exempt by tag"), Kind.EXEMPT),
        (Mistake("'glod' is not a tier", "use gold", "gold"), Kind.UNKNOWN_TIER),
    ],
)
def test_a_protected_server_that_no_longer_asks_stays_protected(intent: Any, kind: Kind):
    """Taking the tag away stops nothing, and the verdict says that backups go on."""
    plan = make_plan(intent, observed(instances=(instance(),)), RULES)
    assert (plan.verdict.kind, plan.actions) == (kind, ())
    assert "pg-orders-1 go on, nothing was stopped" in plan.verdict.reason


def test_a_mistake_says_what_to_write():
    """An unknown tag value is answered with the valid ones."""
    plan = make_plan(Mistake("'glod' is not a tier", "set the tag to gold", "gold"), observed(), RULES)
    assert plan.verdict.fix == "application team: set the tag to gold"


# -- policies, vaults, roles -------------------------------------------------------------------------------------------


def test_a_missing_policy_is_made_first():
    """Without a policy that means the tier, ours is made before anything hangs on it."""
    plan = plan_of(policies=())
    ensure = plan.actions[0]
    assert kinds(plan) == ["EnsurePolicy", "Validate", "Wait"]
    assert isinstance(ensure, EnsurePolicy)
    assert ensure.policy_id == plan.policy_id == f"{VAULT}/backupPolicies/{policy_of().name}"


def test_the_same_meaning_under_another_name_is_used():
    """A policy that somebody else made is used when it means the tier; ours is preferred where both are there."""
    theirs = policy_of(name="by-hand")
    assert plan_of(policies=(theirs,)).policy_id == theirs.id
    assert kinds(plan_of(policies=(theirs,))) == ["Validate", "Wait"]
    assert plan_of(policies=(theirs, policy_of())).policy_id == policy_of().id


def test_a_policy_for_other_databases_is_not_used():
    """A policy of the same schedule and retention for another kind of datasource would be refused: ours is made."""
    disks = replace(policy_of(name="disks"), datasources=frozenset({"microsoft.compute/disks"}))
    assert kinds(plan_of(policies=(disks,))) == ["EnsurePolicy", "Validate", "Wait"]


def test_a_tampered_policy_stops_everything():
    """A policy with our name and other content is reported, never written, and never used."""
    assert plan_of(policies=(TAMPERED,)).actions == ()
    assert plan_of(policies=(TAMPERED, policy_of(name="by-hand"))).policy_id.endswith("by-hand")


def test_the_vault_is_chosen_by_tier_region_and_order():
    """The first vault of the file that serves the tier and is in the server's region; ids compare without case."""
    both = (vault(), vault(id=OTHER_VAULT.upper()))
    assert plan_of(TWO_VAULTS, vaults=both).vault_id == OTHER_VAULT.upper()
    assert plan_of(RULES, vaults=both).vault_id == VAULT
    either = replace(RULES, vaults=(VaultRule(OTHER_VAULT), VaultRule(VAULT)))
    assert plan_of(either, vaults=(vault(), vault(id=OTHER_VAULT, location="eastus"))).vault_id == VAULT


@pytest.mark.parametrize(
    ("held", "granted"),
    [
        (frozenset(), [DATASOURCE.group_role, DATASOURCE.server_role]),
        (frozenset({DATASOURCE.group_role}), [DATASOURCE.server_role]),
        (frozenset({DATASOURCE.server_role}), [DATASOURCE.group_role]),
        (frozenset({DATASOURCE.server_role, DATASOURCE.group_role}), []),
    ],
)
def test_only_missing_roles_are_granted(held: frozenset[str], granted: list[str]):
    """A role is granted where it is missing, each on its own scope and to the vault's identity."""
    grants = [action for action in plan_of(roles=held).actions if isinstance(action, GrantRole)]
    assert [grant.role for grant in grants] == granted
    assert {grant.principal_id for grant in grants} <= {PRINCIPAL}
    for grant in grants:
        assert grant.scope == (SERVER if grant.role == DATASOURCE.server_role else server().id.group_id)


# -- waits -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "after_s"),
    [
        ({}, 41.0),
        ({"memory": Memory(running=Running("validate", "", NOW, "succeeded"))}, 70.0),
        ({"instances": (instance("ConfiguringProtection"),)}, 30.0),
        ({"roles": frozenset()}, 120.0),
        ({"memory": Memory(granted_at=NOW - timedelta(seconds=100))}, 20.0),
        ({"memory": Memory(granted_at=NOW - timedelta(seconds=119))}, 41.0),
        ({"memory": Memory(granted_at=NOW, refusals=1)}, 41.0),
        ({"server": server(state="Updating")}, 10.0),
        ({"server": server(state="Updating"), "memory": SINCE_AN_HOUR}, 90.0),
        ({"vaults": (vault(state="Updating"),), "memory": SINCE_AN_HOUR}, 360.0),
        ({"instances": (instance("ConfiguringProtection"),), "memory": SINCE_AN_HOUR}, 360.0),
    ],
)
def test_waits(changes: dict[str, Any], after_s: float):
    """Every wait is the service's own recorded time, and no longer; what lasts is waited for longer and longer."""
    wait = plan_of(**changes).wait
    assert wait
    assert wait.after_s == after_s


def test_a_denied_validation_backs_off_and_ends():
    """A missing role is waited for 1, 2, 4, 8 and then every 15 minutes, and given up after 40 minutes."""
    waits, now, refusals = [], NOW, 0
    while True:
        memory = Memory(running=DENIED, refused_since=NOW, refusals=refusals)
        plan = plan_of(now=now, memory=memory)
        if not plan.wait:
            break
        waits.append(plan.wait.after_s)
        now, refusals = now + timedelta(seconds=plan.wait.after_s), refusals + 1
    assert waits == [60.0, 120.0, 240.0, 480.0, 900.0, 900.0]
    assert (plan.verdict.kind, now - NOW) == (Kind.ROLES_INEFFECTIVE, timedelta(minutes=45))


# -- reading -----------------------------------------------------------------------------------------------------------

UNREAD: dict[str, Any] = {"vaults": None, "policies": None, "roles": None}
DONE = Memory(backup=LastBackup("done", has_point=True))


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({"server": None}, set()),
        ({"server": REPLICA}, set()),
        ({"server": server(state="Updating")}, set()),
        ({}, {Need.VAULTS}),
        ({"vaults": ()}, set()),
        ({"vaults": (vault(),)}, {Need.POLICIES, Need.ROLES}),
        ({"vaults": (vault(),), "memory": Memory(running=DENIED)}, {Need.POLICIES}),
        ({"instances": (instance("ConfiguringProtection"),)}, set()),
        ({"instances": (instance(vault_id=FOREIGN_VAULT),)}, set()),
        ({"instances": (instance(),)}, {Need.POLICIES}),
        ({"instances": (instance(),), "memory": DONE}, {Need.POLICIES}),
        ({"instances": (instance(),), "policies": (policy_of(),)}, {Need.RECOVERY_POINTS}),
        ({"instances": (instance(),), "policies": (policy_of(),), "memory": DONE}, set()),
    ],
)
def test_reading(changes: dict[str, Any], needed: set[Need]):
    """Only what a decision hangs on is read, step by step."""
    assert needs(GOLD_ASKED, observed(**{**UNREAD, **changes}), RULES) == needed


def test_a_policy_that_was_found_right_is_not_read_again():
    """A protected server whose policy is known by id and meaning needs nothing; under another policy it is read."""
    digest = policy_of().meaning.digest  # type: ignore[union-attr]
    memory = replace(DONE, policy_id=policy_of().id.upper(), policy_digest=digest)
    seen = observed(**UNREAD, instances=(instance(),), memory=memory)
    assert needs(GOLD_ASKED, seen, RULES) == frozenset()
    assert make_plan(GOLD_ASKED, seen, RULES).verdict.kind is Kind.PROTECTED
    moved = replace(seen, instances=(instance(policy_id=f"{VAULT}/backupPolicies/x"),))
    assert needs(GOLD_ASKED, moved, RULES) == {Need.POLICIES}


def test_an_instance_is_named_for_its_server():
    """What protects is asked for under the server's stable name, in the chosen vault, by the intended policy."""
    plan = plan_of(memory=Memory(running=Running("validate", "", NOW, "succeeded")))
    protect = plan.actions[0]
    assert isinstance(protect, Protect)
    assert (protect.vault_id, protect.policy_id) == (VAULT, policy_of().id)
    assert protect.instance_name.startswith("pg-orders-")
    assert not INSTANCE.endswith(protect.instance_name)
