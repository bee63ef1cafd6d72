"""Watch: a failed backup reaches people once, whatever happens to the app in between."""

import base64
import functools

import pytest
from conftest import GOLD, JOBS
from test_crashes import Mortal


def failing(estate, **options):
    """A server whose first backup fails."""
    world = estate(**options)
    world.azure.world.faults.add("fail_backup", "/pg-one")
    return world, world.create_server("pg-one", GOLD)


def opened(world):
    """The messages that opened an incident, without those that tell it again or close it."""
    return [alert for alert in world.alerts if alert["data"]["phase"] == "opened"]


def test_a_failed_backup_is_one_alert_with_cause_and_next_step(estate):
    """One CloudEvent on the topic: which server, what it means, what to do, and the job to look at."""
    world, server = failing(estate)
    world.run(seconds=3600)
    (alert,) = opened(world)
    assert alert["specversion"] == "1.0"
    assert alert["type"] == "Flexguard.BackupFailed"
    assert alert["subject"].lower() == server.lower()
    assert "PostgreSQLFlexServerError" in alert["data"]["reason"]
    assert "backupJobs" in alert["data"]["job"]
    assert alert["data"]["fix"]


def test_an_alert_is_sent_once_across_restarts(estate):
    """Hours of timers, with a new process each hour, sends no second alert for the same job."""
    world, _ = failing(estate)
    for _ in range(6):
        world.run(seconds=3600)
        world.start()
    assert len(opened(world)) == 1


def test_a_topic_that_is_down_delays_the_alert(estate):
    """While the topic refuses, nothing is told and nothing is forgotten; the next run tells it."""
    world, _ = failing(estate)
    world.azure.world.faults.add("unavailable", "grid publish", times=3)
    world.run(seconds=1500)
    assert world.alerts == []
    world.run(seconds=3600)
    assert len(opened(world)) == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("dies_at", range(6))
def test_a_crash_while_telling_never_loses_an_alert(estate, dies_at, when):
    """Wherever the process dies in the run that tells: at least one alert, and all with one id."""
    world, _ = failing(estate, wrap=functools.partial(Mortal, dies_at=None))
    while not world.of_type(JOBS) or world.of_type(JOBS)[0].body["properties"]["status"] != "Failed":
        world.run(seconds=30)
    mortal = world._transport
    mortal.calls.clear()
    mortal.dies_at, mortal.when = dies_at, when
    world.run(seconds=7200)
    assert len({alert["id"] for alert in opened(world)}) == 1


def test_a_message_that_nobody_can_read_is_kept_and_told(estate):
    """Poison: after five tries it is written down and told once, and the app goes on."""
    world = estate()
    server = world.create_server("pg-one", GOLD)
    world.host.poll()
    world.queue().send_message(base64.b64encode(b"not a message").decode())
    world.run(seconds=3600)
    (alert,) = world.alerts
    assert alert["type"] == "Flexguard.MessagePoisoned"
    assert "not a message" in alert["subject"]
    assert world.row(server).verdict == "protected"


def test_a_vault_that_cannot_be_read_does_not_hide_the_others(estate):
    """One vault is out of reach: the failed backup in the other is told all the same."""
    text = 'mode: protect\nvaults: [{id: "{vault:northeurope}"}, {id: "{vault:westeurope}"}]\n'
    text += 'tiers: {gold: {backup: {days: [sunday], at: "01:30"}, keep: {default: 35 days}}}\n'
    world = estate(text, regions=("westeurope", "northeurope"))
    world.azure.world.faults.add("fail_backup", "/pg-one")
    world.azure.world.faults.add("unavailable", "bv-northeurope/backupjobs", times=100)
    world.create_server("pg-one", GOLD)
    world.run(seconds=3600)
    assert len(world.alerts) == 1
