"""Foresight: it ends as the program ends that reads and writes step by step, and writes what that writes."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.actions import EnsurePolicy, GrantRole, Protect, StartBackup, Validate, Wait
from shared.core.foresee import Foreseen, foresee
from shared.core.intent import NotAsked
from shared.core.observed import LastBackup, Memory, Running
from shared.core.plan import make_plan
from shared.core.rules import Roles, Rules
from shared.core.verdict import Kind
from shared.core.waits import FRESH
from tests.core.ideal_cloud import World, turn, worlds
from tests.core.samples import BRONZE, GOLD_ASKED, NOW, RULES, instance, job, observed, server, vault

ROUNDS = 12
PREDEPLOYED = replace(RULES, roles=Roles("predeployed"))
TAKING = replace(RULES, adopt="take", downgrade="allow", resume="allow")
rule_files = st.sampled_from((RULES, PREDEPLOYED, TAKING))


def ahead(rules: Rules = RULES, **changes: Any) -> Foreseen:
    return foresee(GOLD_ASKED, observed(**changes), rules)


def kinds(foreseen: Foreseen) -> list[str]:
    return [type(write).__name__ for write in foreseen.writes]


def remembered(world: World) -> World:
    """The world without what the program would not look at, because it remembers better; and with nothing running."""
    memory = replace(world.memory, running=None)
    asked = memory.backup.step in ("intended", "started")
    is_new = memory.created_at is not None and world.now - memory.created_at < FRESH
    return replace(
        world,
        memory=memory,
        has_recovery_point=bool(world.has_recovery_point and world.instances and not asked),
        jobs=world.jobs if world.instances and (asked or not is_new) else (),
    )


@given(worlds, rule_files)
def test_it_ends_as_the_program_ends(world: World, rules: Rules):
    """Planning with everything known, and planning that reads what it needs, write the same and end the same."""
    world = remembered(world)
    foreseen, writes = foresee(GOLD_ASKED, world, rules), []
    for _ in range(ROUNDS):
        world, plan = turn(world, GOLD_ASKED, rules)
        writes += [action for action in plan.actions if not isinstance(action, Validate | Wait)]
    assert (foreseen.final.kind, list(foreseen.writes)) == (plan.verdict.kind, writes)


@given(worlds, rule_files)
def test_nothing_to_do_is_nothing_ever(world: World, rules: Rules):
    """Where today's plan has no action, nothing would be written, and the end is said today."""
    foreseen = foresee(GOLD_ASKED, world, rules)
    if not foreseen.plan.actions:
        assert (foreseen.writes, foreseen.final) == ((), foreseen.plan.verdict)


@given(worlds)
def test_today_is_what_the_program_says_today(world: World):
    """The plan for today is the program's own, but for an operation that runs: only asking Azure tells how it ends."""
    world = replace(world, memory=replace(world.memory, running=None))
    assert foresee(GOLD_ASKED, world, RULES).plan == make_plan(GOLD_ASKED, world, RULES)


@pytest.mark.parametrize(
    ("changes", "writes", "final"),
    [
        ({}, ["Protect", "StartBackup"], Kind.PROTECTED),
        ({"policies": ()}, ["EnsurePolicy", "Protect", "StartBackup"], Kind.PROTECTED),
        ({"roles": frozenset()}, ["GrantRole", "GrantRole", "Protect", "StartBackup"], Kind.PROTECTED),
        ({"server": server(state="Updating")}, ["Protect", "StartBackup"], Kind.PROTECTED),
        ({"server": server(state="Stopped")}, [], Kind.STOPPED),
        ({"server": server(replication_role="AsyncReplica")}, [], Kind.REPLICA),
        ({"server": None}, [], Kind.GONE),
        ({"vaults": (vault(location="eastus"),)}, [], Kind.NO_VAULT),
        ({"instances": (instance(),), "has_recovery_point": True}, [], Kind.PROTECTED),
        ({"instances": (instance(),), "has_recovery_point": False, "jobs": ()}, ["StartBackup"], Kind.PROTECTED),
        ({"instances": (instance(),), "has_recovery_point": False, "jobs": (job(),)}, [], Kind.PROTECTED),
        ({"instances": (instance("ConfiguringProtection"),), "has_recovery_point": True}, [], Kind.PROTECTED),
        ({"server": None, "instances": (instance(),)}, [], Kind.ORPHANED),
    ],
)  # fmt: skip
def test_how_it_ends(changes: dict[str, Any], writes: list[str], final: Kind):
    """Each beginning has its writes in order, and its end."""
    foreseen = ahead(**changes)
    assert (kinds(foreseen), foreseen.final.kind) == (writes, final)


def test_roles_that_nobody_read_count_as_missing():
    """Both are foreseen, and marked as not known; today's plan does not claim that they are missing."""
    foreseen = ahead(roles=None)
    assert kinds(foreseen) == ["GrantRole", "GrantRole", "Protect", "StartBackup"]
    assert not foreseen.are_roles_known
    assert foreseen.plan.verdict.kind is Kind.CONFIGURING
    assert ahead(roles=frozenset()).are_roles_known
    assert kinds(ahead(PREDEPLOYED, roles=None)) == ["Protect", "StartBackup"]


def test_the_end_says_where():
    """Vault and policy of the end are named, also when neither has the server yet."""
    foreseen = ahead(policies=())
    created = next(write for write in foreseen.writes if isinstance(write, EnsurePolicy))
    protect = next(write for write in foreseen.writes if isinstance(write, Protect))
    assert (foreseen.vault_id, foreseen.policy_id) == (protect.vault_id, created.policy_id)


def test_an_operation_that_runs_is_done_again():
    """Nobody knows how it ends, so nothing is built on it."""
    running = Memory(running=Running("validate", "https://x", NOW))
    assert kinds(ahead(memory=running)) == ["Protect", "StartBackup"]


def test_a_first_backup_that_is_known_is_not_foreseen():
    """What the app remembers of the first backup counts."""
    done = Memory(backup=LastBackup("done", has_point=True))
    assert kinds(ahead(instances=(instance(),), has_recovery_point=False, memory=done)) == []


def test_who_waits_for_the_schedule_starts_nothing():
    """A tier without a first backup at once ends with the schedule."""
    asked = replace(GOLD_ASKED, tier_name="bronze", tier=BRONZE)
    foreseen = foresee(asked, observed(policies=()), RULES)
    assert StartBackup not in map(type, foreseen.writes)
    assert foreseen.final.kind is Kind.FIRST_BACKUP_PENDING


def test_who_did_not_ask_has_no_future():
    """Without a tier nothing would be written, whatever else is true."""
    assert foresee(NotAsked("no tag"), observed(), RULES).writes == ()
    assert GrantRole not in map(type, foresee(NotAsked("no tag"), observed(roles=frozenset()), RULES).writes)
