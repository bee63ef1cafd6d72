"""Throw-away function apps, and hosts that run them: as an object over the local Azure, or as a process."""

import asyncio
import json
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from azure.storage.queue import QueueServiceClient

from host.local_host import LocalHost
from host.settings import HostOptions, QueueOptions
from simulator.azure import LocalAzure
from simulator.transport import InProcessTransport

ROOT = Path(__file__).resolve().parent.parent.parent
STORAGE = {"AzureWebJobsStorage__queueServiceUri": "https://flexguard.queue.core.windows.net"}
HOST_JSON = {"version": "2.0"}
QUICK = HostOptions(QueueOptions(max_polling_interval_s=0.1))
HEAD = "import azure.functions as func\napp = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)\n"
QUIET = "import azure.functions as func\napp = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)\n"


def write_app(folder: Path, code: str, host_json: Mapping[str, Any] = HOST_JSON) -> Path:
    """An app of one file."""
    (folder / "function_app.py").write_text(textwrap.dedent(code))
    (folder / "host.json").write_text(json.dumps(host_json))
    return folder


class LockedTransport(InProcessTransport):
    """The local Azure for several threads: one request at a time."""

    lock = threading.Lock()

    def send(self, request: Any, **options: Any) -> Any:
        with self.lock:
            return super().send(request, **options)


def queue_clients(azure: LocalAzure) -> QueueServiceClient:
    """The real client, for a host that polls in threads."""
    return QueueServiceClient(
        STORAGE["AzureWebJobsStorage__queueServiceUri"],
        credential=azure.credential("operator"),
        transport=LockedTransport(azure),
        retry_total=0,
    )


@asynccontextmanager
async def running(
    app: Path,
    azure: LocalAzure | None = None,
    options: HostOptions = QUICK,
    settings: Mapping[str, str] = STORAGE,
    timeout_s: float | None = 20.0,
) -> AsyncIterator[LocalHost]:
    """A host with a real worker process, in this process; it is gone afterwards whatever happens."""
    host = LocalHost(app, replace(options, function_timeout_s=timeout_s), dict(settings))
    if azure:
        host.queues = lambda _: queue_clients(azure)
    try:
        await host.start()
        yield host
    finally:
        await host.stop()


def run_host(app: Path, *arguments: str, environment: Mapping[str, str] = STORAGE) -> subprocess.CompletedProcess[str]:
    """`python -m host` on an app that cannot start: it ends by itself."""
    command = [sys.executable, "-m", "host", "--app", str(app), "--port", "0", *arguments]
    return subprocess.run(  # noqa: S603 - the project's own program
        command, cwd=ROOT, env=dict(environment), capture_output=True, text=True, timeout=30, check=False
    )


async def until(true: Any, within_s: float = 10.0) -> None:
    """Wait until something is so. Raises TimeoutError when it never is."""
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.005)
