"""What Microsoft's worker does not look at when it loads an app, and a host finds out too late. Pure.

Cron syntax, settings that do not resolve, connections, queue names, routes, two functions on one queue, and what this
host does not play. Every problem names the function, its file and what is valid.

**Source**: Microsoft, "Naming queues and metadata"; azure-functions-host `Utility.cs` (names of functions).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

from host import connections
from host.ncrontab import read_schedule
from host.routes import read_route
from host.settings import resolve
from host.triggers import EVENT_GRID, HTTP, QUEUE, TIMER
from host.worker.parent import IndexedFunction

QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
FUNCTION_NAME = re.compile(r"[a-z][a-z0-9_-]{0,127}", re.IGNORECASE)
QUEUE_RULE = "3 to 63 lower-case letters, digits and single hyphens, with a letter or digit at both ends"
CRON_RULE = "valid are six fields: second minute hour day month day-of-week, as in 0 */15 * * * *"
PLAYED = {EVENT_GRID, QUEUE, TIMER, HTTP, "queue", "http"}
RESERVED = ("admin", "runtime")


def problems(functions: Iterable[IndexedFunction], settings: Mapping[str, str], route_prefix: str) -> list[str]:
    """Everything that would keep this app from doing what it says; empty for an app that can start."""
    functions = list(functions)
    found = [f"{_where(f)}: {problem}" for f in functions for problem in _of_one(f, settings, route_prefix)]
    return found + list(_shared_queues(functions, settings)) + list(_shared_routes(functions, route_prefix))


def _where(function: IndexedFunction) -> str:
    return f"{function.script or 'function_app.py'}, function {function.name}"


def _of_one(function: IndexedFunction, settings: Mapping[str, str], route_prefix: str) -> Iterator[str]:
    if not FUNCTION_NAME.fullmatch(function.name):
        yield "the name is not valid; valid is a letter, then letters, digits, _ and -, 128 at most"
    if function.retries and function.trigger["type"] != TIMER:
        yield "a retry policy does nothing here; valid is none (the trigger's own repetition), or a timer trigger"
    elif function.retries:
        yield "this host does not play retry policies; remove it to run here"
    for binding in function.bindings:
        kind = binding["type"]
        if kind not in PLAYED:
            yield f"this host does not play {kind}; valid are {', '.join(sorted(PLAYED))}"
        elif unresolved := list(_unresolved(binding, settings)):
            yield from unresolved
        else:
            yield from _of_binding(binding, settings)
    if function.trigger["type"] == HTTP:
        yield from _of_route(function, route_prefix)


def _unresolved(binding: Mapping[str, Any], settings: Mapping[str, str]) -> Iterator[str]:
    for key, text in binding.items():
        try:
            resolve(text if isinstance(text, str) else "", settings)
        except ValueError as mistake:
            yield f"{key}: {mistake}; set it in local.settings.json or in the environment"


def _of_binding(binding: Mapping[str, Any], settings: Mapping[str, str]) -> Iterator[str]:
    if binding["type"] == TIMER:
        try:
            read_schedule(resolve(binding["schedule"], settings))
        except ValueError as mistake:
            yield f"schedule: {mistake}; {CRON_RULE}"
    if binding["type"] in (QUEUE, "queue"):
        name = resolve(binding["queueName"], settings)
        if not QUEUE_NAME.fullmatch(name):
            yield f"queueName: {name!r} is no queue name; valid are {QUEUE_RULE}"
        connection = binding.get("connection") or connections.DEFAULT
        if not connections.find(connection, settings):
            yield (
                f"connection: no setting says where {connection!r} is; valid are {connection}__queueServiceUri "
                f"(identity), {connection}__accountName (identity) or a connection string in {connection}"
            )


def _of_route(function: IndexedFunction, prefix: str) -> Iterator[str]:
    try:
        route = read_route(function, prefix)
    except ValueError as mistake:
        yield str(mistake)
        return
    if route.template.split("/")[0].lower() in RESERVED:
        yield f"route {route.template!r} is the host's own; valid is any that does not begin with {', '.join(RESERVED)}"


def _shared_queues(functions: Iterable[IndexedFunction], settings: Mapping[str, str]) -> Iterator[str]:
    listening: dict[tuple[str, str], IndexedFunction] = {}
    for function in functions:
        trigger = function.trigger
        if trigger["type"] != QUEUE or list(_unresolved(trigger, settings)):
            continue
        name = resolve(trigger["queueName"], settings)
        other = listening.setdefault((trigger.get("connection") or connections.DEFAULT, name), function)
        if other is not function:
            yield f"{_where(function)}: {other.name} listens to the queue {name!r}; valid is one function per queue"


def _shared_routes(functions: Iterable[IndexedFunction], prefix: str) -> Iterator[str]:
    routes = [
        (function, read_route(function, prefix))
        for function in functions
        if function.trigger["type"] == HTTP and not list(_of_route(function, prefix))
    ]
    for (_, one), (function, route) in combinations(routes, 2):
        if one.conflicts(route):
            yield f"{_where(function)}: {one.function} has the route {one.template!r}, too; valid is one per method"
