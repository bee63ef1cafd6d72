"""The opinion: what is still missing between what a team wants and what is there, and what to say about it.

Pure. `needs` says what must still be read before `make_plan` can decide; both follow the same questions in the same
order: can it be protected at all? is it protected already? where and how? may the vault reach it?
"""

from dataclasses import dataclass
from datetime import timedelta

from shared.core import first_backup, names, protection
from shared.core.actions import Action, EnsurePolicy, GrantRole, Protect, StartBackup, Validate, Wait
from shared.core.datasource import Datasource
from shared.core.failures import Cause, classify
from shared.core.intent import Intent, LeaveAlone, Mistake, NotAsked
from shared.core.intent import Protect as Wanted
from shared.core.observed import FirstBackup, Instance, Need, Observed, Running, Server, Vault
from shared.core.policy import Policy, policy_name, render, tier_meaning
from shared.core.rules import Rules
from shared.core.verdict import Kind, Verdict

# Sources for the waits: recordings of flexible servers. Validation 39.9-40.9 s; ProtectionConfigured 36-69 s after
# the PUT; roles granted at 12:22:41 worked at 12:24:42.
VALIDATION_S = 41.0
CONFIGURING_S, CONFIGURING_AGAIN_S = 70.0, 30.0
GRANTED_S = 120.0
UNREADY_S, UNREADY_SHARE = 10.0, 1 / 40  # a server that takes an hour to be Ready is noticed at most 90 seconds late
# Source: documentation and reports of role propagation: 10 minutes, at worst 30.
REFUSED_AGAIN_S = (60.0, 120.0, 240.0, 480.0, 900.0)
DENIED_LONGEST, REFUSED_LONGEST = timedelta(minutes=40), timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do next for one server, in order, and what is true of it now.

    A plan that ends in Wait is unfinished: look again after that time. No actions: nothing is missing, or nothing
    can be done, as the verdict says. first_backup: what to remember of it, None when nothing new is known.
    policy_digest: what the instance's policy was found to mean, "" if it was not.
    """

    verdict: Verdict
    actions: tuple[Action, ...] = ()
    vault_id: str = ""
    policy_id: str = ""
    instance_id: str = ""
    first_backup: FirstBackup | None = None
    policy_digest: str = ""

    @property
    def wait(self) -> Wait | None:
        last = self.actions[-1] if self.actions else None
        return last if isinstance(last, Wait) else None


def needs(intent: Intent, observed: Observed, rules: Rules) -> frozenset[Need]:
    """Say what must be read before a plan can be made; empty when everything is known. Grows as answers come in."""
    server = observed.server
    if not isinstance(intent, Wanted) or not server or _not_eligible(server, observed):
        return frozenset()
    if observed.instances:
        return _needs_of_existing(intent, observed, rules)
    if server.state != observed.datasource.ready_state:
        return frozenset()
    if observed.vaults is None:
        return frozenset({Need.VAULTS})
    vault = choose_vault(server, intent, observed, rules)
    if not vault or not vault.principal_id:
        return frozenset()
    wanted = {Need.POLICIES} if observed.policies is None else set()
    if observed.roles is None and rules.roles.grant == "server" and not observed.memory.running:
        wanted.add(Need.ROLES)
    return frozenset(wanted)


def make_plan(intent: Intent, observed: Observed, rules: Rules) -> Plan:
    """Say what is still missing, and why. Pure; never raises; no plan ever removes or weakens anything.

    Everything that `needs` asked for must have been read. Applying a plan and observing again leads, after a few
    rounds, to a plan without actions.
    """
    server = observed.server
    if server is None:
        return Plan(_gone(observed))
    if not isinstance(intent, Wanted):
        return Plan(_not_wanted(intent, observed.instances))
    if refused := _not_eligible(server, observed):
        return Plan(refused)
    if observed.instances:
        return _existing(intent, observed, rules)
    return _new(server, intent, observed, rules)


def choose_vault(server: Server, intent: Wanted, observed: Observed, rules: Rules) -> Vault | None:
    """The vault for a server: in its region, serving its tier, the first in the order of the rules file."""
    listed = {vault.id.lower(): vault for vault in observed.vaults or ()}
    candidates = (listed.get(rule.id.lower()) for rule in rules.vaults_for(intent.tier_name))
    return next((vault for vault in candidates if vault and vault.location == server.location), None)


def intended_policy(
    intent: Wanted, vault_id: str, policies: tuple[Policy, ...], facts: Datasource
) -> tuple[str, bool, Policy | None]:
    """The policy that means the tier: its id, whether it exists, and the stranger with our name and no such meaning."""
    meaning, ours = tier_meaning(intent.tier), policy_name(intent.tier_name, intent.tier)
    fitting = [policy for policy in policies if policy.meaning == meaning and facts.key in policy.datasources]
    if same := sorted(fitting, key=lambda policy: (policy.name.lower() != ours, policy.name)):
        return same[0].id, True, None
    stranger = next((policy for policy in policies if policy.name.lower() == ours), None)
    return f"{vault_id}/backupPolicies/{ours}", False, stranger


def _gone(observed: Observed) -> Verdict:
    if observed.instances:
        return Verdict.of(Kind.ORPHANED, f"the server is gone, {observed.instances[0].name} still holds its backups")
    return Verdict.of(Kind.GONE, "the server does not exist, and no backup of it")


def _not_wanted(intent: LeaveAlone | NotAsked | Mistake, instances: tuple[Instance, ...]) -> Verdict:
    still = f"; its backups by {instances[0].name} go on, nothing was stopped" if instances else ""
    match intent:
        case LeaveAlone():
            return Verdict.of(Kind.EXEMPT, intent.reason + still)
        case NotAsked():
            return Verdict.of(Kind.NOT_OPTED_IN, intent.reason + still)
        case Mistake():
            return Verdict.of(Kind.UNKNOWN_TIER, intent.reason + still, f"application team: {intent.fix}")


def _not_eligible(server: Server, observed: Observed) -> Verdict | None:
    """Source: support matrix: replicas are not supported; elastic clusters are assumed not to be."""
    if server.replication_role in observed.datasource.replica_roles:
        return Verdict.of(Kind.REPLICA, f"it is a read replica ({server.replication_role})")
    if server.is_cluster:
        return Verdict.of(Kind.ELASTIC_CLUSTER, "it is an elastic cluster")
    return None


def _needs_of_existing(intent: Wanted, observed: Observed, rules: Rules) -> frozenset[Need]:
    instance = observed.instances[0]
    if instance.state.lower() != protection.CONFIGURED or protection.misplaced(instance, intent, rules):
        return frozenset()
    known = protection.follows_known_policy(instance, intent, observed) and observed.memory.first_backup.step == "done"
    if observed.policies is None:
        return frozenset() if known else frozenset({Need.POLICIES})
    return frozenset() if protection.drifted(instance, intent, observed) else first_backup.needs(observed)


def _existing(intent: Wanted, observed: Observed, rules: Rules) -> Plan:
    """A backup instance is there: say what it is worth, and start the first backup where one is due."""
    instance = observed.instances[0]
    known = (instance.vault_id, instance.policy_id, instance.id)
    if busy := protection.unfinished(instance):
        return Plan(busy, (Wait(busy.reason, CONFIGURING_AGAIN_S),), *known)
    wrong = (
        protection.not_protected(instance)
        or protection.misplaced(instance, intent, rules)
        or protection.drifted(instance, intent, observed)
    )
    if wrong:
        return Plan(wrong, (), *known)
    if observed.server and observed.server.state in observed.datasource.stopped_states:
        reason = f"it is protected, but {observed.server.state}: no backup can be made of it"
        return Plan(Verdict.of(Kind.STOPPED, reason), (), *known)
    step = first_backup.next_step(intent, instance, observed)
    is_ready = observed.server is not None and observed.server.state == observed.datasource.ready_state
    if not is_ready and any(isinstance(action, StartBackup) for action in step.actions):
        verdict = Verdict.of(Kind.FIRST_BACKUP_PENDING, "the first backup waits until the server is Ready")
        return Plan(verdict, (Wait(verdict.reason, CONFIGURING_AGAIN_S),), *known)
    return Plan(step.verdict, step.actions, *known, step.remember, tier_meaning(intent.tier).digest)


def _new(server: Server, intent: Wanted, observed: Observed, rules: Rules) -> Plan:
    """No backup instance yet: choose vault and policy, see to the roles, validate, protect."""
    facts = observed.datasource
    if server.state in facts.stopped_states:
        return Plan(Verdict.of(Kind.STOPPED, f"the server is {server.state}"))
    if server.state != facts.ready_state:
        verdict = Verdict.of(Kind.NOT_READY, f"the server is {server.state or 'in no known state'}")
        waited_s = (observed.now - (observed.memory.unready_since or observed.now)).total_seconds()
        return Plan(verdict, (Wait(verdict.reason, max(UNREADY_S, waited_s * UNREADY_SHARE)),))
    vault = choose_vault(server, intent, observed, rules)
    if not vault:
        wanted = f"no vault of the rules file is in {server.location} and serves tier {intent.tier_name}"
        return Plan(Verdict.of(Kind.NO_VAULT, wanted))
    if not vault.principal_id:
        return Plan(Verdict.of(Kind.VAULT_IDENTITY, f"vault {vault.id.rsplit('/', 1)[-1]} has no identity"))
    policy_id, exists, stranger = intended_policy(intent, vault.id, observed.policies or (), facts)
    if stranger:
        return Plan(Verdict.of(Kind.POLICY_TAMPERED, f"policy {stranger.name} does not mean tier {intent.tier_name}"))
    first: tuple[Action, ...] = ()
    if not exists:
        body = render(intent.tier, facts.resource_type)
        first = (EnsurePolicy(f"tier {intent.tier_name} has no policy in the vault yet", policy_id, body),)
    verdict, steps = _towards_protection(server, intent, observed, rules, vault, policy_id)
    kept = (*first, *steps) if steps else ()
    return Plan(verdict, kept, vault.id, policy_id)


def _towards_protection(
    server: Server, intent: Wanted, observed: Observed, rules: Rules, vault: Vault, policy_id: str
) -> tuple[Verdict, tuple[Action, ...]]:
    """Roles, then validation, then the instance; what an earlier pass left behind comes first."""
    ended = observed.memory.running
    if ended and ended.status == "failed":
        return _refused(ended, observed, rules)
    if ended and ended.kind == "validate":
        protect = Protect(intent.reason, vault.id, policy_id, names.instance_name(server.id))
        verdict = Verdict.of(Kind.CONFIGURING, f"protection is being configured ({intent.reason})")
        return verdict, (protect, Wait(verdict.reason, CONFIGURING_S))
    if missing := _missing_roles(server, observed, rules, vault):
        reason = " and ".join(observed.datasource.role_names[grant.role] for grant in missing)
        verdict = Verdict.of(Kind.WAITING_FOR_ROLES, f"the vault's identity gets {reason}")
        return verdict, (*missing, Wait(verdict.reason, GRANTED_S))
    if (left_s := _until_effective_s(observed)) > 0:
        verdict = Verdict.of(Kind.WAITING_FOR_ROLES, "roles were granted and are not effective at once")
        return verdict, (Wait(verdict.reason, left_s),)
    reason = "the service checks its permissions before anything is made"
    steps = (Validate(reason, vault.id, policy_id), Wait(reason, VALIDATION_S))
    return Verdict.of(Kind.CONFIGURING, f"{reason} ({intent.reason})"), steps


def _until_effective_s(observed: Observed) -> float:
    """How long to leave a fresh role alone; 0 once it was tried, for then only trying again tells."""
    memory = observed.memory
    if not memory.granted_at or memory.refusals:
        return 0.0
    left_s = GRANTED_S - (observed.now - memory.granted_at).total_seconds()
    return left_s if left_s > 1 else 0.0  # Date headers have whole seconds


def _refused(ended: Running, observed: Observed, rules: Rules) -> tuple[Verdict, tuple[Action, ...]]:
    """The service refused to validate or to protect: wait where waiting helps, else say what a person must repair."""
    code, message = ended.error
    cause, memory = classify(code), observed.memory
    waited = observed.now - (memory.refused_since or observed.now)
    if cause in (Cause.CONFIGURATION, Cause.GONE) or waited >= REFUSED_LONGEST:
        return Verdict.of(Kind.VALIDATION_FAILED, f"Azure Backup refuses: {code}: {message}"), ()
    after_s = REFUSED_AGAIN_S[min(memory.refusals, len(REFUSED_AGAIN_S) - 1)]
    if cause is not Cause.PERMISSION:
        reason = f"Azure Backup could not do it now ({code}); it is asked again"
        return Verdict.of(Kind.CONFIGURING, reason), (Wait(reason, after_s),)
    if waited >= DENIED_LONGEST:
        kind = Kind.ROLES_MISSING if rules.roles.grant == "predeployed" else Kind.ROLES_INEFFECTIVE
        minutes = int(waited.total_seconds() // 60)
        return Verdict.of(kind, f"the vault's identity has been refused for {minutes} minutes ({code})"), ()
    reason = f"the vault's identity may not reach the server yet ({code})"
    return Verdict.of(Kind.WAITING_FOR_ROLES, reason), (Wait(reason, after_s),)


def _missing_roles(server: Server, observed: Observed, rules: Rules, vault: Vault) -> tuple[GrantRole, ...]:
    if rules.roles.grant != "server" or observed.roles is None:
        return ()
    facts = observed.datasource
    wanted = ((facts.group_role, server.id.group_id), (facts.server_role, server.id.text))
    return tuple(
        GrantRole(
            reason=f"the vault's identity needs {facts.role_names[role]}",
            scope=scope,
            role=role,
            principal_id=vault.principal_id,
            assignment_name=names.role_assignment_name(scope, vault.principal_id, role),
        )
        for role, scope in wanted
        if role not in observed.roles
    )
