"""Decides about a backup on demand, the first one or any later one, so that there is one and never a second.

The intention is written down before the call. A lost answer leaves it standing, and then the service's own list of
jobs decides whether the backup was started; only when it was not, and enough time has passed, is it started again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core import due, resource_id
from shared.core.actions import Action, StartBackup, Wait
from shared.core.due import FIRST, GAP, PERSON, is_running
from shared.core.intent import Protect
from shared.core.observed import Answer, Instance, Job, LastBackup, Need, Observed, Running, Wish
from shared.core.rules import Rules
from shared.core.verdict import Kind, Verdict
from shared.core.waits import FRESH

# Source: a job was readable in the second in which its trigger's operation ended (0-1.4 s); two minutes are ample.
AMBIGUOUS_S = 120.0
CLOCK_SLACK_S = 10.0
# Assumed: two clocks of Azure differ by no more. Another backup that is so near only a person can have asked for: the
# newest is taken for ours.
CLOCKS_DIFFER = timedelta(minutes=5)
# Source: recorded backup jobs of flexible servers took 9 min 47 s to 15 min 41 s. One look then is enough, where nobody
# waits for it: reads are what limits how many backups can be started at once.
FIRST_LOOK_S, NEXT_LOOK_S, LATE_LOOK_S, OVER_S = 600.0, 300.0, 1800.0, 960.0
WISH_LASTS = timedelta(hours=24)
_UNDER_WAY = ("intended", "started")


@dataclass(frozen=True, slots=True)
class Step:
    """What to do about a backup, what to say, what to remember of it, and the answer to a wish for it."""

    verdict: Verdict
    actions: tuple[Action, ...]
    remember: LastBackup
    answer: Answer | None = None


def needs(observed: Observed) -> frozenset[Need]:
    """What must be read before `next_step`: recovery points, jobs, or nothing when everything is remembered."""
    memory, wish = observed.memory.backup, observed.memory.wish
    needed = set()
    if memory.step in _UNDER_WAY and observed.jobs is None:
        needed.add(Need.JOBS)
    is_over = observed.jobs is not None and not any(map(is_running, observed.jobs))
    is_asked = wish is not None and (memory.step != "started" or is_over)
    is_open = not memory.has_point and memory.step not in _UNDER_WAY
    if observed.has_recovery_point is None and (is_asked or is_open):
        needed.add(Need.RECOVERY_POINTS)
    if observed.jobs is None and not needed and _are_jobs_needed(memory, wish, observed):
        needed.add(Need.JOBS)
    return frozenset(needed)


def _are_jobs_needed(memory: LastBackup, wish: Wish | None, observed: Observed) -> bool:
    """Where nobody remembers a backup, or a person asks, only the service knows whether there was one."""
    if wish:
        return memory.step == "none" or wish.why == PERSON
    created_at = observed.memory.created_at
    is_new = created_at is not None and observed.now - created_at < FRESH
    return memory.step == "none" and not observed.has_recovery_point and not is_new


def next_step(intent: Protect, instance: Instance, observed: Observed, rules: Rules) -> Step:
    """Say whether a backup is done, under way, or to be started. Pure."""
    memory = observed.memory.backup
    if observed.has_recovery_point and not memory.has_point:
        memory = replace(memory, has_point=True)
    if memory.why == FIRST and memory.has_point and memory.step in _UNDER_WAY:
        memory = replace(memory, step="done")
    if memory.step in _UNDER_WAY:
        job, wish = _own_job(instance, observed, memory), observed.memory.wish
        if job and wish and not is_running(job) and job.ended_at and not _is_since(job.ended_at, wish):
            return _wished(intent, instance, observed, rules, wish, _after(job, memory, memory.why, observed))
        if job:
            return _under_way(intent, job, observed, memory)
        if (left_s := _doubtful_s(memory, observed)) > 0:
            said = "a backup was asked for and the answer was lost; the service's jobs will tell"
            return Step(_verdict(intent, memory, said), (Wait(said, left_s),), memory)
        if memory.step == "started":
            return _forgotten(intent, observed, memory)
        memory = replace(memory, step="none")  # it was intended, and never happened
    wish = observed.memory.wish
    if wish:
        return _wished(intent, instance, observed, rules, wish, memory)
    return _first(intent, instance, observed, memory)


def _first(intent: Protect, instance: Instance, observed: Observed, memory: LastBackup) -> Step:
    if memory.has_point:
        return Step(_verdict(intent, memory), (), memory if memory.step == "failed" else replace(memory, step="done"))
    if memory.step == "failed":
        return Step(_verdict(intent, memory, "the first backup failed; the schedule, or a retry, makes it"), (), memory)
    if job := _own_job(instance, observed, memory):
        return _under_way(intent, job, observed, memory)
    if intent.tier.first_backup == "schedule":
        return Step(_verdict(intent, memory, "the first backup comes with the schedule"), (), memory)
    return _start(intent, instance, observed, memory, FIRST, f"tier {intent.tier_name} wants its first backup at once")


# -- somebody asks for one -----------------------------------------------------------------------------------------


def _wished(
    intent: Protect, instance: Instance, observed: Observed, rules: Rules, wish: Wish, memory: LastBackup
) -> Step:
    """Start what was wished for, unless it has been made, is being made, or must not be made now."""
    newest = _newest(_mine(instance, observed))
    if newest and is_running(newest):
        return _under_way(intent, newest, observed, memory)
    known = memory.at if memory.step != "none" else None
    began = max(filter(None, (known, newest.started_at if newest else None)), default=None)
    if newest and newest.started_at and newest.started_at == began and memory.at != began:
        memory = LastBackup(_step_of(newest), began, newest.id, wish.why, memory.has_point)
    if began and _is_since(began, wish):
        return _answered(intent, memory, wish, f"a backup has begun since, at {began:%H:%M} UTC", is_met=True)
    if why_not := _refused(intent, observed, rules, wish, began):
        return _answered(intent, memory, wish, why_not)
    because = f"{wish.by} asks for it" if wish.by else due.BECAUSE[wish.why]
    return _start(intent, instance, observed, memory, wish.why, because)


def _refused(intent: Protect, observed: Observed, rules: Rules, wish: Wish, began: datetime | None) -> str:
    """Why a wish starts no backup now, "" when it does."""
    now, point = observed.now, observed.latest_point
    if now - wish.at > WISH_LASTS:
        return "it could not be started within a day"
    if wish.why == PERSON:
        running = _running_elsewhere(observed)
        if running >= rules.on_demand.most_at_once:
            return f"{running} backups run in its vault, and the rules allow {rules.on_demand.most_at_once} at once"
    elif began and now - began < GAP:
        return f"a backup was started at {began:%H:%M} UTC, and nobody starts another within half an hour"
    elif point and (wish.point is None or point > wish.point):
        return f"it has a newer recovery point by now, of {point:%Y-%m-%d %H:%M} UTC"
    return due.hindered(intent.tier, wish.why, point, now, rules.on_demand)


def _answered(intent: Protect, memory: LastBackup, wish: Wish, said: str, *, is_met: bool = False) -> Step:
    return Step(_verdict(intent, memory), (), memory, Answer(wish.at, said, is_met))


def _running_elsewhere(observed: Observed) -> int:
    return sum(is_running(job) for job in observed.jobs or () if job.category.lower() == "backup")


# -- one backup ----------------------------------------------------------------------------------------------------


def _start(intent: Protect, instance: Instance, observed: Observed, memory: LastBackup, why: str, because: str) -> Step:
    followed = instance.policy_id.lower()
    policy = next((one for one in observed.policies or () if one.id.lower() == followed), None)
    if policy is None:
        said = "no backup can be started, as the policy that its instance follows is not in the vault"
        wish = observed.memory.wish
        return Step(_verdict(intent, memory, said), (), memory, Answer(wish.at, said) if wish else None)
    start = StartBackup(because, instance.id, policy.backup_rule, policy.default_tag)
    said = (
        f"a backup on demand is being started: {because}" if memory.has_point else "the first backup is being started"
    )
    remember = LastBackup("intended", observed.now, "", why, memory.has_point)
    is_waited_for = observed.memory.wish is not None and observed.memory.wish.by
    return Step(
        _verdict(intent, memory, said), (start, Wait(said, CLOCK_SLACK_S if is_waited_for else OVER_S)), remember
    )


def triggered(backup: LastBackup, ended: Running) -> LastBackup:
    """What is known once the trigger's operation has ended: it ends when the job exists, not when the job ends.

    Only the service itself can say that there is no job; where it has not, the list of jobs tells.
    """
    if ended.status == "succeeded":
        return replace(backup, step="started", job_id=ended.job_id) if ended.job_id else backup
    is_known = ended.error[0] not in ("OperationNotFound", "OperationNeverEnded", "ForeignHost")
    return replace(backup, step="failed") if is_known else backup


def _mine(instance: Instance, observed: Observed) -> list[Job]:
    """The instance's backups. A job that names no instance is its server's: rather no backup started than a second."""
    ours, server = instance.id.lower(), observed.server_id.key
    of_mine = (job for job in observed.jobs or () if _is_of(job, ours, server))
    return [job for job in of_mine if job.category.lower() == "backup"]


def _is_of(job: Job, instance_id: str, server_id: str) -> bool:
    named = resource_id.parse(job.instance_id)
    return named.key == instance_id if named else job.server_id.lower() == server_id


def _newest(jobs: list[Job]) -> Job | None:
    """The backup that runs, else the one that began last."""
    running = [job for job in jobs if is_running(job)]
    dated = [(job.started_at, job) for job in running or jobs if job.started_at]
    return max(dated, key=lambda pair: pair[0])[1] if dated else next(iter(running or jobs), None)


def _own_job(instance: Instance, observed: Observed, memory: LastBackup) -> Job | None:
    """The job that is the backup: the one we know by id, else one that runs or began after our intention."""
    mine = _mine(instance, observed)
    if memory.job_id:
        known = memory.job_id.lower()
        return next((job for job in mine if job.id.lower() == known), None)
    since = memory.at - CLOCKS_DIFFER if memory.at else None
    return _newest([job for job in mine if since is None or job.started_at is None or job.started_at >= since])


def _after(job: Job, memory: LastBackup, why: str, observed: Observed) -> LastBackup:
    """What is remembered of a backup by its job."""
    step = _step_of(job)
    return LastBackup(step, job.started_at or observed.now, job.id, why, memory.has_point or step == "done")


def _is_since(moment: datetime, wish: Wish) -> bool:
    """Whether something happened after somebody asked for a backup; the clocks may differ a little."""
    return moment >= wish.at - timedelta(seconds=CLOCK_SLACK_S)


def _step_of(job: Job) -> str:
    match job.status.lower():
        case "completed" | "completedwithwarnings":
            return "done"
        case "failed" | "cancelled":
            return "failed"
        case _:
            return "started"


def _under_way(intent: Protect, job: Job, observed: Observed, memory: LastBackup) -> Step:
    began, step, wish = job.started_at or observed.now, _step_of(job), observed.memory.wish
    why = memory.why if memory.step in _UNDER_WAY or not wish else wish.why
    remember = _after(job, memory, why, observed)
    answer = Answer(wish.at, f"a backup began at {began:%H:%M} UTC", is_met=True) if wish else None
    name = "a backup on demand" if memory.has_point else "the first backup"
    if step == "done":
        return Step(_verdict(intent, remember), (), remember, answer)
    if step == "failed":
        codes = ", ".join(job.codes) or job.status
        said = f"{name} failed ({codes}); the schedule, or a retry, makes the next one"
        return Step(_verdict(intent, remember, said), (), remember, answer)
    wait_s = _next_look_s((observed.now - began).total_seconds())
    said = f"{name} is running"
    return Step(_verdict(intent, remember, said), (Wait(said, wait_s),), remember, answer)


def _doubtful_s(memory: LastBackup, observed: Observed) -> float:
    """For how long a lost answer may still turn into a job."""
    return AMBIGUOUS_S - (observed.now - memory.at).total_seconds() if memory.at else 0.0


def _forgotten(intent: Protect, observed: Observed, memory: LastBackup) -> Step:
    name = "the backup" if memory.has_point else "the first backup"
    said = f"the service has forgotten the job of {name}; the schedule makes the next one"
    wish = observed.memory.wish
    answer = Answer(wish.at, said, is_met=True) if wish else None
    return Step(_verdict(intent, memory, said), (), replace(memory, step="failed"), answer)


def _next_look_s(age_s: float) -> float:
    if age_s < FIRST_LOOK_S:
        return FIRST_LOOK_S - age_s + 1
    return NEXT_LOOK_S if age_s < 4 * LATE_LOOK_S else LATE_LOOK_S


def _verdict(intent: Protect, memory: LastBackup, said: str = "") -> Verdict:
    """Who has a recovery point is protected, whatever becomes of this backup; the sweep says what is overdue."""
    if not memory.has_point:
        return Verdict.of(Kind.FIRST_BACKUP_PENDING, said or "the first backup is still to come")
    reason = f"it is protected as {intent.tier_name} and has a recovery point"
    return Verdict.of(Kind.PROTECTED, f"{reason}; {said}" if said else reason)
