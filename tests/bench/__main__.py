"""Prints the numbers of docs/budgets.md: `make bench`."""

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from cli.demo.estate import RULES
from cli.rehearsal import Rehearsal
from cli.stage import SCOPE, vault_id
from shared.core.policy import policy_name
from shared.rules_file import parse as parse_rules
from simulator.arm import authorization
from simulator.wire import Request
from tests.bench.back_up import bench_back_up
from tests.bench.crowd import bench_crowd
from tests.bench.evidence import bench_evidence
from tests.bench.page import bench_page
from tests.bench.plain_sdk import protect
from tests.bench.plan import bench_plan
from tests.bench.rehearsal import bench_rehearsal
from tests.bench.retention import bench_retention
from tests.bench.rules import bench_rules
from tests.bench.simulation import bench_simulation
from tests.bench.sweep import bench_sweep
from tests.bench.watch import bench_watch
from tests.bench.wire import over_the_wire, whole_demo

ROLES = ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "c088a766-074b-43ba-90d4-1fb21feae531")
GROUP = f"{SCOPE}/resourceGroups/rg-data"
SERVERS = 20
GOLD = {"operation": "Merge", "properties": {"tags": {"backup-tier": "gold"}}}
PEER = "peer"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
ONE_REGION = RULES.replace(f"  - id: {vault_id('northeurope')}\n", "")


def main() -> None:
    """Measure everything once and print one table."""
    logging.getLogger().setLevel(logging.CRITICAL)
    logging.getLogger("flexguard").setLevel(logging.CRITICAL)
    console = Console(highlight=False, width=100)
    steps: list[Callable[[], list[tuple[str, str, str, str]]]] = [
        calls_per_server, calls_with_roles_to_grant, calls_for_nothing, imports, simulator_speed,
        bench_plan, bench_rules, bench_retention, bench_sweep, bench_page, bench_watch, bench_evidence, bench_back_up,
        bench_simulation, bench_crowd, bench_rehearsal, over_the_wire, whole_demo,
    ]  # fmt: skip
    rows = [row for step in track(steps, "measuring", console=console, transient=True) for row in step()]
    table = Table(title="Numbers of this run", width=100)
    table.add_column("measure", width=43)
    for name in ("Flexguard", "plain SDK flow", "budget"):
        table.add_column(name)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def estate(roles: bool) -> Rehearsal:
    """An estate with ready, untagged servers; the app has warmed up on a first one."""
    world = Rehearsal(ONE_REGION)
    world.arm("PUT", GROUP, {"location": "westeurope"})
    principal = world.azure.world.get(world.vault_id()).body["identity"]["principalId"]  # type: ignore[union-attr]
    if roles:
        for role in ROLES:
            authorization.grant(world.azure.world, principal, role, GROUP)
    authorization.grant(world.azure.world, PEER, CONTRIBUTOR, SCOPE)
    for number in range(SERVERS + 1):
        world.create_server(f"pg-{number:03}")
    courier, world.courier = world.courier, lambda _event: ()
    world.run(seconds=1200)
    world.courier = courier
    world.arm("PATCH", f"{world.server_id('pg-000')}/providers/Microsoft.Resources/tags/default", GOLD)
    world.run(seconds=420)
    return world


def protect_all(world: Rehearsal) -> tuple[list[Any], float, float]:
    """Tag every server at once; the app's calls until all are configured, CPU seconds, virtual seconds."""
    mark, began, cpu = len(world.azure.log), world.azure.now, time.process_time()
    for number in range(1, SERVERS + 1):
        world.arm("PATCH", f"{world.server_id(f'pg-{number:03}')}/providers/Microsoft.Resources/tags/default", GOLD)
    while sum(1 for item in configured(world)) < SERVERS + 1:
        world.run(seconds=2)
    took_s = (world.azure.now - began).total_seconds()
    calls = [c for c in world.app_calls(mark) if not c.path.endswith(("/backup", "/recoveryPoints", "/backupJobs"))]
    return calls, time.process_time() - cpu, took_s


def configured(world: Rehearsal) -> list[Any]:
    """The instances that are ProtectionConfigured."""
    every = world.of_type("microsoft.dataprotection/backupvaults/backupinstances")
    return [item for item in every if item.body["properties"]["currentProtectionState"] == "ProtectionConfigured"]


def calls_per_server() -> list[tuple[str, str, str, str]]:
    """Roles, vault and policy known."""
    world = estate(roles=True)
    calls, cpu, took_s = protect_all(world)
    plain = estate(roles=True)
    tier = parse_rules(ONE_REGION).tiers["gold"]
    mark, began, plain_cpu = len(plain.azure.log), plain.azure.now, time.process_time()
    for number in range(1, SERVERS + 1):
        protect(plain, plain.server_id(f"pg-{number:03}"), policy_name("gold", tier), PEER)
    plain_cpu = time.process_time() - plain_cpu
    plain_calls = [c for c in plain.azure.log[mark:] if c.caller == PEER]
    plain_s = (plain.azure.now - began).total_seconds() / SERVERS
    return [
        ("ARM calls per server, roles present", per(calls), per(plain_calls), "≤ 8"),
        ("  of which writes", per(writes(calls)), per(writes(plain_calls)), "≤ 2"),
        ("CPU per server, app, host and simulator", per_server_ms(cpu), per_server_ms(plain_cpu), "≤ 30 ms (app)"),
        (f"virtual time for {SERVERS} servers", f"{took_s:.0f} s", f"{plain_s * SERVERS:.0f} s", "127 s for one"),
    ]  # fmt: skip


def calls_with_roles_to_grant() -> list[tuple[str, str, str, str]]:
    """No roles: the app assigns both, and waits for them."""
    world = estate(roles=False)
    calls, _, took_s = protect_all(world)
    return [
        ("ARM calls per server, roles to grant", per(calls), "", ""),
        ("  of which writes", per(writes(calls)), "", "≤ 4 and retries"),
        (f"virtual time for {SERVERS} servers", f"{took_s:.0f} s", "", "propagation + 127 s"),
    ]


def calls_for_nothing() -> list[tuple[str, str, str, str]]:
    """An event about a server that is right, one that is not ours, and a duplicate."""
    world = estate(roles=True)
    protect_all(world)
    world.run(seconds=3600)
    events: list[dict[str, Any]] = []
    world.courier = lambda event: events.append(event) or (event,)  # type: ignore[func-returns-value]
    other = world.create_server("pg-other")
    world.run(seconds=600)
    counts = []
    for server in (world.server_id("pg-001"), other):
        mark = len(world.azure.log)
        tags = {"operation": "Merge", "properties": {"tags": {"team": "shop"}}}
        world.arm("PATCH", f"{server}/providers/Microsoft.Resources/tags/default", tags)
        world.run(seconds=30)
        counts.append(len(world.app_calls(mark)))
    mark = len(world.azure.log)
    world.deliver(events[-1])
    world.run(seconds=30)
    counts.append(len(world.app_calls(mark)))
    return [
        ("ARM calls for an event: server is right", str(counts[0]), "", "≤ 2"),
        ("ARM calls for an event: not ours", str(counts[1]), "", "≤ 2"),
        ("ARM calls for a duplicate", str(counts[2]), "", "0"),
    ]


def imports() -> list[tuple[str, str, str, str]]:
    """Import of the app beside import of azure.functions alone, in fresh processes, taken in turns."""
    times: dict[str, list[float]] = {"import azure.functions": [], "import function_app": []}
    for _ in range(9):
        for statement, taken in times.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True)  # noqa: S603 - two fixed statements
            taken.append(time.perf_counter() - began)
    alone, app = (min(taken) for taken in times.values())
    return [("import function_app ÷ import azure.functions", f"{app / alone:.2f}", "", "≤ 1.8")]


def simulator_speed() -> list[tuple[str, str, str, str]]:
    """Requests that the simulator answers in a second of CPU, without any client."""
    world = estate(roles=True)
    url = f"https://management.azure.com{world.server_id('pg-001')}?api-version=2025-08-01"
    request = Request("GET", url, {"authorization": f"Bearer simulated.{authorization.OPERATOR}"})
    rounds, cpu = 5000, time.process_time()
    for _ in range(rounds):
        world.azure.handle(request)
    return [("simulator, GET requests per CPU second", f"{rounds / (time.process_time() - cpu):,.0f}", "", "")]


def writes(calls: list[Any]) -> list[Any]:
    """The calls that change something."""
    return [call for call in calls if call.method != "GET"]


def per_server_ms(cpu_s: float) -> str:
    """So many milliseconds of CPU for each server."""
    return f"{cpu_s / SERVERS * 1000:.0f} ms"


def per(calls: list[Any]) -> str:
    """So many for each server."""
    return f"{len(calls) / SERVERS:.2f}"


if __name__ == "__main__":
    main()
