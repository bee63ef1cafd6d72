"""Decides about the first backup of a protected server, so that there is one and never a second.

The intention is written down before the call. A lost answer leaves it standing, and then the service's own list of
jobs decides whether the backup was started; only when it was not, and enough time has passed, is it started again.
"""

from dataclasses import dataclass
from datetime import timedelta

from shared.core.actions import Action, StartBackup, Wait
from shared.core.intent import Protect
from shared.core.observed import FirstBackup, Instance, Job, Need, Observed
from shared.core.verdict import Kind, Verdict

# Source: a job was readable in the second in which its trigger's operation ended (0-1.4 s); two minutes are ample.
AMBIGUOUS_S = 120.0
CLOCK_SLACK_S = 10.0
# Source: recorded backup jobs of flexible servers took 9 min 47 s to 15 min 41 s.
FIRST_LOOK_S, NEXT_LOOK_S, LATE_LOOK_S = 600.0, 300.0, 1800.0


@dataclass(frozen=True, slots=True)
class Step:
    """What to do about the first backup, what to say, and what to remember of it."""

    verdict: Verdict
    actions: tuple[Action, ...]
    remember: FirstBackup


def needs(observed: Observed) -> frozenset[Need]:
    """What must be read before `next_step`: recovery points, jobs, or nothing when the first backup is known."""
    memory = observed.memory.first_backup
    if memory.step == "done":
        return frozenset()
    if memory.step in ("intended", "started"):
        return frozenset({Need.JOBS}) if observed.jobs is None else frozenset()
    if observed.has_recovery_point is None:
        return frozenset({Need.RECOVERY_POINTS})
    blind = memory.step == "none" and not observed.memory.created_here
    if not observed.has_recovery_point and blind and observed.jobs is None:
        return frozenset({Need.JOBS})
    return frozenset()


def next_step(intent: Protect, instance: Instance, observed: Observed) -> Step:
    """Say whether the first backup is done, under way, or to be started. Pure."""
    memory = observed.memory.first_backup
    if memory.step == "done" or observed.has_recovery_point:
        return _done(intent, memory)
    job = _own_job(instance, observed)
    if job:
        return _under_way(intent, job, observed)
    if memory.step == "failed":
        return Step(_pending("the first backup failed; the schedule makes the next one"), (), memory)
    if intent.tier.first_backup == "schedule":
        return Step(_pending("the first backup comes with the schedule"), (), memory)
    if memory.step != "none" and memory.at:
        left = AMBIGUOUS_S - (observed.now - memory.at).total_seconds()
        if left > 0:
            verdict = _pending("a backup was asked for and the answer was lost; the service's jobs will tell")
            return Step(verdict, (Wait(verdict.reason, left),), memory)
    if memory.step == "started":
        forgotten = "the service has forgotten the job of the first backup; the schedule makes the next one"
        return Step(_pending(forgotten), (), FirstBackup("failed", memory.at, memory.job_id))
    return _start(intent, instance, observed)


def _start(intent: Protect, instance: Instance, observed: Observed) -> Step:
    policies = {policy.id.lower(): policy for policy in observed.policies or ()}
    policy = policies[instance.policy_id.lower()]
    reason = f"tier {intent.tier_name} wants its first backup at once"
    start = StartBackup(reason, instance.id, policy.backup_rule, policy.default_tag)
    verdict = _pending("the first backup is being started")
    return Step(verdict, (start, Wait(verdict.reason, CLOCK_SLACK_S)), FirstBackup("intended", observed.now))


def _own_job(instance: Instance, observed: Observed) -> Job | None:
    """The job that is the first backup: the one we know by id, else one that runs or began after our intention."""
    memory = observed.memory.first_backup
    ours = (job for job in observed.jobs or () if job.instance_id.lower() == instance.id.lower())
    jobs = [job for job in ours if job.category.lower() == "backup"]
    if memory.job_id:
        return next((job for job in jobs if job.id.lower() == memory.job_id.lower()), None)
    if memory.at is None:
        return max(jobs, key=lambda job: (job.started_at is not None, job.started_at), default=None)
    since = memory.at - timedelta(seconds=CLOCK_SLACK_S)
    return next((job for job in jobs if job.started_at is None or job.started_at >= since), None)


def _under_way(intent: Protect, job: Job, observed: Observed) -> Step:
    began = job.started_at or observed.now
    match job.status.lower():
        case "completed" | "completedwithwarnings":
            return _done(intent, FirstBackup("done", began, job.id))
        case "failed" | "cancelled":
            codes = ", ".join(job.codes) or job.status
            verdict = _pending(f"the first backup failed ({codes}); the schedule makes the next one")
            return Step(verdict, (), FirstBackup("failed", began, job.id))
        case _:
            verdict = _pending("the first backup is running")
            wait = Wait(verdict.reason, _next_look_s((observed.now - began).total_seconds()))
            return Step(verdict, (wait,), FirstBackup("started", began, job.id))


def _next_look_s(age_s: float) -> float:
    if age_s < FIRST_LOOK_S:
        return FIRST_LOOK_S - age_s + 1
    return NEXT_LOOK_S if age_s < 4 * LATE_LOOK_S else LATE_LOOK_S


def _done(intent: Protect, memory: FirstBackup) -> Step:
    verdict = Verdict.of(Kind.PROTECTED, f"it is protected as {intent.tier_name} and has a recovery point")
    return Step(verdict, (), FirstBackup("done", memory.at, memory.job_id))


def _pending(reason: str) -> Verdict:
    return Verdict.of(Kind.FIRST_BACKUP_PENDING, reason)
