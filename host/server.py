"""The host's one HTTP port on loopback: the Event Grid webhook, the admin endpoints, the HTTP functions.

It only carries requests; what they mean is decided in `listeners/`.

**Source**: Microsoft, "Manually run a non-HTTP-triggered function" (POST /admin/functions/NAME with `input`, 202).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from host import payloads
from host.invoker import Invoker
from host.keys import EVENT_GRID_KEY, Keys, shown_key
from host.listeners.eventgrid import PATH, EventGridWebhook
from host.listeners.http import HttpFunctions
from host.payloads import Datum
from host.triggers import EVENT_GRID, QUEUE, TIMER

LOOPBACK = "127.0.0.1"
LARGEST_BODY = 100 * 1024 * 1024  # Source: Microsoft, "Azure Functions HTTP trigger", Limits

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Serves one app. `start` answers the port."""

    def __init__(self, invoker: Invoker, keys: Keys) -> None:
        self._invoker, self._keys = invoker, keys
        self._webhook = EventGridWebhook(invoker)
        self._http = HttpFunctions(invoker, keys, invoker.options.route_prefix)
        self._by_hand: set[asyncio.Task[object]] = set()
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", PATH, self._event_grid)
        app.router.add_get("/admin/host/status", self._status)
        app.router.add_post("/admin/functions/{name}", self._run_by_hand)
        app.router.add_route("*", "/{path:.*}", self._function)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)

    async def start(self, port: int = 0) -> int:
        """Listen; 0 lets the system choose the port. Raises OSError for a port that is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, port).start()
        chosen: int = self._runner.addresses[0][1]
        return chosen

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _event_grid(self, request: web.Request) -> web.StreamResponse:
        headers = _headers(request)
        if not self._keys.open_webhook(EVENT_GRID_KEY, shown_key(headers, request.query)):
            return web.Response(status=401)
        answer = await self._webhook.answer(request.query.get("functionName", ""), headers, await request.read())
        content = "application/json" if answer.body.startswith("{") else "text/plain"
        return web.Response(status=answer.status, text=answer.body, content_type=content)

    async def _function(self, request: web.Request) -> web.StreamResponse:
        answer = await self._http.answer(
            request.method, str(request.url), request.path, _headers(request), request.query, await request.read()
        )
        response = web.Response(status=answer.status, body=answer.body)
        for name, value in answer.headers:
            if name.lower() == "set-cookie":
                response.headers.add(name, value)
            else:
                response.headers[name] = value
        return response

    async def _status(self, request: web.Request) -> web.StreamResponse:
        if not self._keys.open_admin(shown_key(_headers(request), request.query)):
            return web.Response(status=401)
        state = "Running" if self._invoker.worker.alive else "Error"
        return web.json_response({"state": state, "restarts": self._invoker.restarts})

    async def _run_by_hand(self, request: web.Request) -> web.StreamResponse:
        if not self._keys.open_admin(shown_key(_headers(request), request.query)):
            return web.Response(status=401)
        function = self._invoker.functions.get(request.match_info["name"])
        if function is None:
            return web.Response(status=404)
        try:
            payload = _by_hand(function.trigger["type"], json.loads(await request.read() or b"{}").get("input", ""))
        except (ValueError, AttributeError) as mistake:
            return web.Response(status=400, text=f"the input cannot be read: {mistake}")
        task = asyncio.create_task(self._invoker.run(function.name, payload, _by_hand_metadata(payload)))
        self._by_hand.add(task)
        task.add_done_callback(self._by_hand.discard)
        return web.Response(status=202)


def _by_hand(kind: str, text: object) -> Datum:
    """The payload of a function that is run by hand. Raises ValueError for an input that does not fit its trigger."""
    if kind == TIMER:
        return payloads.timer(None, past_due=False)
    if kind == QUEUE:
        return payloads.text(text if isinstance(text, str) else json.dumps(text))
    if kind == EVENT_GRID:
        return payloads.event(json.loads(text) if isinstance(text, str) else dict(text))  # type: ignore[call-overload]
    msg = "an HTTP function has an address of its own"
    raise ValueError(msg)


def _by_hand_metadata(payload: Datum) -> dict[str, Datum]:
    return {"QueueTrigger": payload, "Id": payloads.text("by-hand"), "DequeueCount": payloads.as_json(1)}


def _headers(request: web.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}
