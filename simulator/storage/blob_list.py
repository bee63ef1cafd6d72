"""How containers and blobs are listed: the XML of both listings, with folders when a delimiter asks for them.

Knows the format, not the service.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from simulator.storage.queue_xml import XML, whole_number, xml_response
from simulator.wire import Request, Response, http_date

if TYPE_CHECKING:
    from simulator.storage.blob import Blob, Container

PAGE = 5000


def containers_xml(host: str, prefix: str, containers: Iterable["Container"]) -> Response:
    """All containers in one page."""
    shown = "".join(
        f"<Container><Name>{each.name}</Name><Properties><Last-Modified>{http_date(each.written_at)}</Last-Modified>"
        f"<Etag>{escape(each.etag)}</Etag></Properties></Container>"
        for each in containers
    )
    body = (
        f'{XML}<EnumerationResults ServiceEndpoint="https://{host}/"><Prefix>{escape(prefix)}</Prefix>'
        f"<Containers>{shown}</Containers><NextMarker /></EnumerationResults>"
    )
    return xml_response(200, body)


def blobs_xml(request: Request, container: "Container", now: datetime) -> Response:
    """One page of the blobs of a container, by name; names below a delimiter are shown as one prefix."""
    query = request.query
    prefix, delimiter, marker = query.get("prefix", ""), query.get("delimiter", ""), query.get("marker", "")
    limit = whole_number(query, "maxresults", PAGE, 1, PAGE)
    entries: dict[str, Blob | None] = {}
    for name, blob in sorted(container.blobs.items()):
        folder, found, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        if name.startswith(prefix):
            entries.setdefault(prefix + folder + found if found else name, None if found else blob)
    names = [name for name in entries if name >= marker]
    with_metadata = "metadata" in query.get("include", "")
    shown = "".join(_entry(name, entries[name], now, with_metadata) for name in names[:limit])
    following = escape(names[limit]) if len(names) > limit else ""
    head = f'ServiceEndpoint="https://{request.host}/" ContainerName={quoteattr(container.name)}'
    body = (
        f"{XML}<EnumerationResults {head}><Prefix>{escape(prefix)}</Prefix><Marker>{escape(marker)}</Marker>"
        f"<MaxResults>{limit}</MaxResults><Delimiter>{escape(delimiter)}</Delimiter>"
        f"<Blobs>{shown}</Blobs><NextMarker>{following}</NextMarker></EnumerationResults>"
    )
    return xml_response(200, body)


def _entry(name: str, blob: "Blob | None", now: datetime, with_metadata: bool) -> str:
    if blob is None:
        return f"<BlobPrefix><Name>{escape(name)}</Name></BlobPrefix>"
    lease = blob.lease.state(now)
    properties = {
        "Creation-Time": http_date(blob.created_at),
        "Last-Modified": http_date(blob.written_at),
        "Etag": blob.etag.strip('"'),
        "Content-Length": str(len(blob.data)),
        "Content-Type": blob.content_type,
        "Content-MD5": blob.md5,
        "BlobType": "BlockBlob",
        "LeaseStatus": lease["x-ms-lease-status"],
        "LeaseState": lease["x-ms-lease-state"],
    }
    metadata = f"<Metadata>{_elements(blob.metadata)}</Metadata>" if with_metadata else ""
    return f"<Blob><Name>{escape(name)}</Name><Properties>{_elements(properties)}</Properties>{metadata}</Blob>"


def _elements(values: dict[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
