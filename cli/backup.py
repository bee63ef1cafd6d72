"""Who wants a backup now? `flexguard backup now SERVER`: leaves a wish in the app's queue, and may follow it."""

import getpass
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cli.connection import Connection, connect
from cli.output import EXIT_FINDINGS, EXIT_OK, BadInput, Output, examples, with_output
from cli.scope import with_scope
from cli.server_name import server_id as named

if TYPE_CHECKING:
    from shared.core.estate import Scope
    from shared.core.observed import Wish
    from shared.core.resource_id import ResourceId
    from shared.wishes import Progress

LOOK_AGAIN_S = 5.0
LONGEST_S = 6 * 3600.0  # Source: a dump of 1 TB is the largest that Azure Backup supports


@click.group()
def command() -> None:
    """Ask the app for a backup of one server, now."""


@command.command(
    epilog=examples(
        "flexguard backup now pg-orders",
        "flexguard backup now pg-orders --wait",
        "flexguard backup now pg-orders --subscription 00000000-0000-0000-0000-000000000000 --json",
    )
)
@click.argument("server_name", metavar="SERVER")
@with_scope
@click.option("--wait", is_flag=True, help="Follow it until it has ended, and say what becomes of it.")
@with_output
def now(output: Output, server_name: str, scope: "Callable[[frozenset[str]], Scope]", *, wait: bool) -> int:
    """Ask for a backup of one server that is protected already.

    SERVER is a full resource id, or a name that only one server has. The app starts the backup, within a minute if it
    has nothing else to do with the server; `explain` shows what became of it. A person's wish is stronger than the
    tier's window and than a recovery point that is young. It is refused on the rules' blackout dates, over their
    limits, and where no backup can be made; a backup that runs already is taken for it. Azure Backup documents that
    only the first backup of a week succeeds. Exit code 1, with --wait: it was refused, or failed.
    """
    from shared.back_up import ask
    from shared.settings import VARIABLES

    connection = connect()
    if not connection.settings.queue_endpoint:
        raise BadInput(
            f"this needs the app's storage: set {VARIABLES['queue_endpoint']} to its queue endpoint,"
            " https://ACCOUNT.queue.core.windows.net"
        )
    ledger = connection.needed_ledger if wait else None
    server_id = _existing(connection, named(connection, server_name, scope))
    wish = ask(connection.cloud, server_id, _who(connection))
    if ledger is None:
        output.data(_as_data(server_id, wish, None))
        output.say(
            f"Asked for a backup of {server_id.name}. `flexguard explain {server_id.name}` shows what becomes of it."
        )
        return EXIT_OK
    ended = _follow(output, connection, server_id, wish)
    output.data(_as_data(server_id, wish, ended))
    return EXIT_OK if ended.state == "done" else EXIT_FINDINGS


def _existing(connection: Connection, server_id: "ResourceId") -> "ResourceId":
    """The server, if it is there. Asking for it also tells the time of Azure, which the wish bears."""
    from shared.cloud import observe
    from shared.datasources.postgresql_flexible import DATASOURCE

    if observe.server(connection.cloud, server_id, DATASOURCE) is None:
        raise BadInput(f"there is no server {server_id.text}")
    return server_id


def _who(connection: Connection) -> str:
    from shared.cloud import caller

    return caller.name(connection.cloud) or getpass.getuser()


def _follow(output: Output, connection: Connection, server_id: "ResourceId", wish: "Wish") -> "Progress":
    """Look at the server's row until the wish is over, and say every change; gives up after six hours."""
    from shared.wishes import Progress, progress

    ledger, cloud, said = connection.needed_ledger, connection.cloud, ""
    while (cloud.now - wish.at).total_seconds() < LONGEST_S:
        found = progress(ledger.server(server_id.text).row, wish)
        if (line := f"{found.state}: {found.reason}") != said:
            colour = {"done": "green", "failed": "red", "refused": "yellow"}.get(found.state, "")
            output.say(f"{cloud.now:%H:%M:%S} {line}", style=colour)
            said = line
        if found.is_over:
            return found
        cloud.transport.sleep(LOOK_AGAIN_S)
    return Progress("waiting", f"after {LONGEST_S / 3600:.0f} hours it has not ended; last {said}")


def _as_data(server_id: "ResourceId", wish: "Wish", ended: "Progress | None") -> dict[str, Any]:
    outcome = {"state": ended.state, "reason": ended.reason, "job": ended.job_id} if ended else {"state": "asked"}
    return {"id": server_id.text, "asked_at": wish.at, "by": wish.by, **outcome}
