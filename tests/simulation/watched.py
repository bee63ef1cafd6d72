"""The two wires of an instance of the app: its own to Azure, and its host's to the queues. Everything is seen here."""

import functools
import gzip
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, ServiceRequestError

from shared.cloud.clients import TIMEOUT_S
from simulator.transport import InProcessTransport

if TYPE_CHECKING:
    from tests.simulation.play import Play
    from tests.simulation.worker import Worker

READS = ("validateforbackup", "microsoft.resourcegraph/resources")
ROW = "PartitionKey='server-"
NEW_ROW = '"PartitionKey": "server-'


@dataclass
class Call:
    """A call of the app. status: 0 before it was answered, and when nobody answers. text: of its body.

    has_left: false when no connection could be made, so that nothing was sent.
    """

    at: datetime
    attempt: "Attempt"
    method: str
    host: str
    path: str
    text: str
    body: Any
    status: int = 0
    has_left: bool = True

    @functools.cached_property
    def is_arm(self) -> bool:
        return self.host == "management.azure.com"

    @functools.cached_property
    def is_row(self) -> bool:
        """Whether it is about the ledger's row of a server."""
        return ROW in self.path or (self.method == "POST" and NEW_ROW in self.text)

    @functools.cached_property
    def is_write(self) -> bool:
        """Whether it changes something in ARM: a validation and a query are POSTs that change nothing."""
        return self.is_arm and self.method != "GET" and not self.path.lower().endswith(READS)


@dataclass
class Attempt:
    """One run of a function by one process: what it asked, what it wrote down, how long it waited for answers.

    what: the function's trigger. row: the ledger's row of the server that it works on. rests_until: the latest time
    before which an answer has asked not to come back. is_free_of_rest: another message about the row, which took over
    while this one waited for an answer, was asked to rest. has_settled: it has given the row back.
    """

    what: str
    calls: list[Call] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    waited_s: float = 0.0
    slept_s: float = 0.0
    row: str = ""
    rests_until: datetime | None = None
    is_free_of_rest: bool = False
    has_settled: bool = False

    def wrote(self, *facts: str) -> bool:
        return any(fact["fact"] in facts for fact in self.facts)


class Watched(InProcessTransport):
    """Carries the calls of one instance of the app, and lets others take their turn in the middle of one."""

    def __init__(self, play: "Play", worker: "Worker") -> None:
        super().__init__(play.azure)
        self.play, self.worker = play, worker

    def send(self, request: Any, **options: Any) -> Any:
        play, attempt = self.play, self.worker.attempt
        target, text = urlsplit(request.url), _text(request)
        body = _json(text) if target.netloc.startswith("management") else None
        call = Call(play.azure.now, attempt, request.method, target.netloc, target.path, text, body)
        if ROW in target.path:
            attempt.row = target.path
        play.check(call)
        attempt.calls.append(call)
        play.meddle(self.worker)
        began = play.azure.now
        try:
            answer = super().send(request, **({"read_timeout": TIMEOUT_S} | options))
        except AzureError as error:
            attempt.waited_s += (play.azure.now - began).total_seconds()
            call.has_left = not isinstance(error, ServiceRequestError)
            play.tell_call(self.worker, call, type(error).__name__)
            raise
        call.status = answer.status_code
        play.tell_call(self.worker, call, str(call.status))
        play.check(call, answer)
        return answer

    def sleep(self, duration: float) -> None:
        """A sweep may rest between two pages of Resource Graph, for seconds; nothing else waits."""
        self.worker.attempt.slept_s += duration
        super().sleep(duration)


class HostWire(InProcessTransport):
    """Carries the calls of one instance's host: each of them stands between two runs of a function."""

    def __init__(self, play: "Play", worker: "Worker") -> None:
        super().__init__(play.azure)
        self.play, self.worker = play, worker

    def send(self, request: Any, **options: Any) -> Any:
        path = urlsplit(request.url).path
        if request.method == "DELETE":
            self.play.ended(self.worker)
        gives_up = request.method == "POST" and "-poison/" in path
        self.worker.attempt = Attempt("given_up" if gives_up else "message")
        if gives_up:
            self.play.tell(f"host {self.worker.number}", "gives a message up as poison")
        answer = super().send(request, **({"read_timeout": TIMEOUT_S} | options))
        self.play.counts["poison"] += gives_up and answer.status_code == 201
        return answer


def _text(request: Any) -> str:
    body = getattr(request, "content", None) or getattr(request, "data", None) or getattr(request, "body", None) or b""
    if isinstance(body, bytes):
        body = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
        return body.decode(errors="replace")
    return str(body)


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
