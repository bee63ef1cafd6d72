"""Builds the estate of an inventory in a local Azure, by ordinary ARM calls where ARM can make it.

What the local Azure does not know is left out and named, so that a rehearsal never claims to be more than it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cli.deployment import Arm, let_in_app, server_body, vault_body
from cli.inventory import Instance, Inventory, Server, Vault
from cli.stage import Json
from shared.core.names import role_assignment_name
from simulator import standing, sudden
from simulator.arm.dataprotection.recovery_points import BEFORE_END
from simulator.azure import LocalAzure

BEFORE = timedelta(hours=2)  # long enough for servers to become Ready and for roles to work
ELSEWHERE = "westeurope"  # the region of what is gone
PRIMARY = ("", "primary", "none")


def begins(inventory: Inventory) -> datetime:
    """When the world has to begin, so that the oldest recovery point can be made in it."""
    points = [one.latest_point for one in inventory.instances if one.latest_point]
    return min((inventory.at, *points)) - BEFORE


@dataclass
class Building:
    """One estate in the making. principals: what became of the vaults' identities. left_out: in words."""

    azure: LocalAzure
    arm: Arm
    inventory: Inventory
    principals: dict[str, str] = field(default_factory=dict)
    admitted: set[str] = field(default_factory=set)
    left_out: list[str] = field(default_factory=list)

    def build(self, app: str, *, grants_roles: bool) -> None:
        """Everything, in the order of time; at the end it is the moment of the inventory."""
        self._places()
        vaults = [self._vault(vault) for vault in self.inventory.vaults]
        scopes = [f"/subscriptions/{one}" for one in self._subscriptions()]
        let_in_app(self.arm, scopes, app, sorted(filter(None, vaults)) if grants_roles else ())
        for policy in self.inventory.policies:
            self._try(f"policy {policy.id}", "PUT", policy.id, {"properties": policy.properties})
        for server in self._servers():
            self._server(server)
        self._roles()
        self._instances()
        self.azure.advance_to(self.inventory.at)
        self._states()

    # -- where things are --------------------------------------------------------------------------------------

    def _subscriptions(self) -> list[str]:
        elsewhere = (text.split("/")[2].lower() for text, _ in self._placed())
        return sorted({*map(str.lower, self.inventory.subscriptions), *elsewhere})

    def _placed(self) -> list[tuple[str, str]]:
        """The id and region of everything that stands in a group."""
        placed = [(one.id, one.region) for one in self.inventory.servers]
        placed += [(one.id, one.region) for one in self.inventory.vaults]
        return placed + [(one.server, "") for one in self.inventory.instances]

    def _places(self) -> None:
        """Subscriptions, and the groups of everything that is in them."""
        names = {key.lower(): name for key, name in self.inventory.subscriptions.items()}
        for subscription in self._subscriptions():
            self.arm("PUT", f"/subscriptions/{subscription}", {"displayName": names.get(subscription) or subscription})
        groups = {text.partition("/providers/")[0].lower(): (text, region) for text, region in reversed(self._placed())}
        for text, region in groups.values():
            self.arm("PUT", text.partition("/providers/")[0], {"location": region or ELSEWHERE})

    # -- things ------------------------------------------------------------------------------------------------

    def _vault(self, vault: Vault) -> str:
        """Make a vault; the principal id that its identity has here, "" for none."""
        world, body = self.azure.world, vault_body(vault.region, vault.redundancy or "LocallyRedundant", vault.tags)
        made = self._try(f"vault {vault.id}", "PUT", vault.id, body)
        if not made:
            return ""
        if not vault.principal_id:
            sudden.happen(world, "vault_without_identity", on=vault.id)
            return ""
        principal = str(made["identity"]["principalId"])
        self.principals[vault.principal_id] = principal
        self.admitted |= {principal.lower()} if vault.admitted else set()
        if vault.guarded:
            sudden.happen(world, "vault_guarded", on=vault.id)
        return principal

    def _servers(self) -> Iterable[Server]:
        """The servers, and those that are gone and have left a backup behind."""
        yield from self.inventory.servers
        yield from (Server(id=one.server, region=ELSEWHERE) for one in self._orphans())

    def _orphans(self) -> list[Instance]:
        there = {server.id.lower() for server in self.inventory.servers}
        return [one for one in self.inventory.instances if one.server.lower() not in there]

    def _server(self, server: Server) -> None:
        properties: dict[str, object] = {"cluster": {"clusterSize": 2}} if server.is_cluster else {}
        properties |= {"storage": {"storageSizeGB": server.storage_gb}} if server.storage_gb else {}
        if server.replication_role.lower() not in PRIMARY:
            properties["replicationRole"] = server.replication_role
        body = server_body(server.region or ELSEWHERE, server.tags, properties)
        self._try(f"server {server.id}", "PUT", server.id, body)

    def _roles(self) -> None:
        for role in self.inventory.roles or ():
            principal = self.principals.get(role.principal_id)
            for scope in role.scopes if principal else ():
                name = role_assignment_name(scope, str(principal), role.role)
                properties = {
                    "roleDefinitionId": f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{role.role}",
                    "principalId": principal,
                    "principalType": "ServicePrincipal",
                }
                path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
                self._try(f"role {role.role} on {scope}", "PUT", path, {"properties": properties})

    def _instances(self) -> None:
        """Protect what is protected, and let each newest recovery point be made at its time."""
        for one in self.inventory.instances:
            if not standing.protect(self.azure.world, one.id, one.server, one.policy, one.tags):
                self.left_out.append(f"{one.id}: its vault, server or policy is not in the inventory")
        pointed = [(one.latest_point, one.id) for one in self.inventory.instances if one.latest_point]
        for at, instance_id in sorted(pointed):
            self.azure.advance_to(max(at + BEFORE_END, self.azure.now))
            standing.add_point(self.azure.world, instance_id, self.inventory.at)

    def _states(self) -> None:
        """What only time or an accident brings about: states of servers, vaults and instances, and what is gone."""
        world = self.azure.world
        for server in self.inventory.servers:
            if (made := world.get(server.id)) and server.state:
                made.body["properties"]["state"] = server.state
        for vault in self.inventory.vaults:
            if vault.state not in ("", "Succeeded"):
                sudden.happen(world, "vault_state", on=vault.id, state=vault.state)
        for one in self.inventory.instances:
            standing.leave(world, one.id, one.state, one.error)
        for orphan in self._orphans():
            sudden.happen(world, "server_deleted", on=orphan.server)

    def _try(self, what: str, method: str, path: str, body: object) -> Json:
        """One ARM request for something that the local Azure may not know; its answer, empty when it does not."""
        try:
            return dict(self.arm(method, path, body) or {})
        except AssertionError as refused:
            self.left_out.append(f"{what}: the local Azure refuses it: {str(refused).partition(': ')[2][:200]}")
            return {}
