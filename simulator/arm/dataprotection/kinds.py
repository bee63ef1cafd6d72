"""What differs between the kinds of datasources that Azure Backup protects? One row per kind.

Flexible servers are played: their state and the roles of the vault's identity are looked at. The other kinds are taken
as they come, so that what does not depend on a datasource can be tried with any: nothing is wrong with them unless a
fault says so.
"""

from dataclasses import dataclass

FLEXIBLE_SERVER = "Microsoft.DBforPostgreSQL/flexibleServers"


@dataclass(frozen=True)
class Kind:
    """How the service speaks of one kind of datasource.

    is_database: its jobs show progress and its points are full. actions: what a job that somebody started offers.
    destination: where a finished job says that its data went. accepted_since: the api-version from which PUT of an
    instance answers 202 without a body. needs_schedule: a policy without a backup rule makes no sense.
    """

    type: str
    is_played: bool = False
    is_database: bool = False
    actions: tuple[str, ...] = ("",)
    destination: str | None = "VaultStore"
    accepted_since: str | None = None
    needs_schedule: bool = True


# Source: dp-disk-create-backup-delete-2025-11-06, dp-blob-create-delete-2025-11-06, dp-update-policy-2025-11-06,
# dp-jobs-list-2025-11-06, dp-aks-delete200-lifecycle-2024-05-07, dp-mysqlflex-lifecycle-2024-04-29,
# dp-pgsingle-lifecycle-2024-03-13, dp-pgflex-job-failed-2025-03-12 (Cancellable: not yet in 2024).
_KINDS = (
    Kind(FLEXIBLE_SERVER, is_played=True, is_database=True, actions=("Cancellable",)),
    Kind("Microsoft.DBforMySQL/flexibleServers", is_database=True),
    Kind("Microsoft.DBforPostgreSQL/servers/databases", is_database=True, destination=None),
    Kind("Microsoft.Compute/disks", destination="OperationalTierStore"),
    Kind("Microsoft.ContainerService/managedClusters", destination=None),
    Kind("Microsoft.Storage/storageAccounts/blobServices", accepted_since="2025-07-01", needs_schedule=False),
    Kind("Microsoft.Storage/storageAccounts/adlsBlobServices", accepted_since="2025-07-01"),
)
KINDS = {kind.type.lower(): kind for kind in _KINDS}


def kind_of(datasource_type: object) -> Kind:
    """The kind of a datasource type, compared without case. Raises ValueError for one that is not known."""
    found = KINDS.get(str(datasource_type).lower())
    if found is None:
        msg = f"no datasource type that is known here: {datasource_type}"
        raise ValueError(msg)
    return found
