"""What backups on demand take: the scan of a large estate, and a thousand starts at the documented throttle.

`python -m tests.bench.back_up 1000` measures the starts of that many servers; `make bench` measures 1,000 of both.
"""

import logging
import sys
import time
from dataclasses import replace
from typing import Any

import msgspec
from azure.storage.queue import QueueClient

from cli.deployment import prepare_group
from cli.rehearsal import Rehearsal
from functions import wiring
from shared.back_up import Scan, back_up_due
from shared.cloud.clients import Cloud
from shared.cloud.snapshot import CONTAINER
from shared.converge import QUEUE
from shared.core.names import instance_name
from shared.core.resource_id import parse
from shared.core.rules import Starts
from shared.ledger import ServerRow
from simulator import sudden
from simulator.arm.authorization import OPERATOR
from simulator.arm.dataprotection import recovery_points
from simulator.azure import LocalAzure
from tests.bench.crowd import ONE_VAULT
from tests.bench.plan import RULES, Row, estate, listing, measured
from tests.bench.sweep import BLOBS, Graph
from tests.shared.clouds import SETTINGS
from tests.shared.memory_ledger import MemoryLedger

SERVERS, STARTS = 10_000, 1_000
FLOOR_S = 80  # 200 writes at once, then ten a second
LIMITS = "on_demand: {{most_at_once: {0}, most_a_day: {0}, second_in_week: try}}\n"
GOLD = {"backup-tier": "gold"}
TAGGED = {"operation": "Merge", "properties": {"tags": GOLD}}


def bench_scan(servers: int = SERVERS) -> list[Row]:
    """Rows for the table of numbers: nobody is due, and everybody is."""
    azure = estate(servers, protected=True)
    azure.blobs.make(CONTAINER)
    wire = Graph(azure)
    scanned(azure, wire, MemoryLedger())
    calls = wire.calls
    made, cpu_s, peak_mb = measured(lambda: scanned(azure, wire, MemoryLedger()))
    assert (made.due, made.servers) == (0, servers)
    listing(azure, wire)
    _, plain_cpu_s, plain_mb = measured(lambda: listing(azure, wire))
    azure.advance(9 * 86_400)  # everybody's point is old now
    later = Graph(azure)
    queue = QueueClient(SETTINGS.queue_endpoint, QUEUE, credential=azure.credential(OPERATOR), transport=later)
    queue.create_queue()
    scanned(azure, later, MemoryLedger())
    late, late_cpu_s, _ = measured(lambda: scanned(azure, later, MemoryLedger()))
    assert (late.due, late.asked) == (servers, 100)
    return [
        (f"due scan of {servers:,} servers, ARM calls", str(calls), str(calls), "≤ 25"),
        ("  CPU", f"{cpu_s:.2f} s", f"{plain_cpu_s:.2f} s (listing alone)", "≤ 1 s"),
        ("  memory at its peak", f"{peak_mb:.0f} MB", f"{plain_mb:.0f} MB", "≤ 80 MB"),
        ("  CPU when all are due, and 100 are asked for", f"{late_cpu_s:.2f} s", "", ""),
    ]


def scanned(azure: LocalAzure, wire: Graph, ledger: MemoryLedger) -> Scan:
    """One scan by a process that has just started."""
    settings = replace(SETTINGS, blob_endpoint=BLOBS)
    rules = replace(RULES, on_demand=Starts())
    return back_up_due(Cloud(settings, azure.credential(OPERATOR), wire), ledger, rules)


def bench_starts(servers: int = STARTS, app_instances: int = 1) -> list[Row]:
    """So many servers are due at once, and the rules let all of them start: how long until the last POST is taken."""
    world = due_crowd(servers, app_instances)
    mark, began, cpu = len(world.azure.log), world.azure.now, time.process_time()
    context = wiring.current()
    found = back_up_due(context.cloud, context.ledger, context.rules, apart_s=FLOOR_S / servers)
    assert found.asked == servers
    while len(posts(world, mark)) < servers:
        world.run(seconds=5)
    calls = world.app_calls(mark)
    last_s = (max(call.at for call in posts(world, mark)) - began).total_seconds()
    refused = sum(call.status == 429 for call in calls)
    world.run(seconds=1800)
    assert len(posts(world, mark)) == servers
    assert not world.host.failures
    name = f"{servers:,} backups on demand, app instances: {app_instances}"
    return [
        (f"{name}: last POST accepted", f"{last_s:.0f} s", "", f"floor {FLOOR_S} s"),
        ("  ARM calls, refused with 429", f"{len(calls):,}, {refused:,}", "", "≤ 1 %"),
        ("  POSTs per server, CPU (all parts)", f"1, {time.process_time() - cpu:.0f} s", "", "1"),
    ]


def due_crowd(servers: int, app_instances: int) -> Rehearsal:
    """So many protected servers, whose points are all too old by now; the app was off meanwhile.

    The app has protected the first one; the others are put into the world and its ledger as it would have left them.
    """
    text = f"brake: {{servers: {servers}, share_percent: 0}}\n{LIMITS.format(servers)}{ONE_VAULT}"
    text = text.replace("first_backup: at_once", "first_backup: at_once\n    max_age: 2 days")
    world = Rehearsal(text, app_instances=app_instances)
    prepare_group(world.arm, "rg-data", "westeurope")
    first = world.create_server("pg-first", GOLD)
    courier, world.courier = world.courier, lambda _event: ()
    others = [world.create_server(f"pg-{number:05}", GOLD) for number in range(servers - 1)]
    world.azure.advance(1200)
    world.azure.world.outbox.clear()
    world.courier = courier
    world.arm("PATCH", f"{first}/providers/Microsoft.Resources/tags/default", TAGGED)
    world.run(seconds=1500)
    row = world.row(first)
    for server in others:
        _protect(world, server, row)
    world.azure.advance(3 * 86_400)
    return world


def _protect(world: Rehearsal, server: str, like: ServerRow) -> None:
    parsed, azure = parse(server), world.azure.world
    assert parsed
    name = instance_name(parsed)
    detail = {"vault": like.vault_id, "policy": like.policy_id, "name": name}
    sudden.happen(azure, "foreign_instance", on=server, **detail)
    instance, policy = azure.get(f"{like.vault_id}/backupInstances/{name}"), azure.get(like.policy_id)
    assert instance
    assert policy
    recovery_points.make(azure, instance, policy, "default")
    known = msgspec.structs.replace(like, server_id=server, instance_id=instance.id, generation=1)
    world._archive.keep_server(known, "")


def posts(world: Rehearsal, mark: int) -> list[Any]:
    """The accepted calls that start a backup."""
    calls = world.app_calls(mark)
    return [one for one in calls if one.path.endswith("/backup") and one.status == 202]


def bench_back_up() -> list[Row]:
    """The scan, and the starts with one app instance."""
    return [*bench_scan(), *bench_starts()]


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    for row in bench_starts(int(sys.argv[1])) if len(sys.argv) > 1 else bench_back_up():
        sys.stdout.write(" | ".join(row) + "\n")
