"""Counts what Event Grid could not deliver: the blobs that it put aside within the last day. Nothing is read or moved.

Source: List Blobs of the Blob service; Event Grid writes each batch of dead letters as one blob.
"""

from datetime import datetime, timedelta
from urllib.parse import quote

from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import ContentDecodePolicy
from azure.core.rest import HttpRequest

from shared.cloud.clients import STORAGE_VERSION, Cloud
from shared.cloud.errors import read_date, translated

CONTAINER = "deadletters"
RECENT = timedelta(days=1)
MOST_PAGES = 20
_REFUSED, _NOT_FOUND = 400, 404


def recent(cloud: Cloud) -> tuple[int, datetime | None]:
    """How many blobs of dead letters are younger than a day, and when the newest came. Raises CloudError."""
    found: list[datetime] = []
    marker = ""
    for _ in range(MOST_PAGES):
        written, marker = _page(cloud, marker)
        found += [at for at in written if cloud.now - at < RECENT]
        if not marker:
            break
    return len(found), max(found, default=None)


def _page(cloud: Cloud, marker: str) -> tuple[list[datetime], str]:
    """When the blobs of one page were written, and where the next page begins."""
    after = f"&marker={quote(marker)}" if marker else ""
    address = f"{cloud.settings.blob_endpoint}/{CONTAINER}?restype=container&comp=list{after}"
    with translated():
        request = HttpRequest("GET", address, headers={"x-ms-version": STORAGE_VERSION})
        response = cloud.blobs.send_request(request)
        if response.status_code == _NOT_FOUND:
            return [], ""
        if response.status_code >= _REFUSED:
            raise HttpResponseError(response=response)
        listed = ContentDecodePolicy.deserialize_from_text(response.text(), "application/xml")
    written = (read_date({"Date": element.text or ""}) for element in listed.iter("Last-Modified"))
    return [at for at in written if at], listed.findtext("NextMarker") or ""
