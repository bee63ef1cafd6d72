"""The whole estate as bulk rows tell it: every server, and the backups, vaults and policies around it. Pure values.

Rows propose and confirm nothing: they may be old, and what could not be read is named, never taken for "there is none".
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.core.datasource import Datasource
from shared.core.intent import Intent, Protect
from shared.core.observed import Instance, Job, Memory, Observed, Server, Vault
from shared.core.policy import Policy
from shared.core.resource_id import ResourceId
from shared.core.rules import Rules
from shared.core.vault_choice import choose_vault, judged, rules_of

_NOTHING = Memory()


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look: subscriptions by lower-case id, or management groups by name. server: at this server alone."""

    subscriptions: frozenset[str] = frozenset()
    management_groups: tuple[str, ...] = ()
    server: ResourceId | None = None

    def __str__(self) -> str:
        if self.server:
            return self.server.text
        groups = [f"management group {name}" for name in self.management_groups]
        return ", ".join(groups or [f"subscription {one}" for one in sorted(self.subscriptions)])


@dataclass(frozen=True, slots=True)
class Estate:
    """All servers of a scope and what is around them. Every key is an id in lower case.

    subscriptions: names by id. instances: by server, also of servers that are no more. points: newest recovery point,
    by instance; none, no entry. policies: by vault. jobs: backups that run, and those that have failed where they were
    asked for, by instance. assignments: where an identity
    has a role, by (principal id, role); None when nobody asked. incomplete: what could not be read, in words.
    """

    now: datetime
    scope: Scope
    datasource: Datasource
    servers: Mapping[str, Server]
    subscriptions: Mapping[str, str] = field(default_factory=dict)
    instances: Mapping[str, tuple[Instance, ...]] = field(default_factory=dict)
    points: Mapping[str, datetime] = field(default_factory=dict)
    vaults: tuple[Vault, ...] = ()
    policies: Mapping[str, tuple[Policy, ...]] = field(default_factory=dict)
    jobs: Mapping[str, tuple[Job, ...]] = field(default_factory=dict)
    assignments: Mapping[tuple[str, str], frozenset[str]] | None = None
    incomplete: tuple[str, ...] = ()

    def usable_vaults(self, rules: Rules, identities: Collection[str] = ()) -> tuple[Vault, ...]:
        """The vaults that the rules speak of, with what rules and deployment make of them.

        identities: principal ids that the deployment admits. Only instances of this kind of database are counted.
        """
        counted = Counter(one.vault_id.lower() for found in self.instances.values() for one in found)
        spoken_of = (vault for vault in self.vaults if rules_of(vault.id, vault.tags, rules))
        return tuple(judged(vault, rules, identities, counted[vault.id.lower()]) for vault in spoken_of)

    def namesake(self, gone: ResourceId) -> str:
        """The id of a server that has the name of one that is gone: most likely it was moved. "" if there is none."""
        return next((one.id.text for one in self.servers.values() if one.id.name.lower() == gone.name.lower()), "")

    def held(self, server: ResourceId, principal_id: str) -> frozenset[str] | None:
        """The roles that an identity has where a server needs them; None when assignments were not read."""
        if self.assignments is None:
            return None
        facts, above = self.datasource, {server.subscription_id.lower(), server.group_id.lower()}
        places = {facts.group_role: above, facts.server_role: above | {server.key}}
        return frozenset(
            role for role, enough in places.items() if enough & self.assignments.get((principal_id, role), frozenset())
        )


def observed_of(
    estate: Estate,
    server_id: ResourceId,
    intent: Intent,
    rules: Rules,
    vaults: tuple[Vault, ...],
    memory: Memory = _NOTHING,
) -> Observed:
    """One server as the bulk rows show it. vaults: those of `usable_vaults`. Roles are None unless they were read."""
    key = server_id.key
    server, instances = estate.servers.get(key), estate.instances.get(key, ())
    seen = Observed(estate.now, server_id, estate.datasource, server, instances, vaults=vaults, memory=memory)
    if instances:
        instance = instances[0]
        home = instance.vault_id.lower()
        vault = (
            next((one for one in vaults if one.id.lower() == home), None) if estate.assignments is not None else None
        )
        return replace(
            seen,
            moved_to="" if server else estate.namesake(server_id),
            policies=estate.policies.get(home, ()),
            has_recovery_point=instance.id.lower() in estate.points,
            latest_point=estate.points.get(instance.id.lower()),
            jobs=estate.jobs.get(instance.id.lower(), ()),
            roles=estate.held(server_id, vault.principal_id) if vault else None,
        )
    if server is None:
        return seen
    chosen = choose_vault(server, intent, seen, rules) if isinstance(intent, Protect) else None
    return replace(
        seen,
        policies=estate.policies.get(chosen.id.lower(), ()) if chosen else (),
        roles=estate.held(server_id, chosen.principal_id) if chosen else None,
    )
