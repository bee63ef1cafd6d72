"""What can be done for a server: each action is one call, safe to repeat. Nothing here deletes, stops or suspends."""

from dataclasses import dataclass
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
    """Ask the service whether the server could be protected: it checks permissions, and takes 40 seconds."""

    reason: str
    vault_id: str
    policy_id: str


@dataclass(frozen=True, slots=True)
class Protect:
    """Create the backup instance."""

    reason: str
    vault_id: str
    policy_id: str
    instance_name: str


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


Write = EnsurePolicy | GrantRole | Validate | Protect | StartBackup
Action = Write | Wait
