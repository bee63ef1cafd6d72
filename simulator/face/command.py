"""The command line of the local Azure: reads the arguments and calls."""

import argparse
import json
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

from simulator.face.serving import APP, NOTE, Options, serve
from simulator.fault_names import FAULTS
from simulator.world_file import BadWorldFileError

WRONG, TIMEOUT_S = 2, 10


def main(arguments: list[str]) -> int:
    """Exit code: 0, or 2 with what is wrong on standard error."""
    chosen = _parser().parse_args(arguments)
    try:
        if chosen.command == "fault":
            return _fault(chosen)
        speed = None if chosen.jump else chosen.speed
        serve(Options(chosen.port, chosen.world, speed, chosen.seed, chosen.principal))
    except (BadWorldFileError, OSError) as wrong:
        sys.stderr.write(f"{wrong}\n")
        return WRONG
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="A local Azure for Flexguard.")
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="serve it on loopback; prints one JSON line when ready")
    serving.add_argument("--port", type=int, default=0, help="of ARM; the system chooses by default")
    serving.add_argument("--world", type=Path, help="a world file to begin with (docs/world-files.md)")
    pace = serving.add_mutually_exclusive_group()
    pace.add_argument("--speed", type=float, default=1.0, help="virtual seconds per real second; 0 stops the clock")
    pace.add_argument("--jump", action="store_true", help="jump to what is due next whenever nobody is busy")
    serving.add_argument("--seed", type=int, default=0, help="of all chance in a new world")
    serving.add_argument("--principal", default=APP, help="object id of the app's system-assigned identity")
    fault = commands.add_parser("fault", help="let something go wrong in the one that runs")
    fault.add_argument("name", choices=FAULTS, metavar="NAME", help="one of " + ", ".join(FAULTS))
    fault.add_argument("--next", type=int, default=0, metavar="N", help="how many times; once, or with a rate always")
    fault.add_argument("--rate", type=float, default=1.0, help="to which share of what it applies to")
    fault.add_argument("--seed", type=int, default=0, help="decides to which")
    fault.add_argument("--on", default="", metavar="ID", help="of what changes, where the world changes")
    fault.add_argument("--server", default="", metavar="ID", help="only to what has this in its id or ARM action")
    fault.add_argument("--at", default="", metavar="URL", help=f"its control address; by default the one in {NOTE}")
    return parser


def _fault(chosen: argparse.Namespace) -> int:
    note = json.loads(NOTE.read_text(encoding="utf-8")) if NOTE.exists() else {}
    where = chosen.at or note.get("control")
    if not where:
        sys.stderr.write(
            f"no local Azure runs in this folder ({NOTE} is not there); name its control address with --at\n"
        )
        return WRONG
    authority = note.get("ca") if where == note.get("control") else None  # else SSL_CERT_FILE says whom to trust
    often = {"times": chosen.next, "rate": chosen.rate, "seed": chosen.seed}
    about = {"target": chosen.server} | ({"on": chosen.on} if chosen.on else {})
    body = json.dumps({"name": chosen.name} | often | about).encode()
    # The control address that the person named, or that the running simulator wrote down
    request = urllib.request.Request(f"{where}/fault", body, {"content-type": "application/json"})  # noqa: S310
    try:
        context = ssl.create_default_context(cafile=authority)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context) as answer:  # noqa: S310
            sys.stdout.write(answer.read().decode() + "\n")
    except urllib.error.URLError as wrong:
        sys.stderr.write(f"{where}: {wrong.reason}\n")
        return WRONG
    return 0
