"""Backups on demand: who needs one gets one, nobody gets two, and whoever is passed over has a reason."""

import functools
from datetime import timedelta

import pytest
from conftest import GOLD, JOBS, POINTS, RULES
from test_crashes import Mortal

from functions import wiring
from shared.back_up import back_up_due
from simulator import sudden
from simulator.azure import Crash

TRYING = RULES + "on_demand: {second_in_week: try}\n"
LATE = TRYING.replace("10 years}\n  bronze", "10 years}\n    max_age: 2 days\n  bronze")


def protected(estate, rules=RULES, servers=("pg-one",), **options):
    """Servers with their first recovery point; then nobody looks until the week's end."""
    world = estate(rules, **options)
    ids = [world.create_server(name, GOLD) for name in servers]
    world.run(seconds=2400)
    assert len(world.of_type(POINTS)) == len(servers)
    return world, ids


def rest(world, **time):
    """Time passes in Azure, and the app has no timers: an app that was off."""
    world.azure.advance(timedelta(**time).total_seconds())


def until_sunday(world):
    world.azure.advance_to(world.azure.now.replace(hour=0, minute=0, second=0) + timedelta(days=6))


def jobs(world, asked=True):
    """How the backups went that were asked for (or scheduled), oldest first, the first one left out."""
    found = sorted((job.body["properties"] for job in world.of_type(JOBS)), key=lambda job: job["startTime"])
    ours = [job["status"] for job in found if job["isUserTriggered"] is asked]
    return ours[1:] if asked else ours


def scan():
    """The timer fires now."""
    context = wiring.current()
    return back_up_due(context.cloud, context.ledger, context.rules)


def test_a_scheduled_backup_that_failed_is_tried_again(estate):
    """The service has a bad moment on Sunday: within two hours there is a recovery point, by one backup on demand."""
    world, (server,) = protected(estate, TRYING)
    world.azure.world.behaviour.weekly_limit = "none"
    until_sunday(world)
    world.azure.world.faults.add("fail_backup", "/pg-one")
    world.run(seconds=3 * 3600)
    assert (jobs(world, asked=False), jobs(world), len(world.of_type(POINTS))) == (["Failed"], ["Completed"], 2)
    assert (world.row(server).verdict, world.row(server).backup.why) == ("protected", "failed")


def test_a_first_backup_that_failed_is_tried_again(estate):
    """The first one fails, and fails again: each retry is later, and the third makes the point."""
    world = estate()
    world.azure.world.faults.add("fail_backup", "/pg-one", times=2)
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=5 * 3600)
    assert jobs(world) == ["Failed", "Completed"]
    starts = sorted(job.body["properties"]["startTime"] for job in world.of_type(JOBS))
    assert [each[11:13] for each in starts] == ["08", "09", "10"]
    assert world.row(server).verdict == "protected"


def test_a_lack_of_roles_is_repaired_first(estate):
    """Somebody took the vault's roles away: they are given again, and then the backup is made."""
    world, (server,) = protected(estate, TRYING)
    world.azure.world.behaviour.weekly_limit = "none"
    until_sunday(world)
    sudden.happen(world.azure.world, "role_revoked", on=server.partition("/providers/")[0])
    world.run(seconds=4 * 3600)
    assert (jobs(world, asked=False), jobs(world)[-1], world.row(server).backup.why) == (
        ["Failed"],
        "Completed",
        "roles",
    )


def test_what_a_person_must_mend_is_not_tried_again(estate):
    """A mistake in the configuration fails once, not every hour."""
    world, _ = protected(estate, TRYING)
    world.azure.world.behaviour.weekly_limit = "none"
    until_sunday(world)
    world.azure.world.faults.add("fail_backup", "/pg-one", code="BMSUserErrorInvalidInput")
    world.run(seconds=8 * 3600)
    assert (jobs(world, asked=False), jobs(world)) == (["Failed"], [])


def test_the_schedule_of_a_week_that_had_its_backup_is_left_alone(estate):
    """The first backup has used the week up: Sunday's fails as documented, and nobody backs up again for that."""
    world, _ = protected(estate)
    until_sunday(world)
    world.run(seconds=6 * 3600)
    assert (jobs(world, asked=False), jobs(world)) == (["Failed"], [])


def test_a_late_server_gets_one_backup(estate):
    """Its newest point is older than its tier allows: one backup, and then it is fresh."""
    world, (server,) = protected(estate, LATE)
    rest(world, days=2, hours=1)
    world.run(seconds=8 * 3600)
    assert (jobs(world), world.row(server).backup.why) == (["Completed"], "late")


@pytest.mark.parametrize("stopped", ["mode: observe", "blackout", "window", "state"])
def test_who_must_not_be_backed_up_now_is_not(estate, stopped):
    """Observed servers, dates that are kept free, the wrong part of the day, a stopped server: nothing starts."""
    text = {
        "mode: observe": LATE,
        "blackout": LATE.replace("max_age:", "on_demand: {blackout: [2026-11-25..2026-11-26]}\n    max_age:"),
        "window": LATE.replace("max_age:", 'on_demand: {window: "03:00-04:00"}\n    max_age:'),
        "state": LATE,
    }[stopped]
    world, (server,) = protected(estate, text)
    if stopped == "mode: observe":
        world.rules = text.replace("mode: protect", stopped)
        world.start()
    rest(world, days=2, hours=1)
    if stopped == "state":
        world.azure.world.get(server).body["properties"]["state"] = "Stopped"
    world.run(seconds=8 * 3600)
    assert jobs(world) == []


def test_two_timers_at_once_start_one_backup(estate):
    """Three scans within a second, and messages doubled by the queue: one backup."""
    world, _ = protected(estate, LATE)
    rest(world, days=2, hours=1)
    scans = [scan() for _ in range(3)]
    assert [found.asked for found in scans] == [1, 0, 0]
    (message,) = world.queue().peek_messages()
    for _ in range(3):
        world.queue().send_message(message.content)
    world.run(seconds=3 * 3600)
    assert jobs(world) == ["Completed"]


def test_a_vault_takes_so_many_at_once_and_a_day(estate):
    """Four are due, two may run at once, three may start today: two, one, and the last one tomorrow."""
    rules = LATE.replace("second_in_week: try", "second_in_week: try, most_at_once: 2, most_a_day: 3")
    world, _ = protected(estate, rules, ("pg-a", "pg-b", "pg-c", "pg-d"))
    rest(world, days=2, hours=1)
    started = []
    for _ in range(3):
        world.run(seconds=3600)
        started.append(len(jobs(world)) - 3)  # all four first ones are asked for too
    assert started == [2, 3, 3]
    rest(world, hours=16)
    world.run(seconds=3600)
    assert len(jobs(world)) - 3 == 4


def due_soon(estate, **options):
    """A late server, a minute before the scan."""
    world, (server,) = protected(estate, LATE, **options)
    rest(world, days=2, hours=1)
    now = world.azure.now
    world.azure.advance_to(now.replace(minute=39, second=0) + timedelta(hours=now.minute >= 39))
    return world, server


CALLS = 30


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("dies_at", range(CALLS))
def test_a_crash_anywhere_starts_one_backup(estate, dies_at, when):
    """The process dies before or after any call from the scan to the start: three hours later there was one backup."""
    world, _ = due_soon(estate, wrap=functools.partial(Mortal, dies_at=None))
    mortal = world._transport
    mortal.calls.clear()
    mortal.dies_at, mortal.when = dies_at, when
    world.run(seconds=2.5 * 3600)
    assert world.crashes == 1
    assert jobs(world) == ["Completed"]


class Forgetful(Mortal):
    """Loses the whole ledger right before, or right after, the call that starts a backup; then the process dies."""

    lost, when, dies = 0, "before", False

    def send(self, request, **options):
        is_start = request.method == "POST" and request.url.split("?")[0].endswith("/backup")
        if not is_start or not self.dies or self.lost:
            return super().send(request, **options)
        self.lost += 1
        if self.when == "before":
            self.forget()
            return super().send(request, **options)
        super().send(request, **options)
        self.forget()
        raise Crash


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_ledger_is_lost_between_intention_and_call(estate, when):
    """Nobody remembers the intention: the service's own jobs are asked before anything is started again."""
    world, _ = due_soon(estate, wrap=Forgetful)
    table = world.table_client().get_table_client("flexguard")

    def forget():
        for entity in list(table.list_entities()):
            table.delete_entity(entity)

    forgetful = world._transport
    forgetful.forget, forgetful.when, forgetful.dies = forget, when, True
    world.run(seconds=600)
    assert forgetful.lost == 1
    scan()
    world.run(seconds=3 * 3600)
    assert jobs(world) == ["Completed"]
