"""What must a rehearsal know of this estate? `flexguard export`: writes it into a file, without secrets."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.connection import connect, rules_path
from cli.output import EXIT_FINDINGS, EXIT_OK, BadInput, Output, examples, with_output
from cli.scope import read_view, with_scope

if TYPE_CHECKING:
    from shared.core.estate import Scope

COUNTED = ("servers", "vaults", "policies", "instances")


@click.command(
    epilog=examples(
        "flexguard export --to estate.json",
        "flexguard export --to estate.json --rules new.yaml --tag team",
        "flexguard export --management-group platform > estate.json",
    )
)
@with_scope
@click.option("--rules", metavar="FILE", type=click.Path(path_type=Path), help="The rules file whose tags are kept.")
@click.option("--tag", "more", multiple=True, metavar="NAME", help="Keep this tag too; may be repeated.")
@click.option("--to", metavar="FILE", type=click.Path(path_type=Path), help="Write there, not to standard output.")
@with_output
def command(
    output: Output,
    scope: "Callable[[frozenset[str]], Scope]",
    rules: Path | None,
    more: tuple[str, ...],
    to: Path | None,
) -> int:
    """Write the estate into a file, for `flexguard rehearse`.

    In it are servers, vaults, policies, backup instances with their newest recovery point, the roles of the vaults'
    identities, and what could not be read. There are no secrets in it: of tags it has only those that the rules file
    looks at and those of --tag, of errors only the codes, of an exemption's reason only that there is one.

    The same estate gives the same file but for its time, so two can be compared line by line. Exit code 1: not all
    could be read. With --to, --json tells what was written.
    """
    from cli.inventory import write
    from cli.take_inventory import take
    from shared import rules_file

    read, connection = rules_file.load(rules or rules_path()), connect()
    estate = read_view(output, connection, scope, [read]).estate
    inventory = take(connection, estate, read, more)
    for missing in inventory.incomplete[len(estate.incomplete) :]:
        output.warn(f"incomplete, not all could be read: {missing}")
    if to:
        _write(to, write(inventory))
        counts = {name: len(getattr(inventory, name)) for name in COUNTED}
        output.data({"file": str(to), "tags": inventory.tags, "incomplete": inventory.incomplete, **counts})
        output.say(f"{to}: {', '.join(f'{count:,} {name}' for name, count in counts.items())}")
        output.say(f"tags that were kept, all others were dropped: {', '.join(inventory.tags)}", style="dim")
    else:
        click.echo(write(inventory), nl=False)
    return EXIT_FINDINGS if inventory.incomplete else EXIT_OK


def _write(to: Path, text: str) -> None:
    try:
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{to} cannot be written: {error.strerror}") from None
