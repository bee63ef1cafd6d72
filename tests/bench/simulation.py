"""How many simulated worlds a core plays in a minute, beside a flow that is thrown away.

That one is the plain SDK flow for as many servers in a world of its own: no app, no host, no faults, no checks.
"""

import time
from collections.abc import Callable

from cli.demo.estate import RULES
from cli.rehearsal import Rehearsal
from cli.stage import SCOPE
from functions import wiring
from shared.core.policy import policy_name, render
from shared.datasources.postgresql_flexible import DATASOURCE
from shared.rules_file import parse
from simulator.arm import authorization
from tests.bench.plain_sdk import protect
from tests.simulation.run import run
from tests.simulation.scenario import draw

RUNS = 20
SIZES = (3, 5, 10)
PEER, OWNER = "peer", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


def bench_simulation() -> list[tuple[str, str, str, str]]:
    """Runs per minute and core."""
    run(draw(0))  # the first one loads the engine of Resource Graph
    return [
        (
            f"simulated worlds a minute and core, ≤ {servers} servers",
            _per_minute(_played, servers),
            _per_minute(_thrown_away, servers),
            "167 for 5" if servers == 5 else "",
        )
        for servers in SIZES
    ]


def _per_minute(play: Callable[[int, int], None], servers: int) -> str:
    began = time.process_time()
    for seed in range(RUNS):
        play(seed, servers)
    return f"{60 * RUNS / (time.process_time() - began):,.0f}"


def _played(seed: int, servers: int) -> None:
    run(draw(seed, servers))


def _thrown_away(_seed: int, servers: int) -> None:
    world = Rehearsal(RULES)
    world.courier = lambda _event: ()  # nobody hears of anything
    vault = world.azure.world.get(world.vault_id())
    assert vault
    for caller in (vault.body["identity"]["principalId"], PEER):
        authorization.grant(world.azure.world, caller, OWNER, SCOPE)
    ids = [world.create_server(f"pg-{number}") for number in range(servers)]
    world.azure.advance(600)
    tier = parse(RULES).tiers["gold"]
    name = policy_name("gold", tier)
    world.arm("PUT", f"{world.vault_id()}/backupPolicies/{name}", render(tier, DATASOURCE.resource_type))
    for server_id in ids:
        protect(world, server_id, name, PEER)
    wiring.use(None)
