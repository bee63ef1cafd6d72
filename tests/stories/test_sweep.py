"""Sweep: what events missed is healed, what is right is left alone, and nothing unread is taken for nothing."""

import gzip
import json
from dataclasses import replace

import pytest
from conftest import GOLD, INSTANCES, POLICIES, RULES

from cli.rehearsal import APP
from functions import wiring
from shared.cloud.errors import CloudError
from shared.sweep import sweep

BRONZE = {"backup-tier": "bronze"}
UNSEEN = "00000000-0000-4000-8000-000000000001"


def latest(world):
    """The snapshot that the status page would read."""
    return json.loads(gzip.decompress(world.azure.blobs.containers["flexguard"].blobs["latest.json.gz"].data))


def verdicts(world):
    return {one["name"]: one["verdict"] for one in latest(world)["servers"]}


def deaf(estate, *servers, rules=RULES, **options):
    """An estate with servers of which no event has told: (name, tags)."""
    world = estate(rules, **options)
    world.courier = lambda _event: ()
    ids = [world.create_server(name, tags) for name, tags in servers]
    world.run(seconds=1200)
    return world, ids


def swept():
    """Sweep now, as the timer does."""
    context = wiring.current()
    return sweep(context.cloud, context.ledger, context.rules, context.prices)


def watch_also(world, subscription):
    """Start the app again with one more subscription to look after."""
    world.settings = replace(world.settings, subscriptions=world.settings.subscriptions | {subscription})
    world.start()


def writes(calls):
    return [call for call in calls if call.method != "GET" and "ResourceGraph" not in call.operation]


def test_a_server_whose_event_never_came_is_protected(estate):
    """No event is ever delivered: the hourly sweep finds the server, and an hour later it is protected."""
    world, (server, _) = deaf(estate, ("pg-one", GOLD), ("pg-other", {}))
    world.run(seconds=2 * 3600)
    assert world.row(server).verdict == "protected"
    assert verdicts(world) == {"pg-one": "protected", "pg-other": "not_opted_in"}


def test_what_events_missed_is_counted_once(estate):
    """The sweep that enqueues says so; one that comes while the work goes on, or after it, heals nothing more."""
    world, _ = deaf(estate, ("pg-one", BRONZE), ("pg-two", BRONZE), ("pg-other", {}))
    first = swept()
    assert (first.enqueued, first.healed) == (2, 2)
    world.run(seconds=30)
    again = swept()
    assert (again.enqueued, again.healed) == (0, 0)
    world.run(seconds=300)
    assert swept().enqueued == 0
    assert len(world.of_type(INSTANCES)) == 2


def test_the_steady_state_writes_nothing_to_azure(estate):
    """Everything is as it should be: five questions to Resource Graph an hour, no message, no write."""
    world, _ = deaf(estate, ("pg-one", GOLD), ("pg-other", {}))
    world.run(seconds=2 * 3600)
    mark = len(world.azure.log)
    made = swept()
    calls = world.app_calls(mark)
    assert made.enqueued == 0
    assert {call.operation for call in calls} == {"Microsoft.ResourceGraph/resources/read"}
    assert len(calls) == 5
    assert not [call for call in world.azure.log[mark:] if call.operation in ("queue post", "table put", "table post")]


def test_two_sweeps_at_once_are_harmless(estate):
    """Two sweeps that read the same estate enqueue twice: one instance each, one flow each, no refusal."""
    world, servers = deaf(estate, *[(f"pg-{number}", BRONZE) for number in range(5)])
    mark = len(world.azure.log)
    context = wiring.current()
    counts = [sweep(context.cloud, context.ledger, context.rules).enqueued for _ in range(2)]
    world.run(seconds=600)
    assert counts == [5, 5]
    puts = [call for call in writes(world.app_calls(mark)) if call.path.rsplit("/", 2)[-2] == "backupInstances"]
    assert len(puts) == len(world.of_type(INSTANCES)) == len(servers)
    assert all(call.status < 300 for call in writes(world.app_calls(mark)))


def test_in_observe_nothing_is_enqueued_and_everything_is_said(estate):
    """mode: observe: the snapshot says what would be done, and the queue stays empty."""
    world, _ = deaf(estate, ("pg-one", GOLD), rules=RULES.replace("protect", "observe", 1))
    made = swept()
    assert world.host.poll() == 0
    assert (made.enqueued, made.counts) == (0, {"blocked_observe_only": 1})
    assert "next would be" in made.servers[0].reason


def test_a_partial_answer_is_named_and_what_was_read_is_worked_on(estate):
    """One subscription cannot be seen: the snapshot says so, and the servers of the other are worked on."""
    world, _ = deaf(estate, ("pg-one", BRONZE))
    watch_also(world, UNSEEN)
    made = swept()
    assert made.incomplete == (f"subscription {UNSEEN}: not to be seen: it does not exist, or we may not read it",)
    assert made.enqueued == 1


def test_storage_that_fails_keeps_nobody_unprotected(estate):
    """Blob storage is gone: the servers are enqueued first, and then the sweep fails aloud."""
    world, (server,) = deaf(estate, ("pg-one", BRONZE))
    world.azure.blobs.containers.clear()
    with pytest.raises(CloudError):
        swept()
    world.run(seconds=300)
    assert world.row(server).verdict == "first_backup_pending"


def test_a_management_group_that_shows_nothing_is_not_an_empty_estate(estate):
    """The group cannot be seen: said, with the subscription that should be below it, and nothing is called missing."""
    world, _ = deaf(estate, ("pg-one", BRONZE))
    world.settings = replace(world.settings, management_groups=frozenset({"corp"}))
    world.start()
    made = swept()
    assert [line.split(":")[0] for line in made.incomplete][-2:] == [
        "management group corp", f"subscription {next(iter(world.settings.subscriptions))}",
    ]  # fmt: skip
    assert (made.servers, made.enqueued) == ((), 0)


def test_a_server_that_is_gone_is_orphaned_only_when_everything_was_read(estate):
    """Its backups are there and it has no row: orphaned; with anything unread, it is only unread."""
    world, (server,) = deaf(estate, ("pg-one", BRONZE))
    world.run(seconds=3600)
    world.arm("DELETE", server)
    world.run(seconds=3600)
    assert verdicts(world) == {"pg-one": "orphaned"}
    watch_also(world, UNSEEN)
    assert swept().counts == {"blocked_azure_unreachable": 1}


def test_an_old_backup_is_overdue(estate):
    """The newest recovery point is older than the tier allows: overdue, though everything is configured."""
    world, (server,) = deaf(estate, ("pg-one", GOLD))
    world.run(seconds=2 * 3600)
    assert verdicts(world) == {"pg-one": "protected"}
    world.azure.world.faults.add("fail_backup", "/pg-one", times=9)
    world.azure.advance(10 * 86_400)
    assert swept().counts == {"overdue": 1}
    assert world.row(server).verdict == "protected"


def test_the_snapshot_says_since_when(estate):
    """A verdict keeps its date as long as it lasts, and one snapshot of each day stays."""
    world, _ = deaf(estate, ("pg-one", {}))
    first = swept()
    world.azure.advance(26 * 3600)
    swept()
    second = latest(world)
    assert second["servers"][0]["changed_since"] == f"{first.at:%Y-%m-%dT%H:%M:%SZ}"
    days = {"2026-11-23.json.gz", "2026-11-24.json.gz"}
    assert world.azure.blobs.containers["flexguard"].blobs.keys() - {"jobs.json.gz"} == {*days, "latest.json.gz"}
    assert (second["protected"], second["eligible"], second["asking"]) == (0, 1, 0)


def test_resource_graph_only_proposes(estate):
    """A server that was untagged a moment ago still has its tag in the rows: it is read anew, and left alone."""
    world, (server,) = deaf(estate, ("pg-one", BRONZE))
    world.azure.world.behaviour.graph_lag_s = 600
    world.arm("PATCH", f"{server}/providers/Microsoft.Resources/tags/default", {
        "operation": "Delete", "properties": {"tags": BRONZE},
    })  # fmt: skip
    world.run(seconds=120)
    mark = len(world.azure.log)
    assert swept().enqueued == 1
    world.run(seconds=120)
    assert writes(world.app_calls(mark)) == []
    assert world.row(server).verdict == "not_opted_in"


def test_a_lost_continuation_is_found(estate):
    """The queue loses everything in the middle of a flow: the next sweep takes the server up again."""
    world, (server,) = deaf(estate, ("pg-one", BRONZE))
    swept()
    world.run(seconds=5)
    world.queue().clear_messages()
    world.run(seconds=600)
    assert world.of_type(INSTANCES) == []
    world.run(seconds=2 * 3600)
    assert world.row(server).verdict == "first_backup_pending"


def test_a_sweep_without_rights_says_so_and_changes_nothing(estate):
    """The app's rights are gone: no server is called gone or unprotected, and nothing is enqueued."""
    world, _ = deaf(estate, ("pg-one", BRONZE))
    for role in list(world.of_type("microsoft.authorization/roleassignments")):
        if role.body["properties"]["principalId"] == APP:
            world.arm("DELETE", role.id)
    made = swept()
    assert made.servers == ()
    assert made.incomplete[0].endswith("not to be seen: it does not exist, or we may not read it")
    assert made.percent is None
    assert world.of_type(POLICIES) == []


def test_unprotected_servers_come_before_first_backups(estate):
    """One server has everything but its first backup; who has no protection at all is on the queue before it."""
    world, (first,) = deaf(estate, ("pg-a-first", BRONZE))
    swept()
    world.run(seconds=300)
    world.rules = RULES.replace("first_backup: schedule", "first_backup: at_once") + "on_demand: {most_a_day: 0}\n"
    world.start()
    second = world.create_server("pg-b-second", BRONZE)
    world.run(seconds=1200)
    mark = len(world.azure.log)
    assert swept().enqueued == 2
    world.run(seconds=1)
    order = [call.path for call in world.app_calls(mark) if call.operation.endswith("flexibleServers/read")]
    assert [path.rsplit("/", 1)[-1] for path in order] == ["pg-b-second", "pg-a-first"]
    assert {world.row(server).verdict for server in (first, second)} <= {
        "configuring",
        "first_backup_pending",
        "waiting_for_roles",
    }
