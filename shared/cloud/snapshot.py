"""Keeps the sweep's snapshots in blob storage: the latest, and the last one of each day. Nothing is ever taken away.

Plain requests over the pipeline that is loaded anyway, as for the queue. The container is made by the deployment.
Source: Put Blob and Get Blob of the Blob service.
"""

import gzip
from datetime import datetime

import msgspec
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from shared.cloud.clients import STORAGE_VERSION, Cloud
from shared.cloud.errors import translated
from shared.core.snapshot import SCHEMA, Snapshot

CONTAINER = "flexguard"
LATEST = "latest.json.gz"
_CREATED, _REFUSED, _NOT_FOUND = 201, 400, 404
_LEVEL = 3  # of compression: a third of the time of the usual one, and a tenth more bytes


class _Before(msgspec.Struct):
    """What the next snapshot wants to know of the last one."""

    id: str
    verdict: str
    changed_since: datetime | None = None


class _Last(msgspec.Struct):
    servers: list[_Before]
    schema: int = 0


def keep(cloud: Cloud, snapshot: Snapshot) -> None:
    """Write a snapshot as the latest, and as its day's. Raises CloudError; what was kept before is then still there."""
    content = gzip.compress(msgspec.json.encode(snapshot), _LEVEL, mtime=0)
    for name in (f"{snapshot.at:%Y-%m-%d}.json.gz", LATEST):
        request = HttpRequest("PUT", _url(cloud, name), headers=_HEADERS, content=content)
        with translated():
            response = cloud.blobs.send_request(request)
            if response.status_code != _CREATED:
                raise HttpResponseError(response=response)


def latest(cloud: Cloud) -> bytes | None:
    """The latest snapshot as JSON, None when there is none. Raises CloudError."""
    with translated():
        request = HttpRequest("GET", _url(cloud, LATEST), headers=_READING)
        response = cloud.blobs.send_request(request, stream=True)  # or azure-core would try to read the bytes as text
        content = response.read()
        if response.status_code == _NOT_FOUND:
            return None
        if response.status_code >= _REFUSED:
            raise HttpResponseError(response=response)
        return gzip.decompress(content)


def read_latest(cloud: Cloud) -> Snapshot | None:
    """The latest snapshot, None when there is none that can be read. Raises CloudError."""
    try:
        read = msgspec.json.decode(latest(cloud) or b"", type=Snapshot)
    except msgspec.DecodeError:
        return None
    return read if read.schema == SCHEMA else None


def verdicts_before(cloud: Cloud) -> dict[str, tuple[str, datetime | None]]:
    """Verdict and its time of each server in the latest snapshot, by lower-case id; one that is unreadable is none."""
    content = latest(cloud)
    try:
        last = msgspec.json.decode(content or b"", type=_Last)
    except msgspec.DecodeError:
        return {}
    known = last.servers if 0 < last.schema <= SCHEMA else ()
    return {one.id.lower(): (one.verdict, one.changed_since) for one in known}


_READING = {"x-ms-version": STORAGE_VERSION}
_HEADERS = _READING | {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/gzip"}


def _url(cloud: Cloud, name: str) -> str:
    return f"{cloud.settings.blob_endpoint}/{CONTAINER}/{name}"
