"""Writes what functions put into their output bindings: messages on queues.

**Source**: azure-functions 2.3 `queue.py` (a text, or a JSON list of texts); azure-sdk-for-net
`Storage.Queues/src/Bindings` (the queue is made when needed).
"""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from azure.storage.queue import QueueClient

from host.payloads import Datum
from host.settings import QueueOptions, resolve
from host.trigger_queue import put
from host.worker.parent import IndexedFunction


class QueueOutputs:
    """client: the client of a queue on a connection. wrote: is told the name of a queue that has something new."""

    def __init__(
        self,
        client: Callable[[str, str], QueueClient],
        settings: Mapping[str, str],
        options: QueueOptions,
        wrote: Callable[[str], None],
    ) -> None:
        self._client, self._settings, self._options, self._wrote = client, settings, options, wrote

    async def write(self, function: IndexedFunction, outputs: Mapping[str, Datum]) -> None:
        """Send everything, binding after binding. Raises what storage raises; some may have been sent by then."""
        for binding in function.bindings:
            if binding["type"] == "queue" and binding["name"] in outputs:
                name = resolve(binding["queueName"], self._settings)
                queue = self._client(binding.get("connection") or "", name)
                for text in _texts(outputs[binding["name"]]):
                    await asyncio.to_thread(self._send, queue, text)
                self._wrote(name)

    def _send(self, queue: QueueClient, body: bytes) -> None:
        put(queue, base64.b64encode(body).decode() if self._options.base64 else body.decode())


def _texts(datum: Datum) -> list[bytes]:
    """The messages in one output. Assumed: an object (a func.QueueMessage) is sent as its JSON."""
    if datum.kind != "json":
        return [datum.value if isinstance(datum.value, bytes) else str(datum.value).encode()]
    value = json.loads(datum.value)
    items: list[Any] = value if isinstance(value, list) else [value]
    return [(item if isinstance(item, str) else json.dumps(item)).encode() for item in items]
