"""Which policy a server is to follow, and what makes it: one that means the tier, or ours, or nothing and why not."""

from dataclasses import dataclass

from shared.core.actions import EnsurePolicy
from shared.core.intent import Protect
from shared.core.observed import Observed
from shared.core.policy import render, variant_of
from shared.core.policy_choice import intended_policy
from shared.core.rules import Rules
from shared.core.verdict import Kind, Verdict


@dataclass(frozen=True, slots=True)
class Towards:
    """The policy to follow, and the step that makes it if it is not there. refused: why it cannot be had."""

    policy_id: str
    steps: tuple[EnsurePolicy, ...] = ()
    refused: Verdict | None = None


def towards(intent: Protect, vault_id: str, observed: Observed, rules: Rules) -> Towards:
    """The policy of a vault that means the tier, whatever its name, or else ours, which is then to be made."""
    facts, server_id = observed.datasource, observed.server_id
    policy_id, exists, stranger = intended_policy(server_id, intent, vault_id, observed.policies or (), facts, rules)
    if stranger:
        reason = f"policy {stranger.name} does not mean tier {intent.tier_name}"
        return Towards(policy_id, refused=Verdict.of(Kind.POLICY_TAMPERED, reason))
    if exists:
        return Towards(policy_id)
    if rules.policies == "predeployed":
        reason = f"no policy of vault {vault_id.rsplit('/', 1)[-1]} means tier {intent.tier_name}"
        return Towards(policy_id, refused=Verdict.of(Kind.POLICY_MISSING, f"{reason}, and the app is not to make one"))
    body = render(intent.tier, facts.resource_type, variant_of(server_id, intent.tier))
    reason = f"tier {intent.tier_name} has no policy in the vault yet"
    return Towards(policy_id, (EnsurePolicy(reason, policy_id, body),))
