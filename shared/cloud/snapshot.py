"""Keeps records in blob storage: the sweep's snapshots, the latest and the last one of each day, and the last jobs.

Nothing is ever taken away.

Plain requests over the pipeline that is loaded anyway, as for the queue. The container is made by the deployment.
Source: Put Blob and Get Blob of the Blob service.
"""

import gzip
from datetime import date, datetime

import msgspec
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from shared.cloud.clients import STORAGE_VERSION, Cloud
from shared.cloud.errors import translated
from shared.core.changes import Before, Change, Was
from shared.core.last_jobs import SCHEMA as JOBS_SCHEMA
from shared.core.last_jobs import LastJobs
from shared.core.snapshot import READABLE, Recorded, Snapshot

CONTAINER = "flexguard"
LATEST = "latest.json.gz"
JOBS = "jobs.json.gz"
_CREATED, _REFUSED, _NOT_FOUND = 201, 400, 404
_LEVEL = 3  # of compression: a third of the time of the usual one, and a tenth more bytes


class _Before(msgspec.Struct):
    """What the next snapshot wants to know of the last one."""

    id: str
    verdict: str
    changed_since: datetime | None = None
    tier: str = ""


class _Backed(msgspec.Struct):
    """What a record of a day is asked about each server."""

    id: str
    instance: str = ""


class _OfDay(msgspec.Struct):
    at: datetime
    protected: int
    eligible: int
    servers: list[_Backed]
    changes: tuple[Change, ...] = ()
    incomplete: tuple[str, ...] = ()
    schema: int = 0


class _Last(msgspec.Struct):
    servers: list[_Before]
    changes: tuple[Change, ...] = ()
    incomplete: tuple[str, ...] = ()
    schema: int = 0


def keep(cloud: Cloud, snapshot: Snapshot) -> None:
    """Write a snapshot as the latest, and as its day's. Raises CloudError; what was kept before is then still there."""
    content = gzip.compress(msgspec.json.encode(snapshot), _LEVEL, mtime=0)
    for name in (f"{snapshot.at:%Y-%m-%d}.json.gz", LATEST):
        _put(cloud, name, content)


def keep_jobs(cloud: Cloud, jobs: LastJobs) -> None:
    """Write down the last job of each server. Raises CloudError."""
    _put(cloud, JOBS, gzip.compress(msgspec.json.encode(jobs), _LEVEL, mtime=0))


def read_jobs(cloud: Cloud) -> LastJobs | None:
    """The last jobs, None when there are none that can be read. Raises CloudError."""
    try:
        read = msgspec.json.decode(_get(cloud, JOBS) or b"", type=LastJobs)
    except msgspec.DecodeError:
        return None
    return read if read.schema == JOBS_SCHEMA else None


def latest(cloud: Cloud) -> bytes | None:
    """The latest snapshot as JSON, None when there is none. Raises CloudError."""
    return _get(cloud, LATEST)


def _put(cloud: Cloud, name: str, content: bytes) -> None:
    request = HttpRequest("PUT", _url(cloud, name), headers=_HEADERS, content=content)
    with translated():
        response = cloud.blobs.send_request(request)
        if response.status_code != _CREATED:
            raise HttpResponseError(response=response)


def _get(cloud: Cloud, name: str) -> bytes | None:
    with translated():
        request = HttpRequest("GET", _url(cloud, name), headers=_READING)
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
    return read if read.schema in READABLE else None


def before(cloud: Cloud) -> Before:
    """What the next snapshot wants to know of the latest one; an unreadable one says nothing. Raises CloudError."""
    try:
        last = msgspec.json.decode(latest(cloud) or b"", type=_Last)
    except msgspec.DecodeError:
        return Before()
    if last.schema not in READABLE:
        return Before()
    known = {one.id.lower(): Was(one.verdict, one.changed_since, one.tier) for one in last.servers}
    return Before(known, last.changes, not last.incomplete)


def of_day(cloud: Cloud, day: date) -> Recorded | None:
    """The last snapshot of a day (UTC), None when there is none that can be read. Raises CloudError."""
    try:
        read = msgspec.json.decode(_get(cloud, f"{day:%Y-%m-%d}.json.gz") or b"", type=_OfDay)
    except msgspec.DecodeError:
        return None
    if read.schema not in READABLE:
        return None
    backed = frozenset(one.id.lower() for one in read.servers if one.instance)
    return Recorded(read.at, read.protected, read.eligible, not read.incomplete, read.changes, backed)


_READING = {"x-ms-version": STORAGE_VERSION}
_HEADERS = _READING | {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/gzip"}


def _url(cloud: Cloud, name: str) -> str:
    return f"{cloud.settings.blob_endpoint}/{CONTAINER}/{name}"
