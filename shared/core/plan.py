"""The opinion: what is still missing between what a team wants and what is there, and what to say about it.

Pure. One line of questions: can it be protected at all? is it protected already (`existing.py`)? where and how? may
the vault reach it? Each answer is a plan, or what must be read before there can be one.
"""

from dataclasses import replace
from typing import Any

from shared.core import existing, names, policy_steps, refusals, vault_roles, waits
from shared.core.actions import Action, Protect, Undelete, Validate, Wait
from shared.core.existing import Found
from shared.core.intent import Intent, LeaveAlone, Mistake, NotAsked
from shared.core.intent import Protect as Wanted
from shared.core.observed import Deleted, Instance, Need, Observed, Server, Vault
from shared.core.planned import Plan
from shared.core.rules import Rules
from shared.core.vault_choice import choose_vault, without_identity, without_vault
from shared.core.verdict import Kind, Verdict

__all__ = ["Plan", "make_plan", "needs"]

LARGEST_GB = 1024  # Source: support matrix: servers up to 1 TB; what is provisioned may be more than what is used
_WORKING_VAULT = frozenset({"succeeded", "unknown", ""})
_CHANGING_VAULT = frozenset({"provisioning", "updating"})


def needs(intent: Intent, observed: Observed, rules: Rules) -> frozenset[Need]:
    """Say what must be read before a plan can be made; empty when everything is known. Grows as answers come in."""
    found = _considered(intent, observed, rules)
    return found if isinstance(found, frozenset) else frozenset()


def make_plan(intent: Intent, observed: Observed, rules: Rules) -> Plan:
    """Say what is still missing, and why. Pure; never raises; no plan ever removes or weakens anything.

    What `needs` asked for must have been read, or counts as not standing in the way: roles as given, lists as empty.
    Applying a plan and observing again leads, after a few rounds, to a plan without actions. What was noted about the
    tags stands in the verdict's reason.
    """
    found = _considered(intent, observed, rules)
    while isinstance(found, frozenset):
        observed = _assumed(observed, found)
        found = _considered(intent, observed, rules)
    notes = [*_doubts(found, observed), *intent.notes]
    if not notes:
        return found
    return replace(found, verdict=replace(found.verdict, reason="; ".join((found.verdict.reason, *notes))))


def _assumed(observed: Observed, unread: frozenset[Need]) -> Observed:
    facts = observed.datasource
    unknown: dict[Need, dict[str, Any]] = {
        Need.VAULTS: {"vaults": ()},
        Need.POLICIES: {"policies": ()},
        Need.ROLES: {"roles": frozenset({facts.server_role, facts.group_role})},
        Need.RECOVERY_POINTS: {"has_recovery_point": False},
        Need.JOBS: {"jobs": ()},
        Need.DELETED: {"deleted": ()},
    }
    return replace(observed, **{name: value for need in unread for name, value in unknown[need].items()})


def _doubts(plan: Plan, observed: Observed) -> list[str]:
    hopeful = plan.verdict.kind in (Kind.PROTECTED, Kind.FIRST_BACKUP_PENDING, Kind.CONFIGURING)
    size_gb = observed.server.storage_gb if observed.server else 0
    if not hopeful or size_gb <= LARGEST_GB:
        return []
    return [f"its storage of {size_gb} GB is more than the 1 TB that Azure Backup supports: a backup may fail"]


def _considered(intent: Intent, observed: Observed, rules: Rules) -> Found:
    server = observed.server
    if server is None:
        return Plan(_gone(observed))
    if not isinstance(intent, Wanted):
        verdict, backup = _not_wanted(intent, observed.instances), next(iter(observed.instances), None)
        return Plan(verdict, (), backup.vault_id, backup.policy_id, backup.id) if backup else Plan(verdict)
    if refused := _not_eligible(server, observed):
        return Plan(refused)
    if observed.instances:
        return existing.consider(server, intent, observed, rules)
    return _new(server, intent, observed, rules)


def _gone(observed: Observed) -> Verdict:
    if observed.instances:
        moved = f"; a server of that name is at {observed.moved_to}" if observed.moved_to else ""
        reason = f"the server is gone, {observed.instances[0].name} still holds its backups{moved}"
        return Verdict.of(Kind.ORPHANED, reason)
    return Verdict.of(Kind.GONE, "the server does not exist, and no backup of it")


def _not_wanted(intent: LeaveAlone | NotAsked | Mistake, instances: tuple[Instance, ...]) -> Verdict:
    still = f"; its backups by {instances[0].name} go on, nothing was stopped" if instances else ""
    match intent:
        case LeaveAlone():
            return Verdict.of(Kind.EXEMPT, intent.reason + still)
        case NotAsked():
            return Verdict.of(Kind.NOT_OPTED_IN, intent.reason + still)
        case Mistake():
            return Verdict.of(intent.kind, intent.reason + still, f"application team: {intent.fix}")


def _not_eligible(server: Server, observed: Observed) -> Verdict | None:
    """Source: support matrix: replicas are not supported; elastic clusters are assumed not to be."""
    if server.replication_role in observed.datasource.replica_roles:
        return Verdict.of(Kind.REPLICA, f"it is a read replica ({server.replication_role})")
    if server.is_cluster:
        return Verdict.of(Kind.ELASTIC_CLUSTER, "it is an elastic cluster")
    return None


def _new(server: Server, intent: Wanted, observed: Observed, rules: Rules) -> Found:
    """No backup instance yet: choose vault and policy, see to the roles, validate, protect."""
    facts = observed.datasource
    if server.state in facts.stopped_states:
        return Plan(Verdict.of(Kind.STOPPED, f"the server is {server.state}"))
    if server.state != facts.ready_state:
        verdict = Verdict.of(Kind.NOT_READY, f"the server is {server.state or 'in no known state'}")
        wait_s = waits.again_s(waits.UNREADY_S, observed, waits.UNREADY_SHARE)
        return Plan(verdict, (Wait(verdict.reason, wait_s),))
    if observed.vaults is None:
        return frozenset({Need.VAULTS})
    vault = choose_vault(server, intent, observed, rules)
    if not vault:
        return Plan(without_vault(server, intent, observed, rules))
    if unusable := _unusable(vault, observed):
        return unusable
    if unread := _unread(observed, rules):
        return unread
    if deleted := _soft_deleted(server, vault, observed):
        return _revived(deleted, vault, observed, rules)
    return _towards_protection(server, intent, vault, observed, rules)


def _unusable(vault: Vault, observed: Observed) -> Plan | None:
    if not vault.principal_id:
        return Plan(without_identity(vault), vault_id=vault.id)
    if vault.state.lower() in _WORKING_VAULT:
        return None
    reason = f"vault {vault.name} is {vault.state}"
    if vault.state.lower() not in _CHANGING_VAULT:
        return Plan(Verdict.of(Kind.VAULT_NOT_READY, reason), vault_id=vault.id)
    passing = Verdict.of(Kind.VAULT_NOT_READY, reason, "nothing to do; it is looked at again until the vault is ready")
    return Plan(passing, (Wait(reason, waits.again_s(waits.VAULT_S, observed)),), vault.id)


def _unread(observed: Observed, rules: Rules) -> frozenset[Need]:
    unread = {need for need in (Need.POLICIES, Need.DELETED) if getattr(observed, need.value) is None}
    if vault_roles.are_unknown(observed, rules) and not observed.memory.running:
        unread.add(Need.ROLES)
    return frozenset(unread)


def _soft_deleted(server: Server, vault: Vault, observed: Observed) -> Deleted | None:
    here = (gone for gone in observed.deleted or () if gone.vault_id.lower() == vault.id.lower())
    return next((gone for gone in here if gone.server_id.lower() == server.id.key), None)


def _revived(deleted: Deleted, vault: Vault, observed: Observed, rules: Rules) -> Plan:
    """Its vault refuses anything new for the server until the purge; another vault is no way round what a person did.

    Source: secure-by-default documentation; recordings: undeleting is synchronous, and leaves the instance stopped.
    """
    until = f" until {deleted.gone_at:%Y-%m-%d %H:%M} UTC" if deleted.gone_at else ""
    reason = f"backup instance {deleted.name} is soft-deleted in vault {vault.name}{until}"
    if rules.resume != "allow":
        return Plan(Verdict.of(Kind.SOFT_DELETED, reason), vault_id=vault.id)
    if rules.adopt != "take" and not names.is_ours(deleted.name, deleted.tags, observed.server_id):
        foreign = "it was not made by Flexguard, and the rules do not say adopt: take"
        return Plan(Verdict.of(Kind.SOFT_DELETED, f"{reason}; {foreign}"), vault_id=vault.id)
    verdict = Verdict.of(Kind.CONFIGURING, f"{reason}; it is brought back, as the rules say resume: allow")
    return Plan(verdict, (Undelete(verdict.reason, deleted.id), Wait(verdict.reason, waits.UNDELETED_S)), vault.id)


def _towards_protection(server: Server, intent: Wanted, vault: Vault, observed: Observed, rules: Rules) -> Plan:
    """The policy, then roles, then validation, then the instance; what an earlier pass left behind comes first."""
    policy = policy_steps.towards(intent, vault.id, observed, rules)
    if policy.refused:
        return Plan(policy.refused)
    refused = observed.memory.refusals
    ended = observed.memory.running
    if ended and ended.status == "failed":
        verdict, steps = refusals.answer(ended, observed, rules, Kind.VALIDATION_FAILED)
        refused += 1
    elif ended and ended.kind == "validate":
        verdict = Verdict.of(Kind.CONFIGURING, f"protection is being configured ({intent.reason})")
        steps = (_protect(server, intent, vault, policy.policy_id, rules), Wait(verdict.reason, waits.CONFIGURING_S))
    elif step := vault_roles.step(vault, observed, rules):
        verdict, steps = step
    else:
        reason = "the service checks its permissions before anything is made"
        validate = Validate(reason, vault.id, policy.policy_id, vault.identity_url)
        verdict = Verdict.of(Kind.CONFIGURING, f"{reason} ({intent.reason})")
        steps = (validate, Wait(reason, waits.VALIDATION_S))
    kept: tuple[Action, ...] = (*policy.steps, *steps) if steps else ()
    return Plan(verdict, kept, vault.id, policy.policy_id, refusals=refused)


def _protect(server: Server, intent: Wanted, vault: Vault, policy_id: str, rules: Rules) -> Protect:
    tags = {names.STAMP: "managed", **rules.stamp}
    return Protect(intent.reason, vault.id, policy_id, names.instance_name(server.id), vault.identity_url, tags)
