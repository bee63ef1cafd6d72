"""Runs the demo; exit code 0 only if every promise held."""

import json
import logging
import sys
from pathlib import Path

from rich.console import Console

from cli.demo.estate import REGIONS, RULES
from cli.demo.play import Play
from cli.demo.screen import WIDTH, Screen, show_end
from cli.demo.summary import summarise
from cli.in_process import InProcess

SUMMARY = Path(".flexguard/demo/summary.json")


def main() -> int:
    """Play, show, write the summary; 0 when every promise held, else 1."""
    logging.getLogger().setLevel(logging.ERROR)  # azure.functions warns that an app without HTTP has an auth level
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    console.print("[bold]Flexguard[/] on a local Azure: 14 servers, one hour, no account.\n")
    stage = InProcess(RULES, REGIONS, seed=7)
    with Screen(console) as screen:
        play = Play(stage, screen.watch)
        play.run()
    summary = summarise(play)
    stage.close()
    SUMMARY.parent.mkdir(parents=True, exist_ok=True)
    SUMMARY.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    console.print()
    show_end(console, play, summary, str(SUMMARY))
    return 1 if summary["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
