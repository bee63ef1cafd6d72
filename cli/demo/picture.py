"""Draws the README's picture: the demo's live table as an SVG, from a real run."""

import io
import re
import sys
from pathlib import Path

from rich.console import Console

from cli.demo.estate import REGIONS, RULES
from cli.demo.play import Line, Play
from cli.demo.screen import WIDTH, Screen
from cli.in_process import InProcess

MOMENT = 0.36  # the share of the story at which most is going on


def draw(file: Path) -> None:
    """Play the demo without pauses and draw the screen as it was at one moment."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    screen = Screen(console)
    drawn: list[str] = []

    def watch(play: Play, line: Line | None) -> None:
        if line:
            screen.recent.append(line)
        if play.share >= MOMENT and not drawn:
            console.print(screen.picture(play))
            drawn.append(console.export_svg(title="make demo"))

    stage = InProcess(RULES, REGIONS, seed=7)
    Play(stage, watch=watch).run()
    stage.close()
    without_fonts = re.sub(r"@font-face \{.*?\}", "", drawn[0], flags=re.DOTALL)  # no request to a font server
    file.write_text(without_fonts, encoding="utf-8")


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
