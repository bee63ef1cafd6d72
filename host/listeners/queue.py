"""Listens to one queue: batches in parallel, renewal of what still runs, waits that grow while the queue is empty.

What becomes of a message is decided in `trigger_queue.py`, how long the waits are in `queue_timing.py`.

**Source**: azure-sdk-for-net `Storage.Queues/src/Listeners/QueueListener.cs`. As there, a queue that does not exist is
not made: it is looked for again and again.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from azure.storage.queue import QueueMessage

from host import payloads
from host.clock import Clock, sleep_until
from host.invoker import Invoker
from host.queue_timing import RENEWAL_S, Backoff, Renewal
from host.trigger_queue import POISON, TriggerQueue

GRACE_S = 3.0


class QueueListener:
    """Listens for one function until `stop`. moved: is told the name of a poison queue that has something new."""

    def __init__(
        self,
        function: str,
        queue: TriggerQueue,
        invoker: Invoker,
        clock: Clock,
        backoff: Backoff,
        moved: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.function, self.queue, self._moved = function, queue, moved
        self._invoker, self._clock, self._backoff = invoker, clock, backoff
        self._news = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Task[None] | None = None
        self._stopping = False
        invoker.activity.joins(function, self._news.set)

    def start(self) -> None:
        self._listening = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Take no more, and wait a moment for what runs. What is held then is visible again when its time is over."""
        self._stopping = True
        self._news.set()
        if self._listening:
            await asyncio.wait({self._listening, *self._running}, timeout=GRACE_S)
            self._listening.cancel()

    def notify(self) -> None:
        """Something was put on the queue by this host: look at once."""
        self._news.set()

    async def _listen(self) -> None:
        found_since = False
        while not self._stopping:
            self._news.clear()
            seen = self._invoker.activity.news
            batch = await asyncio.to_thread(self.queue.take)
            for message in batch:
                task = asyncio.create_task(self._process(message))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            if batch:
                found_since = True
                await self._room()
                continue
            await self._invoker.activity.rests(self.function, seen)
            if self._stopping:
                return
            wait_s = self._backoff.after(found=found_since)
            found_since = False
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), self._clock.real_s(wait_s))

    async def _room(self) -> None:
        """Wait until no more than the threshold run."""
        while len(self._running) > self.queue.options.new_batch_threshold:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    async def _process(self, message: QueueMessage) -> None:
        async with self._invoker.activity.run():
            body = await asyncio.to_thread(self.queue.read, message)
            if body is None:
                self._moved(self.queue.name + POISON)
                return
            renewal = asyncio.create_task(self._renew(message))
            try:
                payload = payloads.message(body)
                outcome = await self._invoker.run(self.function, payload, payloads.message_metadata(message, payload))
            finally:
                renewal.cancel()
                await asyncio.wait([renewal])  # a renewal on its way changes the receipt that is needed next
            if outcome.ok:
                await asyncio.to_thread(self.queue.succeeded, message)
            elif await asyncio.to_thread(self.queue.failed, message):
                self._moved(self.queue.name + POISON)

    async def _renew(self, message: QueueMessage) -> None:
        renewal, wait_s, held_at = Renewal(), RENEWAL_S, self._clock.now()
        while True:
            await sleep_until(held_at + timedelta(seconds=wait_s), self._clock)
            held_at = self._clock.now()
            holding = asyncio.ensure_future(asyncio.to_thread(self.queue.hold, message))
            try:
                wait_s = renewal.after(held=await asyncio.shield(holding))
            except asyncio.CancelledError:
                await holding
                raise
