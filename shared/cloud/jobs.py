"""Reads the jobs of a vault page by page, without holding more than one page: a large vault has a hundred thousand.

Rows are decoded straight into small values, as Resource Graph's are; the service's own client takes ten times as long.
"""

from collections.abc import Iterator

import msgspec
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError, translated
from shared.cloud.observe import read_job
from shared.core.events import read_time
from shared.core.observed import Job

API = "2026-06-01"  # that of azure-mgmt-dataprotection 2.2
MOST_PAGES = 10_000
_REFUSED = 400
_FAILED = "failed"


class _Properties(msgspec.Struct, rename="camel"):
    """The members that say whether a job matters; of one that failed all is read."""

    operation_category: str | None = None
    status: str | None = None
    data_source_id: str | None = None
    backup_instance_id: str | None = None
    is_user_triggered: bool | None = None
    start_time: str | None = None
    end_time: str | None = None
    data_source_location: str | None = None


class _Job(msgspec.Struct):
    id: str = ""
    name: str = ""
    properties: _Properties = msgspec.field(default_factory=_Properties)


class _Page(msgspec.Struct, rename={"following": "nextLink"}):
    value: list[msgspec.Raw] = []
    following: str | None = None


def listed(cloud: Cloud, vault_id: str) -> Iterator[Job]:
    """The jobs of a vault of the last 14 days, as they come; one may come twice. Raises CloudError, also in the middle.

    A job that cannot be read is passed over. The next page is asked for as Azure says, at our own ARM host alone.
    """
    url = f"{cloud.settings.arm_endpoint}{vault_id}/backupJobs?api-version={API}"
    for _ in range(MOST_PAGES):
        page = _page(cloud, url)
        for raw in page.value:
            if job := _read(raw, vault_id):
                yield job
        if not page.following or page.following == url:
            return
        url = page.following


def _page(cloud: Cloud, url: str) -> _Page:
    request = HttpRequest("GET", url, headers={"Accept": "application/json"})
    with translated():
        response = cloud.arm.send_request(request, stream=True)
        content = response.read()
        if response.status_code >= _REFUSED:
            raise HttpResponseError(response=response)
    try:
        return msgspec.json.decode(content, type=_Page)
    except msgspec.DecodeError as error:
        raise CloudError("UnreadableAnswer", f"not a list of jobs: {error}") from error


def _read(raw: msgspec.Raw, vault_id: str) -> Job | None:
    try:
        job = msgspec.json.decode(raw, type=_Job)
    except msgspec.DecodeError:
        return None
    told = job.properties
    if (told.status or "").lower() == _FAILED:
        return read_job(msgspec.json.decode(raw), vault_id)
    return Job(
        id=job.id,
        name=job.name,
        instance_id=told.backup_instance_id or "",
        server_id=told.data_source_id or "",
        vault_id=vault_id,
        status=told.status or "",
        category=told.operation_category or "",
        user_triggered=bool(told.is_user_triggered),
        started_at=read_time(told.start_time),
        ended_at=read_time(told.end_time),
        location=told.data_source_location or "",
    )
