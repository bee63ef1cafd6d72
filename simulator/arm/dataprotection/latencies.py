"""How long does Azure Backup take? One table of what was measured, and a draw from it.

Nothing else in this package may hold a duration of the service. The values are the service's own (end minus start),
never tuned to what a client would like.
"""

from simulator.chance import around
from simulator.world import World

LATENCIES_S: dict[str, tuple[float, float, float]] = {
    # name: (least, usual, most)                        measured on
    "put vault": (0.0, 0.3, 61.2),  # 191 operations, all recordings
    "delete vault": (0.0, 0.2, 1.6),  # 25 operations
    "validate": (39.8, 40.4, 41.0),  # 10 of PostgreSQL flexible servers
    "put instance": (0.3, 0.9, 1.9),  # 5 of PostgreSQL flexible servers, until the operation ends
    "configure": (36.0, 52.0, 69.0),  # from the PUT; configuring at +35…38 s, configured at +65…69 s in all 5
    "change instance": (51.4, 101.9, 152.4),  # where PUT answers 202: both changes of dp-update-policy-2025-11-06
    "update": (
        10.0,
        40.0,
        69.0,
    ),  # after that, until ProtectionConfigured: 10 to 71 and 31 to 62 there, 70 at most in 2024
    "sync": (11.6, 42.2, 156.2),  # assumed like resumeProtection: the only recording of sync hides its times
    "stopProtection": (12.2, 42.1, 48.8),  # 24, mixed datasources
    "suspendBackups": (10.9, 41.3, 46.1),  # 25, mixed
    "resumeProtection": (11.6, 42.2, 156.2),  # 58, mixed
    "resumeBackups": (11.6, 42.2, 156.2),  # assumed like resumeProtection: never recorded
    "delete instance": (13.5, 69.9, 124.0),  # 50, mixed
    "trigger backup": (0.0, 0.6, 1.4),  # 5 of PostgreSQL flexible servers
    "backup": (586.9, 736.0, 940.9),  # PT9M46.9S, PT11M47.8S, PT12M15.8S, PT15M40.9S
    "validate restore": (40.6, 40.8, 41.0),  # 4 of PostgreSQL flexible servers
    "trigger restore": (0.0, 0.2, 0.9),  # 4
    "restore": (122.1, 124.4, 125.7),  # PT2M4.4S, PT2M5.6S and two more
    "failed backup": (94.3675268, 94.3675268, 94.3675268),  # the one failure, PT1M34.4S
    "start of schedule": (3.3, 5.0, 9.0),  # startTime after the scheduled minute, dp-jobs-list-2025-11-06
}


def draw(world: World, name: str, *key: object) -> float:
    """One latency in seconds, the same for the same seed and key.

    **Source**: recordings of 2021 to 2026, per row as noted; `usual` is their median. docs/latencies.md compares.
    """
    least, usual, most = LATENCIES_S[name]
    return around(world.random(name, *key), least, usual, most)
