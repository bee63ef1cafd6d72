"""What an existing backup instance is worth, question by question."""

from dataclasses import replace

import pytest

from shared.core import protection
from shared.core.observed import Memory
from shared.core.rules import VaultRule
from shared.core.verdict import Kind
from tests.core.samples import (
    BRONZE,
    FOREIGN_VAULT,
    GOLD_ASKED,
    OTHER_VAULT,
    RULES,
    VAULT,
    instance,
    observed,
    policy_of,
)


@pytest.mark.parametrize("state", ["ProtectionConfigured", "PROTECTIONCONFIGURED"])
def test_a_configured_instance_protects(state: str):
    """The one good state is recognised in any casing."""
    assert protection.not_protected(instance(state)) is None
    assert protection.unfinished(instance(state)) is None


def test_an_admitted_vault_is_recognised_in_any_casing():
    """Vault ids compare without case; a vault that the rules do not name is not admitted."""
    assert protection.misplaced(instance(vault_id=VAULT.upper()), GOLD_ASKED, observed(vaults=None), RULES) is None
    elsewhere = protection.misplaced(instance(vault_id=FOREIGN_VAULT), GOLD_ASKED, observed(vaults=None), RULES)
    assert elsewhere
    assert elsewhere.kind is Kind.PROTECTED_ELSEWHERE


def test_a_vault_of_another_tier_is_the_wrong_one():
    """An admitted vault that does not serve the tier is wrong; an admitted one that does is right."""
    rules = replace(RULES, vaults=(VaultRule(VAULT, ("bronze",)), VaultRule(OTHER_VAULT, ("gold",))))
    wrong = protection.misplaced(instance(), GOLD_ASKED, observed(), rules)
    assert wrong
    assert wrong.kind is Kind.WRONG_VAULT
    assert protection.misplaced(instance(vault_id=OTHER_VAULT), GOLD_ASKED, observed(), rules) is None


@pytest.mark.parametrize(
    ("tier", "is_drifted"), [(GOLD_ASKED.tier, False), (replace(GOLD_ASKED.tier, keep=BRONZE.keep), True)]
)
def test_drift_is_of_meaning(tier: object, *, is_drifted: bool):
    """A policy of any name that means the tier is no drift; one of our name that does not is."""
    policy = policy_of(tier, "by-hand" if not is_drifted else policy_of().name)  # type: ignore[arg-type]
    seen = observed(policies=(policy,))
    follower = instance(policy_id=policy.id.upper())
    assert bool(protection.drifted(follower, GOLD_ASKED, seen)) == is_drifted


def test_what_was_found_right_stays_right_unread():
    """A policy that an earlier look understood need not be read again; another id or meaning must be."""
    digest = policy_of().meaning.digest  # type: ignore[union-attr]
    seen = observed(policies=None, memory=Memory(policy_id=policy_of().id, policy_digest=digest))
    assert protection.drifted(instance(), GOLD_ASKED, seen) is None
    assert protection.drifted(instance(policy_id=f"{VAULT}/backupPolicies/x"), GOLD_ASKED, seen)
    old = replace(seen, memory=replace(seen.memory, policy_digest="0000000000"))
    assert protection.drifted(instance(), GOLD_ASKED, old)
