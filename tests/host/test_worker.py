"""Microsoft's worker in a child process: the seam that it is driven by, its own words, its death."""

import asyncio
import importlib.metadata
import inspect
from pathlib import Path
from typing import Any

import azure_functions_runtime
import pytest
from apps import HEAD, run_host, running, until, write_app
from azure_functions_runtime import native_invocation
from azure_functions_runtime.bindings.datumdef import Datum

from host import payloads
from host.worker.parent import Outcome, Worker

ECHO = """
import logging, os
import azure.functions as func

app = func.FunctionApp()

@app.route("echo", auth_level=func.AuthLevel.ANONYMOUS)
def echo(req: func.HttpRequest) -> str:
    import time
    logging.warning("about to answer")
    print("printed")
    if req.params.get("hang"):
        time.sleep(60)
    if req.params.get("die"):
        os._exit(3)
    if req.params.get("fail"):
        raise RuntimeError("a bug")
    return str(os.getpid())
"""


def request(**query: str) -> payloads.Datum:
    return payloads.http_request("GET", "http://localhost/api/echo", {}, query, {}, b"")


def invoke(folder: Path, *payload: payloads.Datum) -> tuple[list[Outcome], list[tuple[str, str, str | None]]]:
    """Run the app's one function with each payload, one after the other; what it logged."""
    lines: list[tuple[str, str, str | None]] = []

    async def run() -> list[Outcome]:
        worker = Worker(folder, {}, lambda *line: lines.append(line))
        try:
            (function,) = await worker.start()
            return [await worker.invoke(f"id-{n}", function.id, {"req": each}, {}) for n, each in enumerate(payload)]
        finally:
            await worker.stop()

    return asyncio.run(run()), lines


# -- the seam --------------------------------------------------------------------------------------------------


def test_seam() -> None:
    """What this host uses of azure-functions-runtime is there, in the version that was looked at."""
    assert importlib.metadata.version("azure-functions-runtime").startswith("1.3.")
    assert list(inspect.signature(native_invocation.invocation_request_native).parameters) == [
        *("invocation_id", "function_id", "inputs", "trigger_metadata", "trace_parent", "trace_state"),
        *("retry_count", "max_retry_count", "retry_exception"),
    ]
    assert list(inspect.signature(Datum).parameters) == ["value", "type"]
    assert azure_functions_runtime.invocation_id_cv.get() is None
    for name in ("worker_init_request", "functions_metadata_request"):
        assert list(inspect.signature(getattr(azure_functions_runtime, name)).parameters) == ["request"]


def test_index(tmp_path: Path) -> None:
    """A function is described by name, a stable id, its bindings and its retry policy."""
    code = f"""{HEAD}
@app.timer_trigger("timer", "0 0 * * * *")
@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:05")
@app.queue_output("out", "next", "AzureWebJobsStorage")
def sweep(timer: func.TimerRequest, out: func.Out[str]) -> None: ...
"""

    async def index() -> Any:
        worker = Worker(write_app(tmp_path, code), {}, lambda *_: None)
        try:
            return await worker.start()
        finally:
            await worker.stop()

    (function,) = asyncio.run(index())
    assert (function.name, function.script, function.retries) == ("sweep", "function_app.py", True)
    assert function.trigger == {"type": "timerTrigger", "direction": "IN", "name": "timer", "schedule": "0 0 * * * *"}
    assert [binding["type"] for binding in function.bindings] == ["queue", "timerTrigger"]
    assert function.id == asyncio.run(index())[0].id


def test_lines_carry_the_invocation(tmp_path: Path) -> None:
    """What a function logs or prints reaches the host with the id of its invocation; an error with its stack."""
    (good, bad), lines = invoke(write_app(tmp_path, ECHO), request(), request(fail="1"))
    assert good.ok
    assert not bad.ok
    assert bad.error == "RuntimeError('a bug')"
    assert "function_app.py" in bad.stack
    for number in (0, 1):
        assert ("about to answer", "Warning", f"id-{number}") in lines
        assert ("printed", "Information", f"id-{number}") in lines
    assert not any("Traceback" in message for message, _, _ in lines)  # it is in the outcome, once


def test_death(tmp_path: Path) -> None:
    """A worker that dies fails its invocation, and takes no more."""
    (dead, after), _ = invoke(write_app(tmp_path, ECHO), request(die="1"), request())
    assert (dead.ok, after.ok) == (False, False)
    assert "ended" in dead.error
    assert "not running" in after.error


def test_app_sees_its_own_modules(tmp_path: Path) -> None:
    """An app may have a package called host: the host's own does not get in its way."""
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "__init__.py").write_text("NAME = 'mine'")
    code = f"""{HEAD}
import host, sys
@app.route("who", auth_level=func.AuthLevel.ANONYMOUS)
def who(req: func.HttpRequest) -> str:
    return host.NAME + " " + str(sys.path.index({str(tmp_path)!r}) == len(sys.path) - 1)
"""
    (outcome,), _ = invoke(write_app(tmp_path, code), request())
    assert outcome.returned == payloads.text("mine True")


# -- a time limit, and a death, under a host -------------------------------------------------------------------


def test_timeout_restarts_the_worker(tmp_path: Path) -> None:
    """A function over its time takes the process and everything that runs in it along; the next one runs in a new."""

    async def run() -> None:
        async with running(write_app(tmp_path, ECHO), timeout_s=0.3) as host:
            first = host.invoker.worker.pid
            slow = asyncio.create_task(host.invoker.run("echo", request(hang="1")))
            await asyncio.sleep(0.1)
            neighbour = asyncio.create_task(host.invoker.run("echo", request(hang="1")))
            assert "Timeout value of 0.3 s" in (await slow).error
            assert not (await neighbour).ok
            answer = await host.invoker.run("echo", request())
            assert answer.returned == payloads.text(str(host.invoker.worker.pid))
            assert host.invoker.worker.pid != first
            assert host.invoker.restarts == 1

    asyncio.run(run())


def test_dead_worker_is_replaced(tmp_path: Path) -> None:
    """A worker that ended by itself is started again, for the next invocation at the latest."""

    async def run() -> None:
        async with running(write_app(tmp_path, ECHO)) as host:
            assert not (await host.invoker.run("echo", request(die="1"))).ok
            await until(lambda: host.invoker.worker.alive)
            assert (await host.invoker.run("echo", request())).ok
            assert host.invoker.restarts == 1

    asyncio.run(run())


# -- Microsoft's own words -------------------------------------------------------------------------------------

EVENT = "@app.event_grid_trigger('event')\n"
REFUSED: dict[str, tuple[str, str]] = {
    "missing module": (
        "import nowhere",
        "ModuleNotFoundError: No module named 'nowhere'. Cannot find module. Please check",
    ),
    "parameter not bound": (
        f"{HEAD}{EVENT}def f(event: func.EventGridEvent, extra: str) -> None: ...",
        "the following parameters are declared in Python but not in the function definition",
    ),
    "binding without parameter": (
        f"{HEAD}{EVENT}def f(other: func.EventGridEvent) -> None: ...",
        "the following parameters are declared in",
    ),
    "wrong annotation": (
        f"{HEAD}{EVENT}def f(event: int) -> None: ...",
        "do not match the corresponding function parameter's Python type annotation int",
    ),
    "output without Out": (
        f"{HEAD}{EVENT}@app.queue_output('out', 'q', 'C')\ndef f(event: func.EventGridEvent, out: str) -> None: ...",
        "Out",
    ),
    "duplicate name": (
        f"{HEAD}{2 * (EVENT + 'def f(event: func.EventGridEvent) -> None: ...' + chr(10))}",
        "Function f does not have a unique function name",
    ),
    "two triggers": (
        f"{HEAD}{EVENT}@app.timer_trigger('t', '0 0 * * * *')\ndef f(event: func.EventGridEvent, t: str) -> None: ...",
        "A trigger was already registered to this function",
    ),
    "no trigger": (
        f"{HEAD}@app.queue_output('out', 'q', 'C')\ndef f(out: func.Out[str]) -> None: ...",
        "does not have a trigger",
    ),
    "no app": ("import azure.functions as func", "Could not find top level function app instances in function_app.py"),
    "two apps": (
        f"{HEAD}other = func.FunctionApp()",
        "More than one FunctionApp or other top level function app instances",
    ),
    "syntax error": ("def f(:", "SyntaxError: invalid syntax (function_app.py, line 1)"),
    "Optional annotation": (
        f"{HEAD}from typing import Optional\n{EVENT}def f(event: Optional[func.EventGridEvent]) -> None: ...",
        "binding event has invalid non-type annotation",
    ),
    "List annotation": (
        f"{HEAD}from typing import List\n{EVENT}def f(event: List[func.EventGridEvent]) -> None: ...",
        "do not match the corresponding function parameter's Python type annotation List",
    ),
    "error of the app": ("raise RuntimeError('rules.yaml, line 3: no such tier')", "rules.yaml, line 3: no such tier"),
    "end of the process": ("import os; os._exit(7)", "the worker process ended with code 7 while it loaded the app"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_load_errors(tmp_path: Path, case: str) -> None:
    """An app that cannot be loaded is refused in the worker's words, with exit code 2 and no traceback."""
    code, says = REFUSED[case]
    ended = run_host(write_app(tmp_path, code))
    assert says in ended.stderr
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr
    assert "azure_functions_runtime" not in ended.stderr.replace("sys.path", "").partition("Current")[0]


def test_no_script(tmp_path: Path) -> None:
    """A folder without function_app.py is named."""
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    ended = run_host(tmp_path)
    assert (ended.returncode, ended.stderr.strip()) == (2, f"there is no function_app.py in {tmp_path}")
