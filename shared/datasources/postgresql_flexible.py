"""Azure Database for PostgreSQL flexible server, as Azure Backup sees it.

Sources: the support matrix for vaulted backup of flexible servers (05/2025), the PostgreSQL flexible server ARM
contract (states, replication roles), and recorded traffic of Microsoft's command line, which requires these two roles.
"""

from shared.core.datasource import Datasource

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
LONG_TERM_RETENTION_BACKUP = "c088a766-074b-43ba-90d4-1fb21feae531"

DATASOURCE = Datasource(
    resource_type="Microsoft.DBforPostgreSQL/flexibleServers",
    api_version="2025-08-01",
    server_role=LONG_TERM_RETENTION_BACKUP,
    group_role=READER,
    ready_state="Ready",
    creating_state="Provisioning",
    stopped_states=frozenset({"Stopped", "Disabled", "Inaccessible", "Dropping"}),
    replica_roles=frozenset({"AsyncReplica", "GeoAsyncReplica"}),
    role_names={
        READER: "Reader",
        LONG_TERM_RETENTION_BACKUP: "PostgreSQL Flexible Server Long Term Retention Backup Role",
    },
)
