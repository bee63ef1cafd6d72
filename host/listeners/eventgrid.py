"""The Event Grid webhook: the handshake, and one invocation for every event of a delivery, all at once.

**Source**: azure-sdk-for-net `Microsoft.Azure.WebJobs.Extensions.EventGrid/src/EventGridExtensionConfigProvider.cs`
and `TriggerBinding/HttpRequestProcessor.cs`. It knows no OPTIONS: a CloudEvents subscription of the webhook kind does
not get past its validation, one of the Azure function kind needs none.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from host import payloads
from host.invoker import Invoker
from host.triggers import EVENT_GRID

PATH = "/runtime/webhooks/eventgrid"


@dataclass(frozen=True)
class Answer:
    """What the webhook says."""

    status: int
    body: str = ""


class EventGridWebhook:
    """Plays the extension's endpoint. Whether the caller has the system key was seen to before."""

    def __init__(self, invoker: Invoker) -> None:
        self._invoker = invoker

    @property
    def functions(self) -> list[str]:
        """The functions that can be named."""
        return [name for name, function in self._invoker.functions.items() if function.trigger["type"] == EVENT_GRID]

    async def answer(self, function: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One request. headers: by names in lower case. 500 makes Event Grid deliver the whole batch again."""
        if function not in self.functions:
            return Answer(404, f"cannot find function: '{function}'")
        kind = headers.get("aeg-event-type", "").lower()
        if kind == "unsubscribe":
            return Answer(202)
        if kind not in ("subscriptionvalidation", "notification"):
            return Answer(400)
        try:
            sent = json.loads(body)
            if kind == "subscriptionvalidation":
                return Answer(200, json.dumps({"validationResponse": _code(sent)}))
            events = [dict(event) for event in (sent if isinstance(sent, list) else [sent])]
        except (ValueError, TypeError, LookupError) as mistake:
            return Answer(500, f"the request cannot be read: {mistake}")
        return await self._run(function, events)

    async def _run(self, function: str, events: list[dict[str, Any]]) -> Answer:
        runs = (self._invoker.run(function, payloads.event(event)) for event in events)
        for outcome in await asyncio.gather(*runs):
            if not outcome.ok:
                return Answer(500, f"Exception while executing function: Functions.{function}: {outcome.error}")
        return Answer(202)


def _code(sent: Any) -> str:
    """The code of a handshake: in the first event, or in a CloudEvent, whose data is JSON within a text."""
    if isinstance(sent, list):
        return str(sent[0]["data"]["validationCode"])
    data = sent["data"]
    return str((json.loads(data) if isinstance(data, str) else data)["validationCode"])
