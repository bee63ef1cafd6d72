"""Policies for a spread and for rules of one's own: which variant a server gets, and what is sent."""

from collections import Counter
from dataclasses import replace

from shared.core.intent import Protect
from shared.core.observed import Memory
from shared.core.policy import Policy, policy_name, read_policy, render, tier_meaning, tier_meanings, variant_of
from shared.core.policy_choice import intended_policy
from shared.core.protection import drifted, follows_known_policy
from shared.core.resource_id import parse
from shared.core.rules import Custom, Span, TimeOfDay
from shared.datasources.postgresql_flexible import DATASOURCE
from tests.core.samples import GOLD, RULES, SERVER, VAULT, instance, observed

SERVERS = "Microsoft.DBforPostgreSQL/flexibleServers"


def test_a_spread_steps_by_half_an_hour_past_midnight():
    """The variants start every half hour; past midnight the weekday, and that of a rule of one's own, is the next."""
    own = Custom("Own", Span(1, "year"), 5, days=("sunday",), at=(TimeOfDay(23, 0),))
    backup = replace(GOLD.backup, at=TimeOfDay(23, 0), spread=Span(2, "hour"))
    tier = replace(GOLD, backup=backup, keep=replace(GOLD.keep, custom=(own,)))
    starts = [(meaning.slots, meaning.rules[0].criteria[0]) for meaning in tier_meanings(tier)]
    assert [(slot.phase_s // 86_400, slot.time) for ((slot,), _) in starts] == [
        (6, "23:00"), (6, "23:30"), (0, "00:00"), (0, "00:30"),
    ]  # fmt: skip
    assert [(criteria.weekdays, criteria.times) for _, criteria in starts] == [
        ((6,), ("23:00",)), ((6,), ("23:30",)), ((0,), ("00:00",)), ((0,), ("00:30",)),
    ]  # fmt: skip


def test_variants_are_stable_and_all_used():
    """A server has always the same variant, whatever the casing of its id; a thousand servers use all of them alike."""
    tier = replace(GOLD, backup=replace(GOLD.backup, spread=Span(4, "hour")))
    ids = [parse(f"{SERVER}-{number}") for number in range(1000)]
    found = Counter(variant_of(one, tier) for one in ids)
    assert set(found) == set(range(8))
    assert max(found.values()) < 2 * min(found.values())
    assert [variant_of(parse(one.text.upper()), tier) for one in ids] == [variant_of(one, tier) for one in ids]
    assert {variant_of(one, GOLD) for one in ids} == {0}


def test_variants_have_names_of_their_own():
    """The first variant is the tier without a spread, under its name; every variant has another name."""
    spread = replace(GOLD, backup=replace(GOLD.backup, spread=Span(4, "hour")))
    names = [policy_name("gold", spread, variant) for variant in range(len(tier_meanings(spread)))]
    assert names[0] == policy_name("gold", GOLD)
    assert len(set(names)) == 8


CUSTOM = Custom(
    name="Own", keep=Span(3, "year"), priority=5, first_of="month", days=("sunday",), weeks=("first", "last"),
    months=("march", "september"), dates=("1", "last"), at=(TimeOfDay(1, 30),),
)  # fmt: skip


def test_a_rule_of_ones_own_says_all_six_members():
    """The criteria are spelled as the service spells them, and the rule stands by its priority."""
    tier = replace(GOLD, keep=replace(GOLD.keep, custom=(CUSTOM,)))
    first = render(tier, SERVERS)["properties"]["policyRules"][0]["trigger"]["taggingCriteria"][0]
    assert first == {
        "isDefault": False,
        "taggingPriority": 5,
        "tagInfo": {"id": "Own_", "tagName": "Own"},
        "criteria": [
            {
                "objectType": "ScheduleBasedBackupCriteria",
                "absoluteCriteria": ["FirstOfMonth"],
                "daysOfTheWeek": ["Sunday"],
                "weeksOfTheMonth": ["First", "Last"],
                "monthsOfYear": ["March", "September"],
                "daysOfMonth": [{"isLast": True}, {"date": 1, "isLast": False}],
                "scheduleTimes": ["2024-01-07T01:30:00+01:00"],
            }
        ],
    }


SPREAD = replace(GOLD, backup=replace(GOLD.backup, spread=Span(4, "hour")))
WANTED = Protect("gold", SPREAD, "tag")


def policies(*variants: int) -> tuple[Policy, ...]:
    """Policies of the vault with these variants, under names that others gave them."""
    bodies = [(f"theirs-{variant}", render(SPREAD, SERVERS, variant)) for variant in variants]
    return tuple(read_policy({"id": f"{VAULT}/backupPolicies/{name}", "name": name, **body}) for name, body in bodies)


def test_a_new_instance_gets_the_variant_of_its_server():
    """Any policy that means the server's own variant is taken; without one, ours is to be made."""
    server_id = parse(SERVER)
    own = variant_of(server_id, SPREAD)
    others = [variant for variant in range(8) if variant != own]
    found = intended_policy(server_id, WANTED, VAULT, policies(*range(8)), DATASOURCE, RULES)
    assert found == (f"{VAULT}/backupPolicies/theirs-{own}", True, None)
    policy_id, exists, stranger = intended_policy(server_id, WANTED, VAULT, policies(*others), DATASOURCE, RULES)
    assert (exists, stranger) == (False, None)
    assert policy_id.endswith(policy_name("gold", SPREAD, own))


def test_where_policies_are_predeployed_any_variant_does():
    """An app that may make no policy takes another variant rather than leaving the server without protection."""
    server_id = parse(SERVER)
    other = (variant_of(server_id, SPREAD) + 1) % 8
    predeployed = replace(RULES, policies="predeployed")
    found = intended_policy(server_id, WANTED, VAULT, policies(other), DATASOURCE, predeployed)
    assert found == (f"{VAULT}/backupPolicies/theirs-{other}", True, None)


def test_nobody_is_moved_for_a_spread():
    """An instance that follows any variant of its tier, of the policy as of what was found earlier, is not drifted."""
    for variant, policy in enumerate(policies(*range(8))):
        mine = instance(policy_id=policy.id)
        assert drifted(mine, WANTED, observed(policies=(policy,))) is None
        digest = tier_meaning(SPREAD, variant).digest
        known = observed(memory=Memory(policy_id=policy.id, policy_digest=digest), policies=None)
        assert follows_known_policy(mine, WANTED, known)
