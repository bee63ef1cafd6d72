"""Stands in for worker and clock where a test is about a listener: functions written in the test, time of the test."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from host.activity import Activity
from host.payloads import Datum
from host.worker.parent import Outcome
from simulator.azure import LocalAzure

HURRY = 10_000.0


class ScriptedInvoker:
    """Runs one coroutine function for every invocation; it fails where that raises."""

    def __init__(self, body: Callable[[Datum, Mapping[str, Datum]], Awaitable[Any]]) -> None:
        self.activity = Activity()
        self.body = body
        self.started = self.ended = self.most_at_once = 0

    async def run(self, _name: str, payload: Datum, metadata: Mapping[str, Datum] | None = None) -> Outcome:
        self.started += 1
        self.most_at_once = max(self.most_at_once, self.started - self.ended)
        try:
            await self.body(payload, metadata or {})
        except Exception as error:  # noqa: BLE001 - the failure is the outcome
            return Outcome(ok=False, error=repr(error))
        finally:
            self.ended += 1
        return Outcome(ok=True)


class AzureClock:
    """The local Azure's time. Waiting for it takes hardly any real time, and does not move it."""

    def __init__(self, azure: LocalAzure) -> None:
        self.azure = azure

    def now(self) -> datetime:
        return self.azure.now

    def real_s(self, seconds: float) -> float:
        return max(seconds / HURRY, 0.002)


async def nothing(*_: Any) -> None:
    """A function that does nothing."""


async def fail(*_: Any) -> None:
    """A function with a bug."""
    await asyncio.sleep(0)
    msg = "a bug"
    raise RuntimeError(msg)
