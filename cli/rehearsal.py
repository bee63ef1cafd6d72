"""Runs the real app against the local Azure, in one process and in virtual time.

The one place where product, simulator and host meet: the demo, the story tests and the bench all stand on it. It
plays what lies between them: Event Grid's delivery, the host's polling, timers, and the death of the process.
"""

import functools
import importlib
import json
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
from azure.core.pipeline.transport import HttpTransport
from azure.storage.queue import QueueServiceClient

import functions
from cli.deployment import PROPAGATION_S, api_version, deploy, server_body
from cli.stage import SCOPE, SUBSCRIPTION, server_id, vault_id
from functions import wiring
from host.in_process import InProcessHost
from shared import rules_file
from shared.cloud.clients import Cloud
from shared.cloud.ledger_table import TABLE, TableLedger
from shared.cloud.snapshot import CONTAINER
from shared.core.price import Prices
from shared.core.rules import Rules
from shared.ledger import ServerRow
from shared.settings import Settings
from simulator import timer_faults
from simulator.arm import authorization
from simulator.azure import Crash, LocalAzure
from simulator.event_faults import on_its_way
from simulator.transport import InProcessTransport
from simulator.wire import Request
from simulator.world import START, World

APP = "2f6d1f1c-8a0e-4a4e-9a64-6f1c5b1f0a01"  # the app's managed identity
ACCOUNT = "flexguard"
TOPIC = "https://flexguard-alerts.westeurope-1.eventgrid.azure.net/api/events"
HOST_JSON = Path(__file__).parent / "host.json"  # a link, so that an installed command line has it too
REDELIVERY_S = 10.0  # Source: Event Grid delivers again after 10 seconds first
MOST_TURNS = 200_000

Courier = Callable[[dict[str, Any]], Iterable[dict[str, Any]]]
Transport = HttpTransport[Any, Any]


@functools.cache
def the_app() -> func.FunctionApp:
    """The app of function_app.py, from the same blueprints, without its look at the environment of this process."""
    app = func.FunctionApp()
    for module in pkgutil.iter_modules(functions.__path__, "functions."):
        if blueprint := getattr(importlib.import_module(module.name), "bp", None):
            app.register_functions(blueprint)
    return app


def as_sent(event: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """The honest courier: every event once, in order."""
    return (event,)


@dataclass
class Rehearsal:
    """An app, its Azure, and the time between them.

    rules: text of a rules file, in which {vault:REGION} stands for the id of a vault that is made there.
    wrap: puts something between the app and Azure (a crash, a counter). courier: what becomes of an event on its way.
    app_instances: processes that share the queue, each with its own memory.
    """

    rules: str
    seed: int = 0
    regions: tuple[str, ...] = ("westeurope",)
    wrap: Callable[[Transport], Transport] = lambda transport: transport
    courier: Courier = as_sent
    grant_app: bool = True
    app_instances: int = 1
    azure: LocalAzure = field(init=False)
    host: InProcessHost = field(init=False)
    crashes: int = 0
    delivered: int = 0
    down_s: float = 0.0
    begins: datetime = START
    prices: Prices | None = None
    _again: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    _contexts: list[wiring.Context] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.azure = LocalAzure(World(seed=self.seed, now=self.begins))
        self._transport = self.wrap(InProcessTransport(self.azure))
        self.settings = Settings(
            subscriptions=frozenset({SUBSCRIPTION}),
            queue_endpoint=f"https://{ACCOUNT}.queue.core.windows.net",
            table_endpoint=f"https://{ACCOUNT}.table.core.windows.net",
            blob_endpoint=f"https://{ACCOUNT}.blob.core.windows.net",
            alert_topic=TOPIC,
        )
        operator = self.azure.credential(authorization.OPERATOR)
        self._archive = TableLedger(Cloud(self.settings, operator, InProcessTransport(self.azure)))
        self._deploy()
        self.start()

    # -- what a deployment makes -------------------------------------------------------------------------------

    def _deploy(self) -> None:
        self._build()
        self.table_client().create_table(TABLE)
        self.azure.blobs.make(CONTAINER)
        self.azure.world.outbox.clear()  # the event subscription is made last

    def _build(self) -> None:
        """Make what the app finds: vaults, and its own rights."""
        deploy(self.arm, self.regions, APP, grants_roles=self.grant_app)
        self.azure.advance(PROPAGATION_S)

    def vault_id(self, region: str = "westeurope") -> str:
        return vault_id(region)

    def table_client(self) -> Any:
        from azure.data.tables import TableServiceClient

        credential, transport = self.azure.credential(authorization.OPERATOR), InProcessTransport(self.azure)
        return TableServiceClient(
            self.settings.table_endpoint, credential=credential, transport=transport, retry_total=0
        )

    def start(self) -> None:
        """Start the app's processes: they know nothing of what earlier ones knew."""
        rules, credential = self._rules(), self.azure.credential(APP)
        clouds = [Cloud(self.settings, credential, self._transport) for _ in range(self.app_instances)]
        self._contexts = [wiring.Context(cloud, TableLedger(cloud), rules, self.prices) for cloud in clouds]
        wiring.use(self._contexts[0])
        queues = QueueServiceClient(
            self.settings.queue_endpoint,
            credential=self.azure.credential(authorization.OPERATOR),
            transport=self._transport,
            retry_total=0,
        )
        self.host = InProcessHost(the_app(), queues, host_json=json.loads(HOST_JSON.read_text()), settings={})

    def _rules(self) -> Rules:
        text = self.rules
        for region in self.regions:
            text = text.replace(f"{{vault:{region}}}", self.vault_id(region))
        return rules_file.parse(text)

    # -- what people do ----------------------------------------------------------------------------------------

    def arm(self, method: str, path: str, body: Any = None) -> Any:
        """One ARM request of the person who runs the estate. Raises AssertionError for a refusal."""
        headers = {"authorization": f"Bearer simulated.{authorization.OPERATOR}", "content-type": "application/json"}
        data = json.dumps(body).encode() if body is not None else b""
        url = f"https://management.azure.com{path}{'&' if '?' in path else '?'}api-version={api_version(path)}"
        response = self.azure.handle(Request(method, url, headers, data))
        if response.status >= 400:  # noqa: PLR2004 - HTTP status classes
            raise AssertionError(f"{method} {path}: {response.status} {response.body.decode()}")
        return response.json() if response.body else None

    def server_id(self, name: str, group: str = "rg-data") -> str:
        return server_id(name, group)

    def create_server(
        self,
        name: str,
        tags: dict[str, str] | None = None,
        region: str = "westeurope",
        group: str = "rg-data",
        properties: dict[str, Any] | None = None,
    ) -> str:
        """Ask ARM for a server; it is Ready minutes later. Answers its id."""
        if self.azure.world.get(f"{SCOPE}/resourceGroups/{group}") is None:
            self.arm("PUT", f"{SCOPE}/resourceGroups/{group}", {"location": region})
        self.arm("PUT", server_id(name, group), server_body(region, tags or {}, properties))
        return server_id(name, group)

    # -- time passes -------------------------------------------------------------------------------------------

    def run(self, *, seconds: float) -> None:
        """Let everything happen that happens within so many virtual seconds."""
        self.run_until(self.azure.now + timedelta(seconds=seconds))

    def run_until(self, deadline: datetime) -> None:
        """Let everything happen until a moment: deliveries, messages, timers, and whatever Azure does by itself."""
        for _ in range(MOST_TURNS):
            if self._turn():
                continue
            coming = [self.next_due(), self._next_timer(), *(at for at, _ in self._again)]
            due = min((at for at in coming if at), default=deadline)
            self._let_pass(min(max(due, self.azure.now), deadline))
            if self.azure.now >= deadline and not self._turn():
                return
        msg = f"still busy after {MOST_TURNS} turns at {self.azure.now}"
        raise AssertionError(msg)

    def next_due(self) -> datetime | None:
        """When something happens next by itself: in the world, or a message that a function waits for."""
        visible = self.azure.queues.next_visible(self.host.queue_names)
        return min(filter(None, (self.azure.world.next_due(), visible)), default=None)

    def _next_timer(self) -> datetime | None:
        coming = self.host.next_timer(self.azure.now)
        return coming[0] if coming else None

    def _let_pass(self, moment: datetime) -> None:
        before = self.azure.now
        due = list(self.host.timers_due(before, moment))
        self.azure.advance_to(moment)
        for _, name in due:
            for after_s, past_due in timer_faults.firings(self.azure.world, name):
                self.azure.advance(after_s)
                self._alive(functools.partial(self.host.fire, name, past_due=past_due))

    def _turn(self) -> bool:
        """Deliver what waits to be delivered and run what is visible; whether there was anything."""
        outbox, self.azure.world.outbox[:] = list(self.azure.world.outbox), []
        due = [event for at, event in self._again if at <= self.azure.now]
        self._again = [(at, event) for at, event in self._again if at > self.azure.now]
        arriving = (
            each for sent in outbox for copy in self.courier(sent) for each in on_its_way(self.azure.world, copy)
        )
        for late_s, event in [*arriving, *((0.0, event) for event in due)]:
            if late_s:
                self._again.append((self.azure.now + timedelta(seconds=late_s), event))
            else:
                self.deliver(event)
        ran = sum(self._alive(self._poll_next) or 0 for _ in self._contexts)
        return bool(outbox or due or ran)

    def _poll_next(self) -> int:
        """Let the next process of the app take a batch of messages."""
        self._contexts.append(self._contexts.pop(0))
        wiring.use(self._contexts[0])
        return self.host.poll()

    def deliver(self, event: dict[str, Any]) -> None:
        """Deliver one event; one that is not taken is delivered again later, as Event Grid does."""
        self.delivered += 1
        if self._alive(lambda: self.host.deliver(event)) != 202:  # noqa: PLR2004 - accepted
            self._again.append((self.azure.now + timedelta(seconds=REDELIVERY_S), event))

    def _alive(self, step: Callable[[], Any]) -> Any:
        """Do one thing; when the app's process dies of it, start it again after `down_s`."""
        try:
            return step()
        except Crash:
            self.crashes += 1
            self.azure.advance(self.down_s)
            self.start()
            return None

    # -- what came of it ---------------------------------------------------------------------------------------

    def row(self, server_id: str) -> ServerRow:
        """What the ledger knows of a server; an empty row when it knows nothing."""
        return self._archive.server(server_id).row or ServerRow(server_id=server_id)

    def of_type(self, resource_type: str) -> list[Any]:
        return list(self.azure.world.of_type(resource_type))

    @property
    def alerts(self) -> list[dict[str, Any]]:
        return self.azure.topic.received

    def app_calls(self, since: int = 0) -> list[Any]:
        """The ARM calls of the app, in order; `since` leaves out so many entries of the log."""
        return [
            call for call in self.azure.log[since:] if call.caller == APP and call.operation.startswith("Microsoft.")
        ]
