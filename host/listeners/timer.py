"""Fires one timer: at its times, at once when a time was missed, one run at a time, on one host at a time.

**Source**: azure-webjobs-sdk-extensions `Timers/Listener/TimerListener.cs` (`[Singleton(Mode = Listener)]`). A failed
run stops nothing and is not repeated; a run that takes longer than its interval is followed by the next at once.
"""

import asyncio
from contextlib import suppress
from typing import Any

from host import payloads
from host.clock import Clock
from host.invoker import Invoker
from host.ncrontab import Schedule
from host.schedule import ScheduleStatus, after_firing, at_start, is_monitored
from host.schedule_store import ScheduleStore

CLAIM_S = 60.0  # Source: azure-webjobs-sdk `SingletonOptions.cs`, ListenerLockPeriod and its recovery polling


class TimerListener:
    """Listens for one timer until `stop`. Under a claim of the store that only one host has."""

    def __init__(
        self,
        trigger: dict[str, Any],
        function: str,
        schedule: Schedule,
        invoker: Invoker,
        clock: Clock,
        store: ScheduleStore,
    ) -> None:
        self.function, self._schedule, self._trigger = function, schedule, trigger
        self._invoker, self._clock, self._store = invoker, clock, store
        self._news = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        invoker.activity.joins(function, self._news.set)

    def start(self) -> None:
        self._listening = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Fire no more; a run that is going on is cut off with the worker."""
        if self._listening:
            self._listening.cancel()
            await asyncio.wait([self._listening])
        await asyncio.to_thread(self._store.release, self.function)

    async def _listen(self) -> None:
        while not await asyncio.to_thread(self._store.claim, self.function):
            await self._invoker.activity.rests(self.function, self._invoker.activity.news)
            await asyncio.sleep(CLAIM_S)
        keeping = asyncio.create_task(self._keep_claim())
        try:
            await self._fire_on_schedule()
        finally:
            keeping.cancel()

    async def _keep_claim(self) -> None:
        while True:
            await asyncio.sleep(CLAIM_S / 2)
            await asyncio.to_thread(self._store.claim, self.function)

    async def _fire_on_schedule(self) -> None:
        now = self._clock.now()
        monitored = is_monitored(self._schedule, now, self._trigger.get("useMonitor") is not False)
        stored = await asyncio.to_thread(self._store.read, self.function) if monitored else None
        status, past_due = at_start(self._schedule, now, stored)
        if monitored and status != stored:
            await asyncio.to_thread(self._store.write, self.function, status)
        if past_due or self._trigger.get("runOnStartup"):
            status = await self._fire(status, monitored, past_due=past_due, scheduled=False)
        while True:
            await self._wait_for(status)
            status = await self._fire(status, monitored, past_due=False, scheduled=True)

    async def _wait_for(self, status: ScheduleStatus) -> None:
        while True:
            self._news.clear()
            seen = self._invoker.activity.news
            left_s = (status.next - self._clock.now()).total_seconds()
            if left_s <= 0:
                return
            await self._invoker.activity.rests(self.function, seen, status.next)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), self._clock.real_s(left_s))

    async def _fire(
        self, status: ScheduleStatus, monitored: bool, *, past_due: bool, scheduled: bool
    ) -> ScheduleStatus:
        fired = self._clock.now()
        async with self._invoker.activity.run():
            payload = payloads.timer(status.as_json() if monitored else None, past_due=past_due)
            await self._invoker.run(self.function, payload)
            status = after_firing(self._schedule, fired, status, scheduled=scheduled)
            if monitored:
                await asyncio.to_thread(self._store.write, self.function, status)
        return status
