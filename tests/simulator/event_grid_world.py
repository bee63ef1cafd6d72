"""A subscription with a system topic, event subscriptions on it, and an endpoint that is a function of the attempt."""

import json

from simulator.arm.authorization import OPERATOR
from simulator.azure import LocalAzure
from simulator.wire import Request
from simulator.world import World

SUB = "/subscriptions/11111111-0000-4000-8000-000000000001"
GROUP = f"{SUB}/resourceGroups/rg-app"
SERVER = f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-app-01"
EVENT_GRID = f"{GROUP}/providers/Microsoft.EventGrid"
SYSTEM_TOPIC, TOPIC = f"{EVENT_GRID}/systemTopics/st-one", f"{EVENT_GRID}/topics/alerts"
SUBSCRIPTION = f"{SYSTEM_TOPIC}/eventSubscriptions/es-one"
HOOK = "https://app.azurewebsites.net/runtime/webhooks/eventgrid?functionName=watch&code=secret"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/flexguard"
DEAD_LETTERS = {
    "endpointType": "StorageBlob",
    "properties": {"resourceId": STORAGE, "blobContainerName": "deadletter"},
}


def ask(azure, method, path, body=None, version="2022-06-15"):
    """One ARM call of the operator, with its answer."""
    url = f"https://management.azure.com{path}?api-version={version}"
    data = json.dumps(body).encode() if body is not None else b""
    return azure.handle(Request(method, url, {"authorization": f"Bearer simulated.{OPERATOR}"}, data))


def estate(seed=0):
    """A subscription with a group and a system topic of the whole subscription."""
    azure = LocalAzure(World(seed=seed))
    ask(azure, "PUT", SUB, {"displayName": "Apps"})
    ask(azure, "PUT", GROUP, {"location": "eastus"})
    properties = {"source": SUB, "topicType": "Microsoft.Resources.Subscriptions"}
    assert ask(azure, "PUT", SYSTEM_TOPIC, {"location": "global", "properties": properties}).status == 200
    azure.world.outbox.clear()
    return azure


def webhook(url=HOOK, **batching):
    return {"endpointType": "WebHook", "properties": {"endpointUrl": url} | batching}


def subscribe(azure, path=SUBSCRIPTION, destination=None, **properties):
    """Make an event subscription that wants flexible servers only and wait until it is ready."""
    properties = {"destination": destination or webhook()} | properties
    properties.setdefault("filter", {"subjectBeginsWith": SUB, "advancedFilters": [SERVERS_ONLY]})
    answer = ask(azure, "PUT", path, {"properties": properties})
    assert answer.status == 201, answer.body
    for _ in range(20):
        pump(azure, agree)
        azure.advance(5)
    assert ask(azure, "GET", path).json()["properties"]["provisioningState"] == "Succeeded"
    return azure.world.get(path)


SERVERS_ONLY = {
    "operatorType": "StringContains",
    "key": "subject",
    "values": ["/providers/Microsoft.DBforPostgreSQL/flexibleServers/"],
}


def agree(attempt):
    """An endpoint that takes everything and gives the code of a handshake back: status, headers and body."""
    if attempt.method == "OPTIONS":
        return 200, {"WebHook-Allowed-Origin": attempt.headers["webhook-request-origin"]}, b""
    if attempt.headers["aeg-event-type"] == "SubscriptionValidation":
        code = json.loads(attempt.body)[0]["data"]["validationCode"]
        return 200, {}, json.dumps({"validationResponse": code}).encode()
    return 202, {}, b""


def says(status, headers=None, body=b""):
    """An endpoint that always answers the same."""
    return lambda _attempt: (status, headers or {}, body)


def pump(azure, endpoint=agree):
    """Send what is to be sent now and report the answers; the attempts."""
    attempts = azure.delivery.take(azure.world)
    for attempt in attempts:
        status, headers, body = endpoint(attempt)
        azure.delivery.answered(azure.world, attempt, status, headers=headers, body=body)
    return attempts


def run(azure, seconds, endpoint=agree):
    """Let time pass, event by event, and send what comes up; [(seconds since the start, attempt)]."""
    start, sent = azure.now, []
    while True:
        sent += [((azure.now - start).total_seconds(), attempt) for attempt in pump(azure, endpoint)]
        due = azure.world.next_due()
        left = seconds - (azure.now - start).total_seconds()
        if due is None or (due - azure.now).total_seconds() > left:
            azure.advance(left)
            return sent + [(seconds, attempt) for attempt in pump(azure, endpoint)]
        azure.advance_to(due)


def tell(azure, name="pg-app-01", **members):
    """Let the world tell one event of a server; the event."""
    server = f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers/{name}"
    event = {
        "subject": server,
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": azure.now.strftime("%Y-%m-%dT%H:%M:%S.%f0Z"),
        "id": azure.world.new_guid("test"),
        "data": {"operationName": "Microsoft.DBforPostgreSQL/flexibleServers/write"},
        "dataVersion": "2",
        "metadataVersion": "1",
        "topic": GROUP,
    } | members
    azure.world.outbox.append(event)
    return event
