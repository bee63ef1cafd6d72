"""What is remembered, and the interface to it. Azure is the state; losing the ledger loses no protection.

Rows carry a schema version; a row that cannot be read counts as lost. One writer wins: every write names the version
(ETag) that it read, and a write on an older version is refused.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from shared.core.observed import FirstBackup, Memory, Running

SCHEMA = 1


class ServerRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of one server.

    generation: grows with every claim; a message of an older generation has nothing to say. claimed_by: the queue
    message that works on it, or did last; settled: it finished. next_look_at: nobody looks before this time.
    seen_at: newest event that came during a look; observed_at: when it was last looked at. failing_since, attempt: for
    how long, and how often in a row, Azure has answered with errors.
    """

    schema: int = SCHEMA
    server_id: str
    generation: int = 0
    claimed_by: str = ""
    settled: bool = True
    next_look_at: datetime | None = None
    seen_at: datetime | None = None
    observed_at: datetime | None = None
    attempt: int = 0
    failing_since: datetime | None = None
    running: Running | None = None
    first_backup: FirstBackup = msgspec.field(default_factory=FirstBackup)
    granted_at: datetime | None = None
    refused_since: datetime | None = None
    refusals: int = 0
    unready_since: datetime | None = None
    created_here: bool = False
    verdict: str = ""
    reason: str = ""
    fix: str = ""
    owner: str = ""
    vault_id: str = ""
    policy_id: str = ""
    policy_digest: str = ""
    instance_id: str = ""

    @property
    def memory(self) -> Memory:
        """The part of the row that decisions are made from."""
        return Memory(
            running=self.running,
            first_backup=self.first_backup,
            granted_at=self.granted_at,
            refused_since=self.refused_since,
            refusals=self.refusals,
            unready_since=self.unready_since,
            created_here=self.created_here,
            policy_id=self.policy_id,
            policy_digest=self.policy_digest,
        )


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person was, or is about to be, told. told: the alert has been accepted by its channels."""

    schema: int = SCHEMA
    key: str
    subject: str
    opened_at: datetime
    told: bool = False


class Changed(Exception):
    """Somebody else wrote the row first: read it again and decide anew."""


@dataclass(frozen=True, slots=True)
class Kept[Row]:
    """A row and its version. row is None when there is none, or none that can be read; version "" means absent."""

    row: Row | None
    version: str


class Ledger(Protocol):
    """Where rows are kept. Every method is one call to storage and may raise CloudError."""

    def server(self, server_id: str) -> Kept[ServerRow]: ...

    def keep_server(self, row: ServerRow, version: str) -> str:
        """Write a row over the version that was read ("" inserts) and return the new one. Raises Changed."""
        ...

    def server_of(self, instance_id: str) -> str:
        """The server that a backup instance belongs to, "" when that is not known."""
        ...

    def keep_instance(self, instance_id: str, server_id: str) -> None: ...

    def incident(self, key: str) -> Kept[Incident]: ...

    def keep_incident(self, incident: Incident, version: str) -> str:
        """Write an incident over the version that was read ("" inserts). Raises Changed."""
        ...
