"""Puts the evidence of a day into the container that is for it, once: what is there stays as it is.

Nothing here writes over a blob, and a container with an immutability policy would not let it.
Source: Put Blob; "Specifying conditional headers for Blob service operations": If-None-Match: *.
"""

from datetime import date

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from shared.cloud.clients import STORAGE_VERSION, Cloud
from shared.cloud.errors import translated

_OK, _CREATED, _NOT_FOUND = 200, 201, 404
# Assumed: the condition is judged before the policy; where it is the other way round, the last one says the same.
_THERE = frozenset({"BlobAlreadyExists", "ConditionNotMet", "BlobImmutableDueToPolicy"})
_HEADERS = {
    "x-ms-version": STORAGE_VERSION,
    "x-ms-blob-type": "BlockBlob",
    "Content-Type": "application/zip",
    "If-None-Match": "*",
}


def blob_name(day: date) -> str:
    """Where the evidence of a day is."""
    return f"{day:%Y/%m/%Y-%m-%d}.zip"


def has(cloud: Cloud, day: date) -> bool:
    """Whether a day's evidence is there. Raises CloudError."""
    with translated():
        request = HttpRequest("HEAD", _url(cloud, day), headers={"x-ms-version": STORAGE_VERSION})
        response = cloud.blobs.send_request(request)
        if response.status_code not in (_OK, _NOT_FOUND):
            raise HttpResponseError(response=response)
    return bool(response.status_code == _OK)


def keep(cloud: Cloud, day: date, content: bytes) -> bool:
    """Write a day's evidence; False when it is there already, which nothing changes. Raises CloudError."""
    with translated():
        response = cloud.blobs.send_request(HttpRequest("PUT", _url(cloud, day), headers=_HEADERS, content=content))
        if response.headers.get("x-ms-error-code", "") in _THERE:
            return False
        if response.status_code != _CREATED:
            raise HttpResponseError(response=response)
    return True


def _url(cloud: Cloud, day: date) -> str:
    return f"{cloud.settings.blob_endpoint}/{cloud.settings.evidence_container}/{blob_name(day)}"
