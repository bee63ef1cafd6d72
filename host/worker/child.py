"""Runs in the worker process: Microsoft's worker indexes the app and runs its functions, as it does in Azure.

It talks JSON lines over one socket. First it says what it indexed, or why it could not; then every line it gets is an
invocation, and it answers with results, in between with what the app logs or prints. It ends when the socket does.

**Source**: azure-functions-runtime 1.3.0 `handle_event.py`, `native_invocation.py`; azure-functions-python-worker
`proxy_worker/dispatcher.py` (order of calls, level of the root logger, the app's folder at the end of sys.path).
"""

import asyncio
import io
import json
import logging
import os
import socket
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from host.worker import datums, protos

LEVELS = {10: "Debug", 20: "Information", 30: "Warning", 40: "Error", 50: "Critical"}
OWN_LOGGER = "azure.functions"  # the worker's; what it says of a failed invocation is part of the answer


class Line:
    """The worker's end of the socket. Any thread may say something."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._lock = connection, threading.Lock()

    def say(self, what: dict[str, Any]) -> None:
        data = json.dumps(what).encode() + b"\n"
        with self._lock:
            self._connection.sendall(data)

    def log(self, message: str, level: str = "Information") -> None:
        from azure_functions_runtime import invocation_id_cv  # noqa: PLC0415 - not before the app's folder is known

        self.say({"log": message, "level": level, "invocation": invocation_id_cv.get()})


class LogLines(logging.Handler):
    """Carries what the app logs to the host."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == OWN_LOGGER and (record.levelno < logging.WARNING or record.exc_info):
            return
        self._line.log(self.format(record), LEVELS.get(record.levelno, "Information"))


class Printed(io.TextIOBase):
    """Stands in for stdout and stderr: what the app prints reaches the host line by line."""

    def __init__(self, line: Line) -> None:
        self._line, self._begun = line, threading.local()

    def write(self, text: str, /) -> int:
        *whole, self._begun.text = (getattr(self._begun, "text", "") + text).split("\n")
        for line in filter(None, whole):
            self._line.log(line)
        return len(text)


def main(descriptor: int, app: str) -> None:
    """Serve one app until the host closes the socket."""
    connection = socket.socket(fileno=descriptor)
    line = Line(connection)
    sys.path.append(app)
    sys.stdout = sys.stderr = Printed(line)
    # The worker reads this variable of the platform itself, so its child process must.
    level = logging.DEBUG if os.environ.get("PYTHON_ENABLE_DEBUG_LOGGING") == "1" else logging.INFO  # noqa: TID251
    logging.basicConfig(level=level, handlers=[LogLines(line)], format="%(message)s")
    asyncio.run(_serve(connection, line, app))
    os._exit(0)  # without the host nobody waits for what still runs


async def _serve(connection: socket.socket, line: Line, app: str) -> None:
    import azure_functions_runtime as worker  # noqa: PLC0415 - loaded when the process knows its app, as in Azure

    worker.start_threadpool_executor()
    line.say(await _index(worker, app))
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    running: set[asyncio.Task[None]] = set()

    def start(asked: bytes) -> None:
        task = loop.create_task(_invoke(line, json.loads(asked)))
        running.add(task)
        task.add_done_callback(running.discard)

    def listen() -> None:
        for asked in connection.makefile("rb"):
            loop.call_soon_threadsafe(start, asked)
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=listen, daemon=True).start()
    await ended.wait()


async def _index(worker: Any, app: str) -> dict[str, Any]:
    """What the app has, or in the worker's own words why it cannot be loaded."""
    start = SimpleNamespace(capabilities={}, function_app_directory=app)
    request = SimpleNamespace(
        request=SimpleNamespace(worker_init_request=start), properties={"protos": protos, "host": "127.0.0.1"}
    )
    answer = await worker.worker_init_request(request)
    if answer.result.status == protos.StatusResult.Failure:
        return {"refused": answer.result.exception.message, "stack": answer.result.exception.stack_trace}
    found = (await worker.functions_metadata_request(request)).function_metadata_results
    return {
        "indexed": [_described(function) for function in found or ()],
        "script": Path(app).joinpath(_script()).is_file(),
    }


def _script() -> str:
    from azure_functions_runtime.utils.app_setting_manager import get_app_setting  # noqa: PLC0415
    from azure_functions_runtime.utils.constants import (  # noqa: PLC0415
        PYTHON_SCRIPT_FILE_NAME,
        PYTHON_SCRIPT_FILE_NAME_DEFAULT,
    )

    return str(get_app_setting(setting=PYTHON_SCRIPT_FILE_NAME, default_value=PYTHON_SCRIPT_FILE_NAME_DEFAULT))


def _described(function: Any) -> dict[str, Any]:
    return {
        "name": function.name,
        "id": function.function_id,
        "script": str(function.script_file or ""),
        "bindings": [json.loads(binding) for binding in function.raw_bindings],
        "retries": function.retry_options is not None,
    }


async def _invoke(line: Line, asked: dict[str, Any]) -> None:
    from azure_functions_runtime.native_invocation import invocation_request_native  # noqa: PLC0415 - see _serve

    ok, returned, outputs, error, stack = await invocation_request_native(
        asked["id"],
        asked["function"],
        [(name, datums.read(node, _datum)) for name, node in asked["inputs"].items()],
        {name: datums.read(node, _datum) for name, node in asked["metadata"].items()},
    )
    try:
        result = {
            "returned": returned and _written(returned),
            "outputs": {name: _written(datum) for name, datum in outputs},
        }
        json.dumps(result)
    except Exception as mistake:  # noqa: BLE001 - whatever an app returns, its invocation must end
        ok, error, stack, result = False, repr(mistake), "", {}
    line.say({"done": asked["id"], "ok": ok, "error": error, "stack": stack} | result)


def _datum(kind: str, value: Any) -> Any:
    from azure_functions_runtime.bindings.datumdef import Datum  # noqa: PLC0415 - see _serve

    return Datum(value, kind)


def _written(datum: Any) -> dict[str, Any]:
    """A worker's datum as JSON; the cookies of a response are written as their header lines."""
    value = datum.value
    if datum.type == "http":
        jars = value.get("cookies") or []
        value = value | {"cookies": [line.OutputString() for jar in jars for line in jar.values()]}
    return datums.write(str(datum.type), value, _parts)


def _parts(value: Any) -> tuple[str, Any] | None:
    """A worker's datum taken apart."""
    return (str(value.type), value.value) if hasattr(value, "python_value") else None
