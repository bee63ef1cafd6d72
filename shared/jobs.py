"""Jobs: what the vaults of the rules have done of late, the newest first. It only reads."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.cloud import vaults
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.cloud.jobs import listed
from shared.core import resource_id
from shared.core.observed import Job
from shared.core.rules import Rules
from shared.datasources.postgresql_flexible import DATASOURCE


@dataclass(frozen=True, slots=True)
class Jobs:
    """jobs: newest first. missing: vaults that could not be read, or not to their end, in words."""

    jobs: tuple[Job, ...]
    missing: tuple[str, ...]


def jobs(
    cloud: Cloud,
    rules: Rules,
    wanted: Callable[[Job, datetime], bool],
    progress: Callable[[int], None] = lambda _more: None,
) -> Jobs:
    """The jobs of our servers in the vaults that the rules speak of, of the last 14 days.

    wanted: which of them, by the job and when it began; so that a hundred thousand need no list. progress: hears of
    jobs that came. Raises CloudError when the vaults cannot be listed.
    """
    found: dict[str, tuple[datetime, Job]] = {}
    missing = []
    for vault in vaults.of_rules(cloud, rules):
        try:
            for job in listed(cloud, vault.id):
                progress(1)
                server, began = resource_id.parse(job.server_id), job.started_at or job.ended_at or cloud.now
                if server and server.type == DATASOURCE.key and wanted(job, began):
                    found[job.id.lower()] = (began, job)
        except CloudError as error:
            missing.append(f"{vault.name}: {error.code}: {error.message}")
    newest = sorted(found.items(), key=lambda one: (-one[1][0].timestamp(), one[0]))
    return Jobs(tuple(job for _, (_, job) in newest), tuple(missing))
