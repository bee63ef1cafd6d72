"""Takes an inventory: what of an estate goes into the file of `flexguard export`, and what stays out of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cli.connection import Connection
from cli.inventory import Instance, Inventory, Policy, Role, Server, Vault
from shared.cloud.errors import CloudError
from shared.cloud.estate import policy_bodies
from shared.cloud.estate_checks import read_assignments
from shared.core import observed
from shared.core.estate import Estate
from shared.core.matching import fold
from shared.core.names import STAMP
from shared.core.rules import Rules

GIVEN = "given"  # stands for the reason of an exemption: people write anything there, rules ask whether there is one


def tag_names(rules: Rules) -> tuple[str, ...]:
    """The tags that a rules file looks at, on servers and vaults, as it spells them."""
    fixed = (rules.tag, rules.exempt.until_tag, rules.exempt.reason_tag, rules.owner_tag)
    places = [*(rule.tags for rule in rules.overrides), *(rule.tags for rule in rules.defaults)]
    places += [vault.tag for vault in rules.vaults]
    return tuple(dict.fromkeys((*fixed, *(name for tags in places for name in tags))))


def take(connection: Connection, estate: Estate, rules: Rules, more: Iterable[str] = ()) -> Inventory:
    """The inventory of an estate that was read. more: names of tags to be kept beside those of the rules.

    Policies and roles are read here; what cannot be read is named in it. Of vaults elsewhere only those are in it that
    the rules speak of, or that protect one of the servers.
    """
    names = tuple(dict.fromkeys((*tag_names(rules), *more)))
    return _Taking(connection, estate, rules, frozenset(map(fold, names))).inventory(names)


@dataclass(frozen=True)
class _Taking:
    """One inventory in the making. kept: folded names of tags."""

    connection: Connection
    estate: Estate
    rules: Rules
    kept: frozenset[str]
    missing: list[str] = field(default_factory=list)

    def inventory(self, names: tuple[str, ...]) -> Inventory:
        estate, vaults = self.estate, self._vaults()
        policies, roles = self._policies({vault.id.lower() for vault in vaults}), self._roles(vaults)
        return Inventory(
            at=estate.now,
            scope=str(estate.scope),
            tags=names,
            incomplete=(*estate.incomplete, *self.missing),
            subscriptions=dict(estate.subscriptions),
            servers=tuple(self._server(server) for _, server in sorted(estate.servers.items())),
            vaults=tuple(map(self._vault, vaults)),
            policies=policies,
            instances=tuple(
                self._instance(one, key) for key in sorted(estate.instances) for one in estate.instances[key]
            ),
            roles=roles,
        )

    def _tags(self, tags: Mapping[str, str]) -> dict[str, str]:
        """The tags that are kept, in the order of their names; a reason is not told."""
        reason = fold(self.rules.exempt.reason_tag)
        found = ((name, value) for name, value in sorted(tags.items()) if fold(name) in self.kept)
        return {name: GIVEN if fold(name) == reason and value.strip() else value for name, value in found}

    # -- what was read -----------------------------------------------------------------------------------------

    def _server(self, server: observed.Server) -> Server:
        return Server(
            id=server.id.text,
            region=server.location,
            state=server.state,
            replication_role=server.replication_role,
            is_cluster=server.is_cluster,
            storage_gb=server.storage_gb,
            tags=self._tags(server.tags),
        )

    def _vaults(self) -> list[observed.Vault]:
        subscriptions, needed = self.estate.subscriptions, self._needed()
        return [
            vault
            for vault in sorted(self.estate.vaults, key=lambda vault: vault.id.lower())
            if vault.id.lower() in needed or vault.id.split("/")[2].lower() in subscriptions
        ]

    def _needed(self) -> set[str]:
        """The vaults that the rules speak of, and those that protect one of the servers."""
        usable = self.estate.usable_vaults(self.rules, self.connection.settings.vault_identities)
        homes = {one.vault_id.lower() for found in self.estate.instances.values() for one in found}
        return homes | {vault.id.lower() for vault in usable}

    def _vault(self, vault: observed.Vault) -> Vault:
        return Vault(
            id=vault.id,
            region=vault.location,
            state=vault.state,
            redundancy=vault.redundancy,
            principal_id=vault.principal_id,
            admitted=vault.principal_id.lower() in self.connection.settings.vault_identities,
            guarded=vault.guarded,
            tags=self._tags(vault.tags),
        )

    def _instance(self, instance: observed.Instance, server: str) -> Instance:
        known = self.estate.servers.get(server)
        return Instance(
            id=instance.id,
            server=known.id.text if known else server,
            policy=instance.policy_id,
            state=instance.state,
            error=next((code for code, _ in instance.errors), ""),
            latest_point=self.estate.points.get(instance.id.lower()),
            tags={name: value for name, value in sorted(instance.tags.items()) if name.lower() == STAMP},
        )

    # -- what is read beside -----------------------------------------------------------------------------------

    def _policies(self, vaults: set[str]) -> tuple[Policy, ...]:
        try:
            found = list(policy_bodies(self.connection.cloud, self.estate.datasource))
        except CloudError as error:
            self.missing.append(f"policies: {error}")
            return ()
        here = (one for one in sorted(found) if one[0].rsplit("/", 2)[0].lower() in vaults)
        return tuple(Policy(id=policy_id, properties=properties or {}) for policy_id, properties in here)

    def _roles(self, vaults: list[observed.Vault]) -> tuple[Role, ...] | None:
        needed = self._needed()
        principals = sorted({vault.principal_id for vault in vaults if vault.id.lower() in needed} - {""})
        places = sorted({server.id.subscription for server in self.estate.servers.values()})
        try:
            held = read_assignments(self.connection.cloud, places, principals)
        except CloudError as error:
            self.missing.append(f"role assignments: {error}")
            return None
        return tuple(
            Role(principal_id=principal, role=role, scopes=tuple(sorted(scopes)))
            for (principal, role), scopes in sorted(held.items())
        )
