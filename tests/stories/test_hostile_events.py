"""Strangers send events too: each costs one counted drop, no exception, and no call to ARM."""

import json
import logging

import pytest

from cli.stage import SUBSCRIPTION
from shared import journal

SERVER = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-one"
VAULTS = "/providers/Microsoft.DataProtection/backupVaults"
WRITE = "Microsoft.Resources.ResourceWriteSuccess"


def event(subject, kind=WRITE, **more):
    """One event in Event Grid schema."""
    time = "2026-11-23T08:00:00Z"
    return {"id": "1", "eventType": kind, "subject": subject, "eventTime": time, "dataVersion": "2", "data": {}, **more}


def cloud_event(subject, kind=WRITE, **more):
    """The same in CloudEvents schema."""
    return {"specversion": "1.0", "id": "1", "source": "/x", "type": kind, "subject": subject, "data": {}, **more}


HOSTILE = {
    "traversal": (SERVER + "/../../x", "malformed_id"),
    "dots": (SERVER.replace("/rg/", "/../"), "malformed_id"),
    "right to left": (SERVER + "\u202egnp", "malformed_id"),
    "homoglyph": (SERVER.replace("pg-one", "pg-\u043ene"), "malformed_id"),
    "newline": (SERVER + "\nfact", "malformed_id"),
    "percent": (SERVER + "%2f..", "malformed_id"),
    "null byte": (SERVER + "\x00", "malformed_id"),
    "megabyte": (SERVER + "a" * 1_000_000, "malformed_id"),
    "foreign subscription": (SERVER.replace(SUBSCRIPTION, "0" * 8 + SUBSCRIPTION[8:]), "foreign_subscription"),
    "child": (SERVER + "/firewallRules/all", "child_resource"),
    "other provider": (SERVER.replace("DBforPostgreSQL", "DBforMySQL"), "other_resource"),
    "empty": ("", "other_resource"),
    "a url": ("https://evil.example/" + SERVER, "malformed_id"),
    "query": (SERVER + "?x=1", "malformed_id"),
    "unknown instance": (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg{VAULTS}/v/backupInstances/i",
        "unknown_instance",
    ),
}


@pytest.fixture
def dropped():
    """The reasons of dropped events, as the app's own log tells them."""
    heard = []

    class Ear(logging.Handler):
        def emit(self, record):
            heard.append(record.flexguard)

    ear = Ear()
    journal.LOGGER.addHandler(ear)
    journal.LOGGER.setLevel(logging.INFO)
    yield lambda: [fact["reason"] for fact in heard if fact["fact"] == "event_dropped"]
    journal.LOGGER.removeHandler(ear)


@pytest.mark.parametrize("shape", [event, cloud_event])
@pytest.mark.parametrize(("subject", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_id_is_one_counted_drop(estate, dropped, subject, reason, shape):
    """In both schemas: dropped with its reason, accepted so that it does not come again, nothing asked of ARM."""
    world = estate()
    mark = len(world.azure.log)
    assert world.host.deliver(shape(subject)) == 202
    assert dropped() == [reason]
    assert world.host.failures == []
    assert world.app_calls(mark) == []
    assert world.host.poll() == 0


@pytest.mark.parametrize(
    "data",
    [None, [], [1, 2], "text", 7, {"resourceInfo": None}, {"resourceInfo": {"id": 5}}, {"resourceUri": "/x" * 100_000}],
    ids=repr,
)
def test_hostile_data_changes_nothing(estate, dropped, data):
    """Whatever stands in `data`, an event of a notification kind without a proper id is dropped."""
    world = estate()
    kind = "Microsoft.ResourceNotifications.Resources.CreatedOrUpdated"
    assert world.host.deliver(event(SERVER, kind, data=data)) == 202
    assert len(dropped()) == 1
    assert world.host.failures == []


def test_every_official_sample_is_taken_or_dropped(estate, dropped, wire):
    """Microsoft's own samples of all kinds of events: none raises, none is about a server of ours."""
    world = estate()
    files = sorted((wire / "events").rglob("*.json"))
    sent = 0
    for file in files:
        body = json.loads(file.read_text(encoding="utf-8"))
        for one in body if isinstance(body, list) else [body]:
            if isinstance(one, dict) and ("eventType" in one or "specversion" in one):
                assert world.host.deliver(one) == 202
                sent += 1
    assert sent > 20
    assert len(dropped()) == sent


def test_a_thousand_forged_events_cause_reads_at_most(estate):
    """A forged event about a real server that nobody tagged leads to two reads, and its copies to none."""
    world = estate()
    server = world.ready_server()
    mark = len(world.azure.log)
    for number in range(1000):
        world.deliver({**event(server), "id": str(number)})
    world.run(seconds=60)
    calls = world.app_calls(mark)
    assert {call.method for call in calls} <= {"GET"}
    assert len(calls) <= 2
