"""A custom Event Grid topic: takes what publishers send, validates it as Event Grid does, and keeps it.

Both schemas are taken, by content type; a real topic has one input schema, and two topics would be two objects.

**Source**: Microsoft, "Azure Event Grid event schema", "CloudEvents v1.0 schema", "Post to a custom topic" (statuses,
the limit of 1 MB). Assumed: the codes and words of its refusals.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from simulator import identity
from simulator.wire import ArmError, Json, Request, Response

LARGEST_REQUEST = 1024 * 1024
CLOUD_TYPES = ("application/cloudevents+json", "application/cloudevents-batch+json")
REQUIRED = {
    "grid": ("id", "subject", "data", "eventType", "eventTime", "dataVersion"),
    "cloud": ("id", "source", "type", "specversion"),
}


@dataclass(frozen=True)
class Published:
    """One event as it was sent, and when it came."""

    at: datetime
    event: Json


class CustomTopic:
    """What was published, in order. Time is what `now()` says; `forward` hears host name and events of each call."""

    def __init__(self, now: Callable[[], datetime], forward: Callable[[str, list[Json]], None] | None = None) -> None:
        self._now, self._forward = now, forward
        self.log: list[Published] = []

    @property
    def received(self) -> list[Json]:
        """The events alone, in the order of arrival."""
        return [published.event for published in self.log]

    def handle(self, request: Request) -> Response:
        """Answer one publication: 200 with no body, or a refusal; a batch is taken whole or not at all."""
        try:
            events = _events(request)
        except ArmError as refusal:
            return refusal.response()
        self.log += [Published(self._now(), event) for event in events]
        if self._forward:
            self._forward(request.host, events)
        return Response(200, {"content-length": "0"})


def _events(request: Request) -> list[Json]:
    _require_caller(request)
    if request.method != "POST" or request.path != "/api/events":
        raise ArmError(404, "NotFound", "The requested resource was not found.")
    if "api-version" not in request.query:
        raise ArmError(400, "BadRequest", "The api-version query parameter is missing.")
    if len(request.body) > LARGEST_REQUEST:
        words = f"The maximum size ({LARGEST_REQUEST}) has been exceeded."
        raise ArmError(413, "PayloadTooLarge", words)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    events = _read(request, single=kind == CLOUD_TYPES[0])
    for event in events:
        _require_schema(event, "cloud" if kind in CLOUD_TYPES else "grid")
    return events


def _read(request: Request, single: bool) -> list[Json]:
    try:
        value = request.json()
    except ValueError:
        value = None
    events = [value] if single else value
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise ArmError(400, "BadRequest", "This resource is configured for events that the request does not contain.")
    return events


def _require_schema(event: Json, schema: str) -> None:
    missing = [name for name in REQUIRED[schema] if event.get(name) is None and not (name == "data" and name in event)]
    if missing:
        words = f"This resource is configured for another schema: the event lacks {', '.join(missing)}."
        raise ArmError(400, "BadRequest", words)
    if schema == "cloud" and event["specversion"] != "1.0":
        raise ArmError(400, "BadRequest", f"specversion must be 1.0, not {event['specversion']}.")


def _require_caller(request: Request) -> None:
    """A bearer token for Event Grid, or any key: the topic does not know which keys exist. Assumed: the 401's words."""
    if request.headers.get("aeg-sas-key") or request.headers.get("aeg-sas-token"):
        return
    try:
        identity.examine(request, identity.EVENT_GRID)
    except identity.TokenRefusedError as refused:
        words = f"The request did not contain a valid token or key ({refused.reason})."
        raise ArmError(401, "Unauthorized", words, headers={"www-authenticate": "Bearer"}) from None
