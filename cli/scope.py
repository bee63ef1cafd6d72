"""Which part of the estate is meant? The options that plan, approve and status share, and what they add up to."""

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cli.connection import Connection
from cli.output import BadInput, Output
from shared.settings import VARIABLES

if TYPE_CHECKING:
    from shared.core.estate import Scope
    from shared.core.rules import Rules
    from shared.plan import View

# Source: naming rules of management groups: 1 to 90 letters, digits, hyphens, underscores, periods, parentheses.
_GROUP = re.compile(r"[A-Za-z0-9_.()-]{1,90}")
_GROUP_NAME = "valid is the name of a management group: 1 to 90 letters, digits, _ - . ( )"


def with_scope(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """Give a command the options that say where to look, and as its argument `scope` a function of the settings."""

    @click.option(
        "--subscription", "subscriptions", multiple=True, metavar="ID", help="Only this one; may be repeated."
    )
    @click.option("--management-group", "groups", multiple=True, metavar="NAME", help="All subscriptions below it.")
    @click.option("--server", metavar="ID", help="This server alone, by its full resource id.")
    @functools.wraps(command)
    def run(
        *, subscriptions: tuple[str, ...], groups: tuple[str, ...], server: str | None, **options: Any
    ) -> int | None:
        return command(scope=functools.partial(read_scope, subscriptions, groups, server), **options)

    return run


def read_scope(
    subscriptions: tuple[str, ...], groups: tuple[str, ...], server: str | None, managed: frozenset[str]
) -> "Scope":
    """The scope of these options; without any, the managed subscriptions. Raises BadInput."""
    from shared.core import resource_id
    from shared.core.estate import Scope
    from shared.datasources.postgresql_flexible import DATASOURCE

    if (bool(subscriptions) + bool(groups) + bool(server)) > 1:
        raise BadInput("give --subscription, --management-group or --server, one kind of them")
    for one in subscriptions:
        if not resource_id.is_guid(one):
            raise BadInput(f"--subscription {one}: valid is a subscription id, 00000000-0000-0000-0000-000000000000")
    for one in groups:
        if not _GROUP.fullmatch(one):
            raise BadInput(f"--management-group {one}: {_GROUP_NAME}")
    if server:
        parsed = resource_id.parse(server)
        if not parsed or parsed.type != DATASOURCE.key:
            raise BadInput(
                f"--server {server}: valid is the full id of a server, /subscriptions/…/flexibleServers/NAME"
            )
        return Scope(server=parsed)
    if not subscriptions and not groups and not managed:
        raise BadInput(f"which servers? give --subscription, or set {VARIABLES['subscriptions']}")
    return Scope(frozenset(map(str.lower, subscriptions)) or (managed if not groups else frozenset()), groups)


def read_view(
    output: Output,
    connection: Connection,
    scope: "Callable[[frozenset[str]], Scope]",
    rules: "list[Rules]",
    *,
    with_roles: bool = False,
) -> "View":
    """Read the estate with progress, and say what could not be read. Raises CloudError."""
    from shared import plan

    cloud, where = connection.cloud, scope(connection.settings.subscriptions)
    with output.progress("Reading the estate") as advance:
        view = plan.view(
            cloud, where, rules, connection.ledger,
            with_roles=with_roles, pause=cloud.transport.sleep, progress=advance,
        )  # fmt: skip
    for missing in view.estate.incomplete:
        output.warn(f"incomplete, not all could be read: {missing}")
    return view
