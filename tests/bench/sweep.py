"""What a sweep takes when nothing has changed: calls, CPU and memory, beside the plain SDK that only lists the rows.

`python -m tests.bench.sweep 100000` measures another size than `make bench` does.
"""

import sys
from dataclasses import replace
from typing import Any

from shared.cloud.clients import Cloud
from shared.cloud.snapshot import CONTAINER
from shared.core.snapshot import Snapshot
from shared.sweep import sweep
from simulator.arm.authorization import OPERATOR
from simulator.azure import LocalAzure
from tests.bench.plan import RULES, Replay, Row, estate, listing, measured
from tests.shared.clouds import SETTINGS
from tests.shared.memory_ledger import MemoryLedger

SERVERS = 10_000
BLOBS = "https://flexguard.blob.core.windows.net"


class Graph(Replay):
    """Answers Resource Graph from its memory and lets everything else through."""

    def send(self, request: Any, **options: Any) -> Any:
        if "ResourceGraph" in request.url:
            return super().send(request, **options)
        return super(Replay, self).send(request, **options)


def bench_sweep(servers: int = SERVERS) -> list[Row]:
    """Rows for the table of numbers: everything is as it should be."""
    azure = estate(servers, protected=True)
    azure.blobs.make(CONTAINER)
    wire, ledger = Graph(azure), MemoryLedger()
    swept(azure, wire, ledger)
    calls = wire.calls
    made, cpu_s, peak_mb = measured(lambda: swept(azure, wire, ledger))
    assert made.counts == {"protected": servers}
    assert (made.enqueued, made.incomplete) == (0, ())
    listing(azure, wire)
    _, plain_cpu_s, plain_mb = measured(lambda: listing(azure, wire))
    is_usual = servers == SERVERS
    return [
        (f"sweep of {servers:,} unchanged servers, ARM calls", str(calls), str(calls), "≤ 25" if is_usual else ""),
        ("  CPU", f"{cpu_s:.2f} s", f"{plain_cpu_s:.2f} s (listing alone)", "≤ 1 s" if is_usual else "≤ 8 s"),
        ("  memory at its peak", f"{peak_mb:.0f} MB", f"{plain_mb:.0f} MB", "≤ 80 MB" if is_usual else "≤ 150 MB"),
    ]


def swept(azure: LocalAzure, wire: Graph, ledger: MemoryLedger) -> Snapshot:
    """One sweep by a process that has just started."""
    settings = replace(SETTINGS, blob_endpoint=BLOBS)
    return sweep(Cloud(settings, azure.credential(OPERATOR), wire), ledger, RULES)


if __name__ == "__main__":
    for row in bench_sweep(int(sys.argv[1]) if len(sys.argv) > 1 else SERVERS):
        sys.stdout.write(" | ".join(row) + "\n")
