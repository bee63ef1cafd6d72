"""The local Azure as one object: services by host name, one clock, a log of every call.

This is the only file that knows all services. Faults of a call (throttled, lost, applied but unanswered) are played
here, so that every service has them.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from azure.core.credentials import AccessToken

from simulator import arm, identity
from simulator.arm.dataprotection import errors, problems
from simulator.delivery import Delivery
from simulator.faults import CALL_FAULTS, GUARD, Fault
from simulator.grid import CustomTopic
from simulator.storage.blob import BlobService
from simulator.storage.queue import QueueService
from simulator.storage.table import TableService
from simulator.wire import Json, Request, Response, http_date, json_response
from simulator.world import World

GUARD_HOURS = 4  # Assumed: the refusal says "after few hours"
GATEWAY = {"x-ms-failure-cause": "gateway"}
THROTTLED = "The request is being throttled as the limit has been reached for operation type."
TIMED_OUT = "The gateway did not receive a response from the resource provider within the specified time period."


class AnswerLost(Exception):
    """The connection broke; a face turns it into its own kind of network error."""


@dataclass(frozen=True)
class LoggedCall:
    """One call that reached the local Azure.

    operation: the ARM action, or `queue`/`table`/`blob`/`grid` and the verb. correlation: as the caller named it.
    """

    at: datetime
    operation: str
    method: str
    path: str
    status: int
    caller: str
    body: bytes
    correlation: str = ""


@dataclass(frozen=True)
class SimulatedCredential:
    """Stands for a signed-in principal, in process: the Azure clients take it as any other credential."""

    principal_id: str

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken(f"simulated.{self.principal_id}", int(time.time()) + 86_400)


class LocalAzure:
    """Everything that the product talks to. Virtual time passes only through `advance` and `advance_to`."""

    def __init__(self, world: World | None = None) -> None:
        self.blobs = BlobService(lambda: self.world.now)
        self.world = world or World()
        self.queues = QueueService(lambda: self.world.now)
        self.tables = TableService(lambda: self.world.now)
        self.delivery = Delivery(self._enqueue, self._store_dead_letter)
        self.topic = CustomTopic(lambda: self.world.now, self._forward)
        self.log: list[LoggedCall] = []

    @property
    def world(self) -> World:
        """Everything but storage. Whichever world is put here writes its blobs into this account."""
        return self._world

    @world.setter
    def world(self, world: World) -> None:
        world.blobs = self.blobs
        self._world = world

    @property
    def now(self) -> datetime:
        return self.world.now

    def next_due(self) -> datetime | None:
        """When something happens next by itself: in the world, or a queue message that becomes visible."""
        return min(filter(None, (self.world.next_due(), self.queues.next_visible())), default=None)

    def advance(self, seconds: float) -> None:
        self.advance_to(self.now + timedelta(seconds=seconds))

    def advance_to(self, moment: datetime) -> None:
        self.world.advance_to(moment)

    def _forward(self, host: str, events: list[Json]) -> None:
        """Hand what was published to a custom topic to its event subscriptions."""
        self.delivery.publish(self.world, host, events)

    def _enqueue(self, queue: str, text: str) -> int:
        return self.queues.put_text(queue, text)

    def _store_dead_letter(self, container: str, name: str, content: bytes) -> None:
        """Write a dead letter. Raises KeyError when the container is not there: Event Grid makes none."""
        self.blobs.write(container, name, content, "application/json")

    def credential(self, principal_id: str) -> SimulatedCredential:
        return SimulatedCredential(principal_id)

    def handle(self, request: Request) -> Response:
        """Answer one request to any service. Raises AnswerLost when the connection breaks."""
        operation = self._operation(request)
        fault = self._fault(f"{operation} {request.path}")
        response = self._refusal(fault) if fault else None
        if response is None:
            response = self._dispatch(request)
            if fault:
                response = None if fault.kind == "reset_applied" else self._unavailable()
        elif fault and fault.kind == "reset":
            response = None
        status = response.status if response else 0
        caller = identity.claimed_principal(request.headers.get("authorization", ""))
        correlation = request.headers.get("x-ms-correlation-request-id", "")
        self.log.append(
            LoggedCall(self.now, operation, request.method, request.path, status, caller, request.body, correlation)
        )
        if response is None:
            raise AnswerLost(f"{request.method} {request.path}")
        response.headers.setdefault("date", http_date(self.now))
        return response

    def _fault(self, subject: str) -> Fault | None:
        """The fault that this call meets. A guard stands for its hours, from its first refusal on."""
        while fault := self.world.faults.take(CALL_FAULTS, subject):
            lasts_s = float(fault.detail.get("hours", GUARD_HOURS)) * 3600
            if fault.kind != GUARD or self.now.timestamp() < fault.detail.setdefault(
                "until", self.now.timestamp() + lasts_s
            ):
                return fault
            self.world.faults.waiting.remove(fault)
        return None

    def _operation(self, request: Request) -> str:
        kind = request.host.split(".")[1] if request.host.count(".") > 1 else ""
        if kind in ("queue", "table", "blob"):
            return f"{kind} {request.method.lower()}"
        if request.host.endswith("eventgrid.azure.net"):
            return "grid publish"
        return arm.action_of(request)

    def _dispatch(self, request: Request) -> Response:
        if request.host == "management.azure.com":
            return arm.handle(self.world, request)
        if ".queue." in request.host:
            return self.queues.handle(request)
        if ".table." in request.host:
            return self.tables.handle(request)
        if ".blob." in request.host:
            return self.blobs.handle(request)
        if request.host.endswith("eventgrid.azure.net"):
            is_link = request.path.startswith("/eventsubscriptions/")
            return self.delivery.open_link(self.world, request) if is_link else self.topic.handle(request)
        return json_response(502, {"error": {"code": "NoSuchHost", "message": f"nothing answers at {request.host}"}})

    def _refusal(self, fault: Fault) -> Response | None:
        """The answer of a fault that keeps the call from being carried out; None when it is carried out."""
        if fault.kind == "throttle":
            retry_after = {"retry-after": str(fault.detail.get("retry_after_s", 5))}
            return json_response(429, _error(fault, "TooManyRequests", THROTTLED), GATEWAY | retry_after)
        if fault.kind == "gateway_timeout":
            return json_response(504, _error(fault, "GatewayTimeout", TIMED_OUT), {"x-ms-failure-cause": "service"})
        if fault.kind == GUARD:
            return errors.refusal(self.world, problems.TOO_MANY_ATTEMPTS).response()
        return self._unavailable() if fault.kind in ("unavailable", "reset") else None

    def _unavailable(self) -> Response:
        return json_response(503, {"error": {"code": "ServiceUnavailable", "message": "The service is unavailable."}})


def _error(fault: Fault, code: str, message: str) -> Json:
    """The error of a refused call; a fault may have its own words.

    **Source**: arm-429-resourcerequeststhrottled, dp-vault-update-429-identity-2024-05-10,
    pg-server-504-gatewaytimeout.
    """
    return {"error": {"code": fault.detail.get("code", code), "message": fault.detail.get("message", message)}}
