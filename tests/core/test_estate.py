"""The estate in bulk: one server's rows become what a look would have observed, and every server gets its judgement."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core import resource_id
from shared.core.estate import Estate, Scope, observed_of
from shared.core.intent import read_intent
from shared.core.judgement import Known, coverage, is_finding, judge
from shared.core.observed import Memory, Observed
from shared.core.rules import Override, Rules, Span, VaultRule
from shared.core.verdict import FIXES, Kind, Verdict
from shared.datasources.postgresql_flexible import DATASOURCE
from tests.core.samples import (
    GOLD,
    GROUP,
    INSTANCE,
    NOW,
    OTHER_VAULT,
    PRINCIPAL,
    RULES,
    SERVER,
    SUBSCRIPTION,
    VAULT,
    instance,
    job,
    policy_of,
    server,
    vault,
)

KEY = SERVER.lower()
BOTH = {DATASOURCE.server_role, DATASOURCE.group_role}
RIGHT = {"instances": {KEY: (instance(),)}, "points": {INSTANCE.lower(): NOW - timedelta(days=1)}}


def named(name: str, **changes: Any) -> dict[str, Any]:
    """A server under another name, as an estate lists it."""
    other = resource_id.parse(SERVER.replace("pg-orders", name))
    assert other
    return {other.key: server(id=other, **changes)}


def estate(**changes: Any) -> Estate:
    """The one server, its vault and gold's policy, but for `changes`; no instance."""
    small = Estate(
        NOW,
        Scope(frozenset({SUBSCRIPTION})),
        DATASOURCE,
        servers={KEY: server()},
        subscriptions={SUBSCRIPTION: "production"},
        vaults=(vault(),),
        policies={VAULT.lower(): (policy_of(),)},
    )
    return replace(small, **changes)


def seen(rules: Rules = RULES, **changes: Any) -> Observed:
    made = estate(**changes)
    tags = made.servers[KEY].tags if KEY in made.servers else {}
    intent = read_intent(tags, rules, NOW, server().id)
    return observed_of(made, server().id, intent, rules, made.usable_vaults(rules))


# -- one server --------------------------------------------------------------------------------------------------


def test_a_new_server_is_seen_with_the_policies_of_its_vault():
    """Vaults and policies are known, roles are not: nobody has asked."""
    found = seen(policies={VAULT.lower(): (policy_of(),), OTHER_VAULT.lower(): (policy_of(name="else"),)})
    assert (found.vaults, found.policies, found.roles) == ((vault(),), (policy_of(),), None)


def test_a_protected_server_is_seen_with_its_own_vault():
    """Policies are those of the vault that it is in; the newest point and running jobs come with the instance."""
    other = instance(vault_id=OTHER_VAULT, id=INSTANCE.replace("bv-one", "bv-two"))
    theirs = (policy_of(name="theirs", vault_id=OTHER_VAULT),)
    found = seen(instances={KEY: (other,)}, policies={OTHER_VAULT.lower(): theirs}, jobs={other.id.lower(): (job(),)})
    assert (found.policies, found.has_recovery_point, found.jobs) == (theirs, False, (job(),))
    assert seen(**RIGHT).has_recovery_point is True


@pytest.mark.parametrize(
    ("roles", "held"),
    [
        ({}, set()),
        ({DATASOURCE.group_role: GROUP, DATASOURCE.server_role: SERVER}, BOTH),
        ({DATASOURCE.group_role: f"/subscriptions/{SUBSCRIPTION}", DATASOURCE.server_role: GROUP}, BOTH),
        ({DATASOURCE.group_role: SERVER}, set()),
        ({DATASOURCE.server_role: f"{SERVER}-2"}, set()),
    ],
)
def test_roles_hold_where_they_are_and_below(roles: dict[str, str], held: set[str]):
    """The group's role must be on the group or above, the server's on the server or above; names do not half-match."""
    assignments = {(PRINCIPAL, role): frozenset({scope.lower()}) for role, scope in roles.items()}
    assert seen(assignments=assignments).roles == held


def test_a_vault_is_used_as_the_rules_say():
    """A vault of no rule is not among them, one found by its tag needs its identity admitted, a full one is full."""
    by_tag = replace(RULES, vaults=(VaultRule(tag={"use": "backup"}, most=1),))
    tagged = vault(tags={"Use": "Backup"})
    assert estate(vaults=(vault(),)).usable_vaults(by_tag) == ()
    assert [one.admitted for one in estate(vaults=(tagged,)).usable_vaults(by_tag)] == [False]
    (one,) = estate(vaults=(tagged,), instances={KEY: (instance(),)}).usable_vaults(by_tag, {PRINCIPAL})
    assert (one.admitted, one.is_full) == (True, True)


# -- every server ------------------------------------------------------------------------------------------------


def kinds(made: Estate, rules: Rules = RULES, **known: Any) -> dict[str, Kind]:
    return {one.id.name: one.verdict.kind for one in judge(made, rules, **known)}


def test_every_server_has_one_judgement():
    """Servers with and without a backup, and backups without a server, each stand there once, by their ids."""
    gone = named("pg-gone").popitem()[0]
    made = estate(
        servers={KEY: server(), **named("pg-none", tags={}), **named("pg-a")},
        instances={**RIGHT["instances"], gone: (instance(id=f"{INSTANCE}-2"),)},
        points=RIGHT["points"],
    )
    assert kinds(made) == {
        "pg-a": Kind.CONFIGURING,
        "pg-gone": Kind.ORPHANED,
        "pg-none": Kind.NOT_OPTED_IN,
        "pg-orders": Kind.PROTECTED,
    }
    assert [one.id.name for one in judge(made, RULES)] == ["pg-a", "pg-gone", "pg-none", "pg-orders"]


def test_a_gone_server_may_have_moved():
    """Where a server of the same name is known elsewhere, the reason says so."""
    moved = server(id=resource_id.parse(SERVER.replace("rg-data", "rg-new")))
    made = estate(servers={moved.id.key: moved}, instances={KEY: (instance(),)})
    (orphan,) = (one for one in judge(made, RULES) if one.verdict.kind is Kind.ORPHANED)
    assert moved.id.text in orphan.verdict.reason


def test_the_mode_is_that_of_the_server():
    """In observe the verdict says what would be next, and what would be written is foreseen all the same."""
    ring = replace(RULES, overrides=(Override("observe", groups=("rg-d*",)),))
    (one,) = judge(estate(), ring)
    assert (one.mode, one.mode_rule, one.verdict.kind) == ("observe", "overrides[0]", Kind.OBSERVE_ONLY)
    assert [entry.action for entry in one.entries] == ["GrantRole", "GrantRole", "Protect", "StartBackup"]
    assert one.foreseen.final.kind is Kind.PROTECTED


@pytest.mark.parametrize(
    ("age", "kind"), [(timedelta(days=8), Kind.PROTECTED), (timedelta(days=8, seconds=1), Kind.OVERDUE)]
)
def test_an_old_point_is_overdue(age: timedelta, kind: Kind):
    """Gold's newest point may be eight days old and not a second older."""
    gold = replace(RULES, tiers={"gold": replace(GOLD, max_age=Span(8, "day"))})
    assert kinds(estate(**RIGHT | {"points": {INSTANCE.lower(): NOW - age}}), gold) == {"pg-orders": kind}


def test_what_the_app_was_refused_stands():
    """Where work is under way, the app's own refusal is the verdict; where the rows say that all is well, they win."""
    refused = Verdict.of(Kind.VALIDATION_FAILED, "it was refused")
    known = {KEY: Known(Memory(), refused)}
    assert kinds(estate(), known=known) == {"pg-orders": Kind.VALIDATION_FAILED}
    assert kinds(estate(**RIGHT), known=known) == {"pg-orders": Kind.PROTECTED}
    assert kinds(estate(), known={KEY: Known(Memory(), Verdict.of(Kind.PROTECTED, "once"))})["pg-orders"] != "protected"


def test_where_the_rules_say_observe_no_old_word_stands():
    """Nobody looks again there, so what is seen now is said, not what was seen once."""
    known = {KEY: Known(Memory(), Verdict.of(Kind.NOT_READY, "the server is Provisioning"))}
    changing = estate(vaults=(vault(state="Updating"),))
    assert kinds(changing, replace(RULES, mode="observe"), known=known) == {"pg-orders": Kind.VAULT_NOT_READY}
    assert kinds(changing, known=known) == {"pg-orders": Kind.NOT_READY}


def test_coverage_has_a_denominator():
    """Replicas, exempt and gone servers are not counted; who did not ask is; nothing eligible has no percentage."""
    exempt = {"backup-tier": "none", "backup-exempt-until": "2026-12-24", "backup-exempt-reason": "test"}
    servers = {
        KEY: server(),
        **named("pg-none", tags={}),
        **named("pg-replica", replication_role="AsyncReplica"),
        **named("pg-out", tags=exempt),
    }
    found = coverage(judge(estate(servers=servers, **RIGHT), RULES))
    assert (found.protected, found.eligible, found.asking, found.percent) == (1, 2, 1, 50.0)
    assert coverage([]).percent is None


def test_a_finding_has_a_fix():
    """Whatever counts as a finding tells somebody what to do, and nothing that is right does count."""
    findings = {kind for kind in Kind if is_finding(Verdict.of(kind, "x"))}
    assert {kind for kind in findings if not FIXES[kind] or FIXES[kind].startswith("nothing to do")} == set()
    assert Kind.PROTECTED not in findings
