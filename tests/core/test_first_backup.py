"""The first backup: there is one, and never a second, whatever got lost on the way."""

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from shared.core.actions import StartBackup, Wait
from shared.core.first_backup import Step, needs, next_step
from shared.core.intent import Protect
from shared.core.observed import FirstBackup, Job, Memory, Need
from shared.core.verdict import Kind
from tests.core.samples import BRONZE, GOLD_ASKED, INSTANCE, NOW, OTHER_VAULT, instance, job, observed

STEPS = ("none", "intended", "started", "done", "failed")
STATUSES = ("InProgress", "Completed", "CompletedWithWarnings", "Failed", "Cancelled", "Cancelling", "Paused", "New")
AGES_S = (0, 5, 60, 119, 120, 121, 3600, 10 * 86_400)
STRANGER = job(instance_id=f"{OTHER_VAULT}/backupInstances/other")
RESTORE = job("Completed", category="Restore")


def step_of(memory: FirstBackup, jobs: tuple[Job, ...] | None, *, point: bool = False, intent: Any = None) -> Step:
    seen = observed(instances=(instance(),), jobs=jobs, has_recovery_point=point, memory=Memory(first_backup=memory))
    return next_step(intent or GOLD_ASKED, instance(), seen)


def starts(step: Step) -> bool:
    return any(isinstance(action, StartBackup) for action in step.actions)


@pytest.mark.parametrize(("step", "point", "age_s"), [*product(STEPS, (True, False), AGES_S)])
def test_never_a_second_one(step: str, age_s: int, *, point: bool):
    """A backup is started only where none was, or where one was asked for and two minutes later has no job."""
    begun = NOW - timedelta(seconds=age_s)
    memory = FirstBackup(step, None if step == "none" else begun)
    own = [job(status, started_at=begun, user_triggered=asked) for status in STATUSES for asked in (True, False)]
    for one in [*own, job(started_at=None), job(started_at=begun - timedelta(seconds=9))]:
        assert not starts(step_of(memory, (STRANGER, one), point=point)), one
    for jobs in ((), (STRANGER,), (RESTORE,)):
        due = not point and (step == "none" or (step == "intended" and age_s >= 120))
        assert starts(step_of(memory, jobs, point=point)) == due


@pytest.mark.parametrize(("age_s", "wait_s"), [(0, 120), (60, 60), (119, 1)])
def test_the_ambiguous_window(age_s: int, wait_s: int):
    """While a lost answer may still turn into a job, nothing is done but to look again after the two minutes."""
    memory = FirstBackup("intended", NOW - timedelta(seconds=age_s))
    answer = step_of(memory, ())
    assert answer.actions == (Wait(answer.verdict.reason, wait_s),)
    assert "the answer was lost" in answer.verdict.reason
    assert answer.remember == memory


def test_an_old_job_is_not_taken_for_ours():
    """A job that began well before the intention is another one: after the window ours is started."""
    memory = FirstBackup("intended", NOW - timedelta(minutes=5))
    assert starts(step_of(memory, (job("Completed", started_at=NOW - timedelta(hours=3)),)))


def test_starting_names_rule_and_tag_of_the_policy():
    """What is started names the backup rule and the default tag of the policy that the instance follows."""
    answer = step_of(FirstBackup(), ())
    assert answer.actions[0] == StartBackup(
        "tier gold wants its first backup at once", INSTANCE, "BackupWeekly", "Default"
    )
    assert answer.remember == FirstBackup("intended", NOW)


def test_a_job_is_known_by_its_id():
    """Once the job is known, another job of the same instance says nothing, and casing of ids does not matter."""
    mine, other = job("InProgress"), job("Failed", id=f"{job().id}-other")
    memory = FirstBackup("started", NOW - timedelta(hours=1), mine.id.upper())
    assert step_of(memory, (other, mine)).verdict.reason == "the first backup is running"


@pytest.mark.parametrize(
    ("status", "kind", "step"),
    [
        ("InProgress", Kind.FIRST_BACKUP_PENDING, "started"),
        ("Cancelling", Kind.FIRST_BACKUP_PENDING, "started"),
        ("COMPLETED", Kind.PROTECTED, "done"),
        ("CompletedWithWarnings", Kind.PROTECTED, "done"),
        ("Failed", Kind.FIRST_BACKUP_PENDING, "failed"),
        ("Cancelled", Kind.FIRST_BACKUP_PENDING, "failed"),
    ],
)
def test_what_a_job_means(status: str, kind: Kind, step: str):
    """A job that runs is waited for, one that ended well is the first backup, one that failed leaves the schedule."""
    answer = step_of(FirstBackup("intended", NOW), (job(status, codes=("PostgreSQLFlexServerError",)),))
    assert (answer.verdict.kind, answer.remember.step, answer.remember.job_id) == (kind, step, job().id)
    assert bool(answer.actions) == (step == "started")
    assert ("PostgreSQLFlexServerError" in answer.verdict.reason) == (step == "failed")


@pytest.mark.parametrize(
    ("age_s", "wait_s"), [(0, 601), (540, 61), (599, 2), (600, 300), (7199, 300), (7200, 1800), (86_400, 1800)]
)
def test_a_running_job_is_looked_at_when_it_may_have_ended(age_s: int, wait_s: int):
    """Recorded backups took ten minutes and more: the first look is then, later ones are rarer."""
    running = job(started_at=NOW - timedelta(seconds=age_s))
    answer = step_of(FirstBackup("started", running.started_at, running.id), (running,))
    assert answer.actions == (Wait("the first backup is running", wait_s),)


@pytest.mark.parametrize(
    ("memory", "reason"),
    [
        (FirstBackup("failed", NOW, job().id), "failed; the schedule makes the next one"),
        (FirstBackup("started", NOW - timedelta(days=30), job().id), "has forgotten the job"),
    ],
)
def test_what_failed_or_was_forgotten_is_left_to_the_schedule(memory: FirstBackup, reason: str):
    """A first backup that is known to have been started is never started again by us."""
    answer = step_of(memory, ())
    assert (answer.actions, answer.remember.step) == ((), "failed")
    assert reason in answer.verdict.reason


def test_a_tier_may_leave_it_to_the_schedule():
    """Where the tier says so nothing is started, and a recovery point still ends it."""
    bronze = Protect("bronze", BRONZE, "tag")
    assert step_of(FirstBackup(), (), intent=bronze).actions == ()
    assert step_of(FirstBackup(), (), point=True, intent=bronze).verdict.kind is Kind.PROTECTED


@pytest.mark.parametrize(
    ("step", "created_here", "read", "needed"),
    [
        ("done", True, {}, set()),
        ("intended", True, {}, {Need.JOBS}),
        ("started", True, {}, {Need.JOBS}),
        ("started", True, {"jobs": ()}, set()),
        ("none", True, {}, {Need.RECOVERY_POINTS}),
        ("none", True, {"has_recovery_point": False}, set()),
        ("none", False, {"has_recovery_point": False}, {Need.JOBS}),
        ("none", False, {"has_recovery_point": True}, set()),
        ("none", False, {"has_recovery_point": False, "jobs": ()}, set()),
        ("failed", False, {}, {Need.RECOVERY_POINTS}),
        ("failed", False, {"has_recovery_point": False}, set()),
    ],
)
def test_what_is_read(step: str, read: dict[str, Any], needed: set[Need], *, created_here: bool):
    """Jobs are read where a backup may have been started, recovery points where one may have been made."""
    memory = Memory(first_backup=FirstBackup(step, NOW), created_here=created_here)
    seen = observed(instances=(instance(),), memory=memory)
    assert needs(replace(seen, **read)) == needed
