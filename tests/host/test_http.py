"""HTTP functions: routes, methods, keys, what goes in and what comes out; and running the others by hand."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from apps import HEAD, running, until, write_app

from host.local_host import LocalHost
from host.routes import match, read_route
from host.worker.parent import IndexedFunction

APP = f"""{HEAD}
import json, pathlib
HERE = pathlib.Path(__file__).parent

@app.route("servers/{{name}}/{{part?}}", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
def show(req: func.HttpRequest) -> func.HttpResponse:
    seen = [req.method, req.url, dict(req.route_params), dict(req.params), req.headers.get("x-mine")]
    seen.append(req.get_body().decode())
    answer = func.HttpResponse(json.dumps(seen), status_code=201, mimetype="application/json", headers={{"x-own": "1"}})
    answer.headers.add("Set-Cookie", "a=1; Path=/")
    answer.headers.add("Set-Cookie", "b=2")
    return answer

@app.route(auth_level=func.AuthLevel.FUNCTION)
def status(req: func.HttpRequest) -> str:
    return "fine"

@app.route("hidden", auth_level=func.AuthLevel.ADMIN)
async def hidden(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(bytes([0, 255]), mimetype="application/octet-stream")

@app.route("fail", auth_level=func.AuthLevel.ANONYMOUS)
def fail(req: func.HttpRequest) -> str:
    raise RuntimeError("a secret")

@app.timer_trigger("timer", "0 0 0 1 1 *")
def sweep(timer: func.TimerRequest) -> None:
    (HERE / "swept").touch()

@app.event_grid_trigger("event")
def on_event(event: func.EventGridEvent) -> None:
    (HERE / event.id).touch()
"""
Ask = Callable[..., Awaitable[tuple[int, Any]]]


def calls(folder: Path, script: Callable[[Ask, LocalHost], Awaitable[None]]) -> None:
    """Run a host, and a script of calls to it."""

    async def run() -> None:
        async with running(write_app(folder, APP)) as host, aiohttp.ClientSession() as session:

            async def ask(method: str, path: str, key: str = "", **given: Any) -> tuple[int, Any]:
                headers = given.pop("headers", {}) | ({"x-functions-key": key} if key else {})
                async with session.request(method, host.url + path, headers=headers, **given) as response:
                    ask.response = response  # type: ignore[attr-defined]
                    return response.status, await response.read()

            await script(ask, host)

    asyncio.run(run())


def test_request_and_response(tmp_path: Path) -> None:
    """Method, address, route, query, headers and body go in; status, headers, cookies and body come out."""

    async def script(ask: Ask, host: LocalHost) -> None:
        path = "/api/Servers/a%20b?x=1&empty="
        status, body = await ask("POST", path, headers={"X-Mine": "m"}, data="ä".encode())
        seen = ["POST", f"{host.url}{path}", {"name": "a b"}, {"x": "1"}, "m", "ä"]
        assert (status, json.loads(body)) == (201, seen)
        response = ask.response  # type: ignore[attr-defined]
        assert response.headers["x-own"] == "1"
        assert response.headers.getall("set-cookie") == ["a=1; Path=/", "b=2"]
        assert response.content_type == "application/json"
        assert json.loads((await ask("GET", "/api/servers/a/jobs"))[1])[2] == {"name": "a", "part": "jobs"}

    calls(tmp_path, script)


def test_what_is_not_there(tmp_path: Path) -> None:
    """Another path, and another method on a known path, are 404; a function that fails is 500 and keeps its secret."""

    async def script(ask: Ask, _: LocalHost) -> None:
        assert (await ask("GET", "/servers/a"))[0] == 404
        assert (await ask("DELETE", "/api/servers/a"))[0] == 404
        assert (await ask("GET", "/api/servers/a/b/c"))[0] == 404
        assert await ask("GET", "/api/fail") == (500, b"")

    calls(tmp_path, script)


def test_keys(tmp_path: Path) -> None:
    """Its own key, the host key and the master key open a function, only the last an admin one; in header or query."""

    async def script(ask: Ask, host: LocalHost) -> None:
        keys = host.keys
        assert (await ask("GET", "/api/status"))[0] == 401
        for key in (keys.functions["status"], keys.host, keys.master):
            assert await ask("GET", "/api/status", key) == (200, b"fine")
            assert await ask("GET", f"/api/status?code={key}") == (200, b"fine")
        assert (await ask("GET", "/api/status", keys.functions["hidden"]))[0] == 401
        assert (await ask("GET", "/api/hidden", keys.host))[0] == 401
        assert await ask("GET", "/api/hidden", keys.master) == (200, bytes([0, 255]))

    calls(tmp_path, script)


def test_by_hand(tmp_path: Path) -> None:
    """With the master key a timer or event function is run by hand: 202, at once, whatever its schedule says."""

    async def script(ask: Ask, host: LocalHost) -> None:
        master = host.keys.master
        assert (await ask("POST", "/admin/functions/sweep"))[0] == 401
        assert (await ask("POST", "/admin/functions/nobody", master))[0] == 404
        assert (await ask("POST", "/admin/functions/sweep", master, json={"input": ""}))[0] == 202
        sent = json.dumps(
            {"id": "e", "subject": "s", "eventType": "t", "eventTime": "2026-01-01T00:00:00Z", "data": {}}
        )
        assert (await ask("POST", "/admin/functions/on_event", master, json={"input": sent}))[0] == 202
        assert (await ask("POST", "/admin/functions/on_event", master, json={"input": "no event"}))[0] == 400
        await until(lambda: (tmp_path / "swept").exists() and (tmp_path / "e").exists())
        assert json.loads((await ask("GET", "/admin/host/status", master))[1]) == {"state": "Running", "restarts": 0}

    calls(tmp_path, script)


def route(name: str, template: str | None, *methods: str) -> Any:
    trigger = {"type": "httpTrigger", "name": "req", "route": template, "methods": list(methods)}
    return read_route(IndexedFunction(name, "1", "function_app.py", [trigger]), "api")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/plain", ("plain", {})),
        ("/api/items/7", ("number", {"id": "7"})),
        ("/api/items/x", ("any", {"id": "x"})),
        ("/api/items/special", ("special", {})),
        ("/api/files/a/b", ("rest", {"path": "a/b"})),
        ("/api/files", ("rest", {})),
        ("/api/report.json", ("kind", {"kind": "json"})),
        ("/api/nothing", None),
    ],
)
def test_routes(path: str, expected: tuple[str, dict[str, str]] | None) -> None:
    """Literal parts go before parameters, constraints hold, a catch-all takes the rest, dots are dots."""
    routes = [
        *(route("rest", "files/{*path}"), route("number", "items/{id:int}"), route("any", "items/{id:alpha}")),
        *(route("special", "items/special"), route("plain", None), route("kind", "report.{kind}")),
    ]
    found = match(routes, "GET", path)
    assert (found and (found[0].function, found[1])) == expected


@pytest.mark.parametrize("template", ["a/{b", "a/{b:even}", "a/}"])
def test_no_route(template: str) -> None:
    """What is no template is refused by name."""
    with pytest.raises(ValueError, match="route"):
        route("f", template)
