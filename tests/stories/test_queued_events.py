"""Events over a queue: `on_queued_event` does what `on_server_event` does, however Event Grid wrote the message."""

import base64
import json
import logging

import azure.functions as func
import pytest
from azure.storage.queue import QueueClient, QueueServiceClient

from cli.rehearsal import HOST_JSON
from cli.stage import SUBSCRIPTION
from functions import converge
from host.in_process import InProcessHost
from simulator.transport import InProcessTransport

PG = "Microsoft.DBforPostgreSQL/flexibleServers"
SERVER = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-data/providers/{PG}/pg-one"
OF_GRID = {
    "id": "1", "topic": f"/subscriptions/{SUBSCRIPTION}", "subject": SERVER, "dataVersion": "2",
    "eventType": "Microsoft.Resources.ResourceWriteSuccess", "eventTime": "2026-11-23T08:00:00Z", "data": {},
}  # fmt: skip
CLOUD = {
    "specversion": "1.0", "id": "1", "source": f"/subscriptions/{SUBSCRIPTION}", "subject": SERVER,
    "type": "Microsoft.Resources.ResourceWriteSuccess", "time": "2026-11-23T08:00:00Z", "data": {},
}  # fmt: skip
OTHER = CLOUD | {"subject": f"{SERVER}/firewallRules/all"}


def once(text: str) -> str:
    """A text in base64."""
    return base64.b64encode(text.encode()).decode()


WRITTEN = {
    "base64": once,
    "as it is": str,
    "base64 twice": lambda text: once(once(text)),
    "in lines": lambda text: f"{once(text)}\n",
    "in a list": lambda text: f"[{text}]",
}


@pytest.fixture
def app(estate):
    """The app as deployed with `delivery: storage_queue`, its Azure, and the queue that Event Grid fills."""
    world = estate()
    world.account = QueueServiceClient(
        world.settings.queue_endpoint,
        credential=world.azure.credential("operator"),
        transport=InProcessTransport(world.azure),
        retry_total=0,
    )
    deployed = func.FunctionApp()
    deployed.register_functions(converge.bp)
    deployed.register_functions(converge.queued)
    world.host = InProcessHost(deployed, world.account, host_json=json.loads(HOST_JSON.read_text()), settings={})
    return world


def queue(world, name: str) -> QueueClient:
    """One queue of the app's account."""
    return world.account.get_queue_client(name)


def told(world) -> list[dict[str, object]]:
    """What the app has put on its own queue."""
    return [json.loads(base64.b64decode(message.text)) for message in world.azure.queues.messages("converge")]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("event", [OF_GRID, CLOUD], ids=["event_grid", "cloud_events"])
def test_a_queued_event_is_an_event(app, event, written):
    """In either schema and in whatever encoding, it leaves the very message that the Event Grid trigger leaves."""
    app.host.deliver(event)
    (direct,) = told(app)
    queue(app, "converge").clear_messages()
    queue(app, "events").send_message(WRITTEN[written](json.dumps(event)))
    app.host.poll(["events"])
    assert told(app) == [direct]
    assert app.host.failures == []


@pytest.mark.parametrize("text", ["", "null", "{not json", "7", once("\x00"), "[[]]", json.dumps(OTHER)])
def test_what_is_no_event_of_ours_is_dropped(app, text, caplog):
    """Whatever else lies on the queue is dropped with a reason, and never becomes poison."""
    queue(app, "events").send_message(text)
    with caplog.at_level(logging.INFO, logger="flexguard"):
        app.host.poll(["events"])
    assert told(app) == []
    assert app.host.failures == []
    assert list(app.azure.queues.messages("events")) == []
    dropped = [line.flexguard for line in caplog.records if line.name == "flexguard"]
    assert [(line["fact"], line["reason"] in ("malformed", "child_resource")) for line in dropped] == [
        ("event_dropped", True)
    ]


def test_a_double_is_one_flow(app):
    """The same event ten times, in every encoding, protects its server once."""
    server = app.create_server("pg-one", {"backup-tier": "gold"})
    app.courier = lambda _event: ()
    app.run(seconds=1200)
    for again in range(10):
        queue(app, "events").send_message(list(WRITTEN.values())[again % len(WRITTEN)](json.dumps(CLOUD)))
    app.run(seconds=1800)
    writes = [call for call in app.app_calls() if call.method == "PUT" and "/backupInstances/" in call.path]
    assert len(writes) == 1
    assert app.row(server).verdict == "protected"


def test_what_failed_five_times_is_told(app):
    """An event that could not be put on the queue ends in `events-poison`, is written down and told, and is gone."""
    queue(app, "events-poison").create_queue()
    queue(app, "events-poison").send_message(json.dumps(CLOUD))
    app.host.fire("keep_poison")
    assert [alert["type"] for alert in app.alerts] == ["Flexguard.MessagePoisoned"]
    assert list(app.azure.queues.messages("events-poison")) == []
