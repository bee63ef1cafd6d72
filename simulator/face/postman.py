"""Carries Event Grid's requests to their webhooks over the network and brings the answers back.

What is sent, when, and what an answer means is `delivery.py`'s business.
"""

import asyncio
import re
import ssl
from collections.abc import Callable
from dataclasses import replace

import aiohttp

from simulator.azure import LocalAzure
from simulator.delivery import Attempt
from simulator.face.holders import Holders

LINK = re.compile(r"https://rp-[a-z0-9]+\.eventgrid\.azure\.net:553(?=/eventsubscriptions/)")


class Postman:
    """Sends what is due. address: where the links of validation events can be opened."""

    def __init__(
        self, azure: LocalAzure, holders: Holders, trust: ssl.SSLContext, address: str, changed: Callable[[], None]
    ) -> None:
        self.azure, self.holders, self.address = azure, holders, address
        self._trust, self._changed = trust, changed
        self._session: aiohttp.ClientSession | None = None
        self._flights: set[asyncio.Task[None]] = set()

    def send_due(self) -> None:
        """Start to send whatever is due now; returns at once. What went into a queue is something to see."""
        before = self._messages()
        for attempt in self.azure.delivery.take(self.azure.world):
            self.holders.in_flight += 1
            flight = asyncio.create_task(self._send(attempt))
            self._flights.add(flight)
            flight.add_done_callback(self._flights.discard)
        if self._messages() != before:
            self.holders.next_turn()

    def _messages(self) -> int:
        return sum(queue.turns for queue in self.azure.queues.queues.values())

    async def close(self) -> None:
        """Drop what is under way."""
        for flight in list(self._flights):
            flight.cancel()
        if self._session:
            await self._session.close()

    async def _send(self, attempt: Attempt) -> None:
        try:
            status, headers, body = await self._request(_with_links(attempt, self.address))
            self.azure.delivery.answered(self.azure.world, attempt, status, headers=headers, body=body)
        finally:
            self.holders.in_flight -= 1
            self._changed()

    async def _request(self, attempt: Attempt) -> tuple[int | None, dict[str, str], bytes]:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._trust, limit=0)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        timeout = aiohttp.ClientTimeout(total=attempt.timeout_s)
        try:
            async with self._session.request(
                attempt.method, attempt.url, headers=attempt.headers, data=attempt.body, timeout=timeout
            ) as answer:
                return answer.status, dict(answer.headers), await answer.read()
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None, {}, b""


def _with_links(attempt: Attempt, address: str) -> Attempt:
    """A question with links that lead to the local Azure. Events are sent as they are."""
    if attempt.keys:
        return attempt
    headers = {name: LINK.sub(address, value) for name, value in attempt.headers.items()}
    return replace(attempt, headers=headers, body=LINK.sub(address, attempt.body.decode()).encode())
