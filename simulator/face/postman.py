"""Carries Event Grid's requests to their webhooks over the network and brings the answers back.

What is sent, when, and what an answer means is `delivery.py`'s business.
"""

import asyncio
import re
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import aiohttp

from simulator.azure import LocalAzure
from simulator.delivery import Attempt, Delivery
from simulator.face.holders import Holders
from simulator.wire import Request, Response

WEEK = timedelta(days=7)
LINK = re.compile(r"https://rp-[a-z0-9]+\.eventgrid\.azure\.net:553(?=/eventsubscriptions/)")
LINK_PATH = re.compile(r"/eventsubscriptions/[^/]+/validate")
CUSTOM_TOPIC = "microsoft.eventgrid/topics"


class Postman:
    """Sends what is due. address: where the links of validation events can be opened."""

    def __init__(
        self, azure: LocalAzure, holders: Holders, trust: ssl.SSLContext, address: str, changed: Callable[[], None]
    ) -> None:
        self.azure, self.holders, self.address = azure, holders, address
        self.delivery = Delivery(self._enqueue, self.azure.blobs.write)
        self._trust, self._changed = trust, changed
        self._session: aiohttp.ClientSession | None = None
        self._flights: set[asyncio.Task[None]] = set()

    def send_due(self) -> None:
        """Start to send whatever is due now; returns at once."""
        for attempt in self.delivery.take(self.azure.world):
            self.holders.in_flight += 1
            flight = asyncio.create_task(self._send(attempt))
            self._flights.add(flight)
            flight.add_done_callback(self._flights.discard)

    def published(self, request: Request) -> None:
        """Hand what was published to the topic's address to every custom topic of the world."""
        value = request.json()
        events = value if isinstance(value, list) else [value]
        for topic in self.azure.world.of_type(CUSTOM_TOPIC):
            endpoint = Request("POST", str(topic.body["properties"]["endpoint"]))
            self.delivery.publish(self.azure.world, endpoint.host, events)

    def open_link(self, request: Request) -> Response | None:
        """Answer who opens the link of a validation event; None for any other path."""
        if not LINK_PATH.fullmatch(request.path):
            return None
        return self.delivery.open_link(self.azure.world, request)

    async def close(self) -> None:
        """Drop what is under way."""
        for flight in list(self._flights):
            flight.cancel()
        if self._session:
            await self._session.close()

    def _enqueue(self, queue: str, text: str) -> int:
        found, now = self.azure.queues.queues.get(queue), self.azure.now
        if found is None:
            return 404
        found.put(text, now, now, now + WEEK)
        self.holders.next_turn()
        return 201

    async def _send(self, attempt: Attempt) -> None:
        try:
            status, headers, body = await self._request(_with_links(attempt, self.address))
            self.delivery.answered(self.azure.world, attempt, status, headers=headers, body=body)
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
