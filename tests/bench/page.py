"""The status page of 10,000 servers: bytes for the browser and on the way to it, CPU and memory to make them.

`python -m tests.bench.page 100000` measures another size.
"""

import gzip
import sys
import time

import msgspec

from shared.core.snapshot import Snapshot
from shared.page.compose import page_of
from shared.page.render import render
from tests.bench.plan import Row, measured
from tests.page.estates import NOW, incidents, jobs_of, usual, well

SERVERS = 10_000
LEVEL = 3


def bench_page(servers: int = SERVERS) -> list[Row]:
    """Rows for the table of numbers."""
    began = time.process_time()
    render(page_of(well(1), NOW))
    first_s = time.process_time() - began
    snapshot = usual(servers)
    record, jobs, found = msgspec.json.encode(snapshot), jobs_of(snapshot), incidents()
    text, cpu_s, peak_mb = measured(
        lambda: render(page_of(msgspec.json.decode(record, type=Snapshot), NOW, jobs, found)).encode()
    )
    return [
        (f"status page of {servers:,} servers, HTML", f"{len(text) / 1e6:.1f} MB", "", "≤ 4.5 MB"),
        ("  over the wire, gzip", f"{len(gzip.compress(text, LEVEL)) / 1e3:.0f} kB", "", "≤ 400 kB"),
        ("  CPU from the kept record", f"{cpu_s:.2f} s", "", "≤ 1 s"),
        ("  memory at its peak", f"{peak_mb:.0f} MB", "", "≤ 80 MB"),
        ("  template and pictures, once a process", f"{first_s * 1000:.0f} ms", "", ""),
    ]


if __name__ == "__main__":
    for row in bench_page(int(sys.argv[1]) if len(sys.argv) > 1 else SERVERS):
        sys.stdout.write(" | ".join(row) + "\n")
