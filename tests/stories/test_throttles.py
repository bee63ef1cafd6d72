"""Throttled: Azure lets the app make so many calls and no more, and nothing is lost for it."""

from conftest import INSTANCES, RULES

from cli.deployment import prepare_group

SERVERS = 300
TAGGED = {"operation": "Merge", "properties": {"tags": {"backup-tier": "bronze"}}}


def test_three_hundred_servers_at_once_under_the_documented_buckets(estate):
    """All are tagged in one second; the crowd spreads out by itself, so that ARM refuses nothing and nobody is lost."""
    world = estate(f"brake: {{servers: {SERVERS}}}\n{RULES}")
    prepare_group(world.arm, "rg-data", "westeurope")
    servers = [world.create_server(f"pg-{number:03}") for number in range(SERVERS)]
    courier, world.courier = world.courier, lambda _event: ()
    world.run(seconds=1200)
    world.courier = courier
    mark = len(world.azure.log)
    for server in servers:
        world.arm("PATCH", f"{server}/providers/Microsoft.Resources/tags/default", TAGGED)
    world.run(seconds=300)
    found = [item.body["properties"] for item in world.of_type(INSTANCES)]
    assert sorted(each["dataSourceInfo"]["resourceID"] for each in found) == sorted(servers)
    assert {each["currentProtectionState"] for each in found} == {"ProtectionConfigured"}
    assert {world.row(server).verdict for server in servers} == {"first_backup_pending"}
    calls = world.app_calls(mark)
    assert len([call for call in calls if call.status == 429]) <= len(calls) / 100
    assert world.host.failures == []


def test_the_guard_against_abuse_is_waited_for(estate):
    """Azure Backup blocks the validation for two hours: it is not hammered, and then the server is protected."""
    world = estate()
    server = world.ready_server()
    world.azure.world.faults.add("dos_guard", "validateforbackup", hours=2)
    mark = len(world.azure.log)
    world.tag(server, backup_tier="gold")
    world.run(seconds=6 * 3600)
    blocked = [call for call in world.app_calls(mark) if call.status == 400]
    assert 1 <= len(blocked) <= 2
    assert world.row(server).verdict == "protected"
