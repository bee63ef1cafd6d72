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
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Server:
    """A database server. location is the region's short name (westeurope), whatever Azure wrote.

    storage_gb: the size that is provisioned, 0 if Azure does not say.
    """

    id: ResourceId
    location: str
    state: str
    replication_role: str
    is_cluster: bool
    tags: Mapping[str, str]
    storage_gb: int = 0


@dataclass(frozen=True, slots=True)
class Instance:
    """A backup instance of the server, in any vault. errors: (code, message) of what keeps it from being protected.

    tags: its own, of which one may be our stamp.
    """

    id: str
    name: str
    vault_id: str
    policy_id: str
    state: str
    errors: tuple[tuple[str, str], ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deleted:
    """A soft-deleted backup instance: its recovery points are there until gone_at, and nothing new replaces it."""

    id: str
    name: str
    vault_id: str
    server_id: str
    gone_at: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Vault:
    """A Backup vault. principal_id: of its identity, "" if it has none. redundancy: LocallyRedundant and so on.

    admitted: the rules file names it, or the deployment its identity; a vault that is not is never used.
    is_full: it protects as many servers as the rules allow; by a count that may be minutes old.
    identity_url: the user-assigned identity that principal_id belongs to; "" for the system-assigned one.
    guarded: a Resource Guard stands before it, so that a change of protection needs an approval. Azure's words for how
    what is in it is kept: soft_deletion Off, On or AlwaysOn; immutability Disabled, Unlocked or Locked; "" if unknown.
    """

    id: str
    location: str
    principal_id: str
    state: str
    tags: Mapping[str, str] = field(default_factory=dict)
    redundancy: str = ""
    admitted: bool = True
    is_full: bool = False
    identity_url: str = ""
    guarded: bool = False
    soft_deletion: str = ""
    soft_deletion_days: int | None = None
    immutability: str = ""
    cross_region_restore: str = ""

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Job:
    """A backup job. codes: every error code in it, outermost first; empty unless it failed.

    location: region of its server, "" if the job does not say. moved_bytes: None where Azure does not say.
    """

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
    location: str = ""
    moved_bytes: float | None = None


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
class LastBackup:
    """What is known of the newest backup that the app has asked for.

    step: none · intended (written down before the call, its outcome unknown) · started · done · failed. at: when it was
    intended, or its job began. why: a word of `core/due.py`. has_point: the server has had a good recovery point.
    """

    step: str = "none"
    at: datetime | None = None
    job_id: str = ""
    why: str = "first"
    has_point: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody asks for a backup on demand. why: a word of `core/due.py`; by: the person, "" for the app itself.

    point: the newest recovery point that was known then. A backup that begins after `at` fulfils it.
    """

    why: str
    at: datetime
    by: str = ""
    point: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of the wish of that time: a backup (is_met), or the reason why there is none."""

    at: datetime
    reason: str
    is_met: bool = False


@dataclass(frozen=True, slots=True)
class Contest:
    """How often others have taken an instance off the tier that means `digest`. was_right: it was last seen on it."""

    digest: str = ""
    times: int = 0
    was_right: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier passes wrote down. Losing it costs reads, never protection.

    granted_at: when we last gave the vault's identity a role. refused_since: since when the service has refused
    to validate or to protect, and `refusals` how often. policy_id, policy_digest: the policy that the instance followed
    when it was last found right, and what that meant; policies are never changed, so it means that still.
    unready_since: since when the server, its vault or its instance is not ready, so that there is nothing to do but
    wait. created_at: when this program created the instance.
    contest: how often others have changed its policy; None when nobody has looked at that yet. wish: a backup that
    somebody asks for, until it is answered.
    """

    running: Running | None = None
    backup: LastBackup = field(default_factory=LastBackup)
    granted_at: datetime | None = None
    refused_since: datetime | None = None
    refusals: int = 0
    unready_since: datetime | None = None
    created_at: datetime | None = None
    policy_id: str = ""
    policy_digest: str = ""
    contest: Contest | None = None
    wish: Wish | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """One server and what surrounds it. None means "not read, because nothing hangs on it", never "there is none".

    now: the Date of Azure's newest answer. roles: GUIDs of the roles that the chosen vault's identity has where it
    needs them. jobs: backup jobs of the server's instance. deleted: soft-deleted instances in the chosen vault.
    moved_to: where a server of the same name is, when this one is gone and somebody knows. latest_point: when the
    newest recovery point was made, where they were read.
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
    deleted: tuple[Deleted, ...] | None = None
    moved_to: str = ""
    latest_point: datetime | None = None
