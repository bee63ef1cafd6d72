"""Everything about one server: what its tags ask for and which rule won, what is there, what comes next. Only reads.

It asks the providers themselves, as the app does, so it sees what the app would see; and the ledger, when there is one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.cloud import history, observe
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.core.due import Backups, Due, judge
from shared.core.filters import only_permitted
from shared.core.foresee import Foreseen, foresee
from shared.core.freshness import overdue
from shared.core.intent import Candidate, Intent, Protect, read_intent, weigh
from shared.core.matching import mode_for
from shared.core.meaning import Meaning
from shared.core.observed import Instance, Job, Memory, Need, Observed, Vault
from shared.core.policy import Policy, means, tier_meaning, variant_of
from shared.core.protection import CONFIGURED
from shared.core.resource_id import ResourceId
from shared.core.retention_time import slots
from shared.core.rules import Mode, Rules
from shared.core.vault_choice import choose_vault, rules_of
from shared.core.verdict import Kind, Verdict
from shared.datasources.postgresql_flexible import DATASOURCE
from shared.ledger import Ledger, ServerRow

AHEAD = timedelta(days=366)  # the longest that anybody waits for a weekly backup, and some


@dataclass(frozen=True)
class Explained:
    """One server, explained. observed: all that was read. row: what the app remembers, None for the reason row_why.

    candidates: every rule that might decide, in order of precedence. vault: where it is protected, or would be;
    vault_why: what made it that one. roles: by name, whether the vault's identity has it; empty when there is no vault.
    due: whether the next scan asks for a backup on demand, and why, or why not.
    policy: that of its instance, None when it has none or it is gone. follows: whether that means the tier.
    """

    observed: Observed
    intent: Intent
    candidates: tuple[Candidate, ...]
    mode: Mode
    mode_rule: str
    verdict: Verdict
    foreseen: Foreseen
    vault: Vault | None
    vault_why: str
    roles: Mapping[str, bool]
    policy: Policy | None
    follows: bool | None
    latest_point: datetime | None
    latest_job: Job | None
    next_backup: datetime | None
    row: ServerRow | None
    row_why: str
    due: Due

    @property
    def instance(self) -> Instance | None:
        return self.observed.instances[0] if self.observed.instances else None

    @property
    def ineligible(self) -> str:
        """Why Azure Backup does not take the server, whoever asks for it; "" when it does."""
        server, facts = self.observed.server, self.observed.datasource
        if server is None:
            return "it does not exist"
        if server.replication_role in facts.replica_roles:
            return f"it is a read replica ({server.replication_role})"
        return "it is an elastic cluster" if server.is_cluster else ""


def explain(cloud: Cloud, server_id: ResourceId, rules: Rules, ledger: Ledger | None = None) -> Explained:
    """Read everything that is to be known about a server, and judge it. Raises CloudError."""
    row, row_why = _row(ledger, server_id)
    server = observe.server(cloud, server_id, DATASOURCE)
    instances = observe.instances(cloud, server_id)
    memory = row.memory if row else Memory()
    seen = Observed(cloud.now, server_id, DATASOURCE, server, instances, memory=memory)
    seen = observe.more(cloud, seen, frozenset({Need.VAULTS}), rules, None)
    tags = server.tags if server else {}
    intent = read_intent(tags, rules, seen.now, server_id)
    vault = _vault(seen, intent, rules)
    rest = frozenset({Need.POLICIES, Need.ROLES, Need.DELETED})
    seen = observe.more(cloud, seen, rest, rules, vault) if vault or instances else seen
    point = history.latest_point(cloud, instances[0]) if instances else None
    jobs = observe.jobs(cloud, instances[0].vault_id) if instances else ()
    seen = replace(seen, has_recovery_point=point is not None, latest_point=point, jobs=jobs)
    ahead = foresee(intent, seen, rules)
    mode, mode_rule = mode_for(rules, server_id, tags)
    verdict = only_permitted(ahead.plan, rules, server_id, tags).verdict
    if verdict.kind is Kind.PROTECTED and isinstance(intent, Protect):
        verdict = overdue(intent.tier, point, seen.now) or verdict
    policy = _policy(seen)
    return Explained(
        observed=seen,
        intent=intent,
        candidates=weigh(tags, rules, seen.now, server_id),
        mode=mode,
        mode_rule=mode_rule,
        verdict=verdict,
        foreseen=ahead,
        vault=vault,
        vault_why=_vault_why(vault, seen, intent, rules),
        roles=_roles(seen, vault),
        policy=policy,
        follows=means(policy.meaning, intent.tier) if policy and isinstance(intent, Protect) else None,
        latest_point=point,
        latest_job=history.latest_job(jobs, instances[0]) if instances else None,
        next_backup=_next_backup(seen, intent, policy),
        row=row,
        row_why=row_why,
        due=_due(seen, intent, rules, mode),
    )


def _due(seen: Observed, intent: Intent, rules: Rules, mode: Mode) -> Due:
    """What the scan would say, had it read the provider. Limits of the vault are left out: nobody knows them ahead."""
    if seen.server is None or mode != "protect":
        return Due("", "it does not exist" if seen.server is None else "the rules say observe")
    instance = seen.instances[0] if seen.instances else None
    mine = [job for job in seen.jobs or () if instance and job.instance_id.lower() == instance.id.lower()]
    return judge(
        seen.server, seen.datasource, intent, Backups(instance, seen.latest_point, mine), seen.now, rules.on_demand
    )


def _row(ledger: Ledger | None, server_id: ResourceId) -> tuple[ServerRow | None, str]:
    """What the app remembers, or why nobody can say."""
    if ledger is None:
        return None, "no table endpoint is set"
    try:
        row = ledger.server(server_id.text).row
    except CloudError as error:
        return None, str(error)
    return row, "" if row else "it has not looked at this server"


def _vault(seen: Observed, intent: Intent, rules: Rules) -> Vault | None:
    """Where the server is protected; else where it would be."""
    if seen.instances:
        home = seen.instances[0].vault_id
        known = (vault for vault in seen.vaults or () if vault.id.lower() == home.lower())
        return next(known, Vault(home, "", "", ""))
    if not seen.server or not isinstance(intent, Protect):
        return None
    return choose_vault(seen.server, intent, seen, rules)


def _vault_why(vault: Vault | None, seen: Observed, intent: Intent, rules: Rules) -> str:
    if vault is None:
        return ""
    fitting = rules_of(vault.id, vault.tags, rules)
    named = "the rules name it" if any(rule.id for rule in fitting) else "the rules find it by its tag"
    if not fitting:
        named = "the rules do not speak of it"
    if seen.instances:
        return f"the server's backup instance is in it; {named}"
    tier = intent.tier_name if isinstance(intent, Protect) else ""
    return f"{named}, it is in {vault.location} and serves {tier}"


def _roles(seen: Observed, vault: Vault | None) -> dict[str, bool]:
    if vault is None or seen.roles is None:
        return {}
    facts = seen.datasource
    return {facts.role_names[role]: role in seen.roles for role in (facts.group_role, facts.server_role)}


def _policy(seen: Observed) -> Policy | None:
    if not seen.instances:
        return None
    followed = seen.instances[0].policy_id.lower()
    return next((policy for policy in seen.policies or () if policy.id.lower() == followed), None)


def _next_backup(seen: Observed, intent: Intent, policy: Policy | None) -> datetime | None:
    """When the schedule makes the next backup: by the policy that it follows, else by the one that it would get."""
    meaning: Meaning | None = policy.meaning if policy else None
    if not seen.instances and isinstance(intent, Protect):
        meaning = tier_meaning(intent.tier, variant_of(seen.server_id, intent.tier))
    stopped = seen.instances and seen.instances[0].state.lower() != CONFIGURED
    if meaning is None or seen.server is None or stopped:
        return None
    return next(slots(meaning, seen.now, seen.now + AHEAD), None)
