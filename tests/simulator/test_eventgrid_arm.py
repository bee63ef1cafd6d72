"""Event Grid's topics and event subscriptions through ARM, in the shapes of the recording `eg-system-topic`."""

import json

import pytest
from event_grid_world import (
    DEAD_LETTERS,
    EVENT_GRID,
    GROUP,
    HOOK,
    STORAGE,
    SUB,
    SUBSCRIPTION,
    SYSTEM_TOPIC,
    TOPIC,
    agree,
    ask,
    estate,
    pump,
    run,
    says,
    subscribe,
    tell,
    webhook,
)

from simulator.arm.event_subscription_body import RESOURCE_EVENTS
from simulator.face.places import ARM
from simulator.wire import Request
from simulator.world import EFFECTS

PLAIN_HOOK = HOOK.partition("?")[0]
RETRY_POLICY = {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440}


@pytest.fixture
def azure():
    return estate()


def status_of(azure, answer):
    """The operation of an answer, polled where the answer says."""
    url = answer.headers["azure-asyncoperation"]
    assert url.startswith("https://management.azure.com:443/subscriptions/")
    path = url.removeprefix("https://management.azure.com:443").partition("?")[0]
    return ask(azure, "GET", path).json()


def test_a_system_topic(azure):
    """A system topic is there at once with the members that the recording shows, and once per source only."""
    found = ask(azure, "GET", SYSTEM_TOPIC).json()
    assert set(found["properties"]) == {"provisioningState", "source", "topicType", "metricResourceId"}
    assert found["properties"]["provisioningState"] == "Succeeded"
    assert (found["properties"]["source"], found["location"], found["tags"]) == (SUB, "global", None)
    assert (found["name"], found["type"]) == ("st-one", "Microsoft.EventGrid/systemTopics")
    again = {"location": "global", "properties": {"source": SUB, "topicType": "Microsoft.Resources.Subscriptions"}}
    assert ask(azure, "PUT", SYSTEM_TOPIC, again | {"tags": {"Dept": "IT"}}).json()["properties"] == found["properties"]
    other = ask(azure, "PUT", f"{EVENT_GRID}/systemTopics/st-two", again)
    assert (other.status, other.json()["error"]["code"]) == (400, "InvalidRequest")
    assert other.json()["error"]["message"].endswith("Only one system topic is allowed per source.")
    for scope in (SUB, GROUP):
        listed = ask(azure, "GET", f"{scope}/providers/Microsoft.EventGrid/systemTopics").json()["value"]
        assert [topic["tags"] for topic in listed] == [{"Dept": "IT"}]
    assert ask(azure, "PATCH", SYSTEM_TOPIC, {"tags": {"Dept": "HR"}}).json()["tags"] == {"Dept": "HR"}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"location": "eastus"}, 400),
        ({"properties": {"source": SUB, "topicType": "Microsoft.Storage.StorageAccounts"}}, 400),
        ({"properties": {"source": SUB, "topicType": "Microsoft.Resources.ResourceGroups"}}, 400),
        ({"properties": {"source": f"{GROUP}-none", "topicType": "Microsoft.Resources.ResourceGroups"}}, 404),
        ({"properties": {"source": GROUP, "topicType": "microsoft.resources.resourcegroups"}}, 200),
    ],
)
def test_sources_of_system_topics(azure, changes, status):
    """A source has to fit its topic type and to exist, and the topic to be global."""
    body = {"location": "global", "properties": {"source": SUB, "topicType": "Microsoft.Resources.Subscriptions"}}
    assert ask(azure, "PUT", f"{EVENT_GRID}/systemTopics/st-two", body | changes).status == status
    moved = {"properties": {"source": GROUP, "topicType": "Microsoft.Resources.ResourceGroups"}}
    if status != 200:
        assert ask(azure, "PUT", SYSTEM_TOPIC, body | moved).json()["error"]["message"] == (
            "System topic source cannot be modified."
        )


def test_an_event_subscription_is_made_as_recorded(azure):
    """PUT answers 201 Creating with an operation; while that is Active little is shown, in the end all defaults are."""
    asked = {"destination": webhook(), "filter": {"isSubjectCaseSensitive": False}, "retryPolicy": RETRY_POLICY}
    answer = ask(azure, "PUT", SUBSCRIPTION, {"properties": asked})
    shown = {
        "topic": SYSTEM_TOPIC,
        "provisioningState": "Creating",
        "destination": {
            "properties": {"endpointUrl": None, "endpointBaseUrl": PLAIN_HOOK},
            "endpointType": "WebHook",
        },
        "filter": {"includedEventTypes": RESOURCE_EVENTS},
        "labels": None,
        "retryPolicy": RETRY_POLICY,
    }
    assert answer.status == 201
    assert "location" not in answer.headers
    kind = "Microsoft.EventGrid/systemTopics/eventSubscriptions"
    assert answer.json() == {"properties": shown, "id": SUBSCRIPTION, "name": "es-one", "type": kind}
    first = status_of(azure, answer)
    assert set(first) == {"id", "name", "status"}
    assert (first["status"], first["name"]) == ("Active", first["name"].lower())
    assert first["name"].upper() in first["id"]
    run(azure, 70)
    assert status_of(azure, answer) == first | {"status": "Succeeded"}
    batching = {"maxEventsPerBatch": 1, "preferredBatchSizeInKilobytes": 64}
    assert ask(azure, "GET", SUBSCRIPTION).json()["properties"] == shown | {
        "provisioningState": "Succeeded",
        "destination": {"properties": shown["destination"]["properties"] | batching, "endpointType": "WebHook"},
        "filter": shown["filter"] | {"subjectBeginsWith": "", "subjectEndsWith": ""},
        "eventDeliverySchema": "EventGridSchema",
    }
    assert ask(azure, "POST", f"{SUBSCRIPTION}/getFullUrl").json() == {"endpointUrl": HOOK}


def test_operation_urls_over_the_wire(azure):
    """Served on loopback, the operation's URL is the caller's address, though Event Grid writes a port into it."""
    headers = ARM.outward(make(azure), "https://localhost:5000").headers
    assert headers["azure-asyncoperation"].startswith("https://localhost:5000/subscriptions/")


def test_an_event_subscription_is_changed_and_deleted(azure):
    """A second PUT and a PATCH answer 201 Updating, DELETE 202; in the end it is gone from GET and list."""
    subscribe(azure, filter={"subjectBeginsWith": "/a"})
    again = ask(azure, "PUT", SUBSCRIPTION, {"properties": {"destination": webhook(), "labels": ["label_1"]}})
    assert (again.status, again.json()["properties"]["provisioningState"]) == (201, "Updating")
    run(azure, 20)
    patched = ask(azure, "PATCH", SUBSCRIPTION, {"labels": ["label11", "label22"]})
    assert (patched.status, patched.json()["properties"]["provisioningState"]) == (201, "Updating")
    run(azure, 20)
    (listed,) = ask(azure, "GET", f"{SYSTEM_TOPIC}/eventSubscriptions").json()["value"]
    assert listed["properties"]["labels"] == ["label11", "label22"]
    assert listed["properties"]["provisioningState"] == "Succeeded"
    assert listed["properties"]["filter"]["subjectBeginsWith"] == ""
    gone = ask(azure, "DELETE", SUBSCRIPTION)
    assert (gone.status, gone.body, "location" in gone.headers) == (202, b"", True)
    run(azure, 11)
    assert status_of(azure, gone)["status"] == "Succeeded"
    assert ask(azure, "GET", SUBSCRIPTION).status == 404
    assert ask(azure, "GET", f"{SYSTEM_TOPIC}/eventSubscriptions").json() == {"value": []}


def test_a_topic_takes_its_subscriptions_along(azure):
    """When a system topic is deleted its event subscriptions are gone with it."""
    subscribe(azure)
    assert ask(azure, "DELETE", SYSTEM_TOPIC).status == 202
    azure.advance(11)
    assert [ask(azure, "GET", path).status for path in (SYSTEM_TOPIC, SUBSCRIPTION)] == [404, 404]
    assert pump(azure) == []


@pytest.mark.parametrize("scope", [SUB, GROUP, TOPIC])
def test_the_extension_form(azure, scope):
    """On a subscription, a group or a custom topic it is an extension, shaped as Microsoft's examples."""
    ask(azure, "PUT", TOPIC, {"location": "westeurope"})
    path = f"{scope}/providers/Microsoft.EventGrid/eventSubscriptions/es-two"
    subscribe(azure, path, filter={}, eventDeliverySchema="CloudEventSchemaV1_0")
    found = ask(azure, "GET", path).json()
    assert (found["id"], found["type"]) == (path, "Microsoft.EventGrid/eventSubscriptions")
    assert found["properties"]["topic"] == scope
    assert ("includedEventTypes" in found["properties"]["filter"]) is (scope != TOPIC)
    assert ask(azure, "GET", path.rpartition("/")[0]).json()["value"] == [found]
    assert ask(azure, "POST", f"{path}/getFullUrl").json() == {"endpointUrl": HOOK}


def test_a_custom_topic(azure):
    """A custom topic has the endpoint of its name and region, and takes event subscriptions below it."""
    made = ask(azure, "PUT", TOPIC, {"location": "West Europe", "tags": {"a": "b"}})
    assert made.status == 201
    assert made.json()["properties"]["endpoint"] == "https://alerts.westeurope-1.eventgrid.azure.net/api/events"
    assert ask(azure, "PUT", TOPIC, {"location": "westeurope"}).status == 200
    below = f"{TOPIC}/eventSubscriptions/es-three"
    assert subscribe(azure, below, filter={}).body["type"] == "Microsoft.EventGrid/topics/eventSubscriptions"
    assert ask(azure, "PUT", f"{TOPIC}-none/eventSubscriptions/es", {"properties": {}}).status == 404


@pytest.mark.parametrize(
    ("destination", "shown"),
    [
        (
            {"endpointType": "StorageQueue", "properties": {"resourceId": STORAGE, "queueName": "events"}},
            {"resourceId": STORAGE, "queueName": "events"},
        ),
        (
            {"endpointType": "AzureFunction", "properties": {"resourceId": f"{GROUP}/f", "endpointUrl": HOOK}},
            {"resourceId": f"{GROUP}/f", "maxEventsPerBatch": 1, "preferredBatchSizeInKilobytes": 64},
        ),
    ],
)
def test_destinations_without_a_handshake(azure, destination, shown):
    """Queues and functions of Azure need no proof; no question is sent, and what is shown is no secret."""
    body = {"properties": {"destination": destination, "deadLetterDestination": DEAD_LETTERS}}
    ask(azure, "PUT", SUBSCRIPTION, body)
    assert run(azure, 70) == []
    found = ask(azure, "GET", SUBSCRIPTION).json()["properties"]
    assert found["destination"] == {"properties": shown, "endpointType": destination["endpointType"]}
    assert (found["provisioningState"], found["deadLetterDestination"]) == ("Succeeded", DEAD_LETTERS)


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"destination": {"endpointType": "EventHub", "properties": {"resourceId": STORAGE}}},
        {"destination": webhook("http://example.com/events")},
        {"destination": webhook(maxEventsPerBatch=5001)},
        {"destination": webhook(preferredBatchSizeInKilobytes=0)},
        {"destination": {"endpointType": "StorageQueue", "properties": {"queueName": "events"}}},
        {"destination": webhook(), "retryPolicy": {"maxDeliveryAttempts": 31}},
        {"destination": webhook(), "retryPolicy": {"eventTimeToLiveInMinutes": 0}},
        {"destination": webhook(), "eventDeliverySchema": "CustomInputSchema"},
        {"destination": webhook(), "filter": {"advancedFilters": [{"operatorType": "StringIs", "key": "x"}]}},
    ],
)
def test_refusals(azure, properties):
    """What Event Grid or this local Azure does not take is refused with InvalidRequest, and nothing is made."""
    answer = ask(azure, "PUT", SUBSCRIPTION, {"properties": properties})
    assert (answer.status, answer.json()["error"]["code"]) == (400, "InvalidRequest")
    assert ask(azure, "GET", SUBSCRIPTION).status == 404


# -- the handshake -----------------------------------------------------------------------------------------------


def make(azure, **properties):
    return ask(azure, "PUT", SUBSCRIPTION, {"properties": {"destination": webhook()} | properties})


def test_the_question_of_a_handshake(azure):
    """The validation event goes alone, in a list, with the documented members and headers, to the whole URL."""
    make(azure)
    (attempt,) = pump(azure)
    assert (attempt.method, attempt.url, attempt.timeout_s) == ("POST", HOOK, 30)
    assert attempt.headers["aeg-event-type"] == "SubscriptionValidation"
    assert attempt.headers["aeg-subscription-name"] == "ES-ONE"
    (event,) = json.loads(attempt.body)
    assert set(event) == {
        "id", "topic", "subject", "data", "eventType", "eventTime", "metadataVersion", "dataVersion"
    }  # fmt: skip
    assert event["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent"
    assert set(event["data"]) == {"validationCode", "validationUrl"}
    assert (event["topic"], event["subject"]) == (SYSTEM_TOPIC, "")


def test_the_question_for_cloud_events(azure):
    """For CloudEvents the question is OPTIONS with an origin, and the answer allows that origin or any."""
    for number, allowed in enumerate(("eventgrid.azure.net", "*", "example.com", "")):
        path = f"{SYSTEM_TOPIC}/eventSubscriptions/es-{number}"
        wanted = {"destination": webhook(), "filter": {"subjectEndsWith": "/nothing"}}
        ask(azure, "PUT", path, {"properties": wanted | {"eventDeliverySchema": "CloudEventSchemaV1_0"}})
        (attempt,) = pump(azure, says(200, {"webhook-allowed-origin": allowed}))
        assert (attempt.method, attempt.body) == ("OPTIONS", b"")
        assert attempt.headers["webhook-request-origin"] == "eventgrid.azure.net"
        run(azure, 75)
        state = ask(azure, "GET", path).json()["properties"]["provisioningState"]
        assert state == ("Succeeded" if number < 2 else "AwaitingManualAction")


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        (says(500), "response code InternalServerError."),
        (says(202), "response code Accepted."),
        (says(None), "response code Unknown."),
        (says(503), "response code ServiceUnavailable."),
    ],
)
def test_a_handshake_that_fails(azure, endpoint, words):
    """Anything but 200 is asked again after 5 seconds, three times in all; then the operation says why it failed."""
    answer = make(azure)
    asked = run(azure, 120, endpoint)
    assert [round(at) for at, _ in asked] == [0, 5, 10]
    operation = status_of(azure, answer)
    assert (operation["status"], operation["error"]["code"]) == ("Failed", "Url validation")
    assert operation["error"]["message"].startswith(f"Webhook validation handshake failed for {PLAIN_HOOK}. ")
    assert words in operation["error"]["message"]
    assert "secret" not in operation["error"]["message"]
    assert ask(azure, "GET", SUBSCRIPTION).json()["properties"]["provisioningState"] == "Failed"


def test_a_handshake_without_an_answer(azure):
    """An endpoint that says nothing for 30 seconds is asked again 5 seconds later; a late word is not heard."""
    make(azure)
    (first,) = azure.delivery.take(azure.world)
    azure.advance(34.9)
    assert azure.delivery.take(azure.world) == []
    azure.advance(0.1)
    (second,) = azure.delivery.take(azure.world)
    status, headers, body = agree(first)
    azure.delivery.answered(azure.world, first, status, headers=headers, body=body)
    azure.advance(40)
    assert ask(azure, "GET", SUBSCRIPTION).json()["properties"]["provisioningState"] == "Creating"
    assert second.id != first.id


@pytest.mark.parametrize(("opened_after_s", "state"), [(200, "Succeeded"), (310, "Failed"), (None, "Failed")])
def test_a_handshake_by_hand(azure, opened_after_s, state):
    """200 without the code waits for the link to be opened, for five minutes and no longer."""
    answer = make(azure)
    (attempt,) = pump(azure, says(200))
    assert ask(azure, "GET", SUBSCRIPTION).json()["properties"]["provisioningState"] == "AwaitingManualAction"
    link = json.loads(attempt.body)[0]["data"]["validationUrl"]
    if opened_after_s:
        azure.advance(opened_after_s)
        opened = azure.handle(Request("GET", link))
        assert opened.status == (200 if state == "Succeeded" else 404)
    azure.advance(310)
    assert ask(azure, "GET", SUBSCRIPTION).json()["properties"]["provisioningState"] == state
    assert status_of(azure, answer)["status"] == state


def test_no_event_before_the_handshake(azure):
    """What happened before an event subscription was ready is never delivered, however late one looks."""
    make(azure)
    ask(azure, "PUT", f"{SUB}/resourceGroups/rg-early", {"location": "eastus"})
    pump(azure)
    azure.advance(75)
    assert pump(azure) == []
    ask(azure, "PUT", f"{SUB}/resourceGroups/rg-late", {"location": "eastus"})
    subjects = [json.loads(attempt.body)[0]["subject"].rpartition("/")[2] for attempt in pump(azure)]
    assert subjects == ["rg-late"]


@pytest.mark.parametrize("way", ["refused", "deleted"])
def test_no_event_after_the_end(azure, way):
    """After a refused handshake no event is sent, nor while the subscription is being deleted."""
    subscribe(azure)
    if way == "deleted":
        ask(azure, "DELETE", SUBSCRIPTION)
    else:
        ask(azure, "PATCH", SUBSCRIPTION, {"labels": ["x"]})
        run(azure, 30, says(500))
    tell(azure)
    assert run(azure, 600) == []


def test_every_effect_is_registered():
    """Nothing of Event Grid is put on the agenda that a world could not find again by name."""
    names = {name.rpartition(".")[0] for name in EFFECTS}
    assert {"simulator.handshake", "simulator.event_mail", "simulator.arm.event_subscriptions"} <= names
