"""Reads what an existing backup instance is worth. Source for the states: recordings, and the SDK's enum."""

from shared.core.intent import Protect
from shared.core.observed import Instance, Observed
from shared.core.policy import tier_meaning
from shared.core.rules import Rules
from shared.core.verdict import Kind, Verdict

CONFIGURED = "protectionconfigured"
_IN_PROGRESS = frozenset({"configuringprotection", "updatingprotection"})
_FAILED = frozenset({"protectionerror", "configuringprotectionfailed"})
# BackupsSuspended is what the service really says; the SDK's enum has only the two longer words.
_STOPPED = frozenset({
    "protectionstopped", "backupssuspended", "backupschedulessuspended", "retentionschedulessuspended",
    "notprotected", "softdeleting", "softdeleted",
})  # fmt: skip


def is_admitted(instance: Instance, rules: Rules) -> bool:
    """Whether the instance is in a vault that the rules file names."""
    return any(vault.id.lower() == instance.vault_id.lower() for vault in rules.vaults)


def unfinished(instance: Instance) -> Verdict | None:
    """Azure Backup is still configuring; nothing else may be done to the instance meanwhile."""
    if instance.state.lower() not in _IN_PROGRESS:
        return None
    return Verdict.of(Kind.CONFIGURING, f"Azure Backup is busy with it ({instance.state})")


def not_protected(instance: Instance) -> Verdict | None:
    """The instance exists, and does not protect; None when it is ProtectionConfigured."""
    state = instance.state.lower()
    if state == CONFIGURED:
        return None
    if state in _FAILED:
        code, message = instance.errors[0] if instance.errors else ("no code", "the service gives no reason")
        return Verdict.of(Kind.PROTECTION_ERROR, f"{instance.state}: {code}: {message}")
    if state in _STOPPED:
        return Verdict.of(Kind.STOPPED_BY_SOMEONE, f"backup instance {instance.name} is {instance.state}")
    return Verdict.of(Kind.UNKNOWN_STATE, f"backup instance {instance.name} is {instance.state or 'in no state'}")


def misplaced(instance: Instance, intent: Protect, rules: Rules) -> Verdict | None:
    """The instance is in a vault that the rules do not name, or that does not serve its tier."""
    vault = instance.vault_id.rsplit("/", 1)[-1]
    if not is_admitted(instance, rules):
        return Verdict.of(Kind.PROTECTED_ELSEWHERE, f"it is protected in vault {vault}, which the rules do not name")
    if all(rule.id.lower() != instance.vault_id.lower() for rule in rules.vaults_for(intent.tier_name)):
        return Verdict.of(Kind.WRONG_VAULT, f"it is protected in vault {vault}, which is not for {intent.tier_name}")
    return None


def follows_known_policy(instance: Instance, intent: Protect, observed: Observed) -> bool:
    """Whether an earlier look has found this very policy to mean this tier."""
    memory = observed.memory
    same = memory.policy_id.lower() == instance.policy_id.lower()
    return same and memory.policy_digest == tier_meaning(intent.tier).digest


def drifted(instance: Instance, intent: Protect, observed: Observed) -> Verdict | None:
    """The instance follows a policy that does not mean the tier."""
    if observed.policies is None and follows_known_policy(instance, intent, observed):
        return None
    policies = {policy.id.lower(): policy for policy in observed.policies or ()}
    policy = policies.get(instance.policy_id.lower())
    if policy and policy.meaning == tier_meaning(intent.tier):
        return None
    name = instance.policy_id.rsplit("/", 1)[-1]
    return Verdict.of(Kind.DRIFTED, f"policy {name} does not mean tier {intent.tier_name}")
