"""Evidence: reads everything that an auditor wants to see, and names every source that failed or was cut.

It only reads Azure and what the app has recorded. A source that cannot be read hides no other; it is in the manifest.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from shared import plan
from shared.cloud import snapshot
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.cloud.graph import Pause
from shared.cloud.jobs import listed
from shared.core import resource_id
from shared.core.changes import MOST as MOST_CHANGES
from shared.core.changes import Change
from shared.core.estate import Estate, Scope
from shared.core.failures import explain
from shared.core.incidents import Incident
from shared.core.judgement import Judged
from shared.core.judgement import coverage as covered
from shared.core.observed import Job, Vault
from shared.core.rules import Rules
from shared.core.snapshot import Recorded, hash_of
from shared.dossier import model, rows
from shared.dossier.attainment import Ran
from shared.dossier.controls import CONTROLS
from shared.dossier.model import Head, Missing, Row, moment
from shared.ledger import Ledger
from shared.version import VERSION

PERIOD = timedelta(days=14)  # Source: recordings: a vault lists the jobs of the last 14 days
_BACKUP = "backup"

Progress = Callable[[int], None]


class BadPeriod(Exception):
    """The period has no moment in it; the message says why."""


@dataclass(frozen=True)
class Evidence:
    """What there is to write: a head and the rows of every table."""

    head: Head
    tables: Mapping[str, Sequence[Row]]


@dataclass
class _Sight:
    """What is being read. missing: in order; period: from a moment on, and before another."""

    cloud: Cloud
    estate: Estate
    period: tuple[datetime, datetime]
    missing: list[Missing]
    jobs: list[model.Job] = field(default_factory=list)
    ran: defaultdict[str, Ran] = field(default_factory=lambda: defaultdict(Ran))
    days: list[Recorded] = field(default_factory=list)
    known: dict[str, datetime] = field(default_factory=dict)

    def lacks(self, source: str, what: str) -> None:
        self.missing.append(Missing(source=source, what=what))


def gather(
    cloud: Cloud,
    ledger: Ledger | None,
    rules: Rules,
    scope: Scope,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    pause: Pause | None = None,
    progress: Progress = lambda _more: None,
) -> Evidence:
    """Read everything. since, until: of the period, else the last 14 days. ledger: None where nobody can ask it.

    progress: hears of rows and jobs that came. Raises CloudError when the estate cannot be read, and BadPeriod.
    """
    view = plan.view(cloud, scope, [rules], ledger, pause=pause, progress=progress)
    planned, estate = view.plan(rules), view.estate
    missing = [Missing(source="estate", what=what) for what in estate.incomplete]
    sight = _Sight(cloud, estate, _period(since, until, estate.now), missing)
    vaults = _vaults(sight, rules, view.identities)
    _read_jobs(sight, [vault.id for vault in vaults], progress)
    changes = _read_days(sight)
    incidents = _incidents(sight, ledger)
    judged, known = planned.judged, view.known
    attained = list(rows.attainment(judged, estate, sight.ran, sight.known, sight.period))
    tables: dict[str, Sequence[Row]] = {
        "coverage": list(rows.coverage(judged, is_complete=not estate.incomplete)),
        "coverage_by_day": list(rows.days(sight.days)),
        "servers": list(rows.servers(judged, estate)),
        "exceptions": list(rows.exceptions(judged)),
        "rpo": attained,
        "jobs": sight.jobs,
        "on_demand": list(rows.on_demand(sight.jobs, judged, known)),
        "vaults": list(rows.vaults(vaults, estate)),
        "changes": list(rows.changes(changes)),
        "incidents": list(rows.incidents(incidents)),
        "controls": CONTROLS,
    }
    return Evidence(_head(sight, rules, judged, attained), tables)


def _period(since: datetime | None, until: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    ends = min(until or now, now)
    begins = since or ends - PERIOD
    if begins >= ends:
        raise BadPeriod(f"the period begins at {begins:%Y-%m-%d %H:%M}, and that is not before {ends:%Y-%m-%d %H:%M}")
    return begins, ends


def _head(sight: _Sight, rules: Rules, judged: Sequence[Judged], attained: Iterable[model.Attainment]) -> Head:
    estate, all_read = sight.estate, not sight.estate.incomplete
    scope, counted = estate.scope, covered(judged)
    failed = {one.source for one in sight.missing}
    points = [(one.made, one.expected) for one in attained]
    ages = [one.within for one in attained if one.within != rows.NO_MEASURE]
    return Head(
        version=VERSION,
        made_at=moment(estate.now) or estate.now,
        from_=moment(sight.period[0]) or estate.now,
        to=moment(sight.period[1]) or estate.now,
        scope=model.Scope(
            subscriptions=sorted(scope.subscriptions or estate.subscriptions),
            management_groups=list(scope.management_groups),
            server=scope.server.text if scope.server else "",
        ),
        rules_hash=hash_of(rules),
        coverage=rows.share(counted.protected, counted.eligible, is_complete=all_read),
        attainment=rows.share(
            sum(made for made, _ in points),
            sum(expected for _, expected in points),
            is_complete=all_read and "jobs" not in failed,
        ),
        freshness=rows.share(ages.count("yes"), len(ages), is_complete=all_read),
        missing=sight.missing,
    )


# -- vaults and jobs -----------------------------------------------------------------------------------------------


def _vaults(sight: _Sight, rules: Rules, identities: frozenset[str]) -> list[Vault]:
    """The vaults that the rules speak of, and those that have backups of the scope, by id."""
    estate = sight.estate
    found = {vault.id.lower(): vault for vault in estate.usable_vaults(rules, identities)}
    shown = {vault.id.lower(): vault for vault in estate.vaults}
    used = sorted({one.vault_id.lower() for each in estate.instances.values() for one in each} - found.keys())
    for key in used:
        if key in shown:
            found[key] = replace(shown[key], admitted=False)
        else:
            sight.lacks("vaults", f"{key}: it has backups of the scope, and cannot be read")
    return [found[key] for key in sorted(found)]


def _read_jobs(sight: _Sight, vaults: Iterable[str], progress: Progress) -> None:
    """The jobs of the period, by time; what a vault does not show is noted."""
    oldest = sight.cloud.now - PERIOD
    if sight.period[0] < oldest - timedelta(hours=1):
        sight.lacks("jobs", f"the period begins before {oldest:%Y-%m-%d}, and Azure lists the jobs of 14 days")
    for vault in vaults:
        seen: set[str] = set()
        try:
            for job in listed(sight.cloud, vault):
                progress(1)
                if job.name not in seen:
                    seen.add(job.name)
                    _take(sight, job)
        except CloudError as error:
            sight.lacks("jobs", f"{vault}: {error.code}: {error.message}")
    sight.jobs.sort(key=lambda job: job.job)
    sight.jobs.sort(key=lambda job: job.started_at or sight.period[0])


def _take(sight: _Sight, job: Job) -> None:
    """Take note of a job of the period about a server of the scope. The same text is kept once: memory is for rows."""
    began, server = job.started_at or job.ended_at, resource_id.parse(job.server_id)
    if server is None or server.type != sight.estate.datasource.key or not _is_in(server, sight.estate):
        return
    if began and began < sight.period[1] and job.category.lower() == _BACKUP:
        sight.ran[server.key].add(began, job.status, is_scheduled=not job.user_triggered)
    if began and not sight.period[0] <= began < sight.period[1]:
        return
    failure = explain(job.codes) if job.codes else None
    sight.jobs.append(
        model.Job(
            started_at=moment(job.started_at),
            ended_at=moment(job.ended_at),
            server=sys.intern(job.server_id),
            vault=sys.intern(job.vault_id),
            instance=sys.intern(job.instance_id),
            kind="on demand" if job.user_triggered else "scheduled",
            category=sys.intern(job.category),
            status=sys.intern(job.status),
            code=failure.code if failure else "",
            reason=failure.words if failure else "",
            job=job.name,
        )
    )


def _is_in(server: resource_id.ResourceId, estate: Estate) -> bool:
    one = estate.scope.server
    return server.key == one.key if one else server.subscription in estate.subscriptions


# -- what the app has recorded -------------------------------------------------------------------------------------


def _read_days(sight: _Sight) -> list[Change]:
    """The changes of the period; the record of each day, and since when it knows a backup, are taken note of."""
    if not sight.cloud.settings.blob_endpoint:
        sight.lacks("records", "there is no setting for blob storage, so changes and earlier days are not known")
        return []
    began, ended = sight.period
    first, without = began.date() - timedelta(days=1), []
    found: dict[tuple[datetime, str], Change] = {}
    for day in (first + timedelta(days=number) for number in range((ended.date() - first).days + 1)):
        try:
            read = snapshot.of_day(sight.cloud, day)
        except CloudError as error:
            sight.lacks("records", f"{day}: {error.code}: {error.message}")
            continue
        if read is None:
            without += [day] if datetime.combine(day, time(1), UTC) < ended else []  # no sweep yet, just after midnight
            continue
        if len(read.changes) >= MOST_CHANGES:
            sight.lacks("records", f"{day}: more than {MOST_CHANGES:,} changes, of which the newest are recorded")
        for key in read.backed:
            sight.known.setdefault(key, read.at)
        sight.days += [read] if began <= read.at <= ended else []
        found |= {(one.at, one.id.lower()): one for one in read.changes if began <= one.at <= ended}
    without = [day for day in without if day >= began.date()]
    if without:
        sight.lacks("records", f"{len(without)} days without a record, the first of them {without[0]}")
    return [one for one in found.values() if _is_of(one, sight.estate)]


def _is_of(change: Change, estate: Estate) -> bool:
    server = resource_id.parse(change.id)
    return server is not None and _is_in(server, estate)


def _incidents(sight: _Sight, ledger: Ledger | None) -> list[Incident]:
    """The incidents that were open in the period, whatever they are about."""
    began, ended = sight.period
    if ledger is None:
        sight.lacks("incidents", "there is no setting for table storage, which also knows why backups were started")
        return []
    try:
        read = [kept.row for kept in ledger.incidents(began) if kept.row]
    except CloudError as error:
        sight.lacks("incidents", f"{error.code}: {error.message}")
        return []
    return [one for one in read if one.opened_at < ended and (one.closed_at is None or one.closed_at >= began)]
