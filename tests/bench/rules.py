"""How long it takes to say what 5,000 servers want by 200 tiers: CPU and memory of the rules language."""

import time
import tracemalloc
from datetime import UTC, datetime

from shared.core import resource_id
from shared.core.intent import read_intent
from shared.core.matching import mode_for
from shared.core.resource_id import ResourceId
from shared.rules_file import read

TIERS, SERVERS, RINGS = 200, 5000, 20
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
GROUP = "/subscriptions/11111111-0000-4000-8000-000000000001/resourceGroups/rg-"
VAULT = f"{GROUP}backup/providers/Microsoft.DataProtection/backupVaults/bv-one"
SLIPS = ("glod", "Tier_7", "off", "")  # values that are no tier


def rules_text() -> str:
    """A rules file with 200 tiers, 20 overrides and 20 defaults."""
    rings = range(RINGS)
    return "\n".join(
        [
            f"mode: observe\nvaults: [{{id: {VAULT}}}]\noverrides:",
            *(f"  - {{mode: protect, groups: [rg-{ring}-*], tags: {{ring: r{ring}*}}}}" for ring in rings),
            "defaults:",
            *(f"  - {{tier: tier-{ring}, groups: [rg-*-{ring}]}}" for ring in rings),
            "tiers:",
            *(
                f'  tier-{tier}:\n    backup: {{days: [sunday], at: "01:30", time_zone: Europe/Berlin}}\n'
                "    keep: {default: 35 days, weekly: 12 weeks, monthly: 12 months, yearly: 10 years}"
                for tier in range(TIERS)
            ),
        ]
    )


def estate() -> list[tuple[ResourceId, dict[str, str]]]:
    """Servers with a handful of tags each: nine of ten name a tier, the others a slip or nothing."""
    found = []
    for number in range(SERVERS):
        group = f"{GROUP}{number % 50}-{number % 40}"
        server = resource_id.parse(f"{group}/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-{number}")
        assert server
        value = SLIPS[number // 10 % len(SLIPS)] if number % 10 == 0 else f"Tier-{number % TIERS}"
        tags = {"env": "prod", "ring": f"r{number % 30}", "backup-owner": f"team-{number % 90}", "cost": str(number)}
        found.append((server, tags | ({"backup-tier": value} if number % 20 else {})))
    return found


def bench_rules() -> list[tuple[str, str, str, str]]:
    """Rows for the table of numbers: reading and checking the file, and what every server wants, by CPU and memory."""
    text, servers = rules_text(), estate()
    started = time.process_time()
    rules, _ = read(text)
    read_s, started = time.process_time() - started, time.process_time()
    for server, tags in servers:
        read_intent(tags, rules, NOW, server)
        mode_for(rules, server, tags)
    intent_s = time.process_time() - started
    tracemalloc.start()
    again, _ = read(text)
    kept = [read_intent(tags, again, NOW, server) for server, tags in servers]
    peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    assert len(kept) == SERVERS
    of = f"{TIERS} tiers, {SERVERS:,} servers"
    return [
        (f"rules check, {of}: reading, CPU s", f"{read_s:.2f}", "-", "-"),
        (f"rules check, {of}: deciding, CPU s", f"{intent_s:.2f}", "-", "-"),
        (f"rules check, {of}: memory, MB", f"{peak_mb:.0f}", "-", "-"),
    ]


if __name__ == "__main__":
    for row in bench_rules():
        print(*row)  # noqa: T201 - the numbers, when asked for alone
