"""Plays a recording to the simulator: the same requests at the same moments, and what became of each.

The clock follows the recorded Date headers. A service takes its own time, so around a moment at which the recording
shows a state, the clock stops a little earlier or goes on a little longer to see that state. A state that never comes,
or that others hide, is a difference: so the sequences of states agree, whatever their lengths.
"""

import json
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from itertools import takewhile

from simulator import arm
from simulator.arm.access import OPERATOR
from simulator.azure import LocalAzure
from simulator.wire import Request, Response
from simulator.world import World
from tests.truth import faults, scene
from tests.truth.compare import differences
from tests.truth.recording import Exchange, state_of

PATIENCE = timedelta(minutes=40)  # how much longer than recorded something may take
LESS_PATIENCE = timedelta(minutes=1)  # for what is not polled
LOOKS = 3
STEP = timedelta(seconds=5)
STRANGER = "stranger"  # who asks where the recording says 403
MOMENT = timedelta(microseconds=1)


@dataclass
class Outcome:
    """One exchange and how our answer differs. started: its operation's beginning was replayed, or it needs none."""

    exchange: Exchange
    differences: list[str] = field(default_factory=list)
    started: bool = True


def replay(exchanges: list[Exchange]) -> list[Outcome]:
    """What became of each exchange of a recording."""
    return Replay(exchanges).outcomes()


class Replay:
    """One run of a recording against a world of its own."""

    def __init__(self, exchanges: list[Exchange]) -> None:
        self.exchanges = exchanges
        self.azure, self.names = scene.build(exchanges)
        self.late = timedelta()

    def outcomes(self) -> list[Outcome]:
        found = []
        for place, exchange in enumerate(self.exchanges):
            if not self._has_begun(exchange):
                found.append(Outcome(exchange, started=False))
                continue
            scene.meanwhile(self.azure, self.names, exchange, exchange.at + self.late, self._try)
            self._meet(place)
            faults.plant(self.azure, self.exchanges, place)
            ours = self.azure.handle(self._request(exchange))
            self._agree()
            self._learn(exchange, ours)
            found.append(Outcome(exchange, differences(exchange, ours)))
        return found

    def _has_begun(self, exchange: Exchange) -> bool:
        """Whether the operation or job that this asks for began in an exchange that was replayed."""
        if is_operation(exchange):
            return self.names.is_known(exchange.url)
        is_job = exchange.method == "GET" and "/backupjobs/" in exchange.path.lower() and is_played(exchange)
        return not is_job or self.names.knows(exchange.path.rpartition("/")[2])

    def _learn(self, exchange: Exchange, ours: Response) -> None:
        for name in ("azure-asyncoperation", "location"):
            if name in exchange.headers and name in ours.headers:
                self.names.learn_url(exchange.headers[name], ours.headers[name])
        self.names.learn_body(exchange.body, ours.json())

    def _request(self, exchange: Exchange) -> Request:
        caller = STRANGER if exchange.status == 403 else OPERATOR
        headers = {"authorization": f"Bearer simulated.{caller}", "aeg-sas-key": "key"} | exchange.request_headers
        body = self.names.body(exchange.request_body)
        data = b"" if body is None else json.dumps(body).encode()
        return Request(exchange.method, self.names.url(exchange.url), headers, data)

    # -- time --------------------------------------------------------------------------------------------------

    def _meet(self, place: int) -> None:
        """Let time pass until the moment of an exchange, give or take, so that its recorded state can be seen.

        Nothing happens that would take away a state that this exchange or one of the next looks will see.
        """
        exchange = self.exchanges[place]
        looks = [exchange, *takewhile(lambda each: each.method == "GET", self.exchanges[place + 1 : place + LOOKS])]
        moment = exchange.at + self.late
        while (due := self.azure.world.next_due()) and due <= moment:
            shown = [each for each in looks if self._shows(each)]
            before = copy_of(self.azure.world) if shown else None
            self.azure.advance_to(due)
            if before and not all(self._shows(each) for each in shown):
                self.azure.world = before
                self.azure.advance_to(due - MOMENT)
                break
        else:
            self.azure.advance_to(max(moment, self.azure.now))
        self._wait_for(exchange)

    def _wait_for(self, exchange: Exchange) -> None:
        """Wait until the recorded state is there; whatever comes after is as much later. Give up after a while."""
        patience = PATIENCE if exchange.method == "GET" else LESS_PATIENCE
        before, began = copy_of(self.azure.world), self.azure.now
        while not self._shows(exchange):
            if self.azure.now >= began + patience:
                self.azure.world = before
                return
            due = self.azure.world.next_due() or began + patience
            self.azure.advance_to(min(max(due, self.azure.now + MOMENT), self.azure.now + STEP))
        self.late += self.azure.now - began

    def _shows(self, exchange: Exchange) -> bool:
        if faults.is_played(exchange) or exchange.status == 403:
            return True
        ours = self._try(exchange)
        if ours.status == HTTPStatus.NOT_IMPLEMENTED:
            return True
        return state_of(ours.status, ours.json()) == exchange.state

    def _agree(self) -> None:
        """Let every endpoint that Event Grid asks agree to get events."""
        for attempt in self.azure.delivery.take(self.azure.world):
            question = json.loads(attempt.body or b"[{}]")[0]
            code = (question.get("data") or {}).get("validationCode")
            body = json.dumps({"validationResponse": code}).encode()
            self.azure.delivery.answered(self.azure.world, attempt, 200, headers={}, body=body)

    def _try(self, exchange: Exchange) -> Response:
        """Our answer, without anything that it changes."""
        if exchange.method == "GET":
            return self.azure.handle(self._request(exchange))
        return LocalAzure(copy_of(self.azure.world)).handle(self._request(exchange))


def is_operation(exchange: Exchange) -> bool:
    """Whether this asks for a long operation or its result."""
    places = ("/operationstatus/", "/operationresults/", "/azureasyncoperation/", "/operationsstatus/")
    return exchange.method == "GET" and any(place in exchange.path.lower() for place in places)


def is_played(exchange: Exchange) -> bool:
    """Whether some operation here answers this."""
    return arm.ROUTER.find(exchange.method, exchange.path) is not None


def copy_of(world: World) -> World:
    """A world to go back to. What can be computed again is left out."""
    derived, world.derived = world.derived, {}
    try:
        return deepcopy(world)
    finally:
        world.derived = derived
