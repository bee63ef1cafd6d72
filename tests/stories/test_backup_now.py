"""`flexguard backup now`: a person asks, the app starts, and whoever waits sees how it goes."""

import pytest
from conftest import GOLD, JOBS, RULES
from desk import Desk

from cli import connection
from cli.connection import Connection
from shared.cloud.clients import Cloud
from shared.cloud.ledger_table import TableLedger
from simulator.arm.authorization import OPERATOR
from simulator.transport import InProcessTransport


class Meanwhile(InProcessTransport):
    """While the command waits, the app works."""

    world = None

    def sleep(self, duration):
        self.world.run(seconds=duration)


@pytest.fixture
def desk(estate, capfd, tmp_path, monkeypatch):
    """A protected server with its first recovery point, and a desk at which time passes for the app too."""

    def make(rules=RULES, **options):
        world = estate(rules, **options)
        world.create_server("pg-one", GOLD)
        world.run(seconds=3600)
        at = Desk(world, capfd, tmp_path, monkeypatch)
        transport = Meanwhile(world.azure)
        transport.world = world
        cloud = Cloud(world.settings, world.azure.credential(OPERATOR), transport)
        connection.use(Connection(cloud, TableLedger(cloud), world.settings))
        return world, at

    yield make
    connection.use(None)


def asked(world):
    """How the backups went that were asked for, the first one left out."""
    found = sorted((job.body["properties"] for job in world.of_type(JOBS)), key=lambda job: job["startTime"])
    return [job["status"] for job in found if job["isUserTriggered"]][1:]


def test_asking_and_waiting(desk):
    """One backup, although the newest point is young; every stage is said, and exit code 0 means a recovery point."""
    world, at = desk()
    ran = at.run("backup", "now", "pg-one", "--wait")
    said = [line.split(" ", 1)[1].partition(":")[0] for line in ran.out.splitlines()]
    assert (ran.code, list(dict.fromkeys(said))) == (0, ["asked", "waiting", "running", "done"])
    assert asked(world) == ["Completed"]
    assert world.row(world.server_id("pg-one")).backup.why == "person"


def test_asking_alone(desk):
    """Without --wait the wish is on the queue and nothing else has been written; the app does the rest, once."""
    world, at = desk()
    ran = at.run("backup", "now", "pg-one", "--json")
    writes = [operation for method, operation in ran.calls if method in ("PUT", "POST", "PATCH")]
    assert [one for one in writes if "ResourceGraph" not in one] == ["queue post"]
    assert (ran.code, ran.json["state"], ran.json["by"] != "") == (0, "asked", True)
    (message,) = world.queue().peek_messages()
    world.queue().send_message(message.content)
    world.run(seconds=3600)
    assert asked(world) == ["Completed"]


def test_asking_twice_is_one_backup(desk):
    """While one runs, who asks gets that one."""
    world, at = desk()
    at.run("backup", "now", "pg-one")
    world.run(seconds=300)
    ran = at.run("backup", "now", "pg-one", "--wait", "--json")
    assert (ran.code, ran.json["state"]) == (0, "done")
    assert asked(world) == ["Completed"]


def test_a_backup_that_fails(desk):
    """Exit code 1, and Azure's code."""
    world, at = desk()
    world.azure.world.faults.add("fail_backup", "/pg-one")
    ran = at.run("backup", "now", "pg-one", "--wait", "--json")
    assert (ran.code, ran.json["state"], asked(world)) == (1, "failed", ["Failed"])
    assert "PostgreSQLFlexServerError" in ran.json["reason"]
    assert "backupJobs" in ran.json["job"]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            RULES.replace("10 years}\n  bronze", "10 years}\n    on_demand: {blackout: [2026-11-23]}\n  bronze"),
            "none on",
        ),
        (RULES + "on_demand: {most_a_day: 0}\n", "which is the most by the rules"),
        (RULES.replace("mode: protect", "mode: observe"), "the rules say observe"),
    ],
)
def test_what_is_refused_says_why(desk, rules, said):
    """On blackout dates, over the limits, and where the app only observes: exit code 1, the reason, and no backup."""
    world, at = desk()
    world.rules = rules
    world.start()
    ran = at.run("backup", "now", "pg-one", "--wait", "--json")
    assert (ran.code, ran.json["state"], asked(world)) == (1, "refused", [])
    assert said in ran.json["reason"]
    assert said in at.run("explain", "pg-one", "--json").json["remembered"]["answer"]["reason"]


def test_a_server_that_cannot_be_backed_up(desk):
    """Stopped: that is the answer. Not there: bad input. No queue: bad input that names the setting."""
    world, at = desk()
    world.azure.world.get(world.server_id("pg-one")).body["properties"]["state"] = "Stopped"
    ran = at.run("backup", "now", "pg-one", "--wait", "--json")
    assert (ran.code, ran.json["state"]) == (1, "refused")
    assert "Stopped" in ran.json["reason"]
    assert at.run("backup", "now", world.server_id("pg-none")).code == 2


def test_explain_says_why_no_backup_is_due(desk):
    """The reason of the scan, by what the providers say."""
    _, at = desk()
    found = at.run("explain", "pg-one", "--json").json["on_demand"]
    assert (found["why"], "young enough" in found["reason"]) == ("", True)
    assert "not due: its newest recovery point" in at.run("explain", "pg-one").out
