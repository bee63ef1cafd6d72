"""The host's end of the worker process: start it, have the app indexed, invoke, kill, start again.

One worker serves one app at a time. A killed or dead process fails all its invocations, as a timeout in Azure does.
"""

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host.payloads import Datum
from host.worker import datums

ROOT = Path(__file__).resolve().parent.parent.parent
# The package is on the path only while the child is imported, so that an app sees what it would see in Azure.
BOOT = (
    "import sys; sys.path.append({root!r}); from host.worker.child import main; sys.path.remove({root!r})\n"
    "for name in [name for name in sys.modules if name.partition('.')[0] == 'host']: del sys.modules[name]\n"
    "main({descriptor}, {app!r})"
)
LONGEST_LINE = 64 * 1024 * 1024


class AppRefused(Exception):
    """The worker cannot load the app; the message is Microsoft's, the stack that of the app's own files."""

    def __init__(self, message: str, stack: str = "") -> None:
        super().__init__(message)
        self.stack = stack


@dataclass(frozen=True)
class IndexedFunction:
    """One function as the worker describes it."""

    name: str
    id: str
    script: str
    bindings: list[dict[str, Any]]
    retries: bool = False

    @property
    def trigger(self) -> dict[str, Any]:
        """The binding that starts it; the worker has seen to it that there is exactly one."""
        return next(binding for binding in self.bindings if binding["type"].endswith("Trigger"))


@dataclass(frozen=True)
class Outcome:
    """How one invocation ended: what it returned and its outputs, or the error and its stack."""

    ok: bool
    returned: Datum | None = None
    outputs: Mapping[str, Datum] = field(default_factory=dict)
    error: str = ""
    stack: str = ""


LogLine = Callable[[str, str, str | None], None]  # message, level, invocation id


@dataclass
class Worker:
    """Runs one app in a process of its own.

    log: is told of every line that the app logs or prints. Times are real seconds: started_in_s from the start of the
    process to the end of indexing.
    """

    app: Path
    settings: Mapping[str, str]
    log: LogLine
    started_in_s: float = 0.0
    _process: asyncio.subprocess.Process | None = None
    _writer: asyncio.StreamWriter | None = None
    _reading: asyncio.Task[None] | None = None
    _waiting: dict[str, asyncio.Future[Outcome]] = field(default_factory=dict)

    @property
    def pid(self) -> int | None:
        """The process id of the worker; None before the first start."""
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        """Whether it takes invocations."""
        return self._writer is not None and self._reading is not None and not self._reading.done()

    async def start(self) -> list[IndexedFunction]:
        """Start the process and have the app indexed. Raises AppRefused."""
        began = time.perf_counter()
        ours, theirs = socket.socketpair()
        boot = BOOT.format(root=str(ROOT), descriptor=theirs.fileno(), app=str(self.app))
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-c", boot),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sys.__stderr__,  # what bypasses Python (a C library) must not get into the host's own answers
                cwd=self.app,
                env=dict(self.settings),
                start_new_session=True,  # Ctrl-C is for the host, which then ends this one in order
            )
        reader, self._writer = await asyncio.open_connection(sock=ours, limit=LONGEST_LINE)
        functions = await self._indexed(reader)
        self._reading = asyncio.create_task(self._read(reader))
        self.started_in_s = time.perf_counter() - began
        return functions

    async def invoke(
        self, invocation_id: str, function_id: str, inputs: Mapping[str, Datum], metadata: Mapping[str, Datum]
    ) -> Outcome:
        """Run one function. A failure is an Outcome, also when the process dies meanwhile."""
        if self._writer is None or not self.alive:
            return Outcome(ok=False, error="the worker process is not running")
        asked = {
            "id": invocation_id,
            "function": function_id,
            "inputs": {name: _written(datum) for name, datum in inputs.items()},
            "metadata": {name: _written(datum) for name, datum in metadata.items()},
        }
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[invocation_id] = answer
        self._writer.write(json.dumps(asked).encode() + b"\n")
        try:
            return await answer
        finally:
            self._waiting.pop(invocation_id, None)

    async def stop(self) -> None:
        """Kill the process and wait until it is gone; its invocations fail."""
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        if self._process:
            await self._process.wait()
        if self._reading:
            await self._reading
        if self._writer:
            self._writer.close()

    async def _indexed(self, reader: asyncio.StreamReader) -> list[IndexedFunction]:
        async for line in reader:
            said = json.loads(line)
            if "log" in said:
                self.log(said["log"], said["level"], None)
            elif "refused" in said:
                await self._end()
                raise AppRefused(said["refused"], _of_the_app(said["stack"], self.app))
            elif not said["script"]:
                await self._end()
                raise AppRefused(f"there is no function_app.py in {self.app}")
            else:
                return [IndexedFunction(**function) for function in said["indexed"]]
        code = await self._end()
        raise AppRefused(f"the worker process ended with code {code} while it loaded the app")

    async def _end(self) -> int:
        if self._writer:
            self._writer.close()
        return await self._process.wait() if self._process else 0

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            async for line in reader:
                self._take(json.loads(line))
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(Outcome(ok=False, error="the worker process ended before the function did"))

    def _take(self, said: dict[str, Any]) -> None:
        if "log" in said:
            self.log(said["log"], said["level"], said["invocation"])
            return
        answer = self._waiting.get(said["done"])
        if answer and not answer.done():
            answer.set_result(_outcome(said))


def _outcome(said: Mapping[str, Any]) -> Outcome:
    if not said["ok"]:
        return Outcome(ok=False, error=said["error"], stack=said["stack"] or "")
    outputs = {name: datums.read(node, Datum) for name, node in said["outputs"].items()}
    returned = said["returned"] and datums.read(said["returned"], Datum)
    return Outcome(ok=True, returned=returned or None, outputs=outputs)


def _written(datum: Datum) -> dict[str, Any]:
    return datums.write(*datum, lambda value: value if isinstance(value, Datum) else None)


def _of_the_app(stack: str, app: Path) -> str:
    """The lines of a stack that are in the app's own files: the worker's and Python's say nothing to its author."""
    lines = stack.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(f'  File "{app}{os.sep}')]
    return "\n".join(
        line for start in starts for line in lines[start : start + 2] if "site-packages" not in lines[start]
    )
