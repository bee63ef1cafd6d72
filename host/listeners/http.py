"""HTTP triggers: find the function of a path, see to its key, run it, and write its answer.

**Source**: azure-functions-host `WebJobs.Script.WebHost` (401 without a good key, 404 for an unknown route or method,
500 with an empty body for a failed function, 204 for a function that answers nothing).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from host import payloads
from host.invoker import Invoker
from host.keys import Keys, shown_key
from host.payloads import Datum
from host.routes import match, read_route
from host.triggers import HTTP
from host.worker.parent import Outcome


@dataclass(frozen=True)
class HttpAnswer:
    """What an HTTP function answers; a header may come more than once."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


class HttpFunctions:
    """All HTTP functions of an app."""

    def __init__(self, invoker: Invoker, keys: Keys, prefix: str) -> None:
        self._invoker, self._keys = invoker, keys
        functions = [function for function in invoker.functions.values() if function.trigger["type"] == HTTP]
        self.routes = [read_route(function, prefix) for function in functions]

    async def answer(
        self, method: str, url: str, path: str, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
    ) -> HttpAnswer:
        """One request. headers: by names in lower case; path: decoded."""
        found = match(self.routes, method, path)
        if found is None:
            return HttpAnswer(404)
        route, values = found
        if not self._keys.open_function(route.function, route.auth, shown_key(headers, query)):
            return HttpAnswer(401)
        payload = payloads.http_request(method, url, headers, query, values, body)
        metadata = {name: payloads.text(value) for name, value in values.items()}
        outcome = await self._invoker.run(route.function, payload, metadata)
        return self._written(route.function, outcome)

    def _written(self, function: str, outcome: Outcome) -> HttpAnswer:
        if not outcome.ok:
            return HttpAnswer(500)
        bindings = self._invoker.functions[function].bindings
        name = next((binding["name"] for binding in bindings if binding["type"] == "http"), "$return")
        datum = outcome.returned if name == "$return" else outcome.outputs.get(name)
        return _answer(datum) if datum else HttpAnswer(204)


def _answer(datum: Datum) -> HttpAnswer:
    """A function's return as an answer: a whole response, or a text as its body."""
    if datum.kind != "http":
        content = "application/json" if datum.kind == "json" else "text/plain; charset=utf-8"
        return HttpAnswer(200, [("content-type", content)], _bytes(datum))
    value: Mapping[str, Any] = datum.value
    headers = [(name, header.value) for name, header in value["headers"].items()]
    cookies = value.get("cookies") or []
    headers += [("set-cookie", cookie) for cookie in cookies]
    return HttpAnswer(int(value["status_code"].value), headers, _bytes(value["body"]))


def _bytes(datum: Datum) -> bytes:
    return datum.value if isinstance(datum.value, bytes) else str(datum.value).encode()
