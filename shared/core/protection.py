"""Reads what an existing backup instance is worth. Source for the states: recordings, and the SDK's enum."""

from shared.core import vault_choice
from shared.core.intent import Protect
from shared.core.observed import Instance, Observed
from shared.core.policy import means, tier_meanings
from shared.core.rules import Rules
from shared.core.verdict import Kind, Verdict

CONFIGURED = "protectionconfigured"
NEVER_CONFIGURED = "configuringprotectionfailed"
# Source: resumeProtection was recorded from ProtectionStopped and from BackupsSuspended (dp-stop-suspend-resume).
# Assumed: it also ends the two states that are in the enumeration alone.
RESUMABLE = frozenset({
    "protectionstopped", "backupssuspended", "backupschedulessuspended", "retentionschedulessuspended",
})  # fmt: skip
_IN_PROGRESS = frozenset({"configuringprotection", "updatingprotection"})
_FAILED = frozenset({"protectionerror", NEVER_CONFIGURED})
# BackupsSuspended is what the service really says; the SDK's enum has only the two longer words.
_STOPPED = RESUMABLE | {"notprotected", "softdeleting", "softdeleted"}


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


def is_vault_unknown(instance: Instance, observed: Observed, rules: Rules) -> bool:
    """Whether the vaults must be read before `misplaced` can be asked: only their tags tell which the rules mean."""
    return observed.vaults is None and vault_choice.is_found_by_tag(instance.vault_id, rules)


def misplaced(instance: Instance, intent: Protect, observed: Observed, rules: Rules) -> Verdict | None:
    """The instance is in a vault that is not of the rules, is not admitted, or does not serve its tier."""
    known = {vault.id.lower(): vault for vault in observed.vaults or ()}
    vault, name = known.get(instance.vault_id.lower()), instance.vault_id.rsplit("/", 1)[-1]
    tags = vault.tags if vault else {}
    where = f"it is protected in vault {name}, which"
    if not vault_choice.rules_of(instance.vault_id, tags, rules):
        return Verdict.of(Kind.PROTECTED_ELSEWHERE, f"{where} the rules do not name")
    if vault and not vault.admitted:
        return Verdict.of(Kind.PROTECTED_ELSEWHERE, f"{where} has the tag of the rules and is not admitted")
    if not vault_choice.serves(instance.vault_id, tags, intent.tier_name, rules):
        return Verdict.of(Kind.WRONG_VAULT, f"{where} is not for {intent.tier_name}")
    return None


def follows_known_policy(instance: Instance, intent: Protect, observed: Observed) -> bool:
    """Whether an earlier look has found this very policy to mean this tier, in whatever variant."""
    memory = observed.memory
    same = memory.policy_id.lower() == instance.policy_id.lower()
    return same and memory.policy_digest in {meaning.digest for meaning in tier_meanings(intent.tier)}


def drifted(instance: Instance, intent: Protect, observed: Observed) -> Verdict | None:
    """The instance follows a policy that does not mean the tier."""
    if observed.policies is None and follows_known_policy(instance, intent, observed):
        return None
    policies = {policy.id.lower(): policy for policy in observed.policies or ()}
    policy = policies.get(instance.policy_id.lower())
    if policy and means(policy.meaning, intent.tier):
        return None
    name = instance.policy_id.rsplit("/", 1)[-1]
    return Verdict.of(Kind.DRIFTED, f"policy {name} does not mean tier {intent.tier_name}")
