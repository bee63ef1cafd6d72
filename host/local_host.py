"""One running host: an app in its worker, its listeners, and the port. Puts the parts together and takes them apart.

Nothing is started before everything was checked, so that a host that cannot do its work does none of it.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.storage.queue import QueueClient, QueueServiceClient

from host import checks, connections
from host.activity import Activity
from host.clock import Clock, RealClock
from host.connections import Connection
from host.invoker import Invoker
from host.keys import EVENT_GRID_KEY, Keys
from host.listeners.eventgrid import PATH, EventGridWebhook
from host.listeners.queue import QueueListener
from host.listeners.timer import TimerListener
from host.ncrontab import read_schedule
from host.outputs import QueueOutputs
from host.queue_timing import Backoff
from host.routes import read_route
from host.schedule_store import BlobStore, LocalStore, ScheduleStore
from host.server import LOOPBACK, Server
from host.settings import HostOptions, app_settings, resolve
from host.trigger_queue import TriggerQueue
from host.triggers import QUEUE, TIMER
from host.worker.parent import IndexedFunction

log = logging.getLogger("host")
GRACE_S = 5.0


class CannotStart(Exception):
    """The app or its settings are not good enough; the message lists every problem."""


@dataclass
class LocalHost:
    """Runs one app. settings: the app's, with the environment. queues: another way to make clients, for tests."""

    app: Path
    options: HostOptions
    settings: Mapping[str, str]
    clock: Clock = field(default_factory=RealClock)
    activity: Activity = field(default_factory=Activity)
    status_folder: Path | None = None
    queues: Callable[[Connection], QueueServiceClient] = Connection.queues
    keys: Keys = field(init=False)
    invoker: Invoker = field(init=False)
    url: str = field(init=False, default="")
    _listeners: list[QueueListener | TimerListener] = field(init=False, default_factory=list)
    _accounts: dict[Connection, QueueServiceClient] = field(init=False, default_factory=dict)
    _server: Server | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.invoker = Invoker(self.app, self.settings, self.options, self.activity)

    async def start(self, port: int = 0) -> None:
        """Load, check, listen. Raises AppRefused (the worker's words), CannotStart (ours) or OSError (port)."""
        await self.invoker.start()
        functions = list(self.invoker.functions.values())
        if found := checks.problems(functions, self.settings, self.options.route_prefix):
            raise CannotStart("\n".join(found))
        if not functions:
            log.warning("No functions were found: a FunctionApp without decorated or registered functions is empty.")
        self.keys = Keys.made_for(self.invoker.functions)
        outputs = QueueOutputs(self._queue_client, self.settings, self.options.queues, self._wrote)
        self.invoker.outputs = outputs.write
        self._server = Server(self.invoker, self.keys)
        self.url = f"http://{LOOPBACK}:{await self._server.start(port)}"
        self._listen(functions)

    async def stop(self) -> None:
        """Stop listening, then the worker. What runs on a queue message may finish; its process is killed last."""
        if self._server:
            await self._server.stop()
        if self._listeners:
            await asyncio.wait([asyncio.create_task(each.stop()) for each in self._listeners], timeout=GRACE_S)
        await self.invoker.stop()

    def ready(self) -> dict[str, Any]:
        """Everything that somebody has to know who wants to use it."""
        webhooks = EventGridWebhook(self.invoker).functions
        key = self.keys.system[EVENT_GRID_KEY]
        addresses = {name: f"{self.url}{PATH}?functionName={name}&code={key}" for name in webhooks}
        return {
            "ready": True,
            "url": self.url,
            "webhook": next(iter(addresses.values()), None),
            "webhooks": addresses,
            "functions": [self._described(function) for function in self.invoker.functions.values()],
            "keys": self.keys.as_json(),
            "worker": {"pid": self.invoker.worker.pid, "started_in_s": round(self.invoker.worker.started_in_s, 3)},
        }

    def _described(self, function: IndexedFunction) -> dict[str, Any]:
        trigger = function.trigger
        described = {"name": function.name, "trigger": trigger["type"]}
        for key in ("queueName", "schedule"):
            if key in trigger:
                described[key] = resolve(trigger[key], self.settings)
        if trigger["type"] == "httpTrigger":
            described["url"] = f"{self.url}/{read_route(function, self.options.route_prefix).template}"
        return described

    def _listen(self, functions: list[IndexedFunction]) -> None:
        store = self._store()
        for function in functions:
            if function.trigger["type"] == QUEUE:
                self._listeners.append(self._queue_listener(function))
            elif function.trigger["type"] == TIMER:
                schedule = read_schedule(resolve(function.trigger["schedule"], self.settings))
                timer = TimerListener(function.trigger, function.name, schedule, self.invoker, self.clock, store)
                self._listeners.append(timer)
        for listener in self._listeners:
            listener.start()

    def _queue_listener(self, function: IndexedFunction) -> QueueListener:
        def fail(subject: str, error: Exception) -> None:
            log.error("Function %s, queue message %s: %s", function.name, subject, error)

        options = self.options.queues
        account = self._account(function.trigger.get("connection") or connections.DEFAULT)
        name = resolve(function.trigger["queueName"], self.settings)
        queue = TriggerQueue(name, account, options, fail)
        backoff = Backoff(options.max_polling_interval_s)
        return QueueListener(function.name, queue, self.invoker, self.clock, backoff, self._wrote)

    def _store(self) -> ScheduleStore:
        found = connections.find(connections.DEFAULT, self.settings)
        if self.status_folder or found is None or not found.blob_endpoint:
            return LocalStore(self.status_folder)
        host_id = self.settings.get("AzureFunctionsWebHost__hostid", "localhost")
        return BlobStore(found.blob_endpoint, found.credential(), host_id)

    def _account(self, connection: str) -> QueueServiceClient:
        found = connections.find(connection, self.settings)
        if found is None:
            msg = f"no setting says where the connection {connection!r} is"
            raise CannotStart(msg)
        return self._accounts.setdefault(found, self.queues(found))

    def _queue_client(self, connection: str, name: str) -> QueueClient:
        return self._account(connection or connections.DEFAULT).get_queue_client(name)

    def _wrote(self, queue_name: str) -> None:
        for listener in self._listeners:
            if isinstance(listener, QueueListener) and listener.queue.name == queue_name:
                listener.notify()


def read_app(
    app: Path, settings_file: Path | None, environment: Mapping[str, str]
) -> tuple[HostOptions, dict[str, str]]:
    """host.json and the app settings. Raises CannotStart with the file and what is wrong with it."""
    named = settings_file is not None
    try:
        host_json = _json(app / "host.json", required=True)
        local_settings = _json(settings_file or app / "local.settings.json", required=named)
        return HostOptions.read(host_json), app_settings(local_settings, environment)
    except (ValueError, TypeError) as mistake:
        raise CannotStart(str(mistake)) from mistake


def _json(path: Path, *, required: bool) -> dict[str, Any]:
    if not path.is_file() and not required:
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as missing:
        raise ValueError(f"{path} is not there") from missing
    except ValueError as mistake:
        raise ValueError(f"{path} is no JSON: {mistake}") from mistake
    if not isinstance(content, dict):
        raise TypeError(f"{path} is no JSON object")
    return content
