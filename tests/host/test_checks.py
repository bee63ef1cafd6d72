"""What the worker lets pass and this host does not: each problem names function, file and what is valid."""

from typing import Any

import pytest

from host.checks import problems
from host.connections import AZURITE, Connection, find
from host.worker.parent import IndexedFunction

STORAGE = {"AzureWebJobsStorage__queueServiceUri": "https://flexguard.queue.core.windows.net"}


def function(kind: str, name: str = "f", retries: bool = False, extra: Any = (), **trigger: Any) -> IndexedFunction:
    binding = {"type": kind, "name": "x", "direction": "IN"} | trigger
    return IndexedFunction(name, name, "function_app.py", [binding, *extra], retries)


def queue(name: str, queue_name: str = "converge", connection: str = "AzureWebJobsStorage") -> IndexedFunction:
    return function("queueTrigger", name, queueName=queue_name, connection=connection)


def http(name: str, route: str, *methods: str) -> IndexedFunction:
    return function("httpTrigger", name, route=route, methods=list(methods))


GOOD = [
    *(queue("converge"), queue("keep", "%NAME%-poison"), function("eventGridTrigger", "on_event")),
    *(function("timerTrigger", "sweep", schedule="%WHEN%"), http("status", "status", "GET")),
    *(http("post", "status", "POST"), http("one", "servers/{id}")),
]


def test_good() -> None:
    """An app that is right has no problem; settings are resolved."""
    assert problems(GOOD, STORAGE | {"NAME": "converge", "WHEN": "0 0 * * * *"}, "api") == []


@pytest.mark.parametrize(
    ("functions", "says"),
    [
        ([function("timerTrigger", schedule="0 0 25 * * *")], ["schedule", "'25' is no hour", "six fields"]),
        ([function("timerTrigger", schedule="* * * * *")], ["5 fields", "six fields"]),
        ([function("timerTrigger", schedule="%WHEN%")], ["schedule", "no app setting is called WHEN"]),
        ([queue("f", "%NAME%")], ["queueName", "no app setting is called NAME", "local.settings.json"]),
        ([queue("f", "Converge")], ["'Converge' is no queue name", "lower-case"]),
        ([queue("f", "a")], ["3 to 63"]),
        ([queue("f", "a--b")], ["single hyphens"]),
        ([queue("f", connection="Other")], ["'Other'", "Other__queueServiceUri", "connection string"]),
        ([queue("g"), queue("f")], ["g listens to the queue 'converge'", "one function per queue"]),
        ([http("g", "a/{x}", "GET"), http("f", "A/{y}", "GET", "POST")], ["g has the route 'api/a/{x}'"]),
        ([http("g", "a"), http("f", "a", "POST")], ["g has the route 'api/a'", "one per method"]),
        ([http("f", "a/{x")], ["no route template"]),
        ([function("blobTrigger")], ["does not play blobTrigger", "queueTrigger"]),
        ([function("timerTrigger", schedule="0 0 * * * *", extra=[{"type": "cosmosDB", "name": "out"}])], ["cosmosDB"]),
        ([function("eventGridTrigger", retries=True)], ["retry policy"]),
        ([function("timerTrigger", schedule="0 0 * * * *", retries=True)], ["does not play retry policies"]),
        ([function("eventGridTrigger", name="f f")], ["the name is not valid"]),
    ],
)
def test_problems(functions: list[IndexedFunction], says: list[str]) -> None:
    """Each mistake is one problem that names the file, the function and what is valid."""
    (problem,) = problems(functions, STORAGE, "api")
    assert problem.startswith("function_app.py, function f")
    for words in says:
        assert words in problem
    assert "valid" in problem or "set it" in problem or "remove it" in problem or "parameters are" in problem


def test_every_problem_at_once() -> None:
    """Nobody has to start a host five times to see five problems."""
    wrong = [queue("a", "A"), function("timerTrigger", "b", schedule="x"), function("blobTrigger", "c")]
    assert len(problems(wrong, STORAGE, "api")) == 3


def test_reserved_route() -> None:
    """Without a prefix a function cannot take the host's own addresses."""
    (problem,) = problems([http("f", "admin/x")], STORAGE, "")
    assert "is the host's own" in problem


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"S": "UseDevelopmentStorage=true"}, Connection(AZURITE)),
        ({"AzureWebJobsS": "Endpoint=1"}, Connection("Endpoint=1")),
        (
            {"S__accountName": "acc", "S__clientId": "id"},
            Connection("", "https://acc.queue.core.windows.net", "https://acc.blob.core.windows.net", "id"),
        ),
        (
            {"S__queueServiceUri": "https://q", "S__blobServiceUri": "https://b"},
            Connection("", "https://q", "https://b"),
        ),
        ({"S__tableServiceUri": "https://t"}, None),
    ],
)
def test_connections(settings: dict[str, str], expected: Connection | None) -> None:
    """A connection is a connection string, or addresses with an identity; both forms of its name count."""
    assert find("S", settings) == expected


def test_clients() -> None:
    """The clients go where the connection says, also with the account in the path, and to Azurite."""
    wire = Connection("", "https://localhost:1234/flexguard").queues()
    assert wire.get_queue_client("converge").url == "https://localhost:1234/flexguard/converge"
    assert Connection(AZURITE).queues().url.startswith("http://127.0.0.1:10001/devstoreaccount1")
