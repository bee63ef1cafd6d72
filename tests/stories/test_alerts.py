"""Alerts: what is wrong reaches the people of its route, once for a cause, and they hear when it is over."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import ServiceResponseError
from conftest import GOLD, INSTANCES, JOBS, RULES

from functions import wiring
from shared.back_up import back_up_due
from shared.sweep import sweep
from shared.watch import check_watch, watch_jobs
from tests.shared.answers import Answer

SHOP = GOLD | {"backup-owner": "team-shop"}
ALERTS = """\
alerts:
  channels:
    shop: {kind: teams}
    duty: {kind: pagerduty, least: high}
    ops: {kind: slack}
  routes: [{owners: [team-shop*], channels: [shop, duty]}]
  fallback: [ops]
  show_tags: [cost-center]
"""
SETTINGS = {
    "FLEXGUARD_CHANNEL_SHOP": "https://shop.example/hook",
    "FLEXGUARD_CHANNEL_DUTY": "routing-key",
    "FLEXGUARD_CHANNEL_OPS": "https://ops.example/hook",
}
TAKEN = {"shop.example": (202, ""), "events.pagerduty.com": (202, '{"status":"success"}'), "ops.example": (200, "ok")}


class Sinks:
    """Stands before the local Azure and plays the receivers of alerts. spoilt: hosts that do not take any, and how."""

    def __init__(self, inner):
        self.inner, self.got, self.spoilt = inner, [], {}

    def send(self, request, **options):
        host = urlsplit(request.url).hostname
        if host not in TAKEN:
            return self.inner.send(request, **options)
        answer = self.spoilt.get(host, TAKEN[host])
        if isinstance(answer, Exception):
            raise answer
        if host not in self.spoilt:
            self.got.append((host, json.loads(request.content)))
        return Answer(*answer)

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def heard(self, host):
        """What one receiver has taken, as one text each."""
        return [json.dumps(body) for at, body in self.got if at == host]


def with_channels(estate, **options):
    """An estate whose rules send alerts to Teams, PagerDuty and Slack."""
    world = estate(f"{ALERTS}{RULES}", wrap=Sinks, **options)
    world.settings = replace(world.settings, channels=SETTINGS)
    world.start()
    return world, world._transport


def watched(*_):
    """One run of the watch, now."""
    context = wiring.current()
    return watch_jobs(context.cloud, context.ledger, context.rules)


def opened(alerts):
    return [alert for alert in alerts if alert["data"]["phase"] == "opened"]


def types(world):
    return Counter(alert["type"] for alert in world.alerts)


def test_an_owner_hears_and_hears_that_it_is_over(estate):
    """A backup fails and a later one succeeds: the owner's channel gets one opened and one recovered message."""
    world, sinks = with_channels(estate)
    world.azure.world.faults.add("fail_backup", "/pg-one")
    world.create_server("pg-one", SHOP | {"cost-center": "42", "password": "canary-hunter2"})
    world.run(seconds=6 * 3600)
    first, last = sinks.heard("shop.example")
    assert "Backup failed" in first
    assert "Recovered: Backup failed" in last
    assert "42" in first
    assert sinks.heard("ops.example") == []
    assert "canary-hunter2" not in json.dumps([sinks.got, world.alerts])


def test_nobody_elses_alert_goes_nowhere(estate):
    """A server without an owner, or with one that no route knows, is told through the fallback."""
    world, sinks = with_channels(estate)
    world.azure.world.faults.add("fail_backup", "/pg-one")
    world.create_server("pg-one", GOLD)
    world.run(seconds=3600)
    assert len(sinks.heard("ops.example")) == 1
    assert sinks.heard("shop.example") == []


@pytest.mark.parametrize(
    "answer", [(500, ""), (302, ""), (200, "failed with error 429"), ServiceResponseError("slow")], ids=str
)
def test_a_channel_that_fails_is_told_through_the_fallback(estate, answer):
    """A slow, refusing or lying receiver: the fallback hears of it once, and the message comes when it works."""
    world, sinks = with_channels(estate)
    sinks.spoilt["shop.example"] = answer
    world.azure.world.faults.add("fail_backup", "/pg-one")
    world.create_server("pg-one", SHOP)
    world.run(seconds=7200)
    (failing,) = sinks.heard("ops.example")
    assert "Channel shop takes no alerts" in failing
    sinks.spoilt.clear()
    world.run(seconds=7200)
    assert any("Backup failed" in text for text in sinks.heard("shop.example"))
    assert "Recovered: Channel shop takes no alerts" in sinks.heard("ops.example")[-1]
    assert len(sinks.heard("ops.example")) == 2


def test_a_lost_ledger_tells_twice_and_loses_nothing(estate):
    """Everything the app remembers is gone: what goes on is told again, under another id, and once more it is over."""
    world = estate()
    world.azure.world.faults.add("fail_backup", "/pg-one")
    world.create_server("pg-one", GOLD)
    world.run(seconds=1800)
    assert len(opened(world.alerts)) == 1
    world.azure.world.faults.add("store_lost")
    watched(world)
    watched(world)
    assert len({alert["id"] for alert in opened(world.alerts)}) == 2
    world.azure.advance(9 * 86_400)
    for _ in range(3):
        watched(world)
        world.azure.advance(3600)
    about = [alert for alert in world.alerts if alert["type"].startswith("Flexguard.BackupFailed")]
    assert about[-1]["data"]["phase"] == "recovered"


@pytest.mark.parametrize("oddity", ["late_job", "job_twice", "job_odd_case", "jobs_paged"])
def test_jobs_that_lists_show_oddly_are_told_once(estate, oddity):
    """Late, doubled, in capitals, on several pages: each failed job is one incident's, and told once."""
    world = estate()
    for name in ("pg-one", "pg-two", "pg-three"):
        world.azure.world.faults.add("fail_backup", f"/{name}")
    world.azure.world.faults.add(oddity, *[] if oddity == "jobs_paged" else ["/pg-"], times=1000)
    for name in ("pg-one", "pg-two", "pg-three"):
        world.create_server(name, GOLD)
    world.run(seconds=3 * 3600)
    ledger = wiring.current().ledger
    rows = [kept.row for kept in ledger.incidents(world.azure.now - timedelta(days=30))]
    failed = [job for job in world.of_type(JOBS) if job.body["properties"]["status"] == "Failed"]
    assert len(failed) >= 3
    assert sum(len(row.occurrences) for row in rows if row.kind == "backup_failed") == len(failed)
    assert len(opened(world.alerts)) == 1


def test_deleted_backups_are_told_with_their_last_day(estate):
    """Somebody deletes a backup instance: one message says when Azure purges it."""
    world = estate()
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=2 * 3600)
    (instance,) = world.of_type(INSTANCES)
    world.courier = lambda _event: ()
    world.arm("DELETE", instance.id)
    world.run(seconds=1800)
    (alert,) = opened(world.alerts)
    assert alert["type"] == "Flexguard.SoftDeleted"
    assert alert["subject"].lower() == server.lower()
    assert "purges its points in 13 days" in alert["data"]["reason"]


def test_a_removed_tag_is_told_and_stops_nothing(estate):
    """The tag of a protected server is removed: its backups go on, and somebody hears of it within the hour."""
    world = estate()
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=2 * 3600)
    gone = {"operation": "Delete", "properties": {"tags": GOLD}}
    world.arm("PATCH", f"{server}/providers/Microsoft.Resources/tags/default", gone)
    world.run(seconds=2 * 3600)
    assert types(world) == {"Flexguard.TagRemoved": 1}
    assert len(world.of_type(INSTANCES)) == 1
    world.tag(server, backup_tier="gold")
    world.run(seconds=3 * 3600)
    assert types(world) == {"Flexguard.TagRemoved": 1, "Flexguard.TagRemoved.Recovered": 1}


def test_a_server_that_asks_for_what_is_not_there_is_told(estate):
    """A tag that names no tier is one message to its owner, with the nearest word."""
    world = estate()
    world.create_server("pg-one", {"backup-tier": "glod"})
    world.run(seconds=2 * 3600)
    (alert,) = world.alerts
    assert alert["type"] == "Flexguard.UnknownTier"
    assert "did you mean gold?" in alert["data"]["reason"]


def test_a_backup_that_shrinks_is_told(estate):
    """After three backups of one size the next one has a tenth of it: one message; a usual one ends it."""
    world = estate()
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=1800)
    sizes = (69_363.0, 69_363.0, 70_000.0, 6_936.0, 68_000.0)  # the schedule of the first week fails, as expected
    for week, size in enumerate(sizes):
        if week:
            world.azure.advance(7 * 86_400)
        backups = [job for job in world.of_type(JOBS) if job.body["properties"]["status"] == "Completed"]
        newest = max(backups, key=lambda job: job.body["properties"]["startTime"])
        newest.body["properties"]["extendedInfo"]["dataTransferredInBytes"] = size
        watched(world)
    world.azure.advance(3600)
    watched(world)
    told = [alert for alert in world.alerts if alert["type"].startswith("Flexguard.PointSmall")]
    assert [alert["data"]["phase"] for alert in told] == ["opened", "recovered"]
    assert told[0]["subject"].lower() == server.lower()
    assert "6,936 bytes, those before had 69,363, 70,000" in told[0]["data"]["reason"]


def test_dead_letters_are_counted(estate):
    """Events that Event Grid put aside are one message; after a day without new ones it is over."""
    world = estate()
    world.azure.blobs.make("deadletters")
    for number in range(3):
        world.azure.blobs.write("deadletters", f"topic/sub/2026/{number}.json", b"[]")
    world.run(seconds=1800)
    (alert,) = world.alerts
    assert (alert["type"], alert["data"]["blobs"]) == ("Flexguard.DeadLetters", "3")
    world.azure.advance(86_400)
    for _ in range(2):
        watched(world)
        world.azure.advance(3600)
    assert types(world)["Flexguard.DeadLetters.Recovered"] == 1


def test_a_sweep_that_is_silent_is_told(estate):
    """No sweep for hours while the watch runs: somebody hears of it."""
    world = estate()
    world.create_server("pg-one", GOLD)
    world.run(seconds=2 * 3600)
    world.azure.world.faults.add("timer_missed", "sweep_estate", times=5)
    world.run(seconds=5 * 3600)
    assert types(world)["Flexguard.TimerSilent"] == 1


def test_a_watch_that_is_silent_is_told_by_another_timer(estate):
    """The watch dies at every run: the timer beside it says so, once, and says when it works again."""
    world = estate()
    world.run(seconds=3600)
    world.azure.world.faults.add("timer_missed", "watch_jobs", times=12)
    world.run(seconds=3 * 3600)
    assert types(world) == {"Flexguard.TimerSilent": 1}
    world.run(seconds=2 * 3600)
    assert types(world) == {"Flexguard.TimerSilent": 1, "Flexguard.TimerSilent.Recovered": 1}
    context = wiring.current()
    assert check_watch(context.cloud, context.ledger, context.rules) == 0


def test_nothing_is_told_where_all_is_well(estate):
    """Servers that are right, over the night in which their week's second backup fails as expected: no message."""
    world = estate()
    for name in ("pg-one", "pg-two"):
        world.create_server(name, GOLD)
    world.run(seconds=3 * 3600)
    world.azure.advance(5.5 * 86_400)  # the app stands still meanwhile, and goes on
    for story in (sweep, back_up_due, watched):
        context = wiring.current()
        story(context.cloud, context.ledger, context.rules)
    world.run(seconds=4 * 3600)
    failed = [job for job in world.of_type(JOBS) if job.body["properties"]["status"] == "Failed"]
    assert len(failed) == 2
    assert world.alerts == []


def test_what_the_sweep_could_not_read_is_told(estate):
    """A subscription that the app may not read is one message that names it."""
    unseen = "00000000-0000-4000-8000-000000000001"
    world = estate()
    world.settings = replace(world.settings, subscriptions=world.settings.subscriptions | {unseen})
    world.start()
    world.run(seconds=2 * 3600)
    assert types(world) == {"Flexguard.SnapshotIncomplete": 1}
    assert unseen in world.alerts[0]["data"]["reason"]
