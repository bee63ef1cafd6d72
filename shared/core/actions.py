"""What can be done for a server: each action is safe to repeat. Nothing here deletes, stops or suspends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class EnsurePolicy:
    """Create a policy that does not exist; an existing one is never written."""

    reason: str
    policy_id: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class GrantRole:
    """Give the vault's identity a role. scope: a server or a resource group. role: the role definition's GUID."""

    reason: str
    scope: str
    role: str
    principal_id: str
    assignment_name: str


@dataclass(frozen=True, slots=True)
class Validate:
    """Ask the service whether the server could be protected: it checks permissions, and takes 40 seconds.

    identity_url: the user-assigned identity that the vault works with; "" for its system-assigned one.
    """

    reason: str
    vault_id: str
    policy_id: str
    identity_url: str = ""


@dataclass(frozen=True, slots=True)
class Protect:
    """Create the backup instance, with tags of its own. identity_url: as in Validate."""

    reason: str
    vault_id: str
    policy_id: str
    instance_name: str
    identity_url: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChangePolicy:
    """Let an instance follow another policy: it is read and written back with nothing else changed."""

    reason: str
    instance_id: str
    policy_id: str


@dataclass(frozen=True, slots=True)
class Sync:
    """Ask the service to look at an instance in ProtectionError again, after its cause was repaired."""

    reason: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class ResumeProtection:
    """Let a stopped or suspended instance make backups again."""

    reason: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class Undelete:
    """Bring a soft-deleted instance back; it is stopped then."""

    reason: str
    deleted_id: str


@dataclass(frozen=True, slots=True)
class StartBackup:
    """Start an on-demand backup. The intention is written down before the call, because its answer may be lost."""

    reason: str
    instance_id: str
    backup_rule: str
    retention_tag: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do now; look again after after_s seconds."""

    reason: str
    after_s: float


Write = EnsurePolicy | GrantRole | Validate | Protect | ChangePolicy | Sync | ResumeProtection | Undelete | StartBackup
Action = Write | Wait
