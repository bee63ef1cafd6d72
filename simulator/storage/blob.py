"""Blob storage over HTTP, as far as dead letters and a host's locks need it: containers, small block blobs, leases.

The operations are a table: method, what the path names, and `comp`. A blob is written whole; there are no blocks,
snapshots or tiers.

**Source** for statuses, headers and codes: Microsoft's REST reference of Blob Storage ("Blob service error codes").
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from uuid import UUID, uuid5

from simulator.storage.blob_list import blobs_xml, containers_xml
from simulator.storage.envelope import stamped
from simulator.storage.lease import Lease
from simulator.storage.refusals import StorageError, require_token
from simulator.wire import Request, Response, http_date

LEASE_IDS = UUID("0a4ecb0e-7c0e-4f38-9df7-2b6c9c3a3b90")
CONTAINER_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*|\$root|\$web|\$logs")
META = "x-ms-meta-"


@dataclass
class Blob:
    """One block blob. `turn` counts the writes of the account; its ETag follows it."""

    data: bytes
    content_type: str
    written_at: datetime
    created_at: datetime
    turn: int
    metadata: dict[str, str] = field(default_factory=dict)
    lease: Lease = field(default_factory=Lease)

    @property
    def etag(self) -> str:
        return f'"0x8D{self.turn:012X}"'

    @property
    def md5(self) -> str:
        return base64.b64encode(hashlib.md5(self.data, usedforsecurity=False).digest()).decode()


@dataclass
class Container:
    """One container: its blobs by name."""

    name: str
    written_at: datetime
    turn: int
    metadata: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, Blob] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return f'"0x8D{self.turn:012X}"'


@dataclass(frozen=True)
class Target:
    """What a request is about: the account, a container, or a blob in it."""

    request: Request
    container: str
    blob: str

    def header(self, name: str) -> str:
        return self.request.headers.get(name, "")


class BlobService:
    """All containers of the account. Time is what `now()` says."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.containers: dict[str, Container] = {}
        self.turns = 0

    def versions(self) -> dict[str, tuple[str, datetime]]:
        """The containers, each with its ETag and the time of its last change."""
        return {name: (each.etag, each.written_at) for name, each in self.containers.items()}

    def make(self, container: str) -> None:
        """Make a container without a caller; nothing happens when it is there."""
        if container not in self.containers:
            self.containers[container] = Container(container, self._now(), self._turn())

    def write(self, container: str, name: str, data: bytes, content_type: str = "application/octet-stream") -> Blob:
        """Store a blob directly: how the local Azure itself writes. Raises KeyError when there is no such container."""
        return self._store(self.containers[container], name, data, content_type, {})

    # -- HTTP ------------------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer one request to the blob endpoint. Every refusal is in the service's own XML."""
        try:
            require_token(request)
            response = self._operate(request)
        except StorageError as refusal:
            response = refusal.xml_response()
            if request.method == "HEAD":
                response = Response(response.status, response.headers)
        return stamped(response, request, self._now(), service=1, number=self._turn())

    def _operate(self, request: Request) -> Response:
        container, _, blob = request.path.strip("/").partition("/")
        shape = "blob" if blob else "container" if container else "account"
        operation = self.OPERATIONS.get((request.method, shape, request.query.get("comp", "")))
        if not operation:
            words = f"The local Azure does not play {request.method} {request.path} on blobs."
            raise StorageError(501, "OperationNotSimulated", words)
        return operation(self, Target(request, container, blob))

    # -- containers ------------------------------------------------------------------------------------------------

    def _list_containers(self, at: Target) -> Response:
        prefix = at.request.query.get("prefix", "")
        found = [each for name, each in sorted(self.containers.items()) if name.startswith(prefix)]
        return containers_xml(at.request.host, prefix, found)

    def _create(self, at: Target) -> Response:
        if not CONTAINER_NAME.fullmatch(at.container):
            raise StorageError(400, "InvalidResourceName", "The specifed resource name contains invalid characters.")
        if at.container in self.containers:
            raise StorageError(409, "ContainerAlreadyExists", "The specified container already exists.")
        made = Container(at.container, self._now(), self._turn(), _metadata(at))
        self.containers[at.container] = made
        return Response(201, _version(made))

    def _get_container(self, at: Target) -> Response:
        found = self._container(at)
        unlocked = {"x-ms-lease-status": "unlocked", "x-ms-lease-state": "available"}
        return Response(200, _version(found) | unlocked | {META + k: v for k, v in found.metadata.items()})

    def _delete_container(self, at: Target) -> Response:
        del self.containers[self._container(at).name]
        return Response(202)

    def _list_blobs(self, at: Target) -> Response:
        return blobs_xml(at.request, self._container(at), self._now())

    def _container(self, at: Target) -> Container:
        if at.container not in self.containers:
            raise StorageError(404, "ContainerNotFound", "The specified container does not exist.")
        return self.containers[at.container]

    # -- blobs -----------------------------------------------------------------------------------------------------

    def _put(self, at: Target) -> Response:
        container = self._container(at)
        known = container.blobs.get(at.blob)
        _require_match(at, known)
        if known or at.header("x-ms-lease-id"):
            (known.lease if known else Lease()).require_write(at.header("x-ms-lease-id"), self._now())
        if at.header("x-ms-blob-type").lower() != "blockblob":
            raise StorageError(400, "InvalidHeaderValue", "The local Azure has block blobs alone.")
        kind = at.header("x-ms-blob-content-type") or at.header("content-type") or "application/octet-stream"
        blob = self._store(container, at.blob, at.request.body, kind, _metadata(at))
        return Response(201, _version(blob) | {"content-md5": blob.md5, "x-ms-request-server-encrypted": "true"})

    def _store(self, container: Container, name: str, data: bytes, kind: str, metadata: dict[str, str]) -> Blob:
        known, now = container.blobs.get(name), self._now()
        created, lease = (known.created_at, known.lease) if known else (now, Lease())
        container.blobs[name] = Blob(data, kind, now, created, self._turn(), metadata, lease)
        return container.blobs[name]

    def _get(self, at: Target) -> Response:
        blob = self._blob(at)
        _require_match(at, blob)
        headers = self._properties(blob)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", at.header("x-ms-range") or at.header("range"))
        if at.request.method == "HEAD" or not wanted:
            return Response(200, headers, b"" if at.request.method == "HEAD" else blob.data)
        first, last = int(wanted[1]), min(int(wanted[2] or len(blob.data)), len(blob.data) - 1)
        if first >= len(blob.data):
            raise StorageError(
                416, "InvalidRange", "The range specified is invalid for the current size of the resource."
            )
        part = blob.data[first : last + 1]
        span = {"content-range": f"bytes {first}-{last}/{len(blob.data)}", "content-length": str(len(part))}
        return Response(206, headers | span, part)

    def _properties(self, blob: Blob) -> dict[str, str]:
        return {
            **_version(blob),
            "content-type": blob.content_type,
            "content-length": str(len(blob.data)),
            "x-ms-blob-type": "BlockBlob",
            "x-ms-creation-time": http_date(blob.created_at),
            "accept-ranges": "bytes",
            **blob.lease.state(self._now()),
            **{META + name: value for name, value in blob.metadata.items()},
        }

    def _set_metadata(self, at: Target) -> Response:
        blob = self._writable(at)
        blob.metadata, blob.written_at, blob.turn = _metadata(at), self._now(), self._turn()
        return Response(200, _version(blob))

    def _delete(self, at: Target) -> Response:
        self._writable(at)
        del self._container(at).blobs[at.blob]
        return Response(202, {"x-ms-delete-type-permanent": "true"})

    def _lease(self, at: Target) -> Response:
        blob, now, action = self._blob(at), self._now(), at.header("x-ms-lease-action").lower()
        lease, shown, proposed = blob.lease, at.header("x-ms-lease-id"), at.header("x-ms-proposed-lease-id")
        if action == "acquire":
            lease_id = proposed or str(uuid5(LEASE_IDS, f"{at.container}/{at.blob}/{self._turn()}"))
            lease.acquire(lease_id, int(at.header("x-ms-lease-duration") or -1), now)
        elif action == "renew":
            lease.renew(shown, now)
        elif action == "change":
            lease.change(shown, proposed, now)
        elif action == "release":
            lease.release(shown)
        elif action == "break":
            lease.clear()
            return Response(202, _version(blob) | {"x-ms-lease-time": "0"})
        else:
            raise StorageError(400, "InvalidHeaderValue", "The value of x-ms-lease-action is none.")
        held = {"x-ms-lease-id": lease.id} if lease.id else {}
        return Response(201 if action == "acquire" else 200, _version(blob) | held)

    def _writable(self, at: Target) -> Blob:
        blob = self._blob(at)
        _require_match(at, blob)
        blob.lease.require_write(at.header("x-ms-lease-id"), self._now())
        return blob

    def _blob(self, at: Target) -> Blob:
        container = self._container(at)
        if at.blob not in container.blobs:
            raise StorageError(404, "BlobNotFound", "The specified blob does not exist.")
        return container.blobs[at.blob]

    def _turn(self) -> int:
        self.turns += 1
        return self.turns

    OPERATIONS: ClassVar[dict[tuple[str, str, str], Callable[["BlobService", Target], Response]]] = {
        ("GET", "account", "list"): _list_containers,
        ("PUT", "container", ""): _create,
        ("GET", "container", ""): _get_container,
        ("HEAD", "container", ""): _get_container,
        ("DELETE", "container", ""): _delete_container,
        ("GET", "container", "list"): _list_blobs,
        ("PUT", "blob", ""): _put,
        ("GET", "blob", ""): _get,
        ("HEAD", "blob", ""): _get,
        ("DELETE", "blob", ""): _delete,
        ("PUT", "blob", "metadata"): _set_metadata,
        ("PUT", "blob", "lease"): _lease,
    }


def _version(thing: Blob | Container) -> dict[str, str]:
    return {"etag": thing.etag, "last-modified": http_date(thing.written_at)}


def _metadata(at: Target) -> dict[str, str]:
    return {name.removeprefix(META): value for name, value in at.request.headers.items() if name.startswith(META)}


def _require_match(at: Target, blob: Blob | None) -> None:
    """Refuse a condition that does not hold: an ETag that must be the blob's, or must not be."""
    if (wanted := at.header("if-match")) and (blob is None or wanted not in ("*", blob.etag)):
        raise StorageError(
            412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met."
        )
    if blob and (other := at.header("if-none-match")) and other in ("*", blob.etag):
        if at.request.method == "PUT" and other == "*":
            raise StorageError(409, "BlobAlreadyExists", "The specified blob already exists.")
        status = 304 if at.request.method in ("GET", "HEAD") else 412
        raise StorageError(
            status, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met."
        )
