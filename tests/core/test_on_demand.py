"""A backup on demand: there is one, and never a second, whatever got lost on the way."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from shared.core.actions import StartBackup, Wait
from shared.core.due import CADENCE, FAILED, FIRST, LATE, PERSON, ROLES
from shared.core.intent import Protect
from shared.core.observed import Answer, Job, LastBackup, Memory, Need, Wish
from shared.core.on_demand import Step, needs, next_step
from shared.core.rules import Rules, Starts
from shared.core.tiers import Dates, OnDemand, Window
from shared.core.verdict import Kind
from tests.core.samples import BRONZE, GOLD_ASKED, INSTANCE, NOW, OTHER_VAULT, RULES, SERVER, instance, job, observed

STEPS = ("none", "intended", "started", "done", "failed")
STATUSES = ("InProgress", "Completed", "CompletedWithWarnings", "Failed", "Cancelled", "Cancelling", "Paused", "New")
AGES_S = (0, 5, 60, 119, 120, 121, 3600, 10 * 86_400)
STRANGER = job(instance_id=f"{OTHER_VAULT}/backupInstances/other")
RESTORE = job("Completed", category="Restore")


def step_of(
    memory: LastBackup,
    jobs: tuple[Job, ...] | None,
    *,
    point: bool = False,
    intent: Any = None,
    wish: Wish | None = None,
    latest: datetime | None = None,
    rules: Rules = RULES,
) -> Step:
    seen = observed(
        instances=(instance(),),
        jobs=jobs,
        has_recovery_point=point or latest is not None,
        latest_point=latest,
        memory=Memory(backup=memory, wish=wish),
    )
    return next_step(intent or GOLD_ASKED, instance(), seen, rules)


def starts(step: Step) -> bool:
    return any(isinstance(action, StartBackup) for action in step.actions)


@pytest.mark.parametrize(("step", "point", "age_s"), [*product(STEPS, (True, False), AGES_S)])
def test_never_a_second_one(step: str, age_s: int, *, point: bool):
    """A backup is started only where none was, or where one was asked for and two minutes later has no job."""
    begun = NOW - timedelta(seconds=age_s)
    memory = LastBackup(step, None if step == "none" else begun, has_point=step == "done")
    own = [job(status, started_at=begun, user_triggered=asked) for status in STATUSES for asked in (True, False)]
    nameless = job(instance_id="{}", server_id=SERVER, started_at=begun)
    for one in [*own, nameless, job(started_at=None), job(started_at=begun - timedelta(seconds=9))]:
        assert not starts(step_of(memory, (STRANGER, one), point=point)), one
    for jobs in ((), (STRANGER,), (RESTORE,)):
        due = not point and (step == "none" or (step == "intended" and age_s >= 120))
        assert starts(step_of(memory, jobs, point=point)) == due


@pytest.mark.parametrize(("age_s", "wait_s"), [(0, 120), (60, 60), (119, 1)])
def test_the_ambiguous_window(age_s: int, wait_s: int):
    """While a lost answer may still turn into a job, nothing is done but to look again after the two minutes."""
    memory = LastBackup("intended", NOW - timedelta(seconds=age_s))
    answer = step_of(memory, ())
    assert answer.actions == (Wait(answer.verdict.reason, wait_s),)
    assert "the answer was lost" in answer.verdict.reason
    assert answer.remember == memory


def test_an_old_job_is_not_taken_for_ours():
    """A job that began well before the intention is another one: after the window ours is started."""
    memory = LastBackup("intended", NOW - timedelta(minutes=5))
    assert starts(step_of(memory, (job("Completed", started_at=NOW - timedelta(hours=3)),)))


def test_clocks_that_differ_start_no_second_backup():
    """The clock that the intention was read from may be minutes ahead of the one that dates the job."""
    memory = LastBackup("started", NOW - timedelta(minutes=5))
    behind = NOW - timedelta(minutes=9)
    old = job("Failed", id=f"{job().id}-old", started_at=behind - timedelta(seconds=20))
    answer = step_of(memory, (old, job("Completed", started_at=behind)))
    assert (starts(answer), answer.remember.job_id) == (False, job().id)


def test_starting_names_rule_and_tag_of_the_policy():
    """What is started names the backup rule and the default tag of the policy that the instance follows."""
    answer = step_of(LastBackup(), ())
    assert answer.actions[0] == StartBackup(
        "tier gold wants its first backup at once", INSTANCE, "BackupWeekly", "Default"
    )
    assert answer.remember == LastBackup("intended", NOW)


def test_a_job_is_known_by_its_id():
    """Once the job is known, another job of the same instance says nothing, and casing of ids does not matter."""
    mine, other = job("InProgress"), job("Failed", id=f"{job().id}-other")
    memory = LastBackup("started", NOW - timedelta(hours=1), mine.id.upper())
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
    answer = step_of(LastBackup("intended", NOW), (job(status, codes=("PostgreSQLFlexServerError",)),))
    assert (answer.verdict.kind, answer.remember.step, answer.remember.job_id) == (kind, step, job().id)
    assert bool(answer.actions) == (step == "started")
    assert ("PostgreSQLFlexServerError" in answer.verdict.reason) == (step == "failed")


@pytest.mark.parametrize(
    ("age_s", "wait_s"), [(0, 601), (540, 61), (599, 2), (600, 300), (7199, 300), (7200, 1800), (86_400, 1800)]
)
def test_a_running_job_is_looked_at_when_it_may_have_ended(age_s: int, wait_s: int):
    """Recorded backups took ten minutes and more: the first look is then, later ones are rarer."""
    running = job(started_at=NOW - timedelta(seconds=age_s))
    answer = step_of(LastBackup("started", running.started_at, running.id), (running,))
    assert answer.actions == (Wait("the first backup is running", wait_s),)


@pytest.mark.parametrize(
    ("memory", "reason"),
    [
        (LastBackup("failed", NOW, job().id), "failed; the schedule, or a retry, makes it"),
        (LastBackup("started", NOW - timedelta(days=30), job().id), "has forgotten the job"),
    ],
)
def test_what_failed_or_was_forgotten_is_left_to_the_schedule(memory: LastBackup, reason: str):
    """A first backup that is known to have been started is never started again by us."""
    answer = step_of(memory, ())
    assert (answer.actions, answer.remember.step) == ((), "failed")
    assert reason in answer.verdict.reason


def test_a_tier_may_leave_it_to_the_schedule():
    """Where the tier says so nothing is started, and a recovery point still ends it."""
    bronze = Protect("bronze", BRONZE, "tag")
    assert step_of(LastBackup(), (), intent=bronze).actions == ()
    assert step_of(LastBackup(), (), point=True, intent=bronze).verdict.kind is Kind.PROTECTED


@pytest.mark.parametrize(
    ("step", "age_s", "read", "needed"),
    [
        ("done", 70, {}, set()),
        ("intended", 70, {}, {Need.JOBS}),
        ("started", 70, {}, {Need.JOBS}),
        ("started", 70, {"jobs": ()}, set()),
        ("none", 70, {}, {Need.RECOVERY_POINTS}),
        ("none", 70, {"has_recovery_point": False}, set()),
        ("none", None, {"has_recovery_point": False}, {Need.JOBS}),
        ("none", 600, {"has_recovery_point": False}, {Need.JOBS}),
        ("none", None, {"has_recovery_point": True}, set()),
        ("none", None, {"has_recovery_point": False, "jobs": ()}, set()),
        ("failed", None, {}, {Need.RECOVERY_POINTS}),
        ("failed", None, {"has_recovery_point": False}, set()),
    ],
)
def test_what_is_read(step: str, age_s: int | None, read: dict[str, Any], needed: set[Need]):
    """Jobs are read where a backup may have been started, recovery points where one may have been made."""
    created_at = None if age_s is None else NOW - timedelta(seconds=age_s)
    memory = Memory(backup=LastBackup(step, NOW, has_point=step == "done"), created_at=created_at)
    seen = observed(instances=(instance(),), memory=memory)
    assert needs(replace(seen, **read)) == needed


# -- wishes ------------------------------------------------------------------------------------------------------------

OLD = NOW - timedelta(days=9)
DONE = LastBackup("done", OLD, job().id, has_point=True)
LATE_WISH = Wish(LATE, NOW - timedelta(minutes=5), point=OLD)
HERS = Wish(PERSON, NOW - timedelta(minutes=5), "kim@example.com")


def wished(wish: Wish | None = LATE_WISH, memory: LastBackup = DONE, **more: Any) -> Step:
    return step_of(memory, more.pop("jobs", ()), **{"wish": wish, "latest": OLD, **more})


@pytest.mark.parametrize("why", [LATE, FAILED, ROLES, CADENCE, FIRST])
def test_a_wish_starts_a_backup(why: str):
    """The service is asked for one with rule and tag of the policy, after the intention; the wish waits for the job."""
    step = wished(Wish(why, NOW, point=OLD))
    assert isinstance(step.actions[0], StartBackup)
    assert (step.actions[0].backup_rule, step.actions[0].retention_tag) == ("BackupWeekly", "Default")
    assert (step.remember.step, step.remember.why, step.remember.has_point) == ("intended", why, True)
    assert (step.answer, step.verdict.kind) == (None, Kind.PROTECTED)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"jobs": (job("InProgress"),)}, "a backup began at"),
        ({"jobs": (job("Completed", started_at=NOW - timedelta(minutes=4)),)}, "has begun since"),
        ({"memory": replace(DONE, at=NOW - timedelta(minutes=1))}, "has begun since"),
        ({"memory": replace(DONE, at=NOW - timedelta(minutes=29))}, "within half an hour"),
        ({"jobs": (job("Failed", started_at=NOW - timedelta(minutes=20)),)}, "within half an hour"),
        ({"latest": NOW - timedelta(days=2)}, "a newer recovery point by now"),
        ({"wish": replace(LATE_WISH, at=NOW - timedelta(hours=25))}, "within a day"),
    ],
)
def test_a_wish_that_is_fulfilled_or_too_old_starts_nothing(change: dict[str, Any], said: str):
    """A running backup, one that has begun since, one just before, a newer point, a day that passed: all say so."""
    step = wished(**change)
    assert not starts(step)
    assert step.answer
    assert said in step.answer.reason
    assert step.answer.is_met == ("began" in said or "begun" in said)


@pytest.mark.parametrize(
    ("on_demand", "latest", "said", "for_her"),
    [
        (OnDemand(blackout=(Dates.parse("2026-11-23"),)), OLD, "the rules start none on 2026-11-23", False),
        (OnDemand(window=Window.parse("22:00-05:00")), OLD, "from 22:00 to 05:00 Europe/Berlin", True),
        (OnDemand(), NOW - timedelta(hours=3), "Azure Backup makes one a week", True),
    ],
)
def test_window_dates_and_week(on_demand: OnDemand, latest: datetime, said: str, *, for_her: bool):
    """The tier's clock decides: dates hold for everybody, window and week for the app's own wishes alone."""
    gold = replace(GOLD_ASKED, tier=replace(GOLD_ASKED.tier, on_demand=on_demand))
    step = wished(replace(LATE_WISH, point=latest), latest=latest, intent=gold)
    assert step.answer == Answer(LATE_WISH.at, step.answer.reason if step.answer else "")
    assert said in step.answer.reason
    assert starts(wished(HERS, latest=latest, intent=gold)) == for_her


def test_a_person_is_held_to_what_a_vault_may_do_at_once():
    """So many backups run in the vault that the rules allow no other: the answer says how many."""
    rules = replace(RULES, on_demand=Starts(most_at_once=2))
    others = tuple(job(instance_id=f"{INSTANCE}-{number}", id=f"{job().id}-{number}") for number in range(2))
    assert starts(wished(HERS, jobs=others[:1], rules=rules))
    step = wished(HERS, jobs=others, rules=rules)
    assert step.answer == Answer(HERS.at, "2 backups run in its vault, and the rules allow 2 at once")


@pytest.mark.parametrize("wish", [LATE_WISH, HERS])
def test_a_lost_answer_to_a_wish_is_looked_up(wish: Wish):
    """Two minutes of doubt, then the jobs decide: a job answers the wish, none lets it start again, once."""
    doubtful = replace(DONE, step="intended", at=NOW - timedelta(seconds=30), job_id="", why=wish.why)
    assert wished(wish, doubtful).actions == (Wait(wished(wish, doubtful).actions[0].reason, 90),)
    ours = job(started_at=NOW - timedelta(seconds=25))
    found = wished(wish, doubtful, jobs=(ours,))
    assert (found.remember.step, found.answer.is_met if found.answer else None) == ("started", True)
    assert starts(wished(wish, replace(doubtful, at=NOW - timedelta(seconds=121))))


@pytest.mark.parametrize(
    ("memory", "wish", "read", "needed"),
    [
        (DONE, LATE_WISH, {}, {Need.RECOVERY_POINTS}),
        (DONE, LATE_WISH, {"has_recovery_point": True}, set()),
        (DONE, HERS, {"has_recovery_point": True}, {Need.JOBS}),
        (LastBackup(), LATE_WISH, {"has_recovery_point": True}, {Need.JOBS}),
        (replace(DONE, step="started"), LATE_WISH, {}, {Need.JOBS}),
        (replace(DONE, step="intended"), LATE_WISH, {}, {Need.JOBS, Need.RECOVERY_POINTS}),
        (replace(DONE, step="failed"), None, {}, set()),
    ],
)
def test_what_a_wish_has_read(memory: LastBackup, wish: Wish | None, read: dict[str, Any], needed: set[Need]):
    """Points always, the whole list of jobs only where nobody remembers a backup, or a person asks."""
    seen = observed(instances=(instance(),), memory=Memory(backup=memory, wish=wish, created_at=NOW))
    assert needs(replace(seen, **read)) == needed


@pytest.mark.parametrize(("ended_min", "again"), [(-10, True), (5, False), (None, False)])
def test_a_backup_that_was_over_before_somebody_asked_is_no_answer(ended_min: int | None, *, again: bool):
    """Who died while a backup ran has not seen its end: a wish of a day later gets a backup of its own."""
    yesterday = LastBackup("started", NOW - timedelta(hours=20), job().id, CADENCE, has_point=True)
    ended = None if ended_min is None else HERS.at + timedelta(minutes=ended_min)
    over = job("Completed", started_at=NOW - timedelta(hours=20), ended_at=ended)
    step = wished(HERS, yesterday, jobs=(over,))
    assert (starts(step), step.answer is None) == (again, again)


@pytest.mark.parametrize(("wish", "wait_s"), [(LATE_WISH, 960), (HERS, 10)])
def test_who_waits_for_a_backup_sees_it_begin(wish: Wish, wait_s: int):
    """A person hears of the job at once; otherwise one look when it should be over is enough."""
    assert [action.after_s for action in wished(wish).actions if isinstance(action, Wait)] == [wait_s]


def test_a_policy_that_is_gone_is_no_reason_to_fail():
    """Nothing can be started by a policy that is not in the vault, and that is the answer."""
    seen = observed(instances=(instance(),), policies=(), jobs=(), has_recovery_point=True, latest_point=OLD)
    step = next_step(GOLD_ASKED, instance(), replace(seen, memory=Memory(backup=DONE, wish=HERS)), RULES)
    assert (step.actions, bool(step.answer)) == ((), True)
