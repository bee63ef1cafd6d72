"""A crowd of servers from nothing to configured, under the documented throttles, in virtual time.

`python -m tests.bench.crowd 10000 20` measures 10,000 servers with 20 instances of the app, by the sweep and by events;
`make bench` measures 1,000. A flood is many events about one server, or a bulk edit of tags that the budget stops.
"""

import logging
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.demo.estate import RULES
from cli.deployment import prepare_group
from cli.rehearsal import Rehearsal
from cli.stage import INSTANCES, vault_id
from functions import wiring
from shared.sweep import sweep

Row = tuple[str, str, str, str]
BRONZE = {"backup-tier": "bronze"}
TAGGED = {"operation": "Merge", "properties": {"tags": BRONZE}}
LIMITS_MIN = {1_000: (4, 5.5), 10_000: (42, 44)}
HOME = vault_id("westeurope")
ONE_VAULT = RULES.replace(f"  - id: {vault_id('northeurope')}\n", "").replace(HOME, f"{HOME}\n    most: 20000")


@dataclass(frozen=True)
class Crowd:
    """How a crowd went: virtual minutes, ARM calls, refusals, CPU seconds, and calls to storage."""

    put_min: float
    configured_min: float
    calls: int
    refused: int
    storage: int
    cpu_s: float


def ready(servers: int, app_instances: int, brake: int) -> tuple[Rehearsal, list[str]]:
    """So many Ready servers that nobody has told the app of, in a group with the roles."""
    world = Rehearsal(f"brake: {{servers: {brake}, share_percent: 0}}\n{ONE_VAULT}", app_instances=app_instances)
    prepare_group(world.arm, "rg-data", "westeurope")
    courier, world.courier = world.courier, lambda _event: ()
    names = [world.create_server(f"pg-{number:05}") for number in range(servers)]
    world.run(seconds=1200)
    world.courier = courier
    return world, names


def by_events(world: Rehearsal, names: list[str]) -> None:
    """All are tagged in one second."""
    for name in names:
        world.arm("PATCH", f"{name}/providers/Microsoft.Resources/tags/default", TAGGED)


def by_sweep(world: Rehearsal, names: list[str]) -> None:
    """All have been tagged for a while, and no event has told; then the sweep comes."""
    courier, world.courier = world.courier, lambda _event: ()
    by_events(world, names)
    world.run(seconds=120)
    world.courier = courier
    context = wiring.current()
    sweep(context.cloud, context.ledger, context.rules)


def measure(servers: int, app_instances: int, *, swept: bool) -> Crowd:
    """Play one crowd until everybody is ProtectionConfigured."""
    world, names = ready(servers, app_instances, servers)
    mark, began, cpu = len(world.azure.log), world.azure.now, time.process_time()
    if swept:
        by_sweep(world, names)
        began = world.azure.now
    else:
        by_events(world, names)
    while (left := servers - configured(world)) > 0:
        world.run(seconds=max(1, left / 50))
    log = world.azure.log[mark:]
    calls = world.app_calls(mark)
    puts = [call.at for call in calls if call.method == "PUT" and "/backupInstances/" in call.path]
    assert len(puts) == servers
    assert not world.host.failures
    return Crowd(
        put_min=minutes(began, max(puts)),
        configured_min=minutes(began, world.azure.now),
        calls=len(calls),
        refused=sum(call.status == 429 for call in calls),
        storage=sum(call.operation.startswith(("queue", "table")) for call in log),
        cpu_s=time.process_time() - cpu,
    )


def configured(world: Rehearsal) -> int:
    """How many instances are ProtectionConfigured."""
    found: list[Any] = world.of_type(INSTANCES)
    return sum(one.body["properties"]["currentProtectionState"] == "ProtectionConfigured" for one in found)


def minutes(began: datetime, ended: datetime) -> float:
    return (ended - began).total_seconds() / 60


def rows(servers: int, app_instances: int) -> list[Row]:
    """Rows for the table of numbers, by events and by the sweep."""
    made = []
    most_put, most_configured = LIMITS_MIN.get(servers, ("?", "?"))
    for way, swept in (("events", False), ("sweep", True)):
        went = measure(servers, app_instances, swept=swept)
        name = f"{servers:,} servers by {way}, app instances: {app_instances}"
        made += [
            (f"{name}: last PUT accepted", f"{went.put_min:.1f} min", "", f"≤ {most_put} min"),
            ("  all configured", f"{went.configured_min:.1f} min", "", f"≤ {most_configured} min"),
            ("  ARM calls, refused with 429", f"{went.calls:,}, {went.refused:,}", "", "≤ 1 %"),
            ("  calls to storage, CPU (all parts)", f"{went.storage:,}, {went.cpu_s:.0f} s", "", ""),
        ]
    return made


def bench_crowd() -> list[Row]:
    """A thousand servers, with one app instance and with twenty; and two floods."""
    return [*rows(1_000, 1), *rows(1_000, 20), *bench_floods()]


def bench_floods(copies: int = 10_000, edited: int = 500) -> list[Row]:
    """Many copies of one event are one flow; a bulk edit of tags is one message, and the budget holds."""
    world, (name,) = ready(1, 1, 50)
    events: list[dict[str, Any]] = []
    world.courier = lambda event: events.append(event) or (event,)  # type: ignore[func-returns-value]
    mark = len(world.azure.log)
    by_events(world, [name])
    for _ in range(copies - 1):
        world.deliver(events[0] if events else world.azure.world.outbox[0])
    world.run(seconds=300)
    calls = world.app_calls(mark)
    flood, names = ready(edited, 1, 50)
    by_events(flood, names)
    flood.run(seconds=1800)
    return [
        (
            f"{copies:,} copies of one event: ARM calls, PUTs",
            f"{len(calls)}, {len(instance_puts(calls))}",
            "",
            "one flow",
        ),
        (
            f"bulk edit of {edited:,} servers: protected, messages",
            f"{configured(flood)}, {len(flood.alerts)}",
            "",
            "50, 1",
        ),
    ]


def instance_puts(calls: list[Any]) -> list[Any]:
    return [call for call in calls if call.method == "PUT" and "/backupInstances/" in call.path]


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    for row in rows(int(sys.argv[1]), int(sys.argv[2])):
        sys.stdout.write(" | ".join(row) + "\n")
        sys.stdout.flush()
