"""Jobs and incidents at the desk: what went wrong, why, and what to do, on 100 columns and as JSON."""

import pytest
from conftest import GOLD, RULES
from desk import Desk

from cli import connection


@pytest.fixture
def desk(estate, capfd, tmp_path, monkeypatch):
    """A world in which one server's backups fail, and a desk before it."""
    world = estate(RULES)
    world.azure.world.faults.add("fail_backup", "/pg-bad", times=9)
    world.create_server("pg-bad", GOLD | {"backup-owner": "team-a"})
    world.create_server("pg-good", GOLD)
    world.run(seconds=3 * 3600)
    yield world, Desk(world, capfd, tmp_path, monkeypatch)
    connection.use(None)


def fits(text):
    return max(map(len, text.splitlines())) <= 100


def test_jobs_say_why_they_failed(desk):
    """Newest first, with the reason and the next step; what failed is a finding."""
    _, at = desk
    ran = at.run("jobs")
    assert (ran.code, fits(ran.out)) == (1, True)
    assert "pg-good" in ran.out
    assert "→ " in ran.out
    told = at.run("jobs", "--json").json
    assert told["missing"] == []
    assert [job["start"] for job in told["jobs"]] == sorted((job["start"] for job in told["jobs"]), reverse=True)
    assert {(job["status"], bool(job["reason"]), bool(job["fix"])) for job in told["jobs"]} == {
        ("Completed", False, False),
        ("Failed", True, True),
    }


def test_jobs_are_narrowed(desk):
    """By server, in any case and by name or id, by failure, and by days; nothing is no finding."""
    world, at = desk
    servers = {job["server"] for job in at.run("jobs", "--server", "PG-Good", "--json").json["jobs"]}
    assert servers == {world.server_id("pg-good")}
    by_id = at.run("jobs", "--server", world.server_id("pg-bad"), "--failed", "--json").json["jobs"]
    assert {(job["server"], job["status"]) for job in by_id} == {(world.server_id("pg-bad"), "Failed")}
    world.azure.advance(2 * 86400)
    ran = at.run("jobs", "--days", "1")
    assert (ran.code, ran.out) == (0, "No such jobs in the last day.\n")
    assert at.run("jobs", "--days", "15").code == 2


def test_a_vault_that_cannot_be_read_is_named(desk):
    """What is missing is said on standard error and in JSON, and is a finding."""
    world, at = desk
    world.azure.world.faults.add("unavailable", "backupjobs", times=99)
    ran = at.run("jobs", "--server", "pg-good", "--json")
    assert (ran.code, ran.json["jobs"]) == (1, [])
    assert "bv-westeurope" in ran.json["missing"][0]
    assert "incomplete, not all could be read: bv-westeurope" in ran.err


def test_incidents_are_those_that_are_open(desk):
    """What the watch has written down: cause, servers, owner, next step; closed ones only with --all."""
    world, at = desk
    ran = at.run("incidents")
    assert (ran.code, fits(ran.out)) == (1, True)
    assert "pg-bad" in ran.out
    assert "[owner team-a]" in ran.out
    (one,) = [each for each in at.run("incidents", "--json").json if each["kind"] == "backup_failed"]
    assert (one["owner"], one["closed_at"], one["named"]) == ("team-a", None, [world.server_id("pg-bad")])
    world.azure.world.faults.waiting.clear()
    at.run("backup", "now", "pg-bad")
    world.run(seconds=2 * 3600)
    assert "backup_failed" not in {each["kind"] for each in at.run("incidents", "--json").json}
    ran = at.run("incidents", "--all")
    assert "over after" in ran.out
    assert fits(ran.out)
    assert {each["closed_at"] is None for each in at.run("incidents", "--all", "--json").json} >= {False}


def test_watching_is_for_terminals(desk):
    """Where nobody can see it change, --watch is bad input, and nothing is read."""
    _, at = desk
    for more in ((), ("--json",)):
        ran = at.run("status", "--watch", *more)
        assert (ran.code, ran.out, ran.calls) == (2, "", [])
        assert "--watch is for a terminal" in ran.err
