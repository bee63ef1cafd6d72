"""What a worker is given for one invocation, in the shapes that the real host sends. Pure.

Used by both hosts: the in-process one turns a `Datum` into Microsoft's converters' own, the other sends it as JSON.

**Source**: azure-functions-host `GrpcMessageConversionExtensions.cs`: texts and bytes as they are, everything else as
JSON (so a dequeue count and times are JSON, ids are texts); azure-functions 2.3 `queue.py`, `timer.py`, `http.py`.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from azure.storage.queue import QueueMessage


class Datum(NamedTuple):
    """One value on its way to or from the worker. `kind` is string, bytes, json or http."""

    kind: str
    value: Any


def text(value: str) -> Datum:
    """A text as it is."""
    return Datum("string", value)


def as_json(value: object) -> Datum:
    """A value as JSON."""
    return Datum("json", json.dumps(value))


def event(body: Mapping[str, Any]) -> Datum:
    """One event of either schema."""
    return as_json(body)


def timer(status: Mapping[str, str] | None, *, past_due: bool) -> Datum:
    """A timer request; status: Last, Next and LastUpdated, None where no monitor keeps them."""
    return as_json({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due})


def message(body: bytes) -> Datum:
    """The body of a queue message: text if it is text."""
    try:
        return text(body.decode())
    except UnicodeDecodeError:
        return Datum("bytes", body)


def message_metadata(found: QueueMessage, body: Datum) -> dict[str, Datum]:
    """Everything that a function may ask about its queue message."""
    return {
        "QueueTrigger": body,
        "Id": text(found.id),
        "DequeueCount": as_json(found.dequeue_count),
        "InsertionTime": as_json(_iso(found.inserted_on)),
        "ExpirationTime": as_json(_iso(found.expires_on)),
        "NextVisibleTime": as_json(_iso(found.next_visible_on)),
        "PopReceipt": text(found.pop_receipt or ""),
    }


def http_request(
    method: str, url: str, headers: Mapping[str, str], query: Mapping[str, str], route: Mapping[str, str], body: bytes
) -> Datum:
    """An HTTP request: header names in lower case, empty query values dropped."""
    return Datum(
        "http",
        {
            "method": text(method),
            "url": text(url),
            "headers": {name.lower(): text(value) for name, value in headers.items()},
            "query": {name: text(value) for name, value in query.items() if value},
            "params": {name: text(value) for name, value in route.items()},
            "body": Datum("bytes", body),
        },
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
