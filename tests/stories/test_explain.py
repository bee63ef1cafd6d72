"""Explain: one server, read live, with everything that a person asks first; and it writes nothing."""

import pytest
from conftest import GOLD, RULES
from desk import Desk

from cli import connection
from shared.core import resource_id


@pytest.fixture
def desk(estate, capfd, tmp_path, monkeypatch):
    """A server that the app has protected, one that it has not heard of, and a desk before both."""

    def make(rules=RULES, tags=GOLD):
        world = estate(rules)
        world.create_server("pg-one", GOLD)
        world.run(seconds=3600)
        world.ready_server("pg-new", tags)
        return world, Desk(world, capfd, tmp_path, monkeypatch)

    yield make
    connection.use(None)


def explain(at, server):
    ran = at.run("explain", server, "--json")
    assert all(method == "GET" or "ResourceGraph" in operation for method, operation in ran.calls)
    return ran


def test_a_protected_server_explains_itself(desk):
    """Rule, vault, roles, instance, policy, last and next backup, and what the app remembers."""
    world, at = desk()
    ran = explain(at, "pg-one")
    found = ran.json
    assert (ran.code, found["verdict"], found["final"], found["next_actions"]) == (0, "protected", "protected", [])
    assert [rule["rule"] for rule in found["rules"] if rule["is_winner"]] == ["tag"]
    assert found["vault"]["id"] == world.vault_id()
    assert set(found["roles"].values()) == {True}
    assert (found["instance"]["state"], found["policy_means_tier"]) == ("ProtectionConfigured", True)
    assert found["latest_point"] < found["at"] < found["next_backup"]
    assert found["latest_job"]["status"] == "Completed"
    assert found["remembered"]["verdict"] == "protected"


def test_a_new_server_says_what_comes(desk):
    """Nothing is there yet: what would be written, with which roles missing, and how it ends."""
    _, at = desk()
    found = explain(at, "pg-new").json
    assert [one["action"] for one in found["next_actions"]] == ["GrantRole", "Protect", "StartBackup"]
    assert (found["verdict"], found["final"], found["instance"]) == ("waiting_for_roles", "protected", None)
    assert sorted(found["roles"].values()) == [False, True]
    assert found["not_remembered_because"] == "it has not looked at this server"


def test_it_says_what_the_app_would_say(desk):
    """The app's next look comes to the verdict that was explained."""
    world, at = desk(tags={"backup-tier": "glod"})
    ran = explain(at, "pg-new")
    world.tag(world.server_id("pg-new"), touched="yes")
    world.run(seconds=60)
    row = world.row(world.server_id("pg-new"))
    assert (ran.code, ran.json["verdict"], ran.json["reason"]) == (1, row.verdict, row.reason)


def test_the_override_is_named(desk):
    """In a ring that only observes, the mode and the rule that says so are shown, and what would be next."""
    rings = RULES + 'overrides: [{mode: observe, tags: {ring: "late"}}]\n'
    _, at = desk(rings, GOLD | {"ring": "late"})
    found = explain(at, "pg-new").json
    assert (found["mode"], found["mode_rule"], found["verdict"]) == ("observe", "overrides[0]", "blocked_observe_only")
    assert found["next_actions"]


def test_a_server_that_is_gone_is_explained_too(desk):
    """By its id: what is left of it is said."""
    world, at = desk()
    world.arm("DELETE", world.server_id("pg-one"))
    world.courier = lambda _event: ()
    world.run(seconds=600)
    found = explain(at, world.server_id("pg-one")).json
    assert (found["verdict"], found["server"], found["next_backup"]) == ("orphaned", None, None)


def test_it_fits_the_screen(desk):
    """Every section is there, in at most 100 columns."""
    _, at = desk()
    ran = at.run("explain", "pg-one")
    assert max(map(len, ran.out.splitlines())) <= 100
    for said in (
        "verdict",
        "→ tag",
        "mode",
        "region",
        "eligible",
        "role",
        "policy",
        "last point",
        "next backup",
        "said",
    ):
        assert said in ran.out


def test_a_name_must_be_one_server(desk):
    """Two servers of one name are listed by their ids, and either id explains; none, or nonsense, is bad input too."""
    world, at = desk()
    world.ready_server("pg-new", {}, group="rg-other")
    twice = at.run("explain", "PG-NEW")
    assert twice.code == 2
    ids = [line.strip() for line in twice.err.splitlines() if resource_id.parse(line.strip())]
    assert {one.split("/")[4] for one in ids} == {"rg-data", "rg-other"}
    assert [at.run("explain", one, "--json").json["id"] for one in ids] == ids
    for name, said in (("pg-none", "no server is called"), ("a b", "is no name"), (world.vault_id(), "is no server")):
        ran = at.run("explain", name)
        assert ran.code == 2
        assert said in ran.err
