"""Whether the host has anything to do: runs that are going on, and listeners that have not looked since news.

Somebody who lets time jump (a simulator) must not do so while there is work. Listeners join by name; each says after
a look that found nothing that it rests, for all news up to the one that it had seen before it looked.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime


async def _nobody() -> None:
    return


class Activity:
    """Counts. `tell` is awaited before a run begins and called again when all is at rest; by default nobody listens.

    eager: the end of every run is news to every listener, as it may have put something on a queue.
    """

    def __init__(self, *, eager: bool = False, tell: Callable[[], Awaitable[None]] = _nobody) -> None:
        self.eager, self.tell = eager, tell
        self.news = 0
        self._running = 0
        self._looked: dict[str, int] = {}
        self._due: dict[str, datetime | None] = {}
        self._wake: list[Callable[[], None]] = []

    @property
    def idle(self) -> bool:
        """Whether nothing runs and every listener has looked since the last news."""
        return not self._running and all(seen >= self.news for seen in self._looked.values())

    @property
    def due(self) -> datetime | None:
        """When the first timer fires, if any."""
        return min(filter(None, self._due.values()), default=None)

    def joins(self, name: str, wake: Callable[[], None]) -> None:
        """A listener takes part; `wake` is called when there is news."""
        self._looked[name] = -1
        self._wake.append(wake)

    def stir(self) -> None:
        """There may be something new: time moved, or something ended."""
        self.news += 1
        for wake in self._wake:
            wake()

    async def rests(self, name: str, seen: int, due: datetime | None = None) -> None:
        """A listener found nothing to do; seen: what `news` was before it looked. due: when it will have to do."""
        self._looked[name], self._due[name] = seen, due
        if self.idle:
            await self.tell()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Something is going on until the block ends."""
        self._running += 1
        try:
            await self.tell()
            yield
        finally:
            self._running -= 1
            if self.eager:
                self.stir()
