"""One queue's messages: which is receivable when, and who holds it. Knows no HTTP.

A heap orders messages by the moment they become visible, so that receiving from a queue of any length is cheap;
an entry of the heap that its message has left behind is recognised by its number and dropped.
"""

import base64
import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from simulator.storage.refusals import StorageError

NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
MESSAGE_IDS = UUID("6f0c8f43-6c1c-4b0b-9a51-3e2f5d0a7c11")


@dataclass(frozen=True)
class StoredMessage:
    """A message as it is now. `turn` counts its changes across the queue; pop receipt and heap entry follow it."""

    id: str
    text: str
    inserted_at: datetime
    expires_at: datetime
    visible_at: datetime
    dequeue_count: int
    turn: int

    @property
    def pop_receipt(self) -> str:
        """What proves that a caller holds this version of the message."""
        return base64.b64encode(f"receipt-{self.turn:012d}".encode()).decode()


@dataclass
class MessageQueue:
    """The state of one queue. Times are arguments: a queue has no clock."""

    name: str
    metadata: dict[str, str] = field(default_factory=dict)
    messages: dict[str, StoredMessage] = field(default_factory=dict)
    by_visibility: list[tuple[datetime, int, str]] = field(default_factory=list)
    first_expiry: datetime = NEVER
    turns: int = 0

    def put(self, text: str, now: datetime, visible_at: datetime, expires_at: datetime) -> StoredMessage:
        """Add a message that nobody has taken yet."""
        message_id = str(uuid5(MESSAGE_IDS, f"{self.name}/{self.turns}"))
        self.first_expiry = min(self.first_expiry, expires_at)
        return self._keep(StoredMessage(message_id, text, now, expires_at, visible_at, 0, 0))

    def receive(self, count: int, now: datetime, visible_at: datetime) -> list[StoredMessage]:
        """Take up to `count` visible messages, the longest visible first; they are invisible until `visible_at`."""
        self.drop_expired(now)
        taken: list[StoredMessage] = []
        while len(taken) < count and (head := self._head()) and head.visible_at <= now:
            heapq.heappop(self.by_visibility)
            taken.append(head)
        return [self._keep(replace(m, visible_at=visible_at, dequeue_count=m.dequeue_count + 1)) for m in taken]

    def peek(self, count: int, now: datetime) -> list[StoredMessage]:
        """The next messages that `receive` would take, untouched. Looks at every message of the queue."""
        return heapq.nsmallest(count, self.visible(now), key=lambda m: (m.visible_at, m.turn))

    def visible(self, now: datetime) -> Iterator[StoredMessage]:
        """Every message that could be received now."""
        return (m for m in self.messages.values() if m.visible_at <= now < m.expires_at)

    def update(
        self, message_id: str, receipt: str, now: datetime, visible_at: datetime, text: str | None
    ) -> StoredMessage:
        """Change a message that the caller holds; it gets a new receipt. Raises StorageError as `held` does.

        Assumed: as in Azurite it may be hidden beyond its end, which Microsoft's reference forbids without a code.
        """
        message = self.held(message_id, receipt, now)
        return self._keep(replace(message, visible_at=visible_at, text=message.text if text is None else text))

    def delete(self, message_id: str, receipt: str, now: datetime) -> None:
        """Remove a message that the caller holds. Raises StorageError as `held` does."""
        del self.messages[self.held(message_id, receipt, now).id]

    def held(self, message_id: str, receipt: str, now: datetime) -> StoredMessage:
        """The message that a pop receipt stands for; 404 when it is gone, 400 when someone else holds it now."""
        self.drop_expired(now)
        message = self.messages.get(message_id)
        if not message:
            raise StorageError(404, "MessageNotFound", "The specified message does not exist.")
        if message.pop_receipt != receipt:
            words = "The specified pop receipt did not match the pop receipt for a dequeued message."
            raise StorageError(400, "PopReceiptMismatch", words)
        return message

    def clear(self) -> None:
        """Remove every message, held or not."""
        self.messages.clear()
        self.by_visibility.clear()
        self.first_expiry = NEVER

    def next_visible(self) -> datetime | None:
        """When the first message becomes (or became) receivable; None if none ever will."""
        head = self._head()
        return head.visible_at if head else None

    def drop_expired(self, now: datetime) -> None:
        """Forget what has outlived its time; looks at all messages only when at least one may have."""
        if now < self.first_expiry:
            return
        self.messages = {key: m for key, m in self.messages.items() if now < m.expires_at}
        self.first_expiry = min((m.expires_at for m in self.messages.values()), default=NEVER)

    def _keep(self, message: StoredMessage) -> StoredMessage:
        self.turns += 1
        kept = replace(message, turn=self.turns)
        self.messages[kept.id] = kept
        heapq.heappush(self.by_visibility, (kept.visible_at, kept.turn, kept.id))
        return kept

    def _head(self) -> StoredMessage | None:
        """The message that becomes visible first; drops entries that are out of date or would never be seen."""
        while self.by_visibility:
            _, turn, message_id = self.by_visibility[0]
            message = self.messages.get(message_id)
            if message and message.turn == turn and message.visible_at < message.expires_at:
                return message
            heapq.heappop(self.by_visibility)
        return None
