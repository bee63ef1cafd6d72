"""Which vault protects a server: by id or tag, admitted or not, full or not, and always the same one."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import protection, resource_id
from shared.core.intent import Protect
from shared.core.observed import Need, Vault
from shared.core.plan import make_plan, needs
from shared.core.rules import Rules, VaultRule
from shared.core.vault_choice import choose_vault, is_count_needed, judged, rules_of, without_vault
from shared.core.verdict import Kind
from tests.core.samples import (
    BRONZE,
    FOREIGN_VAULT,
    GOLD_ASKED,
    OTHER_VAULT,
    PRINCIPAL,
    RULES,
    SERVER,
    VAULT,
    instance,
    observed,
    server,
    vault,
)

TAG = {"flexguard": "yes"}
BY_TAG = replace(RULES, vaults=(VaultRule(tag=TAG),))
BRONZE_ASKED = Protect("bronze", BRONZE, "tag backup-tier = bronze")


def found(name: str, **changes: Any) -> Vault:
    """A vault that carries the tag, judged as the deployment of the one principal would."""
    made = vault(id=VAULT.replace("bv-one", name), tags=TAG, **changes)
    return judged(made, BY_TAG, {PRINCIPAL})


def chosen(rules: Rules, *vaults: Vault, intent: Protect = GOLD_ASKED, **changes: Any) -> str:
    """The name of the vault that the one server gets; "" if none."""
    it = choose_vault(server(**changes), intent, observed(vaults=vaults), rules)
    return it.name if it else ""


def refusal(rules: Rules, *vaults: Vault) -> Any:
    """What is said when there is no vault."""
    seen = observed(vaults=vaults)
    assert choose_vault(server(), GOLD_ASKED, seen, rules) is None
    verdict = without_vault(server(), GOLD_ASKED, seen, rules)
    assert make_plan(GOLD_ASKED, replace(seen, instances=()), rules).verdict == verdict
    return verdict


# -- who is spoken of, and who is admitted -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "is_meant"),
    [
        (TAG, True),
        ({" Flexguard ": "YES", "team": "db"}, True),
        ({"flexguard": "no"}, False),
        ({"flex": "guard"}, False),
        ({}, False),
    ],
)
def test_a_tag_finds_a_vault_without_case(tags: dict[str, str], *, is_meant: bool):
    """Name and value are compared without case and trimmed; other tags do not matter."""
    assert bool(rules_of(VAULT, tags, BY_TAG)) == is_meant


def test_every_tag_of_a_rule_must_be_there():
    """A rule with two tags finds only what carries both."""
    rules = replace(RULES, vaults=(VaultRule(tag=TAG | {"ring": "1"}),))
    assert not rules_of(VAULT, TAG, rules)
    assert rules_of(VAULT, TAG | {"ring": "1"}, rules)


def test_a_vault_that_is_named_follows_its_own_rules_alone():
    """What a tag rule says of tagged vaults does not hold for one that the file names by its id."""
    rules = replace(RULES, vaults=(VaultRule(VAULT, ("bronze",)), VaultRule(tag=TAG)))
    assert [rule.id for rule in rules_of(VAULT.upper(), TAG, rules)] == [VAULT]
    assert chosen(rules, vault(tags=TAG)) == ""
    assert chosen(rules, vault(tags=TAG), intent=BRONZE_ASKED) == "bv-one"


@pytest.mark.parametrize(
    ("rules", "identities", "is_admitted"),
    [(RULES, set(), True), (BY_TAG, set(), False), (BY_TAG, {"another"}, False), (BY_TAG, {PRINCIPAL}, True)],
)
def test_discovery_lists_and_deployment_admits(rules: Rules, identities: set[str], *, is_admitted: bool):
    """A named vault is admitted by being named; a found one by its identity, in whatever case Azure writes it."""
    carrying = vault(tags=TAG, principal_id=PRINCIPAL.upper())
    assert judged(carrying, rules, identities).admitted == is_admitted


def test_no_identity_is_never_admitted():
    """A found vault without an identity is nobody's, even where an empty setting could be taken for it."""
    assert not judged(vault(tags=TAG, principal_id=""), BY_TAG, {PRINCIPAL}).admitted


# -- the choice --------------------------------------------------------------------------------------------------------


def test_strangers_are_never_used():
    """A vault that only claims the tag is passed over for an admitted one, and refused when it is alone."""
    stranger = found("bv-stranger", principal_id="another")
    assert chosen(BY_TAG, stranger, found("bv-ours")) == "bv-ours"
    verdict = refusal(BY_TAG, stranger)
    assert verdict.kind is Kind.VAULT_NOT_ADMITTED
    assert "bv-stranger" in verdict.reason
    assert "add another to FLEXGUARD_VAULT_IDENTITIES" in verdict.fix


def test_a_full_vault_is_skipped():
    """The next vault takes over; when all are full that is said by name, and it is not "no vault"."""
    full, spare = found("bv-full", is_full=False), found("bv-spare")
    full = judged(full, BY_TAG, {PRINCIPAL}, instances=5000)
    assert chosen(BY_TAG, full, spare) == "bv-spare"
    verdict = refusal(BY_TAG, full, replace(spare, is_full=True), found("bv-stranger", principal_id="x"))
    assert verdict.kind is Kind.VAULT_FULL
    assert verdict.reason == "every vault in westeurope for tier gold is full: bv-full, bv-spare"


def test_most_is_the_number_that_is_taken():
    """A vault with one instance less than its most takes another; with as many it does not."""
    rules = replace(RULES, vaults=(VaultRule(VAULT, most=3),))
    assert [judged(vault(), rules, (), instances=count).is_full for count in (2, 3, 4)] == [False, True, True]


def test_a_vault_for_the_tier_comes_before_one_for_all():
    """A rule that names the tier wins until its vaults are full; then one for all tiers is as good."""
    rules = replace(RULES, vaults=(VaultRule(VAULT), VaultRule(OTHER_VAULT, ("gold",))))
    for number in range(20):
        asking = resource_id.parse(f"{SERVER}-{number}")
        assert chosen(rules, vault(), vault(id=OTHER_VAULT), id=asking) == "bv-two"
    assert chosen(rules, vault(), vault(id=OTHER_VAULT, is_full=True)) == "bv-one"
    assert chosen(rules, vault(), vault(id=OTHER_VAULT), intent=BRONZE_ASKED) == "bv-one"


@pytest.mark.parametrize("worse", [{"state": "Provisioning"}, {"state": "Failed"}, {"principal_id": ""}])
def test_a_vault_in_trouble_comes_last(worse: dict[str, str]):
    """Among equals a vault that works is preferred, whatever the hash says; alone, the other is still chosen."""
    rules = replace(RULES, vaults=(VaultRule(VAULT), VaultRule(OTHER_VAULT)))
    for number in range(20):
        asking = resource_id.parse(f"{SERVER}-{number}")
        assert chosen(rules, vault(**worse), vault(id=OTHER_VAULT), id=asking) == "bv-two"
    assert chosen(rules, vault(**worse)) == "bv-one"


POOL = [found(f"bv-{number}") for number in range(6)]


@given(st.permutations(POOL), st.integers(0, 10**6))
def test_the_choice_depends_on_nothing_but_ids(pool: list[Vault], number: int):
    """In whatever order Azure lists the vaults, in whatever case it writes ids, a server gets the same one."""
    asking = resource_id.parse(f"{SERVER}-{number}")
    loud = resource_id.parse(f"{SERVER}-{number}".upper())
    assert chosen(BY_TAG, *pool, id=asking) == chosen(BY_TAG, *POOL, id=loud)


def test_servers_are_spread_and_few_move():
    """600 servers over six vaults: none is idle or swamped; a vault that fills up moves only its own servers."""
    asking = [resource_id.parse(f"{SERVER}-{number}") for number in range(600)]
    before = [chosen(BY_TAG, *POOL, id=one) for one in asking]
    assert all(60 <= count <= 140 for count in Counter(before).values())
    assert len(set(before)) == 6
    without = [replace(POOL[0], is_full=True), *POOL[1:]]
    after = [chosen(BY_TAG, *without, id=one) for one in asking]
    assert {old for old, new in zip(before, after, strict=True) if old != new} == {POOL[0].name}


def test_counting_is_for_choices_and_limits():
    """A lone vault with the usual limit is not counted; a second one in its region, or a limit, makes it matter."""
    one, two = vault(), vault(id=OTHER_VAULT)
    both = replace(RULES, vaults=(VaultRule(VAULT), VaultRule(OTHER_VAULT)))
    assert not is_count_needed([one], RULES)
    assert not is_count_needed([one, replace(two, location="northeurope")], both)
    assert not is_count_needed([one, two], RULES)
    assert is_count_needed([one, two], both)
    assert is_count_needed([one], replace(RULES, vaults=(VaultRule(VAULT, most=10),)))


# -- without one -------------------------------------------------------------------------------------------------------


def test_what_is_missing_is_named():
    """A named vault that Azure does not know is said to be gone; one elsewhere, or for others, is simply none."""
    gone = refusal(RULES)
    assert gone.kind is Kind.NO_VAULT
    assert gone.reason.endswith("serves tier gold; bv-one does not exist")
    elsewhere = refusal(RULES, vault(location="eastus"))
    assert elsewhere.reason == "no vault of the rules file is in westeurope and serves tier gold"


def test_a_found_vault_without_identity_needs_one_first():
    """Nobody can admit an identity that is not there."""
    verdict = refusal(BY_TAG, found("bv-bare", principal_id="", state="Failed"))
    assert verdict.kind is Kind.VAULT_IDENTITY
    assert verdict.reason == "vault bv-bare has no identity (the vault is Failed)"


# -- a server that is protected already --------------------------------------------------------------------------------


def test_only_a_vault_known_by_tag_alone_is_asked_for():
    """A right server in a named vault costs no question about vaults; one in any other does where rules have tags."""
    both = replace(RULES, vaults=(VaultRule(VAULT), VaultRule(tag=TAG)))
    asked = {
        (rules is both, where): Need.VAULTS
        in needs(GOLD_ASKED, observed(instances=(instance(vault_id=where),), vaults=None), rules)
        for rules in (RULES, both)
        for where in (VAULT, OTHER_VAULT)
    }
    assert asked == {
        (False, VAULT): False,
        (False, OTHER_VAULT): False,
        (True, VAULT): False,
        (True, OTHER_VAULT): True,
    }


@pytest.mark.parametrize(
    ("home", "kind"),
    [
        (found("bv-two"), None),
        (found("bv-two", principal_id="another"), Kind.PROTECTED_ELSEWHERE),
        (replace(found("bv-two"), tags={}), Kind.PROTECTED_ELSEWHERE),
        (replace(found("bv-two"), is_full=True), None),
    ],
    ids=["found", "not admitted", "not tagged", "full"],
)
def test_an_instance_stays_in_its_vault(home: Vault, kind: Kind | None):
    """In an admitted vault it is right, also when that is full and others are not; in a stranger's it is elsewhere."""
    there = instance(vault_id=OTHER_VAULT)
    verdict = protection.misplaced(there, GOLD_ASKED, observed(vaults=(vault(tags=TAG), home)), BY_TAG)
    assert (verdict.kind if verdict else None) is kind


def test_a_found_vault_of_another_tier_is_the_wrong_one():
    """The tiers of a tag rule bind the vaults that it finds."""
    rules = replace(RULES, vaults=(VaultRule(tag=TAG, tiers=("bronze",)),))
    seen = observed(vaults=(judged(vault(tags=TAG), rules, {PRINCIPAL}),))
    wrong = protection.misplaced(instance(), GOLD_ASKED, seen, rules)
    assert wrong
    assert wrong.kind is Kind.WRONG_VAULT
    assert protection.misplaced(instance(vault_id=FOREIGN_VAULT), GOLD_ASKED, seen, rules)
