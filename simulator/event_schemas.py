"""Writes an event as Event Grid sends it: in its own schema or as a CloudEvent, delivered or dead-lettered.

It turns values into values; who gets them when is `event_mail.py` and `delivery.py`.

**Source**: Microsoft, "CloudEvents v1.0 schema with Azure Event Grid", "Event Grid message delivery and retry"
(dead-letter events); the samples `resource_write_success` in both schemas.
"""

import json
from typing import Any

from simulator.wire import Json

GRID, CLOUD = "EventGridSchema", "CloudEventSchemaV1_0"
CONTENT_TYPES = {
    (GRID, True): "application/json; charset=utf-8",
    (GRID, False): "application/json; charset=utf-8",
    (CLOUD, True): "application/cloudevents-batch+json; charset=utf-8",
    (CLOUD, False): "application/cloudevents+json; charset=utf-8",
}
"""By schema, and whether the body is a batch."""


def in_schema(event: Json, schema: str) -> Json:
    """The event as an event subscription wants it; an event published as a CloudEvent stays one."""
    if schema != CLOUD or "specversion" in event:
        return event
    return {
        "source": event["topic"],
        "subject": event["subject"],
        "type": event["eventType"],
        "time": event["eventTime"],
        "id": event["id"],
        "data": event["data"],
        "specversion": "1.0",
    }


def body_of(events: list[Json], schema: str, *, batched: bool) -> tuple[bytes, str]:
    """The body of one request and its content type.

    Event Grid's schema is always sent as a list. Assumed: a CloudEvent goes alone as an object, and as a list once
    batching is on, even a list of one.
    """
    written: Any = [in_schema(event, schema) for event in events]
    if schema == CLOUD and not batched:
        written = written[0]
    return json.dumps(written).encode(), CONTENT_TYPES[schema, batched]


def versions(event: Json) -> tuple[str, str]:
    """The versions of data and metadata that the headers repeat; a CloudEvent has no version of its data."""
    if "specversion" in event:
        return "", str(event["specversion"])
    return str(event.get("dataVersion", "")), str(event.get("metadataVersion", "1"))


def dead_letter(item: Json, schema: str) -> Json:
    """An undelivered event with why and when, as it is written into the blob.

    Assumed: `lastdeliveryattempttime` of a CloudEvent, which Microsoft's sample leaves out.
    """
    facts = {
        "deadLetterReason": item["reason"],
        "deliveryAttempts": item["attempts"],
        "lastDeliveryOutcome": item["outcome"],
        "publishTime": item["published"],
        "lastDeliveryAttemptTime": item["last"],
    }
    event = in_schema(item["event"], schema)
    if "specversion" in event:
        facts = {name.lower(): value for name, value in facts.items()}
    return event | facts
