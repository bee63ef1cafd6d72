"""The events that wait in an event subscription: when each is sent, sent again, given up, dead-lettered or dropped.

All of it is plain data in `hidden` of the subscription's resource and effects on the agenda; nothing is sent here.
An event is an item {event, published, state, attempts, last, outcome, reason} under a number in `hidden["mail"]`.

**Source**: Microsoft, "Event Grid message delivery and retry" (schedule, codes, attempts and time to live, batches,
the answer that comes late, the five minutes before dead-lettering).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import batched as chunks
from itertools import groupby

from simulator.event_schemas import body_of
from simulator.wire import Json, stamp
from simulator.world import Resource, World, effect

SUBSCRIPTION_TYPES = (
    "microsoft.eventgrid/systemtopics/eventsubscriptions",
    "microsoft.eventgrid/topics/eventsubscriptions",
    "microsoft.eventgrid/eventsubscriptions",
)
READY, FLYING, WAITING, DYING, DEAD = "ready", "flying", "waiting", "dying", "dead"
"""Can be sent · sent, no answer yet · sent again later · will be dead-lettered · can be written to the container."""

SUCCESS = range(200, 205)
RETRY_AFTER_S = (10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200)
"""The pause after each failed attempt; the last one repeats. Between attempts, not from the first on: only so do six
attempts fit into 30 minutes, as the document says."""
JITTER = 0.1  # Assumed: "a small randomization" makes a pause up to a tenth longer.
ANSWER_WITHIN_S = 30
LATE_ANSWER_WITHIN_S = 180
DEAD_LETTER_AFTER_S = 300
NEVER_AGAIN = {"WebHook": (400, 401, 403, 413), "Azure": (400, 403, 413)}
LEAST_PAUSE_S = {"WebHook": {408: 120, 503: 30}, "Azure": {401: 300, 404: 300, 408: 120, 503: 30}}
NAMES = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 408: "TimedOut"}
OUTCOMES = NAMES | {413: "PayloadTooLarge"}
OTHER_OUTCOME = "Busy"  # Assumed: what a 5xx or any other status is called.


def event_subscriptions(world: World) -> list[Resource]:
    """Every event subscription of the world, whatever it hangs on."""
    return [each for kind in SUBSCRIPTION_TYPES for each in world.of_type(kind)]


def endpoint_kind(subscription: Resource) -> str:
    """Which rules for status codes apply: "WebHook", or "Azure" for an Azure resource."""
    return "WebHook" if subscription.body["properties"]["destination"]["endpointType"] == "WebHook" else "Azure"


def new_mail() -> Json:
    """The part of `hidden` that this file owns."""
    return {"mail": {}, "sent": 0, "flights": {}}


# -- in ----------------------------------------------------------------------------------------------------------


def accept(world: World, subscription: Resource, event: Json, *, after_s: float = 0) -> None:
    """Put an event in; it can be sent at once, or after so many seconds when it is to arrive out of order."""
    hidden = subscription.hidden
    hidden["sent"] += 1
    key = str(hidden["sent"])
    now = stamp(world.now)
    item = {"event": event, "published": now, "attempts": 0, "last": now, "outcome": "", "reason": ""}
    hidden["mail"][key] = item | {"state": WAITING if after_s else READY}
    if after_s:
        world.schedule(after_s, wake, subscription_id=subscription.id, keys=[key])


# -- out ---------------------------------------------------------------------------------------------------------


def batches(subscription: Resource) -> Iterator[list[str]]:
    """The keys of what can be sent now, by request: never more events than allowed, larger than wished only alone.

    Assumed: one request holds events of the same number of attempts, since a header tells that number.
    """
    given = subscription.body["properties"]["destination"]["properties"]
    most, wished = given.get("maxEventsPerBatch") or 1, 1024 * (given.get("preferredBatchSizeInKilobytes") or 64)
    schema = subscription.body["properties"].get("eventDeliverySchema", "EventGridSchema")
    mail = subscription.hidden["mail"]
    ready = sorted((key for key in mail if mail[key]["state"] == READY), key=lambda key: mail[key]["attempts"])
    for _, same in groupby(ready, key=lambda key: mail[key]["attempts"]):
        for chunk in chunks(same, most, strict=False):
            batch, size = list[str](), 0
            for key in chunk:
                length = len(body_of([mail[key]["event"]], schema, batched=True)[0])
                if batch and size + length > wished:
                    yield batch
                    batch, size = [], 0
                batch, size = [*batch, key], size + length
            yield batch


def send(world: World, subscription: Resource, keys: list[str]) -> str:
    """Mark events as sent and wait for the answer; the name of this attempt. No answer in 30 seconds is a failure."""
    attempt_id = world.new_guid("attempt")
    subscription.hidden["flights"][attempt_id] = keys
    for key in keys:
        item = subscription.hidden["mail"][key]
        item |= {"state": FLYING, "attempts": item["attempts"] + 1, "last": stamp(world.now)}
    world.schedule(ANSWER_WITHIN_S, no_answer, subscription_id=subscription.id, attempt_id=attempt_id)
    return attempt_id


def land(world: World, subscription: Resource, attempt_id: str, status: int | None) -> bool:
    """Take the answer to an attempt: delivered, or again later, or given up. False when nobody waits for it."""
    keys = subscription.hidden["flights"].pop(attempt_id, None)
    if keys is None:
        return False
    if status in SUCCESS:
        for key in keys:
            del subscription.hidden["mail"][key]
    else:
        _fail(world, subscription, keys, status, OUTCOMES.get(status or 0, OTHER_OUTCOME) if status else "SocketError")
    return True


def land_late(world: World, subscription: Resource, keys: list[str], sent_at: datetime) -> None:
    """Take a success that came after the 30 seconds: within three minutes it still spares the next attempt."""
    if world.now - sent_at <= timedelta(seconds=LATE_ANSWER_WITHIN_S):
        for key in keys:
            if subscription.hidden["mail"].get(key, {}).get("state") in (WAITING, READY):
                del subscription.hidden["mail"][key]


@effect
def no_answer(world: World, subscription_id: str, attempt_id: str) -> None:
    """Give up waiting for an answer."""
    subscription = world.get(subscription_id)
    keys = subscription.hidden["flights"].pop(attempt_id, None) if subscription else None
    if subscription and keys:
        _fail(world, subscription, keys, None, "TimedOut")


def _fail(world: World, subscription: Resource, keys: list[str], status: int | None, outcome: str) -> None:
    kind, policy = endpoint_kind(subscription), subscription.body["properties"]["retryPolicy"]
    again: list[str] = []
    for key in keys:
        item = subscription.hidden["mail"][key]
        item["outcome"] = outcome
        if status in NEVER_AGAIN[kind]:
            # Source: "UndeliverableDueToHttpBadRequest" was seen for 400. Assumed: the others are called alike.
            _give_up(world, subscription, key, f"UndeliverableDueToHttp{outcome}")
        elif item["attempts"] >= policy["maxDeliveryAttempts"]:
            _give_up(world, subscription, key, "MaxDeliveryAttemptsExceeded")
        else:
            item["state"] = WAITING
            again.append(key)
    if again:
        attempts = subscription.hidden["mail"][again[0]]["attempts"]
        pause_s = max(
            RETRY_AFTER_S[min(attempts, len(RETRY_AFTER_S)) - 1],
            LEAST_PAUSE_S[kind].get(status or 0, 0),
        )
        jitter = 1 + world.random("retry", subscription.id.lower(), again[0], attempts).uniform(0, JITTER)
        world.schedule(pause_s * jitter, wake, subscription_id=subscription.id, keys=again)


@effect
def wake(world: World, subscription_id: str, keys: list[str]) -> None:
    """Let events be sent again. Only now is it seen that one is too old."""
    subscription = world.get(subscription_id)
    if subscription is None:
        return
    lifetime = timedelta(minutes=subscription.body["properties"]["retryPolicy"]["eventTimeToLiveInMinutes"])
    for key in keys:
        item = subscription.hidden["mail"].get(key)
        if item is None or item["state"] != WAITING:
            continue  # delivered after all
        if world.now > datetime.fromisoformat(item["published"]) + lifetime:
            _give_up(world, subscription, key, "TimeToLiveExceeded")
        else:
            item["state"] = READY


# -- dead letters ------------------------------------------------------------------------------------------------


def _give_up(world: World, subscription: Resource, key: str, reason: str) -> None:
    """Drop an event, or dead-letter it five minutes after its last attempt when there is a place for that."""
    if not subscription.body["properties"].get("deadLetterDestination"):
        del subscription.hidden["mail"][key]
        return
    item = subscription.hidden["mail"][key]
    item |= {"state": DYING, "reason": reason}
    since_s = (world.now - datetime.fromisoformat(item["last"])).total_seconds()
    world.schedule(max(0, DEAD_LETTER_AFTER_S - since_s), bury, subscription_id=subscription.id, key=key)


@effect
def bury(world: World, subscription_id: str, key: str) -> None:
    """Let a dead letter be written."""
    subscription = world.get(subscription_id)
    if subscription and key in subscription.hidden["mail"]:
        subscription.hidden["mail"][key]["state"] = DEAD


def take_dead(subscription: Resource) -> list[Json]:
    """Take out every item whose dead letter can be written."""
    mail = subscription.hidden["mail"]
    dead = [key for key in mail if mail[key]["state"] == DEAD]
    return [mail.pop(key) for key in dead]
