"""What the host does with the messages of one queue trigger: take, run, delete, repeat, give up.

**Source**: azure-webjobs-sdk `Queues/Listeners/QueueListener.cs` and `QueueProcessor.cs`; azure-sdk-for-net
`Storage.Queues/src/QueueServiceClientProvider.cs` (what cannot be decoded is poison at once). The real host runs a
batch in parallel and prolongs the invisibility of what still runs; here one message follows the other.
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

from host.functions import TriggeredFunction, message_payload
from host.settings import QueueOptions

INVISIBLE_S = 600
POISON = "-poison"
LOST = ("PopReceiptMismatch", "MessageNotFound", "QueueNotFound")


class QueueListener:
    """Listens for one function. `fail(function, subject, error)` is told of everything that goes wrong."""

    def __init__(
        self,
        function: TriggeredFunction,
        queues: QueueServiceClient,
        options: QueueOptions,
        fail: Callable[[str, str, Exception], None],
    ) -> None:
        self.function, self.options = function, options
        self._fail = fail
        self._queue = queues.get_queue_client(function.queue_name)
        self._poison: QueueClient | None = None
        if not function.queue_name.endswith(POISON):
            self._poison = queues.get_queue_client(function.queue_name + POISON)
        _create(self._queue)

    def poll(self) -> int:
        """Take one batch of visible messages and run the function for each; how many were run.

        Only an Exception is a failed run. Anything else (a process that dies) passes through and leaves the messages
        of the batch as they are: invisible, and back after ten minutes.
        """
        return sum(self._process(message) for message in self._take())

    def _take(self) -> list[QueueMessage]:
        with self._outage("receive"):
            pages = self._queue.receive_messages(
                messages_per_page=self.options.batch_size, visibility_timeout=INVISIBLE_S
            ).by_page()
            return list(next(pages, []))
        return []

    def _process(self, message: QueueMessage) -> int:
        body = _decoded(str(message.content or ""), self.options.base64)
        if body is None or (message.dequeue_count or 0) > self.options.max_dequeue_count:
            reason = "cannot be decoded; check messageEncoding" if body is None else "was taken too often"
            self._fail(self.function.name, message.id, ValueError(f"message {message.id} {reason}"))
            self._give_up(message)
            return 0
        try:
            self.function.run(message_payload(message, body))
        except Exception as error:  # noqa: BLE001 - a host outlives whatever an app raises
            self._fail(self.function.name, message.id, error)
            self._repeat_or_give_up(message)
        else:
            with self._outage(message.id):
                self._queue.delete_message(message)
        return 1

    def _repeat_or_give_up(self, message: QueueMessage) -> None:
        """Let a failed message be taken again, at last move it; in a poison queue it only stays invisible."""
        if self._poison is None:
            return
        if (message.dequeue_count or 0) >= self.options.max_dequeue_count:
            self._give_up(message)
            return
        with self._outage(message.id):
            pause_s = self.options.visibility_timeout_s
            self._queue.update_message(message.id, message.pop_receipt, visibility_timeout=pause_s)

    def _give_up(self, message: QueueMessage) -> None:
        """Copy a message, as it was sent, to the poison queue and delete it. The poison queue is made when needed."""
        if self._poison is None:
            return
        with self._outage(message.id):
            _create(self._poison)
            self._poison.send_message(message.content)
            self._queue.delete_message(message)

    @contextmanager
    def _outage(self, subject: str) -> Iterator[None]:
        """Survive a storage call that fails: tell of it, unless the message is merely no longer held."""
        try:
            yield
        except HttpResponseError as error:
            if getattr(error, "error_code", None) not in LOST:
                self._fail(self.function.name, subject, error)
        except AzureError as error:
            self._fail(self.function.name, subject, error)


def _create(queue: QueueClient) -> None:
    """Make a queue; that it exists already is success."""
    try:
        queue.create_queue()
    except ResourceExistsError:
        return


def _decoded(content: str, encoded: bool) -> bytes | None:
    """The body of a message; None when it should be base64 and is not."""
    try:
        return base64.b64decode(content, validate=True) if encoded else content.encode()
    except (binascii.Error, ValueError):
        return None
