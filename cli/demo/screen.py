"""Shows the demo: a live table with the virtual clock on a terminal, plain lines elsewhere, and what came of it."""

import time
from collections import deque
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.demo.estate import ESTATE
from cli.demo.play import Line, Play
from cli.demo.summary import virtual_seconds
from shared.core.verdict import Kind

WIDTH = 100
PACE_S = 0.12  # how long a line stays the newest, so that people can read along
COLOURS = {
    Kind.PROTECTED: "green",
    Kind.CONFIGURING: "cyan",
    Kind.FIRST_BACKUP_PENDING: "yellow",
    Kind.WAITING_FOR_ROLES: "cyan",
}
NEUTRAL = {Kind.NOT_OPTED_IN, Kind.EXEMPT, Kind.NOT_READY}


class Screen:
    """Give `watch` to a Play. Use it as a context: it starts and stops the live picture."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.recent: deque[Line] = deque(maxlen=9)
        self.live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()

    def watch(self, play: Play, line: Line | None) -> None:
        """Show one more line of the story, or only that time has passed."""
        if line:
            self.recent.append(line)
        if self.live:
            self.live.update(self.picture(play), refresh=True)
            if line:
                time.sleep(PACE_S)  # noqa: TID251 - nothing waits for this but the eyes of whoever watches
        elif line:
            self.console.print(_story(line))

    def picture(self, play: Play) -> Group:
        """The whole screen: clock, progress, every server, and the last lines of the story."""
        clock = Text.assemble(("local Azure  ", "dim"), (f"{play.now:%H:%M:%S}", "bold"), ("  virtual time", "dim"))
        bar = ProgressBar(total=1.0, completed=play.share, width=WIDTH - 4)
        story = Panel(
            Group(*map(_story, self.recent)), title="what happens", width=WIDTH, height=11, border_style="dim"
        )
        return Group(clock, bar, Text(), servers(play), story)


def _story(line: Line) -> Text:
    style = "bold red" if line.text.startswith("ALERT") else ""
    style = "green" if "protected" in line.text or line.text.startswith("GOOD NEWS") else style
    text = Text.assemble((f"{line.at:%H:%M:%S} ", "dim"), (f"{line.server:<14}", "bold"), (escape(line.text), style))
    text.truncate(WIDTH - 5, overflow="ellipsis")
    return text


def servers(play: Play) -> Table:
    """One row for each server: what it is, what is said of it now, and how long protection took."""
    table = Table(width=WIDTH, box=None, header_style="dim", pad_edge=False)
    table.add_column("server", width=13, no_wrap=True)
    table.add_column("what it is", width=36, no_wrap=True)
    table.add_column("verdict", width=26, no_wrap=True)
    table.add_column("Ready → protected", justify="right", width=17, no_wrap=True)
    for plot in ESTATE:
        seen = play.servers.get(plot.name)
        if not seen:
            table.add_row(Text(plot.name, style="dim"), Text(plot.tells, style="dim"), "", "")
            continue
        seconds = virtual_seconds(seen)
        took = f"{seconds:.0f} s" if seconds is not None else ""
        table.add_row(plot.name, plot.tells, verdict_text(seen.verdict or seen.state), took)
    return table


def verdict_text(verdict: str) -> Text:
    """A verdict in its colour: green is good, cyan works, yellow waits, magenta needs somebody, grey is on purpose."""
    kind = next((kind for kind in Kind if kind == verdict), None)
    colour = COLOURS.get(kind, "dim" if kind in NEUTRAL or not kind else "magenta") if kind else "dim"
    return Text(verdict, style=colour)


def show_end(console: Console, play: Play, summary: dict[str, Any], path: str) -> None:
    """What happened, in a screen: every server with its reason and fix, the alert, the numbers, the promises."""
    table = Table(width=WIDTH, title="What Flexguard says about every server", title_justify="left", box=None)
    table.add_column("server", width=14, no_wrap=True)
    table.add_column("verdict", width=28, no_wrap=True)
    table.add_column("why, and what to do")
    for plot in ESTATE:
        seen = play.servers[plot.name]
        row = play.stage.row(seen.id)
        fix = Text(f"\n{row.fix}", style="dim") if row.fix and not row.fix.startswith("nothing") else Text("")
        table.add_row(plot.name, verdict_text(row.verdict), Text(row.reason) + fix)
    console.print(table)
    for alert in summary["alerts"]:
        data, is_good = alert["data"], alert["data"]["phase"] == "recovered"
        text = Text.assemble(
            (data["summary"], "bold"), "" if is_good else f"\n{data['reason']}\nnext step: {data['fix']}"
        )
        title, colour = f"an alert, at {alert['time'][11:16]}", "green" if is_good else "red"
        console.print(Panel(text, title=title, width=WIDTH, border_style=colour))
    protected = [server for server in summary["servers"] if server["instance"]]
    times = sorted(s["virtual_seconds"] for s in protected if s["virtual_seconds"])
    events = summary["events"]
    writes = sum(n for name, n in summary["arm_calls"].items() if not name.lower().endswith("read"))
    console.print(
        f"\n{len(summary['servers'])} servers, {len(protected)} protected."
        f" Fastest: {times[0]:.0f} s from Ready to protected"
        f" (Azure's own part: 76 to 112 s)."
        f"\n{events['received']} events came, {events['duplicate']} of them twice;"
        f" {sum(events['dropped'].values())} were about other things."
        f" {sum(summary['arm_calls'].values())} ARM calls, {writes} writes."
        f"\n{summary['virtual_minutes']:.0f} minutes of Azure's time; not one call left this machine.",
        width=WIDTH,
    )
    if summary["violations"]:
        console.print("\n[bold red]Promises that were broken:[/]")
        for broken in summary["violations"]:
            console.print(f"  ✗ {escape(broken)}")
    else:
        console.print("\n[bold green]✓ Every promise held.[/] " + _PROMISES)
    console.print(f"\nEverything as JSON: {path}\nNext: read rules.yaml, then README.md § Deploy.", style="dim")


_PROMISES = (
    "One instance, one policy that means the tier, one first backup each; nothing written about servers that did not"
    " ask; one alert for one cause; a failed backup told, tried again once, and told to have recovered."
)
