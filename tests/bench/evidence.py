"""What evidence of 10,000 servers and 100,000 jobs takes: calls, CPU, memory and bytes, written to a folder.

`python -m tests.bench.evidence 10000` measures another number of jobs.
"""

import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cli.evidence import Folder
from shared.cloud.clients import Cloud
from shared.cloud.snapshot import CONTAINER
from shared.core.estate import Scope
from shared.dossier.files import write
from shared.dossier.model import Manifest
from shared.evidence import gather
from shared.sweep import sweep
from simulator.arm.authorization import OPERATOR
from simulator.azure import LocalAzure
from tests.bench.plan import Row, estate, measured
from tests.bench.sweep import BLOBS, Graph
from tests.core.samples import RULES, SUBSCRIPTION
from tests.shared.clouds import SETTINGS
from tests.shared.many_jobs import ManyJobs, job
from tests.shared.memory_ledger import MemoryLedger

JOBS, SERVERS = 100_000, 10_000
FAILED = 50  # one of so many
DAYS = 14


class Wire(Graph):
    """Jobs come from pages that were made once, rows from memory, records of days from the local Azure."""

    def __init__(self, azure: LocalAzure, jobs: ManyJobs) -> None:
        super().__init__(azure)
        self.jobs = jobs

    def send(self, request: Any, **options: Any) -> Any:
        if urlsplit(request.url).path.endswith("/backupJobs"):
            self.calls += 1
            return self.jobs.send(request)
        return super().send(request, **options)


def bench_evidence(jobs: int = JOBS) -> list[Row]:
    """Rows for the table of numbers: all is well, and a record is there for every day."""
    azure = estate(SERVERS, protected=True)
    azure.blobs.make(CONTAINER)
    settings, listed = replace(SETTINGS, blob_endpoint=BLOBS), ManyJobs(1, azure.now)
    began, step = azure.now - timedelta(days=13), timedelta(days=12) / jobs
    listed.show(
        job(number, number % SERVERS, began + number * step, failed=number % FAILED == 0) for number in range(jobs)
    )
    wire, ledger = Wire(azure, listed), MemoryLedger()
    sweep(Cloud(settings, azure.credential(OPERATOR), wire), ledger, RULES)
    blobs = azure.blobs.containers[CONTAINER].blobs
    for number in range(DAYS + 2):
        azure.blobs.write(
            CONTAINER, f"{azure.now - timedelta(days=number):%Y-%m-%d}.json.gz", blobs["latest.json.gz"].data
        )

    def gathered() -> Manifest:
        cloud = Cloud(settings, azure.credential(OPERATOR), wire)
        found = gather(cloud, ledger, RULES, Scope(frozenset({SUBSCRIPTION})), pause=azure.advance)
        with tempfile.TemporaryDirectory() as folder:
            return write(Folder(Path(folder)), found.head, found.tables)[0]

    gathered()
    wire.calls = 0
    manifest = gathered()
    calls = wire.calls
    assert manifest.evidence.missing == []
    rows = {file.name: file.rows for file in manifest.files}
    assert (rows["jobs.csv"], rows["servers.csv"]) == (jobs, SERVERS)
    _, cpu_s, peak_mb = measured(gathered)
    size_mb = sum(file.size for file in manifest.files) / 1e6
    return [
        (f"evidence of {SERVERS:,} servers and {jobs:,} jobs, calls", str(calls), "", ""),
        ("  CPU", f"{cpu_s:.2f} s", "", ""),
        ("  memory at its peak", f"{peak_mb:.0f} MB", "", ""),
        ("  files", f"{size_mb:.0f} MB", "", ""),
    ]


if __name__ == "__main__":
    for row in bench_evidence(int(sys.argv[1]) if len(sys.argv) > 1 else JOBS):
        sys.stdout.write(" | ".join(row) + "\n")
