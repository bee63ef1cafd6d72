"""How did the newest backup of each server end? What the watch writes down of the jobs it reads, for people to see."""

from dataclasses import dataclass, field
from datetime import datetime

from shared.core.failures import explain
from shared.core.job_findings import JobLog
from shared.core.observed import Job

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class LastJob:
    """The newest backup job of a server that has ended: Azure's word for how, when, and an error code."""

    status: str
    at: datetime
    code: str = ""


@dataclass(frozen=True, slots=True)
class LastJobs:
    """The last job of each server, by lower-case id, as of `at`. unread: vaults of which nobody knows, in words."""

    at: datetime
    servers: dict[str, LastJob] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    schema: int = SCHEMA


def last_jobs(log: JobLog, unread: tuple[str, ...] = ()) -> LastJobs:
    """The newest job of each server among those that the log has taken note of."""
    newest: dict[str, Job] = dict(log.ended)
    for job in log.failed.values():
        server = job.server_id.lower()
        if server not in newest or _at(job, log.now) > _at(newest[server], log.now):
            newest[server] = job
    found = {
        server: LastJob(job.status, _at(job, log.now), explain(job.codes).code if job.codes else "")
        for server, job in newest.items()
    }
    return LastJobs(log.now, found, unread)


def _at(job: Job, now: datetime) -> datetime:
    return job.ended_at or job.started_at or now
