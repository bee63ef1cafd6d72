"""Makes any number of messages about a server one flow: who may look now, who may not, and how a look ends.

The row in the ledger is the only lock, and its version (ETag) the only key. A claim raises the row's generation; a
message of an older generation, or one that comes before the row's next look, ends without a question to ARM.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.ledger import SCHEMA, Changed, Ledger, ServerRow

LEASE = timedelta(seconds=120)  # a pass takes seconds; after this its server is free for the next
EARLY = timedelta(seconds=1)  # Date headers have whole seconds
MOST_TRIES = 5


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message of the queue. An event has no generation and says when it happened; a continuation has one.

    A sweep's message is like an event of the moment at which the sweep read; is_swept: its brake has judged the change.
    turn_at, turn_writes: from when on so many writes are promised to it.
    """

    schema: int = 1  # a message without one is of the first
    server_id: str
    generation: int | None = None
    seen_at: datetime | None = None
    is_swept: bool = False
    turn_at: datetime | None = None
    turn_writes: int = 0


@dataclass(frozen=True, slots=True)
class Claimed:
    """The row is ours until it is settled, or its lease ends. was_left: by a pass that died, at who knows what."""

    row: ServerRow
    version: str
    was_left: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """There is nothing to do for this message. resume_s: but its continuation is to be sent (again), after so long."""

    reason: str
    resume_s: float | None = None
    generation: int = 0


@dataclass(frozen=True, slots=True)
class _Noted:
    """Somebody is looking right now: leave word that something happened meanwhile."""

    row: ServerRow


class _Version(msgspec.Struct):
    schema: int = 1


def as_sent(message: Message) -> dict[str, Any]:
    """A message as it is put on the queue: it always says its schema."""
    fields: dict[str, Any] = msgspec.to_builtins(message)
    return {"schema": SCHEMA} | fields


def read_message(body: bytes) -> Message | None:
    """Read a message of the queue; None for one of a later version of the app, which is for that one to read.

    Raises ValueError for what is none; the queue then sets it aside as poison.
    """
    try:
        if msgspec.json.decode(body, type=_Version).schema > SCHEMA:
            return None
        return msgspec.json.decode(body, type=Message)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a message of ours: {error}") from None


def take(message: Message, message_id: str, ledger: Ledger, cloud: Cloud) -> Claimed | Skipped:
    """Claim the server of a message, or say why not. Raises CloudError when storage fails or never holds still."""
    for _ in range(MOST_TRIES):
        kept = ledger.server(message.server_id)
        answer = judge(kept.row, message, message_id, cloud.now)
        if isinstance(answer, Skipped):
            return answer
        try:
            version = ledger.keep_server(answer.row, kept.version)
        except Changed:
            continue
        was_left = kept.row is not None and not kept.row.settled
        return Skipped("noted") if isinstance(answer, _Noted) else Claimed(answer.row, version, was_left)
    raise CloudError("LedgerBusy", f"the row of {message.server_id} changed {MOST_TRIES} times in a row")


def judge(row: ServerRow | None, message: Message, message_id: str, now: datetime) -> Claimed | Skipped | _Noted:
    """Say what a message may do to a row. Pure; the version in the answer is still to be earned."""
    if row is None:
        first = ServerRow(server_id=message.server_id, generation=message.generation or 0)
        return _claim(first, message, message_id, now)
    if row.claimed_by == message_id:
        if not row.settled:  # we died while working on it, or somebody still does: then the new generation stops it
            return Claimed(msgspec.structs.replace(row, generation=row.generation + 1, next_look_at=now + LEASE), "")
        # we died after settling; the continuation may not have been sent
        return Skipped("already_done", _left_s(row, now), row.generation)
    busy = not row.settled and row.next_look_at is not None and now < row.next_look_at
    if message.generation is not None:
        if message.generation < row.generation:
            return Skipped("old_generation")
        if row.next_look_at and now < row.next_look_at - EARLY:
            return Skipped("too_early", _left_s(row, now), row.generation)
        return _claim(row, message, message_id, now)
    if busy:
        newest = max(filter(None, (row.seen_at, message.seen_at or now)))
        return _Noted(msgspec.structs.replace(row, seen_at=newest))
    if row.next_look_at and now < row.next_look_at:
        return Skipped("under_way")
    looked = row.settled and row.next_look_at is None and row.observed_at is not None
    if looked and message.seen_at and row.observed_at and message.seen_at <= row.observed_at:
        return Skipped("already_looked")
    return _claim(row, message, message_id, now)


def _claim(row: ServerRow, message: Message, message_id: str, now: datetime) -> Claimed:
    # A sweep has seen something wrong, so what its policy was once found to mean is read anew.
    promised = {
        "turn_at": message.turn_at,
        "turn_writes": message.turn_writes,
        "is_counted": True,
        "policy_digest": "",
    }
    changes = (promised if message.is_swept else {}) | {
        "generation": row.generation + 1,
        "claimed_by": message_id,
        "settled": False,
        "seen_at": None,  # this look sees all that has happened until now
        "next_look_at": now + LEASE,
    }
    return Claimed(msgspec.structs.replace(row, **changes), "")


def _left_s(row: ServerRow, now: datetime) -> float | None:
    return max((row.next_look_at - now).total_seconds(), 0.0) if row.next_look_at else None


def keep(
    claimed: Claimed, ledger: Ledger, finish: Callable[[ServerRow], ServerRow] = lambda row: row
) -> Claimed | None:
    """Write the claimed row as it is now; None, and nothing written, when somebody else has taken it over.

    What was noted in the row meanwhile (a newer event) is kept; `finish` makes the last changes, knowing it. Raises
    CloudError.
    """
    row, version = claimed.row, claimed.version
    for _ in range(MOST_TRIES):
        finished = finish(row)
        try:
            return Claimed(finished, ledger.keep_server(finished, version))
        except Changed:
            kept = ledger.server(row.server_id)
            if not kept.row or (kept.row.generation, kept.row.claimed_by) != (row.generation, row.claimed_by):
                return None
            row, version = msgspec.structs.replace(row, seen_at=kept.row.seen_at), kept.version
    raise CloudError("LedgerBusy", f"the row of {row.server_id} changed {MOST_TRIES} times in a row")


def settle(claimed: Claimed, pending_s: float | None, ledger: Ledger, cloud: Cloud) -> float | None:
    """Write down how a look ended; answer after how many seconds to look again, None for not at all.

    The row carries observed_at, the time when the look began: what happened after it calls for another look. When
    somebody else has taken the row over, nothing is written and there is nothing to continue.
    """

    def finish(row: ServerRow) -> ServerRow:
        changed_meanwhile = row.seen_at and row.observed_at and row.seen_at > row.observed_at
        after_s = 0.0 if pending_s is None and changed_meanwhile else pending_s
        next_look_at = None if after_s is None else cloud.now + timedelta(seconds=after_s)
        return msgspec.structs.replace(row, settled=True, next_look_at=next_look_at)

    kept = keep(claimed, ledger, finish)
    if not kept or kept.row.next_look_at is None:
        return None
    return pending_s or 0.0
