"""Whose backup is due on demand, and why, or why not? Pure; it knows one server's facts and no Azure.

Every answer has a reason: the scan acts on it, `flexguard explain` shows it. What it proposes is looked at anew before
anything is started (`core/on_demand.py`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.datasource import Datasource
from shared.core.failures import Cause, explain
from shared.core.intent import Intent, Protect
from shared.core.observed import Instance, Job, Server
from shared.core.policy import tier_meaning, variant_of
from shared.core.protection import CONFIGURED
from shared.core.resource_id import ResourceId
from shared.core.retention_time import slots
from shared.core.rules import Starts, Tier
from shared.core.time_zones import clock

# Why a backup is asked for. A person's wish is stronger than the others: only what must not be stops it.
FIRST, LATE, FAILED, ROLES, CADENCE, PERSON = "first", "late", "failed", "roles", "cadence", "person"
BECAUSE = {
    FIRST: "it has no recovery point yet",
    LATE: "its newest recovery point is older than its tier allows",
    FAILED: "its last backup failed for a cause that passes",
    ROLES: "its last backup failed for lack of a role",
    CADENCE: "its tier asks for another recovery point",
    PERSON: "a person asks for it",
}
GAP = timedelta(minutes=30)  # nobody but a person starts two backups of a server within so short a time
RETRY_AFTER_H = (0.5, 0.75, 2, 4, 8, 16, 24)  # the first two are over at the next hourly scan
QUOTA_H = 2  # Source: CloudDosTimeboudLimitReached says "retry after few hours"
LISTED = timedelta(days=14)  # Source: recorded lists of jobs
ENDED = frozenset({"completed", "completedwithwarnings", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Due:
    """Is a backup to be asked for now? why: one of the words above, "" for no. reason: one sentence either way."""

    why: str
    reason: str


@dataclass(frozen=True, slots=True)
class Backups:
    """What is known of the backups of one server. latest_point: its newest good recovery point.

    jobs: those of its instance that run or have failed; others do no harm. waiting_since: since when it has waited for
    its first recovery point, None when nobody knows.
    """

    instance: Instance | None
    latest_point: datetime | None = None
    jobs: Sequence[Job] = ()
    waiting_since: datetime | None = None


def judge(server: Server, facts: Datasource, intent: Intent, known: Backups, now: datetime, limits: Starts) -> Due:
    """Say whether a backup of a server is due, and why, or why not."""
    instance, latest_point = known.instance, known.latest_point
    if not isinstance(intent, Protect):
        return Due("", intent.reason)
    if instance is None:
        return Due("", "it has no backup instance yet")
    if instance.state.lower() != CONFIGURED:
        return Due("", f"its backup instance is {instance.state or 'in no state'}")
    if server.state != facts.ready_state:
        return Due("", f"the server is {server.state or 'in no known state'}, not {facts.ready_state}")
    mine = [job for job in known.jobs if job.category.lower() == "backup"]
    if running := [job for job in mine if is_running(job)]:
        return Due("", f"a backup is running since {_time(running[0].started_at)}")
    found = _wanted(intent.tier, server.id, replace(known, jobs=mine), now, limits)
    hindrance = hindered(intent.tier, found.why, latest_point, now, limits) if found.why else ""
    return Due("", f"{found.reason}, but {hindrance}") if hindrance else found


def is_running(job: Job) -> bool:
    """Whether a job goes on. A status that nobody knows counts as going on."""
    return job.status.lower() not in ENDED


def hindered(tier: Tier, why: str, latest_point: datetime | None, now: datetime, limits: Starts) -> str:
    """What keeps a backup that is wanted from being started now, "" when nothing does."""
    local = now.astimezone(clock(tier.backup.time_zone.windows))
    if dates := next((one for one in tier.on_demand.blackout if one.first <= local.date() <= one.last), None):
        return f"the rules start none on {dates}"
    if why == PERSON:
        return ""
    window = tier.on_demand.window
    if window and not window.has(local):
        return f"the rules start them from {window.start} to {window.end} {tier.backup.time_zone}"
    if limits.second_in_week == "skip" and latest_point and _week(latest_point, tier) == _week(now, tier):
        return f"this week has its recovery point ({_time(latest_point)}), and Azure Backup makes one a week"
    return ""


# -- what is wanted ------------------------------------------------------------------------------------------------


def _wanted(tier: Tier, server: ResourceId, known: Backups, now: datetime, limits: Starts) -> Due:
    latest_point = known.latest_point
    failures = _failures(tier, latest_point, known.jobs, now, limits)
    if failures:
        return _after_failures(failures, now)
    if latest_point is None:
        return _first(tier, now, known.waiting_since)
    age, shown = now - latest_point, _time(latest_point)
    if age > tier.max_age.longest:
        return Due(LATE, f"its newest recovery point is of {shown}, its tier allows {tier.max_age}")
    every = tier.on_demand.every
    if every and age >= every.longest:
        if limits.second_in_week == "skip" and (slot := _slot_this_week(tier, server, now)):
            return Due("", f"the schedule makes this week's backup at {_time(slot)}, and Azure Backup makes one a week")
        return Due(CADENCE, f"its newest recovery point is of {shown}, its tier asks for one every {every}")
    return Due("", f"its newest recovery point is of {shown}, which is young enough")


def _first(tier: Tier, now: datetime, waiting_since: datetime | None) -> Due:
    if tier.first_backup == "at_once":
        return Due(FIRST, "it has no recovery point, and its tier wants the first one at once")
    if waiting_since and now - waiting_since > tier.max_age.longest:
        return Due(FIRST, f"the schedule has made no first recovery point since {_time(waiting_since)}")
    return Due("", "its first recovery point comes with the schedule")


def _failures(
    tier: Tier, latest_point: datetime | None, jobs: Iterable[Job], now: datetime, limits: Starts
) -> list[Job]:
    """The backups that failed since the newest good one, oldest first.

    Left out where the rules skip a second backup in a week: what the schedule tried in a week that had its backup.
    """
    found = []
    for job in jobs:
        began = job.started_at
        is_old = began is None or now - began > LISTED or (latest_point and began <= latest_point)
        if is_old or began is None or job.status.lower() != "failed":
            continue
        is_used = latest_point is not None and _week(latest_point, tier) == _week(began, tier)
        if not (is_used and limits.second_in_week == "skip" and not job.user_triggered):
            found.append((began, job))
    return [job for _, job in sorted(found, key=lambda pair: (pair[0], pair[1].id))]


def _after_failures(failures: Sequence[Job], now: datetime) -> Due:
    """Wait and try again, longer each time; for lack of a role likewise; never for what a person must change."""
    last, told = failures[-1], explain(failures[-1].codes)
    cause, code = told.cause, told.code or "no code"
    if cause in (Cause.CONFIGURATION, Cause.GONE):
        return Due("", f"its last backup failed ({code}), and only a person can mend that")
    wait_h = RETRY_AFTER_H[min(len(failures), len(RETRY_AFTER_H)) - 1]
    wait_h = max(wait_h, QUOTA_H) if cause is Cause.QUOTA else wait_h
    again = (last.ended_at or last.started_at or now) + timedelta(hours=wait_h)
    times = "once" if len(failures) == 1 else f"{len(failures)} times in a row"
    if now < again:
        return Due("", f"its backup failed {times} ({code}); it is tried again after {_time(again)}")
    return Due(ROLES if cause is Cause.PERMISSION else FAILED, f"its backup failed {times} ({code})")


# -- time ----------------------------------------------------------------------------------------------------------


def _week(moment: datetime, tier: Tier) -> tuple[int, int]:
    """The week on the schedule's clock. Assumed: Azure Backup counts ISO weeks, from Monday."""
    year, week, _ = moment.astimezone(clock(tier.backup.time_zone.windows)).isocalendar()
    return year, week


def _slot_this_week(tier: Tier, server: ResourceId, now: datetime) -> datetime | None:
    """The scheduled backup that is still to come this week."""
    coming = slots(tier_meaning(tier, variant_of(server, tier)), now, now + timedelta(days=7))
    slot = next(coming, None)
    return slot if slot and _week(slot, tier) == _week(now, tier) else None


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "an unknown time"
