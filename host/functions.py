"""The functions of an app as a host sees them, and how one is run: payloads made by Microsoft's own converters.

A function's only parameter is its trigger: outputs, inputs and `context` are refused by name when the app is read.
"""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import azure.functions as func
from azure.functions.decorators.function_app import Function
from azure.functions.eventgrid import EventGridEventInConverter
from azure.functions.meta import Datum
from azure.functions.queue import QueueMessageInConverter
from azure.functions.timer import TimerRequestConverter
from azure.storage.queue import QueueMessage

from host import payloads
from host.ncrontab import Schedule, read_schedule
from host.settings import resolve
from host.triggers import EVENT_GRID, HTTP, QUEUE, TIMER


@dataclass(frozen=True)
class TriggeredFunction:
    """One function: its name, what starts it, and for a queue or timer which queue or schedule."""

    name: str
    trigger: str
    parameter: str
    body: Callable[..., Any]
    queue_name: str = ""
    schedule: Schedule | None = None

    def run(self, payload: object) -> None:
        """Call the function as the worker does, asynchronous ones on a loop of their own.

        Raises what the function raises, and TypeError when it returns something that no binding takes.
        """
        returned = self.body(**{self.parameter: payload})
        if inspect.isawaitable(returned):
            returned = asyncio.run(_finished(returned))
        if returned is not None:
            msg = f"function {self.name} without a $return binding returned a non-None value"
            raise TypeError(msg)


async def _finished(awaitable: Any) -> Any:
    return await awaitable


def read_functions(app: func.FunctionApp, settings: Mapping[str, str]) -> list[TriggeredFunction]:
    """The app's functions in their order. Raises ValueError for what this host or the real one cannot start."""
    app.functions_bindings = None  # what an earlier host read; with it every name would count as a duplicate
    return [_read(function, settings) for function in app.get_functions()]


def _read(function: Function, settings: Mapping[str, str]) -> TriggeredFunction:
    name, trigger = str(function.get_function_name()), function.get_trigger()
    if trigger is None:
        msg = f"function {name} has no trigger"
        raise ValueError(msg)
    kind, body = str(trigger.get_binding_name()), function.get_user_function()
    extra = {p for p in inspect.signature(body).parameters if p != trigger.name}
    if kind not in (EVENT_GRID, QUEUE, TIMER, HTTP) or (extra and kind != HTTP):
        msg = f"function {name}: this host does not play {kind} with {', '.join(sorted(extra)) or 'itself'}"
        raise ValueError(msg)
    text = getattr(trigger, "queue_name", "") or getattr(trigger, "schedule", "")
    try:
        resolved = resolve(text, settings)
        schedule = read_schedule(resolved) if kind == TIMER else None
    except ValueError as mistake:
        msg = f"function {name}: {mistake}"
        raise ValueError(msg) from mistake
    return TriggeredFunction(name, kind, trigger.name, body, resolved if kind == QUEUE else "", schedule)


def event_payload(event: Mapping[str, Any]) -> Any:
    """One event in either schema, as the worker hands it to a function."""
    return EventGridEventInConverter.decode(_datum(payloads.event(event)), trigger_metadata=None)


def timer_payload(past_due: bool) -> Any:
    """A timer request without schedule status: this host keeps no record of earlier runs."""
    return TimerRequestConverter.decode(_datum(payloads.timer(None, past_due=past_due)), trigger_metadata=None)


def message_payload(message: QueueMessage, body: bytes) -> Any:
    """A queue message as the worker hands it to a function: text if it is text, with all its metadata."""
    datum = payloads.message(body)
    metadata = {name: _datum(value) for name, value in payloads.message_metadata(message, datum).items()}
    return QueueMessageInConverter.decode(_datum(datum), trigger_metadata=metadata)


def _datum(datum: payloads.Datum) -> Datum:
    return Datum(datum.value, datum.kind)
