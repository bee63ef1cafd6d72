"""Measures backups as they come, a few at a time, and finds those that are much smaller than the ones before.

Only one job that is asked for says how much it moved, and Azure answers few such questions; so each run asks about a
handful, the oldest first, and remembers how far it came.
"""

from collections.abc import Iterator, Mapping

from shared.cloud import observe
from shared.cloud.clients import Cloud
from shared.core.alert import Severity
from shared.core.finding import Finding, fingerprint
from shared.core.job_findings import JobLog
from shared.core.observed import Job
from shared.core.sizes import is_small, with_newest
from shared.core.snapshot import Entry
from shared.ledger import Changed, Ledger, Watched

MOST_ASKED = 20  # Source: recordings: job GETs have a limit of 199, in a window that nobody states


def measured(
    vault_id: str, log: JobLog, entries: Mapping[str, Entry], cloud: Cloud, ledger: Ledger
) -> Iterator[Finding]:
    """Measure the next backups of a vault, and name its servers whose newest backup is small. Raises CloudError."""
    ended = [job for job in log.ended.values() if job.vault_id.lower() == vault_id.lower() and job.ended_at]
    if not ended:
        return iter(())
    kept = ledger.watched(vault_id)
    row = kept.row or Watched(name=vault_id, at=cloud.now)
    fresh = [job for job in ended if row.measured_until is None or (job.ended_at or log.now) > row.measured_until]
    fresh.sort(key=lambda job: (job.ended_at or log.now, job.name))
    sizes, until = dict(row.sizes), row.measured_until
    for job in fresh[:MOST_ASKED]:
        found = observe.job(cloud, job.id)
        if found and found.moved_bytes is not None:
            mark = fingerprint(job.server_id)
            sizes[mark] = with_newest(sizes.get(mark, ()), int(found.moved_bytes))
        until = job.ended_at
    if until != row.measured_until:
        try:
            after = Watched(name=vault_id, at=cloud.now, measured_until=until, sizes=sizes)
            ledger.keep_watched(after, kept.version)
        except Changed:
            sizes = row.sizes  # another run measures; this one judges by what it knew
    return _small(vault_id, ended, sizes, entries, log)


def _small(
    vault_id: str, ended: list[Job], sizes: Mapping[str, tuple[int, ...]], entries: Mapping[str, Entry], log: JobLog
) -> Iterator[Finding]:
    for job in ended:
        known = sizes.get(fingerprint(job.server_id), ())
        if not is_small(known):
            continue
        entry = entries.get(job.server_id.lower())
        before = ", ".join(f"{size:,}" for size in known[:-1])
        yield Finding(
            kind="point_small",
            source="vault",
            subject=job.server_id,
            severity=Severity.NORMAL,
            title="The newest backup is much smaller than those before",
            words=f"its newest backup has {known[-1]:,} bytes, those before had {before}",
            fix="application team: see whether data was lost; the older recovery points are still there",
            since=job.started_at or log.now,
            place=vault_id.lower(),
            owner=entry.owner if entry else "",
            details={"job": job.id, "instance": job.instance_id},
        )
