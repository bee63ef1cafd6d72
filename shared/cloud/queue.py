"""Sends to a storage queue, at once or later, and takes from one. An output binding has no delay.

One request over the pipeline that is loaded anyway, instead of azure-storage-queue, which would bring aiohttp and
0.3 s of imports into the first answer after a cold start (docs/decisions/0005).
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import ContentDecodePolicy
from azure.core.rest import HttpRequest

from shared.cloud.clients import STORAGE_VERSION, Cloud
from shared.cloud.errors import translated

MOST_WRAPPED = 2  # somebody may encode what is encoded already
MOST_TAKEN = 32  # Source: Get Messages: at most 32 at a time
HELD_S = 300
LONGEST_DELAY_S = 7 * 86_400 - 1  # Source: Put Message: a visibility timeout is at most seven days
CREATED = 201
_NOT_FOUND, _REFUSED = 404, 400


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that nobody else sees for five minutes. receipt: proves that it is ours to delete."""

    id: str
    receipt: str
    body: bytes


def send(cloud: Cloud, queue: str, message: Mapping[str, Any], after_s: float = 0.0) -> None:
    """Put one JSON message on a queue; nobody sees it before `after_s` seconds have passed.

    The message never expires. Raises CloudError; sending again may double the message, which does no harm.
    """
    text = base64.b64encode(msgspec.json.encode(message)).decode()  # base64: what the Functions host expects
    delay_s = min(max(round(after_s), 0), LONGEST_DELAY_S)
    request = HttpRequest(
        "POST",
        f"{cloud.settings.queue_endpoint}/{queue}/messages?visibilitytimeout={delay_s}&messagettl=-1",
        headers={"x-ms-version": STORAGE_VERSION, "Content-Type": "application/xml"},
        content=f"<QueueMessage><MessageText>{text}</MessageText></QueueMessage>",
    )
    with translated():
        response = cloud.queues.send_request(request)
        if response.status_code != CREATED:
            raise HttpResponseError(response=response)


def take(cloud: Cloud, queue: str) -> tuple[Taken, ...]:
    """The next messages of a queue, none when there is no such queue. Raises CloudError."""
    address = f"{cloud.settings.queue_endpoint}/{queue}/messages?numofmessages={MOST_TAKEN}&visibilitytimeout={HELD_S}"
    request = HttpRequest("GET", address, headers={"x-ms-version": STORAGE_VERSION})
    with translated():
        response = cloud.queues.send_request(request)
        if response.status_code == _NOT_FOUND:
            return ()
        if response.status_code >= _REFUSED:
            raise HttpResponseError(response=response)
        listed = ContentDecodePolicy.deserialize_from_text(response.text(), "application/xml")
    return tuple(_taken(element) for element in listed.iter("QueueMessage"))


def _taken(element: Any) -> Taken:
    body = plain((element.findtext("MessageText") or "").encode())
    return Taken(element.findtext("MessageId") or "", element.findtext("PopReceipt") or "", body)


def plain(text: bytes) -> bytes:
    """What a message says, whether its sender wrote it in base64 or as it is: JSON objects are never base64.

    Source: Event Grid has done both (azure-docs issues 69702 and 102923); the host hands over what it finds.
    """
    for _ in range(MOST_WRAPPED):
        try:
            text = base64.b64decode(text.strip(), validate=True)
        except ValueError:
            return text
    return text


def done(cloud: Cloud, queue: str, taken: Taken) -> None:
    """Remove a message that was taken; that it is gone already is as good. Raises CloudError."""
    address = f"{cloud.settings.queue_endpoint}/{queue}/messages/{taken.id}?popreceipt={quote(taken.receipt)}"
    request = HttpRequest("DELETE", address, headers={"x-ms-version": STORAGE_VERSION})
    with translated():
        response = cloud.queues.send_request(request)
        if response.status_code >= _REFUSED and response.status_code != _NOT_FOUND:
            raise HttpResponseError(response=response)
