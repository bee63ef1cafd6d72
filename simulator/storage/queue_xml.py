"""What queue requests and answers look like on the wire: XML bodies, names and numbers with their refusals.

Knows the format, not the queues.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from typing import NoReturn
from xml.sax.saxutils import escape

from simulator.storage.messages import MessageQueue, StoredMessage
from simulator.storage.refusals import StorageError
from simulator.wire import Request, Response, http_date

LARGEST_TEXT = 64 * 1024
SHORTEST_NAME, LONGEST_NAME = 3, 63
QUEUE_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
XML = '<?xml version="1.0" encoding="utf-8"?>'

FIELDS: dict[str, Callable[[StoredMessage], str]] = {
    "MessageId": lambda m: m.id,
    "InsertionTime": lambda m: http_date(m.inserted_at),
    "ExpirationTime": lambda m: http_date(m.expires_at),
    "PopReceipt": lambda m: m.pop_receipt,
    "TimeNextVisible": lambda m: http_date(m.visible_at),
    "DequeueCount": lambda m: str(m.dequeue_count),
    "MessageText": lambda m: escape(m.text),
}
GET_FIELDS = tuple(FIELDS)
PUT_FIELDS = ("MessageId", "InsertionTime", "ExpirationTime", "PopReceipt", "TimeNextVisible")
PEEK_FIELDS = ("MessageId", "InsertionTime", "ExpirationTime", "DequeueCount", "MessageText")


def messages_response(status: int, messages: Iterable[StoredMessage], fields: tuple[str, ...]) -> Response:
    """A list of messages, each with the fields that its operation shows."""
    shown = (
        "<QueueMessage>" + "".join(f"<{name}>{FIELDS[name](m)}</{name}>" for name in fields) + "</QueueMessage>"
        for m in messages
    )
    return xml_response(status, f"{XML}<QueueMessagesList>{''.join(shown)}</QueueMessagesList>")


def xml_response(status: int, body: str) -> Response:
    """An answer in XML."""
    return Response(status, {"content-type": "application/xml"}, body.encode())


def queue_element(queue: MessageQueue, with_metadata: bool) -> str:
    """One queue in a listing."""
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in queue.metadata.items())
    return f"<Queue><Name>{queue.name}</Name>{f'<Metadata>{inner}</Metadata>' if with_metadata else ''}</Queue>"


def text_of(request: Request) -> str | None:
    """The message in a request's XML, "" when it is empty, None when there is none. Refuses more than 64 KiB."""
    try:
        document = ET.fromstring(request.body)  # noqa: S314 - no stranger calls the local Azure
    except ET.ParseError:
        raise StorageError(400, "InvalidXmlDocument", "XML specified is not syntactically valid.") from None
    text = document.findtext("MessageText")
    if text is not None and len(text.encode()) > LARGEST_TEXT:
        words = "The request body is too large and exceeds the maximum permissible limit."
        raise StorageError(413, "RequestBodyTooLarge", words, MaxLimit=str(LARGEST_TEXT))
    return text


def metadata_of(request: Request) -> dict[str, str]:
    """The metadata in a request's headers."""
    start = "x-ms-meta-"
    return {name.removeprefix(start): value for name, value in request.headers.items() if name.startswith(start)}


def require_name(name: str) -> None:
    """Refuse what is no queue name: 3 to 63 lower-case letters, digits and single dashes inside."""
    if not SHORTEST_NAME <= len(name) <= LONGEST_NAME:
        words = "The specified resource name length is not within the permissible limits."
        raise StorageError(400, "OutOfRangeInput", words)
    if not QUEUE_NAME.fullmatch(name):
        raise StorageError(400, "InvalidResourceName", "The specifed resource name contains invalid characters.")


def require_parameter(query: dict[str, str], name: str) -> None:
    """Refuse a request without a parameter that it must have."""
    if not query.get(name):
        words = "A query parameter that's mandatory for this request is not specified."
        raise StorageError(400, "MissingRequiredQueryParameter", words, QueryParameterName=name)


def whole_number(query: dict[str, str], name: str, default: int, lowest: int, highest: int) -> int:
    """A whole number from the query. Refuses what is no number, and what is out of range."""
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"-?\d+", text):
        refuse_parameter(name, text, "Invalid number format.")
    if not lowest <= int(text) <= highest:
        limits = {"MinimumAllowed": str(lowest), "MaximumAllowed": str(highest)}
        words = "One of the query parameters specified in the request URI is outside the permissible range."
        details = {"QueryParameterName": name, "QueryParameterValue": text} | limits
        raise StorageError(400, "OutOfRangeQueryParameterValue", words, **details)
    return int(text)


def refuse_parameter(name: str, value: str, reason: str) -> NoReturn:
    """Refuse the value of a parameter, with the reason."""
    words = "Value for one of the query parameters specified in the request URI is invalid."
    details = {"QueryParameterName": name, "QueryParameterValue": value, "Reason": reason}
    raise StorageError(400, "InvalidQueryParameterValue", words, **details)
