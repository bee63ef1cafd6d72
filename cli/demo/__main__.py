"""Runs the demo; exit code 0 only if every promise held, 2 for a call that cannot be understood, 130 for Ctrl-C."""

import argparse
import functools
import json
import logging
import signal
import sys
from pathlib import Path

from rich.console import Console

from cli.azurite import Azurite, NoAzurite, installed
from cli.demo.estate import REGIONS, RULES
from cli.demo.keep import keep_up
from cli.demo.play import Play
from cli.demo.screen import WIDTH, Screen, show_end
from cli.demo.summary import summarise
from cli.over_the_wire import FOLDER, DidNotStart, OverTheWire
from cli.stage import Stage

SUMMARY = FOLDER / "summary.json"
SEED = 7


def main() -> int:
    """Play, show, write the summary; 0 when every promise held, else 1."""
    given = _arguments()
    for name in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal must not leave processes behind
        signal.signal(name, signal.default_int_handler)
    logging.getLogger().setLevel(logging.ERROR)  # azure.functions warns that an app without HTTP has an auth level
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    where = "in this process" if given.fast else "over TLS, in Microsoft's own worker, with managed identity"
    console.print(f"[bold]Flexguard[/] on a local Azure: 14 servers, two hours, no account. The app runs {where}.\n")
    try:
        stage = _stage(given, console)
    except NoAzurite as reason:
        console.print(str(reason), style="red", markup=False)
        return 2
    except DidNotStart as reason:
        console.print(str(reason), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return _stopped(console)
    try:
        return _perform(console, stage, keep=given.keep)
    except KeyboardInterrupt:
        return _stopped(console)
    finally:
        stage.close()


def _stopped(console: Console) -> int:
    console.print("\nStopped.")
    return 130


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description="The whole story on the local Azure.")
    parser.add_argument("--fast", action="store_true", help="one process instead of three (make demo FAST=1)")
    parser.add_argument("--keep", action="store_true", help="leave it up, and say what to try (make demo KEEP=1)")
    parser.add_argument(
        "--storage", choices=["built-in", "azurite"], default="built-in", help="make demo STORAGE=azurite"
    )
    given = parser.parse_args()
    if given.fast and given.storage == "azurite":
        parser.error("Azurite is a process of its own, so leave FAST=1 (--fast) out")
    return given


def _stage(given: argparse.Namespace, console: Console) -> Stage:
    if given.fast:
        from cli.in_process import InProcess

        return InProcess(RULES, REGIONS, SEED)
    if given.storage == "azurite":
        start = functools.partial(Azurite, installed(console.print), FOLDER / "azurite.log")
        return OverTheWire(RULES, REGIONS, SEED, start)
    return OverTheWire(RULES, REGIONS, SEED)


def _perform(console: Console, stage: Stage, *, keep: bool) -> int:
    with Screen(console) as screen:
        play = Play(stage, screen.watch)
        play.run()
    summary = summarise(play)
    Path(SUMMARY).parent.mkdir(parents=True, exist_ok=True)
    SUMMARY.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    console.print()
    show_end(console, play, summary, str(SUMMARY))
    if keep and isinstance(stage, OverTheWire):
        keep_up(console, stage)
    return 1 if summary["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
