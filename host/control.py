"""The host under a simulator's control: its clock instead of the real one, and word of when there is work.

A simulator that lets time jump must not overtake the host. Its `turn` counts the moments at which something new may
be seen; the host says for which turn it found nothing to do, and when its next timer fires. The simulator is known by
its address alone: GET clock?after_turn=N waits for the next turn, POST busy takes what the host says.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from host.activity import Activity
from host.clock import steady_s

log = logging.getLogger("host")
HOLDER = "host"
WAIT_S = 20
PAUSE_S = 0.5  # after a simulator that does not answer


class Control:
    """A clock, and the one who tells the simulator about an activity. To be made in a running loop."""

    def __init__(self, address: str) -> None:
        self.activity = Activity(eager=True, tell=self._tell)
        self._address = address.rstrip("/")
        self._turn = -1
        self._at: tuple[float, datetime] = (0.0, datetime.min.replace(tzinfo=UTC))
        self._speed: float | None = 1.0
        self._told: dict[str, Any] = {}
        self._telling = asyncio.Lock()
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WAIT_S * 2))
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Learn the time and say that the host is busy starting. Raises aiohttp.ClientError."""
        self._take(await self._get("clock"))
        await self._post("busy", {"holder": HOLDER, "busy": True, "turn": self._turn})
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Hold nobody up any longer."""
        if self._following:
            self._following.cancel()
        with suppress(aiohttp.ClientError, TimeoutError):
            await self._session.delete(f"{self._address}/busy", params={"holder": HOLDER})
        await self._session.close()

    # -- clock -------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The simulator's time; between its answers it goes on at the simulator's speed."""
        real, virtual = self._at
        return virtual + timedelta(seconds=(steady_s() - real) * (self._speed or 0.0))

    def real_s(self, seconds: float) -> float:
        """Where time jumps it stands still in between; then a look every so many real seconds costs little."""
        return seconds / (self._speed or 1.0)

    async def _follow(self) -> None:
        while True:
            try:
                answer = await self._get("clock", after_turn=self._turn, wait_s=WAIT_S)
            except (aiohttp.ClientError, TimeoutError) as error:
                log.warning("The simulator does not answer: %s", error)
                await asyncio.sleep(PAUSE_S)
                continue
            if self._take(answer):
                self.activity.stir()

    def _take(self, answer: dict[str, Any]) -> bool:
        """Note the time; whether there is a new turn."""
        self._at, self._speed = (steady_s(), datetime.fromisoformat(answer["now"])), answer["speed"]
        earlier, self._turn = self._turn, answer["turn"]
        return bool(self._turn != earlier)

    # -- busy --------------------------------------------------------------------------------------------------

    async def _tell(self) -> None:
        """Say whether there is work, if that is news."""
        async with self._telling:
            due = self.activity.due
            said = {
                "holder": HOLDER,
                "busy": not self.activity.idle,
                "turn": self._turn,
                "wake_at": due.isoformat() if due else None,
            }
            if said["busy"] and self._told.get("busy"):
                return  # a turn says nothing about somebody who is busy
            if said != self._told:
                self._told = said
                try:
                    await self._post("busy", said)
                except (aiohttp.ClientError, TimeoutError) as error:
                    self._told = {}
                    log.warning("The simulator was not told: %s", error)

    async def _get(self, path: str, **query: Any) -> dict[str, Any]:
        async with self._session.get(f"{self._address}/{path}", params=query) as response:
            response.raise_for_status()
            answer: dict[str, Any] = await response.json(content_type=None)
            return answer

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        async with self._session.post(f"{self._address}/{path}", json=body) as response:
            response.raise_for_status()
