"""Queue storage over HTTP, as the azure-storage-queue client speaks it. One storage account; its name is not looked at.

The operations are a table: method, what the path names, and `comp`. What a message goes through is in `messages.py`.

**Source** for statuses, parameters, ranges and codes: Microsoft's REST reference of Queue Storage, and Azurite's
`src/queue` for the words of refusals.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from xml.sax.saxutils import escape

from simulator.storage.envelope import stamped
from simulator.storage.messages import NEVER, MessageQueue, StoredMessage
from simulator.storage.queue_xml import (
    GET_FIELDS,
    PEEK_FIELDS,
    PUT_FIELDS,
    XML,
    messages_response,
    metadata_of,
    queue_element,
    refuse_parameter,
    require_name,
    require_parameter,
    text_of,
    whole_number,
    xml_response,
)
from simulator.storage.refusals import StorageError, require_token
from simulator.wire import Request, Response, http_date

WEEK_S = 7 * 24 * 3600
DELETION_S = 30


@dataclass(frozen=True)
class Target:
    """What a request is about: the queue, and within it a message."""

    request: Request
    queue: str
    message_id: str = ""


class QueueService:
    """All queues of the account. Time is what `now()` says."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.queues: dict[str, MessageQueue] = {}
        self.deleted_at: dict[str, datetime] = {}
        self.answers = 0

    # -- for whoever lets time pass, and for tests ----------------------------------------------------------------

    def next_visible(self, among: Collection[str] | None = None) -> datetime | None:
        """The earliest time at which some message can be received: now if one can be at once, None if none ever.

        among: only of these queues; a message that nobody takes is no reason to wait for it.
        """
        queues = (queue for name, queue in self.queues.items() if among is None or name in among)
        times = [at for queue in queues if (at := queue.next_visible())]
        return max(min(times), self._now()) if times else None

    def visible_count(self, queue: str) -> int:
        """How many messages of a queue can be received now; 0 if there is no such queue."""
        return sum(1 for _ in self.queues[queue].visible(self._now())) if queue in self.queues else 0

    def messages(self, queue: str) -> tuple[StoredMessage, ...]:
        """Every message of a queue that has not expired, visible or not, in the order of insertion."""
        if queue not in self.queues:
            return ()
        self.queues[queue].drop_expired(self._now())
        return tuple(self.queues[queue].messages.values())

    def put_text(self, queue: str, text: str) -> int:
        """Put a message as a service inside Azure does (Event Grid): 201, or 404 when there is no such queue."""
        if queue not in self.queues:
            return 404
        now = self._now()
        self.queues[queue].put(text, now, now, now + timedelta(seconds=WEEK_S))
        return 201

    # -- HTTP ------------------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer one request to the queue endpoint. Every refusal is in the service's own XML."""
        try:
            require_token(request)
            response = self._operate(request)
        except StorageError as refusal:
            response = refusal.xml_response()
        self.answers += 1
        return stamped(response, request, self._now(), service=3, number=self.answers)

    def _operate(self, request: Request) -> Response:
        queue, *rest = request.path.strip("/").split("/", 2)
        shape = "" if not queue else ("queue", "messages", "message")[min(len(rest), 2)]
        if rest and rest[0] != "messages":
            shape = "?"
        operation = self.OPERATIONS.get((request.method, shape, request.query.get("comp", "")))
        if not operation:
            words = f"The local Azure does not play {request.method} {request.url} on queues."
            raise StorageError(501, "OperationNotSimulated", words)
        return operation(self, Target(request, queue, rest[1] if len(rest) > 1 else ""))

    # -- queues ----------------------------------------------------------------------------------------------------

    def _list(self, at: Target) -> Response:
        query = at.request.query
        prefix, marker = query.get("prefix", ""), query.get("marker", "")
        limit = whole_number(query, "maxresults", 5000, 1, 5000)
        with_metadata = "metadata" in query.get("include", "")
        names = sorted(name for name in self.queues if name.startswith(prefix) and name >= marker)
        shown = "".join(queue_element(self.queues[name], with_metadata) for name in names[:limit])
        following = names[limit] if len(names) > limit else ""
        body = (
            f'{XML}<EnumerationResults ServiceEndpoint="https://{at.request.host}/"><Prefix>{escape(prefix)}</Prefix>'
            f"<Marker>{escape(marker)}</Marker><MaxResults>{limit}</MaxResults><Queues>{shown}</Queues>"
            f"<NextMarker>{following}</NextMarker></EnumerationResults>"
        )
        return xml_response(200, body)

    def _create(self, at: Target) -> Response:
        require_name(at.queue)
        self._require_not_deleting(at.queue)
        metadata = metadata_of(at.request)
        existing = self.queues.get(at.queue)
        if existing and existing.metadata != metadata:
            raise StorageError(409, "QueueAlreadyExists", "The specified queue already exists.")
        if existing:
            return Response(204)
        # one answer changes at most 32 messages: no id or receipt of an earlier queue of this name comes again
        self.queues[at.queue] = MessageQueue(at.queue, metadata, turns=32 * self.answers)
        return Response(201)

    def _delete(self, at: Target) -> Response:
        self._queue(at)
        del self.queues[at.queue]
        self.deleted_at[at.queue] = self._now()
        return Response(204)

    def _get_metadata(self, at: Target) -> Response:
        queue = self._queue(at)
        queue.drop_expired(self._now())
        headers = {f"x-ms-meta-{name}": value for name, value in queue.metadata.items()}
        return Response(200, headers | {"x-ms-approximate-messages-count": str(len(queue.messages))})

    def _set_metadata(self, at: Target) -> Response:
        self._queue(at).metadata = metadata_of(at.request)
        return Response(204)

    def _queue(self, at: Target) -> MessageQueue:
        self._require_not_deleting(at.queue)
        if at.queue not in self.queues:
            raise StorageError(404, "QueueNotFound", "The specified queue does not exist.")
        return self.queues[at.queue]

    def _require_not_deleting(self, name: str) -> None:
        """A deleted queue's name is taken for at least 30 seconds. Assumed: exactly 30."""
        deleted = self.deleted_at.get(name)
        if deleted and self._now() < deleted + timedelta(seconds=DELETION_S):
            raise StorageError(409, "QueueBeingDeleted", "The specified queue is being deleted.")

    # -- messages --------------------------------------------------------------------------------------------------

    def _put(self, at: Target) -> Response:
        queue, now, query = self._queue(at), self._now(), at.request.query
        invisible_s = whole_number(query, "visibilitytimeout", 0, 0, WEEK_S)
        ttl_s = whole_number(query, "messagettl", WEEK_S, -1, 10**9)
        if ttl_s == 0:
            reason = "Value must be greater than or equal to 1, or -1 to indicate an infinite TTL."
            refuse_parameter("messagettl", "0", reason)
        if 0 < ttl_s <= invisible_s:
            reason = "messagettl must be greater than visibilitytimeout."
            refuse_parameter("visibilitytimeout", str(invisible_s), reason)
        expires_at = NEVER if ttl_s == -1 else now + timedelta(seconds=ttl_s)
        text = text_of(at.request)
        if text is None:
            raise StorageError(400, "InvalidXmlDocument", "XML specified is not syntactically valid.")
        message = queue.put(text, now, now + timedelta(seconds=invisible_s), expires_at)
        return messages_response(201, [message], PUT_FIELDS)

    def _get(self, at: Target) -> Response:
        queue, now, query = self._queue(at), self._now(), at.request.query
        count = whole_number(query, "numofmessages", 1, 1, 32)
        if query.get("peekonly", "").lower() == "true":
            return messages_response(200, queue.peek(count, now), PEEK_FIELDS)
        invisible_s = whole_number(query, "visibilitytimeout", 30, 1, WEEK_S)
        return messages_response(200, queue.receive(count, now, now + timedelta(seconds=invisible_s)), GET_FIELDS)

    def _update(self, at: Target) -> Response:
        queue, now, query = self._queue(at), self._now(), at.request.query
        for required in ("popreceipt", "visibilitytimeout"):
            require_parameter(query, required)
        visible_at = now + timedelta(seconds=whole_number(query, "visibilitytimeout", 0, 0, WEEK_S))
        text = text_of(at.request) if at.request.body else None
        message = queue.update(at.message_id, query["popreceipt"], now, visible_at, text)
        next_visible = http_date(message.visible_at)
        return Response(204, {"x-ms-popreceipt": message.pop_receipt, "x-ms-time-next-visible": next_visible})

    def _delete_message(self, at: Target) -> Response:
        require_parameter(at.request.query, "popreceipt")
        self._queue(at).delete(at.message_id, at.request.query["popreceipt"], self._now())
        return Response(204)

    def _clear(self, at: Target) -> Response:
        self._queue(at).clear()
        return Response(204)

    OPERATIONS: ClassVar[dict[tuple[str, str, str], Callable[["QueueService", Target], Response]]] = {
        ("GET", "", "list"): _list,
        ("PUT", "queue", ""): _create,
        ("DELETE", "queue", ""): _delete,
        ("GET", "queue", "metadata"): _get_metadata,
        ("HEAD", "queue", "metadata"): _get_metadata,
        ("PUT", "queue", "metadata"): _set_metadata,
        ("POST", "messages", ""): _put,
        ("GET", "messages", ""): _get,
        ("DELETE", "messages", ""): _clear,
        ("PUT", "message", ""): _update,
        ("DELETE", "message", ""): _delete_message,
    }
