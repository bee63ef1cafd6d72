"""The Event Grid webhook, as Event Grid calls it, over HTTP and through Microsoft's worker."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from apps import HEAD, running, write_app
from stage import CLOUD_EVENT, GRID_EVENT

APP = f"""{HEAD}
import json, pathlib, time
HERE = pathlib.Path(__file__).parent

@app.event_grid_trigger("event")
def on_event(event: func.EventGridEvent) -> None:
    data = event.get_json()
    (HERE / event.id).write_text(json.dumps([type(event).__name__, event.subject, data]))
    if data.get("fail"):
        raise RuntimeError("a bug")
    end = time.monotonic() + 5
    while data.get("wait_for") and not (HERE / data["wait_for"]).exists():
        assert time.monotonic() < end
        time.sleep(0.01)

@app.timer_trigger("timer", "0 0 0 1 1 *")
def sweep(timer: func.TimerRequest) -> None: ...
"""
Post = Callable[..., Awaitable[tuple[int, str]]]


def calls(folder: Path, script: Callable[[Post], Awaitable[None]]) -> None:
    """Run a host, and a script of calls to its webhook."""

    async def run() -> None:
        async with running(write_app(folder, APP)) as host, aiohttp.ClientSession() as session:
            address = host.ready()["webhook"]

            async def post(body: Any, kind: str | None = "Notification", url: str = address) -> tuple[int, str]:
                headers = {"aeg-event-type": kind} if kind else {}
                data = body if isinstance(body, str) else json.dumps(body)
                async with session.post(url, data=data, headers=headers) as response:
                    return response.status, await response.text()

            post.address = address  # type: ignore[attr-defined]
            await script(post)

    asyncio.run(run())


def event(number: str, **data: Any) -> dict[str, Any]:
    return {**GRID_EVENT, "id": number, "data": data}


def test_delivery(tmp_path: Path) -> None:
    """A batch is one invocation for every event, all at once: each of two can wait for the other. Then 202."""

    async def script(post: Post) -> None:
        assert await post([event("a", wait_for="b"), event("b", wait_for="a")]) == (202, "")
        assert json.loads((tmp_path / "a").read_text()) == ["EventGridEvent", GRID_EVENT["subject"], {"wait_for": "b"}]

    calls(tmp_path, script)


def test_failure(tmp_path: Path) -> None:
    """One event that fails makes the whole delivery a 500 with its error; the others ran all the same."""

    async def script(post: Post) -> None:
        status, text = await post([event("good"), event("bad", fail=1), event("better")])
        assert status == 500
        assert "a bug" in text
        assert all((tmp_path / name).exists() for name in ("good", "bad", "better"))
        assert await post(event("single")) == (202, "")  # a delivery without batching is one object
        assert (await post("no json"))[0] == 500

    calls(tmp_path, script)


def test_cloud_event(tmp_path: Path) -> None:
    """A CloudEvent reaches the function as a CloudEvent."""

    async def script(post: Post) -> None:
        assert await post(CLOUD_EVENT, "notification") == (202, "")
        assert json.loads((tmp_path / "2").read_text())[0] == "CloudEvent"

    calls(tmp_path, script)


def test_handshake(tmp_path: Path) -> None:
    """A validation is answered with its code, in the schema's two forms, without running anything."""

    async def script(post: Post) -> None:
        data = {"validationCode": "512d38b6"}
        answer = (200, json.dumps({"validationResponse": "512d38b6"}))
        assert await post([{**GRID_EVENT, "data": data}], "SubscriptionValidation") == answer
        assert await post({**CLOUD_EVENT, "data": json.dumps(data)}, "SubscriptionValidation") == answer
        assert not (tmp_path / "1").exists()

    calls(tmp_path, script)


def test_other_calls(tmp_path: Path) -> None:
    """An unsubscription is accepted, an unknown kind 400, a function that is not there 404, a wrong key 401."""

    async def script(post: Post) -> None:
        assert (await post([], "Unsubscribe"))[0] == 202
        assert (await post([event("x")], "Invitation"))[0] == 400
        assert (await post([event("x")], None))[0] == 400
        address = post.address  # type: ignore[attr-defined]
        for name in ("nobody", "sweep"):
            unknown = address.replace("on_event", name)
            assert await post([event("x")], url=unknown) == (404, f"cannot find function: '{name}'")
        assert (await post([event("x")], url=address + "x"))[0] == 401
        assert (await post([event("x")], url=address.partition("&code")[0]))[0] == 401
        assert not (tmp_path / "x").exists()

    calls(tmp_path, script)
