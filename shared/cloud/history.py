"""Reads what Azure Backup has done for one instance: its newest recovery point and its newest backup job."""

from collections.abc import Iterable
from datetime import UTC, datetime

from shared.cloud.clients import Cloud
from shared.cloud.errors import translated
from shared.core import resource_id
from shared.core.events import read_time
from shared.core.observed import Instance, Job

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def latest_point(cloud: Cloud, instance: Instance) -> datetime | None:
    """When the newest completed recovery point was made; None when there is none. Raises CloudError."""
    parsed = resource_id.parse(instance.id)
    if not parsed:
        return None
    with translated():
        listed = cloud.data_protection(parsed.subscription).recovery_points.list(
            parsed.group, parsed.names[0], parsed.name
        )
        points = [point.get("properties") or {} for point in listed]
    good = (point for point in points if str(point.get("recoveryPointState") or "").lower() == "completed")
    return max((at for point in good if (at := read_time(point.get("recoveryPointTime")))), default=None)


def latest_job(jobs: Iterable[Job], instance: Instance) -> Job | None:
    """The newest backup job of the instance among the jobs of its vault; None when there is none."""
    mine = (job for job in jobs if job.instance_id.lower() == instance.id.lower())
    backups = (job for job in mine if job.category.lower() == "backup")
    return max(backups, key=lambda job: job.started_at or _LONG_AGO, default=None)
