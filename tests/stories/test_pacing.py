"""Pace: a crowd goes through at the rate that Azure allows, in any number of app instances, and nothing is slept."""

import pytest
from conftest import GOLD, INSTANCES, RULES

from cli.deployment import prepare_group
from functions import wiring
from shared.sweep import sweep

CROWD = 100
ALL = f"brake: {{servers: {CROWD}}}\n{RULES}"
BRONZE = {"backup-tier": "bronze"}
TAGGED = {"operation": "Merge", "properties": {"tags": BRONZE}}


def ready(estate, count, tags=None, **options):
    """An estate of Ready servers in a prepared group; no event has told of them."""
    world = estate(ALL, **options)
    prepare_group(world.arm, "rg-data", "westeurope")
    courier, world.courier = world.courier, lambda _event: ()
    servers = [world.create_server(f"pg-{number:03}", tags) for number in range(count)]
    world.run(seconds=1100)
    world.courier = courier
    return world, servers


def tag_all(world, servers):
    for server in servers:
        world.arm("PATCH", f"{server}/providers/Microsoft.Resources/tags/default", TAGGED)


def windows(world, mark):
    """Every call to storage about the promised turns."""
    return [call for call in world.azure.log[mark:] if "window-" in call.path or b"window-" in call.body]


def puts(calls):
    return [call for call in calls if call.method == "PUT" and "/backupInstances/" in call.path]


def overdrawn(calls, kind, size, per_s):
    """By how many calls the documented bucket would have been overdrawn; the operations of a kind that ARM counts."""
    left, last, worst = float(size), calls[0].at, 0.0
    for call in (call for call in calls if (call.method == "GET") == (kind == "reads")):
        left = min(size, left + (call.at - last).total_seconds() * per_s) - 1
        last, worst = call.at, min(worst, left)
    return -worst


@pytest.mark.parametrize("app_instances", [1, 3])
def test_a_crowd_of_events_is_let_through_at_the_documented_rate(estate, app_instances):
    """All are tagged in one second: no refusal, the buckets are never overdrawn, and everybody is protected."""
    world, servers = ready(estate, CROWD, app_instances=app_instances)
    mark = len(world.azure.log)
    tag_all(world, servers)
    world.run(seconds=180)
    calls = world.app_calls(mark)
    assert [call.status for call in calls if call.status == 429] == []
    assert overdrawn(calls, "writes", 200, 10) == overdrawn(calls, "reads", 250, 25) == 0
    assert len(puts(calls)) == len(world.of_type(INSTANCES)) == CROWD
    assert world.host.failures == []


def test_the_sweep_gives_everybody_a_turn_with_one_write_to_the_window(estate):
    """A sweep over the same crowd: one write for all turns, and one more for the policy that the first flow makes."""
    world, _ = ready(estate, CROWD, BRONZE)
    mark = len(world.azure.log)
    context = wiring.current()
    assert sweep(context.cloud, context.ledger, context.rules).enqueued == CROWD
    world.run(seconds=180)
    calls = world.app_calls(mark)
    assert {call.status for call in calls} == {200, 201, 202}
    assert len(puts(calls)) == len(world.of_type(INSTANCES)) == CROWD
    took_s = (puts(calls)[-1].at - calls[0].at).total_seconds()
    assert took_s <= 41 + (2 * CROWD - 176) / 9.8 + 3
    assert len([call for call in windows(world, mark) if call.method != "GET"]) == 2
    reads = [call for call in calls if call.operation.endswith("flexibleServers/read")]
    assert len(reads) <= 3 * CROWD


def test_nothing_to_do_costs_no_turn(estate):
    """An event about a server that is right, one that is not ours, and a duplicate: the window is not even read."""
    world = estate()
    events = []
    right, other = world.ready_server("pg-one", GOLD), world.ready_server("pg-other")
    world.tag(right, team="shop")
    world.run(seconds=1800)
    world.courier = lambda event: events.append(event) or (event,)
    mark = len(world.azure.log)
    world.tag(right, team="search")
    world.tag(other, team="search")
    world.run(seconds=60)
    world.deliver(events[-1])
    world.run(seconds=60)
    assert windows(world, mark) == []


def test_one_server_takes_its_turn_at_once(estate):
    """In a quiet hour protection waits for nobody, and the window is written twice: for the budget and for the turn."""
    world = estate()
    server = world.ready_server("pg-one")
    mark = len(world.azure.log)
    world.tag(server, backup_tier="bronze")
    world.run(seconds=1)
    assert [call.operation for call in world.app_calls(mark) if call.method != "GET"]
    assert len([call for call in windows(world, mark) if call.method != "GET"]) == 2


@pytest.mark.parametrize(
    ("kind", "least_s", "most_s"),
    [
        ("throttle", 5, 30),
        ("throttle_date", 5, 30),
        ("throttle_zero", 0, 15),
        ("throttle_huge", 6 * 3600, 6 * 3600 + 15),
        ("throttle_absent", 5, 30),
        ("identity_throttle", 5, 30),
    ],
)
def test_any_retry_after_is_kept_and_nobody_sleeps(estate, kind, least_s, most_s):
    """Azure refuses one call: the pass ends at once, and the next call comes no sooner than Azure asked."""
    world = estate()
    server = world.ready_server("pg-one")
    world.azure.world.faults.add(kind, "validateforbackup")
    mark = len(world.azure.log)
    world.tag(server, backup_tier="bronze")
    while not any(call.status == 429 for call in world.app_calls(mark)):
        world.run(seconds=5)
    refused = next(call for call in world.app_calls(mark) if call.status == 429)
    began = world.azure.log.index(refused)
    world.azure.world.faults.waiting.clear()
    world.run(seconds=most_s + 60)
    after = next(call for call in world.app_calls(began + 1) if "pg-one" in call.path)
    assert least_s <= (after.at - refused.at).total_seconds() <= most_s
    world.run(seconds=300)
    assert len(world.of_type(INSTANCES)) == 1


def test_a_refusal_keeps_the_others_back(estate):
    """One server is told to wait a minute: another that comes meanwhile asks nothing before the minute is over."""
    world, (first, second) = ready(estate, 2)
    world.azure.world.faults.add("throttle", "validateforbackup", retry_after_s=60)
    world.tag(first, backup_tier="bronze")
    world.run(seconds=10)
    mark, began = len(world.azure.log), world.azure.now
    world.tag(second, backup_tier="bronze")
    world.run(seconds=45)
    assert world.app_calls(mark) == []
    world.run(seconds=400)
    assert len(world.of_type(INSTANCES)) == 2
    assert (world.app_calls(mark)[0].at - began).total_seconds() >= 49


def test_first_backups_come_after_all_protections(estate):
    """Every tier wants its first backup at once: no backup is started while somebody still waits to be protected."""
    world, servers = ready(estate, CROWD, GOLD)
    mark = len(world.azure.log)
    context = wiring.current()
    sweep(context.cloud, context.ledger, context.rules)
    world.run(seconds=600)
    calls = world.app_calls(mark)
    backups = [call for call in calls if call.method == "POST" and call.path.endswith("/backup")]
    assert len(backups) == len(servers)
    assert {call.status for call in calls if call.status >= 400} <= {429}
    assert len([call for call in calls if call.status == 429]) <= len(calls) / 100
    validated = [call.at for call in calls if call.operation.endswith("validateForBackup/action")]
    assert backups[0].at > validated[-1]
