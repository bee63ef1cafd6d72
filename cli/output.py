"""What does a person, or a program, get to see? Tables and sentences for the one, one JSON document for the other.

Answers go to standard output; warnings and progress go to standard error, so that a pipe carries the answer alone.
"""

import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

EXIT_OK, EXIT_FINDINGS, EXIT_BAD_INPUT, EXIT_REFUSED = 0, 1, 2, 3
WIDTH = 100  # a table is never wider, and is as wide where there is no terminal

type Cell = str | int | float | Text | None


class BadInput(Exception):
    """What was asked for cannot be done as it was asked; the message says what is valid. Exit code 2."""


@dataclass(frozen=True, slots=True)
class Output:
    """The screen of one command: `say` and `table` for people, or `data` for programs when `--json` was given.

    A command calls all of them, and what is not wanted is not seen. `warn` and `progress` go to standard error.
    """

    as_json: bool = False

    def say(self, text: str = "", *, style: str = "") -> None:
        """A line for people. style: a colour, or "bold" or "dim"; seen on a terminal only."""
        if not self.as_json:
            click.echo(_styled(text, style))

    def warn(self, text: str) -> None:
        """A line about something that is not as it should be."""
        click.echo(_styled(text, "yellow"), err=True)

    def data(self, value: Any) -> None:
        """What `--json` prints: dataclasses, times, enums and what is made of them. Call it once."""
        if self.as_json:
            import msgspec

            click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """A table for people, at most WIDTH wide; long cells go on in the next line, columns of numbers stand right."""
        if self.as_json:
            return
        from rich.table import Table

        shown = [list(row) for row in rows]
        table = Table(title=title or None, title_justify="left", title_style="bold", header_style="dim")
        table.box, table.pad_edge = None, False
        for place, name in enumerate(columns):
            numbers = bool(shown) and all(isinstance(row[place], int | float | None) for row in shown)
            table.add_column(name, justify="right" if numbers else "left", overflow="fold")
        for row in shown:
            table.add_row(*map(_cell, row))
        console = _console()
        with console.capture() as shown_as:
            console.print(table)
        click.echo("\n".join(line.rstrip() for line in shown_as.get().splitlines()))

    @contextmanager
    def progress(self, label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """A bar on standard error while this lasts, gone afterwards; on a terminal only.

        Gives a function that takes how many more are done. total: how many there are, None when nobody knows.
        """
        if not sys.stderr.isatty():
            yield lambda _more: None
            return
        from rich.progress import Progress

        with Progress(console=_console(err=True), transient=True) as bar:
            task = bar.add_task(label, total=total)
            yield lambda more: bar.advance(task, more)


def with_output(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """Give a command the option `--json`, and as its argument `output` the Output that goes with it."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables.")
    @functools.wraps(command)
    def run(*, as_json: bool, **options: Any) -> int | None:
        return command(output=Output(as_json=as_json), **options)

    return run


def examples(*lines: str) -> str:
    """The end of a command's help: lines that can be copied. Give it as `epilog`."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def screen() -> "Console":
    """The terminal, at most WIDTH wide, for what is drawn on it again and again."""
    return _console()


def _console(*, err: bool = False) -> "Console":
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else WIDTH
    console = Console(file=stream, width=width, highlight=False, markup=False, emoji=False)
    console.width = min(console.width, WIDTH)
    return console


def _cell(value: Cell) -> "str | Text":
    match value:
        case None:
            return ""
        case float():
            return f"{value:,.2f}"
        case int():
            return f"{value:,}"
        case _:
            return value


def _styled(text: str, style: str) -> str:
    if style in ("bold", "dim"):
        return click.style(text, bold=style == "bold" or None, dim=style == "dim" or None)
    return click.style(text, fg=style) if style else text
