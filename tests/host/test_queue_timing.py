"""When queue messages are taken, held, repeated and given up: waits as values, the listener over the real client."""

import asyncio
import base64
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from apps import queue_clients, until
from scripted import AzureClock, ScriptedInvoker, fail, nothing

from host.listeners.queue import QueueListener
from host.payloads import Datum
from host.queue_timing import Backoff, Renewal
from host.settings import QueueOptions
from host.trigger_queue import TriggerQueue
from simulator.azure import LocalAzure

MISSING = "missing"
MINUTE = timedelta(minutes=1)
MOST_TURNS = 5000

# -- waits -----------------------------------------------------------------------------------------------------


def test_backoff() -> None:
    """100 ms, then 100 ms more by a doubling number within 20 %, up to the longest; over again after a message."""
    backoff = Backoff(2.0, random.Random(1))
    assert backoff.after(found=True) == 0.1
    waits = [backoff.after(found=False) for _ in range(8)]
    for doublings, wait_s in enumerate(waits[:4]):
        assert 0.1 + 0.1 * 2**doublings * 0.8 <= wait_s <= 0.1 + 0.1 * 2**doublings * 1.2
    assert waits[-3:] == [2.0] * 3
    assert all(one < two or two == 2.0 for one, two in pairwise(waits))
    assert backoff.after(found=True) == 0.1


def test_backoff_is_jittered() -> None:
    """Two listeners do not look at the same moments."""
    one, two = Backoff(60.0, random.Random(1)), Backoff(60.0, random.Random(2))
    assert [one.after(found=n == 0) for n in range(5)] != [two.after(found=n == 0) for n in range(5)]


def test_renewal() -> None:
    """Half of ten minutes; after a failure half as long, never under a minute; then five minutes again."""
    renewal = Renewal()
    assert [renewal.after(held=held) for held in (False, False, False, False, True)] == [150, 75, 60, 60, 300]


# -- the listener ----------------------------------------------------------------------------------------------


class Stand:
    """A queue, a listener on it, and its function."""

    def __init__(self, options: QueueOptions, invoker: ScriptedInvoker, name: str) -> None:
        self.azure, self.invoker, self.options = LocalAzure(), invoker, options
        self.failures: list[tuple[str, str]] = []
        self.clients = queue_clients(self.azure)
        if name != MISSING:
            self.clients.create_queue(name)
        queue = TriggerQueue(name, self.clients, options, lambda *what: self.failures.append((what[0], str(what[1]))))
        backoff = Backoff(options.max_polling_interval_s)
        self.moved: list[str] = []
        clock = AzureClock(self.azure)
        moved = self.moved.append
        self.listener = QueueListener("converge", queue, invoker, clock, backoff, moved)  # type: ignore[arg-type]
        self.name = name

    def send(self, *texts: str) -> None:
        for text in texts:
            self.clients.get_queue_client(self.name).send_message(base64.b64encode(text.encode()).decode())

    def texts(self, queue: str) -> list[str]:
        return [base64.b64decode(message.text).decode() for message in self.azure.queues.messages(queue)]


@asynccontextmanager
async def stand(
    body: Any = nothing, options: QueueOptions | None = None, name: str = "converge", *sent: str
) -> AsyncIterator[Stand]:
    made = Stand(options or QueueOptions(), ScriptedInvoker(body), name)
    made.send(*sent)
    made.listener.start()
    try:
        yield made
    finally:
        await made.listener.stop()


async def in_turns(true: Callable[[], bool]) -> None:
    """Wait until something is so, counting turns of the loop and of its threads, never seconds: load only slows them.

    Raises AssertionError when it never is.
    """
    for _ in range(MOST_TURNS):
        if true():
            return
        await asyncio.sleep(0.001)
        await asyncio.to_thread(int)  # behind whatever the listener gave to the same threads
    raise AssertionError("it never came to that")


def test_success() -> None:
    """A message arrives with its metadata and is deleted when its function returns."""
    got: list[tuple[Datum, Mapping[str, Datum]]] = []

    async def keep(*what: Any) -> None:
        got.append(what)

    async def run() -> None:
        async with stand(keep, None, "converge", "x") as s:
            await until(lambda: got and not s.texts("converge"))
            payload, metadata = got[0]
            assert payload == ("string", "x")
            assert metadata["QueueTrigger"] == payload
            assert metadata["DequeueCount"] == ("json", "1")
            assert s.failures == []

    asyncio.run(run())


def test_batch_and_threshold() -> None:
    """A batch runs in parallel; the next is taken when no more than the threshold run, so never more than both."""
    gate = asyncio.Event()

    async def wait(*_: Any) -> None:
        await gate.wait()

    async def run() -> None:
        options = QueueOptions(batch_size=4, new_batch_threshold=2)
        async with stand(wait, options, "converge", *"abcdefghij") as s:
            await until(lambda: s.invoker.started == 4)
            await asyncio.sleep(0.05)
            assert s.invoker.started == 4  # four run, and four are more than two
            gate.set()
            await until(lambda: s.invoker.ended == 10 and not s.texts("converge"))
            assert s.invoker.most_at_once <= 6

    asyncio.run(run())


def test_failure_then_poison() -> None:
    """A failed message is invisible for the pause, taken again, and after the last attempt moved as it was sent."""

    async def run() -> None:
        options = QueueOptions(max_dequeue_count=3, visibility_timeout_s=30)
        async with stand(fail, options, "converge", "x") as s:
            for attempt in (1, 2, 3):
                await until(lambda attempt=attempt: s.invoker.ended == attempt)
                await asyncio.sleep(0.02)
                assert s.invoker.ended == attempt  # not before the pause is over
                s.azure.advance(30)
            await until(lambda: s.texts("converge-poison") == ["x"])
            await until(lambda: s.moved == ["converge-poison"])  # whoever listens there is woken
            assert s.texts("converge") == []

    asyncio.run(run())


def test_poison_queue_keeps_its_failures() -> None:
    """A message that fails in a poison queue stays there until its ten minutes are over."""

    async def run() -> None:
        async with stand(fail, None, "converge-poison", "x") as s:
            await until(lambda: s.invoker.ended == 1)
            await asyncio.sleep(0.02)
            (message,) = s.azure.queues.messages("converge-poison")
            assert message.visible_at == s.azure.now + timedelta(minutes=10)

    asyncio.run(run())


def test_renewal_of_a_long_run() -> None:
    """A message that still runs after five minutes is held for another ten, by the newest receipt, and then deleted."""
    gate = asyncio.Event()

    async def wait(*_: Any) -> None:
        await gate.wait()

    async def run() -> None:
        async with stand(wait, None, "converge", "slow") as s:
            await in_turns(lambda: s.invoker.started == 1)
            start = s.azure.now
            for minutes in (15, 20, 25):
                s.azure.advance(301)
                held_until = start + minutes * MINUTE
                await in_turns(lambda m=held_until: s.azure.queues.messages("converge")[0].visible_at > m)
            gate.set()
            await in_turns(lambda: not s.texts("converge"))
            assert (s.invoker.started, s.failures) == (1, [])

    asyncio.run(run())


def test_missing_queue() -> None:
    """A queue that is not there is not made; a message is found soon after somebody made it."""

    async def run() -> None:
        async with stand(name=MISSING) as s:
            await asyncio.sleep(0.03)
            assert MISSING not in s.azure.queues.queues
            s.clients.create_queue(MISSING)
            s.send("x")
            await until(lambda: s.invoker.ended == 1)
            assert s.failures == []

    asyncio.run(run())


def test_outage() -> None:
    """A storage account that does not answer is told of, and asked again; nothing is lost."""

    async def run() -> None:
        async with stand() as s:
            s.azure.world.faults.add("unavailable", "queue get")
            s.send("x")
            await until(lambda: s.invoker.ended == 1 and not s.texts("converge"))
            await until(lambda: len(s.failures) == 1)
            assert s.failures[0][0] == "receive"

    asyncio.run(run())


@pytest.mark.parametrize("content", ["{}", "%%%"])
def test_undecodable(content: str) -> None:
    """What is not base64 is poison at once, unseen by the function."""

    async def run() -> None:
        async with stand() as s:
            s.clients.get_queue_client("converge").send_message(content)
            await until(lambda: [m.text for m in s.azure.queues.messages("converge-poison")] == [content])
            assert s.invoker.started == 0

    asyncio.run(run())


def test_notify() -> None:
    """Word of a new message ends the wait at once, however long it is."""

    async def run() -> None:
        made = Stand(QueueOptions(max_polling_interval_s=3600), ScriptedInvoker(nothing), "converge")
        made.listener._clock = type("Slow", (AzureClock,), {"real_s": lambda _, seconds: seconds * 100})(made.azure)
        made.listener.start()
        await until(lambda: len(made.azure.log) > 1)
        made.send("x")
        made.listener.notify()
        await until(lambda: made.invoker.ended == 1, within_s=3)
        await made.listener.stop()

    asyncio.run(run())
