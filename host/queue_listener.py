"""Listens to one queue in the in-process host: one round when asked, one message after the other, in virtual time.

The real host runs a batch in parallel and prolongs the invisibility of what still runs (`listeners/queue.py`).
"""

from collections.abc import Callable
from functools import partial

from azure.storage.queue import QueueMessage, QueueServiceClient

from host.functions import TriggeredFunction, message_payload
from host.settings import QueueOptions
from host.trigger_queue import TriggerQueue


class QueueListener:
    """Listens for one function. `fail(function, subject, error)` is told of everything that goes wrong."""

    def __init__(
        self,
        function: TriggeredFunction,
        queues: QueueServiceClient,
        options: QueueOptions,
        fail: Callable[[str, str, Exception], None],
    ) -> None:
        self.function = function
        self._fail = partial(fail, function.name)
        self._queue = TriggerQueue(function.queue_name, queues, options, self._fail)
        self._queue.create()

    def poll(self) -> int:
        """Take one batch of visible messages and run the function for each; how many were run.

        Only an Exception is a failed run. Anything else (a process that dies) passes through and leaves the messages
        of the batch as they are: invisible, and back after ten minutes.
        """
        return sum(self._process(message) for message in self._queue.take())

    def _process(self, message: QueueMessage) -> int:
        body = self._queue.read(message)
        if body is None:
            return 0
        try:
            self.function.run(message_payload(message, body))
        except Exception as error:  # noqa: BLE001 - a host outlives whatever an app raises
            self._fail(message.id, error)
            self._queue.failed(message)
        else:
            self._queue.succeeded(message)
        return 1
