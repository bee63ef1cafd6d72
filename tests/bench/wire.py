"""Measures the stage of three processes: start, memory, events through host, queue and worker, and the whole demo."""

import functools
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import requests

from cli.azurite import Azurite, NoAzurite, installed
from cli.demo.estate import REGIONS, RULES
from cli.over_the_wire import FOLDER, OverTheWire
from cli.stage import Json, server_id

EVENTS, BATCH = 400, 20
Row = tuple[str, str, str, str]


def over_the_wire() -> list[Row]:
    """On the local Azure's own storage, and on Azurite where Node is."""
    rows = _measured("built-in storage")
    try:
        program = installed(print)
    except NoAzurite as missing:
        return [*rows, ("on Azurite", f"not measured: {missing}", "", "")]
    return rows + _measured("Azurite", functools.partial(Azurite, program, FOLDER / "azurite.log"))


def _measured(name: str, storage: Callable[[Json], Azurite] | None = None) -> list[Row]:
    """Start to ready, memory of each process, and how many events a second get through."""
    began = time.perf_counter()
    stage = OverTheWire(RULES, REGIONS, 1, storage)
    try:
        ready_s = time.perf_counter() - began
        accepted, looked = _events(stage)
        memory = {process: _memory_mb(pid) for process, pid in _processes(stage).items()}
    finally:
        stage.close()
    shown = ", ".join(f"{process} {mb:.0f} MB" for process, mb in memory.items())
    return [
        (f"{name}: start to ready", f"{ready_s:.1f} s", "", ""),
        ("  events per second, accepted", f"{accepted:.0f}", "", ""),
        ("  events per second, through queue and worker", f"{looked:.0f}", "", ""),
        ("  memory", shown, "", ""),
    ]


def whole_demo() -> list[Row]:
    """The whole demo, as `make demo` runs it, and in one process."""
    rows = []
    for name, arguments in (("over the wire", []), ("in process", ["--fast"])):
        began = time.perf_counter()
        command = [sys.executable, "-m", "cli.demo", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own module
        rows.append((f"make demo, {name}", f"{time.perf_counter() - began:.0f} s", "", "60 s"))
    return rows


def _events(stage: OverTheWire) -> tuple[float, float]:
    """Send events about servers that do not exist: each is a look of its own, and ends there."""
    stage.let_time_pass(1.0)
    began, session = time.perf_counter(), requests.Session()
    for first in range(0, EVENTS, BATCH):
        batch = [_event(number, stage.now.isoformat()) for number in range(first, first + BATCH)]
        session.post(stage.host["webhook"], json=batch, headers={"aeg-event-type": "Notification"}, timeout=60)
    accepted_s = time.perf_counter() - began
    while sum(fact["fact"] == "looked" for _, fact in stage.facts(0)) < EVENTS:
        time.sleep(0.05)  # noqa: TID251 - real processes take real time
    return EVENTS / accepted_s, EVENTS / (time.perf_counter() - began)


def _event(number: int, time_text: str) -> dict[str, object]:
    subject = server_id(f"pg-{number:05}", "rg-shop")
    kind = "Microsoft.Resources.ResourceWriteSuccess"
    return {
        "id": str(number), "topic": "/", "subject": subject, "eventType": kind, "eventTime": time_text,
        "data": {}, "dataVersion": "2", "metadataVersion": "1",
    }  # fmt: skip


def _processes(stage: OverTheWire) -> dict[str, int]:
    azure, host = stage.pids[0], stage.pids[-1]
    return {"local Azure": azure, "host": host, "worker": int(stage.host["worker"]["pid"])}


def _memory_mb(pid: int) -> float:
    """Resident memory; 0 where the system does not tell (it does on Linux)."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)
