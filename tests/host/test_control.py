"""A host under a simulator's control: it keeps time from jumping while there is work, and loses no timer to a jump."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from apps import HEAD, ROOT, write_app

from host.activity import Activity

APP = f"""{HEAD}
import pathlib, time
HERE = pathlib.Path(__file__).parent

@app.timer_trigger("timer", "0 0 * * * *")
@app.queue_output("out", "work", "AzureWebJobsStorage")
def hourly(timer: func.TimerRequest, out: func.Out[str]) -> None:
    out.set("to do")

@app.queue_trigger("message", "work", "AzureWebJobsStorage")
def work(message: func.QueueMessage) -> None:
    time.sleep(0.05)
    with (HERE / "done").open("a") as done:
        done.write(message.insertion_time.isoformat() + "\\n")
"""


def test_activity() -> None:
    """At rest is who runs nothing and whose listeners all looked since the last news; a due time is the earliest."""
    told: list[bool] = []
    noon = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - any moment

    async def run() -> None:
        activity = Activity(eager=True)

        async def tell() -> None:
            told.append(activity.idle)

        activity.tell = tell
        for name in ("one", "two"):
            activity.joins(name, lambda: None)
        await activity.rests("one", activity.news, noon)
        assert (told, activity.idle) == ([], False)
        await activity.rests("two", activity.news, noon - timedelta(hours=1))
        assert (told, activity.due) == ([True], noon - timedelta(hours=1))
        async with activity.run():
            assert told == [True, False]
            await activity.rests("one", activity.news, noon)
        assert not activity.idle  # the end of a run is news
        for name in ("one", "two"):
            await activity.rests(name, activity.news)
        assert (activity.idle, told[-1]) == (True, True)

    asyncio.run(run())


@contextmanager
def process(*arguments: str, cwd: Path = ROOT, **environment: str) -> Iterator[dict[str, Any]]:
    """One of the project's programs, and its ready line."""
    started = subprocess.Popen(  # noqa: S603 - the project's own program
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert started.stdout
        yield json.loads(started.stdout.readline())
    finally:
        started.kill()
        started.communicate()


def test_jumps(tmp_path: Path) -> None:
    """Time that jumps over three hours stops for each timer, and for the work that it makes; over TLS with identity."""
    app = write_app(tmp_path, APP)
    with process("simulator", "serve", "--speed", "0", cwd=tmp_path, PYTHONPATH=str(ROOT)) as azure:
        environment = azure["environment"]
        with (
            process("host", "--app", str(app), "--port", "0", "--control", azure["control"], **environment) as host,
            requests.Session() as session,
        ):
            assert [function["name"] for function in host["functions"]] == ["hourly", "work"]
            session.trust_env, session.verify = False, azure["ca"]
            control = azure["control"]
            clock = session.get(f"{control}/clock").json()
            hour = datetime.fromisoformat(clock["now"]).replace(minute=0, second=0, microsecond=0)
            until = hour + timedelta(hours=3, minutes=30)
            clock = session.post(f"{control}/clock", json={"until": until.isoformat(), "jump": True}).json()
            while datetime.fromisoformat(clock["now"]) < until or clock["busy"]:
                query = {"after_turn": clock["turn"], "wait_s": 0.1}
                clock = session.get(f"{control}/clock", params=query, timeout=20).json()
        done = [datetime.fromisoformat(line) for line in (tmp_path / "done").read_text().splitlines()]
        assert [at.replace(microsecond=0) for at in done] == [hour + timedelta(hours=n) for n in (1, 2, 3)]
