"""What is true right now about one server, as read from Azure in one pass. Frozen: nobody changes what was seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.core.datasource import Datasource
from shared.core.policy import Policy
from shared.core.resource_id import ResourceId


class Need(StrEnum):
    """What a decision may have to know beyond the server and its instances."""

    VAULTS = "vaults"
    POLICIES = "policies"
    ROLES = "roles"
    RECOVERY_POINTS = "recovery_points"
    JOBS = "jobs"


@dataclass(frozen=True, slots=True)
class Server:
    """A database server. location is the region's short name (westeurope), whatever Azure wrote."""

    id: ResourceId
    location: str
    state: str
    replication_role: str
    is_cluster: bool
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Instance:
    """A backup instance of the server, in any vault. errors: (code, message) of what keeps it from being protected."""

    id: str
    name: str
    vault_id: str
    policy_id: str
    state: str
    errors: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Vault:
    """A Backup vault that the rules name. principal_id: of its identity, "" if it has none."""

    id: str
    location: str
    principal_id: str
    state: str


@dataclass(frozen=True, slots=True)
class Job:
    """A backup job. codes: every error code in it, outermost first; empty unless it failed."""

    id: str
    name: str
    instance_id: str
    server_id: str
    vault_id: str
    status: str
    category: str
    user_triggered: bool
    started_at: datetime | None
    ended_at: datetime | None = None
    codes: tuple[str, ...] = ()
    message: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """A long operation that an earlier pass started. status: running, succeeded or failed; error: (code, message)."""

    kind: str
    url: str
    started_at: datetime
    status: str = "running"
    error: tuple[str, str] = ("", "")
    job_id: str = ""


@dataclass(frozen=True, slots=True)
class FirstBackup:
    """What is known of the server's first backup.

    step: none · intended (written down before the call, its outcome unknown) · started · done · failed.
    """

    step: str = "none"
    at: datetime | None = None
    job_id: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier passes wrote down. Losing it costs reads, never protection.

    granted_at: when we last gave the vault's identity a role. refused_since: since when the service has refused
    to validate or to protect, and `refusals` how often. policy_id, policy_digest: the policy that the instance followed
    when it was last found right, and what that meant; policies are never changed, so it means that still.
    unready_since: since when the server has not been Ready. created_here: this program created the instance.
    """

    running: Running | None = None
    first_backup: FirstBackup = field(default_factory=FirstBackup)
    granted_at: datetime | None = None
    refused_since: datetime | None = None
    refusals: int = 0
    unready_since: datetime | None = None
    created_here: bool = False
    policy_id: str = ""
    policy_digest: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """One server and what surrounds it. None means "not read, because nothing hangs on it", never "there is none".

    now: the Date of Azure's newest answer. roles: GUIDs of the roles that the chosen vault's identity has where it
    needs them. jobs: backup jobs of the server's instance.
    """

    now: datetime
    server_id: ResourceId
    datasource: Datasource
    server: Server | None
    instances: tuple[Instance, ...] = ()
    vaults: tuple[Vault, ...] | None = None
    policies: tuple[Policy, ...] | None = None
    roles: frozenset[str] | None = None
    has_recovery_point: bool | None = None
    jobs: tuple[Job, ...] | None = None
    memory: Memory = field(default_factory=Memory)
