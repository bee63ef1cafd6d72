"""`flexguard`: finds the command, runs it, and turns whatever happens into words and an exit code.

A command is a file of this folder that has a `command`, and a line in COMMANDS; it is imported when it is asked for.
No traceback reaches a person: what was not foreseen is one line that says what to report.
"""

import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cli.connection import is_debugging, is_plain
from cli.output import EXIT_BAD_INPUT, EXIT_OK, EXIT_REFUSED, BadInput

EXIT_UNFORESEEN, EXIT_STOPPED, EXIT_PIPE = 70, 130, 141  # Source: sysexits.h; a shell's 128 + SIGINT, 128 + SIGPIPE

COMMANDS = {
    "approve": "Approve a plan, by its hash, for the app to carry out.",
    "backup": "Ask the app for a backup of one server, now.",
    "evidence": "Write what an auditor wants to see: coverage, exceptions, points made, jobs, posture, changes.",
    "explain": "Say everything about one server: what it gets, why, and what comes next.",
    "export": "Write the estate into a file, for `flexguard rehearse`.",
    "incidents": "List what people were told of: open incidents, with --all those that are over too.",
    "jobs": "List the newest jobs of the vaults, and why they failed.",
    "plan": "Show what would be done to which server, why, and how it would end; write nothing.",
    "rehearse": "Play weeks of an exported estate on the local Azure, and show what would happen.",
    "retention": "Show which recovery points a tier or a policy keeps, until when, and by which rule.",
    "roles": "Write down the roles that vaults lack, for whoever may assign them.",
    "rules": "Check the rules file, alone or against an estate.",
    "status": "Say for every server whether it is protected, why not, and what to do.",
}


class _Commands(click.Group):
    """Answers help from COMMANDS alone, and imports one file for one command."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"cli.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would end with 1, which here means that there are findings
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
            raise click.exceptions.Exit(EXIT_PIPE) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])


def _show_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"flexguard {_version()}")
        ctx.exit()


def _version() -> str:
    """The version that is installed, or that of this checkout."""
    from importlib import metadata

    try:
        return metadata.version("flexguard")
    except metadata.PackageNotFoundError:
        import tomllib

        project = Path(__file__).parent.parent / "pyproject.toml"
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])


@click.command(
    cls=_Commands,
    name="flexguard",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ok, 1 findings, 2 bad input, 3 Azure refused, 70 a mistake in Flexguard, 130 Ctrl-C.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def flexguard() -> None:
    """Keep every PostgreSQL flexible server that asks for it, by one tag, under an Azure Backup vault.

    Reads Azure with the sign-in of `az login`. Only `approve` and `backup` write anything, and that to the app's own
    storage.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; the exit code. arguments: those of the process when None."""
    try:
        color = False if is_plain() else None  # None: on a terminal only
        code = flexguard.main(arguments, prog_name="flexguard", standalone_mode=False, color=color)
    except click.ClickException as error:
        error.show()
        return EXIT_BAD_INPUT
    except (click.Abort, KeyboardInterrupt):
        return EXIT_STOPPED
    except Exception as error:  # the outermost edge: what a person sees is decided here
        if is_debugging():
            raise
        code, message = _explained(error)
        click.echo(click.style(message, fg="red"), err=True)
        return code
    return code if isinstance(code, int) else EXIT_OK


def run() -> None:
    """The program `flexguard`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without … still gets the answer
    sys.exit(main())


def _explained(error: Exception) -> tuple[int, str]:
    """The exit code for an error, and what is said of it."""
    from shared.cloud.errors import CloudError
    from shared.rules_file import BadRules
    from shared.settings import BadSettings

    match error:
        case BadInput() | BadRules() | BadSettings():
            return EXIT_BAD_INPUT, str(error)
        case CloudError(code="ClientAuthenticationError" | "CredentialUnavailableError"):
            return EXIT_REFUSED, f"nobody is signed in to Azure: run az login\n{error.message.strip().splitlines()[0]}"
        case CloudError():
            return EXIT_REFUSED, f"Azure refused: {error}"
        case OSError():  # a full disk, a folder that may not be read
            return EXIT_BAD_INPUT, str(error)
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    where = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else "nowhere"
    return EXIT_UNFORESEEN, (
        f"a mistake in Flexguard: {type(error).__name__}: {error} ({where})\n"
        f"Please report this line and the command; FLEXGUARD_DEBUG=1 shows the whole of it."
    )


if __name__ == "__main__":
    run()
