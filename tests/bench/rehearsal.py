"""How long a rehearsal takes: an invented estate of a thousand servers, of which most are to be protected.

`python -m tests.bench.rehearsal 1000 2` rehearses so many servers for so many weeks; `make bench` takes fewer.
"""

import logging
import sys
import time
from datetime import UTC, datetime, timedelta

from cli.demo.estate import RULES
from cli.inventory import Inventory, Server, Vault
from cli.rehearsed_estate import RehearsedEstate
from cli.stage import SUBSCRIPTION, server_id, vault_id
from shared import rules_file

AT = datetime(2026, 11, 23, 9, 20, tzinfo=UTC)
REGIONS = ("westeurope", "northeurope")
TIERS = ("gold", "gold", "silver", "bronze", "")


def inventory(servers: int) -> Inventory:
    """So many servers in forty groups, four of five with a tier, and a vault in both regions."""
    return Inventory(
        at=AT,
        scope=f"subscription {SUBSCRIPTION}",
        tags=("backup-tier",),
        subscriptions={SUBSCRIPTION: "production"},
        servers=tuple(
            Server(
                id=server_id(f"pg-{number:05}", f"rg-{number % 40}"),
                region=REGIONS[number % 2],
                storage_gb=128,
                tags={"backup-tier": tier} if (tier := TIERS[number % len(TIERS)]) else {},
            )
            for number in range(servers)
        ),
        vaults=tuple(Vault(id=vault_id(region), region=region, principal_id=region) for region in REGIONS),
        roles=(),
    )


def bench_rehearsal(servers: int = 200, weeks: float = 0.5) -> list[tuple[str, str, str, str]]:
    """Rows for the table of numbers."""
    began = time.process_time()
    played = RehearsedEstate(
        rules="", regions=(), inventory=inventory(servers), read_rules=rules_file.parse(RULES), approves=True
    )
    played.play(AT + timedelta(weeks=weeks), lambda _steps: None)
    protected = sum(one.verdict.kind.value == "protected" for one in played.said())
    said = f"{time.process_time() - began:.0f} s CPU, {len(played.app_calls()):,} ARM calls, {protected:,} protected"
    return [(f"rehearsal of {servers:,} servers, {weeks:g} weeks", said, "", "")]


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    for row in bench_rehearsal(int(sys.argv[1]), float(sys.argv[2])):
        sys.stdout.write(" | ".join(row) + "\n")
