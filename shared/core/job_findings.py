"""What the backup jobs of the last two weeks say: which failed and were not made good since, and why. Pure.

A log takes jobs one by one, so that a hundred thousand of them need no list.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.core import resource_id
from shared.core.alert import Severity
from shared.core.failures import Cause, Failure, explain
from shared.core.finding import Finding, fingerprint
from shared.core.observed import Job
from shared.core.snapshot import Entry

# Causes that lie with the service: they strike a region; the others lie with a vault's roles and settings.
_OF_REGION = frozenset({Cause.TRANSIENT, Cause.QUOTA, Cause.CONFLICT})
_GOOD = frozenset({"completed", "completedwithwarnings"})


@dataclass(slots=True)
class JobLog:
    """The jobs that matter of any number of vaults. server_types: lower-case ARM types of servers of ours.

    failed: by a fingerprint of vault and name, so that a job that is listed twice, or in capitals, is one. good: newest
    good backup by server; partial: newest backup with warnings. weeks: good backups by server and week.
    """

    server_types: frozenset[str]
    now: datetime
    seen: int = 0
    failed: dict[str, Job] = field(default_factory=dict)
    good: dict[str, datetime] = field(default_factory=dict)
    partial: dict[str, Job] = field(default_factory=dict)
    ended: dict[str, Job] = field(default_factory=dict)
    weeks: defaultdict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def add(self, job: Job) -> None:
        """Take note of one job; what is no backup of a server of ours is passed over."""
        self.seen += 1
        status, server = job.status.lower(), job.server_id.lower()
        if job.category.lower() != "backup" or (status not in _GOOD and status != "failed"):
            return
        parsed = resource_id.parse(job.server_id)
        if parsed is None or parsed.type not in self.server_types:
            return
        at = job.started_at or job.ended_at or self.now
        if status == "failed":
            self.failed[occurrence(job)] = job
            return
        if at >= self.good.get(server, at):
            self.good[server] = at
            self.ended[server] = job
        self.weeks[server].append(at)
        if status == "completedwithwarnings" and at >= _began(self.partial.get(server, job), self.now):
            self.partial[server] = job


def occurrence(job: Job) -> str:
    """What a failed job is remembered by."""
    return f"{job.vault_id}/{job.name}".lower()


def job_key(vault_id: str, name: str) -> str:
    """The mark of a failed job in its incident."""
    return fingerprint(f"{vault_id}/{name}")


def job_findings(log: JobLog, entries: Mapping[str, Entry]) -> Iterator[Finding]:
    """One finding for each failed backup, and one for each server whose newest backup is only partial.

    entries: what the last sweep said of each server, by its id in lower case.
    """
    for name, job in sorted(log.failed.items()):
        server = job.server_id.lower()
        yield _failed(name, job, log, entries.get(server))
    for server, job in sorted(log.partial.items()):
        if _began(job, log.now) >= log.good[server]:
            yield _partial(job, log.now, entries.get(server))


def entry_of_row(server_id: str, owner: str, vault_id: str) -> Entry:
    """What is known of a server that no sweep has seen: whose it is."""
    name = server_id.rsplit("/", 1)[-1]
    return Entry(server_id, name, "", "", "", "", "", "", owner, vault_id, "", "", None, None)


def _failed(name: str, job: Job, log: JobLog, entry: Entry | None) -> Finding:
    failure, at, server = explain(job.codes), _began(job, log.now), job.server_id.lower()
    kind = "on-demand" if job.user_triggered else "scheduled"
    is_expected = _is_second_of_week(log.weeks.get(server, ()), at) and not failure.is_known
    region = job.location or (entry.region if entry else "")
    code = failure.code or "unknown"
    return Finding(
        kind="backup_failed_as_expected" if is_expected else "backup_failed",
        source="jobs",
        subject=job.server_id,
        severity=Severity.EXPECTED if is_expected else _severity(failure),
        title=f"Backup failed: {failure.words}",
        words=f"the {kind} backup failed: {failure.words} ({', '.join(job.codes) or 'no code'})",
        fix=failure.fix,
        since=at,
        cause=code,
        place=region if failure.cause in _OF_REGION and region else job.vault_id.lower(),
        owner=entry.owner if entry else "",
        link=failure.link,
        occurrence=name,
        is_over=is_expected or _is_made_good(job, log, entry),
        details={"job": job.id, "vault": job.vault_id, "instance": job.instance_id, "message": job.message},
    )


def _partial(job: Job, now: datetime, entry: Entry | None) -> Finding:
    """Assumed: a partial recovery point comes from a job that ended CompletedWithWarnings; no recording shows one."""
    return Finding(
        kind="point_partial",
        source="jobs",
        subject=job.server_id,
        severity=Severity.NORMAL,
        title="The newest backup is only partial",
        words="its newest backup ended with warnings, so not all may be in its recovery point",
        fix="open the job in the portal, repair what it names, and run `flexguard backup now`",
        since=_began(job, now),
        place=job.vault_id.lower(),
        owner=entry.owner if entry else "",
        occurrence=f"{occurrence(job)}/partial",
        details={"job": job.id, "vault": job.vault_id, "instance": job.instance_id},
    )


def _severity(failure: Failure) -> Severity:
    is_passing = failure.cause in _OF_REGION or not failure.is_known
    return Severity.NORMAL if is_passing else Severity.HIGH


def _began(job: Job, now: datetime) -> datetime:
    return job.started_at or job.ended_at or now


def _is_made_good(job: Job, log: JobLog, entry: Entry | None) -> bool:
    """Whether a good backup outlasted a failed one, or a point is newer than its end: one in between is its own."""
    ended = job.ended_at or _began(job, log.now)
    good, point = log.ended.get(job.server_id.lower()), entry.latest_point if entry else None
    good_until = good.ended_at or good.started_at if good else None
    return any(moment is not None and moment > ended for moment in (good_until, point))


def _is_second_of_week(good: list[datetime] | tuple[datetime, ...], at: datetime) -> bool:
    """Whether a good backup of the same week came before.

    Source: support matrix: only the first backup of a week runs, the others fail. Assumed: it means ISO weeks, in UTC.
    """
    return any(one < at and one.isocalendar()[:2] == at.isocalendar()[:2] for one in good)
