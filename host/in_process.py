"""An Azure Functions host in this process and in virtual time: nothing happens unless it is asked for.

It answers "what would the real host do now": deliver this event, poll the queues once, fire this timer. It has no
clock, no thread and no socket; whoever drives it lets time pass. Microsoft's worker is stood in for by its own
converters and a plain call (`functions.py`), so a function can be stepped through and can die like a process.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import azure.functions as func
from azure.storage.queue import QueueServiceClient

from host.functions import TriggeredFunction, event_payload, read_functions, timer_payload
from host.queue_listener import QueueListener
from host.settings import QueueOptions
from host.triggers import EVENT_GRID, QUEUE, TIMER


@dataclass(frozen=True)
class Failure:
    """Something that went wrong: in which function, over what (event id, message id, timer), and why."""

    function: str
    subject: str
    error: Exception


class InProcessHost:
    """Runs the functions of one app.

    queues: the account of the queue triggers; give it `retry_total=0`, because here the next poll is the repetition,
    and the clients it hands out wait for a repetition in real time. host_json, settings: as deployed.
    failures: everything that went wrong, in order; nothing is swallowed. Raises ValueError for an app that the real
    host would not start, or that uses what this one does not play.
    """

    def __init__(
        self,
        app: func.FunctionApp,
        queues: QueueServiceClient,
        *,
        host_json: Mapping[str, Any],
        settings: Mapping[str, str],
    ) -> None:
        self.failures: list[Failure] = []
        self._functions = {function.name: function for function in read_functions(app, settings)}
        options = QueueOptions.read(host_json)
        self._listeners: dict[str, QueueListener] = {}
        for function in self._triggered_by(QUEUE):
            if function.queue_name in self._listeners:
                msg = f"function {function.name}: another function listens to the queue {function.queue_name}"
                raise ValueError(msg)
            self._listeners[function.queue_name] = QueueListener(function, queues, options, self._fail)

    @property
    def names(self) -> list[str]:
        """The names of all functions, also of those with triggers that nothing here sets off (HTTP)."""
        return list(self._functions)

    @property
    def queue_names(self) -> frozenset[str]:
        """The queues whose messages run a function."""
        return frozenset(self._listeners)

    def deliver(self, event: Mapping[str, Any]) -> int:
        """Give one event, in either schema, to every Event Grid trigger; 202, or 500 when a function raised.

        After a 500 Event Grid delivers the event again, to all of them.
        **Source**: azure-sdk-for-net `EventGrid/src/TriggerBinding/HttpRequestProcessor.cs`.
        """
        earlier = len(self.failures)
        for function in self._triggered_by(EVENT_GRID):
            self._run(function, str(event.get("id", "")), lambda: event_payload(event))
        return 202 if len(self.failures) == earlier else 500

    def poll(self, queue_names: Iterable[str] | None = None) -> int:
        """One round over the trigger queues, or over those named: a batch of each; how many messages were run.

        Raises KeyError for a queue that triggers nothing.
        """
        names = self._listeners if queue_names is None else queue_names
        return sum(self._listeners[name].poll() for name in names)

    def fire(self, timer_name: str, *, past_due: bool = False) -> bool:
        """Run a timer's function once; whether it succeeded. A failed run is not repeated, the schedule goes on.

        **Source**: azure-webjobs-sdk-extensions `Timers/Listener/TimerListener.cs`. Raises KeyError for no timer.
        """
        function = {timer.name: timer for timer in self._triggered_by(TIMER)}[timer_name]
        return self._run(function, timer_name, lambda: timer_payload(past_due))

    def next_timer(self, after: datetime) -> tuple[datetime, str] | None:
        """When the next timer fires, strictly after a time, and which; None without timers.

        Of several at one moment the first by name; ask `timers_due` for all of them.
        """
        return min(self._next_of_each(after), default=None)

    def timers_due(self, after: datetime, until: datetime) -> Iterator[tuple[datetime, str]]:
        """Every firing after one time, up to and including another, in the order of time and name."""
        while coming := self.next_timer(after):
            after = coming[0]
            if after > until:
                return
            yield from sorted(self._at(after))

    def _next_of_each(self, after: datetime) -> Iterator[tuple[datetime, str]]:
        for timer in self._triggered_by(TIMER):
            if timer.schedule and (at := timer.schedule.next_after(after)):
                yield at, timer.name

    def _at(self, moment: datetime) -> Iterator[tuple[datetime, str]]:
        just_before = moment - datetime.resolution
        return (each for each in self._next_of_each(just_before) if each[0] == moment)

    def _triggered_by(self, trigger: str) -> list[TriggeredFunction]:
        return [function for function in self._functions.values() if function.trigger == trigger]

    def _run(self, function: TriggeredFunction, subject: str, payload: Callable[[], object]) -> bool:
        try:
            function.run(payload())
        except Exception as error:  # noqa: BLE001 - a host outlives whatever an app raises
            self._fail(function.name, subject, error)
            return False
        return True

    def _fail(self, function: str, subject: str, error: Exception) -> None:
        self.failures.append(Failure(function, subject, error))
