"""What Event Grid sends to whom: schemas, headers, batches, destinations, the custom topic, and faults on the way."""

import base64
import json
from collections import Counter

import pytest
from azure.eventgrid import EventGridEvent
from azure.eventgrid._legacy import EventGridPublisherClient as TopicClient
from azure.storage.queue import QueueClient
from event_grid_world import (
    GROUP,
    HOOK,
    SERVER,
    STORAGE,
    SUB,
    SYSTEM_TOPIC,
    TOPIC,
    ask,
    estate,
    pump,
    run,
    subscribe,
    tell,
    webhook,
)

from simulator.transport import InProcessTransport


@pytest.fixture
def azure():
    return estate()


# -- what is sent ------------------------------------------------------------------------------------------------


def test_an_outbox_without_subscriptions_is_left_alone(azure):
    """As long as nobody subscribed, events stay where in-process readers find them; a custom topic's do not count."""
    event = tell(azure)
    assert pump(azure) == []
    assert azure.world.outbox == [event]
    ask(azure, "PUT", TOPIC, {"location": "westeurope"})
    subscribe(azure, f"{TOPIC}/eventSubscriptions/es", filter={})
    assert event in azure.world.outbox


def test_one_event_in_event_grids_schema(azure):
    """An event goes alone in a list, with the documented headers, once."""
    subscribe(azure)
    event = tell(azure)
    (attempt,) = pump(azure)
    assert (attempt.method, attempt.url, attempt.timeout_s) == ("POST", HOOK, 30)
    assert json.loads(attempt.body) == [event]
    assert attempt.headers == {
        "content-type": "application/json; charset=utf-8",
        "aeg-event-type": "Notification",
        "aeg-subscription-name": "ES-ONE",
        "aeg-delivery-count": "0",
        "aeg-data-version": "2",
        "aeg-metadata-version": "1",
    }
    assert run(azure, 86_400) == []


def test_one_event_as_a_cloud_event(azure):
    """A CloudEvent goes alone as an object with exactly the members of Microsoft's sample."""
    subscribe(azure, eventDeliverySchema="CloudEventSchemaV1_0")
    event = tell(azure)
    (attempt,) = pump(azure)
    assert json.loads(attempt.body) == {
        "source": GROUP,
        "subject": SERVER,
        "type": "Microsoft.Resources.ResourceWriteSuccess",
        "time": event["eventTime"],
        "id": event["id"],
        "data": event["data"],
        "specversion": "1.0",
    }
    assert attempt.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert (attempt.headers["aeg-data-version"], attempt.headers["aeg-metadata-version"]) == ("", "1.0")


def test_the_events_of_a_real_write(azure):
    """What ARM itself tells of a server reaches the endpoint; what it tells of anything else does not."""
    subscribe(azure)
    ask(azure, "PUT", SERVER, {"location": "eastus", "tags": {"backup-tier": "gold"}})
    ask(azure, "PUT", f"{SUB}/resourceGroups/rg-other", {"location": "eastus"})
    sent = run(azure, 900)
    events = [json.loads(attempt.body)[0] for _, attempt in sent]
    assert {event["data"]["operationName"] for event in events} == {"Microsoft.DBforPostgreSQL/flexibleServers/write"}
    assert len(events) == 2  # accepted and completed
    assert azure.world.outbox == []


def test_only_its_own_source(azure):
    """A subscription of a group hears of that group alone, however similar the name of another is."""
    path = f"{GROUP}/providers/Microsoft.EventGrid/eventSubscriptions/es-two"
    subscribe(azure, path, filter={})
    tell(azure, subject=f"{GROUP}-two/providers/Microsoft.X/y/z")
    inside = tell(azure, subject=f"{GROUP.upper()}/providers/Microsoft.X/y/z")
    assert [json.loads(attempt.body) for attempt in pump(azure)] == [[inside]]


def test_every_subscription_has_its_own_copy(azure):
    """Two subscriptions get the same event; the failure of one is nothing to the other."""
    subscribe(azure)
    subscribe(azure, f"{SYSTEM_TOPIC}/eventSubscriptions/es-two")
    tell(azure)
    pump(azure, lambda attempt: (500 if "es-two" in attempt.subscription_id else 200, {}, b""))
    assert [attempt.subscription_id.rpartition("/")[2] for _, attempt in run(azure, 12)] == ["es-two"]


@pytest.mark.parametrize(("schema", "kind"), [("EventGridSchema", "application/json"), ("CloudEventSchemaV1_0", "x")])
def test_batches(azure, schema, kind):
    """With batching on, requests hold as many events as allowed, in order, always as a list."""
    subscribe(azure, destination=webhook(maxEventsPerBatch=3), eventDeliverySchema=schema)
    events = [tell(azure, f"pg-{number}") for number in range(7)]
    attempts = pump(azure)
    assert [len(json.loads(attempt.body)) for attempt in attempts] == [3, 3, 1]
    assert [event["id"] for attempt in attempts for event in json.loads(attempt.body)] == [e["id"] for e in events]
    kinds = {attempt.headers["content-type"].partition(";")[0] for attempt in attempts}
    assert kinds == {kind if kind != "x" else "application/cloudevents-batch+json"}


def test_the_size_of_a_batch(azure):
    """A batch ends before the wished size is passed; one event that is larger goes alone."""
    subscribe(azure, destination=webhook(maxEventsPerBatch=100, preferredBatchSizeInKilobytes=4))
    for size in (9000, 1500, 1500, 1500, 9000, 100, 100):
        tell(azure, data={"text": "x" * size})
    assert [len(json.loads(attempt.body)) for attempt in pump(azure)] == [1, 2, 1, 1, 2]


# -- other destinations ------------------------------------------------------------------------------------------


def test_a_storage_queue(azure):
    """An event lies in the queue as one message in Base64; a missing queue is tried again as any endpoint is."""
    properties = {"resourceId": STORAGE, "queueName": "events"}
    subscribe(azure, destination={"endpointType": "StorageQueue", "properties": properties})
    event = tell(azure)
    assert pump(azure) == []
    queue = QueueClient(
        "https://flexguard.queue.core.windows.net",
        "events",
        credential=azure.credential("operator"),
        transport=InProcessTransport(azure),
    )
    queue.create_queue()
    assert run(azure, 330) == []
    (message,) = queue.receive_messages()
    assert json.loads(base64.b64decode(message.content)) == event


def test_a_function(azure):
    """A function gets events at the address that the world knows; without one it counts as not found."""
    function = {"endpointType": "AzureFunction", "properties": {"resourceId": f"{GROUP}/f"}}
    made = subscribe(azure, destination=function)
    tell(azure)
    assert pump(azure) == []
    made.hidden["url"] = "http://127.0.0.1:7071/runtime/webhooks/eventgrid?functionName=watch"
    ((at, attempt),) = run(azure, 400)
    assert (at >= 300, attempt.url) == (True, made.hidden["url"])


def test_a_custom_topic(azure):
    """What the real publisher sends is kept, stamped with the topic, and forwarded to whoever wants that type."""
    ask(azure, "PUT", TOPIC, {"location": "westeurope"})
    subscribe(azure, f"{TOPIC}/eventSubscriptions/es", filter={"includedEventTypes": ["Flexguard.Alert"]})
    azure.world.outbox.clear()
    for host in ("alerts", "others"):
        endpoint = f"https://{host}.westeurope-1.eventgrid.azure.net/api/events"
        client = TopicClient(endpoint, azure.credential("operator"), transport=InProcessTransport(azure))
        for kind in ("Flexguard.Alert", "Flexguard.Else"):
            client.send([EventGridEvent(subject=host, event_type=kind, data={"n": 1}, data_version="1")])
    assert len(azure.topic.received) == 4
    (attempt,) = pump(azure)
    (event,) = json.loads(attempt.body)
    assert (event["subject"], event["topic"], event["metadataVersion"]) == ("alerts", TOPIC, "1")
    assert attempt.headers["aeg-data-version"] == "1"


# -- faults ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "copies"), [("lose_event", 0), ("duplicate_event", 2), (None, 1)])
def test_lost_and_doubled_events(azure, kind, copies):
    """A fault takes the next event it is meant for, and only as often as it was asked for."""
    subscribe(azure)
    if kind:
        azure.world.faults.add(kind, "pg-two", times=2)
    for _ in range(3):
        tell(azure, "pg-one")
        tell(azure, "pg-two")
    subjects = Counter(json.loads(attempt.body)[0]["subject"].rpartition("/")[2] for attempt in pump(azure))
    assert subjects == Counter({"pg-one": 3, "pg-two": 2 * copies + 1})


def test_faults_of_events_that_nobody_wants(azure):
    """An event that no filter lets through uses up no fault."""
    subscribe(azure)
    azure.world.faults.add("lose_event")
    tell(azure, subject=f"{GROUP}/providers/Microsoft.Storage/storageAccounts/other")
    assert pump(azure) == []
    tell(azure)
    assert pump(azure) == []
    tell(azure)
    assert len(pump(azure)) == 1


def test_overtaken_events(azure):
    """A reordered event arrives after those that came behind it, once, within two minutes."""
    subscribe(azure)
    azure.world.faults.add("reorder_events", "pg-one")
    for name in ("pg-one", "pg-two", "pg-three"):
        tell(azure, name)
    sent = [(at, json.loads(attempt.body)[0]["subject"].rpartition("/")[2]) for at, attempt in run(azure, 600)]
    assert [name for _, name in sent] == ["pg-two", "pg-three", "pg-one"]
    assert 20 <= sent[-1][0] <= 120
