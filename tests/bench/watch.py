"""What a run of the watch takes over 100,000 jobs and 10,000 servers: calls, CPU and memory, beside the SDK's list.

`python -m tests.bench.watch 10000` measures another number of jobs.
"""

import logging
import sys
from dataclasses import replace
from datetime import timedelta

from azure.mgmt.dataprotection import DataProtectionMgmtClient

from shared.cloud.clients import Cloud
from shared.watch import watch_jobs
from tests.bench.plan import Row, measured
from tests.core.samples import NOW, RULES, SUBSCRIPTION, VAULT
from tests.shared.clouds import SETTINGS, Credential
from tests.shared.many_jobs import ManyJobs, job
from tests.shared.memory_ledger import MemoryLedger

JOBS, SERVERS = 100_000, 10_000
FAILED = 50  # one of so many


def bench_watch(jobs: int = JOBS) -> list[Row]:
    """Rows for the table of numbers: the second run, which finds what the first one has told."""
    wire = ManyJobs(SERVERS, NOW, owners=90)
    began = NOW - timedelta(days=13)
    step = timedelta(days=12) / jobs
    wire.show(
        job(number, number % SERVERS, began + number * step, failed=number % FAILED == 0) for number in range(jobs)
    )
    ledger = MemoryLedger()
    watched(wire, ledger)
    wire.calls = 0
    watched(wire, ledger)
    calls = wire.calls
    _, cpu_s, peak_mb = measured(lambda: watched(wire, ledger))
    _, plain_cpu_s, plain_mb = measured(lambda: listing(wire))
    size = f"watch of {jobs:,} jobs and {SERVERS:,} servers"
    return [
        (f"{size}, calls", str(calls), str(len(wire.pages)), ""),
        ("  CPU", f"{cpu_s:.2f} s", f"{plain_cpu_s:.2f} s (listing alone)", ""),
        ("  memory at its peak", f"{peak_mb:.0f} MB", f"{plain_mb:.0f} MB (listing alone)", ""),
        ("  incidents", str(sum(1 for kept in ledger.told.values() if kept.row and not kept.row.closed_at)), "", ""),
    ]


def watched(wire: ManyJobs, ledger: MemoryLedger) -> int:
    """One run by a process that has just started."""
    settings = replace(SETTINGS, blob_endpoint="https://flexguard.blob.core.windows.net")
    cloud = Cloud(settings, Credential(), wire)
    cloud.tick(NOW)
    return watch_jobs(cloud, ledger, RULES)


def listing(wire: ManyJobs) -> int:
    """The same jobs with the service's own client, kept in a list as its documentation shows."""
    client = DataProtectionMgmtClient(Credential(), SUBSCRIPTION, transport=wire)
    return len([one.properties.status for one in client.jobs.list(VAULT.split("/")[4], VAULT.rsplit("/", 1)[-1])])


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    for row in bench_watch(int(sys.argv[1]) if len(sys.argv) > 1 else JOBS):
        sys.stdout.write(" | ".join(row) + "\n")
