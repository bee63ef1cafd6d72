"""Disasters of the tool itself: whatever it loses, no backup is endangered, nothing is written, and it recovers."""

import pytest
from conftest import GOLD, JOBS, POINTS

from shared.cloud.ledger_table import TABLE
from shared.cloud.snapshot import CONTAINER
from simulator.storage_state import clear

WRITES = {"PUT", "PATCH", "DELETE"}


@pytest.fixture
def world(estate):
    """Two servers under protection, one without a tag, and a snapshot of it."""
    made = estate()
    for name in ("pg-one", "pg-two"):
        made.create_server(name, GOLD)
    made.create_server("pg-three")
    made.run(seconds=2 * 3600)
    made.servers = [made.server_id(name) for name in ("pg-one", "pg-two", "pg-three")]
    return made


def verdicts(world):
    """What the ledger says of each server."""
    return [world.row(server).verdict for server in world.servers]


def writes(world, since):
    """What the app has asked to be changed: configuration, and backups that it started."""
    calls = world.app_calls(since)
    return [call.operation for call in calls if call.method in WRITES or call.operation.endswith("/backup/action")]


def lose_ledger(world):
    """Somebody empties the table."""
    table = world.azure.tables.tables[TABLE]
    table.entities.clear()
    table.order.clear()


def lose_messages(world):
    """Somebody empties every queue, with an event on its way."""
    world.tag(world.servers[0], team="shop")
    world.run(seconds=0)
    for queue in world.azure.queues.queues.values():
        queue.messages.clear()
        queue.by_visibility.clear()


def lose_snapshots(world):
    """Somebody deletes the container, and it is made anew."""
    world.azure.blobs.containers.clear()
    world.azure.blobs.make(CONTAINER)


def lose_storage(world):
    """The whole account is gone, and deployed anew: empty; the app starts again."""
    clear(world.azure)
    world.table_client().create_table(TABLE)
    world.azure.blobs.make(CONTAINER)
    world.start()


LOSSES = [lose_ledger, lose_messages, lose_snapshots, lose_storage]


@pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: lose.__name__)
def test_nothing_is_written_because_of_a_loss(world, lose):
    """A day after it, the app has changed nothing and started no second backup: Azure is the state."""
    jobs = len(world.of_type(JOBS))
    before = len(world.azure.log)
    lose(world)
    world.run(seconds=86_400)
    assert writes(world, before) == []
    assert len(world.of_type(JOBS)) == jobs
    assert len(world.of_type(POINTS)) == 2


@pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: lose.__name__)
def test_the_tool_works_again(world, lose):
    """After it, a new server is protected as ever, and the next sweep has everybody in its record."""
    lose(world)
    new = world.create_server("pg-new", GOLD)
    world.run(seconds=2 * 3600)
    assert world.row(new).verdict == "protected"
    assert "latest.json.gz" in world.azure.blobs.containers[CONTAINER].blobs


def test_a_server_in_the_middle_is_finished(world):
    """The ledger is lost while a server is being protected: it ends with one instance, and at most one backup."""
    new = world.create_server("pg-new", GOLD)
    while not world.row(new).running:
        world.run(seconds=10)
    lose_ledger(world)
    world.run(seconds=3 * 3600)
    state = world.state_of(new)
    assert [shape for _, shape in state["instances"]] == ["ProtectionConfigured"]
    assert state["backups"] == [(True, "Completed")]


def test_a_failure_is_told_again_and_never_lost(estate):
    """An open incident is told once more after the ledger is lost: twice is possible, never is not."""
    world = estate()
    world.azure.world.faults.add("fail_backup", "/pg-one", times=99)
    world.create_server("pg-one", GOLD)
    world.run(seconds=2 * 3600)
    told = len(world.alerts)
    lose_ledger(world)
    world.run(seconds=3600)
    assert told >= 1
    assert len(world.alerts) > told


def test_while_the_app_is_away_backups_go_on(world):
    """For two weeks no timer fires and no event arrives: the vaults make their backups by themselves."""
    points = len(world.of_type(POINTS))
    world.azure.advance(14 * 86_400)
    assert len(world.of_type(POINTS)) > points
