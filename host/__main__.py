"""`python -m host`: run the app of a folder as Azure would, until Ctrl-C.

One JSON line on stdout says that it is ready; everything else goes to stderr. Exit codes: 0 stopped, 1 the port is
taken or the simulator does not answer, 2 the app or its settings are not good enough.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from pathlib import Path

import aiohttp

from host.activity import Activity
from host.clock import RealClock
from host.control import Control
from host.local_host import CannotStart, LocalHost, read_app
from host.worker.parent import AppRefused


def main() -> int:
    """Run the host; the exit code."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="[%(asctime)s] %(message)s")
    logging.getLogger("azure").setLevel(logging.WARNING)
    given = _arguments()
    try:
        asyncio.run(_run(given))
    except AppRefused as refusal:
        print(refusal, refusal.stack, sep="\n", file=sys.stderr)
        return 2
    except CannotStart as problems:
        print(problems, file=sys.stderr)
        return 2
    except (OSError, aiohttp.ClientError) as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m host", description=__doc__)
    parser.add_argument("--app", type=Path, default=Path(), help="folder with function_app.py and host.json")
    parser.add_argument("--port", type=int, default=7071, help="port on 127.0.0.1; 0 takes a free one (default 7071)")
    parser.add_argument("--settings", type=Path, help="instead of local.settings.json")
    parser.add_argument("--control", metavar="URL", help="address of a simulator's control, for its clock")
    parser.add_argument("--timer-status", type=Path, metavar="FOLDER", help="keep timers here, not in blobs")
    return parser.parse_args()


async def _run(given: argparse.Namespace) -> None:
    app = given.app.resolve()
    options, settings = read_app(app, given.settings, os.environ)  # noqa: TID251 - the host's edge, as in Azure
    control = Control(given.control) if given.control else None
    activity = control.activity if control else Activity()
    host = LocalHost(app, options, settings, control or RealClock(), activity, given.timer_status)
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    try:
        if control:
            await control.start()
        await host.start(given.port)
        print(json.dumps(host.ready()), flush=True)
        await stop.wait()
    finally:
        await host.stop()
        if control:
            await control.stop()
    os._exit(0)  # a thread may still wait for a storage account that does not answer, and nothing depends on it


if __name__ == "__main__":
    sys.exit(main())
