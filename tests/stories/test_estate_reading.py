"""The bulk read against a Resource Graph that fails as the real one may: nothing is taken for "there is none"."""

import pytest
from conftest import GOLD
from desk import Desk

from cli import connection
from shared import plan
from shared.cloud import graph
from shared.cloud.clients import Cloud
from shared.cloud.estate import read_estate
from shared.core.estate import Scope
from shared.datasources.postgresql_flexible import DATASOURCE
from simulator.arm.authorization import OPERATOR
from simulator.transport import InProcessTransport

GROUPS = "/providers/Microsoft.Management/managementGroups"
NAMES = ["pg-a", "pg-b", "pg-c", "pg-d", "pg-e"]


@pytest.fixture
def world(estate, monkeypatch):
    """One protected server, and more that nobody asked about; pages of two rows."""
    monkeypatch.setattr(graph, "PAGE", 2)
    made = estate()
    for name in NAMES:
        made.create_server(name, GOLD if name == "pg-a" else {})
    made.run(seconds=3600)
    assert made.row(made.server_id("pg-a")).verdict == "protected"
    return made


def read(world, scope=None, pause=None):
    cloud = Cloud(world.settings, world.azure.credential(OPERATOR), InProcessTransport(world.azure))
    where = scope or Scope(world.settings.subscriptions)
    return read_estate(cloud, where, DATASOURCE, pause=pause or world.azure.advance)


def view(world):
    """The same, and what the app knows."""
    cloud = Cloud(world.settings, world.azure.credential(OPERATOR), InProcessTransport(world.azure))
    ledger = world._archive
    return plan.view(cloud, Scope(world.settings.subscriptions), [], ledger, pause=world.azure.advance).estate


def names(found):
    return sorted(server.id.name for server in found.servers.values())


def test_all_pages_come(world):
    """Every server is there once, with its backup, its policy and its newest point; nothing is missing."""
    found = read(world)
    (instance,) = found.instances[world.server_id("pg-a").lower()]
    assert (names(found), found.incomplete) == (NAMES, ())
    assert found.points.keys() == {instance.id.lower()}
    assert [policy.id for policy in found.policies[world.vault_id().lower()]] == [instance.policy_id]
    assert found.vaults[0].redundancy == "LocallyRedundant"


@pytest.mark.parametrize("fault", ["graph_lost_row", "graph_page_fails", "graph_expired_token", "graph_truncated"])
def test_a_page_that_fails_is_named(world, fault):
    """Some servers come, and the reading says that others did not; a bad moment is waited out."""
    world.azure.world.faults.add(fault, "flexibleservers")
    found = read(world)
    if fault == "graph_page_fails":
        assert (names(found), found.incomplete) == (NAMES, ())
    else:
        assert 0 < len(found.servers) < len(NAMES)
        assert any(line.startswith("servers: ") for line in found.incomplete)


@pytest.mark.parametrize("fault", ["graph_duplicate_row", "graph_table", "graph_throttle"])
def test_what_can_be_mended_is_mended(world, fault):
    """A row that comes twice is one; an answer of another shape and a throttle are asked again."""
    world.azure.world.faults.add(fault, "" if fault == "graph_throttle" else "flexibleservers")
    found = read(world)
    assert (names(found), found.incomplete) == (NAMES, ())


def test_no_rows_at_all_is_not_nothing(world):
    """Empty answers are contradicted: by a backup whose server exists, and by what the app remembers."""
    world.azure.world.faults.add("graph_empty", "flexibleservers")
    found = read(world)
    assert names(found) == ["pg-a"]
    assert found.incomplete == ("servers: pg-a exists and had no row",)
    world.azure.world.faults.add("graph_empty", "flexibleservers")
    found = view(world)
    assert names(found) == NAMES
    assert len(found.incomplete) == len(NAMES)


def test_a_lost_backup_is_looked_for(world):
    """The app knows that a server has a backup: without a row the provider is asked, before anything is planned."""
    world.azure.world.faults.add("graph_missing", "backupinstances", times=99)
    assert read(world).instances == {}
    found = view(world)
    assert list(found.instances) == [world.server_id("pg-a").lower()]
    assert found.incomplete == ("pg-a: it has a backup and had no row",)


def test_policies_without_rows_are_asked_for(world):
    """A protected server is not called drifted because the row of its policy is missing."""
    world.azure.world.faults.add("graph_missing", "backuppolicies", times=99)
    found = read(world)
    (instance,) = found.instances[world.server_id("pg-a").lower()]
    assert [policy.id for policy in found.policies[world.vault_id().lower()]] == [instance.policy_id]


def test_a_phantom_is_only_proposed(world):
    """A server that is gone may still have a row; with its real row gone, the provider says that it is no more."""
    world.arm("DELETE", world.server_id("pg-a"))
    world.run(seconds=600)
    found = read(world)
    assert world.server_id("pg-a").lower() not in found.servers
    assert world.server_id("pg-a").lower() in found.instances
    assert found.incomplete == ()


def test_a_management_group_is_a_scope(world):
    """All subscriptions below it are read; one that has none, or does not exist, is named."""
    world.arm("PUT", f"{GROUPS}/platform", {})
    (subscription,) = world.settings.subscriptions
    world.arm("PUT", f"{GROUPS}/platform/subscriptions/{subscription}")
    found = read(world, Scope(management_groups=("platform",)))
    assert (names(found), list(found.subscriptions), found.incomplete) == (NAMES, [subscription], ())


def test_one_server_is_a_scope(world):
    """Only its rows are asked for."""
    found = read(world, Scope(server=next(iter(read(world).servers.values())).id))
    assert (len(found.servers), found.incomplete) == (1, ())


def test_names_are_found_without_case(world, capfd, tmp_path, monkeypatch):
    """A name as people type it."""
    desk = Desk(world, capfd, tmp_path, monkeypatch)
    assert desk.run("explain", "PG-A", "--json").json["verdict"] == "protected"
    connection.use(None)
