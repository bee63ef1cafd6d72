"""Where timers keep their status, and who of several hosts fires them: blobs as in Azure, or a folder, or memory.

**Source**: azure-webjobs-sdk-extensions `WebJobs.Extensions.Timers.Storage/StorageScheduleMonitor.cs` (path and form of
a status); azure-webjobs-sdk `SingletonManager.cs` (leases of blobs below `locks`).
"""

import json
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest

from host.schedule import ScheduleStatus

log = logging.getLogger("host")
CONTAINER = "azure-webjobs-hosts"
SCOPE = "https://storage.azure.com/.default"
VERSION = "2021-12-02"
LEASE_S = 60
NOT_FOUND, CONFLICT, PRECONDITION_FAILED = 404, 409, 412


class ScheduleStore(Protocol):
    """What a timer's listener needs. No method raises for an outage; it logs, and answers as if nothing were kept."""

    def read(self, timer: str) -> ScheduleStatus | None:
        """The status that was kept, if any."""

    def write(self, timer: str, status: ScheduleStatus) -> None:
        """Keep a status."""

    def claim(self, timer: str) -> bool:
        """Whether this host fires the timer for the next minute; asked again it holds on to it."""

    def release(self, timer: str) -> None:
        """Let another host fire it."""


class LocalStore:
    """Keeps statuses in a folder, or without one in memory. There is no other host to share with."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._kept: dict[str, dict[str, str]] = {}

    def read(self, timer: str) -> ScheduleStatus | None:
        with suppress(OSError, ValueError, KeyError):
            stored = json.loads(self._path(timer).read_text()) if self._folder else self._kept[timer]
            return ScheduleStatus.read(stored)
        return None

    def write(self, timer: str, status: ScheduleStatus) -> None:
        self._kept[timer] = status.as_json()
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._path(timer).write_text(json.dumps(status.as_json()) + "\n")

    def claim(self, timer: str) -> bool:  # noqa: ARG002 - every timer is this host's
        return True

    def release(self, timer: str) -> None: ...

    def _path(self, timer: str) -> Path:
        return (self._folder or Path()) / f"{timer}.json"


class BlobStore:
    """Keeps statuses and claims in the storage account of the host.

    host_id: tells apps apart that share an account. transport: another than HTTP, for tests.
    """

    def __init__(
        self,
        endpoint: str,
        credential: TokenCredential,
        host_id: str,
        transport: HttpTransport[Any, Any] | None = None,
    ) -> None:
        policies = [RetryPolicy(retry_total=1), BearerTokenCredentialPolicy(credential, SCOPE)]
        given: dict[str, Any] = {"transport": transport} if transport else {}
        self._client: PipelineClient[Any, Any] = PipelineClient(endpoint, policies=policies, **given)
        self._endpoint, self._host_id = endpoint.rstrip("/"), host_id
        self._leases: dict[str, str] = {}

    def read(self, timer: str) -> ScheduleStatus | None:
        try:
            return ScheduleStatus.read(self._ask("GET", self._status(timer)).json())
        except HttpResponseError as refusal:
            if refusal.status_code != NOT_FOUND:
                log.warning("The schedule status of %s cannot be read: %s", timer, refusal)
        except (AzureError, ValueError, KeyError) as error:
            log.warning("The schedule status of %s cannot be read: %s", timer, error)
        return None

    def write(self, timer: str, status: ScheduleStatus) -> None:
        try:
            self._put(self._status(timer), json.dumps(status.as_json()))
        except AzureError as error:
            log.warning("The schedule status of %s cannot be written: %s", timer, error)

    def claim(self, timer: str) -> bool:
        path = self._lock(timer)
        try:
            if timer in self._leases:
                self._lease(path, "renew", **{"x-ms-lease-id": self._leases[timer]})
                return True
            lease_id = str(uuid.uuid4())  # noqa: TID251 - tells this process from every other
            with _there_already():
                self._put(path, "", **{"if-none-match": "*"})
            self._lease(path, "acquire", **{"x-ms-lease-duration": str(LEASE_S), "x-ms-proposed-lease-id": lease_id})
        except AzureError as error:
            self._leases.pop(timer, None)
            log.info("Timer %s is not fired by this host: %s", timer, error)
            return False
        self._leases[timer] = lease_id
        return True

    def release(self, timer: str) -> None:
        if lease_id := self._leases.pop(timer, ""):
            with suppress(AzureError):
                self._lease(self._lock(timer), "release", **{"x-ms-lease-id": lease_id})

    def _status(self, timer: str) -> str:
        return f"{CONTAINER}/timers/{self._host_id}/Host.Functions.{timer}/status"

    def _lock(self, timer: str) -> str:
        return f"{CONTAINER}/locks/{self._host_id}/Host.Functions.{timer}.Listener"

    def _lease(self, path: str, action: str, **headers: str) -> None:
        self._ask("PUT", f"{path}?comp=lease", **{"x-ms-lease-action": action}, **headers)

    def _put(self, path: str, text: str, **headers: str) -> None:
        """Write a blob; the container is made when needed."""
        headers |= {"x-ms-blob-type": "BlockBlob", "content-type": "application/json"}
        try:
            self._ask("PUT", path, text, **headers)
        except HttpResponseError as refusal:
            if refusal.status_code != NOT_FOUND:
                raise
            with _there_already():
                self._ask("PUT", f"{CONTAINER}?restype=container")
            self._ask("PUT", path, text, **headers)

    def _ask(self, method: str, path: str, text: str = "", **headers: str) -> Any:
        content = text.encode()
        sent = {"x-ms-version": VERSION, "content-length": str(len(content))} | headers
        request = HttpRequest(method, f"{self._endpoint}/{path}", headers=sent, content=content or None)
        response = self._client.send_request(request)
        response.raise_for_status()
        return response


@contextmanager
def _there_already() -> Iterator[None]:
    """What is there already need not be made, also when another host holds it."""
    try:
        yield
    except HttpResponseError as refusal:
        if refusal.status_code not in (CONFLICT, PRECONDITION_FAILED):
            raise
