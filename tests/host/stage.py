"""An app for the tests of the host, and the local Azure under it."""

import base64
from collections.abc import Callable
from typing import Any

import azure.functions as func
from azure.storage.queue import (
    QueueServiceClient,
)

from host.in_process import InProcessHost
from simulator.azure import LocalAzure
from simulator.transport import InProcessTransport

GRID_EVENT = {
    "id": "1",
    "topic": "/subscriptions/s",
    "subject": "/subscriptions/s/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/flexibleServers/a",
    "eventType": "Microsoft.Resources.ResourceWriteSuccess",
    "eventTime": "2026-11-23T08:00:00.1234567Z",
    "data": {"operationName": "write"},
    "dataVersion": "2",
    "metadataVersion": "1",
}
CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "2",
    "source": "/subscriptions/s",
    "type": "Microsoft.ResourceNotifications.Resources.CreatedOrUpdated",
    "subject": GRID_EVENT["subject"],
    "time": "2026-11-23T08:00:00Z",
    "data": {"resourceInfo": {}},
    "cause": "test",
}
SETTINGS = {"CONVERGE_QUEUE": "converge", "SWEEP_SCHEDULE": "0 0 * * * *"}


class Died(BaseException):
    """The process is gone."""


class Stage:
    """An app whose functions write down what they get and do what the test says."""

    def __init__(self) -> None:
        self.azure = LocalAzure()
        self.got: list[Any] = []
        self.act: Callable[[Any], Any] = lambda _: None
        self.app = func.FunctionApp()
        self.app.event_grid_trigger("event")(self.on_event)
        self.app.queue_trigger("message", "%CONVERGE_QUEUE%", "AzureWebJobsStorage")(self.converge)
        self.app.queue_trigger("message", "%CONVERGE_QUEUE%-poison", "AzureWebJobsStorage")(self.keep_poison)
        self.app.timer_trigger("timer", "%SWEEP_SCHEDULE%")(self.sweep)
        self.app.timer_trigger("timer", "0 */15 * * * *")(self.watch)
        blueprint = func.Blueprint()
        blueprint.route("status", auth_level=func.AuthLevel.ANONYMOUS)(self.status)
        self.app.register_functions(blueprint)

    def on_event(self, event: func.EventGridEvent) -> None:
        """The event trigger."""
        self.take(event)

    def converge(self, message: func.QueueMessage) -> None:
        """The queue trigger."""
        self.take(message)

    def keep_poison(self, message: func.QueueMessage) -> None:
        """The trigger of the poison queue."""
        self.take(message)

    async def sweep(self, timer: func.TimerRequest) -> None:
        """The hourly timer."""
        self.take(timer)

    def watch(self, timer: func.TimerRequest) -> None:
        """The timer of every quarter."""
        self.take(timer)

    def status(self, _req: func.HttpRequest) -> func.HttpResponse:
        """The page."""
        return func.HttpResponse("ok")

    def take(self, payload: Any) -> None:
        """What every function does."""
        self.got.append(payload)
        self.act(payload)

    def host(self, **queues: Any) -> InProcessHost:
        """A host that starts now."""
        host_json = {"version": "2.0", "extensions": {"queues": queues}}
        return InProcessHost(self.app, self.clients(), host_json=host_json, settings=SETTINGS)

    def clients(self) -> QueueServiceClient:
        """The real client of the account."""
        return QueueServiceClient(
            "https://flexguard.queue.core.windows.net",
            credential=self.azure.credential("operator"),
            transport=InProcessTransport(self.azure),
            retry_total=0,
        )

    def send(self, text: str, queue: str = "converge") -> None:
        """Put a message as the host expects it."""
        self.clients().get_queue_client(queue).send_message(base64.b64encode(text.encode()).decode())

    def texts(self, queue: str) -> list[str]:
        """What is in a queue, held or not."""
        return [base64.b64decode(m.text).decode() for m in self.azure.queues.messages(queue)]


def fail(_: Any) -> None:
    """Raise as a bug does."""
    msg = "a bug"
    raise RuntimeError(msg)


def die(_: Any) -> None:
    """End as a killed process does."""
    raise Died
