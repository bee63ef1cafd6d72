"""The flow as the SDK's documentation shows it: default polling, one server, wait for everything.

The peer that the product is measured against, on the same simulator and in the same run.
"""

from typing import Any

from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.dataprotection import DataProtectionMgmtClient
from azure.mgmt.postgresqlflexibleservers import PostgreSQLManagementClient

from cli.rehearsal import Rehearsal
from cli.stage import SUBSCRIPTION
from shared.cloud.apply import instance_properties
from shared.cloud.observe import short_region
from shared.core.observed import Server
from shared.core.resource_id import parse
from shared.datasources.postgresql_flexible import DATASOURCE
from simulator.transport import InProcessTransport

POLL_S = 30  # the SDK's own pause between two looks, and a usual one between two looks at the state


def protect(world: Rehearsal, server_id: str, policy: str, caller: str) -> None:
    """Protect one server: validate, create, wait until it is ProtectionConfigured."""
    clients = make_clients(world, caller)
    server, vault = parse(server_id), parse(world.vault_id())
    if not server or not vault:
        raise ValueError(server_id)
    found = clients["servers"].servers.get(server.group, server.name)
    seen = Server(server, short_region(found.location), "Ready", "", is_cluster=False, tags={})
    body: Any = instance_properties(seen, DATASOURCE, f"{vault.text}/backupPolicies/{policy}")
    backups = clients["backup"].backup_instances
    backups.begin_validate_for_backup(vault.group, vault.name, {"backupInstance": body}).result()
    name = f"{server.name}-plain"
    backups.begin_create_or_update(vault.group, vault.name, name, {"properties": body}).result()
    while True:
        instance = backups.get(vault.group, vault.name, name)
        if instance["properties"]["currentProtectionState"] == "ProtectionConfigured":
            return
        clients["transport"].sleep(POLL_S)


def make_clients(world: Rehearsal, caller: str) -> dict[str, Any]:
    """The clients as anybody would make them, but for the transport."""
    transport, credential = InProcessTransport(world.azure), world.azure.credential(caller)
    made = {
        "backup": DataProtectionMgmtClient(credential, SUBSCRIPTION, transport=transport),
        "servers": PostgreSQLManagementClient(credential, SUBSCRIPTION, transport=transport),
        "roles": AuthorizationManagementClient(credential, SUBSCRIPTION, transport=transport),
    }
    return {**made, "transport": transport}
