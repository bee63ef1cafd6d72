"""The local Azure as one object: services by host name, one clock, a log of every call.

This is the only file that knows all services. Faults of a call (throttled, lost, applied but unanswered) happen here,
so that every service has them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from simulator import arm, call_faults, identity, storage_faults, sudden
from simulator.arm.access import OPERATORS
from simulator.call_faults import AnswerLost
from simulator.delivery import Delivery
from simulator.fault_names import FAULTS, of_place
from simulator.faults import CALL_FAULTS, GUARD, Fault, Faults
from simulator.grid import CustomTopic
from simulator.storage.blob import BlobService
from simulator.storage.queue import QueueService
from simulator.storage.table import TableService
from simulator.wire import Json, Request, Response, http_date, json_response
from simulator.world import World

DEATHS = of_place("death")


class Crash(BaseException):
    """The caller's process dies here. Not an Exception, so that nothing in the caller can catch it."""


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
    faults: Callable[[], Faults] = field(default=Faults, compare=False, repr=False)

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        """A token; raises ClientAuthenticationError while the identity endpoint is down."""
        if self.faults().take("identity_down", self.principal_id):
            raise ClientAuthenticationError("ManagedIdentityCredential: the identity endpoint does not answer")
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
        return SimulatedCredential(principal_id, lambda: self.world.faults)

    def handle(self, request: Request) -> Response:
        """Answer one request to any service. Raises AnswerLost when nobody answers, Crash when the caller dies."""
        operation = self._operation(request)
        caller = identity.claimed_principal(request.headers.get("authorization", ""))
        subject, spared = f"{operation} {request.path}", caller in OPERATORS
        sudden.take(self.world, subject, spared=spared)
        death = self.world.faults.take(DEATHS, subject, spared=spared)
        if death and death.kind == "crash_before":
            raise Crash(subject)
        fault = self._fault(subject, spared)
        response = self._answer(request, subject, fault, spared)
        status = 0 if isinstance(response, AnswerLost) else response.status
        correlation = request.headers.get("x-ms-correlation-request-id", "")
        self.log.append(
            LoggedCall(self.now, operation, request.method, request.path, status, caller, request.body, correlation)
        )
        if death:
            raise Crash(subject)
        if isinstance(response, AnswerLost):
            raise response
        response.headers.setdefault("date", http_date(self.now))
        return response

    def _answer(self, request: Request, subject: str, fault: Fault | None, spared: bool) -> Response | AnswerLost:
        """What the caller hears, with or without the call being carried out."""
        if fault and FAULTS[fault.kind].place != "applied":
            return call_faults.lost(fault, request) or call_faults.answer(self.world, fault, request)
        response = storage_faults.carry_out(self, request, subject, self._dispatch)
        if fault:
            return call_faults.lost(fault, request) or call_faults.answer(self.world, fault, request)
        kinds = call_faults.ALTERED
        if "azure-asyncoperation" in response.headers and request.method != "GET":
            kinds += call_faults.STARTED
        for spoiling in self.world.faults.take_all(kinds, subject, spared=spared):
            response = call_faults.spoilt(self.world, spoiling, response)
        return response

    def _fault(self, subject: str, spared: bool) -> Fault | None:
        """The fault that this call meets. A guard stands for its hours, from its first refusal on."""
        while fault := self.world.faults.take(CALL_FAULTS, subject, spared=spared):
            lasts_s = float(fault.detail.get("hours", call_faults.GUARD_HOURS)) * 3600
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
