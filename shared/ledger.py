"""What is remembered, and the interface to it. Azure is the state; losing the ledger loses no protection.

Rows carry a schema version; a row that cannot be read counts as lost. One writer wins: every write names the version
(ETag) that it read, and a write on an older version is refused. During an upgrade two versions of the app write: what a
later one added is kept, and a row of a later schema is left alone (docs/operate.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import msgspec

from shared.core.approval import Entry
from shared.core.incidents import Incident
from shared.core.observed import Answer, Contest, LastBackup, Memory, Running, Wish

SCHEMA = 1


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every row has. more: fields that a later version of the app has written, kept as they are."""

    schema: int = SCHEMA
    more: dict[str, Any] = {}


class ServerRow(Row, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of one server.

    generation: grows with every claim; a message of an older generation has nothing to say. claimed_by: the queue
    message that works on it, or did last; settled: it finished. next_look_at: nobody looks before this time.
    seen_at: newest event that came during a look; observed_at: when it was last looked at. failing_since, attempt: for
    how long, and how often in a row, Azure has answered with errors. turn_at, turn_writes: from when on so many calls
    that write are promised to this flow; is_counted: its change has been counted, or judged by the sweep. wish: a
    backup that somebody asks for; answer: what became of the last one. first_backup: of old rows, never written.
    """

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
    backup: LastBackup = msgspec.field(default_factory=LastBackup)
    wish: Wish | None = None
    answer: Answer | None = None
    first_backup: LastBackup | None = None
    granted_at: datetime | None = None
    refused_since: datetime | None = None
    refusals: int = 0
    unready_since: datetime | None = None
    created_at: datetime | None = None
    verdict: str = ""
    reason: str = ""
    fix: str = ""
    owner: str = ""
    vault_id: str = ""
    policy_id: str = ""
    policy_digest: str = ""
    contest: Contest | None = None
    instance_id: str = ""
    turn_at: datetime | None = None
    turn_writes: int = 0
    is_counted: bool = False

    def __post_init__(self) -> None:
        """Read a row that knows of a first backup alone, as rows of the first version do."""
        if (first := self.first_backup) is not None:
            msgspec.structs.force_setattr(self, "backup", replace(first, has_point=first.step == "done"))
            msgspec.structs.force_setattr(self, "first_backup", None)

    @property
    def memory(self) -> Memory:
        """The part of the row that decisions are made from."""
        return Memory(
            running=self.running,
            backup=self.backup,
            wish=self.wish,
            granted_at=self.granted_at,
            refused_since=self.refused_since,
            refusals=self.refusals,
            unready_since=self.unready_since,
            created_at=self.created_at,
            policy_id=self.policy_id,
            policy_digest=self.policy_digest,
            contest=self.contest,
        )


LONGEST_WAIT = timedelta(days=7)  # Source: Put Message: nothing is hidden for longer


def is_possible(row: ServerRow, now: datetime) -> bool:
    """Whether this program can have written a row: no look is due later than any message can come.

    Who may write to the storage account must not be able to put a server to sleep for years.
    """
    return row.next_look_at is None or row.next_look_at <= now + LONGEST_WAIT


class Watched(Row, frozen=True, kw_only=True, omit_defaults=True):
    """What the watch remembers of a vault, or of a timer of the app.

    name: id of the vault, or name of the function. at: when it was last read, or last ran to its end. measured_until:
    backups that ended until then have been measured; sizes: bytes of the last backups by the fingerprint of a server,
    the newest last.
    """

    name: str
    at: datetime
    measured_until: datetime | None = None
    sizes: dict[str, tuple[int, ...]] = {}


class Window(Row, frozen=True, kw_only=True, omit_defaults=True):
    """What is counted for one subscription: promised turns, and what events have changed.

    until: when everything promised is made up for (`core/pace.py`). since, counted, price: servers that events have
    changed since then, and what that costs a month (`core/brake.py`). servers: how many the last sweep saw.
    swept_until: until when the work is spread that a sweep has put on the queue.
    """

    subscription: str
    until: datetime | None = None
    since: datetime | None = None
    counted: int = 0
    price: float = 0.0
    servers: int = 0
    swept_until: datetime | None = None


class Started(Row, frozen=True, kw_only=True, omit_defaults=True):
    """How many backups on demand were promised in one vault on a day (UTC). until: a scan's promises last till then."""

    vault_id: str
    day: date
    counted: int = 0
    until: datetime | None = None


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that a person has approved: its hash, by whom and when, what it allows. Written once, never changed."""

    schema: int = SCHEMA
    plan_hash: str
    by: str
    at: datetime
    entries: tuple[Entry, ...]


def encoded(row: Any) -> bytes:
    """A row as JSON, with what a later version has added to it."""
    more = getattr(row, "more", None)
    if not more:
        return msgspec.json.encode(row)
    return msgspec.json.encode(
        more | {name: value for name, value in msgspec.to_builtins(row).items() if name != "more"}
    )


def decoded[Read](text: str | bytes, row_type: type[Read]) -> Read:
    """A row from JSON; fields that this version does not know are in `more`. Raises msgspec.DecodeError."""
    row = msgspec.json.decode(text, type=row_type)
    if isinstance(row, Row):
        more = {name: value for name, value in msgspec.json.decode(text).items() if name not in row.__struct_fields__}
        return msgspec.structs.replace(row, more=more) if more else row
    return row


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

    def known_servers(self) -> Iterator[ServerRow]:
        """Every server's row, in no order; several calls. What cannot be read is left out."""
        ...

    def approvals(self, since: datetime) -> tuple[Approval, ...]:
        """What was approved since then, newest first; several calls when it is much."""
        ...

    def keep_approval(self, approval: Approval) -> None:
        """Write an approval down, in as many calls as its size needs; it counts once the last one is done."""
        ...

    def window(self, subscription: str) -> Kept[Window]: ...

    def keep_window(self, window: Window, version: str) -> str:
        """Write a window over the version that was read ("" inserts). Raises Changed."""
        ...

    def started(self, vault_id: str) -> Kept[Started]: ...

    def keep_started(self, started: Started, version: str) -> str:
        """Write a count over the version that was read ("" inserts). Raises Changed."""
        ...

    def incidents(self, since: datetime) -> Iterator[Kept[Incident]]:
        """Every incident that was written since then, in no order; several calls when it is much."""
        ...

    def incident(self, key: str) -> Kept[Incident]: ...

    def keep_incident(self, incident: Incident, version: str) -> str:
        """Write an incident over the version that was read ("" inserts). Raises Changed."""
        ...

    def watched(self, name: str) -> Kept[Watched]: ...

    def keep_watched(self, row: Watched, version: str) -> str:
        """Write it over the version that was read ("" inserts). Raises Changed."""
        ...
