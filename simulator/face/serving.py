"""Runs a local Azure until it is told to stop: from its options to the ready line to a clean end."""

import asyncio
import json
import secrets
import signal
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from simulator import world_file
from simulator.azure import LocalAzure
from simulator.directory import Directory
from simulator.face import certificates
from simulator.face.ready_line import ready_line
from simulator.face.server import Face
from simulator.world import World

APP = "2f6d1f1c-8a0e-4a4e-9a64-6f1c5b1f0a01"
NOTE = Path(".flexguard/simulator.json")


@dataclass(frozen=True)
class Options:
    """speed: virtual seconds per real one, None to jump. principal: object id of the app's own identity."""

    port: int = 0
    world: Path | None = None
    speed: float | None = 1.0
    seed: int = 0
    principal: str = APP


def serve(options: Options) -> None:
    """Serve until SIGINT or SIGTERM. Raises BadWorldFileError, and OSError when the port is taken."""
    azure = LocalAzure(World(seed=options.seed))
    if options.world:
        world_file.load(azure, world_file.read(options.world))
    with tempfile.TemporaryDirectory(prefix="flexguard-") as folder:
        asyncio.run(_serve(azure, options, Path(folder)))


async def _serve(azure: LocalAzure, options: Options, folder: Path) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    made = certificates.make(folder)
    face = Face(azure, Directory(options.principal, secrets.token_hex(16)), options.speed)
    await face.start(made, options.port)
    line = ready_line(face.ports, made.path, face.identities.header, options.principal)
    face.control.ready = line
    with _noted(line):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        time, stopped = asyncio.create_task(face.keep_time()), asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait((time, stopped), return_when=asyncio.FIRST_COMPLETED)
        time.cancel()
        await face.stop()
        if time in done:
            time.result()  # a mistake of the simulator: let it be seen


class _noted:  # noqa: N801 - used as a statement
    """While it lasts, the ready line stands in a file of the working folder, where other commands look for it."""

    def __init__(self, line: dict[str, object]) -> None:
        self.text = json.dumps(line, indent=2) + "\n"

    def __enter__(self) -> None:
        NOTE.parent.mkdir(exist_ok=True)
        NOTE.write_text(self.text, encoding="utf-8")

    def __exit__(self, *_: object) -> None:
        with suppress(FileNotFoundError):
            if NOTE.read_text(encoding="utf-8") == self.text:
                NOTE.unlink()
