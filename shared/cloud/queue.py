"""Sends to a storage queue, at once or later. All sending goes through here: an output binding has no delay.

One request over the pipeline that is loaded anyway, instead of azure-storage-queue, which would bring aiohttp and
0.3 s of imports into the first answer after a cold start (docs/decisions/0005).
"""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from shared.cloud.clients import STORAGE_VERSION, Cloud
from shared.cloud.errors import translated

LONGEST_DELAY_S = 7 * 86_400 - 1  # Source: Put Message: a visibility timeout is at most seven days
CREATED = 201


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
