"""Says which policy of a vault means a tier for a server, and what it is called if there is none yet."""

from shared.core.datasource import Datasource
from shared.core.intent import Protect
from shared.core.policy import Policy, means, policy_name, tier_meaning, variant_of
from shared.core.resource_id import ResourceId
from shared.core.rules import Rules


def intended_policy(
    server_id: ResourceId,
    intent: Protect,
    vault_id: str,
    policies: tuple[Policy, ...],
    facts: Datasource,
    rules: Rules,
) -> tuple[str, bool, Policy | None]:
    """The policy that means the tier: its id, whether it exists, and the stranger with our name and no such meaning.

    A server has its own variant of a tier with a spread. Where policies are predeployed, any variant that is there
    does: nothing can be created.
    """
    variant = variant_of(server_id, intent.tier)
    meaning, ours = tier_meaning(intent.tier, variant), policy_name(intent.tier_name, intent.tier, variant)
    usable = [policy for policy in policies if means(policy.meaning, intent.tier) and facts.key in policy.datasources]
    fitting = [policy for policy in usable if policy.meaning == meaning]
    if not fitting and rules.policies == "predeployed":
        fitting = usable
    if same := sorted(fitting, key=lambda policy: (policy.name.lower() != ours, policy.name)):
        return same[0].id, True, None
    stranger = next((policy for policy in policies if policy.name.lower() == ours), None)
    return f"{vault_id}/backupPolicies/{ours}", False, stranger
