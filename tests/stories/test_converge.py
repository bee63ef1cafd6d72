"""Converge, through the front door: events of Azure go in, and the world is what is looked at."""

import pytest
from conftest import GOLD, INSTANCES, RULES, happy

from functions import wiring
from shared.core.policy import render


def test_a_tagged_server_ends_protected_with_a_first_recovery_point(estate):
    """The promise of the product: a tag, and nothing else, ends in protection and a recovery point."""
    world = estate()
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=3600)
    assert happy(world.state_of(server))
    assert world.host.failures == []


def test_a_tag_on_an_old_server_protects_it(estate):
    """It does not matter when the tag came: the Tags API on a server that has long been Ready is enough."""
    world = estate()
    server = world.ready_server()
    assert world.state_of(server)["instances"] == []
    world.tag(server, backup_tier="Gold ")
    world.run(seconds=3600)
    assert happy(world.state_of(server))


def test_events_twice_reordered_and_late_change_nothing_but_latency(estate):
    """Every event of the story comes three times, the last ones first, and the world ends the same."""
    held = []

    def courier(event):
        held.append(event)
        return [*reversed(held), event] if len(held) % 2 else ()

    world = estate(courier=courier)
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=3600)
    world.courier = lambda _event: ()
    for event in reversed(held):
        world.deliver(event)
    world.run(seconds=600)
    assert happy(world.state_of(server))


def test_lost_events_are_healed_by_a_later_one(estate):
    """All events of the creation are lost; the next thing that happens to the server protects it."""
    world = estate()
    server = world.ready_server(tags=GOLD)
    assert world.state_of(server)["verdict"] == ""
    world.tag(server, team="shop")
    world.run(seconds=3600)
    assert happy(world.state_of(server))


def test_a_duplicate_event_asks_nothing_of_arm(estate):
    """A thousand copies of an event that was looked at cost no call to ARM."""
    world = estate()
    events = []
    world.courier = lambda event: events.append(event) or (event,)
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=3600)
    mark = len(world.azure.log)
    for _ in range(1000):
        world.deliver(events[-1])
    world.run(seconds=60)
    assert world.app_calls(mark) == []
    assert happy(world.state_of(server))


@pytest.mark.parametrize(("tags", "most"), [(GOLD, 2), ({}, 2)])
def test_an_event_about_a_server_that_is_right_costs_two_reads(estate, tags, most):
    """A real change to a server that is as it should be, or not ours, costs at most two reads and no write."""
    world = estate()
    server = world.create_server("pg-one", tags)
    world.run(seconds=3600)
    mark = len(world.azure.log)
    world.tag(server, team="shop")
    world.run(seconds=60)
    calls = world.app_calls(mark)
    assert 1 <= len(calls) <= most
    assert {call.method for call in calls} == {"GET"}


def test_a_change_during_a_look_is_not_lost(estate):
    """A tag that changes after the app has read the server, and before it is done, is seen all the same."""
    world = estate()
    server = world.ready_server()
    calls = {"left": 1}
    send = world._transport.send

    def during(request, **options):
        answer = send(request, **options)
        if "backupInstances" in request.url and "pg-one" in request.url and calls["left"]:
            calls["left"] = 0
            world.azure.advance(1)
            world.tag(server, backup_tier="gold")
            world.azure.advance(1)
        return answer

    world._transport.send = during
    world.tag(server, team="shop")
    world.run(seconds=3600)
    assert happy(world.state_of(server))


def test_removing_the_tag_stops_nothing(estate):
    """A tag that goes away causes no write; the verdict says that backups go on."""
    world = estate()
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=3600)
    mark = len(world.azure.log)
    world.arm("PUT", f"{server}/providers/Microsoft.Resources/tags/default", {"properties": {"tags": {}}})
    world.run(seconds=600)
    assert {call.method for call in world.app_calls(mark)} == {"GET"}
    assert world.row(server).verdict == "not_opted_in"
    assert "go on" in world.row(server).reason
    assert len(world.of_type(INSTANCES)) == 1


def test_observe_writes_nothing_and_says_what_it_would_do(estate):
    """In observe mode there is no write at all, and the verdict names the first thing that protect would do."""
    world = estate(RULES.replace("mode: protect", "mode: observe"))
    mark = len(world.azure.log)
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=3600)
    calls = [call for call in world.app_calls(mark) if not call.operation.startswith("Microsoft.ResourceGraph")]
    assert {call.method for call in calls} == {"GET"}
    assert world.row(server).verdict == "blocked_observe_only"
    assert "EnsurePolicy" in world.row(server).reason


def test_a_policy_of_another_client_that_means_the_tier_is_used(estate):
    """What counts is what a policy means: one that someone else made under another name is taken."""
    world = estate()
    body = render(wiring.current().rules.tiers["gold"], "Microsoft.DBforPostgreSQL/flexibleServers")
    world.arm("PUT", f"{world.vault_id()}/backupPolicies/ten-years", body)
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=3600)
    assert world.state_of(server)["policies"] == ["ten-years"]
    assert world.state_of(server)["verdict"] == "protected"
