"""`python -m host` as a process: what it prints, how it ends, and the product's own app in it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from apps import HEAD, ROOT, STORAGE, run_host, write_app

from host.settings import HostOptions, app_settings

TIMER = f"""{HEAD}
@app.timer_trigger("timer", "%WHEN%")
def sweep(timer: func.TimerRequest) -> None: ...
"""
FLEXGUARD = STORAGE | {
    "FLEXGUARD_SUBSCRIPTIONS": "5b1f8c1e-0d3a-4a57-9a3e-0e6f5d2c7a10",
    "AzureWebJobsStorage__tableServiceUri": "https://flexguard.table.core.windows.net",
    "AzureWebJobsStorage__queueServiceUri": "https://127.0.0.1:1/flexguard",
}


@contextmanager
def started(app: Path, environment: Mapping[str, str], *arguments: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """A host process and its ready line; it is killed afterwards if it still runs."""
    command = [sys.executable, "-m", "host", "--app", str(app), "--port", "0", *arguments]
    process = subprocess.Popen(  # noqa: S603 - the project's own program
        command, cwd=ROOT, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_flexguard() -> None:
    """The product's app, as deployed: its functions are indexed, each with its trigger; SIGTERM ends everything."""
    with started(ROOT, FLEXGUARD) as (process, ready):
        found = {function["name"]: function for function in ready["functions"]}
        assert found["on_server_event"]["trigger"] == "eventGridTrigger"
        assert found["converge_server"]["queueName"] == "converge"
        assert found["keep_poison"]["schedule"] == "0 */15 * * * *"
        assert found["watch_jobs"]["schedule"] == "0 */15 * * * *"
        assert ready["webhook"].startswith(
            ready["url"] + "/runtime/webhooks/eventgrid?functionName=on_server_event&code="
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert not is_alive(ready["worker"]["pid"])


def test_nothing_is_left_of_a_killed_host(tmp_path: Path) -> None:
    """A worker does not outlive its host, even if that had no time to end it."""
    with started(write_app(tmp_path, TIMER), STORAGE | {"WHEN": "0 0 0 1 1 *"}) as (process, ready):
        process.kill()
        process.communicate()
        for _ in range(200):
            if not is_alive(ready["worker"]["pid"]):
                return
            threading.Event().wait(0.02)
    pytest.fail("the worker still runs")


def test_settings_file(tmp_path: Path) -> None:
    """local.settings.json fills in settings, another file may stand in for it, and the environment wins over both."""
    app = write_app(tmp_path, TIMER)
    ended = run_host(app)
    assert ended.returncode == 2
    assert "function_app.py, function sweep: schedule: '%WHEN%' does not resolve" in ended.stderr
    (app / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": {"WHEN": "every day"}}))
    ended = run_host(app)
    assert (ended.returncode, "'every day' has 2 fields" in ended.stderr) == (2, True)
    with started(app, STORAGE | {"WHEN": "0 30 4 * * *"}) as (_, ready):
        assert ready["functions"] == [{"name": "sweep", "trigger": "timerTrigger", "schedule": "0 30 4 * * *"}]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("host.json", "{", "host.json is no JSON"),
        ("host.json", '{"version": "1.0"}', 'valid is "2.0"'),
        ("host.json", '{"version": "2.0", "functionTimeout": "10"}', "functionTimeout: '10' is no time span"),
        ("host.json", '{"version": "2.0", "logging": {"logLevel": {"default": "Loud"}}}', "valid are Trace, Debug"),
        ("local.settings.json", '{"IsEncrypted": true}', "func settings decrypt"),
        ("local.settings.json", '{"Values": {"N": 1}}', "N must be a text"),
    ],
)
def test_broken_files(tmp_path: Path, name: str, content: str, says: str) -> None:
    """A broken file is named with what is valid; exit code 2, no traceback."""
    app = write_app(tmp_path, TIMER)
    (app / name).write_text(content)
    ended = run_host(app)
    assert ended.returncode == 2
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_simulator(tmp_path: Path) -> None:
    """A simulator that does not answer is exit code 1 in one line."""
    ended = run_host(write_app(tmp_path, TIMER), "--control", "http://127.0.0.1:1/_simulator")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "cannot start: " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_host_json() -> None:
    """host.json is read as the host does: defaults, prefix, limit, and levels by the longest beginning."""
    assert HostOptions.read({"version": "2.0"}) == HostOptions()
    read = HostOptions.read(
        {
            "version": "2.0",
            "functionTimeout": "-1",
            "extensions": {"http": {"routePrefix": ""}},
            "logging": {"logLevel": {"default": "Warning", "Function": "Error", "Function.sweep.User": "Debug"}},
        }
    )
    assert (read.function_timeout_s, read.route_prefix) == (None, "")
    assert [read.shows("Function.sweep.User", "Debug"), read.shows("Function.other.User", "Warning")] == [True, False]
    assert [read.shows("Host.Worker", "Warning"), read.shows("Host.Worker", "Information")] == [True, False]


def test_app_settings() -> None:
    """The environment wins, and the runtime's own settings are there as under Core Tools."""
    found = app_settings({"Values": {"A": "file", "B": "file"}}, {"A": "environment"})
    assert (found["A"], found["B"]) == ("environment", "file")
    assert (found["FUNCTIONS_WORKER_RUNTIME"], found["AZURE_FUNCTIONS_ENVIRONMENT"]) == ("python", "Development")
