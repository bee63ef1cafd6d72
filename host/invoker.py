"""Runs functions by name: through the worker, with a time limit, and with their outputs written when they succeed.

What it logs are the real host's lines: Executing, Executed, what the function logged, each with the invocation id.

**Source**: azure-functions-host `WebScriptHostExceptionHandler.cs`: a function that exceeds functionTimeout takes the
worker process with it, and all that runs in it.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from host.activity import Activity
from host.clock import steady_s
from host.payloads import Datum
from host.settings import HostOptions
from host.worker.parent import AppRefused, IndexedFunction, Outcome, Worker

NO_METADATA: Mapping[str, Datum] = {}
LOGGED = {"Trace": 5, "Debug": 10, "Information": 20, "Warning": 30, "Error": 40, "Critical": 50, "None": 0}

log = logging.getLogger("host")


class Invoker:
    """Has the worker of one app. outputs: writes what a function put into its output bindings."""

    def __init__(self, app: Path, settings: Mapping[str, str], options: HostOptions, activity: Activity) -> None:
        self.options, self.activity = options, activity
        self.worker = Worker(app, settings, self._said)
        self.functions: dict[str, IndexedFunction] = {}
        self.outputs: Callable[[IndexedFunction, Mapping[str, Datum]], Awaitable[None]] = _nowhere
        self.restarts = 0
        self._names: dict[str, str] = {}
        self._mending = asyncio.Lock()
        self._stopped = False

    async def start(self) -> None:
        """Start the worker. Raises AppRefused."""
        self.functions = {function.name: function for function in await self.worker.start()}

    async def stop(self) -> None:
        """End the worker, and what runs in it."""
        self._stopped = True
        await self.worker.stop()

    async def run(self, name: str, payload: Datum, metadata: Mapping[str, Datum] = NO_METADATA) -> Outcome:
        """Run one function with the payload of its trigger; how it ended. Raises KeyError for no such function."""
        function = self.functions[name]
        invocation_id = str(uuid.uuid4())  # noqa: TID251 - as the real host names them; nothing depends on it
        async with self.activity.run():
            self._names[invocation_id] = name
            self._line(name, "Information", f"Executing 'Functions.{name}' (Id={invocation_id})")
            began = steady_s()
            outcome = await self._run(function, invocation_id, payload, metadata)
            took = f"Id={invocation_id}, Duration={round((steady_s() - began) * 1000)}ms"
            if outcome.ok:
                self._line(name, "Information", f"Executed 'Functions.{name}' (Succeeded, {took})")
            else:
                self._line(
                    name, "Error", f"Executed 'Functions.{name}' (Failed, {took}): {outcome.error}\n{outcome.stack}"
                )
            self._names.pop(invocation_id, None)
        return outcome

    async def _run(
        self, function: IndexedFunction, invocation_id: str, payload: Datum, metadata: Mapping[str, Datum]
    ) -> Outcome:
        if not self.worker.alive:
            await self._restart(self.worker.pid, "The worker process ended")
        async with self._mending:  # a worker that is being started again is waited for
            pid = self.worker.pid
        try:
            async with asyncio.timeout(self.options.function_timeout_s):
                inputs = {function.trigger["name"]: payload}
                outcome = await self.worker.invoke(invocation_id, function.id, inputs, metadata)
        except TimeoutError:
            limit_s = self.options.function_timeout_s
            reason = (
                f"Timeout value of {limit_s:g} s exceeded by function 'Functions.{function.name}' (Id={invocation_id})"
            )
            await self._restart(pid, reason)
            return Outcome(ok=False, error=reason)
        if not self.worker.alive:
            await self._restart(pid, "The worker process ended")
        return await self._write(function, outcome)

    async def _write(self, function: IndexedFunction, outcome: Outcome) -> Outcome:
        returned = {"$return": outcome.returned} if outcome.returned else {}
        outputs = {**outcome.outputs, **returned}
        if not any(binding["type"] == "queue" and binding["name"] in outputs for binding in function.bindings):
            return outcome
        try:
            await self.outputs(function, outputs)
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the invocation has failed
            return Outcome(ok=False, error=f"Error while writing the outputs: {error}")
        return outcome

    async def _restart(self, pid: int | None, reason: str) -> None:
        """Kill the worker that has this pid and start another; once, however many invocations ask for it."""
        async with self._mending:
            if self._stopped or self.worker.pid != pid:
                return
            log.error("%s: the worker process is killed and started again.", reason)
            await self.worker.stop()
            try:
                await self.start()
            except AppRefused as refusal:
                log.critical("The app can no longer be loaded: %s", refusal)
                return
            self.restarts += 1
            log.warning("Worker process %s started in %.2f s.", self.worker.pid, self.worker.started_in_s)

    def _said(self, message: str, level: str, invocation_id: str | None) -> None:
        name = self._names.get(invocation_id or "", "")
        category = f"Function.{name}.User" if name else "Host.Worker"
        if self.options.shows(category, level):
            log.log(LOGGED[level], "%s", f"{category}: {message}" + (f" (Id={invocation_id})" if name else ""))

    def _line(self, name: str, level: str, message: str) -> None:
        if self.options.shows(f"Function.{name}", level):
            log.log(LOGGED[level], "%s", message.rstrip())


async def _nowhere(function: IndexedFunction, _outputs: Mapping[str, Datum]) -> None:
    msg = f"function {function.name} has outputs, and nobody writes them"
    raise RuntimeError(msg)
