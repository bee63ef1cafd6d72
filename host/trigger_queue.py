"""The messages of one trigger queue, as a host handles them: take, read, hold on, delete, repeat, give up.

Both hosts stand on it; when to take and what to run at once is theirs.

**Source**: azure-webjobs-sdk `Queues/Listeners/QueueListener.cs` and `QueueProcessor.cs`; azure-sdk-for-net
`Storage.Queues/src/QueueServiceClientProvider.cs` (what cannot be decoded is poison at once).
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

from host.settings import QueueOptions

INVISIBLE_S = 600
POISON = "-poison"
LOST = ("PopReceiptMismatch", "MessageNotFound", "QueueNotFound")


class TriggerQueue:
    """One queue and its poison queue. `fail(subject, error)` is told of everything that goes wrong.

    Every method survives an outage of the storage account; that somebody else took or deleted a message meanwhile is
    no failure.
    """

    def __init__(
        self, name: str, queues: QueueServiceClient, options: QueueOptions, fail: Callable[[str, Exception], None]
    ) -> None:
        self.name, self.options = name, options
        self._fail = fail
        self._queue = queues.get_queue_client(name)
        self._poison: QueueClient | None = None
        if not name.endswith(POISON):
            self._poison = queues.get_queue_client(name + POISON)

    def create(self) -> None:
        """Make the queue; that it exists already is success."""
        create_queue(self._queue)

    def take(self) -> list[QueueMessage]:
        """A batch of visible messages, each invisible to others for ten minutes from now."""
        with self._outage("receive"):
            pages = self._queue.receive_messages(
                messages_per_page=self.options.batch_size, visibility_timeout=INVISIBLE_S
            ).by_page()
            return list(next(pages, []))
        return []

    def read(self, message: QueueMessage) -> bytes | None:
        """The body of a message that is to be run; None for one that was given up on instead."""
        body = decoded(str(message.content or ""), self.options.base64)
        if body is not None and (message.dequeue_count or 0) <= self.options.max_dequeue_count:
            return body
        reason = "cannot be decoded; check messageEncoding" if body is None else "was taken too often"
        self._fail(message.id, ValueError(f"message {message.id} {reason}"))
        self._give_up(message)
        return None

    def hold(self, message: QueueMessage) -> bool:
        """Keep a message that still runs invisible for another ten minutes; whether that worked."""
        with self._outage(message.id):
            held = self._queue.update_message(message.id, message.pop_receipt, visibility_timeout=INVISIBLE_S)
            message.pop_receipt = held.pop_receipt
            return True
        return False

    def succeeded(self, message: QueueMessage) -> None:
        """Its function returned: delete the message."""
        with self._outage(message.id):
            self._queue.delete_message(message)

    def failed(self, message: QueueMessage) -> bool:
        """Its function raised: let the message be taken again, at last move it; whether it was moved.

        A message that fails in a poison queue only stays invisible until its ten minutes are over.
        """
        if self._poison is None:
            return False
        if (message.dequeue_count or 0) >= self.options.max_dequeue_count:
            self._give_up(message)
            return True
        with self._outage(message.id):
            pause_s = self.options.visibility_timeout_s
            self._queue.update_message(message.id, message.pop_receipt, visibility_timeout=pause_s)
        return False

    def _give_up(self, message: QueueMessage) -> None:
        """Copy a message, as it was sent, to the poison queue and delete it. The poison queue is made when needed."""
        if self._poison is None:
            return
        with self._outage(message.id):
            put(self._poison, str(message.content))
            self._queue.delete_message(message)

    @contextmanager
    def _outage(self, subject: str) -> Iterator[None]:
        """Survive a storage call that fails: tell of it, unless the message is merely no longer held."""
        try:
            yield
        except HttpResponseError as error:
            if getattr(error, "error_code", None) not in LOST:
                self._fail(subject, error)
        except AzureError as error:
            self._fail(subject, error)


def create_queue(queue: QueueClient) -> None:
    """Make a queue; that it exists already is success."""
    try:
        queue.create_queue()
    except ResourceExistsError:
        return


def put(queue: QueueClient, text: str) -> None:
    """Send a message; a queue that is not there is made first.

    **Source**: azure-sdk-for-net `StorageQueueExtensions.cs` (AddMessageAndCreateIfNotExistsAsync).
    """
    try:
        queue.send_message(text)
    except ResourceNotFoundError:
        create_queue(queue)
        queue.send_message(text)


def decoded(content: str, encoded: bool) -> bytes | None:
    """The body of a message; None when it should be base64 and is not."""
    try:
        return base64.b64decode(content, validate=True) if encoded else content.encode()
    except (binascii.Error, ValueError):
        return None
