"""What to do about a server that has a backup instance: keep it, repair it, point it to its policy, or say why not.

Pure. An instance that somebody else made is written to only where the rules say `adopt: take`; what a person stopped
is resumed only with `resume: allow`; a policy that keeps points shorter is set only with `downgrade: allow`.
"""

from dataclasses import replace
from typing import Any

from shared.core import names, on_demand, policy_steps, protection, refusals, vault_roles, waits
from shared.core.actions import Action, ChangePolicy, ResumeProtection, StartBackup, Sync, Wait
from shared.core.due import FIRST, ROLES
from shared.core.failures import Cause, classify
from shared.core.intent import Protect
from shared.core.observed import Contest, Instance, Need, Observed, Running, Server, Vault
from shared.core.planned import Plan
from shared.core.policy import tier_meaning, variant_of
from shared.core.retention_compare import shorter
from shared.core.rules import Rules
from shared.core.vault_choice import without_identity
from shared.core.verdict import Kind, Verdict

MOST_CONTESTS = 2

Found = Plan | frozenset[Need]


def consider(server: Server, intent: Protect, observed: Observed, rules: Rules) -> Found:
    """The plan for a server with a backup instance, or what must be read before there can be one."""
    instance = observed.instances[0]
    if busy := protection.unfinished(instance):
        return _plan(instance, busy, Wait(busy.reason, waits.again_s(waits.CONFIGURING_AGAIN_S, observed)))
    if protection.is_vault_unknown(instance, observed, rules):
        return frozenset({Need.VAULTS})
    place = protection.misplaced(instance, intent, observed, rules)
    if place and place.kind is Kind.PROTECTED_ELSEWHERE:
        return _plan(instance, place)
    if wrong := protection.not_protected(instance):
        return _repair(server, instance, wrong, observed, rules)
    found = _towards_policy(server, intent, instance, observed, rules, is_misplaced=place is not None)
    if found is None and place:
        found = _plan(instance, place, **_right(intent, instance, observed))
    if found is None:
        return _protected(server, intent, instance, observed, rules)
    return _all_the_same(found, server, intent, observed, rules) if isinstance(found, Plan) else found


def _plan(instance: Instance, verdict: Verdict, *actions: Action, **more: Any) -> Plan:
    return Plan(verdict, actions, instance.vault_id, instance.policy_id, instance.id, **more)


def _untouchable(instance: Instance, observed: Observed, rules: Rules) -> str:
    """Why the instance may not be written to, "" if it may: it is another's, and the rules only report such."""
    if rules.adopt == "take" or names.is_ours(instance.name, instance.tags, observed.server_id):
        return ""
    return f"backup instance {instance.name} was not made by Flexguard, and the rules do not say adopt: take"


def _held_up(server: Server, instance: Instance, observed: Observed) -> Plan | None:
    """A server that is not Ready: its instance is left alone, as Azure Backup would find it in error."""
    if server.state in observed.datasource.stopped_states:
        reason = f"it is {server.state}: no backup can be made of it, and nothing is changed until it runs"
        return _plan(instance, Verdict.of(Kind.STOPPED, reason))
    if server.state != observed.datasource.ready_state:
        verdict = Verdict.of(
            Kind.CONFIGURING, f"it waits until the server is Ready (it is {server.state or 'unknown'})"
        )
        return _plan(instance, verdict, Wait(verdict.reason, waits.again_s(waits.CONFIGURING_AGAIN_S, observed)))
    return None


def _home(instance: Instance, observed: Observed) -> Vault | None:
    return next((vault for vault in observed.vaults or () if vault.id.lower() == instance.vault_id.lower()), None)


# -- an instance that does not protect -----------------------------------------------------------------------------


def _repair(server: Server, instance: Instance, wrong: Verdict, observed: Observed, rules: Rules) -> Found:
    """Let an instance protect again where the rules allow it and a role, or a call, is all that is missing.

    Assumed: writing an instance in ConfiguringProtectionFailed as it is configures it anew.
    """
    state = instance.state.lower()
    if wrong.kind is Kind.PROTECTION_ERROR:
        if not instance.errors or classify(instance.errors[0][0]) is not Cause.PERMISSION:
            return _plan(instance, wrong)
        again = "its roles may work now: Azure Backup is asked to look again"
        action: Action = Sync(again, instance.id)
        if state == protection.NEVER_CONFIGURED:
            action = ChangePolicy(again, instance.id, instance.policy_id)
    elif state in protection.RESUMABLE and rules.resume == "allow":
        again = f"it is {instance.state}, and the rules say resume: allow"
        action = ResumeProtection(again, instance.id)
    else:
        return _plan(instance, wrong)
    if why := _untouchable(instance, observed, rules):
        return _plan(instance, replace(wrong, reason=f"{wrong.reason}; {why}"))
    return _held_up(server, instance, observed) or _again(instance, action, wrong.kind, observed, rules)


def _again(instance: Instance, action: Action, kind: Kind, observed: Observed, rules: Rules) -> Found:
    """Give the vault's identity what it lacks, then repeat the call at growing distances until it helps."""
    if (roles := _give_roles(instance, observed, rules)) is not None:
        return roles
    ended, memory = observed.memory.running, observed.memory
    if ended and ended.kind in ("sync", "change", "resume"):
        return _refused(instance, ended, kind, observed, rules)
    verdict = Verdict.of(Kind.CONFIGURING, action.reason)
    return _plan(instance, verdict, action, Wait(action.reason, waits.CHANGING_S), refusals=memory.refusals)


def _refused(instance: Instance, ended: Running, kind: Kind, observed: Observed, rules: Rules, **more: Any) -> Plan:
    """What was tried did not help: an operation that ended well, and changed nothing, counts as refused too."""
    if ended.status != "failed":
        unchanged = ("StateUnchanged", f"it ended well, and the instance is {instance.state} as before")
        ended = replace(ended, error=instance.errors[0] if instance.errors else unchanged)
    verdict, steps = refusals.answer(ended, observed, rules, kind)
    return _plan(instance, verdict, *steps, refusals=observed.memory.refusals + 1, **more)


def _give_roles(instance: Instance, observed: Observed, rules: Rules) -> Found | None:
    """See to what the vault needs before anything is tried; None when it has an identity, and that has its roles."""
    if observed.vaults is None:
        return frozenset({Need.VAULTS})
    home = _home(instance, observed)
    if home and not home.principal_id:
        return _plan(instance, without_identity(home))
    if home and vault_roles.are_unknown(observed, rules):
        return frozenset({Need.ROLES})
    step = vault_roles.step(home, observed, rules) if home else None
    return _plan(instance, step[0], *step[1], refusals=observed.memory.refusals) if step else None


# -- an instance that protects, by another policy ------------------------------------------------------------------


def _towards_policy(
    server: Server, intent: Protect, instance: Instance, observed: Observed, rules: Rules, *, is_misplaced: bool
) -> Found | None:
    """Point the instance to the tier's policy, or say why not; None when it follows one that means the tier."""
    if observed.policies is None:
        is_enough = is_misplaced or _is_backup_known(observed)
        known = protection.follows_known_policy(instance, intent, observed)
        return None if known and is_enough else frozenset({Need.POLICIES})
    drifted = protection.drifted(instance, intent, observed)
    if not drifted:
        return None
    towards = policy_steps.towards(intent, instance.vault_id, observed, rules)
    untouchable = _untouchable(instance, observed, rules)
    if towards.refused and not untouchable:
        return _plan(instance, towards.refused)
    if why := untouchable or _weakening(intent, instance, observed, rules):
        return _plan(instance, replace(drifted, reason=f"{drifted.reason}; {why}"))
    if observed.vaults is None:
        return frozenset({Need.VAULTS})
    contest = _contest(intent, instance, towards.policy_id, observed)
    if stopped := _kept_from_changing(instance, contest, observed):
        return _plan(instance, stopped, contest=contest)
    if held := _held_up(server, instance, observed):
        return held
    ended = observed.memory.running
    if ended and ended.kind == "change":
        return _refused(instance, ended, Kind.DRIFTED, observed, rules, contest=contest)
    name = towards.policy_id.rsplit("/", 1)[-1]
    verdict = Verdict.of(Kind.CONFIGURING, f"{drifted.reason}; it is pointed to {name}")
    change = ChangePolicy(verdict.reason, instance.id, towards.policy_id)
    steps: tuple[Action, ...] = (*towards.steps, change, Wait(verdict.reason, waits.CHANGING_S))
    return _plan(instance, verdict, *steps, refusals=observed.memory.refusals, contest=contest)


def _weakening(intent: Protect, instance: Instance, observed: Observed, rules: Rules) -> str:
    """Why the tier's policy may not be set: it would keep points shorter, or nobody can tell; "" if it may."""
    if rules.downgrade == "allow":
        return ""
    policies = {policy.id.lower(): policy for policy in observed.policies or ()}
    followed = policies.get(instance.policy_id.lower())
    if followed is None or followed.meaning is None:
        what = f"cannot be read ({followed.unclear})" if followed and followed.unclear else "is not in the vault"
        return f"that policy {what}, so nobody can say whether points would be kept shorter"
    lower = shorter(tier_meaning(intent.tier, variant_of(observed.server_id, intent.tier)), followed.meaning)
    return f"{lower}, and the rules do not say downgrade: allow" if lower else ""


def _kept_from_changing(instance: Instance, contest: Contest, observed: Observed) -> Verdict | None:
    home = _home(instance, observed)
    if home and home.guarded:
        reason = f"vault {home.name} has a Resource Guard: to change the policy of an instance needs an approval"
        return Verdict.of(Kind.RESOURCE_GUARD, reason)
    if contest.times >= MOST_CONTESTS:
        name = instance.policy_id.rsplit("/", 1)[-1]
        reason = f"somebody has set another policy {contest.times} times, now {name}; it is left as it is"
        return Verdict.of(Kind.CONTESTED, reason)
    return None


def _contest(intent: Protect, instance: Instance, policy_id: str, observed: Observed) -> Contest:
    """How often others took the instance off this tier: now again, if it was last seen to follow it.

    Whose policy was deleted was not pointed elsewhere.
    """
    known = _contest_so_far(intent, observed)
    is_elsewhere = instance.policy_id.lower() != policy_id.lower()
    return Contest(known.digest, known.times + (known.was_right and is_elsewhere))


def _contest_so_far(intent: Protect, observed: Observed) -> Contest:
    known, digest = observed.memory.contest, tier_meaning(intent.tier).digest
    return known if known and known.digest == digest else Contest(digest)


# -- an instance that protects as it should ------------------------------------------------------------------------


def _protected(server: Server, intent: Protect, instance: Instance, observed: Observed, rules: Rules) -> Found:
    """The instance is right: see to a backup on demand, where one is due."""
    if server.state in observed.datasource.stopped_states:
        reason = f"it is protected, but {server.state}: no backup can be made of it"
        return _plan(instance, Verdict.of(Kind.STOPPED, reason))
    found = _backed_up(server, intent, instance, observed, rules)
    if not isinstance(found, Plan):
        return found
    verdict = found.verdict
    if not names.is_ours(instance.name, instance.tags, observed.server_id):
        verdict = replace(verdict, reason=f"{verdict.reason} ({instance.name} was made by somebody else)")
    return replace(found, verdict=verdict, **_right(intent, instance, observed))


def _backed_up(server: Server, intent: Protect, instance: Instance, observed: Observed, rules: Rules) -> Found:
    """See to the backup on demand that is under way, or wanted."""
    if lacking := on_demand.needs(observed):
        return lacking
    step = on_demand.next_step(intent, instance, observed, rules)
    if any(isinstance(one, StartBackup) for one in step.actions):
        if server.state != observed.datasource.ready_state:
            verdict = Verdict.of(step.verdict.kind, "the backup waits until the server is Ready")
            return _plan(instance, verdict, Wait(verdict.reason, waits.again_s(waits.CONFIGURING_AGAIN_S, observed)))
        roles = _give_roles(instance, observed, rules) if step.remember.why == ROLES else None
        if roles is not None:
            return roles
    return _plan(instance, step.verdict, *step.actions, backup=step.remember, answer=step.answer)


def _all_the_same(found: Plan, server: Server, intent: Protect, observed: Observed, rules: Rules) -> Found:
    """An instance that protects by the wrong policy is backed up all the same; its first backup is that policy's."""
    memory = observed.memory
    is_asked = memory.wish is not None and memory.wish.why != FIRST
    is_idle = not is_asked and memory.backup.step not in ("intended", "started")
    if found.actions or is_idle or server.state in observed.datasource.stopped_states:
        return found
    if observed.policies is None:
        return frozenset({Need.POLICIES})
    made = _backed_up(server, intent, observed.instances[0], observed, rules)
    if not isinstance(made, Plan):
        return made
    return replace(found, actions=made.actions, backup=made.backup, answer=made.answer)


def _is_backup_known(observed: Observed) -> bool:
    """Whether no backup on demand is to be thought of, so that the policies need not be read for one."""
    memory = observed.memory
    return memory.backup.has_point and memory.wish is None and memory.backup.step not in ("intended", "started")


def _right(intent: Protect, instance: Instance, observed: Observed) -> dict[str, Any]:
    """What to remember of an instance that follows its tier: what its policy means, and that it was seen on it."""
    policies = {policy.id.lower(): policy.meaning for policy in observed.policies or ()}
    meaning = policies.get(instance.policy_id.lower())
    digest = meaning.digest if meaning else observed.memory.policy_digest
    return {"policy_digest": digest, "contest": replace(_contest_so_far(intent, observed), was_right=True)}
