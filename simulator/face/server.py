"""The local Azure on loopback: one HTTPS port per service, one plain one for the identity endpoint.

It carries requests and lets time pass; every answer comes from elsewhere. All of it runs in one thread, so a request
is answered whole before the next one begins.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from aiohttp import web

from simulator import directory, graph_directory
from simulator.azure import Crash, LocalAzure
from simulator.call_faults import AnswerLost
from simulator.delivery import CUSTOM_TOPIC
from simulator.directory import Directory
from simulator.face import places
from simulator.face.certificates import Certificates
from simulator.face.clock_modes import Clock
from simulator.face.control import PREFIX, Control
from simulator.face.holders import Holders
from simulator.face.places import Place
from simulator.face.postman import Postman
from simulator.wire import Request, Response, http_date, json_response

LOOPBACK, NAME = "127.0.0.1", "localhost"
TICK_S = 0.02  # real time between two looks at the clock
POLL_S = 0.002  # real time between two looks of whoever waits for the clock
SHUTDOWN_S = 0.05  # 0 would be for ever
LONGEST_WAIT_S = 60.0
Answer = Callable[[str, web.BaseRequest, dict[str, str], bytes], Response]


class Face:
    """One served local Azure. Start it, read `ports`, and stop it."""

    def __init__(self, azure: LocalAzure, identities: Directory, speed: float | None) -> None:
        loop = asyncio.get_running_loop()
        self.azure, self.identities = azure, identities
        self.holders = Holders(loop.time)
        self.clock = Clock(azure, self.holders, loop.time, speed)
        self.control = Control(azure, self.clock, self.holders)
        self.ports: dict[str, int] = {}
        self.changed = asyncio.Event()
        self._runners: list[web.ServerRunner] = []
        self._sleepers = 0
        self.postman: Postman

    async def start(self, certificates: Certificates, port: int) -> None:
        """Listen: ARM on `port` (0 lets the system choose), everything else where there is room."""
        for place in places.PLACES:
            wanted = port if place is places.ARM else 0
            self.ports[place.name] = await self._listen(self._service(place), wanted, certificates.server)
        self.ports["identity"] = await self._listen(self._identity, 0, None)
        self.postman = Postman(self.azure, self.holders, certificates.client, self.address("topic"), self.changed.set)

    def address(self, name: str) -> str:
        return f"https://{NAME}:{self.ports[name]}"

    async def stop(self) -> None:
        """Stop listening at once, whoever waits."""
        await self.postman.close()
        for runner in self._runners:
            await runner.cleanup()

    async def _listen(self, answer: Answer, port: int, tls: ssl.SSLContext | None) -> int:
        async def handler(request: web.BaseRequest) -> web.StreamResponse:
            return await self._handle(answer, request)

        runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, LOOPBACK, port, ssl_context=tls, backlog=512).start()
        chosen: int = runner.addresses[-1][1]
        return chosen

    # -- requests ----------------------------------------------------------------------------------------------

    async def _handle(self, answer: Answer, request: web.BaseRequest) -> web.StreamResponse:
        is_control = request.path.startswith(PREFIX)
        self.holders.in_flight += not is_control
        try:
            body = await request.content.read() if request.body_exists else b""
            if is_control and request.method == "GET":
                await self._wait(dict(request.query))
            self.clock.catch_up()
            headers = {name.lower(): value for name, value in request.headers.items()}
            return _written(answer(request.raw_path, request, headers, body), request.method, self.azure.now)
        except (AnswerLost, Crash):  # who calls from another process hears the same
            if request.transport:
                request.transport.abort()
            raise ConnectionResetError from None
        finally:
            self.holders.in_flight -= not is_control
            self.changed.set()

    def _service(self, place: Place) -> Answer:
        def answer(target: str, raw: web.BaseRequest, headers: dict[str, str], body: bytes) -> Response:
            address = f"https://{raw.host}"
            request = place.inward(raw.method, target, headers, body)
            if request is None:
                words = f"there is nothing at {target}; the account is at {address}{place.prefix}"
                return json_response(404, {"error": {"code": "ResourceNotFound", "message": words}})
            if place is places.ARM and (special := self._special(request, address)):
                return special
            response = self.azure.handle(self._to_topic(request) if place is places.TOPIC else request)
            if place is places.QUEUE and request.method in ("POST", "PUT"):
                self.holders.next_turn()  # a new or a released message is something to see
            return place.outward(response, address)

        return answer

    def _special(self, request: Request, address: str) -> Response | None:
        """What ARM's address answers besides ARM: control, Microsoft Graph and tokens."""
        if request.path.startswith(PREFIX):
            return self.control.handle(request)
        if graph_directory.plays(request.path):
            return graph_directory.handle(self.azure.world, request, self.identities.principal)
        return directory.handle(self.azure.world, request, address) if directory.plays(request.path) else None

    def _to_topic(self, request: Request) -> Request:
        """A publication at the address of the world's first custom topic, if it has one."""
        for topic in self.azure.world.of_type(CUSTOM_TOPIC):
            host = Request("POST", str(topic.body["properties"]["endpoint"])).host
            return replace(request, url=request.url.replace(places.TOPIC.inner, f"https://{host}", 1))
        return request

    def _identity(self, target: str, raw: web.BaseRequest, headers: dict[str, str], body: bytes) -> Response:
        request = Request(raw.method, f"http://{raw.host}{target}", headers, body)
        return self.identities.managed_identity(self.azure.world, request)

    # -- time --------------------------------------------------------------------------------------------------

    async def keep_time(self) -> None:
        """Let virtual time pass and send what is due, for ever."""
        while True:
            await self._pause()
            self.clock.catch_up()
            self.postman.send_due()
            if self.clock.jump():
                self.postman.send_due()
                self.changed.set()

    async def _pause(self) -> None:
        """A tick, or in jump mode until something changed: then there is something to send or nothing to wait for."""
        if self.clock.speed is not None:
            await asyncio.sleep(TICK_S)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self.changed.wait(), TICK_S)
        self.changed.clear()
        await asyncio.sleep(0)  # whoever was woken by it goes first

    async def _wait(self, query: dict[str, str]) -> None:
        """A long poll: answer later, when the clock reached `at` or a turn after `after_turn` began."""
        try:
            at = datetime.fromisoformat(query["at"]) if "at" in query else None
            turn = int(query["after_turn"]) if "after_turn" in query else None
            wait_s = min(float(query.get("wait_s", 20)), LONGEST_WAIT_S)
        except ValueError as wrong:
            raise web.HTTPBadRequest(text=str(wrong)) from None
        self._sleepers += 1
        number, deadline = self._sleepers, asyncio.get_running_loop().time() + wait_s
        if at:
            self.clock.sleepers[number] = at
        try:
            while (at or turn is not None) and asyncio.get_running_loop().time() < deadline:
                if (turn is not None and self.holders.turn > turn) or (at and self.azure.now >= at):
                    return
                await asyncio.sleep(POLL_S if self.clock.speed is None else TICK_S)
        finally:
            self.clock.sleepers.pop(number, None)


def _written(response: Response, method: str, now: datetime) -> web.Response:
    """The answer as aiohttp sends it; its length is counted there, except that of a body that HEAD leaves out."""
    headers = {name: value for name, value in response.headers.items() if name != "content-length" or method == "HEAD"}
    headers.setdefault("date", http_date(now))
    return web.Response(status=response.status, headers=headers, body=response.body or None)
