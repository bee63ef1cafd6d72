"""What a person allows: a list of {server, action, target}, and the hash by which a plan is known. Pure.

An approval allows what it lists and nothing else. What it lists and is not wanted any more is skipped; what is wanted
and not listed waits for the next approval.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from shared.core.actions import (
    ChangePolicy,
    EnsurePolicy,
    GrantRole,
    Protect,
    ResumeProtection,
    StartBackup,
    Sync,
    Undelete,
    Validate,
    Write,
)

HASH_LENGTH = 16
LASTS = timedelta(days=7)  # an approval is for what a person has just seen, not for ever


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One write of a plan. server and target: ids in lower case, so that an id compares as ARM compares it."""

    server: str
    action: str
    target: str


@dataclass(frozen=True, slots=True)
class Permitted:
    """A plan beside an approval. allowed: in both; waiting: only in the plan; vanished: only in the approval."""

    allowed: tuple[Entry, ...]
    waiting: tuple[Entry, ...]
    vanished: tuple[Entry, ...]


def entries(server_id: str, writes: Iterable[Write]) -> tuple[Entry, ...]:
    """The writes of one server as entries. A Validate is none: it changes nothing."""
    return tuple(
        Entry(server_id.lower(), type(write).__name__, target(write).lower())
        for write in writes
        if not isinstance(write, Validate)
    )


def target(write: Write) -> str:
    """The id of what a write is about.

    Protecting is about the policy, in whose id is the vault: a server has one instance name, but another policy is
    another decision. The name of a role assignment stands for role, scope and identity.
    """
    match write:
        case EnsurePolicy() | Protect() | ChangePolicy() | Validate():
            return write.policy_id
        case GrantRole():
            return f"{write.scope}/providers/Microsoft.Authorization/roleAssignments/{write.assignment_name}"
        case StartBackup() | Sync() | ResumeProtection():
            return write.instance_id
        case Undelete():
            return write.deleted_id


def plan_hash(plan: Iterable[Entry]) -> str:
    """The name of a plan: the same for the same entries in any order, 16 hexadecimal digits."""
    lines = sorted({f"{entry.server}\t{entry.action}\t{entry.target}" for entry in plan})
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:HASH_LENGTH]


def permitted(plan: Iterable[Entry], approved: Iterable[Entry]) -> Permitted:
    """Say which entries of a plan an approval allows, which wait, and which it lists in vain. In the plan's order."""
    wanted, listed = dict.fromkeys(plan), dict.fromkeys(approved)
    return Permitted(
        allowed=tuple(entry for entry in wanted if entry in listed),
        waiting=tuple(entry for entry in wanted if entry not in listed),
        vanished=tuple(entry for entry in listed if entry not in wanted),
    )
