"""Event Grid's sending side: what is to be POSTed now, and what an answer means for it.

It opens no socket: a face asks `take`, sends each attempt with a timeout of 30 seconds, and reports to `answered`.
Everything lies in the world, so that a world that is written down keeps the events that wait in it. As long as a
world has no event subscription, its outbox is left to whoever wants it.

**Source**: Microsoft, "Event Grid message delivery and retry", "Message headers", "Storage queue as an event handler".
Assumed: delivery has no delay of its own; the name of the subscription is in capitals in headers, as it is documented
for the names of dead-letter blobs.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from simulator import event_filters, event_mail, handshake
from simulator.event_faults import on_its_way
from simulator.event_schemas import CLOUD, GRID, body_of, dead_letter, in_schema, versions
from simulator.wire import Json, Request, Response, empty_response
from simulator.world import Resource, World

Enqueue = Callable[[str, str], int]
"""Puts a text into a queue and answers with a status: (queue, text) -> 201, or 404 when there is no such queue."""
Store = Callable[[str, str, bytes], object]
"""Writes a blob: (container, name, content). A KeyError says that there is no such container."""

CUSTOM_TOPIC = "microsoft.eventgrid/topics"


@dataclass(frozen=True)
class Attempt:
    """One HTTP request that Event Grid sends now. `keys` name the events in it; a handshake has none."""

    id: str
    subscription_id: str
    at: datetime
    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    schema: str
    keys: tuple[str, ...] = ()
    timeout_s: float = event_mail.ANSWER_WITHIN_S


def _no_queue(_queue: str, _text: str) -> int:
    return 404


def _no_container(container: str, _name: str, _content: bytes) -> object:
    raise KeyError(container)


class Delivery:
    """Sends events as Event Grid does. It holds only the ways to a queue and to a container, nothing else."""

    def __init__(self, enqueue: Enqueue = _no_queue, store: Store = _no_container) -> None:
        self._enqueue, self._store = enqueue, store

    def take(self, world: World) -> list[Attempt]:
        """What is to be sent now, each exactly once. Events for queues and dead letters are put away on the way."""
        subscriptions = event_mail.event_subscriptions(world)
        attempts: list[Attempt] = []
        if any(_source(world, each) for each in subscriptions):
            told, world.outbox[:] = list(world.outbox), []
            for event in told:
                _publish(world, [each for each in subscriptions if _tells(world, each, event)], event)
        for subscription in subscriptions:
            self._bury(world, subscription)
            if handshake.state_of(subscription) == handshake.WANTED:
                attempts.append(_question(world, subscription))
            if subscription.hidden["enabled_at"]:
                attempts += self._send(world, subscription)
        return attempts

    def answered(
        self,
        world: World,
        attempt: Attempt,
        status: int | None,
        *,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        """Take the answer to an attempt; status None means that there was none. Only a handshake reads the rest."""
        subscription = world.get(attempt.subscription_id)
        if subscription is None:
            return
        if not attempt.keys:
            handshake.hear(world, subscription, attempt.id, status, headers or {}, body)
        elif not event_mail.land(world, subscription, attempt.id, status) and status in event_mail.SUCCESS:
            event_mail.land_late(world, subscription, list(attempt.keys), attempt.at)

    def publish(self, world: World, host: str, events: list[Json]) -> None:
        """Take events that were published to the custom topic at that host name."""
        for event in events:
            wanting = [each for each in event_mail.event_subscriptions(world) if _topic_host(world, each) == host]
            _publish(world, wanting, event if "specversion" in event else _stamped(wanting, event))

    def open_link(self, world: World, request: Request) -> Response:
        """Answer who opens the link of a validation event."""
        if request.method != "GET":
            return empty_response(405)
        return handshake.open_link(world, event_mail.event_subscriptions(world), request)

    # -- one event subscription --------------------------------------------------------------------------------

    def _send(self, world: World, subscription: Resource) -> list[Attempt]:
        destination = subscription.body["properties"]["destination"]
        attempts = []
        for keys in list(event_mail.batches(subscription)):
            attempt = _notification(world, subscription, keys)
            if destination["endpointType"] == "StorageQueue":
                event = subscription.hidden["mail"][keys[0]]["event"]
                text = base64.b64encode(json.dumps(in_schema(event, attempt.schema)).encode()).decode()
                self.answered(world, attempt, self._enqueue(destination["properties"]["queueName"], text))
            elif attempt.url:
                attempts.append(attempt)
            else:
                # Assumed: a function whose address nobody told the local Azure is one that does not exist.
                self.answered(world, attempt, 404)
        return attempts

    def _bury(self, world: World, subscription: Resource) -> None:
        dead = event_mail.take_dead(subscription)
        if not dead:
            return
        schema = _schema(subscription)
        letters = [dead_letter(item, schema) for item in dead]
        container = subscription.body["properties"]["deadLetterDestination"]["properties"]["blobContainerName"]
        now = world.now
        place = f"{subscription.body['name'].upper()}/{now.year}/{now.month}/{now.day}/{now.hour}"
        try:
            self._store(container, f"{place}/{world.new_guid('dead letter')}.json", json.dumps(letters).encode())
        except KeyError:
            return  # dropped, as Event Grid does when the container is not found


# -- from an event to its subscriptions --------------------------------------------------------------------------


def _publish(world: World, subscriptions: list[Resource], event: Json) -> None:
    """Put an event into the subscriptions that want it, unless a fault loses, doubles, delays or spoils it."""
    wanting = [each for each in subscriptions if event_filters.matches(each.body["properties"]["filter"], event)]
    for late_s, arriving in on_its_way(world, event) if wanting else ():
        for subscription in wanting:
            event_mail.accept(world, subscription, arriving, after_s=late_s)


def _source(world: World, subscription: Resource) -> str:
    """Whose resource events a subscription gets: a subscription or group; "" when it hangs on a custom topic."""
    place = str(subscription.body["properties"]["topic"])
    topic = world.get(place)
    if topic and topic.type == "microsoft.eventgrid/systemtopics":
        return str(topic.body["properties"]["source"])
    return "" if topic and topic.type == CUSTOM_TOPIC else place


def _tells(world: World, subscription: Resource, event: Json) -> bool:
    """Whether an event of the outbox belongs to a subscription's source and is not older than the subscription."""
    source, enabled_at = _source(world, subscription), subscription.hidden["enabled_at"]
    inside = f"{event['subject']}/".lower().startswith(f"{source}/".lower())
    # Assumed: a subscription does not hear of the very moment that made it ready, its own completion.
    return bool(source and enabled_at and inside and event["eventTime"] > enabled_at)


def _topic_host(world: World, subscription: Resource) -> str:
    """The host name of the custom topic that an enabled subscription hangs on."""
    topic = world.get(subscription.body["properties"]["topic"])
    if topic is None or topic.type != CUSTOM_TOPIC or not subscription.hidden["enabled_at"]:
        return ""
    return urlsplit(topic.body["properties"]["endpoint"]).hostname or ""


def _stamped(subscriptions: list[Resource], event: Json) -> Json:
    """An event in Event Grid's schema with what Event Grid itself writes into it."""
    topic = subscriptions[0].body["properties"]["topic"] if subscriptions else ""
    return event | {"topic": topic, "metadataVersion": "1"}


# -- requests ----------------------------------------------------------------------------------------------------


def _schema(subscription: Resource) -> str:
    return str(subscription.body["properties"].get("eventDeliverySchema", GRID))


def _question(world: World, subscription: Resource) -> Attempt:
    attempt_id, method, headers, body = handshake.ask(world, subscription)
    named = headers | {"aeg-subscription-name": subscription.body["name"].upper()}
    place = (attempt_id, subscription.id, world.now, method, subscription.hidden["url"])
    return Attempt(*place, named, body, _schema(subscription))


def _notification(world: World, subscription: Resource, keys: list[str]) -> Attempt:
    """One request with these events. `aeg-delivery-count` counts the attempts before it. Assumed: from 0 on."""
    schema, mail = _schema(subscription), subscription.hidden["mail"]
    before = mail[keys[0]]["attempts"]
    events = [mail[key]["event"] for key in keys]
    is_batched = (subscription.body["properties"]["destination"]["properties"].get("maxEventsPerBatch") or 1) > 1
    body, content_type = body_of(events, schema, batched=is_batched)
    data_version, metadata_version = versions(in_schema(events[0], schema))
    headers = {
        "content-type": content_type,
        "aeg-event-type": "Notification",
        "aeg-subscription-name": subscription.body["name"].upper(),
        "aeg-delivery-count": str(before),
        "aeg-data-version": data_version,
        "aeg-metadata-version": metadata_version,
    }
    if schema == CLOUD:
        headers["webhook-request-origin"] = handshake.ORIGIN
    place = (event_mail.send(world, subscription, keys), subscription.id, world.now, "POST", subscription.hidden["url"])
    return Attempt(*place, headers, body, schema, tuple(keys))
